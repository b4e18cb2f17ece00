# SPDX-License-Identifier: GPL-3.0-or-later
"""Partitions that are not as large as their filesystem: cut shorter by another tool, or with room behind it."""
import subprocess

import pytest

import disks
import filled
from part_disk import MIB, REFUSED, Disk, folder, originals  # noqa: F401

SIZES = {"ext4": 48, "vfat": 48, "ntfs": 48, "swap": 48, "btrfs": 120, "xfs": 320}
START, CUT = 40, 8


@pytest.fixture(params=SIZES)
def kind(request):
    return request.param


def make_logical(folder, kind, sector):  # noqa: F811
    """The same as a logical partition of an MBR, cut by CUT MiB; its number is 5"""
    disk, size = Disk(folder, (None, None), None), SIZES[kind]
    with open(disk.path, "r+b") as file:
        file.truncate((size + 200) * MIB)

    def do(verb, *words):
        return disk.berth.ok("--sector-size", sector, "part", verb, disk.path, *words, "--yes")

    do("table", "mbr")
    do("add", "--type", "extended", "--start", "20M", "--size", f"{size + 150}M")
    do("add", "--logical", "--start", f"{START}M", "--size", f"{size - CUT}M")
    filled.make(kind, f"{disk.path}.fs", size * MIB, sector=int(sector))
    filled.paste(f"{disk.path}.fs", disk.path, START * MIB)
    return disk, size, do


def make(folder, kind, by, label="gpt"):  # noqa: F811
    """One partition of that many MiB more than its filesystem; (disk, MiB of the filesystem, its content)"""
    disk, size = Disk(folder, (None, None), None), SIZES[kind]
    with open(disk.path, "r+b") as file:
        file.truncate((2 * size + 200) * MIB)
    more = ", name=x" if label == "gpt" else ""
    subprocess.run(["sfdisk", "-q", disk.path], input=f"label: {label}\nstart={START}M, size={size + by}M{more}",
                   text=True, check=True)
    content = filled.make(kind, f"{disk.path}.fs", size * MIB)
    filled.paste(f"{disk.path}.fs", disk.path, START * MIB)
    return disk, size, content


def content(disk, kind, size):
    return filled.content(kind, disk.path, START * MIB, (START + size) * MIB)


def test_it_is_not_moved_without_its_end(folder, kind):  # noqa: F811
    disk, size, files = make(folder, kind, -CUT)
    for start in ("+10M", f"{START + size + 20}M", "20M"):  # over its end, apart, to the left
        said = disk.refuses(REFUSED, f"its {kind} takes {size}MiB", "part", "move", "x", "--start", start,
                            "--lose", "x")
        assert f"berth part resize {disk.path} 1 --size {size}MiB" in said
    assert content(disk, kind, size) == files


def test_it_gets_its_size_back_and_nothing_else(folder, kind):  # noqa: F811
    disk, size, files = make(folder, kind, -CUT)
    assert f"its {kind} takes {size}MiB" in disk.ok("disk", "show")
    before = disks.fingerprint(disk.path, START * MIB, (START + size) * MIB)
    for wrong in (f"{size - CUT // 2}M", f"{size - 2 * CUT}M"):
        disk.refuses(REFUSED, f"--size {size}MiB", "part", "resize", "x", "--size", wrong)
    disk.do("part", "resize", "x", "--size", f"{size}MiB")
    assert disk.parts() == {1: (START, size)}
    assert disks.fingerprint(disk.path, START * MIB, (START + size) * MIB) == before
    assert content(disk, kind, size) == files
    assert "takes" not in disk.ok("disk", "show")


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_an_undo_cuts_again_what_was_put_right(folder, kind, label):  # noqa: F811
    disk, size, files = make(folder, kind, -CUT, label)
    before = disks.fingerprint(disk.path, START * MIB, (START + size) * MIB)
    tables = [disk.read(0, 34 * 512), disk.read(-33 * 512, 33 * 512)]
    disk.do("part", "resize", "1", "--size", f"{size}MiB")
    for now, said in ((size - CUT, "is cut short again"), (size, "put right")) * 2:
        assert said in disk.do("disk", "undo")
        assert disk.parts() == {1: (START, now)}
        assert disks.fingerprint(disk.path, START * MIB, (START + size) * MIB) == before
        if now < size:
            assert [disk.read(0, 34 * 512), disk.read(-33 * 512, 33 * 512)] == tables
            disk.refuses(REFUSED, f"its {kind} takes {size}MiB", "part", "move", "1", "--start", "+10M")
    assert content(disk, kind, size) == files


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "xfs"], indirect=True)
def test_what_was_put_right_and_used_is_not_cut_again(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    disk.do("part", "resize", "x", "--size", f"{size}MiB")
    filled.make(kind, f"{disk.path}.fs", size * MIB, seed=2)
    filled.paste(f"{disk.path}.fs", disk.path, START * MIB)
    said = disk.refuses(REFUSED, "would be cut short again", "disk", "undo")
    assert f"{disk.path} 1 --size {size - CUT}MiB" in said


@pytest.mark.parametrize("kind", ["ext4", "ntfs"], indirect=True)
def test_the_end_that_an_undo_has_cut_off_is_nothing_that_berth_left(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    disk.patch((START + size) * MIB - 4096, b"the last of it")
    disk.do("part", "resize", "x", "--size", f"{size}MiB")
    disk.do("disk", "undo")
    disk.do("part", "rm", "x")
    disk.refuses(REFUSED, "--lose new", "part", "add", "--name", "new", "--start", f"{START + size - CUT}M",
                 "--size", f"{CUT}M", "--fs", "ext4")


def test_its_end_is_no_free_space(folder, kind):  # noqa: F811
    disk, size, files = make(folder, kind, -CUT)
    words = ("part", "add", "--name", "new", "--start", f"{START + size - CUT}M", "--size", "40M")
    said = disk.refuses(REFUSED, f"the {kind} of partition 1", *words, "--fs", "ext4")
    assert "--lose x" in said and "new" not in said.split("--lose")[1]
    assert f"the {kind} of partition 1" in disk.do(*words, "--fs", "ext4", "--lose", "x")


def clear_end(disk, size, by=CUT):
    """The end of its filesystem reads as zeros."""
    with open(disk.path, "r+b") as file:
        disks.punch(file.fileno(), (START + size - by) * MIB, by * MIB)


def test_its_end_is_kept_from_a_partition_that_was_put_over_it(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    clear_end(disk, size)
    disk.do("part", "add", "--name", "new", "--start", f"{START + size - CUT}M", "--size", "40M")
    said = disk.refuses(REFUSED, f"the {kind} of partition 1", "part", "format", "new", "--fs", "ext4")
    assert said.strip().endswith("--lose x")
    disk.do("part", "format", "new", "--fs", "ext4", "--lose", "x")
    disk.do("part", "format", "new", "--fs", "vfat", "--lose", "new")  # what has come there since is all there is


def test_a_copy_of_its_superblock_begins_no_filesystem(folder):  # noqa: F811
    disk, size, _ = make(folder, "xfs", -SIZES["xfs"] // 4)  # of its four groups the last one is cut off
    disk.do("part", "add", "--name", "new", "--start", f"{START + size * 3 // 4}M", "--size", "100M")
    assert disk.show()["partitions"][1]["fs"] is None
    said = disk.refuses(REFUSED, "the xfs of partition 1", "part", "format", "new", "--fs", "ext4", "--lose", "new")
    assert said.strip().endswith("--lose x")
    disk.do("part", "rm", "x")
    disk.patch(START * MIB, bytes(4096))
    disk.do("part", "rm", "new")
    disk.refuses(REFUSED, f"a copy of the superblock of an xfs filesystem that begins, or began, at {START}MiB",
                 "part", "add", "--start", f"{START + size * 3 // 4}M", "--size", "40M", "--fs", "ext4")


@pytest.mark.parametrize("kind", ["ext4"], indirect=True)
def test_what_a_partition_over_its_end_holds_has_to_be_named_beside_it(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    disk.do("part", "add", "--name", "new", "--start", f"{START + size - CUT}M", "--size", "40M")
    disk.patch((START + size + 20) * MIB, b"somebody's")
    for lose, missing in ("x", "new"), ("new", "x"):
        said = disk.refuses(REFUSED, f"--lose {missing}", "part", "format", "new", "--fs", "ext4", "--lose", lose)
        assert f"--lose {lose}" not in said


@pytest.mark.parametrize("kind", ["ext4", "swap"], indirect=True)
def test_a_filesystem_over_its_end_does_not_grow_over_more_of_it(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    clear_end(disk, size)
    at = START + size - CUT
    for name, start, has in ("small", at, CUT // 2), ("in", at + CUT // 2, 40):
        disk.do("part", "add", "--name", name, "--start", f"{start}M", "--size", f"{has}M")
    filled.make("vfat", f"{disk.path}.fs", 2 * MIB, count=1, small=1)
    filled.paste(f"{disk.path}.fs", disk.path, (at + CUT // 2) * MIB)
    disk.refuses(REFUSED, "--lose x", "part", "resize", "in", "--size", "60M")
    disk.do("part", "rm", "in")
    disk.do("part", "format", "small", "--fs", "ext4", "--lose", "x")
    disk.refuses(REFUSED, "--lose x", "part", "resize", "small", "--size", f"{CUT}M")


@pytest.mark.parametrize("zeros", [True, False])
def test_a_script_that_deletes_it_and_moves_another_over_its_end_names_it(folder, zeros):  # noqa: F811
    disk, size, _ = make(folder, "ext4", -CUT)
    disk.do("part", "add", "--name", "z", "--start", "150M", "--size", "40M", "--fs", "ext4")
    clear_end(disk, size)
    if not zeros:
        disk.patch((START + size - 4) * MIB, b"a file's end")
    uuid, = (p["uuid"] for p in disks.table(disk.path)["partitions"] if p["name"] == "z")
    (folder / "script").write_text(f"label: gpt\nstart={START + size - CUT}M, size=40M, name=z, uuid={uuid}\n")
    words = ("apply", folder / "script", "--disk", disk.path, "--prune", "--yes")
    refused = disk.berth(*words)
    assert refused.returncode == REFUSED and refused.stderr.strip().endswith("--lose x"), refused.stderr
    disk.berth.ok(*words, "--lose", "x")


@pytest.mark.parametrize("zeros", [True, False])
def test_of_what_was_deleted_only_bytes_are_kept(folder, zeros):  # noqa: F811
    disk, size, _ = make(folder, "ext4", -CUT)
    clear_end(disk, size)
    if not zeros:
        disk.patch((START + size - 4) * MIB, b"a file's end")
    disk.do("part", "rm", "x")
    words = ("part", "add", "--name", "new", "--start", f"{START + size - CUT}M", "--size", "40M", "--fs", "ext4")
    if not zeros:
        disk.refuses(REFUSED, "--lose new", *words)
    disk.do(*words, *(() if zeros else ("--lose", "new")))


def test_the_end_of_a_swap_that_a_system_sleeps_in_is_kept(folder):  # noqa: F811
    disk, size, _ = make(folder, "swap", -CUT)
    disk.patch(START * MIB + 4096 - 10, b"S1SUSPEND\0")
    disk.refuses(REFUSED, "--lose x", "part", "add", "--start", f"{START + size - CUT}M", "--size", "40M", "--fs", "ext4")
    disk.refuses(REFUSED, "its swsuspend takes", "part", "move", "x", "--start", "+10M")
    disk.do("part", "resize", "x", "--size", f"{size}M")


@pytest.mark.parametrize("sector", ["512", "4096"])
@pytest.mark.parametrize("kind", ["ext4", "vfat", "swap"], indirect=True)
def test_no_boot_record_goes_over_its_end_unnamed(folder, kind, sector):  # noqa: F811
    disk, size, do = make_logical(folder, kind, sector)
    clear_end(disk, size)
    before = disks.fingerprint(disk.path)
    for where in ("--start", f"{START + size}M"), ():
        refused = disk.berth("--sector-size", sector, "part", "add", disk.path, "--logical", "--size", "20M", *where,
                             "--yes")
        assert refused.returncode == REFUSED and refused.stderr.strip().endswith("--lose 5"), refused.stderr
    assert disks.fingerprint(disk.path) == before
    do("resize", "5", "--size", f"{size}M")
    do("add", "--logical", "--size", "20M")


def test_no_copy_of_the_table_goes_over_its_end_unnamed(folder):  # noqa: F811
    disk, size, _ = make(folder, "ext4", -CUT)
    disk.do("part", "table", "mbr", "--convert")
    clear_end(disk, size)
    with open(disk.path, "r+b") as file:
        file.truncate((START + size) * MIB)
    disk.refuses(REFUSED, "--lose 1", "part", "table", "gpt", "--convert")
    assert "LOSES the end of a filesystem" in disk.do("part", "table", "gpt", "--convert", "--lose", "1")


def test_its_end_has_no_room_for_the_log(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, -CUT)
    for end in (MIB, START * MIB):  # nor has what is before it
        disk.patch(end - 512, b"x" * 512)
    with open(disk.path, "r+b") as file:
        file.truncate((START + size) * MIB)
    subprocess.run(["sgdisk", "-e", disk.path], check=True, capture_output=True)
    end = START * MIB + (size - CUT) * MIB, (START + size) * MIB - 33 * 512
    before = disks.fingerprint(disk.path, *end)
    assert "no room for a log" in disk.do("part", "set", "x", "--name", "y")
    assert disks.fingerprint(disk.path, *end) == before


def test_an_undo_gives_back_the_room_behind_it_and_leaves_it_alone(folder, kind):  # noqa: F811
    disk, has, files = make(folder, kind, 20)
    tables = disk.read(512, 16384), disk.read(-512, 512)
    before = disks.fingerprint(disk.path, START * MIB, (START + has) * MIB)
    disk.do("part", "resize", "x", "--size", f"{has + 10}M")
    for size in (has + 20, has + 10, has + 20):  # an undo of the undo among them
        disk.do("disk", "undo")
        assert disk.parts() == {1: (START, size)}
    assert (disk.read(512, 16384), disk.read(-512, 512)) == tables
    assert disks.fingerprint(disk.path, START * MIB, (START + has) * MIB) == before
    assert content(disk, kind, has) == files


@pytest.mark.parametrize("kind", ["ext4", "vfat", "ntfs"], indirect=True)
def test_an_undo_cuts_no_filesystem_that_others_made_larger(folder, kind):  # noqa: F811
    disk, has, _ = make(folder, kind, 20)
    disk.do("part", "resize", "x", "--size", f"{has + 5}M")
    disk.do("disk", "undo")
    files = filled.make(kind, f"{disk.path}.fs", (has + 20) * MIB)
    filled.paste(f"{disk.path}.fs", disk.path, START * MIB)
    disk("disk", "undo", "--yes")
    size = round(disk.parts()[1][1])
    assert content(disk, kind, size) == files


@pytest.mark.parametrize("kind", ["ext4", "vfat", "ntfs", "swap"], indirect=True)
@pytest.mark.parametrize("first", [None, "-10M", "-60M"])
def test_it_does_not_grow_over_what_lies_behind_it_unnamed(folder, kind, first):  # noqa: F811
    disk, has, _ = make(folder, kind, 40)
    disk.patch((START + has + 35) * MIB, b"somebody's")
    if first:
        disk.do("part", "resize", "x", "--size", first)
    said = disk.refuses(REFUSED, "where partition 1", "part", "resize", "x", "--size", f"{has + 60}M")
    assert "--lose x" in said
    disk.do("part", "resize", "x", "--size", f"{has + 60}M", "--lose", "x")


@pytest.mark.parametrize("kind", ["ext4", "vfat", "ntfs", "swap"], indirect=True)
def test_what_it_had_itself_behind_it_asks_for_nothing(folder, kind):  # noqa: F811
    disk, has, files = make(folder, kind, 0)
    for size in (has - 20, has + 20, has - 10, has):
        disk.do("part", "resize", "x", "--size", f"{size}M")
    assert content(disk, kind, has) == files


def test_it_can_be_made_as_large_as_its_partition(folder):  # noqa: F811
    disk, has, files = make(folder, "ext4", 20)
    said = disk.do("part", "resize", "x", "--size", f"{has + 20}M")
    assert f"its ext4 has {has}MiB" in said and f"`berth part resize {disk.path} 1 --size {has}MiB`" in said
    for size in (has, has + 20):
        disk.do("part", "resize", "x", "--size", f"{size}M")
    assert content(disk, "ext4", has + 20) == files
    assert "note" not in disk.do("part", "resize", "x", "--size", f"{has + 20}M")


def test_a_moved_filesystem_that_was_made_anew_is_not_moved_back(folder, kind):  # noqa: F811
    disk, size, _ = make(folder, kind, 0)
    disk.do("part", "move", "x", "--start", f"{START + 10}M")
    filled.make(kind, f"{disk.path}.fs", size * MIB, seed=2)
    filled.paste(f"{disk.path}.fs", disk.path, (START + 10) * MIB)
    disk.refuses(REFUSED, "the filesystem in it was written to since", "disk", "undo")
