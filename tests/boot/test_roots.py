# SPDX-License-Identifier: GPL-3.0-or-later
"""A stock Debian whose root is a subvolume of a btrfs, and one on XFS: both boot beside a host, under a
real KVM, and from the menu of the same disk, up to their first process.

The host is emulated with AMD's SVM, so that berth in it has a KVM; the Debians come from their image,
put on filesystems that other people's tools have made.
"""
import pathlib
import re
import shutil
import subprocess
import uuid

import pytest

import disks
import filled
import images
from boot.devices import Machine
from boot.vm import VM
from guests import tiny
from program import BERTH, Berth

MINUTES = 2
CPU = "EPYC,+svm,+npt"
SUBVOLUME = "@rootfs"
KINDS = {"deb-btrfs": "btrfs", "deb-xfs": "xfs"}
MOUNTED = {"deb-btrfs": rf"btrfs \S*subvol=/{SUBVOLUME}\b", "deb-xfs": r"xfs \S+"}

MACHINE = """\
berth: 1
name: roots
disk: {path: disk.img, size: 4GiB}
host:
  name: main
  image: tiny
  root: {size: 64MiB, fs: ext4}
guests:
""" + "".join(f"""\
  - name: {name}
    image: tiny
    root: {{size: 1536MiB, fs: ext4}}
    kernel-options: quiet panic=-1 init=/usr/sbin/tell
    run: {{memory: 512MiB, net: none}}
""" for name in KINDS) + """\
    volumes:
      - {name: deb-swap, type: swap, size: 16MiB}
menu: {timeout: 0}
"""

# the first process: says what its root is and how often it was here, and ends
TELL = """\
#!/bin/sh
mount -o remount,rw /
echo x >>/boots
while read -r _ where kind flags _; do
    [ "$where" != / ] || root="$kind $flags"
done </proc/mounts
. /etc/os-release
echo "UP $ID $VERSION_ID boot $(wc -l </boots) root $root END"
sync
mount -o remount,ro /
echo o >/proc/sysrq-trigger
sleep 60
"""

# the way in which an installer makes it: what is at the top now has no kernel
MAKE_SUBVOLUME = f"mount -t btrfs %s /mnt && btrfs subvolume snapshot /mnt /mnt/{SUBVOLUME} && " \
    "rm -rf /mnt/boot && umount /mnt"


def debian(folder):
    """The files of a stock Debian, but for devices, which need root to be made, and for the many that
    no boot reads before the first process: its initrd has the modules."""
    root = folder / "debian"
    root.mkdir()
    blob = images.blob(images.debians(BERTH), "debian-12")
    with subprocess.Popen(["zstd", "-dcq", blob], stdout=subprocess.PIPE) as reader:
        subprocess.run(["tar", "-x", "-C", root, "--no-same-owner", "--exclude=./dev/*",
                        "--exclude=./usr/share/*", "--exclude=./usr/lib/modules/*"],
                       stdin=reader.stdout, check=True)
    (root / "usr/sbin/tell").write_text(TELL)
    (root / "usr/sbin/tell").chmod(0o755)
    (root / "etc/fstab").write_text("")  # the image's is for ext4
    return root


def fill(disk, name, kind, files, fs_uuid):
    start, end = disks.ranges(disk)[name]
    stage = disk.parent / "stage.img"
    with open(stage, "wb") as image:
        image.truncate(end - start)
    if kind == "btrfs":
        filled.make_btrfs(stage, files, 512, "-U", fs_uuid)
    else:
        filled.make_xfs(stage, files, 512, "-m", f"uuid={fs_uuid}")
    filled.paste(stage, disk, start)
    stage.unlink()


def fs_uuid(disk, name):
    start, _ = disks.ranges(disk)[name]
    with open(disk, "rb") as file:
        file.seek(start + 1024 + 0x68)
        return str(uuid.UUID(bytes=file.read(16)))


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roots")
    tiny.make_disk(Berth(folder), MACHINE)
    files = debian(folder)
    for name, kind in KINDS.items():
        fill(folder / "disk.img", name, kind, files, fs_uuid(folder / "disk.img", name))
    shutil.rmtree(files)
    yield folder / "disk.img"
    (folder / "disk.img").unlink()


@pytest.fixture(scope="module")
def outer(disk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outer")
    prepare = "modprobe kvm_amd && test -c /dev/kvm",
    with Machine(folder, {"alpha": disk}, cpu=CPU, memory=2048, prepare=prepare) as machine:
        machine.ok(MAKE_SUBVOLUME % node_of(disk, "deb-btrfs"), 120)
        yield machine


def node_of(disk, name):
    names = [partition["name"] for partition in disks.table(disk)["partitions"]]
    return f"/dev/vdc{names.index(name) + 1}"


def told(text, name):
    match = re.search(rf"UP debian 12 boot (\d+) root {MOUNTED[name]}.* END", text)
    assert match, text
    return int(match.group(1))


@pytest.mark.parametrize("name", KINDS)
def test_it_boots_beside_the_host(outer, name):
    status, output = outer(f"berth run {name} --disk /dev/vdc --engine kvm", 400)
    assert status == 0, output
    assert told(output, name) == 1


@pytest.mark.parametrize("name, use, end, words", [
    ("deb-xfs", "mount %s /mnt", "umount /mnt", ("mounted on /mnt", "hint: umount /mnt")),
    ("deb-swap", "swapon %s", "swapoff %s", ("swap", "hint: ")),
    ("deb-xfs", "losetup /dev/loop5 %s", "losetup -d /dev/loop5", ("loop5", "hint: "))])
def test_what_the_host_uses_is_refused(outer, disk, name, use, end, words):
    node = node_of(disk, name)
    outer.ok(use.replace("%s", node))
    outer.refused("berth run deb-xfs --disk /dev/vdc", "in use", *words)
    outer.ok(end.replace("%s", node))


def test_a_mounted_xfs_is_named_where_disks_are_shown(outer, disk):
    shown = "berth disk show /dev/vdc"
    assert "Debian" not in outer.ok(shown)
    outer.ok(f"mount -o ro {node_of(disk, 'deb-xfs')} /mnt")
    assert "Debian GNU/Linux 12" in outer.ok(shown)
    outer.ok("umount /mnt")


@pytest.mark.parametrize("firmware, name", [("bios", "deb-btrfs"), ("uefi", "deb-xfs")])
def test_it_boots_from_the_menu_of_the_same_disk(outer, disk, tmp_path, firmware, name):
    outer.ok("sync")
    copy = tmp_path / "disk.img"
    disks.copy(disk, copy)
    Berth(pathlib.Path(tmp_path)).ok("menu", "next", name, "--disk", copy)
    with VM(copy, firmware, screen=False) as vm:
        match = vm.expect(r"(UP debian [^\r\n]* END)")
        assert told(match.group(1), name) == 2
    copy.unlink()
