# SPDX-License-Identifier: GPL-3.0-or-later
"""berth disk undo, given twice: the first leads to every byte that was there before the change, the second to
every byte that it left, beside the log. So with tables that other tools made, and with damaged ones."""
import os
import struct
import subprocess

import pytest

import disks
import filled
from part_disk import (MIB, NOT_FOUND, SIZE, blank, folder,  # noqa: F401
                       gpt, mbr, originals, beside, damages, write_entries)

LAST = SIZE // 512 - 1


def check_twice(disk, *command):
    logs = [disk.log_of("disk", "undo"), disk.log_of(*command)]
    before = disk.path.with_name("before")
    disks.copy(disk.path, before)
    disk.do(*command)
    for _ in range(2):
        after = disk.path.with_name("after")
        disks.copy(disk.path, after)
        for then in (before, after):
            logs.append(disk.log_of("disk", "undo"))
            disk.do("disk", "undo")
            assert beside(disk.path, *logs) == beside(then, *logs)


def change_entries(disk, number, offset, data):
    array = bytearray(disk.read(2 * 512, 128 * 128))
    at = (number - 1) * 128 + offset
    array[at:at + len(data)] = data
    write_entries(disk, array)


def twins(disk):
    change_entries(disk, 2, 16, disk.read(2 * 512 + 16, 16))


def behind_the_end(disk):
    change_entries(disk, 3, 32, struct.pack("<QQ", 1 << 20, (1 << 20) + 2047))


def overlap(disk):
    change_entries(disk, 3, 32, struct.pack("<QQ", 41 * 2048, 43 * 2048 - 1))


def copies_differ(disk):
    backup = disk.read((LAST - 32) * 512, 33 * 512)
    subprocess.run(["sfdisk", "-q", "--part-label", disk.path, "1", "theirs"], check=True)
    disk.patch((LAST - 32) * 512, backup)


def zeros(*sectors):
    def damage(disk):
        for sector in sectors:
            disk.patch(sector * 512, bytes(512))
    return damage


@pytest.mark.parametrize("damage, command", [
    (twins, ("part", "set", "2", "--uuid", "new")), (behind_the_end, ("part", "rm", "3")),
    (overlap, ("part", "rm", "3")), (zeros(1), ("disk", "check", "--repair")),
    (zeros(LAST), ("disk", "check", "--repair")), (zeros(0), ("disk", "check", "--repair")),
    (copies_differ, ("disk", "check", "--repair")), (zeros(LAST), ("part", "set", "3", "--name", "other")),
    (zeros(1), ("part", "rm", "data")),
    (lambda disk: os.truncate(disk.path, SIZE + 8 * MIB), ("disk", "check", "--repair")),
    (lambda disk: os.truncate(disk.path, 70 * MIB), ("disk", "check", "--repair"))])
def test_a_change_of_a_damaged_gpt(gpt, damage, command):
    damage(gpt)
    check_twice(gpt, *command)


def test_two_cures_one_after_the_other(gpt):
    twins(gpt)
    change_entries(gpt, 3, 16, gpt.read(2 * 512 + 16, 16))
    check_twice(gpt, "part", "set", "2", "--uuid", "new")
    check_twice(gpt, "part", "set", "3", "--uuid", "new")


@pytest.mark.parametrize("damage", [zeros(1), zeros(1, LAST), zeros(2, LAST - 32), twins])
def test_a_restored_backup(gpt, folder, damage):
    gpt.ok("disk", "backup", folder / "backup")
    damage(gpt)
    if "headers-gone" in damages(gpt):
        before = disks.fingerprint(gpt.path)
        gpt.do("disk", "restore", folder / "backup")
        assert "cannot take this back" in gpt.do("disk", "undo")
        assert disks.fingerprint(gpt.path) == before
        gpt.refuses(NOT_FOUND, "undone", "disk", "undo")
    else:
        check_twice(gpt, "disk", "restore", folder / "backup")


def loop(disk):
    disk.patch(20 * MIB + 446 + 16, struct.pack("<BxxxBxxxII", 0, 5, 0, 8192))


def next_record(disk, at):
    """Where the link of the record there leads to."""
    return 20 * MIB + struct.unpack("<I", disk.read(at + 446 + 24, 4))[0] * 512


def loop_that_hides_nothing(disk):
    second = next_record(disk, 20 * MIB)
    for record in (next_record(disk, second), second):
        disk.patch(record, bytes(512))
    loop(disk)


def no_record(disk):
    record = struct.unpack_from("<I", disk.read(20 * MIB + 446 + 24, 4))[0]
    disk.patch(20 * MIB + record * 512 + 510, bytes(2))


def leave_headers(disk):
    disk.patch(512, b"EFI PART" + bytes(504))
    disk.patch(LAST * 512, b"EFI PART" + bytes(504))


@pytest.mark.parametrize("damage, command", [
    (loop, ("part", "rm", "6")), (loop_that_hides_nothing, ("disk", "check", "--repair")), (no_record, ("part", "rm", "6")),
    (leave_headers, ("disk", "check", "--repair")), (leave_headers, ("part", "set", "1", "--type", "07")),
    (leave_headers, ("part", "table", "mbr", "--lose", "1", "--lose", "5", "--lose", "6", "--lose", "7"))])
def test_a_change_of_a_damaged_mbr(mbr, damage, command):
    damage(mbr)
    check_twice(mbr, *command)


def by_sfdisk(disk):
    script = "label: dos\nstart=2048,size=20480\nstart=40960,size=122880,type=5\n" \
             "start=43008,size=16384\nstart=63488,size=8192\nstart=81920,size=16384\n"
    subprocess.run(["sfdisk", "-q", disk.path], input=script, text=True, check=True)


def by_parted(disk):
    script = ["mklabel", "msdos", "mkpart", "primary", "1MiB", "11MiB", "mkpart", "extended", "20MiB", "80MiB",
              "mkpart", "logical", "21MiB", "29MiB", "mkpart", "logical", "31MiB", "35MiB",
              "mkpart", "logical", "40MiB", "48MiB", "set", "1", "boot", "on"]
    subprocess.run(["parted", "-s", disk.path, *script], check=True)


def with_other_cylinders(disk):
    """As a BIOS with another geometry has them."""
    by_sfdisk(disk)
    for record in (446, 446 + 16, 20 * MIB + 446):
        disk.patch(record + 1, b"\x01\x01\x00")
        disk.patch(record + 5, b"\x1f\x3f\xcf")


@pytest.mark.parametrize("make", [by_sfdisk, by_parted, with_other_cylinders])
@pytest.mark.parametrize("command", [
    ("part", "set", "1", "--type", "07"), ("part", "set", "1", "--active"), ("part", "set", "6", "--type", "82"),
    ("part", "rm", "1"), ("part", "rm", "5"), ("part", "rm", "6"), ("part", "add", "--size", "4M"),
    ("part", "add", "--logical", "--size", "2M"), ("part", "table", "gpt", "--convert")])
def test_a_change_of_an_mbr_that_another_tool_made(blank, make, command):
    make(blank)
    if "gpt" in command:
        for number in ("7", "6", "5", "2"):
            blank.do("part", "rm", number)
    if command[-1] == "--active" and make == by_parted:
        command = command[:-1] + ("--inactive",)
    check_twice(blank, *command)


# ---- moves and resizes: the table, to the byte ----

def check_table_comes_back(disk, *command):
    before = disks.table_sectors(disk.path)
    disk.do(*command)
    after = disks.table_sectors(disk.path)
    assert after != before
    for then in (before, after, before):
        disk.do("disk", "undo")
        assert disks.table_sectors(disk.path) == then
    assert damages(disk) == []


@pytest.mark.parametrize("make", [by_sfdisk, by_parted, with_other_cylinders])
@pytest.mark.parametrize("command", [
    ("move", "1", "--start", "+1M"), ("move", "5", "--start", "+1M"), ("move", "5", "--start", "51M"),
    ("move", "7", "--start", "-1M"), ("resize", "1", "--size", "8M"), ("resize", "5", "--size", "5M"),
    ("resize", "7", "--size", "20M")])
def test_a_move_or_resize_in_an_mbr_that_another_tool_made(blank, make, command):
    make(blank)
    for start, size in ((1, 10), (21, 8), (40, 8)):
        filled.make("swap", f"{blank.path}.fs", size * MIB)
        filled.paste(f"{blank.path}.fs", blank.path, start * MIB)
    check_table_comes_back(blank, "part", *command)


def test_a_script_of_moves_in_an_mbr_that_another_tool_made(blank, folder):
    with_other_cylinders(blank)
    for start, size in ((1, 10), (21, 8), (40, 8)):
        filled.make("swap", f"{blank.path}.fs", size * MIB)
        filled.paste(f"{blank.path}.fs", blank.path, start * MIB)
    before = disks.table_sectors(blank.path)
    (folder / "script").write_text("label: dos\n1: start=2M,size=9M\n2: start=40960,size=122880,type=5\n"
                                   "5: start=22M,size=7M\n6: start=63488,size=8192\n7: start=42M,size=16384\n")
    blank.berth.ok("apply", folder / "script", "--disk", blank.path, "--yes")
    blank.do("disk", "undo")
    assert disks.table_sectors(blank.path) == before


def by_sgdisk(disk):
    subprocess.run(["sgdisk", "-n", "0:10M:+16M", "-c", "1:a", "-n", "0:40M:+12M", disk.path], check=True,
                   capture_output=True)


def by_parted_gpt(disk):
    subprocess.run(["parted", "-s", disk.path, "mklabel", "gpt", "mkpart", "a", "10MiB", "26MiB", "mkpart", "b",
                    "40MiB", "52MiB", "mkpart", "c", "60MiB", "70MiB", "rm", "3"], check=True)


def with_another_tools_bytes(disk):
    """Of an entry that nobody uses, and behind the array's last one in its reserved sector bytes."""
    by_sgdisk(disk)
    change_entries(disk, 9, 16, b"left by another tool")


@pytest.mark.parametrize("make", [by_sgdisk, by_parted_gpt, with_another_tools_bytes])
@pytest.mark.parametrize("command", [
    ("move", "1", "--start", "+1M"), ("move", "2", "--start", "70M"), ("resize", "1", "--size", "9M"),
    ("resize", "2", "--size", "20M")])
def test_a_move_or_resize_in_a_gpt_that_another_tool_made(blank, make, command):
    make(blank)
    for start, size in ((10, 16), (40, 12)):
        filled.make("swap", f"{blank.path}.fs", size * MIB)
        filled.paste(f"{blank.path}.fs", blank.path, start * MIB)
    check_table_comes_back(blank, "part", *command)


def test_boot_records_that_a_new_partition_covers_come_back_elsewhere(blank, folder):
    by_sfdisk(blank)
    before = disks.table(blank.path)
    (folder / "script").write_text("label: dos\nstart=2048,size=20480\nstart=51200,size=81920\n")
    blank.berth.ok("apply", folder / "script", "--disk", blank.path, "--prune", "--yes")
    assert len(disks.table(blank.path)["partitions"]) == 2
    after = disks.table(blank.path)
    for table, *lose in ((before, "--lose", "2"), (after,), (before, "--lose", "2")):
        blank.do("disk", "undo", *lose)
        assert disks.table(blank.path) == table and damages(blank) == []


@pytest.mark.parametrize("command", [
    ("part", "set", "data", "--name", "other", "--type", "home"), ("part", "rm", "data"),
    ("part", "add", "--size", "4M"), ("part", "table", "mbr", "--convert"),
    ("part", "table", "gpt", "--lose", "1", "--lose", "2")])
@pytest.mark.parametrize("harm", [lambda disk: None, lambda disk: disk.patch(0, bytes(range(200)))])
def test_a_change_of_a_gpt(gpt, command, harm):
    harm(gpt)
    check_twice(gpt, *command)
