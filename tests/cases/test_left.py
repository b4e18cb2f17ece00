# SPDX-License-Identifier: GPL-3.0-or-later
"""Free space that is not empty: what berth itself left there, and what it finds of others."""
import fcntl
import os
import struct
import subprocess

import pytest

import disks
from part_disk import MIB, REFUSED, USAGE, folder  # noqa: F401
from program import Berth


def put(disk, start, data):
    with open(disk, "r+b") as file:
        os.pwrite(file.fileno(), data, start)


def sfdisk(disk, script, *args):
    subprocess.run(["sfdisk", "-q", *args, disk], input=script, text=True, check=True)


class World:
    """A disk with one ext4 called a at 1 MiB, full of what was written where it is now free."""

    def __init__(self, folder, size=40):
        self.berth, self.disk, self.size = Berth(folder), folder / "d.img", size
        with open(self.disk, "wb") as file:
            file.truncate((size + 60) * MIB)
        sfdisk(self.disk, f'label: gpt\nstart=1M,size={size}M,name="a"\n')
        subprocess.run(["mke2fs", "-qF", "-t", "ext4", "-L", "home", "-E", f"offset={MIB}", self.disk,
                        f"{size}M"], check=True, capture_output=True)
        put(self.disk, MIB + (size - 8) * MIB, b"a block that is free" * 1000)

    def do(self, *command):
        return self.berth.ok("part", command[0], self.disk, *command[1:], "--yes")

    def asks(self, name, *command):
        """Refused without --lose, before a byte was written, and done with it."""
        before = disks.fingerprint(self.disk)
        refused = self.berth("part", command[0], self.disk, *command[1:], "--yes")
        assert refused.returncode == REFUSED and f"--lose {name}" in refused.stderr, refused.stderr
        assert disks.fingerprint(self.disk) == before
        self.do(*command, "--lose", name)
        return refused.stderr


@pytest.fixture
def world(folder):  # noqa: F811
    return World(folder)


def add(name, start, size):
    return "add", "--name", name, "--start", f"{start}M", "--size", f"{size}M", "--fs", "ext4"


# ---- what berth left ----

def test_the_place_of_what_was_shrunk_is_filled_piece_by_piece(world):
    world.do("resize", "a", "--size", "20M")
    world.do(*add("b", 21, 8))
    world.do(*add("c", 29, 20))
    assert disks.ranges(world.disk)["c"] == (29 * MIB, 49 * MIB)


def test_a_filesystem_that_nobody_used_is_made_anew(world):
    world.do("resize", "a", "--size", "20M")
    for _ in range(2):
        world.do(*add("b", 21, 20))
        world.do("set", "a", "--name", "a")
        world.do("rm", "b")
    world.do(*add("c", 25, 20))


def test_a_filesystem_that_was_used_since_has_to_be_named(world):
    world.do(*add("b", 50, 20))
    subprocess.run(["tune2fs", "-L", "theirs", f"{world.disk}?offset={50 * MIB}"], check=True,
                   capture_output=True)
    world.do("rm", "b")
    assert "has ext4 (theirs) that begins at 50MiB" in world.asks("c", *add("c", 50, 20))


CHANGED = [("resize", "--size", "30M"), ("resize", "--size", "12M"), ("move", "--start", "+8M")]


@pytest.mark.parametrize("change", CHANGED, ids=["grow", "shrink", "move"])
@pytest.mark.parametrize("undone", [False, True], ids=["", "undone"])
def test_a_filesystem_that_only_berth_has_changed_is_made_anew(world, change, undone):
    world.do(*add("b", 42, 20))
    world.do(change[0], "b", *change[1:])
    if undone:
        world.berth.ok("disk", "undo", world.disk, "--yes")
    world.do("rm", "b")
    world.do(*add("c", 42, 40))


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_a_filesystem_that_others_changed_beside_berth_has_to_be_named(world, before):
    world.do(*add("b", 42, 20))
    for used in (before, not before):
        if used:
            put(world.disk, 55 * MIB, b"somebody's")  # in a free block: its superblock says nothing
        else:
            world.do("resize", "b", "--size", "30M")
    world.do("rm", "b")
    world.asks("c", *add("c", 42, 40))


def logical(folder):  # noqa: F811
    """Three logical partitions of 20 MiB, each with its record in front of it."""
    berth, disk = Berth(folder), folder / "m.img"
    berth.ok("part", "table", disk, "mbr", "--size", "200M", "--yes")
    berth.ok("part", "add", disk, "--type", "extended", "--size", "150M", "--yes")
    for _ in range(3):
        berth.ok("part", "add", disk, "--logical", "--size", "20M", "--fs", "ext4", "--yes")
    return berth, disk


def test_a_boot_record_that_came_where_one_had_been_is_nobodys(folder):  # noqa: F811
    berth, disk = Berth(folder), folder / "m.img"
    berth.ok("part", "table", disk, "mbr", "--size", "200M", "--yes")
    berth.ok("part", "add", disk, "--size", "150M", "--type", "extended", "--yes")
    for _ in range(3):
        berth.ok("part", "add", disk, "--logical", "--size", "20M", "--yes")
    berth.ok("part", "rm", disk, "6", "--yes")
    berth.ok("part", "add", disk, "--logical", "--size", "12M", "--yes")
    for _ in range(3):
        berth.ok("part", "rm", disk, "5", "--yes")
    berth.ok("part", "add", disk, "--logical", "--size", "100M", "--fs", "ext4", "--yes")


@pytest.mark.parametrize("changes", [
    [("move", "6", "--start", "+80M"), ("resize", "5", "--size", "30M")],
    [("move", "7", "--start", "+30M"), ("resize", "6", "--size", "25M")],
    [("rm", "7"), ("resize", "6", "--size", "21M")],
], ids=["moved", "moved a bit", "deleted"])
def test_the_record_of_a_logical_partition_that_has_gone_is_nobodys(folder, changes):  # noqa: F811
    berth, disk = logical(folder)
    for verb, *words in changes:
        berth.ok("part", verb, disk, *words, "--yes")


def test_a_record_that_has_more_than_the_table_in_it_has_to_be_named(folder):  # noqa: F811
    berth, disk = logical(folder)
    with open(disk, "rb") as file:
        record, = (at for at in range(20 * MIB, 30 * MIB, 512)
                   if os.pread(file.fileno(), 512, at)[510:] == b"\x55\xaa")
    put(disk, record + 100, b"boot code")
    berth.ok("part", "move", disk, "6", "--start", "+80M", "--yes")
    refused = berth("part", "resize", disk, "5", "--size", "30M", "--yes")
    assert refused.returncode == REFUSED and "--lose 5" in refused.stderr


@pytest.mark.parametrize("between", [
    lambda world: put(world.disk, 35 * MIB, b"somebody's"),
    lambda world: sfdisk(world.disk, "start=80M,size=4M\n", "--append"),
    lambda world: subprocess.run(["sfdisk", "-q", "--part-label", world.disk, "1", "theirs"], check=True),
], ids=["bytes", "partition", "name"])
def test_what_others_changed_since_is_not_taken_for_berths_own(world, between):
    world.do("resize", "a", "--size", "20M")
    between(world)
    world.asks("b", *add("b", 21, 20))


def test_what_others_wrote_before_another_change_is_not_taken_for_berths_own(world):
    world.do("resize", "a", "--size", "20M")
    put(world.disk, 35 * MIB, b"somebody's")
    world.do("add", "--name", "b", "--start", "21M", "--size", "4M")  # cuts what was left to a piece
    world.asks("c", *add("c", 26, 20))


def test_what_a_partition_had_meanwhile_is_not_taken_for_berths_own(folder):  # noqa: F811
    world = World(folder, 300)
    world.do("resize", "a", "--size", "40M")
    world.do("add", "--name", "raw", "--start", "60M", "--size", "200M")
    put(world.disk, 100 * MIB + 512 * 1024, b"between the samples of a digest")
    world.do("rm", "raw")
    world.asks("b", *add("b", 60, 200))


def test_the_old_place_of_what_was_moved_twice_is_berths_own(world):
    world.do("move", "a", "--start", "+2M")
    world.do("move", "a", "--start", "50M")
    world.do("set", "a", "--name", "x")
    world.do(*add("b", 1, 30))


def test_an_undo_goes_over_what_others_wrote_since_only_by_name(world):
    world.do("move", "a", "--start", "50M")
    put(world.disk, 20 * MIB, b"somebody's")
    before = disks.fingerprint(world.disk)
    refused = world.berth("disk", "undo", world.disk, "--yes")
    assert refused.returncode == REFUSED and "--lose a" in refused.stderr, refused.stderr
    assert disks.fingerprint(world.disk) == before
    world.berth.ok("disk", "undo", world.disk, "--yes", "--lose", "a")
    assert disks.ranges(world.disk)["a"][0] == MIB


@pytest.mark.parametrize("size", [40, 150])
def test_the_old_place_of_what_was_moved_is_made_a_filesystem_in_two_commands(folder, size):  # noqa: F811
    world = World(folder, 2 * size + 20)
    world.do("resize", "a", "--size", f"{size}M")
    world.do("move", "a", "--start", f"{size + 10}M")
    world.do("add", "--name", "b", "--start", "1M", "--size", f"{size}M")
    world.do("set", "b", "--name", "c")
    world.do("format", "c", "--fs", "ext4")
    assert world.berth("part", "format", world.disk, "c", "--fs", "ext4", "--yes").returncode == REFUSED


@pytest.mark.parametrize("size, at", [(40, 30), (150, 1), (150, 76), (150, 140)])
def test_what_was_written_to_a_partition_over_what_berth_left_has_to_be_named(folder, size, at):  # noqa: F811
    world = World(folder, 2 * size + 20)
    world.do("resize", "a", "--size", f"{size}M")
    world.do("move", "a", "--start", f"{size + 10}M")
    world.do("add", "--name", "b", "--start", "1M", "--size", f"{size}M")
    put(world.disk, at * MIB + 700000, b"somebody's")
    world.asks("b", "format", "b", "--fs", "ext4")


def test_a_place_that_is_too_large_to_be_looked_through_has_to_be_named(folder):  # noqa: F811
    world = World(folder, 600)
    world.do("resize", "a", "--size", "290M")
    world.do("move", "a", "--start", "300M")
    world.do("add", "--name", "b", "--start", "1M", "--size", "280M")
    world.asks("b", "format", "b", "--fs", "ext4")


def test_a_new_boot_record_in_what_berth_left_leaves_the_rest_of_it_nobodys(folder):  # noqa: F811
    berth, disk = logical(folder)
    put(disk, 16 * MIB, b"a block that is free" * 1000)
    berth.ok("part", "resize", disk, "5", "--size", "10M", "--yes")
    berth.ok("part", "add", disk, "--logical", "--start", "20M", "--size", "1M", "--yes")
    berth.ok("part", "resize", disk, "5", "--size", "16M", "--yes")


# ---- what others left ----

def test_a_deleted_filesystem_is_named_where_a_new_one_begins_in_its_middle(world):
    put(world.disk, 20 * MIB, b"its files" * MIB)
    world.do("rm", "a")
    words = world.asks("b", *add("b", 21, 8))
    assert "the free range from 1 MiB to 100.0 MiB has ext4 (home) that begins at 1MiB" in words, words


def test_a_deleted_filesystem_is_named_where_a_new_one_begins_before_it(folder):  # noqa: F811
    world = World(folder)
    sfdisk(world.disk, 'label: gpt\nstart=20M,size=40M,name="x"\n')
    put(world.disk, MIB, bytes(MIB * 40))
    subprocess.run(["mke2fs", "-qF", "-E", f"offset={20 * MIB}", world.disk, "40M"], check=True, capture_output=True)
    world.do("rm", "x")
    assert "has ext2 that begins at 20MiB" in world.asks("b", *add("b", 4, 40))


def test_a_deleted_filesystem_is_named_where_others_are_free_before_it(folder):  # noqa: F811
    world = World(folder)
    put(world.disk, 35 * MIB, b"its files" * MIB)
    sfdisk(world.disk, 'label: gpt\nstart=20M,size=40M,name="x"\n')
    put(world.disk, MIB, bytes(MIB * 34))
    subprocess.run(["mke2fs", "-qF", "-L", "x", "-E", f"offset={20 * MIB}", world.disk, "40M"], check=True,
                   capture_output=True)
    put(world.disk, 41 * MIB, b"its files" * MIB)
    world.do("rm", "x")
    assert "has ext2 (x) that begins at 20MiB" in world.asks("b", *add("b", 41, 8))


def test_what_no_filesystem_reaches_is_data_that_berth_does_not_know(world):
    put(world.disk, 70 * MIB, b"somebody's")
    world.do("rm", "a")  # it ends at 41 MiB
    assert f"has data that berth does not know, at byte {70 * MIB}" in world.asks("b", *add("b", 50, 30))


def test_a_label_with_a_control_character_is_told_without_it(world):
    subprocess.run(["tune2fs", "-L", "a\x1b[31m", f"{world.disk}?offset={MIB}"], check=True, capture_output=True)
    world.do("rm", "a")
    assert "\x1b" not in world.asks("b", *add("b", 1, 8))


# ---- a disk that somebody uses ----

def test_a_plan_for_a_disk_that_is_in_use_says_so(world):
    with open(world.disk, "r+b") as file:
        fcntl.fcntl(file.fileno(), 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 101, 1, 0))
        planned = world.berth("-n", "part", "resize", world.disk, "a", "--size", "20M")
        assert planned.returncode == 0 and "in use" in planned.stdout, planned.stdout + planned.stderr
        assert "doing these steps is refused" in " ".join(planned.stdout.split())
        before = disks.fingerprint(world.disk)
        refused = world.berth("part", "resize", world.disk, "a", "--size", "20M", "--yes")
        assert refused.returncode == REFUSED and disks.fingerprint(world.disk) == before
    assert "refused" not in world.berth.ok("-n", "part", "resize", world.disk, "a", "--size", "20M")


# ---- files among devices ----

@pytest.mark.skipif(not os.path.ismount("/dev/shm") or not os.access("/dev/shm", os.W_OK),
                    reason="no memory to make files in")
def test_an_image_file_is_made_in_memory_and_none_among_the_devices(tmp_path):
    berth, path = Berth(tmp_path), f"/dev/shm/berth-{os.getpid()}.img"
    try:
        berth.ok("part", "table", path, "gpt", "--size", "8M", "--yes")
        assert disks.table(path)["label"] == "gpt"
    finally:
        os.unlink(path)
    for gone in ("/dev/no-such-disk", "/dev/disk/by-id/no-such-disk"):
        assert berth("part", "table", gone, "gpt", "--size", "8M", "--yes").returncode == 4
        assert not os.path.exists(gone)


# ---- a disk that was enlarged ----

@pytest.mark.parametrize("repaired", [False, True])
def test_the_backup_where_the_disk_ended_is_the_tables_own(tmp_path, repaired):
    berth, path = Berth(tmp_path), tmp_path / "disk.img"
    berth.ok("part", "table", path, "gpt", "--size", "100M", "--yes")
    berth.ok("part", "add", path, "--name", "data", "--size", "rest", "--fs", "ext4", "--yes")
    os.truncate(path, 200 << 20)
    if repaired:
        berth.ok("disk", "check", path, "--repair", "--yes")
    with open(path, "r+b") as disk:
        os.pwrite(disk.fileno(), b"somebody's", 150 << 20)
    refused = berth("part", "resize", path, "data", "--size", "rest", "--yes")
    assert refused.returncode == REFUSED and str(150 << 20) in refused.stderr
    with open(path, "r+b") as disk:
        os.pwrite(disk.fileno(), bytes(10), 150 << 20)
    berth.ok("part", "resize", path, "data", "--size", "rest", "--yes")
    start, end = disks.ranges(path)["data"]
    assert end - start > 190 << 20


def test_a_backup_of_another_disk_is_data(tmp_path):
    berth, path, other = Berth(tmp_path), tmp_path / "disk.img", tmp_path / "other.img"
    for image in (path, other):
        berth.ok("part", "table", image, "gpt", "--size", "100M", "--yes")
    berth.ok("part", "add", other, "--name", "theirs", "--size", "rest", "--yes")
    berth.ok("part", "add", path, "--name", "data", "--size", "rest", "--fs", "ext4", "--yes")
    os.truncate(path, 200 << 20)
    with open(other, "rb") as file, open(path, "r+b") as disk:
        os.pwrite(disk.fileno(), os.pread(file.fileno(), 33 * 512, (100 << 20) - 33 * 512),
                  (100 << 20) - 33 * 512)
    done = berth("part", "resize", path, "data", "--size", "rest", "--yes")
    assert done.returncode == REFUSED and "--lose data" in done.stderr


# ---- a disk that was cut within a partition ----

def cut(tmp_path, kind, end=b""):
    """A disk of 200 MiB with three partitions, of which the last, an ext4 from 150 MiB on, ends behind its end."""
    berth, disk = Berth(tmp_path), tmp_path / "d.img"
    with open(disk, "wb") as file:
        file.truncate(200 * MIB)
    sfdisk(disk, f"label: {kind}\nsize=20M\nsize=20M\nstart=150M,size=40M\n")
    subprocess.run(["mke2fs", "-qF", "-t", "ext4", "-E", f"offset={150 * MIB}", disk, "40M"], check=True,
                   capture_output=True)
    os.truncate(disk, 170 * MIB)
    put(disk, 170 * MIB - 512, end)
    return berth, disk


@pytest.mark.parametrize("kind, end", [("gpt", b""), ("dos", b""), ("dos", b"somebody's")])
def test_deleting_what_was_cut_asks_for_nothing_where_nothing_is_overwritten(tmp_path, kind, end):
    berth, disk = cut(tmp_path, kind, end)
    before = disks.fingerprint(disk, 150 * MIB)
    berth.ok("part", "rm", disk, "3", "--yes")
    assert "nothing is wrong" in berth.ok("disk", "check", disk)
    berth.ok("disk", "undo", disk, "--yes")
    assert disks.fingerprint(disk, 150 * MIB) == before


def test_deleting_what_was_cut_asks_for_what_the_backup_of_the_gpt_overwrites(tmp_path):
    berth, disk = cut(tmp_path, "gpt", b"somebody's")
    refused = berth("part", "rm", disk, "3", "--yes")
    assert refused.returncode == REFUSED and "--lose 3" in refused.stderr
    berth.ok("part", "rm", disk, "3", "--yes", "--lose", "3")


@pytest.mark.parametrize("kind", ["gpt", "dos"])
def test_what_was_cut_refuses_every_change_alike(tmp_path, kind):
    berth, disk = cut(tmp_path, kind)
    for command in (("add", "--size", "5M"), ("rm", "1"), ("set", "1", "--type", "swap"),
                    ("set", "1", "--uuid", "new"), ("resize", "1", "--size", "10M"),
                    ("move", "1", "--start", "+60M"), ("format", "1", "--fs", "swap")):
        if kind == "dos" and "--uuid" in command:
            continue
        refused = berth("part", command[0], disk, *command[1:], "--yes")
        assert refused.returncode == REFUSED, (command, refused.stderr)
        assert "partition 3 lies past the end" in refused.stderr and "part rm" in refused.stderr


# ---- sizes that are too small ----

TOO_SMALL = [("xfs", "300 MiB"), ("ext4", "4 MiB"), ("btrfs", "110 MiB"), ("luks", "17 MiB"), ("ntfs", "2 MiB"),
             ("swap", "40 KiB"), ("vfat", "2136KiB")]


@pytest.mark.parametrize("fs, least", TOO_SMALL)
def test_what_is_too_small_for_a_filesystem_is_refused_with_its_smallest_size(folder, fs, least):  # noqa: F811
    berth, disk = Berth(folder), folder / "d.img"
    (folder / "key").write_text("secret")
    more = ("--fs", fs, *(("--key-file", folder / "key") if fs == "luks" else ()), "--yes")
    berth.ok("part", "table", disk, "gpt", "--size", "20M", "--yes")
    berth.ok("part", "add", disk, "--size", "32K", "--align", "4K", "--yes")
    before = disks.fingerprint(disk)
    for command in (("add", disk, "--size", "32K", "--align", "4K"), ("format", disk, "1")):
        done = berth("part", *command, *more)
        assert done.returncode == USAGE
        assert f"32 KiB are too few for {fs}, which takes {least} or more" in done.stderr
    assert disks.fingerprint(disk) == before


def test_a_btrfs_is_grown_to_no_size_that_the_kernel_does_not_set(folder):  # noqa: F811
    berth, disk = Berth(folder), folder / "d.img"
    berth.ok("part", "table", disk, "gpt", "--size", "400M", "--yes")
    berth.ok("part", "add", disk, "--size", "110M", "--fs", "btrfs", "--yes")
    before = disks.fingerprint(disk)
    done = berth("part", "resize", disk, "1", "--size", "255M", "--yes")
    assert done.returncode == USAGE and "its btrfs cannot be set to less than 256MiB" in done.stderr
    assert "--size 256MiB or more" in done.stderr
    assert disks.fingerprint(disk) == before


def test_a_copy_of_a_superblock_is_called_one(world):
    world.do("resize", "a", "--size", "22M")
    subprocess.run(["sgdisk", "-c", "1:a2", world.disk], check=True, capture_output=True)  # what berth left is anybody's
    for offset in range(23, 41):  # all but what is in the fourth block group, and begins it
        put(world.disk, offset * MIB, bytes(MIB - 4096) if offset != 25 else bytes(1024))
    said = world.asks("a2", "resize", "a2", "--size", "35M")
    assert "a copy of the superblock of an ext filesystem that begins, or began, at 1MiB" in said


def test_of_a_large_place_that_was_left_the_refusal_says_how_much_is_known(folder):  # noqa: F811
    for size in 200, 300:
        world = World(folder, size)
        with open(world.disk, "r+b") as file:
            file.truncate((2 * size + 60) * MIB)
        subprocess.run(["sgdisk", "-e", world.disk], check=True, capture_output=True)
        world.do("move", "a", "--start", f"{size + 20}M")
        world.do("add", "--name", "b", "--start", "1M", "--size", f"{size}M")
        if size > 256:
            assert "left there it would know up to 256MiB" in world.asks("b", "format", "b", "--fs", "ext4")
        else:
            world.do("format", "b", "--fs", "ext4")


FRAME = "start=20M,size=150M,type=5\nstart=40M,size=20M\n"


@pytest.mark.parametrize("frame, words", [(FRAME, ("--logical", "--start", "80M")),
                                          ("", ("--type", "extended", "--start", "60M"))])
def test_a_boot_record_goes_over_what_somebody_left_only_by_name(folder, frame, words):  # noqa: F811
    berth, disk = Berth(folder), folder / "d.img"
    with open(disk, "wb") as file:
        file.truncate(200 * MIB)
    sfdisk(disk, f"label: dos\n{frame}")
    put(disk, 60 * MIB, b"somebody's")
    before = disks.fingerprint(disk)
    add_it = ("part", "add", disk, "--size", "20M", *words, "--yes")
    refused = berth(*add_it)
    lose = "6" if frame else disk
    assert refused.returncode == REFUSED and refused.stderr.strip().endswith(f"--lose {lose}"), refused.stderr
    assert disks.fingerprint(disk) == before
    assert "LOSES where a boot record goes" in berth.ok(*add_it, "--lose", lose)
