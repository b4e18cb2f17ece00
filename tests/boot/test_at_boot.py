# SPDX-License-Identifier: GPL-3.0-or-later
"""The mounted root of a live machine: it grows while it runs, and shrinks at the next boot."""
import re
import time

import pytest

import disks
from boot import boot_host
from boot.vm import VM
from program import Berth

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
        self.vm = VM(disk, memory=512)
        self.goes_up = up

    def __enter__(self):
        if self.goes_up:
            self.up()
        return self

    def __exit__(self, *_):
        self.vm.close()

    def up(self):
        self.vm.expect("HOST-UP main", 120)
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
        assert status == 2 and "is the smallest" in output, output
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


def test_what_fails_at_boot_is_told_by_the_normal_system_and_a_move_succeeds(pristine, tmp_path):
    disk = tmp_path / "host.img"
    disks.copy(pristine, disk)
    start = start_of(disk, "main")
    move = f"berth part move {DISK} main --start +64MiB --at-boot {NAMED}"
    with Host(disk) as host:
        sums = host.fill()
        host.ok(move)
        host.ok(f"berth disk finish {DISK} --cancel")
        assert "finish" not in host.menu()
        host.ok(f"berth part resize {DISK} main --size 300MiB --at-boot {NAMED}")
        host.crash()
        host.vm.expect(WORKS)
        host.vm.expect("not cleanly unmounted")
        host.up()
        assert "could not be done at boot: shrink partition 3" in host.show()
        assert "not cleanly unmounted" in host.ok(f"berth disk log {DISK}")
        host.ok("mkdir -p /boot/efi && mount -t vfat /dev/vda2 /boot/efi")
        host.ok(move)
        assert "initrd" in host.ok("ls /boot/efi/berth/work && umount /boot/efi")
        host.restart()
        host.vm.expect(WORKS)
        host.vm.expect("berth: that was all")
        host.up()
        assert host.ok(SUMS) == sums
        assert "could not" not in host.show()
    assert start_of(disk, "main") == start + (64 << 20)
