# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor with stock Linux kernels, and its tiny kernels once more, under a KVM that runs any
kernel: inside a machine that is emulated with AMD's SVM."""
import re
import subprocess

import pytest

import images
from boot.devices import Machine
from guests import tiny
from program import BERTH, BUILD

CPU = "EPYC,+svm,+npt"
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
says probe && ls /sys/bus/virtio/drivers/*/virtio* -d
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
    for name in ("berth-monitor", "tests/start_monitor"):
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
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder / "files", guest], check=True)
    with Machine(folder, {"pattern": pattern, "guest": guest}, make_content(folder), cpu=CPU,
                 memory=2048) as machine:
        machine.ok("modprobe kvm_amd && test -c /dev/kvm && mount -t debugfs debug /sys/kernel/debug")
        machine.ok("mkfifo /tmp/net /tmp/hvc")  # whatever goes in comes back
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
    return output


def text_of(output):
    return re.search(r"text ([0-9a-f]{16})", output).group(1)


@pytest.mark.parametrize("kernel, words", [
    ("board", "append=check"), ("block", "disk=/dev/vdc"), ("rng", ""), ("saved", "disk=/dev/vdc"),
    ("net", "net=5 5<>/tmp/net"), ("board", "append=off cpus=16")])
def test_tiny_kernels_find_all_well_here_too(outer, kernel, words):
    outer.ok(f"/content/start_monitor /content/berth-monitor kernel=/content/tiny-{kernel} {words}")


@pytest.mark.parametrize("image", ["debian-12", "debian-13"])
def test_a_stock_kernel_boots_and_uses_its_devices(outer, image):
    output = boot(outer, OFF, image, "probe", cpus=2, disk="/dev/vdd", net="5 5<>/tmp/net",
                  console="6 6<>/tmp/hvc")
    assert "cpus 2" in output and "DISK from the disk" in output and "RANDOM" in output
    for driver in ("virtio_blk", "virtio_net", "virtio_console", "virtio_rng"):
        assert f"drivers/{driver}/" in output
    written = re.search(r"SUM ([0-9a-f]{64})", output).group(1)
    outer.ok("mount -t ext4 /dev/vdd /mnt")
    assert outer.ok("sha256sum /mnt/data").startswith(written)
    outer.ok("umount /mnt; e2fsck -fn /dev/vdd")


def test_two_boots_are_at_different_places(outer):
    first, second = (text_of(boot(outer, OFF, "debian-12")) for _ in range(2))
    assert first != second
    assert text_of(boot(outer, OFF, "debian-12", "nokaslr")) == "ffffffff81000000"


def test_a_kernel_that_unpacks_itself_boots_too(outer):
    assert "UP " in boot(outer, OFF, "debian-13", elf=False)


def test_memory_beyond_the_hole_is_there(outer):
    assert "cpus 1" in boot(outer, OFF, "debian-13", memory=3584)


def test_the_ends_of_linux(outer):
    boot(outer, RESET, "debian-13", "reboot")
    boot(outer, CRASHED, "debian-13", "crash")


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
