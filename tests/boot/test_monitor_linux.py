# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor with stock Linux kernels, with an initramfs of ours and with their own, and its tiny
kernels once more, under a KVM that runs any kernel: inside a machine that is emulated with AMD's SVM."""
import re
import subprocess

import pytest

import images
from boot.devices import Machine
from guests import stock, tiny
from program import BERTH, BUILD, Berth

MINUTES = 3
CPU = "EPYC,+svm,+npt"
# The emulated SVM lets a guest's XSETBV pass: KVM, which does not see it, takes back what it turned on.
# Newer kernels notice, and do without XSAVE by themselves; in 5.10 no signal handler returns.
NO_XSAVE = "noxsave"
OFF, RESET, CRASHED = 0, 10, 11
MODULES = "rng_core virtio_rng virtio_console failover net_failover virtio_net button pvpanic " \
    "pvpanic_mmio"

# Says where the kernel is, loads the drivers, uses the disk, and ends as the command line says.
INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
says() {{ grep -q " $1" /proc/cmdline; }}
echo "UP $(cut -d' ' -f1 /proc/uptime) cpus $(nproc) text $(grep ' _text$' /proc/kallsyms | cut -d' ' -f1)"
says stay && while :; do sleep 1; done
for module in {modules} {modules}; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko 2>/dev/null
done
if says probe; then
    ls /sys/bus/virtio/drivers/*/virtio* /sys/bus/acpi/drivers/*/BRTH* -d
    echo "MEMORY $(grep MemTotal: /proc/meminfo | grep -o '[0-9]*')"
    echo "CLOCK $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    echo "TIMER $(cat /sys/devices/system/clockevents/clockevent0/current_device)"
    grep -qw tsc_deadline_timer /proc/cpuinfo && echo DEADLINE
    busybox dmesg | grep 'crng init done'
fi
if mount -t ext4 /dev/vda /root; then
    echo "DISK $(cat /root/hello)"
    dd if=/dev/urandom of=/root/data bs=1M count=8 2>/dev/null
    sync
    echo "SUM $(sha256sum /root/data | cut -d' ' -f1)"
    umount /root
fi
dd if=/dev/hwrng of=/dev/null bs=16 count=1 2>/dev/null && echo RANDOM
says reboot && reboot -f
says crash && echo c >/proc/sysrq-trigger
poweroff -f
"""


# where kernel and initramfs of each Debian come from: an image, or what images.kernels() keeps
STOCK = {"debian-11": ("bullseye", "-amd64"), "debian-11-cloud": ("bullseye", "-cloud-amd64"),
         "debian-12": None, "debian-12-cloud": ("bookworm", "-cloud-amd64"),
         "debian-13": None, "debian-13-cloud": ("trixie", "-cloud-amd64")}
BARE = "bare"  # a system whose initramfs has no driver for a virtual disk

MACHINE = """\
berth: 1
name: systems
disk: {path: disk.img, size: 1200MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 2MiB}
"""


def system(name):
    """A line of a machine file. An old Linux is confused by the XSAVE that the outer machine shows."""
    options = "quiet panic=-1" + (f" {NO_XSAVE}" if name.startswith("debian-11") else "")
    return f"{{name: {name}, image: {name}, root: {{size: 160MiB, fs: ext4}}, kernel-options: {options}}}\n"


def stock_kernel(name):
    source = STOCK[name]
    if source is None:
        return stock.Stock.of_tar(images.blob(images.debians(BERTH), name))
    return stock.Stock.of_folder(images.kernels() / source[0] / "boot", source[1])


def make_systems(folder):
    """A disk with a system for each kernel of STOCK, with its own initramfs, and BARE. The first one's is
    the host."""
    berth = Berth(folder)
    kernels = {name: stock_kernel(name) for name in STOCK}
    kernels[BARE] = kernels["debian-12"]
    for name, kernel in kernels.items():
        initrd = stock.without_drivers(kernel.initrd) if name == BARE else kernel.initrd
        stock.make_image(folder / "image.tar", kernel, initrd)
        berth.ok("image", "add", folder / "image.tar", "--name", name, "--unsigned")
    host, *guests = map(system, kernels)
    (folder / "machine.yaml").write_text(MACHINE + f"host: {host}guests:\n" + "".join(f"  - {g}" for g in guests))
    berth.ok("apply", folder / "machine.yaml", "--yes")
    return folder / "disk.img"


def make_content(folder):
    """What the outer machine finds in /content."""
    content = folder / "content"
    content.mkdir()
    for image in ("debian-12", "debian-13"):
        kernel = tiny.Kernel(images.blob(images.debians(BERTH), image), MODULES)
        script = INIT.replace("{modules}", f"{tiny.MODULES} {MODULES}")
        (content / image).write_bytes(kernel.files["vmlinuz"])
        (content / f"{image}.elf").write_bytes(tiny.payload(kernel.files["vmlinuz"]))
        (content / f"{image}.initrd").write_bytes(tiny.initramfs(kernel, script=script))
    for name in ("berth-monitor", "tests/start_monitor", "tests/save_monitor"):
        target = content / name.rpartition("/")[2]
        target.write_bytes((BUILD / name).read_bytes())
        target.chmod(0o755)
    for kernel in (BUILD / "tests/guests").iterdir():
        (content / f"tiny-{kernel.name}").write_bytes(kernel.read_bytes())
    return content


@pytest.fixture(name="outer", scope="module")
def make_outer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outer")
    pattern, guest = folder / "pattern", folder / "guest"
    pattern.write_bytes(b"".join(bytes([n % 251]) * 512 for n in range(2048)))
    (folder / "files").mkdir()
    (folder / "files/hello").write_text("from the disk")
    with open(guest, "wb") as image:
        image.truncate(64 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder / "files", guest],
                   check=True)
    disks = {"pattern": pattern, "guest": guest, "systems": make_systems(folder)}
    prepare = ("modprobe kvm_amd && test -c /dev/kvm && mount -t debugfs debug /sys/kernel/debug",
               "mkfifo /tmp/net /tmp/hvc")  # whatever goes in comes back
    with Machine(folder, disks, make_content(folder), cpu=CPU, memory=2048, prepare=prepare) as machine:
        machine.places = {}  # by kernel, where it was in each boot
        yield machine


def linux(image, append="", elf=True, memory=256, **words):
    packed = f"payload=/content/{image}.elf " if elf else ""
    rest = " ".join(f"{key}={value}" for key, value in words.items())
    return f"kernel=/content/{image} {packed}initrd=/content/{image}.initrd memory={memory} " \
        f"'append=console=ttyS0 quiet panic=-1 {append}' {rest}"


def boot(outer, status, *arguments, **words):
    """Boots a stock kernel, expects that status, and returns what it said."""
    command = f"/content/start_monitor /content/berth-monitor {linux(*arguments, **words)}"
    output = outer.ok(f"{{ {command}; echo STATUS $?; }} 2>&1 | cat", 180)
    assert output.endswith(f"STATUS {status}"), output
    if "nokaslr" not in arguments and words.get("elf", True):
        outer.places.setdefault(arguments[0], []).extend(places_of(output))
    return output


def places_of(output):
    """Where the kernel said it was: one, or none when it did not come that far."""
    return re.findall(r"text ([0-9a-f]{16})", output)


def run_tiny(kernel, words="", tail=""):
    """The command that runs a tiny kernel; tail: of the shell."""
    return f"/content/start_monitor /content/berth-monitor kernel=/content/tiny-{kernel} {words} {tail}"


@pytest.mark.parametrize("kernel, words", [
    ("board", "append=check"), ("block", "disk=/dev/vdc"), ("rng", ""),
    ("net", "net=5 5<>/tmp/net"), ("console", "console=6 6<>/tmp/hvc & sleep 2; echo q >/tmp/hvc; wait $!"),
    ("hostile", ""), ("board", "append=off cpus=16")])
def test_tiny_kernels_find_all_well_here_too(outer, kernel, words):
    outer.ok(run_tiny(kernel, words))


@pytest.mark.parametrize("kernel, words, said", [
    ("cpus", "cpus=16", "16 processors"), ("memory", "memory=3584", "3072 MiB below 4 GiB, 512 beyond")])
def test_tiny_kernels_find_all_that_there_is(outer, kernel, words, said):
    assert outer.ok(run_tiny(kernel, words, "2>&1 | cat")) == said


@pytest.mark.parametrize("how, status", [("reset", RESET), ("keyboard", RESET), ("panic", CRASHED),
                                         ("triple", CRASHED)])
def test_each_end_has_its_status_here_too(outer, how, status):
    assert outer(run_tiny("board", f"append={how}"))[0] == status


def test_the_power_button_reaches_the_guest_here_too(outer):
    outer.ok("mkfifo /tmp/said")
    outer.ok(run_tiny("board", "append=press", ">/tmp/said & read line </tmp/said; kill $!; wait $!"))


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_machine_goes_on_where_it_was_saved_here_too(outer, cpus):
    words = f"disk=/dev/vdc state=/tmp/saved cpus={cpus}"
    assert outer.ok(f": >/tmp/saved; /content/save_monitor 3 {run_tiny('saved', words)}") == "..."
    said = outer.ok(run_tiny("saved", f"{words} restore=1", "2>&1 | cat"))
    assert re.fullmatch(r"\.{1,6}another generation\s+done", said), said


@pytest.mark.parametrize("image, memory, least", [("debian-12", 256, 180), ("debian-13", 3584, 3300)])
def test_a_stock_kernel_boots_and_uses_its_devices(outer, image, memory, least):
    """least: MiB, of the memory, that it has for itself. It takes the seed it is given for random
    enough, since the processor's own numbers are not trusted."""
    output = boot(outer, OFF, image, "probe random.trust_cpu=off", cpus=2, memory=memory, disk="/dev/vdd",
                  net="5 5<>/tmp/net", console="6 6<>/tmp/hvc")
    assert "cpus 2" in output and "DISK from the disk" in output and "RANDOM" in output
    assert least << 10 <= int(re.search(r"MEMORY (\d+)", output).group(1)) <= memory << 10
    assert "CLOCK kvm-clock" in output and "TIMER lapic-deadline" in output and "DEADLINE" in output
    assert re.search(r"\[ +0\.0\d+\] random: crng init done", output)
    if image == "debian-12":  # in which it is no module
        assert "/drivers/vmgenid/BRTH0001:00" in output
    for driver in ("virtio_blk", "virtio_net", "virtio_console", "virtio_rng"):
        assert f"drivers/{driver}/" in output
    written = re.search(r"SUM ([0-9a-f]{64})", output).group(1)
    outer.ok("mount -t ext4 /dev/vdd /mnt")
    assert outer.ok("sha256sum /mnt/data").startswith(written)
    outer.ok("umount /mnt; e2fsck -fn /dev/vdd")


def run_system(outer, name):
    """Runs a system from its partition; its root says what it is and powers off."""
    output = outer.ok(f"berth run {name} --disk /dev/vde --engine kvm --net none --memory 512MiB 2>&1 | cat", 400)
    assert re.search(r"ROOT-UP \S*amd64 /dev/vda\d+ / ext4", output), output
    return output


@pytest.mark.parametrize("name", STOCK)
def test_a_stock_system_boots_from_its_partition_with_its_own_initramfs(outer, name):
    """Kernel and initramfs are the distribution's, byte by byte; the rest of the root is a busybox."""
    assert "drivers" not in run_system(outer, name)


def test_an_initramfs_without_drivers_gets_those_of_its_own_system(outer):
    assert "gets its own drivers" in run_system(outer, BARE)
    known = outer.ok("ls -i /tmp/state/drivers/*/*")
    assert "6.1.0-" in known and "-ext4-" in known


def test_a_kernel_that_unpacks_itself_boots_too(outer):
    assert "UP " in boot(outer, OFF, "debian-13", elf=False)


def test_the_ends_of_linux(outer):
    boot(outer, RESET, "debian-13", "reboot")
    boot(outer, CRASHED, "debian-13", "crash")


def test_two_boots_are_at_different_places(outer):
    """Where the kernel was in the tests before counts, too: a boot takes ten seconds."""
    places = outer.places.setdefault("debian-13", [])
    while len(places) < 2:
        boot(outer, OFF, "debian-13")
    assert len(set(places)) > 1  # of a few hundred, two may be the same
    assert places_of(boot(outer, OFF, "debian-13", "nokaslr")) == ["ffffffff81000000"]


def test_little_memory_is_refused_with_a_reason(outer):
    assert "fit into" in boot(outer, 1, "debian-13", memory=64)


def test_exits_until_init(outer):
    """Port I/O and MMIO to the first word of init: 1,000 at most, with all devices there."""
    words = linux("debian-12", "stay", disk="/dev/vdd", net="5 5<>/tmp/net", console="6 6<>/tmp/hvc")
    outer.ok(f"/content/start_monitor /content/berth-monitor {words} 2>&1 | cat >/tmp/stay & true")
    outer.ok("for i in $(seq 120); do grep -q UP /tmp/stay && break; sleep 0.5; done; grep UP /tmp/stay")
    exits = outer.ok("cat /sys/kernel/debug/kvm/io_exits /sys/kernel/debug/kvm/mmio_exits")
    outer.ok("kill $(ls /sys/kernel/debug/kvm | grep -o '^[0-9][0-9]*')")  # each is named PID-FD
    io, mmio = map(int, exits.split())
    print(f"exits to init: {io} port I/O, {mmio} MMIO")
    assert io + mmio <= 1000
