# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables that are damaged, and the way out of each kind of damage."""
import json
import os
import struct
import subprocess

import pytest

import disks
from part_disk import (DAMAGED, MIB, REFUSED, SIZE, USAGE, Disk, blank, folder,  # noqa: F401
                       gpt, mbr, originals, damages, write_entries)

LAST = SIZE // 512 - 1
MACHINE = "berth: 1\nname: m\npartitions:\n  - {name: more, type: linux, size: 4MiB}\n"


def table_bytes(disk):
    return disk.read(0, 34 * 512), disk.read((LAST - 32) * 512, 33 * 512)


ALL = [("disk", "check", "--repair"), ("part", "add", "--size", "4M"), ("part", "rm", "1"),
       ("part", "set", "1", "--name", "x"), ("part", "set", "1", "--uuid", "new"),
       ("part", "resize", "1", "--size", "+1M"), ("part", "move", "1", "--start", "+1M"),
       ("part", "format", "1", "--fs", "ext4", "--lose", "1"), ("part", "wipe", "1", "--lose", "1"),
       ("part", "table", "mbr", "--convert")]


# ---- both copies ----

def test_a_gpt_of_which_both_copies_are_damaged_is_not_written_over_unnamed(gpt):
    for sector in (1, LAST):
        gpt.patch(sector * 512 + 88, b"\xaa\xbb")
    assert damages(gpt) == ["both-damaged"]
    before = table_bytes(gpt), disks.fingerprint(gpt.path, 10 * MIB, 64 * MIB)
    for kind in ("gpt", "mbr"):
        assert f"--lose {gpt.path}" in gpt.refuses(REFUSED, "", "part", "table", kind)
        gpt.do("part", "table", kind, "--lose", gpt.path)
        assert damages(gpt) == []
        gpt.do("disk", "undo")
        assert (table_bytes(gpt), disks.fingerprint(gpt.path, 10 * MIB, 64 * MIB)) == before


def zap_header(disk, sector):
    disk.patch(sector * 512, bytes(512))


def tear_header(disk, sector):
    disk.patch(sector * 512 + 60, b"\xaa\xbb")


@pytest.mark.parametrize("harm", [zap_header, tear_header])
@pytest.mark.parametrize("header, entries", [(1, LAST - 32), (LAST, 2)])
def test_the_header_of_one_copy_and_the_entries_of_the_other_are_a_whole_gpt(gpt, harm, header, entries):
    before, whole = gpt.parts(), table_bytes(gpt)
    harm(gpt, header)
    gpt.patch(entries * 512 + 60, b"\xaa")
    harmed = gpt.beside_log()
    assert damages(gpt) == ["primary-damaged", "backup-damaged"] and gpt.parts() == before
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == [] and table_bytes(gpt) == whole
    assert "No problems" in subprocess.run(["sgdisk", "-v", gpt.path], capture_output=True, text=True).stdout
    gpt.do("disk", "undo")
    assert gpt.beside_log() == harmed


@pytest.mark.parametrize("header, entries", [(1, 2), (LAST, LAST - 32)])
def test_one_copy_without_a_header_and_its_entries_changed_is_mended_from_the_other(gpt, header, entries):
    before = table_bytes(gpt)
    zap_header(gpt, header)
    gpt.patch(entries * 512 + 60, b"\xaa")
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == [] and table_bytes(gpt) == before


def test_entries_that_no_header_agrees_with_are_not_taken(gpt):
    zap_header(gpt, 1)
    for entries in (2, LAST - 32):
        gpt.patch(entries * 512 + 60, b"\xaa")
    assert damages(gpt) == ["both-damaged"]


# ---- sectors of another size than the table's ----

def made_with(disk, kind, sector):
    size = ("--sector-size", str(sector))
    disk.do("part", "table", kind, *size)
    for number in ("1", "2"):
        disk.do("part", "add", "--number", number, "--size", "8M", "--fs", "ext4", *size)


@pytest.mark.parametrize("kind", ["gpt", "mbr"])
@pytest.mark.parametrize("right, wrong", [(512, 4096), (4096, 512)])
def test_sectors_of_another_size_than_the_tables_are_refused(blank, folder, kind, right, wrong):
    made_with(blank, kind, right)
    blank.ok("disk", "backup", folder / "backup")
    for command in (("part", "add", "--size", "4M", "--fs", "ext4"), ("part", "rm", "1"),
                    ("part", "table", "gpt", "--lose", "1", "--lose", "2"), ("disk", "undo"),
                    ("disk", "restore", folder / "backup"), ("disk", "check", "--repair"),
                    ("disk", "show")):
        said = blank.refuses(REFUSED, f"sectors of {right} bytes", *command, "--sector-size", str(wrong))
        assert str(wrong) in said
    assert len(blank.show()["partitions"]) == 2
    blank.do("part", "rm", "2", "--sector-size", str(right))


def test_an_mbr_of_large_sectors_keeps_them_without_being_told(blank):
    blank.do("part", "table", "mbr", "--sector-size", "4096")
    for command in (("part", "add", "--size", "4M"), ("part", "add", "--type", "extended", "--size", "20M"),
                    ("part", "add", "--logical", "--size", "4M"), ("part", "set", "1", "--type", "07")):
        assert "note" not in blank.do(*command)
    assert blank.show()["sector-size"] == 4096 and not blank.show()["sector-size-guessed"]
    assert blank.parts()[5][1] == 4
    blank.refuses(REFUSED, "sectors of 4096 bytes", "part", "add", "--size", "4M", "--sector-size", "512")
    blank.do("part", "rm", "1", "--sector-size", "4096")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and /dev/loop")
@pytest.mark.parametrize("made, shown", [(512, 4096), (4096, 512)])
def test_a_device_whose_sectors_are_not_its_tables_is_called_what_it_is(blank, made, shown):
    made_with(blank, "gpt", made)
    before = disks.fingerprint(blank.path)
    with disks.attached(blank.path, "--sector-size", str(shown)) as node:
        listed = blank.berth("--json", "disk", "check", node).stdout
        assert [one["kind"] for one in json.loads(listed)["damage"]] == ["other-sector-size"]
        for command in (("disk", "check"), ("disk", "check", "--repair", "--yes"),
                        ("part", "add", "--size", "4M", "--dry-run")):
            done = blank.berth(*command[:2], node, *command[2:])
            assert done.returncode in (REFUSED, DAMAGED)
            assert f"sectors of {made} bytes" in done.stderr and f"has {shown}" in done.stderr
            assert "losetup" in done.stderr
        done = blank.berth("part", "table", node, "gpt", "--dry-run")
        assert done.returncode == REFUSED and f"--lose {node}" in done.stderr
        for what in ("show", "check"):
            done = blank.berth("disk", what, node, "--sector-size", str(made))
            assert done.returncode == REFUSED and f"sectors of {shown} bytes" in done.stderr
            assert f"--sector-size {made} {node}" in done.stderr
    assert disks.fingerprint(blank.path) == before


def put_record(disk, i, code, start, sectors):
    disk.patch(446 + 16 * i, struct.pack("<BxxxBxxxII", 0, code, start, sectors))
    disk.patch(440, b"abcd")
    disk.patch(510, b"\x55\xaa")


@pytest.mark.parametrize("start, taken, other", [(2048, 512, 4096), (256, 4096, 512)])
def test_sectors_that_are_guessed_are_noted_and_the_other_size_may_be_said(blank, start, taken, other):
    put_record(blank, 0, 0x83, start, 2048)
    assert blank.show()["sector-size"] == taken
    for command in (("disk", "show"), ("part", "set", "1", "--type", "07", "--dry-run")):
        assert f"{taken} bytes are taken" in blank.ok(*command)
        assert f"--sector-size {other} says otherwise" in blank.ok(*command)
        assert "are taken" not in blank.ok(*command, "--sector-size", str(other))
    blank.do("part", "set", "1", "--type", "07", "--sector-size", str(other))
    assert blank.show()["sector-size"] == other
    assert "are taken" not in blank.ok("part", "set", "1", "--type", "83", "--dry-run")


def test_an_mbr_over_a_gpt_of_large_sectors_may_be_said_to_have_small_ones(blank):
    blank.do("part", "table", "gpt", "--sector-size", "4096")
    subprocess.run(["sfdisk", "-q", "--wipe", "never", blank.path], input="label: dos\nsize=20M,start=2048\n",
                   text=True, check=True)
    blank.patch(MIB, blank.read(MIB, 4096)[:1080] + b"\x53\xef")
    blank.ok("disk", "show", "--sector-size", "512")


# ---- no header at all ----

def test_a_protective_mbr_without_a_gpt_is_called_what_it_is(gpt, folder):
    gpt.ok("disk", "backup", folder / "backup")
    for sector in (1, LAST):
        gpt.patch(sector * 512, bytes(512))
    assert damages(gpt) == ["headers-gone"]
    assert "disk restore" in gpt.refuses(DAMAGED, "protective MBR without a GPT", "disk", "check")
    for command in ALL:
        said = gpt.refuses(REFUSED, "protective MBR without a GPT", *command)
        assert "disk restore" in said and "keep a copy" in said and "part table" not in said
    for kind in ("gpt", "mbr"):
        assert f"--lose {gpt.path}" in gpt.refuses(REFUSED, "protective MBR without a GPT",
                                                   "part", "table", kind)
    assert "LOSES" not in gpt.do("disk", "restore", folder / "backup")
    assert damages(gpt) == []
    gpt.check_files(10)


# ---- single partitions ----

def change_entries(disk, change, size=SIZE):
    array = bytearray(disk.read(2 * 512, 128 * 128))
    change(array)
    write_entries(disk, array, size)


def twins(array):
    for number in (2, 3):
        array[(number - 1) * 128 + 16:(number - 1) * 128 + 32] = array[16:32]


def without_bytes(array):
    struct.pack_into("<QQ", array, 2 * 128 + 32, 122880, 122879)


def behind_the_end(array):
    struct.pack_into("<QQ", array, 2 * 128 + 32, 1 << 20, (1 << 20) + 2047)


def test_whatever_is_refused_for_one_guid_of_two_partitions_names_the_cure(gpt, folder):
    change_entries(gpt, twins)
    cure = f"part set {gpt.path} 2 --uuid new"
    assert cure in gpt("disk", "check").stderr
    for command in ALL:
        if "rm" not in command and "--uuid" not in command:
            assert cure in gpt.refuses(REFUSED, "same GUID", *command)
    for name, text in (("s.sfdisk", "label: gpt\nsize=4M\n"), ("m.yaml", MACHINE)):
        (folder / name).write_text(text)
        done = gpt.berth("apply", folder / name, "--disk", gpt.path, "--yes")
        assert done.returncode == REFUSED and cure in done.stderr


def test_partitions_with_one_guid_get_their_own_one_by_one(gpt):
    change_entries(gpt, twins)
    before = table_bytes(gpt)
    assert damages(gpt) == ["duplicate-guid", "duplicate-guid"]
    gpt.do("part", "set", "2", "--uuid", "new")
    assert damages(gpt) == ["duplicate-guid"]
    gpt.do("disk", "undo")
    assert table_bytes(gpt) == before
    gpt.do("part", "set", "2", "--uuid", "new")
    gpt.do("part", "set", "3", "--uuid", "5801299C-B949-AB42-BA73-2FE26CB44DBE")
    assert damages(gpt) == []
    assert gpt.parts() == {1: (10, 16), 2: (40, 12), 3: (60, 4)}
    gpt.check_files(10)


def test_only_a_cure_is_let_through(gpt):
    change_entries(gpt, behind_the_end)
    for command in (("part", "rm", "1"), ("part", "set", "1", "--uuid", "new")):
        assert f"part rm {gpt.path} 3" in gpt.refuses(REFUSED, "partition 3", *command)


def test_one_anothers_guid_for_that_of_a_third_is_no_cure(gpt):
    def twin(array):
        array[2 * 128 + 16:2 * 128 + 32] = array[128 + 16:128 + 32]

    first = disks.table(gpt.path)["partitions"][0]["uuid"]
    change_entries(gpt, twin)
    assert f"part set {gpt.path} 3 --uuid new" in gpt.refuses(
        USAGE, "same GUID", "part", "set", "3", "--uuid", first)


def test_what_no_cure_of_a_partition_reaches_is_named_first(gpt):
    subprocess.run(["sgdisk", "-h", "1", gpt.path], check=True, capture_output=True)
    change_entries(gpt, twins)
    for command in ALL:
        assert "gdisk" in gpt.refuses(REFUSED, "hybrid MBR", *command)


def test_a_partition_with_anothers_guid_can_be_deleted(gpt):
    change_entries(gpt, twins)
    gpt.do("part", "rm", "3")
    gpt.do("part", "rm", "1")
    assert damages(gpt) == [] and gpt.parts() == {2: (40, 12)}


@pytest.mark.parametrize("harm", [without_bytes, behind_the_end])
def test_a_partition_that_lies_nowhere_can_be_deleted(gpt, harm):
    change_entries(gpt, harm)
    before = table_bytes(gpt)
    assert damages(gpt) == ["out-of-range"]
    assert f"part rm {gpt.path} 3" in gpt("disk", "check").stderr
    gpt.refuses(REFUSED, "partition 3", "part", "set", "3", "--name", "x")
    gpt.do("part", "rm", "3")
    assert damages(gpt) == [] and gpt.parts() == {1: (10, 16), 2: (40, 12)}
    gpt.do("disk", "undo")
    assert table_bytes(gpt) == before


def test_partitions_that_a_smaller_disk_has_no_more_can_be_deleted(gpt):
    os.truncate(gpt.path, 50 * MIB)  # in the second one; the third is past the end
    assert "disk-smaller" in damages(gpt)
    gpt.patch(-512, b"of the second one")
    said = gpt.refuses(REFUSED, "partition 2", "part", "rm", "3")  # the new backup would lie in it
    assert f"part rm {gpt.path} 2" in said and "as large as it was" in said
    assert "--lose win" in gpt.refuses(REFUSED, "would be lost", "part", "rm", "2")
    gpt.do("part", "rm", "2", "--lose", "win")
    gpt.do("part", "rm", "3")
    assert damages(gpt) == [] and gpt.parts() == {1: (10, 16)}
    gpt.check_files(10)


def test_a_disk_that_lost_free_space_only_is_mended(gpt):
    before = gpt.parts()
    os.truncate(gpt.path, 70 * MIB)
    damaged = gpt.beside_log()
    assert damages(gpt) == ["free-end-gone", "backup-damaged"]
    assert "--repair" in gpt("disk", "check").stderr
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == [] and gpt.parts() == before
    gpt.do("disk", "undo")
    assert gpt.beside_log() == damaged
    gpt.do("disk", "check", "--repair")
    assert "No problems" in subprocess.run(["sgdisk", "-v", gpt.path], capture_output=True, text=True).stdout
    gpt.check_files(10)


def test_who_changes_a_hybrid_mbr_is_said(gpt):
    before = disks.table(gpt.path)
    subprocess.run(["sgdisk", "-h", "1", gpt.path], check=True, capture_output=True)
    assert "gdisk" in gpt.refuses(DAMAGED, "hybrid MBR", "disk", "check")
    for command in ALL:
        assert f"`gdisk {gpt.path}`, then x, n, w" in gpt.refuses(REFUSED, "hybrid MBR", *command)
    subprocess.run(["gdisk", gpt.path], input="x\nn\nw\ny\n", text=True, check=True, capture_output=True)
    assert damages(gpt) == [] and disks.table(gpt.path) == before


def test_the_record_for_a_gpt_that_never_was_can_be_taken_away(mbr):
    mbr.patch(446 + 48, struct.pack("<BxxxBxxxII", 0, 0xee, 1, 2047))
    assert damages(mbr) == ["headers-gone"]
    assert f"sfdisk --delete {mbr.path} 4" in mbr.refuses(REFUSED, "announces a GPT", "part", "rm", "1")
    subprocess.run(["sfdisk", "-q", "--delete", mbr.path, "4"], check=True)
    assert damages(mbr) == []
    mbr.check_files(1)


def test_primaries_past_the_end_are_deleted_one_by_one(blank):
    subprocess.run(["sfdisk", "-q", blank.path], text=True, check=True,
                   input="label: dos\nstart=1M,size=10M\nstart=50M,size=10M\nstart=70M,size=10M\n")
    os.truncate(blank.path, 48 * MIB)
    assert damages(blank) == ["out-of-range", "out-of-range"]
    blank.do("part", "rm", "3")
    blank.do("part", "rm", "2")
    assert damages(blank) == [] and blank.parts() == {1: (1, 10)}


def test_an_extended_partition_that_was_cut_is_not_called_curable(mbr):
    os.truncate(mbr.path, 42 * MIB)
    assert damages(mbr) == ["extended-cut", "out-of-range"]
    for command in (("part", "rm", "2"), ("part", "rm", "7"), ("part", "add", "--size", "1M")):
        assert "as large as it was" in mbr.refuses(REFUSED, "extended", *command)


# ---- what is left of a GPT ----

def leave_headers(mbr, originals):
    """The headers of a GPT that was there before the MBR."""
    with open(f"{originals[0]}/gpt.img", "rb") as file:
        head, tail = os.pread(file.fileno(), 512, 512), os.pread(file.fileno(), 512, LAST * 512)
    mbr.patch(512, head)
    mbr.patch(LAST * 512, tail)
    return head, tail


@pytest.mark.parametrize("command", [
    ("part", "set", "1", "--type", "07"), ("part", "add", "--size", "4M"), ("part", "rm", "6"),
    ("part", "move", "7", "--start", "41M"), ("part", "resize", "1", "--size", "12M"),
    ("part", "format", "7", "--fs", "ext2")])
def test_a_change_of_one_partition_leaves_what_is_left_of_a_gpt(mbr, originals, command):
    left = leave_headers(mbr, originals)
    before = disks.table(mbr.path)
    assert "GPT" not in mbr.do(*command).replace("disk check", "")
    assert (mbr.read(512, 512), mbr.read(LAST * 512, 512)) == left
    assert damages(mbr) == ["stale-signature"]
    if "format" not in command:
        assert disks.table(mbr.path) != before
        mbr.do("disk", "undo")
        assert disks.table(mbr.path) == before
        assert (mbr.read(512, 512), mbr.read(LAST * 512, 512)) == left


def test_a_new_mbr_erases_what_is_left_of_a_gpt_and_undo_brings_it_back(mbr, originals):
    leave_headers(mbr, originals)
    before = mbr.beside_log()
    said = mbr.do("part", "table", "mbr", "--lose", "1", "--lose", "5", "--lose", "6", "--lose", "7")
    assert "what is left of a GPT beside it is erased" in said
    assert damages(mbr) == []
    mbr.do("disk", "undo")
    assert mbr.beside_log() == before


def put_mbr(disk, *partitions):
    """Sector 0 of an MBR with partitions (start and size in MiB), written over that of a GPT."""
    entries = b"".join(struct.pack("<B3sB3sII", 0, bytes(3), 7, bytes(3), start * 2048, size * 2048)
                       for start, size in partitions)
    disk.patch(440, struct.pack("<IH", 0x12345678, 0) + entries.ljust(64, b"\0") + b"\x55\xaa")


def test_a_whole_gpt_with_content_beside_an_mbr_is_left_to_a_person(gpt):
    put_mbr(gpt, (1, 20))
    assert damages(gpt) == ["gpt-beside-mbr"]
    before = disks.fingerprint(gpt.path)
    for command in (("disk", "check"), ("disk", "check", "--repair", "--yes")):
        done = gpt(*command)
        assert done.returncode == DAMAGED
        assert "partition 1 (data)" in done.stdout + done.stderr and "gdisk" in done.stdout + done.stderr
    assert disks.fingerprint(gpt.path) == before


@pytest.mark.parametrize("number", [2, 20])
def test_what_is_not_recognised_beside_an_mbr_is_data_too(blank, number):
    sizes = [16, 8] + [1] * (number - 2)
    subprocess.run(["sfdisk", "-q", blank.path], text=True, check=True,
                   input="label: gpt\n" + "".join(f"size={size}M\n" for size in sizes))
    blank.patch((1 + sum(sizes[:number - 1])) * MIB, os.urandom(4096))
    blank.patch(446, struct.pack("<BxxxBxxxII", 0, 0x83, 2048, 30000))
    assert damages(blank) == ["gpt-beside-mbr"]
    before = disks.fingerprint(blank.path)
    assert f"partition {number} " in blank("disk", "check", "--repair", "--yes").stderr
    assert disks.fingerprint(blank.path) == before


def test_a_file_of_the_mbrs_partition_is_nothing_that_it_does_not_know(gpt):
    put_mbr(gpt, (10, 16), (40, 52))
    gpt.patch(61 * MIB, os.urandom(4096))
    assert damages(gpt) == ["stale-signature"]


@pytest.mark.parametrize("code", [0x83, 0x07, 0x0f])
def test_a_protective_record_of_another_type_is_mended(gpt, code):
    before, record = gpt.parts(), gpt.read(446, 16)
    gpt.patch(450, bytes([code]))
    harmed = gpt.beside_log()
    assert damages(gpt) == ["no-protective-mbr"] and gpt.parts() == before
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == [] and gpt.parts() == before and gpt.read(450, 12) == record[4:]
    assert "No problems" in subprocess.run(["sgdisk", "-v", gpt.path], capture_output=True, text=True).stdout
    gpt.do("disk", "undo")
    assert gpt.beside_log() == harmed


@pytest.mark.parametrize("sectors", [LAST - 2048, 63])
def test_a_partition_that_holds_a_gpts_header_is_named_and_not_mended(gpt, sectors):
    gpt.patch(446, struct.pack("<BxxxBxxxII", 0, 0x83, 1, sectors))
    assert damages(gpt)[0] == "gpt-beside-mbr"
    before = disks.fingerprint(gpt.path)
    assert "partition 1 holds the header" in gpt("disk", "check", "--repair", "--yes").stderr
    assert disks.fingerprint(gpt.path) == before


def test_a_whole_gpt_of_which_the_mbr_knows_everything_is_left_over(gpt):
    put_mbr(gpt, (10, 16), (40, 12))
    assert damages(gpt) == ["stale-signature"]
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == []


def test_what_is_left_of_a_gpt_beside_an_mbr_is_erased_and_comes_back(mbr, originals):
    head, tail = leave_headers(mbr, originals)
    before = disks.table(mbr.path)
    assert damages(mbr) == ["stale-signature"]
    assert "--repair" in mbr("disk", "check").stderr
    mbr.do("disk", "check", "--repair")
    assert damages(mbr) == [] and disks.table(mbr.path) == before
    assert mbr.read(512, 512) == mbr.read(LAST * 512, 512) == bytes(512)
    mbr.do("disk", "undo")
    assert mbr.read(512, 512) == head and mbr.read(LAST * 512, 512) == tail
    assert disks.table(mbr.path) == before


def test_what_a_partition_has_is_no_leftover_of_a_gpt(blank, originals):
    with open(f"{originals[0]}/gpt.img", "rb") as file:
        tail = os.pread(file.fileno(), 512, LAST * 512)
    subprocess.run(["sfdisk", "-q", blank.path], input="label: dos\nstart=1M\n", text=True, check=True)
    blank.patch(LAST * 512, tail)
    assert damages(blank) == []
    blank.do("part", "set", "1", "--active")
    assert blank.read(LAST * 512, 512) == tail


@pytest.mark.parametrize("harm", [lambda disk: disk.patch(512, bytes(512)),
                                  lambda disk: disk.patch(LAST * 512, bytes(512)),
                                  lambda disk: os.truncate(disk.path, SIZE + 8 * MIB),
                                  lambda disk: disk.patch(446, bytes(64))])
def test_what_was_mended_comes_back(gpt, harm):
    harm(gpt)
    before = gpt.beside_log()
    gpt.do("disk", "check", "--repair")
    gpt.do("disk", "undo")
    assert gpt.beside_log() == before


def test_a_restore_mends_what_its_backup_says_too(gpt, folder):
    gpt.ok("disk", "backup", folder / "whole")
    gpt.patch(0, bytes(34 * 512))
    assert "primary-damaged" in damages(gpt)
    gpt.do("disk", "restore", folder / "whole")
    assert damages(gpt) == []
    gpt.check_files(10)


def test_copies_that_differ_are_no_work_to_finish_and_their_cure_is_named(gpt):
    backup = gpt.read((LAST - 32) * 512, 33 * 512)
    subprocess.run(["sfdisk", "-q", "--part-label", gpt.path, "1", "theirs"], check=True)
    gpt.patch((LAST - 32) * 512, backup)
    assert f"disk check --repair {gpt.path}" in gpt.do("disk", "finish")
    gpt.do("disk", "check", "--repair")
    assert "--repair" not in gpt.do("disk", "finish")
