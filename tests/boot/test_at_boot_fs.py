# SPDX-License-Identifier: GPL-3.0-or-later
"""Other filesystems than ext4 that are mounted while they are to be shrunk or moved: at the next boot."""
import pytest

import disks
from boot import boot_host
from boot.test_at_boot import DISK, NAMED, WORKS, Host
from program import Berth

MINUTES = 2
MACHINE = """\
berth: 1
name: machine
disk: {path: host.img, size: 3GiB}
partitions:
  - {name: esp, type: esp, size: 192MiB}
host: {name: main, image: host, root: {size: 300MiB, fs: ext4}}
menu: {default: main, timeout: 1}
"""
TOOLS = ("ntfs-3g", "ntfsresize", "ntfsfix", "cryptsetup", "btrfs", "xfs_growfs", "xfs_repair", "xfs_logprint")
SIZES = {"ntfs": 60, "btrfs": 500, "xfs": 320}
# what is done to each while it is mounted; moving knows no filesystem, so one moves
WORK = [("ntfs", "resize", "--size 40MiB"), ("btrfs", "resize", "--size 300MiB"),
        ("xfs", "move", "--start +40MiB")]
SUMS = "cd /tmp/mnt && find . -type f | sort | xargs sha256sum; cd /"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host whose disk has a filesystem of each kind behind its root, a gap behind each."""
    folder = tmp_path_factory.mktemp("at-boot-fs")
    berth, disk = Berth(folder), folder / "host.img"
    image = boot_host.make_image(folder, "host.tar", TOOLS, ("fuse", "btrfs", "xfs"))
    berth.ok("image", "add", image, "--name", "host", "--unsigned")
    (folder / "machine.yaml").write_text(MACHINE)
    berth.ok("apply", folder / "machine.yaml", "--yes")
    for start, (kind, size) in zip((600, 800, 1800), SIZES.items()):
        berth.ok("part", "add", disk, "--name", kind, "--start", f"{start}M", "--size", f"{size}M", "--fs", kind,
                 "--yes")
    (folder / "key").write_text("secret")
    berth.ok("part", "add", disk, "--name", "locked", "--start", "2300M", "--size", "40M", "--fs", "luks", "--key-file",
             folder / "key", "--yes")
    with Host(disk) as booted:
        booted.disk = disk
        yield booted


@pytest.mark.parametrize("kind, verb, words", WORK)
def test_what_is_mounted_is_shrunk_and_moved_at_the_next_boot(host, kind, verb, words):
    start = disks.ranges(host.disk)[kind][0]
    program = "modprobe fuse && ntfs-3g" if kind == "ntfs" else f"mount -t {kind}"
    mount = f"mkdir -p /tmp/mnt && {program} /dev/vda{4 + list(SIZES).index(kind)} /tmp/mnt"
    host.ok(mount)
    host.ok(f"for i in 1 2 3; do head -c ${{i}}00000 /dev/urandom >/tmp/mnt/{verb}-$i; done; sync")
    sums = host.ok(SUMS)
    status, output = host(f"berth part move {DISK} {kind} --start +4MiB {NAMED}")
    assert status == 3 and "mounted on /tmp/mnt" in output, output
    output = host.ok(f"berth part {verb} {DISK} {kind} {words} --at-boot {NAMED}", 120)
    assert "next boot" in output
    host.ok("umount /tmp/mnt")
    host.restart()
    host.vm.expect(WORKS)
    host.vm.expect("berth: that was all")
    host.up()
    host.ok(mount)
    assert host.ok(SUMS) == sums
    host.ok("umount /tmp/mnt")
    now, end = disks.ranges(host.disk)[kind]
    assert now > start if verb == "move" else end - now < SIZES[kind] << 20
    assert "next boot" not in host.show()


def test_an_xfs_that_shall_shrink_is_refused_when_it_is_planned(host):
    status, output = host(f"berth part resize {DISK} xfs --size 310MiB --at-boot {NAMED}")
    assert status == 2 and "XFS cannot be made smaller" in output


@pytest.mark.parametrize("kind, tool", [("ntfs", "ntfsresize"), ("btrfs", "btrfs")])
def test_without_the_tools_it_is_refused_when_it_is_planned(host, kind, tool):
    host.ok("modprobe btrfs")
    where = host.ok(f"find /usr/bin /usr/sbin -name {tool}")
    host.ok(f"mv {where} /tmp/away")
    try:
        status, output = host(f"berth part resize {DISK} {kind} --size +10MiB --at-boot {NAMED} -n")
        assert status == 3 and f"the program {tool} is not installed" in output and "apt-get install" in output
    finally:
        host.ok(f"mv /tmp/away {where}")


def test_what_the_next_boot_has_no_key_for_is_refused_when_it_is_planned(host):
    status, output = host(f"berth part resize {DISK} locked --size 30MiB --at-boot {NAMED}")
    assert status == 3 and "nothing has its key at the next boot" in output, output


def test_what_the_kernel_has_not_loaded_is_refused_when_it_is_planned(host):
    host("rmmod btrfs")
    loaded, _ = host("grep -qw btrfs /proc/filesystems")
    status, output = host(f"berth part resize {DISK} btrfs --size +10MiB --at-boot {NAMED} -n")
    assert (status, "modprobe btrfs" in output) == ((0, False) if loaded == 0 else (3, True)), output
