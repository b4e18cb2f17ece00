# SPDX-License-Identifier: GPL-3.0-or-later
"""The mounted root of a live machine: it grows while it runs, and shrinks at the next boot; and whatever
goes wrong there, the start after it is the normal one, or finishes what is half done.

tests/boot/test_live.py does the same to a real Debian. Here the host is small, and where the menu does
not matter the initramfs that berth made is started without it.
"""
import hashlib
import pathlib
import re
import subprocess
import time
import types

import pytest

import disks
from boot import boot_host, devices
from boot.vm import VM
from guests import tiny
from program import Berth

MINUTES = 3
MACHINE = """\
berth: 1
name: machine
disk: {path: host.img, size: 1GiB}
partitions:
  - {name: esp, type: esp, size: 96MiB}
host: {name: main, image: host, root: {size: 500MiB, fs: ext4}}
menu: {default: main, timeout: 1}
"""
DISK = "/dev/vda"
NAMED = "--serial berth-test --yes"
WORKS = "berth: doing what was left to this boot"
SUMS = "find /data -type f | sort | xargs sha256sum | sha256sum"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A disk with the host in its first half."""
    folder = tmp_path_factory.mktemp("at-boot")
    berth = Berth(folder)
    berth.ok("image", "add", boot_host.make_image(folder, "host.tar"), "--name", "host", "--unsigned")
    (folder / "machine.yaml").write_text(MACHINE)
    berth.ok("apply", folder / "machine.yaml", "--yes")
    return folder / "host.img"


class Host:
    """The machine, at the prompt of its host."""

    def __init__(self, disk, up=True):
        self.vm = VM(disk, memory=512, screen=False)
        self.goes_up = up

    def __enter__(self):
        if self.goes_up:
            self.up()
        return self

    def __exit__(self, *_):
        self.vm.close()

    def up(self):
        self.vm.expect("HOST-UP main")
        self.vm.expect("# ", 30)
        self.ok("export PS1=")

    def __call__(self, command, timeout=60):
        return self.vm.shell(f"{{ {command}; }} 2>&1 </dev/null", timeout)

    def ok(self, command, timeout=60):
        status, output = self(command, timeout)
        assert status == 0, f"{command}: status {status}\n{output}"
        return output.strip()

    def fill(self):
        """Files all over the filesystem; returns a digest of them."""
        self.ok("mkdir -p /data && for i in $(seq 40); do "
                "dd if=/dev/urandom of=/data/$i bs=64k count=$i 2>/dev/null; done; "
                "for i in $(seq 3 3 40); do rm /data/$i; done; sync")
        return self.ok(SUMS)

    def root_bytes(self):
        return int(self.ok("cat /sys/class/block/vda3/size")) * 512

    def restart(self):
        """As an init does it that has ended everything."""
        self.vm.send("mount -o remount,ro /; sync; reboot -f\r")

    def crash(self):
        self.vm.send("sync; reboot -f\r")

    def show(self):
        return self.ok(f"berth disk show {DISK}")

    def menu(self):
        return self.ok(f"berth menu show --disk {DISK}")


def test_only_the_disk_that_the_machine_boots_from_can_wait_for_a_boot(pristine):
    before = disks.fingerprint(pristine)
    berth = Berth(pristine.parent)
    done = berth("part", "resize", pristine, "main", "--size", "300MiB", "--at-boot", "--yes")
    assert done.returncode == 3 and "has booted from" in done.stderr, done.stderr
    done = berth("disk", "finish", pristine, "--cancel")
    assert done.returncode == 4 and "nothing is scheduled" in done.stderr, done.stderr
    assert disks.fingerprint(pristine) == before


def start_of(disk, name):
    return disks.ranges(disk)[name][0]


def cut_while_the_journal_is_applied(vm, disk):
    """Slows the disk down until the journal says that content is under way, then pulls the plug."""
    vm.expect("works on a copy of what it changes")
    vm.monitor("block_set_io_throttle", device="disk", bps=0, bps_rd=0, bps_wr=0, iops=0, iops_rd=0,
               iops_wr=60)
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        with open(disk, "rb") as file:
            if b'"stage":"content"' in file.read(1 << 20):
                vm.close()
                return
        time.sleep(0.02)
    raise AssertionError("the journal never said that content is under way\n" + vm.console()[-2000:])


def test_a_shrink_at_boot_survives_a_power_cut_and_the_root_grows_online(pristine, tmp_path):
    disk = tmp_path / "host.img"
    disks.copy(pristine, disk)
    with Host(disk) as host:
        sums = host.fill()
        status, output = host(f"berth part resize {DISK} main --size 300MiB {NAMED}")
        assert status == 3 and "--at-boot" in output, output
        status, output = host(f"berth part resize {DISK} main --size 20MiB --at-boot {NAMED}")
        assert status == 2 and "cannot be shrunk to" in output, output
        output = host.ok(f"berth part resize {DISK} main --size 300MiB --at-boot {NAMED}")
        assert "shrink partition 3" in output and "next boot" in output
        assert "at the next boot: shrink partition 3" in host.show()
        assert re.search("finish: shrink partition 3.*next start only", host.menu())
        host.restart()
        host.vm.expect(WORKS)
        cut_while_the_journal_is_applied(host.vm, disk)
    with Host(disk, up=False) as host:
        host.vm.expect(WORKS)  # though nobody has chosen it: main cannot boot now
        host.vm.expect("berth: that was all")
        host.up()
        assert host.root_bytes() == 300 << 20
        assert host.ok(SUMS) == sums
        assert "shrink" not in host.show() and "finish" not in host.menu()
        assert "resizing partition 3" in host.ok(f"berth disk log {DISK}")
        host.ok(f"berth part resize {DISK} main --size 450MiB {NAMED}")
        assert host.root_bytes() == 450 << 20
        assert int(host.ok("df -k / | tail -1").split()[1]) > 380 << 10
        assert host.ok(SUMS) == sums


SHRINK = f"berth part resize {DISK} main --size 300MiB --at-boot {NAMED}"
MOVE = f"berth part move {DISK} main --start +64MiB --at-boot {NAMED}"


@pytest.fixture(scope="module")
def armed(pristine, tmp_path_factory):
    """Copies of a host's disk with work for the next boot, cleanly shut down: `shrink` and `move`; what
    its files are; and the host itself, still up."""
    folder = tmp_path_factory.mktemp("armed")
    disk = folder / "host.img"
    disks.copy(pristine, disk)
    with Host(disk) as host:
        host.fill()
        found = types.SimpleNamespace(host=host, folder=folder, start=start_of(disk, "main"))
        for name, command in (("shrink", SHRINK), ("move", MOVE)):
            host.ok(command)
            host.ok("mount -o remount,ro / && sync")
            copy = folder / f"{name}.img"
            disks.copy(disk, copy)
            setattr(found, name, copy)
            host.ok("mount -o remount,rw /")
        found.content = content(found.shrink)
        yield found


def content(disk):
    """What is in every file of main, after e2fsck, as one digest."""
    found = disks.ext_content(disk, *disks.ranges(disk)["main"])
    return hashlib.sha256(repr([(path, found[path][-1]) for path in sorted(found)]).encode()).hexdigest()


class Work:
    """The start of a disk's initramfs, as the menu would do it; the machine ends where it would restart.

    files: what else the initramfs has, in the place of its own. initrd: another one altogether."""

    def __init__(self, folder, disk, files=(), initrd=None, words=""):
        self.folder = pathlib.Path(folder)
        data = initrd or self.esp_file(disk, "berth/work/initrd")
        entries = [*files, ("TRAILER!!!", 0, b"")]
        data += bytes(-len(data) % 4)  # where the kernel looks for the next archive
        data += b"".join(tiny.cpio_entry(n, *entry) for n, entry in enumerate(entries, 1))
        (self.folder / "initrd").write_bytes(data)
        words = f"{self.options(disk)} berth.show=0 {words}"
        self.vm = VM(disk, memory=512, screen=False,
                     extra=["-kernel", str(devices.kernel() / "vmlinux"), "-initrd",
                            str(self.folder / "initrd"), "-append", words, "-no-reboot"])

    def __enter__(self):
        return self.vm

    def __exit__(self, *_):
        self.vm.close()

    def esp_file(self, disk, path):
        image = f"{disk}@@{start_of(disk, 'esp')}"
        subprocess.run(["mcopy", "-n", "-o", "-i", image, f"::{path}", self.folder / "file"], check=True)
        return (self.folder / "file").read_bytes()

    def options(self, disk):
        """What the menu's entry gives to the kernel."""
        menus = "".join(self.esp_file(disk, f"berth/menu-{slot}.cfg").decode() for slot in "ab")
        return re.search(r"(berth\.work=1 .*)", menus).group(1)


def copy_of(armed, name, folder):
    disk = folder / "host.img"
    disks.copy(getattr(armed, name), disk)
    return disk


def menu_of(disk):
    return Berth(disk.parent).json("menu", "show", "--disk", disk)["menu"]


def esp_has_work(disk):
    return any(path.startswith("berth/work/") for path in disks.esp_content(disk))


def test_what_fails_at_boot_is_told_by_the_normal_system(armed):
    host = armed.host
    host.ok(f"berth disk finish {DISK} --cancel")
    assert "finish" not in host.menu()
    host.ok("mkdir -p /boot/efi && mount -t vfat /dev/vda2 /boot/efi")
    host.ok(SHRINK)
    assert "initrd" in host.ok("ls /boot/efi/berth/work && umount /boot/efi")
    host.crash()
    host.vm.expect(WORKS)
    host.vm.expect("not cleanly unmounted")
    host.up()
    assert "could not be done at boot: shrink partition 3" in host.show()
    assert "not cleanly unmounted" in host.ok(f"berth disk log {DISK}")
    host.ok("mount -t vfat /dev/vda2 /boot/efi && ! test -e /boot/efi/berth/work && umount /boot/efi")


def test_a_tool_that_hangs_is_ended_and_nothing_has_changed(armed, tmp_path):
    disk = copy_of(armed, "shrink", tmp_path)
    shell = ("usr/bin/sh", 0o100755, pathlib.Path(tiny.BUSYBOX).read_bytes())
    hangs = ("usr/bin/e2fsck", 0o100755, b"#!/usr/bin/sh\nread line </dev/console\n")
    with Work(tmp_path, disk, [shell, hangs], words="berth.idle=4") as vm:
        vm.expect("it was not done: nothing happened for 4 seconds")
        vm.wait()
    assert content(disk) == armed.content
    menu = menu_of(disk)
    assert menu["default"] == "main" and menu["work"] is None
    assert "nothing happened" in Berth(tmp_path).ok("disk", "show", disk)
    assert not esp_has_work(disk)


def test_a_disk_that_stops_answering_ends_in_a_restart_that_finishes_the_work(armed, tmp_path):
    disk = copy_of(armed, "shrink", tmp_path)
    with Work(tmp_path, disk, words="berth.idle=4 berth.end=2") as vm:
        vm.expect("works on a copy of what it changes")
        vm.monitor("block_set_io_throttle", device="disk", bps=1, bps_rd=0, bps_wr=0, iops=0, iops_rd=0,
                   iops_wr=0)
        # what hangs may hold the table's lock, or not yet
        vm.expect("it was not done: (nothing happened for 2 seconds|a change of .* is under way)")
        vm.expect("the machine restarts")
    assert menu_of(disk)["default"] == "WORK"
    in_vain = tmp_path / "in-vain.img"
    disks.copy(disk, in_vain)
    with Work(tmp_path, disk) as vm:
        vm.expect("berth: that was all")
        vm.wait()
    assert disks.ranges(disk)["main"] == (armed.start, armed.start + (300 << 20))
    assert content(disk) == armed.content
    assert menu_of(disk)["default"] == "main"
    assert not esp_has_work(disk)
    the_eighth_try_gives_up(armed, tmp_path, in_vain)


def the_eighth_try_gives_up(armed, folder, disk):
    """Seven starts that ended without a word have changed nothing, so the system boots again."""
    set_tries(folder, disk, 1, 7)
    assert menu_of(disk)["default"] == "WORK"
    with Work(folder, disk) as vm:
        vm.expect("berth: that was all")
        vm.wait()
    assert menu_of(disk)["default"] == "main"
    assert "begun 8 times" in Berth(folder).ok("disk", "show", disk)
    assert content(disk) == armed.content


def set_tries(folder, disk, now, then):
    """In both slots of the ESP, with the digests that belong to it (src/bootmenu/esp_slot.h)."""
    image = f"{disk}@@{start_of(disk, 'esp')}"
    files = {name: folder / name for name in
             ("record-a.json", "menu-a.cfg", "record-b.json", "menu-b.cfg", "select.env")}
    for name, path in files.items():
        subprocess.run(["mcopy", "-n", "-o", "-i", image, f"::berth/{name}", path], check=True)
    for slot in "ab":
        record = replace(files[f"record-{slot}.json"], b'"tries": %d' % now, b'"tries": %d' % then)
        replace(files[f"menu-{slot}.cfg"], *record)
        replace(files["select.env"], *record)
    for name, path in files.items():
        subprocess.run(["mcopy", "-n", "-o", "-i", image, path, f"::berth/{name}"], check=True)


def replace(path, old, new):
    """Returns the digests of the text in the file before and after."""
    before = path.read_bytes()
    after = before.replace(old, new)
    path.write_bytes(after)
    return [hashlib.sha256(data.rstrip(b"\n")).hexdigest().encode() for data in (before, after)]


def test_a_panic_restarts_the_machine_and_has_changed_nothing(armed, tmp_path):
    disk = copy_of(armed, "shrink", tmp_path)
    before = disks.fingerprint(disk)
    with Work(tmp_path, disk, initrd=b"no archive\n", words="panic=1") as vm:
        vm.expect("Kernel panic")
        vm.wait()
    assert disks.fingerprint(disk) == before
    assert menu_of(disk)["default"] == "main"


def test_a_move_that_is_cut_is_finished_by_the_next_start(armed, tmp_path):
    disk = copy_of(armed, "move", tmp_path)
    with Work(tmp_path, disk) as vm:
        vm.expect("moving: ")
    assert menu_of(disk)["default"] == "WORK"
    with Work(tmp_path, disk) as vm:
        vm.expect("berth: that was all")
        vm.wait()
    assert start_of(disk, "main") == armed.start + (64 << 20)
    assert content(disk) == armed.content
    assert menu_of(disk)["default"] == "main"
