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


def make(folder, kind, by):  # noqa: F811
    """One partition of that many MiB more than its filesystem; (disk, MiB of the filesystem, its content)"""
    disk, size = Disk(folder, (None, None), None), SIZES[kind]
    with open(disk.path, "r+b") as file:
        file.truncate((2 * size + 200) * MIB)
    subprocess.run(["sfdisk", "-q", disk.path], input=f"label: gpt\nstart={START}M, size={size + by}M, name=x",
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


def test_its_end_is_no_free_space(folder, kind):  # noqa: F811
    disk, size, files = make(folder, kind, -CUT)
    words = ("part", "add", "--name", "new", "--start", f"{START + size - CUT}M", "--size", "40M")
    said = disk.refuses(REFUSED, f"the {kind} of partition 1", *words, "--fs", "ext4")
    assert "--lose new" in said
    disk.do(*words, "--fs", "ext4", "--lose", "new")


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
