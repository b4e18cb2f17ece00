# SPDX-License-Identifier: GPL-3.0-or-later
"""berth part and berth disk as commands: what each refuses, with which status, what it makes, and that
it can be taken back."""
import contextlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import threading
import time
import zlib

import pytest

import disks
from ordinary import AS_ORDINARY, ORDINARY
from program import BERTH, Berth

from part_disk import (DAMAGED, MIB, NOT_FOUND, REFUSED, SIZE, USAGE, Disk, blank, folder,  # noqa: F401
                       gpt, mbr, originals)


def sound(disk):
    """Other tools find nothing wrong."""
    done = subprocess.run(["sgdisk", "-v", disk.path], capture_output=True, text=True)
    assert "No problems found" in done.stdout, done.stdout + done.stderr


# ---- refusals ----

@pytest.mark.parametrize("command", [
    ("rm", "nothing"), ("set", "9", "--name", "x"), ("resize", "nothing", "--size", "8M"),
    ("move", "9", "--start", "+1M"), ("format", "nothing", "--fs", "ext4"), ("wipe", "9")])
def test_a_partition_that_is_not_there_is_named(gpt, command):
    assert "disk show" in gpt.refuses(NOT_FOUND, f"no partition {command[1]}", "part", *command)


@pytest.mark.parametrize("command, words", [
    (("add", "--size", "lots"), "lots"), (("add", "--size", "0"), "0"),
    (("add", "--size", "4M", "--type", "nonsense"), "nonsense"),
    (("add", "--size", "4M", "--fs", "fat99"), "fat99"),
    (("add", "--size", "4M", "--start", "513"), "513"),
    (("add", "--size", "4M", "--align", "100"), "100"),
    (("add", "--size", "4M", "--number", "1"), "--number 1"),
    (("add", "--size", "4M", "--uuid", "nonsense"), "nonsense"),
    (("add", "--size", "4M", "--name", "x" * 40), "x" * 40),
    (("set", "data", "--attributes", "nonsense"), "nonsense"),
    (("resize", "data", "--size", "+lots"), "lots"), (("move", "data", "--start", "+1"), "+1"),
    (("format", "3", "--fs", "fat99"), "fat99"), (("table", "apm"), "apm")])
def test_a_value_that_means_nothing_is_a_usage_error(gpt, command, words):
    gpt.refuses(USAGE, words, "part", *command)


@pytest.mark.parametrize("command, words", [
    (("add", "--size", "90M"), "no free range"), (("add", "--size", "4M", "--start", "12M"), "12M"),
    (("resize", "data", "--size", "60M"), "has room for"),
    (("move", "data", "--start", "45M"), "overlaps"),
    (("resize", "data", "--size", "1M"), "needs"), (("move", "data", "--start", "200M"), "data")])
def test_what_does_not_fit_is_refused(gpt, command, words):
    before = disks.fingerprint(gpt.path)
    done = gpt("part", *command[:1], *command[1:], "--yes")
    assert done.returncode == USAGE, done.stderr
    assert words in done.stderr or "partition 1" in done.stderr
    assert disks.fingerprint(gpt.path) == before


@pytest.mark.parametrize("command", [
    ("format", "data", "--fs", "ext4"), ("wipe", "win"), ("table", "gpt"), ("table", "mbr")])
def test_content_is_lost_only_when_it_is_named(gpt, command):
    hint = gpt.refuses(REFUSED, "would be lost", "part", *command)
    assert "--lose" in hint


def test_naming_another_partition_is_not_naming_this_one(gpt):
    gpt.refuses(REFUSED, "would be lost", "part", "format", "data", "--fs", "ext4", "--lose", "win")


def test_data_that_nobody_knows_is_not_lost_either(gpt):
    gpt.patch(61 * MIB, b"my own format")
    gpt.refuses(REFUSED, "does not know", "part", "format", "3", "--fs", "swap")
    gpt.refuses(REFUSED, "does not know", "part", "resize", "3", "--size", "2M")


def test_a_disk_without_a_table_that_is_not_blank_is_not_lost(blank):
    subprocess.run(["mke2fs", "-q", "-F", blank.path], check=True)
    hint = blank.refuses(REFUSED, "not empty", "part", "table", "gpt")
    assert f"--lose {blank.path}" in hint


@pytest.mark.parametrize("command", [
    ("rm", "data"), ("resize", "data", "--size", "20M"), ("move", "data", "--start", "+1M"),
    ("format", "data", "--fs", "swap", "--lose", "data"), ("wipe", "data", "--lose", "data")])
def test_what_another_berth_works_on_is_refused(gpt, command):
    with gpt.locked(10 * MIB, 16 * MIB):
        gpt.refuses(REFUSED, "in use", "part", *command)


def test_a_table_that_another_berth_writes_is_refused(gpt):
    with gpt.locked(0, 1):
        gpt.refuses(REFUSED, "partition table", "part", "rm", "win")


@pytest.mark.parametrize("start, length", [(0, 100), (10 * MIB, 16 * MIB)])
@pytest.mark.parametrize("command", [("part", "rm", "data"), ("disk", "check", "--repair")])
def test_what_a_killed_berth_had_is_waited_for(gpt, start, length, command):
    gpt.patch(512, bytes(512))
    held = gpt.locked(start, length)
    held.__enter__()
    threading.Timer(0.4, held.__exit__, (None, None, None)).start()
    gpt.do(*command)


def test_the_neighbour_of_what_is_in_use_can_be_changed(gpt):
    with gpt.locked(10 * MIB, 16 * MIB):
        gpt.do("part", "rm", "win")


def test_a_start_in_percent_is_so_much_of_the_disk(gpt):
    gpt.do("part", "rm", "3")
    gpt.do("part", "add", "--name", "half", "--start", "75%", "--size", "4M")
    gpt.do("part", "move", "data", "--start", "12.5%")
    starts = {p.get("name"): p["start"] * 512 // MIB for p in disks.table(gpt.path)["partitions"]}
    assert (starts["half"], starts["data"]) == (72, 12)


@pytest.mark.parametrize("size", ["81920", "rest"])
def test_a_size_that_fits_exactly_at_its_start_is_taken(blank, size):
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", blank.path], text=True, check=True,
                   input="label: gpt\nfirst-lba: 34\nstart=40,size=100\nstart=300,size=1700\n")
    blank.refuses(USAGE, "from there 80KiB are free", "part", "add", "--start", "71680", "--size", "82432")
    blank.do("part", "add", "--start", "71680", "--size", size)
    assert (140, 160) in [(p["start"], p["size"]) for p in disks.table(blank.path)["partitions"]]


@pytest.mark.parametrize("code, name", [("07", "windows"), ("0b", "windows"), ("0x0C", "windows"), ("82", "swap"),
                                        ("83", "linux"), ("8e", "lvm"), ("EF", "esp"), ("fd", "raid")])
def test_a_gpt_takes_the_codes_of_an_mbr_that_are_clear(gpt, code, name):
    gpt.do("part", "set", "3", "--type", name)
    wanted = disks.table(gpt.path)["partitions"][2]["type"]
    gpt.do("part", "set", "3", "--type", "home")
    gpt.do("part", "set", "3", "--type", code)
    assert disks.table(gpt.path)["partitions"][2]["type"] == wanted
    gpt.refuses(USAGE, "\"05\" is not a partition type", "part", "set", "3", "--type", "05")


def test_a_name_that_is_no_label_of_the_filesystem_is_told(gpt):
    shown = gpt.do("part", "add", "--name", "too long a name", "--size", "8M", "--start", "75%", "--fs", "vfat")
    assert "vfat takes no label 'too long a name'" in shown
    shown = gpt.do("part", "add", "--name", "short", "--size", "8M", "--fs", "vfat")
    assert "takes no label" not in shown


@pytest.mark.parametrize("command", [("resize", "data", "--size", "14M"), ("move", "data", "--start", "+1M")])
def test_what_a_hibernated_system_may_have_mounted_stays_as_it_is(gpt, command):
    gpt.do("part", "format", "3", "--fs", "swap")
    gpt.patch(60 * MIB + 4096 - 10, b"S1SUSPEND\0")
    gpt.refuses(REFUSED, "hibernated system that sleeps in partition 3", "part", *command)
    gpt.do("part", "format", "3", "--fs", "swap", "--lose", "3")
    gpt.do("part", *command)


def test_an_unclean_filesystem_is_moved_as_it_is_and_not_resized(gpt):
    subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", f"{gpt.path}?offset={10 * MIB}"],
                   check=True, capture_output=True)
    gpt.refuses(REFUSED, "journal needs recovery", "part", "resize", "data", "--size", "14M")
    content = disks.fingerprint(gpt.path, 10 * MIB, 26 * MIB)
    gpt.do("part", "move", "data", "--start", "+8M")
    assert disks.fingerprint(gpt.path, 18 * MIB, 34 * MIB) == content


def test_nobody_to_agree_is_a_refusal(gpt):
    before = disks.fingerprint(gpt.path)
    assert gpt("part", "rm", "win").returncode == 7
    assert disks.fingerprint(gpt.path) == before


@pytest.mark.parametrize("command", [
    ("part", "add", "--size", "4M", "--fs", "ext4"), ("part", "rm", "data"),
    ("part", "set", "data", "--name", "other"), ("part", "resize", "data", "--size", "20M"),
    ("part", "move", "data", "--start", "+1M"), ("part", "table", "gpt", "--lose", "1", "--lose", "2"),
    ("part", "format", "3", "--fs", "ext4"), ("part", "wipe", "data", "--lose", "data")])
def test_a_dry_run_says_what_it_would_do_and_changes_no_byte(gpt, command):
    before = disks.fingerprint(gpt.path)
    steps = json.loads(gpt.berth.ok("--json", *command[:2], gpt.path, *command[2:], "--dry-run"))["steps"]
    assert steps and all(step["touches"] and step["text"] for step in steps)
    assert disks.fingerprint(gpt.path) == before


def test_an_mbr_has_neither_names_nor_guids(mbr):
    mbr.refuses(USAGE, "no names", "part", "set", "1", "--name", "x")
    mbr.refuses(USAGE, "no GUIDs", "part", "set", "1", "--uuid", "new")
    mbr.refuses(USAGE, "active", "part", "set", "1", "--attributes", "hidden")


def test_an_extended_partition_that_is_not_empty_stays(mbr):
    mbr.refuses(REFUSED, "logical", "part", "rm", "2")


# ---- pending work ----

def extended(disk):
    """sfdisk's view of the extended partition, (start, bytes, type), and of the logical ones."""
    table = json.loads(subprocess.run(["sfdisk", "-J", disk.path], capture_output=True, check=True).stdout)
    parts = table["partitiontable"]["partitions"]
    frame = next(p for p in parts if p["type"] in ("5", "f", "85"))
    return ((frame["start"] * 512, frame["size"] * 512, frame["type"]),
            [(p["start"], p["size"]) for p in parts if int(p["node"].rsplit(".img", 1)[1]) > 4])


@pytest.mark.parametrize("size, bytes_", [("rest", 76 * MIB), ("+4M", 64 * MIB), ("-20M", 40 * MIB),
                                          ("28M", 28 * MIB)])
def test_an_extended_partition_grows_and_shrinks_around_its_logical_ones(mbr, size, bytes_):
    _, logical = extended(mbr)
    mbr.do("part", "resize", "2", "--size", size)
    assert extended(mbr) == ((20 * MIB, bytes_, "5"), logical)
    mbr.do("disk", "undo")
    assert extended(mbr) == ((20 * MIB, 60 * MIB, "5"), logical)


def test_an_extended_partition_keeps_room_for_its_logical_ones(mbr):
    assert "--size 28MiB" in mbr.refuses(USAGE, "logical partition 7 ends behind", "part", "resize", "2",
                                          "--size", "27M")
    mbr.refuses(USAGE, "has room for", "part", "resize", "2", "--size", "90M")


@pytest.mark.parametrize("type_, code", [("extended-lba", "f"), ("85", "85")])
def test_an_extended_partition_gets_another_extended_type(mbr, type_, code):
    before = extended(mbr)
    mbr.do("part", "set", "2", "--type", type_)
    assert extended(mbr) == ((*before[0][:2], code), before[1])
    mbr.refuses(REFUSED, "0f", "part", "set", "2", "--type", "linux")


@pytest.mark.parametrize("command", [("move", "2", "--start", "+1M"), ("format", "2", "--fs", "ext4"),
                                     ("wipe", "2", "--lose", "2")])
def test_what_an_extended_partition_cannot_is_said_with_what_it_holds(mbr, command):
    mbr.refuses(REFUSED, "logical partitions 5, 6, 7", "part", *command)


def test_a_gpt_has_no_logical_partitions(gpt):
    assert "extended" not in gpt.refuses(USAGE, "a GPT has no logical", "part", "add", "--logical")


def test_a_luks_volume_gets_the_type_of_one(gpt, folder):
    (folder / "key").write_bytes(b"secret")
    gpt.do("part", "rm", "win")
    gpt.do("part", "add", "--name", "vault", "--size", "20M", "--fs", "luks", "--key-file", folder / "key",
           "--lose", "vault")
    assert "luks" in [p["type-name"] for p in gpt.show()["partitions"] if p["name"] == "vault"]


@pytest.mark.skipif(os.getuid() != 0, reason="mounting takes root")
def test_a_btrfs_shrinks_as_far_as_the_kernel_lets_it(folder):
    berth, disk = Berth(folder), folder / "btrfs.img"
    disk.touch()
    os.truncate(disk, 500 * MIB)
    berth.ok("part", "table", disk, "gpt", "--yes")
    berth.ok("part", "add", disk, "--name", "data", "--size", "400M", "--fs", "btrfs", "--yes")
    berth.ok("part", "resize", disk, "data", "--size", "300M", "--yes")
    done = berth("part", "resize", disk, "data", "--size", "200M", "--yes")
    assert done.returncode == USAGE and "needs 256MiB" in done.stderr


class Looker(threading.Thread):
    """Like udev, looks into whatever loop device shows the file, and for a while."""

    def __init__(self, file):
        super().__init__(daemon=True)
        self.file, self.seen = str(file), False

    def run(self):
        end = time.monotonic() + 20
        while not self.seen and time.monotonic() < end:
            for shown in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
                with contextlib.suppress(OSError):
                    if shown.read_text().strip() == self.file:
                        with open(f"/dev/{shown.parts[3]}", "rb"):
                            self.seen = True
                            time.sleep(1.2)
            time.sleep(0.001)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting takes root")
def test_the_loop_device_of_a_mount_is_free_when_the_command_ends(folder):
    berth, disk = Berth(folder), folder / "btrfs.img"
    disk.touch()
    os.truncate(disk, 500 * MIB)
    berth.ok("part", "table", disk, "gpt", "--yes")
    berth.ok("part", "add", disk, "--name", "data", "--size", "400M", "--fs", "btrfs", "--yes")
    looker = Looker(disk)
    looker.start()
    berth.ok("part", "resize", disk, "data", "--size", "300M", "--yes")
    assert looker.seen
    berth.ok("part", "set", disk, "data", "--name", "other", "--yes")


def interrupt(disk, *command):
    """Leaves the disk as a power cut in the middle of the command does."""
    from crash import trace
    base, log = disk.path.with_suffix(".base"), disk.path.with_suffix(".trace")
    disks.copy(disk.path, base)
    disk.berth.ok(*command[:2], disk.path, *command[2:], "--yes", env={"BERTH_TRACE": str(log)})
    changes = [one for one in trace.read(log) if one[0] != "F"]
    disks.copy(base, disk.path)
    trace.make(disk.path, changes[:len(changes) // 2])


@pytest.mark.parametrize("command", [
    ("part", "rm", "win"), ("part", "add", "--size", "4M"), ("part", "set", "win", "--name", "x"),
    ("part", "move", "win", "--start", "+1M"), ("disk", "undo"), ("part", "format", "3", "--fs", "swap"),
    ("part", "table", "gpt", "--lose", "1", "--lose", "2")])
def test_pending_work_lets_nothing_else_happen(gpt, command):
    interrupt(gpt, "part", "move", "data", "--start", "+4M")
    assert gpt.show()["pending"]["op"] == "move"
    assert "disk finish" in gpt.refuses(REFUSED, "", *command)


def test_pending_work_is_finished_and_shown_until_then(gpt):
    interrupt(gpt, "part", "move", "data", "--start", "+4M")
    assert "disk finish" in gpt.ok("disk", "show")
    gpt.do("disk", "finish")
    assert "disk finish" not in gpt.ok("disk", "show")
    gpt.check_files(10, now=14)


@pytest.mark.parametrize("command", [("move", "data", "--start", "+4M"), ("resize", "data", "--size", "+8M"),
                                     ("resize", "win", "--size", "-2M")])
def test_the_same_relative_command_finishes_what_was_cut(gpt, command):
    interrupt(gpt, "part", *command)
    pending = gpt.show()["pending"]
    other = *command[:3], command[3][0] + "1M"
    gpt.refuses(REFUSED, "finish that first", "part", *other)
    gpt.do("part", *command)
    part, = (p for p in gpt.show()["partitions"] if p["number"] == pending["number"])
    was = {"data": (10, 16), "win": (40, 12)}[command[1]]
    grown = int(command[3][:-1])
    assert (part["start"] / MIB, part["size"] / MIB) == \
        ((was[0] + grown, was[1]) if command[0] == "move" else (was[0], was[1] + grown))


def test_work_of_a_living_process_is_not_called_interrupted(gpt):
    interrupt(gpt, "part", "move", "data", "--start", "+4M")
    with gpt.locked(0, 100):
        words = f"is under way in python3 (process {os.getpid()})"
        shown = gpt.ok("disk", "show")
        assert words in shown and "interrupted" not in shown
        for command in (("part", "rm", "win"), ("part", "move", "data", "--start", "+4M"), ("disk", "finish"),
                        ("disk", "undo"), ("disk", "check")):
            assert "interrupted" not in gpt.refuses(REFUSED, words, *command)
    gpt.do("disk", "finish")
    gpt.check_files(10, now=14)


def test_there_is_nothing_to_finish(gpt):
    before = disks.fingerprint(gpt.path)
    gpt.do("disk", "finish")
    assert disks.fingerprint(gpt.path) == before


# ---- logical partitions, and tables of the other kind ----

def test_a_logical_partition_that_goes_moves_the_numbers_behind_it(mbr):
    mbr.do("part", "rm", "5")
    assert mbr.parts()[5] == (31, 4) and mbr.parts()[6] == (40, 8)
    mbr.check_files(31)


def test_a_logical_partition_comes_with_the_next_number(mbr):
    mbr.do("part", "add", "--logical", "--size", "4M")
    assert mbr.parts()[8][1] == 4
    mbr.check_files(21)
    sfdisk = subprocess.run(["sfdisk", "--verify", mbr.path], capture_output=True, text=True)
    assert "No errors" in sfdisk.stdout


def test_a_gpt_becomes_an_mbr_and_back(gpt):
    before = gpt.parts()
    for kind in ("mbr", "gpt"):
        gpt.do("part", "table", kind, "--convert")
        assert gpt.show()["table"] == kind and gpt.parts() == before
        gpt.check_files(10)
        gpt.check_files(40)
    sound(gpt)


def test_logical_partitions_stay_logical_or_become_gpts(mbr):
    before = {start: size for start, size in mbr.parts().values() if start != 20}
    mbr.do("part", "table", "gpt", "--convert")
    assert dict(mbr.parts().values()) == before
    mbr.check_files(21)


# ---- check, repair, backup ----

def header_with(disk, sector, **fields):
    """Changes fields of a GPT header and makes its CRC right."""
    header = bytearray(disk.read(sector * 512, 512))
    for offset, value in fields.values():
        struct.pack_into("<I", header, offset, value)
    struct.pack_into("<I", header, 16, 0)
    struct.pack_into("<I", header, 16, zlib.crc32(header[:92]))
    disk.patch(sector * 512, header)


def overlap(disk):
    """The second entry begins in the first one, in both copies, with right CRCs."""
    last = SIZE // 512 - 1
    for header, entries in ((1, 2), (last, last - 32)):
        array = bytearray(disk.read(entries * 512, 128 * 128))
        struct.pack_into("<Q", array, 128 + 32, 15 * 2048)
        disk.patch(entries * 512, array)
        header_with(disk, header, entries=(88, zlib.crc32(array)))


def grow_file(disk):
    os.truncate(disk.path, SIZE + 32 * MIB)


def shrink_file(disk):
    os.truncate(disk.path, 62 * MIB)


def hybrid(disk):
    subprocess.run(["sgdisk", "-h", "1", disk.path], check=True, capture_output=True)


MENDED = {
    "primary-damaged": lambda disk: disk.patch(512, bytes(512)),
    "backup-damaged": lambda disk: disk.patch(-512, bytes(512)),
    "backup-not-at-end": grow_file,
    "no-protective-mbr": lambda disk: disk.patch(446, bytes(64)),
}
KEPT = {
    "both-damaged": lambda disk: (disk.patch(512 + 16, b"bad!"), disk.patch(-512 + 16, b"bad!")),
    "overlap": overlap,
    "disk-smaller": shrink_file,
    "hybrid": hybrid,
}


def damages(disk):
    return [one["kind"] for one in json.loads(disk.berth(
        "--json", "disk", "check", disk.path).stdout)["damage"]]


def test_a_sound_table_is_called_so(gpt):
    assert "nothing is wrong" in gpt.ok("disk", "check")


@pytest.mark.parametrize("kind", MENDED)
def test_damage_is_named_and_mended(gpt, kind):
    before = {p["number"]: p for p in gpt.show()["partitions"]}
    MENDED[kind](gpt)
    assert kind in damages(gpt)
    checked = gpt("disk", "check")
    assert checked.returncode == DAMAGED and "--repair" in checked.stderr
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == []
    assert {p["number"]: p for p in gpt.show()["partitions"]} == before
    gpt.check_files(10)
    sound(gpt)


@pytest.mark.parametrize("kind", KEPT)
def test_damage_that_needs_a_guess_is_named_and_left(gpt, kind):
    KEPT[kind](gpt)
    assert kind in damages(gpt) or (kind == "hybrid" and "hybrid-out-of-step" in damages(gpt))
    before = disks.fingerprint(gpt.path)
    assert gpt("disk", "check").returncode == DAMAGED
    assert gpt("disk", "check", "--repair", "--yes").returncode == REFUSED
    assert gpt("part", "add", "--size", "4M", "--yes").returncode == REFUSED
    assert disks.fingerprint(gpt.path) == before


def test_a_chain_that_comes_back_to_itself_is_named_and_left(mbr):
    mbr.patch(20 * MIB + 462 + 8, struct.pack("<I", 0))  # the first record's link: to itself
    assert damages(mbr) == ["ebr-lost"]  # what it hides is found
    mbr.refuses(REFUSED, "", "part", "rm", "1")


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_backup_of_what_is_there_asks_nothing(folder, originals, label):
    disk = Disk(folder, originals, label)
    disk.ok("disk", "backup", folder / "backup")
    assert "nothing to do" in disk.do("disk", "restore", folder / "backup")


def test_what_a_backup_does_not_have_is_only_deleted(gpt, folder):
    before = disks.table(gpt.path)
    gpt.do("part", "rm", "data")
    gpt.ok("disk", "backup", folder / "backup")
    gpt.do("disk", "undo")
    assert "LOSES" not in gpt.do("disk", "restore", folder / "backup")
    assert 1 not in gpt.parts()
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)


def test_what_the_table_of_a_backup_goes_over_is_named(blank, folder):
    blank.do("part", "table", "gpt")
    blank.ok("disk", "backup", folder / "backup")
    blank.do("part", "table", "mbr")
    subprocess.run(["sfdisk", "-q", blank.path], input="start=40M\n", text=True, check=True)
    blank.do("part", "format", "1", "--fs", "ext4")
    assert "--lose 1" in blank.refuses(REFUSED, "would be lost", "disk", "restore", folder / "backup")
    assert "LOSES partition 1" in blank.do("disk", "restore", folder / "backup", "--lose", "1")


def test_a_backup_does_not_overwrite_boot_records_that_are_others(mbr, folder):
    mbr.ok("disk", "backup", folder / "backup")
    mbr.patch(0, bytes(512))
    before = mbr.read(20 * MIB, 512)
    mbr.patch(20 * MIB, b"somebody's")
    mbr.refuses(REFUSED, "only where that table was", "disk", "restore", folder / "backup")
    mbr.patch(20 * MIB, before)
    mbr.patch(0, b"\xfa" * 440)  # the boot code stays
    assert "LOSES" not in mbr.do("disk", "restore", folder / "backup")
    assert mbr.read(0, 440) == b"\xfa" * 440


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_backup_restores_what_was_zeroed(folder, originals, label):
    disk = Disk(folder, originals, label)
    before = disks.table(disk.path)
    disk.ok("disk", "backup", folder / "backup")
    disk.patch(0, bytes(34 * 512))
    if label == "gpt":
        disk.patch(-34 * 512, bytes(34 * 512))
    assert "LOSES" not in disk.do("disk", "restore", folder / "backup")
    assert disks.table(disk.path) == before
    for found, start in originals[1]:
        if found == label:
            disk.check_files(start // MIB)


def test_a_backup_does_not_overwrite_what_lies_where_the_table_was(gpt, folder):
    gpt.ok("disk", "backup", folder / "backup")
    gpt.patch(0, bytes(34 * 512))
    gpt.patch(-34 * 512, bytes(34 * 512))
    gpt.patch(5 * 512, b"somebody's")
    assert "only where that table was" in gpt.refuses(REFUSED, "not empty", "disk", "restore", folder / "backup")
    assert "LOSES what is now where the table goes" in gpt.do("disk", "restore", folder / "backup", "--lose",
                                                              gpt.path)


def test_a_backup_takes_changes_back(gpt, folder):
    before = disks.table(gpt.path)
    gpt.ok("disk", "backup", folder / "backup")
    gpt.do("part", "rm", "data")
    gpt.do("part", "set", "win", "--name", "other")
    gpt.do("disk", "restore", folder / "backup")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)


def test_a_backup_of_another_disk_is_refused_where_it_does_not_fit(gpt, folder):
    gpt.ok("disk", "backup", folder / "backup")
    os.truncate(gpt.path, 30 * MIB)
    before = disks.fingerprint(gpt.path)
    done = gpt("disk", "restore", folder / "backup", "--yes", "--lose", gpt.path)
    assert done.returncode in (USAGE, REFUSED), done.stderr
    assert disks.fingerprint(gpt.path) == before


# ---- scripts ----

def without_id(table):
    return {key: value for key, value in table.items() if key not in ("id", "device")}


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_what_is_exported_for_sfdisk_makes_the_same_table(folder, originals, label):
    disk = Disk(folder, originals, label)
    disk.ok("disk", "export", folder / "script", "--format", "sfdisk")
    other = folder / "other.img"
    with open(other, "wb") as file:
        file.truncate(SIZE)
    disk.berth.ok("apply", folder / "script", "--disk", other, "--yes")
    assert disks.table(other) == disks.table(disk.path)


def test_what_is_exported_for_repart_makes_the_same_partitions(blank, folder):
    blank.do("part", "table", "gpt")
    for name, kind in (("data", "linux"), ("pages", "swap")):
        blank.do("part", "add", "--name", name, "--size", "20M", "--type", kind)
    blank.ok("disk", "export", folder / "repart", "--format", "repart")
    other = folder / "other.img"
    with open(other, "wb") as file:
        file.truncate(SIZE)
    blank.berth.ok("apply", folder / "repart", "--disk", other, "--yes")
    keys = ("name", "type", "start", "size")
    wanted, found = ([tuple(p.get(key) for key in keys) for p in disks.table(path)["partitions"]]
                     for path in (blank.path, other))
    assert found == wanted


def test_applying_a_table_to_itself_changes_nothing(gpt, folder):
    gpt.ok("disk", "export", folder / "script", "--format", "sfdisk")
    before = disks.fingerprint(gpt.path)
    gpt.berth.ok("apply", folder / "script", "--disk", gpt.path, "--yes")
    assert disks.fingerprint(gpt.path) == before


# ---- without any privilege ----

@pytest.fixture
def ordinary(folder, gpt):
    """The disk, and berth, of somebody without any privilege."""
    program = folder / "berth"
    shutil.copy(BERTH, program)
    shutil.copy(pathlib.Path(BERTH).parent / "berth-overlay.so", folder)
    for path in (folder, gpt.path):
        os.chmod(path, 0o755)
        if os.getuid() == 0:
            os.chown(path, ORDINARY, ORDINARY)
    gpt.berth = Berth(folder, binary=program)
    return gpt


def test_an_ordinary_user_does_it_all(ordinary):
    for command in (("part", "resize", "data", "--size", "10M"), ("part", "move", "data", "--start", "+1M"),
                    ("part", "add", "--size", "8M", "--fs", "ntfs", "--lose", "4"), ("part", "rm", "3"),
                    ("disk", "undo"), ("disk", "check", "--repair")):
        done = ordinary(*command, "--yes", prefix=AS_ORDINARY)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    ordinary.check_files(10, now=11)


@pytest.mark.parametrize("env,words", [
    ({"BERTH_STATE": "/proc/1/none"}, ("the folder /proc/1/none", "BERTH_STATE")),
    ({"BERTH_STATE": "/proc"}, ("the folder /proc", "BERTH_STATE")),
    ({"BERTH_STATE": "", "XDG_STATE_HOME": "", "HOME": "/proc/none"}, ("the folder /proc/none", "HOME")),
])
@pytest.mark.parametrize("name,size", [("data", "10M"), ("data", "20M"), ("win", "20M")])
def test_a_state_folder_that_cannot_be_is_told_before_a_byte_is_written(ordinary, env, words, name, size):
    before = disks.fingerprint(ordinary.path)
    for more in ("--dry-run", "--yes"):
        done = ordinary("part", "resize", name, "--size", size, more, env=env, prefix=AS_ORDINARY)
        assert done.returncode == REFUSED and all(w in done.stderr for w in words), done.stderr
        assert done.stdout == ""
    assert disks.fingerprint(ordinary.path) == before


def test_the_place_that_a_partition_left_holds_nothing_any_more(berth):
    disk = berth.home / "left.img"
    berth.ok("part", "table", disk, "gpt", "--size", "200M", "--yes")
    berth.ok("part", "add", disk, "--name", "a", "--size", "40M", "--fs", "ext4", "--yes")
    berth.ok("part", "move", disk, "a", "--start", "100M", "--yes")
    berth.ok("part", "add", disk, "--name", "b", "--size", "60M", "--fs", "ntfs", "--yes")
    assert [p["fs"] for p in berth.json("disk", "show", disk)["disk"]["partitions"]] == ["ext4", "ntfs"]


def test_the_chain_stays_whole_while_a_logical_partition_moves_to_the_right(berth):
    disk = berth.home / "left.img"
    berth.ok("part", "table", disk, "mbr", "--size", "200M", "--yes")
    berth.ok("part", "add", disk, "--type", "extended", "--yes")
    for _ in range(2):
        berth.ok("part", "add", disk, "--logical", "--size", "30M", "--fs", "ext4", "--yes")
    for start in ("+512", "+1M", "+1M"):
        berth.ok("part", "move", disk, "6", "--start", start, "--yes")
        berth.ok("disk", "check", disk)
        assert len(disks.table(disk)["partitions"]) == 3  # as sfdisk sees them


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a\x7f", "a\x85b"])
@pytest.mark.parametrize("command", [("add", "--size", "4M"), ("set", "data")])
def test_a_name_with_a_control_character_is_refused_at_once(gpt, name, command):
    gpt.refuses(USAGE, "--name", "part", *command, "--name", name)


@pytest.mark.parametrize("size", ["20M", "14M"])
def test_a_filesystem_that_is_not_sound_is_not_resized_and_nothing_is_written(gpt, size):
    subprocess.run(["debugfs", "-w", "-R", "clri <2>", f"{gpt.path}?offset={10 * MIB}"], check=True,
                   capture_output=True)
    assert "nothing was changed" in gpt.refuses(DAMAGED, "e2fsck", "part", "resize", "data", "--size", size)


@pytest.mark.parametrize("size", [(1 << 63) - 1, (1 << 63) - 512])
def test_the_largest_file_there_can_be_is_a_disk(folder, size):
    berth, file = Berth(folder), os.memfd_create("disk")
    os.ftruncate(file, size)
    disk = f"/proc/{os.getpid()}/fd/{file}"
    try:
        berth.ok("part", "table", disk, "gpt", "--yes")
        for words in (("add", "--size", "1G", "--start", "50%"), ("add", "--size", "64M", "--fs", "ext4"), ("rm", "1")):
            berth.ok("part", words[0], disk, *words[1:], "--yes")
        berth.ok("disk", "undo", disk, "--yes")
        berth.ok("disk", "check", disk)
        found = berth.json("disk", "show", disk)["disk"]["partitions"]
        assert sorted(p["start"] for p in found) == [MIB, (size >> 1) // MIB * MIB]
    finally:
        os.close(file)
