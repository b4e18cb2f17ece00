# SPDX-License-Identifier: GPL-3.0-or-later
"""MBRs: the chain of extended boot records, what is damaged in it and the way out, conversion."""
import struct
import subprocess

import pytest

import disks
from part_disk import (DAMAGED, MIB, REFUSED, SIZE, USAGE, Disk, blank, folder,  # noqa: F401
                       gpt, mbr, originals, damages, write_entries)


def others_agree(disk):
    """No other tool has anything to say about it, and they read what berth reads."""
    said = subprocess.run(["sfdisk", "--verify", disk.path], capture_output=True, text=True)
    assert "No errors" in said.stdout and "omitting" not in said.stdout + said.stderr
    said = subprocess.run(["sgdisk", "-v", disk.path], capture_output=True, text=True)
    assert "No problems" in said.stdout and "EBR" not in said.stdout + said.stderr
    said = subprocess.run(["parted", "-sm", disk.path, "unit", "B", "print"], capture_output=True,
                          text=True, check=True)
    assert not said.stderr
    lines = [line.split(":") for line in said.stdout.splitlines()[2:]]
    found = {int(line[0]): (int(line[1][:-1]) / MIB, int(line[3][:-1]) / MIB) for line in lines}
    assert found == disk.parts()


# ---- the chain ----

def test_the_first_logical_partition_goes_and_other_tools_have_no_complaint(mbr):
    before = disks.fingerprint(mbr.path, 20 * MIB, 80 * MIB)
    for start in (31, 40):
        mbr.do("part", "rm", "5")
        assert mbr.parts()[5][0] == start
        others_agree(mbr)
    mbr.do("part", "rm", "5")
    others_agree(mbr)
    assert damages(mbr) == []
    mbr.do("disk", "undo")
    mbr.do("part", "add", "--logical", "--size", "8M", "--gap", "largest")
    others_agree(mbr)
    assert disks.fingerprint(mbr.path, 20 * MIB, 80 * MIB) != before


def test_the_first_logical_partition_comes_back(mbr):
    before = disks.fingerprint(mbr.path, 20 * MIB, 80 * MIB)
    mbr.do("part", "rm", "5")
    mbr.do("disk", "undo")
    assert disks.fingerprint(mbr.path, 20 * MIB, 80 * MIB) == before
    mbr.check_files(21)


# ---- damage, and the way out ----

LOGICALS = {5: (21, 8), 6: (31, 4), 7: (40, 8)}


def records(disk):
    """Where the boot records of the logical partitions are, in bytes."""
    found = [20 * MIB]
    for _ in LOGICALS:
        link = disk.read(found[-1] + 446 + 16, 16)
        if link[4] != 0:
            found.append(20 * MIB + 512 * struct.unpack_from("<I", link, 8)[0])
    return found


def put_link(disk, at, lba, sectors=8192):
    disk.patch(at + 446 + 16, struct.pack("<BxxxBxxxII", 0, 5, lba, sectors))


def logicals(disk):
    return {number: place for number, place in disk.parts().items() if number > 4}


def check_way_out(disk, folder, harm, way, kept, words=""):
    """Follows the hint of `disk check` by its word, goes back, and restores the backup."""
    disk.ok("disk", "backup", folder / "backup")
    harm()
    before = disk.beside_log()
    hint = disk.refuses(DAMAGED, words, "disk", "check")
    assert f"`berth {' '.join(map(str, way))}" in hint
    for command in (("part", "add", "--size", "4M"), ("part", "set", "1", "--type", "07"),
                    ("part", "resize", "1", "--size", "12M"), ("part", "rm", "1")):
        assert f"`berth {' '.join(map(str, way))}" in disk.refuses(REFUSED, words, *command)
    disk.berth.ok(*way, "--yes")
    assert damages(disk) == [] and logicals(disk) == kept
    others_agree(disk)
    disk.check_files(1)
    disk.do("disk", "undo")
    assert disk.beside_log() == before
    if "restore" in hint:
        assert f"`berth disk restore {disk.path} FILE`" in hint
        disk.do("disk", "restore", folder / "backup")
        assert damages(disk) == [] and logicals(disk) == LOGICALS
        others_agree(disk)


def first(n):
    return {number: LOGICALS[number] for number in list(LOGICALS)[:n]}


def test_a_chain_that_comes_back_to_itself_is_ended(mbr, folder):
    last = records(mbr)[2]
    check_way_out(mbr, folder, lambda: put_link(mbr, last, 0), ("disk", "check", "--repair", mbr.path),
                  LOGICALS, "passed already")
    mbr.do("disk", "check", "--repair")
    put_link(mbr, records(mbr)[1], 0)
    mbr.do("part", "rm", "7")
    assert damages(mbr) == [] and logicals(mbr) == first(2)
    assert mbr.read(last, 512)[510:] == b"\x55\xaa"  # it is free space, and not written


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_boot_record_that_is_none_can_be_given_up(mbr, folder, lost):
    at = records(mbr)[lost - 1]
    check_way_out(mbr, folder, lambda: mbr.patch(at + 510, b"xx"),
                  ("part", "rm", mbr.path, 4 + lost), first(lost - 1), "is not one")


def test_a_link_to_nowhere_can_be_given_up(mbr, folder):
    at = records(mbr)[0]
    check_way_out(mbr, folder, lambda: put_link(mbr, at, 1 << 20), ("part", "rm", mbr.path, 6),
                  first(1), "outside the extended partition")


def test_an_erased_first_boot_record_is_no_empty_extended_partition(mbr, folder):
    check_way_out(mbr, folder, lambda: mbr.patch(20 * MIB, bytes(512)),
                  ("part", "rm", mbr.path, 5), {}, "is erased")


def test_an_extended_partition_with_an_erased_boot_record_can_be_deleted(mbr):
    mbr.patch(20 * MIB, bytes(512))
    before = mbr.beside_log()
    mbr.do("part", "rm", "2")
    assert damages(mbr) == [] and mbr.parts() == {1: (1, 16)}
    mbr.do("disk", "undo")
    assert mbr.beside_log() == before


def test_an_extended_partition_without_logical_ones_is_sound(blank):
    subprocess.run(["sfdisk", "-q", blank.path], input="label: dos\nsize=10M\nsize=60M,type=5\n",
                   text=True, check=True)
    assert damages(blank) == []
    blank.do("part", "add", "--logical", "--size", "4M")
    others_agree(blank)


def overlap(disk, record, end):
    """The partition of that record of a table reaches to that MiB."""
    start, = struct.unpack("<I", disk.read(record + 446 + 8, 4))
    first_sector = record // 512 + start
    disk.patch(record + 446 + 12, struct.pack("<I", end * 2048 - first_sector))


@pytest.mark.parametrize("gone, kept", [(6, {5: (21, 12), 6: (40, 8)}),
                                        (5, {5: (31, 4), 6: (40, 8)})])
def test_either_of_two_partitions_that_overlap_can_be_deleted(mbr, folder, gone, kept):
    way = ("part", "rm", mbr.path, 6)
    check_way_out(mbr, folder, lambda: overlap(mbr, records(mbr)[0], 33), way,
                  {5: (21, 12), 6: (40, 8)}, "partition 6 overlaps partition 5")
    overlap(mbr, records(mbr)[0], 33)
    mbr.do("part", "rm", gone)
    assert damages(mbr) == [] and logicals(mbr) == kept


def test_partitions_that_overlap_are_deleted_one_by_one(blank):
    subprocess.run(["sfdisk", "-q", blank.path], text=True, check=True, input="label: dos\n"
                   "start=1M,size=9M\nstart=10M,size=9M\nstart=20M,size=9M\nstart=30M,size=9M\n")
    for record in (0, 32):
        blank.patch(446 + record + 12, struct.pack("<I", 11 * 2048))
    assert damages(blank) == ["overlap", "overlap"]
    for number in ("5", "rm"):
        blank.refuses(4, "there is no partition", "part", "rm", number)
    blank.do("part", "rm", "3")
    assert damages(blank) == ["overlap"]
    blank.do("part", "rm", "1")
    assert damages(blank) == [] and blank.parts() == {2: (10, 9), 4: (30, 9)}


def test_a_chain_that_is_damaged_is_cured_before_partitions_that_overlap(mbr):
    mbr.patch(records(mbr)[2] + 510, b"xx")
    mbr.patch(446 + 12, struct.pack("<I", 20 * 2048))  # 1 reaches into the extended one
    assert damages(mbr) == ["overlap", "ebr-damaged"]
    hint = f"`berth part rm {mbr.path} 7`"
    assert hint in mbr("disk", "check").stderr
    assert hint in mbr.refuses(REFUSED, "partition 7", "part", "rm", "1")  # it would end the chain unsaid
    mbr.do("part", "rm", "7")
    assert damages(mbr) == ["overlap"]
    mbr.do("part", "rm", "1")
    assert damages(mbr) == [] and logicals(mbr) == first(2)


def test_partitions_of_a_gpt_that_overlap_can_be_deleted(gpt):
    array = bytearray(gpt.read(1024, 128 * 128))
    struct.pack_into("<Q", array, 40, 45 * 2048 - 1)
    write_entries(gpt, array)
    assert damages(gpt) == ["overlap"]
    gpt.refuses(REFUSED, f"part rm {gpt.path} 2", "part", "rm", "3")
    gpt.do("part", "rm", "2")
    assert damages(gpt) == [] and gpt.parts() == {1: (10, 35), 3: (60, 4)}
    gpt.do("disk", "undo")
    assert damages(gpt) == ["overlap"]
    gpt.do("part", "rm", "1")
    gpt.check_files(40)


def test_a_boot_record_inside_a_partition_is_out_of_the_way_with_either(mbr):
    record = mbr.read(records(mbr)[2], 512)
    mbr.patch(22 * MIB, record)
    put_link(mbr, records(mbr)[1], 2 * MIB // 512)
    mbr.patch(22 * MIB + 446 + 8, struct.pack("<I", 18 * MIB // 512))
    assert damages(mbr) == ["ebr-inside"]
    assert f"part rm {mbr.path} 7" in mbr("disk", "check").stderr
    before = mbr.beside_log()
    mbr.do("part", "rm", "7")
    assert damages(mbr) == [] and logicals(mbr) == first(2)
    mbr.do("disk", "undo")
    assert mbr.beside_log() == before
    mbr.do("part", "rm", "5")
    assert damages(mbr) == [] and logicals(mbr) == {5: (31, 4), 6: (40, 8)}


# ---- conversion ----

def many(disk, places):
    """A GPT with partitions at (start, size) in MiB."""
    disk.do("part", "table", "gpt")
    for start, size in places:
        disk.do("part", "add", "--start", f"{start}M", "--size", f"{size}M", "--name", f"p{start}")


def test_a_gpt_of_more_than_four_partitions_becomes_an_mbr_with_logical_ones(gpt):
    for start in (70, 76, 82):
        gpt.do("part", "add", "--start", f"{start}M", "--size", "4M")
    before = gpt.read(0, 34 * 512), gpt.read(-33 * 512, 33 * 512), gpt.parts()
    said = gpt.do("part", "table", "mbr", "--convert")
    assert "partition 4 becomes the logical partition 5" in said and "extended partition 4" in said
    assert gpt.parts() == {1: (10, 16), 2: (40, 12), 3: (60, 4), 4: (69, 17), 5: (70, 4),
                           6: (76, 4), 7: (82, 4)}
    assert damages(gpt) == []
    others_agree(gpt)
    gpt.check_files(10)
    gpt.check_files(40)
    gpt.do("disk", "undo")
    assert (gpt.read(0, 34 * 512), gpt.read(-33 * 512, 33 * 512), gpt.parts()) == before
    gpt.do("part", "table", "mbr", "--convert")
    gpt.do("part", "table", "gpt", "--convert")
    assert sorted(gpt.parts().values()) == sorted(before[2].values())


def test_an_extended_partition_needs_a_free_sector_before_each_logical_one(blank):
    many(blank, [(1, 8), (9, 8), (17, 8), (25, 8), (33, 8), (42, 8)])
    for tight, way in ((4, 3), (5, 4)):
        hint = blank.refuses(USAGE, f"partition {tight} would be a logical one", "part", "table", "mbr",
                             "--convert")
        assert f"`berth part resize {blank.path} {way} --size -1M`" in hint
        blank.do("part", "resize", way, "--size", "-1M")
    blank.do("part", "table", "mbr", "--convert")
    assert {blank.parts()[n] for n in (5, 6, 7)} == {(25, 7), (33, 8), (42, 8)}
    assert damages(blank) == []
    others_agree(blank)
