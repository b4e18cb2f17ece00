# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices as a stock kernel has them: who holds a partition is named, and it stays untouched."""
import contextlib
import os
import textwrap

import pytest

import disks
from boot import devices
from crash import trace
from guests import tiny
from program import Berth

MINUTES = 4
MACHINE = """\
berth: 1
name: device
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: shared, type: linux, size: 16MiB, fs: ext4}
host: {name: main, image: tiny, root: {size: 20MiB}}
menu: {default: main}
"""
DEV = "guests:\n  - {name: dev, image: tiny, root: {size: 20MiB}}\n"

SYSTEMS, SCRATCH, OTHER = "/dev/vdc", "/dev/vdd", "/dev/vde"
APPLY = f"berth apply --disk {SYSTEMS} --serial systems --yes /content/"
WITH_DEV = APPLY + "both.yaml"
WWN = 0x5000c50015ea71ac
WITHOUT_DEV = APPLY + "main.yaml --prune"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A disk with the systems main and dev, and two blank ones."""
    folder = tmp_path_factory.mktemp("devices")
    content = folder / "content"
    content.mkdir()
    berth = Berth(folder, store=content / "store")
    tiny.add_image(berth)
    (content / "main.yaml").write_text(MACHINE)
    (content / "both.yaml").write_text(MACHINE + DEV)
    blank = {name: devices.blank_disk(folder / f"{name}.img", size << 20)
             for name, size in (("systems", 200), ("scratch", 200), ("other", 2048))}
    berth.ok("apply", content / "both.yaml", "--disk", blank["systems"], "--yes")
    numbered = devices.attach_scsi(devices.blank_disk(folder / "numbered.img", 40 << 20), WWN)
    prepare = "cp -a /content/store/. /tmp/store",
    with devices.Machine(folder, blank, content, more=numbered, prepare=prepare) as booted:
        yield booted


@contextlib.contextmanager
def set_up(machine, begin, end):
    machine.ok(begin)
    try:
        yield
    finally:
        machine.ok(end)


PARTITION = f"{SYSTEMS}5"  # dev's
HOLDERS = {
    "mount": (f"mount -o ro {PARTITION} /mnt", "umount /mnt", "mounted on /mnt"),
    "swap": (f"mkswap -q {PARTITION} && swapon {PARTITION}", f"swapoff {PARTITION}", "in use as swap"),
    "lvm": (f"lvm pvcreate -qq -ff -y {PARTITION} && lvm vgcreate -qq vg0 {PARTITION} && "
            "lvm lvcreate -qq -y -Wn -Zn -l 1 -n data vg0",
            "lvm vgchange -qq -an vg0; lvm vgremove -qq -ff -y vg0",
            "held by the LVM volume vg0-data (dm-0)"),
    "md": (f"mdadm --create /dev/md0 --run --level 1 --raid-devices 2 --metadata 1.0 {PARTITION} missing",
           f"mdadm --stop /dev/md0; mdadm --zero-superblock {PARTITION}", "held by the RAID md0"),
    "luks": ("echo -n key >/tmp/key; cryptsetup luksFormat -q --pbkdf pbkdf2 "
             f"--pbkdf-force-iterations 1000 --luks2-keyslots-size 512K {PARTITION} /tmp/key && "
             f"cryptsetup open --key-file /tmp/key {PARTITION} secret",
             "cryptsetup close secret", "held by the LUKS mapping secret (dm-0)"),
    "bcache": (f"wipefs -q -a {PARTITION}; modprobe bcache; make-bcache -B {PARTITION} >/dev/null && "
               f"echo {PARTITION} >/sys/fs/bcache/register",
               "echo 1 >/sys/block/bcache0/bcache/stop; until ! test -e /dev/bcache0; do sleep 0.1; done",
               "held by the bcache device bcache0"),
    "loop": (f"losetup /dev/loop0 {PARTITION}", "losetup -d /dev/loop0", "in use by /dev/loop0"),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_the_holder_is_named_and_what_would_take_the_partition_refused(machine, kind):
    begin, end, words = HOLDERS[kind]
    with set_up(machine, begin, end):
        partitions = machine.json(f"disk show {SYSTEMS}")["disk"]["partitions"]
        assert [p["in-use"] for p in partitions if p["number"] == 5] == [words]
        assert all(p["in-use"] is None for p in partitions if p["number"] != 5)
        before = machine.fingerprint("systems")
        machine.refused(WITHOUT_DEV, words)
        assert machine.fingerprint("systems") == before


def test_a_mount_in_another_namespace_is_found(machine):
    begin = f"mke2fs -q -F {PARTITION}; unshare -m dash -c 'mount {PARTITION} /mnt; exec sleep 1000' & " \
        f"echo $! >/tmp/pid; until grep -q {PARTITION} /proc/$(cat /tmp/pid)/mounts; do sleep 0.1; done"
    with set_up(machine, begin, "kill $(cat /tmp/pid)"):
        machine.refused(WITHOUT_DEV, "mounted on /mnt for sleep (process ")


def test_what_another_program_has_claimed_is_named_by_its_process(machine):
    with set_up(machine, f"disk_nodes {OTHER} 1:1:20 && {{ disk_nodes {OTHER} hold 1:20 >/tmp/held & "
                "echo $! >/tmp/pid; until grep -q ok /tmp/held; do sleep 0.1; done; }",
                "kill $(cat /tmp/pid); wait"):
        machine.refused(f"mount {OTHER}1 /mnt", "busy", status=32)
        machine.refused(f"disk_nodes {OTHER} hold 1:20", f"the range ({OTHER}1) is open in disk_nodes",
                        status=1)
        machine.refused(f"disk_nodes {OTHER}", "which the table would not have, is open in disk_nodes",
                        status=1)
    machine.ok(f"disk_nodes {OTHER}")


def test_a_loop_device_over_the_whole_disk_is_found(machine):
    with set_up(machine, f"losetup /dev/loop3 {SYSTEMS}", "losetup -d /dev/loop3"):
        machine.refused(WITHOUT_DEV, f"{SYSTEMS} is in use by /dev/loop3", "losetup --detach /dev/loop3")


def test_a_partition_mounted_through_a_loop_device_is_named_with_its_mount(machine):
    machine.ok("berth part table /tmp/image gpt --size 60M --yes && for n in 1 2; do berth part add /tmp/image "
               "--size 20M --fs ext4 --yes; done")
    machine.ok("losetup -P /dev/loop3 /tmp/image && mount /dev/loop3p2 /mnt && mkdir /tmp/two && "
               "mount /dev/loop3p1 /tmp/two")
    used = [p["in-use"] for p in machine.json("disk show /tmp/image")["disk"]["partitions"]]
    assert used == ["mounted on /tmp/two through /dev/loop3p1", "mounted on /mnt through /dev/loop3p2"]
    way_out = "umount /tmp/two; umount /mnt; losetup --detach /dev/loop3"
    machine.refused("berth part rm /tmp/image 1 --yes", "mounted on /tmp/two through /dev/loop3p1")
    machine.refused("berth part set /tmp/image 1 --name x --yes", "mounted on /tmp/two through /dev/loop3p1", way_out)
    machine.ok(way_out)
    machine.ok("berth part set /tmp/image 1 --name x --yes && rm /tmp/image")


def test_nodes_come_and_go_with_what_apply_does(machine):
    machine.ok(f"mount {SYSTEMS}4 /mnt")
    machine.ok(WITHOUT_DEV)
    machine.ok(f"test ! -e {PARTITION}")
    machine.ok(WITH_DEV)
    machine.ok(f"test -b {PARTITION}")
    assert machine.ok(f"blkid -p -s PART_ENTRY_NAME -o value {PARTITION}") == "dev"
    machine.ok("umount /mnt")
    machine.ok(f"e2fsck -fn {PARTITION} && e2fsck -fn {SYSTEMS}4")


def test_the_serial_number_of_another_disk_is_refused(machine):
    machine.refused(f"berth apply /content/main.yaml --disk {SYSTEMS} --serial other --yes --prune",
                    "systems")


def test_only_the_disk_with_the_wwn_is_changed(machine):
    machine.ok("modprobe virtio_scsi && modprobe sd_mod && until test -b /dev/sda; do sleep 0.1; done")
    machine.refused(f"berth part table /dev/sda gpt --wwn naa.{WWN + 1:x} --yes", f"naa.{WWN:x}")
    assert machine.json("disk show /dev/sda")["disk"]["table"] is None
    machine.ok(f"berth part table /dev/sda gpt --wwn naa.{WWN:x} --yes")
    assert machine.json("disk show /dev/sda")["disk"]["table"] == "gpt"


def test_a_clone_of_the_disk_is_found_and_a_half_of_a_raid_is_none(machine):
    machine.blank(OTHER)
    machine.ok(f"dd if={SYSTEMS} of={OTHER} bs=1M count=60 2>/dev/null")
    found = machine.ok(f"disk_nodes {SYSTEMS} duplicates")
    for words in ("the table has the id of that of", "partition 4 has the UUID of partition 4 of",
                  "the ext4 of partition 3 has the UUID of that of partition 3 of"):
        assert f"{words} {OTHER}" in found
    machine.blank(OTHER)
    machine.blank(SCRATCH)
    assert machine.ok(f"disk_nodes {SYSTEMS} duplicates") == "ok"
    machine.ok("mdadm --create /dev/md1 --run --level 1 --raid-devices 2 --metadata 1.0 --assume-clean "
               f"{SCRATCH} {OTHER} && echo 'label: gpt' | sfdisk -q /dev/md1")
    assert machine.ok(f"disk_nodes {SCRATCH} duplicates") == "ok"
    assert machine.ok("disk_nodes /dev/md1 duplicates") == "ok"
    machine.ok("mdadm --stop /dev/md1")
    assert OTHER in machine.ok(f"disk_nodes {SCRATCH} duplicates")
    machine.blank(OTHER)
    machine.blank(SCRATCH)


def test_a_copy_of_a_partition_is_found_and_gets_a_uuid_of_its_own(machine):
    machine.blank(SCRATCH)
    machine.ok(f"printf 'label: gpt\\nsize=20M\\nsize=20M\\n' | sfdisk -q {SCRATCH} && "
               f"mke2fs -q -t ext4 {SCRATCH}1 && dd if={SCRATCH}1 of={SCRATCH}2 bs=1M 2>/dev/null")
    machine.refused(f"berth disk check {SCRATCH}", "the ext4 of partition 2 has the UUID of that of partition 1",
                    f"e2fsck -fp {SCRATCH}2; tune2fs -U random {SCRATCH}2", status=5)
    with set_up(machine, f"losetup /dev/loop3 {SCRATCH}", "losetup -d /dev/loop3"):
        machine.refused("berth disk check /dev/loop3", "of partition 2 has the UUID of that of partition 1",
                        f"'/dev/loop3?offset={21 << 20}'", status=5)
    with set_up(machine, f"mount {SCRATCH}2 /mnt", "umount /mnt"):
        machine.refused(f"berth disk check {SCRATCH}", "is mounted on /mnt: give the other one", status=5)
    machine.ok(f"e2fsck -fp {SCRATCH}2; tune2fs -U random {SCRATCH}2")
    machine.ok(f"berth disk check {SCRATCH}")
    machine.blank(OTHER)
    machine.ok(f"dd if={SCRATCH}1 of={OTHER} bs=1M 2>/dev/null")
    machine.refused(f"berth disk check {SCRATCH}", f"of partition 1 has the UUID of that of {OTHER}", status=5)
    machine.blank(OTHER)
    machine.blank(SCRATCH)


def mbr(machine):
    """A table with a primary and two logical partitions, on the scratch disk."""
    machine.blank(SCRATCH)
    script = textwrap.dedent("""\
        label: dos
        start=2048, size=40960
        start=43008, type=5
        start=45056, size=40960
        start=88064, size=40960
        """).replace("\n", "\\n")
    machine.ok(f"printf '{script}' | sfdisk -q {SCRATCH}")


ALL = "1:1:20 2:21:179:extended 5:22:20 6:43:20"


def test_the_kernels_extended_partition_is_left_as_it_is(machine):
    mbr(machine)
    before = machine.ok("cat /proc/partitions")
    machine.ok(f"disk_nodes {SCRATCH} {ALL}")
    assert machine.ok("cat /proc/partitions") == before
    machine.ok(f"disk_nodes {SCRATCH} 1:1:20")
    machine.ok(f"test ! -e {SCRATCH}2")
    machine.ok(f"disk_nodes {SCRATCH} {ALL}")
    assert machine.ok("cat /proc/partitions") == before


def test_a_logical_partition_that_gets_another_number_must_not_be_in_use(machine):
    mbr(machine)
    renumbered = "1:1:20 2:21:179:extended 5:43:20"
    machine.ok(f"mkfs.ext4 -q {SCRATCH}6 && mount {SCRATCH}6 /mnt")
    machine.refused(f"disk_nodes {SCRATCH} {renumbered}", "would get the number 5", "mounted on /mnt",
                    status=1)
    machine.ok(f"umount /mnt && disk_nodes {SCRATCH} {renumbered} && mount {SCRATCH}5 /mnt && umount /mnt")


def test_a_mounted_partition_grows_in_the_kernel_and_never_shrinks(machine):
    mbr(machine)
    grown = "1:1:20 2:21:179:extended 5:22:20 6:43:100"
    machine.ok(f"mkfs.ext4 -q {SCRATCH}6 && mount {SCRATCH}6 /mnt")
    machine.ok(f"disk_nodes {SCRATCH} {grown}")
    assert machine.ok(f"blockdev --getsize64 {SCRATCH}6") == str(100 << 20)
    machine.ok(f"resize2fs {SCRATCH}6")
    machine.refused(f"disk_nodes {SCRATCH} {ALL}", "would get smaller", "mounted on /mnt", status=1)
    machine.ok("umount /mnt")
    machine.ok(f"disk_nodes {SCRATCH} {ALL}")
    assert machine.ok(f"blockdev --getsize64 {SCRATCH}6") == str(20 << 20)


def test_a_disk_that_is_a_physical_volume_as_a_whole_is_held(machine):
    machine.blank(OTHER)
    machine.ok(f"lvm pvcreate -qq {OTHER} && lvm vgcreate -qq vg1 {OTHER} && "
               "lvm lvcreate -qq -y -Wn -Zn -l 1 -n all vg1")
    machine.refused(f"disk_nodes {OTHER} 1:1:20", f"{OTHER} is held by the LVM volume vg1-all", status=1)
    machine.ok("lvm vgchange -qq -an vg1")


PART = f"berth part %s {SCRATCH} %s --serial scratch --yes -q"
FILES = "find {0} -type f -exec sha256sum {{}} + | sort"


@pytest.fixture
def filled(machine):
    """A partition `data` of 48 MiB on a blank disk, with files; the node, and what they hash to."""
    machine.blank(SCRATCH)
    machine.ok(PART % ("table", "gpt") + " && " +
               PART % ("add", "--name data --size 48M --start 64M --fs ext4"))
    machine.ok(f"mount {SCRATCH}1 /mnt && mkdir /mnt/d && for i in $(seq 40); do "
               "head -c ${i}000 /dev/urandom >/mnt/d/$i; done")
    sums = machine.ok(FILES.format("/mnt/d"))
    machine.ok("umount /mnt")
    yield sums
    machine("umount /mnt")


def hashes(machine):
    machine.ok(f"e2fsck -fn {SCRATCH}1 && mount {SCRATCH}1 /mnt")
    sums = machine.ok(FILES.format("/mnt/d"))
    machine.ok("umount /mnt")
    return sums


def test_a_partition_is_moved_and_resized_with_its_files(machine, filled):
    undo = f"berth disk undo {SCRATCH} --serial scratch --yes -q"
    for change in ("move data --start 40M", "resize data --size 90M", "resize data --size 32M"):
        verb, rest = change.split(" ", 1)
        machine.ok(PART % (verb, rest))
        assert hashes(machine) == filled, change
    machine.refused(undo, "was written to since")  # it was mounted
    machine.ok(PART % ("move", "data --start 100M") + " && " + undo)
    assert hashes(machine) == filled
    assert machine.json(f"disk show {SCRATCH}")["disk"]["partitions"][0]["start"] == 40 << 20


def test_a_mounted_partition_grows_where_it_is_and_is_neither_moved_nor_shrunk(machine, filled):
    machine.ok(f"mount {SCRATCH}1 /mnt")
    machine.refused(PART % ("move", "data --start 40M"), "mounted on /mnt")
    machine.refused(PART % ("resize", "data --size 40M"), "mounted on /mnt")
    machine.refused(PART % ("rm", "data"), "mounted on /mnt")
    machine.ok(PART % ("resize", "data --size 100M"))
    assert int(machine.ok("df -k /mnt | tail -1").split()[1]) > 80 << 10
    assert machine.ok(FILES.format("/mnt/d")) == filled
    machine.ok("umount /mnt")


@pytest.fixture(params=["btrfs", "xfs"])
def mounted(machine, request):
    """A partition `data` of 1200 MiB with files, mounted: its kind, and what they hash to."""
    kind, part = request.param, f"berth part %s {OTHER} %s --serial other --yes -q"
    machine.blank(OTHER)
    machine.ok(f"modprobe {kind}; " + part % ("table", "gpt") + " && " +
               part % ("add", f"--name data --size 1200M --fs {kind}"), 180)
    with set_up(machine, f"mount -t {kind} {OTHER}1 /mnt && mkdir /mnt/d && for i in $(seq 8); do "
                "head -c 3000000 /dev/urandom >/mnt/d/$i; done", "umount /mnt"):
        yield kind, part, machine.ok(FILES.format("/mnt/d"))


def test_a_mounted_btrfs_or_xfs_grows_where_it_is_and_only_btrfs_shrinks(machine, mounted):
    kind, part, sums = mounted
    machine.ok(part % ("resize", "data --size 1500M"), 120)
    assert int(machine.ok("df -k /mnt | tail -1").split()[1]) > 1300 << 10
    shrink = part % ("resize", "data --size 900M")
    if kind == "btrfs":
        machine.ok(shrink, 120)
        assert machine.ok(f"blockdev --getsize64 {OTHER}1") == str(900 << 20)
        assert machine.ok("df -k /mnt | tail -1").split()[1] == str(900 << 10)
        machine.refused(part % ("resize", "data --size 100M"), "cannot be shrunk to", status=2)
    else:
        machine.refused(shrink, "mounted on /mnt")
    machine.ok("sync; echo 3 >/proc/sys/vm/drop_caches")
    assert machine.ok(FILES.format("/mnt/d")) == sums
    assert machine.json(f"disk show {OTHER}")["disk"]["partitions"][0]["size"] == \
        (900 << 20 if kind == "btrfs" else 1500 << 20)


def test_the_kernel_reads_a_fat_of_any_width_that_was_resized(machine):
    machine.blank(SCRATCH)
    machine.ok(PART % ("table", "gpt") + " && " + PART % ("add", "--name data --size 40M --fs vfat"))
    mount = f"mount -t vfat -o iocharset=utf8 {SCRATCH}1 /mnt"
    machine.ok(f"{mount} && mkdir -p '/mnt/a folder/of folders' && for i in $(seq 40); do "
               "head -c ${i}00 /dev/urandom >\"/mnt/a folder/of folders/file number $i\"; done")
    sums = machine.ok(FILES.format("/mnt"))
    machine.ok("umount /mnt")
    for size, bits in (("24M", 16), ("2M", 12), ("120M", 32)):
        machine.ok(PART % ("resize", f"data --size {size}"))
        machine.ok(f"fsck.vfat -n {SCRATCH}1 && {mount}")
        assert machine.ok(FILES.format("/mnt")) == sums
        assert int(machine.ok("stat -f -c %b /mnt")) > 0
        machine.ok(f"echo more >/mnt/more && rm /mnt/more && umount /mnt && fsck.vfat -n {SCRATCH}1")
        assert f"{bits} bit entries" in machine.ok(f"fsck.vfat -nv {SCRATCH}1")


KEY = "--key-file /tmp/key"
MARK = "what nobody may read"


@pytest.fixture
def locked(machine):
    """A LUKS2 partition `data` of 80 MiB with an ext4 in it, closed; what its files hash to."""
    machine.blank(SCRATCH)
    machine.ok(PART % ("table", "gpt") + " && " +
               PART % ("add", "--name data --size 80M --start 64M"))
    machine.ok(f"echo -n key >/tmp/key && cryptsetup luksFormat -q --pbkdf pbkdf2 "
               f"--pbkdf-force-iterations 1000 {SCRATCH}1 /tmp/key")
    open_it(machine)
    machine.ok("mke2fs -q -t ext4 -b 4096 /dev/mapper/test && mount /dev/mapper/test /mnt && mkdir /mnt/d && "
               "for i in $(seq 40); do head -c ${i}000 /dev/urandom >/mnt/d/$i; "
               f"yes '{MARK}' | head -c ${{i}}00 >/mnt/d/text-$i; done")
    sums = machine.ok(FILES.format("/mnt/d"))
    close_it(machine)
    return sums


def open_it(machine):
    machine.ok(f"cryptsetup open --key-file /tmp/key {SCRATCH}1 test")


def close_it(machine):
    machine.ok("umount /mnt; cryptsetup close test")


def look_inside(machine):
    """(hashes, MiB of the filesystem)"""
    open_it(machine)
    machine.ok("e2fsck -fn /dev/mapper/test && mount /dev/mapper/test /mnt")
    found = machine.ok(FILES.format("/mnt/d")), int(machine.ok("stat -f -c %b /mnt")) // 256
    close_it(machine)
    return found


def test_what_is_in_a_luks_container_is_resized_with_its_key(machine, locked):
    for size in (130, 50):
        machine.ok(PART % ("resize", f"data --size {size}M {KEY}"), 120)
        sums, mib = look_inside(machine)
        assert sums == locked
        assert size - 32 < mib <= size - 16
    machine.ok("sync")
    assert MARK.encode() not in machine.disks["scratch"].read_bytes()
    assert machine.ok("ls /dev/mapper") == "control"
    assert machine.ok("losetup -a") == ""


def test_a_container_that_berth_makes_is_opened_and_resized(machine):
    """With cryptsetup's own defaults, whose key takes memory and time."""
    machine.blank(SCRATCH)
    machine.ok("echo -n key >/tmp/key; " + PART % ("table", "gpt") + " && " +
               PART % ("add", f"--name data --size 60M --fs luks {KEY}"), 300)
    assert "argon2id" in machine.ok(f"cryptsetup luksDump {SCRATCH}1")
    open_it(machine)
    machine.ok("mke2fs -q -t ext4 -b 4096 /dev/mapper/test && mount /dev/mapper/test /mnt && mkdir /mnt/d && "
               "echo kept >/mnt/d/file")
    sums = machine.ok(FILES.format("/mnt/d"))
    close_it(machine)
    for size in (130, 50):
        machine.ok(PART % ("resize", f"data --size {size}M {KEY}"), 300)
        found, mib = look_inside(machine)
        assert found == sums
        assert size - 32 < mib <= size - 16


def test_a_cut_while_what_is_encrypted_shrinks_is_finished_without_the_key(machine, locked, tmp_path):
    base, log = tmp_path / "base", tmp_path / "trace"
    machine.ok("sync")
    disks.copy(machine.disks["scratch"], base)
    machine.ok("export BERTH_TRACE=/tmp/trace; " + PART % ("resize", f"data --size 50M {KEY}") +
               "; unset BERTH_TRACE", 120)
    machine.blank(OTHER)
    machine.ok(f"dd if=/tmp/trace of={OTHER} bs=1M conv=fsync")
    size = int(machine.ok("stat -c %s /tmp/trace; rm /tmp/trace"))
    with open(machine.disks["other"], "rb") as other:
        log.write_bytes(other.read(size))
    part = 64 << 20, (64 + 50) << 20
    wanted = list(disks.data_chunks(machine.disks["scratch"], *part))
    assert look_inside(machine)[0] == locked
    berth, finished = Berth(tmp_path), 0
    for name, state in trace.states(base, trace.read(log), tmp_path, 24):
        # neither root nor a device mapper has part in this
        pending = berth.json("disk", "show", state)["disk"]["pending"]
        done = berth("disk", "finish", state, "--yes")
        if pending and done.returncode == 0:
            finished += 1
            assert list(disks.data_chunks(state, *part)) == wanted, name
        elif pending:
            assert done.returncode == 3 and "give the command again" in done.stderr, name
        assert berth.json("disk", "show", state)["disk"]["pending"] is None
        os.unlink(state)
    assert finished > 0


def test_without_its_key_only_the_container_grows(machine, locked):
    before = machine.fingerprint("scratch")
    machine.refused(PART % ("resize", "data --size 60M"), "is encrypted", "--key-file")
    machine.ok("echo -n other >/tmp/other")
    machine.refused(PART % ("resize", "data --size 60M --key-file /tmp/other"), "could not be opened")
    assert machine.fingerprint("scratch") == before
    said = machine.ok((PART % ("resize", "data --size 120M")).replace(" -q", ""))
    assert "what is in its luks stays as large as it is" in said
    sums, mib = look_inside(machine)
    assert sums == locked and mib <= 80 - 16
    open_it(machine)
    assert int(machine.ok("blockdev --getsize64 /dev/mapper/test")) == (120 - 16) << 20
    machine.ok("cryptsetup close test")


UNDO = f"berth disk undo {SCRATCH} --serial scratch --yes -q"


@pytest.mark.parametrize("size", [130, 50])
def test_a_resize_of_what_is_encrypted_is_taken_back_with_its_key(machine, locked, size):
    before = machine.json(f"disk show {SCRATCH}")["disk"]["partitions"]
    machine.ok(PART % ("resize", f"data --size {size}M {KEY}"), 120)
    resized = machine.fingerprint("scratch")
    machine.refused(UNDO, "is encrypted", "--key-file")
    machine.ok("echo -n other >/tmp/other")
    machine.refused(f"{UNDO} --key-file /tmp/other", "could not be opened")
    assert machine.fingerprint("scratch") == resized
    machine.ok(f"{UNDO} {KEY}", 120)
    assert machine.json(f"disk show {SCRATCH}")["disk"]["partitions"] == before
    sums, mib = look_inside(machine)
    assert sums == locked and 80 - 32 < mib <= 80 - 16
    assert machine.ok("ls /dev/mapper; losetup -a") == "control"
    machine.ok("sync")
    assert MARK.encode() not in machine.disks["scratch"].read_bytes()


def test_a_resize_of_what_was_opened_since_is_not_taken_back(machine, locked):
    machine.ok(PART % ("resize", f"data --size 130M {KEY}"), 120)
    with set_up(machine, f"cryptsetup open --key-file /tmp/key {SCRATCH}1 test", "cryptsetup close test"):
        machine.refused(f"{UNDO} {KEY}", "held by the LUKS mapping test", "cryptsetup close")
        machine.ok("mount /dev/mapper/test /mnt && echo more >/mnt/more && umount /mnt")
    before = machine.fingerprint("scratch")
    machine.refused(f"{UNDO} {KEY}", "written to since")
    assert machine.fingerprint("scratch") == before


def test_a_container_that_grew_alone_is_made_smaller_again(machine, locked):
    machine.ok(PART % ("resize", "data --size 120M"))
    open_it(machine)
    close_it(machine)  # which leaves no trace
    # that nobody has used it is not certain: of a device only samples are read
    machine.refused(UNDO, "is encrypted", "--key-file")
    machine.ok(f"{UNDO} {KEY}", 120)
    assert look_inside(machine)[0] == locked


@pytest.mark.parametrize("verb", ["rm data", "format data --fs ext4 --lose data", "wipe data --lose data"])
def test_what_lvm_holds_is_not_changed(machine, filled, verb):
    word, rest = verb.split(" ", 1)
    with set_up(machine, f"lvm pvcreate -qq -ff -y {SCRATCH}1 && lvm vgcreate -qq vg7 {SCRATCH}1 && "
                "lvm lvcreate -qq -y -Wn -Zn -l 1 -n data vg7",
                "lvm vgchange -qq -an vg7; lvm vgremove -qq -ff -y vg7"):
        before = machine.fingerprint("scratch")
        machine.refused(PART % (word, rest), "held by the LVM volume vg7-data")
        assert machine.fingerprint("scratch") == before
