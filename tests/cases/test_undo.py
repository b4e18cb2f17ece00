# SPDX-License-Identifier: GPL-3.0-or-later
"""berth disk undo: each kind of change that it takes back, and when it does not."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guests"))
import disks
import filled
from ordinary import AS_ORDINARY, ORDINARY
from part_disk import (MIB, NOT_FOUND, REFUSED, SIZE, Disk, blank, folder,  # noqa: F401
                       gpt, mbr, originals)
from program import BERTH, Berth
import tiny  # noqa: E402


@pytest.mark.parametrize("command", [
    ("rm", "data"), ("add", "--size", "4M"), ("set", "data", "--name", "other", "--type", "home"),
    ("resize", "data", "--size", "20M"), ("resize", "data", "--size", "10M"),
    ("move", "data", "--start", "+1M"), ("move", "win", "--start", "70M")])
def test_a_change_is_taken_back(gpt, command):
    before = disks.table(gpt.path)
    gpt.do("part", *command)
    assert disks.table(gpt.path) != before
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)
    gpt.check_files(40)


@pytest.mark.parametrize("command", [
    ("rm", "5"), ("rm", "6"), ("rm", "1"), ("add", "--logical", "--size", "4M"), ("add", "--size", "4M"),
    ("move", "5", "--start", "50M"), ("move", "6", "--start", "+1M"), ("resize", "5", "--size", "9M")])
def test_a_change_of_an_mbr_is_taken_back(mbr, command):
    before = disks.table(mbr.path)
    mbr.do("part", *command)
    assert disks.table(mbr.path) != before
    mbr.do("disk", "undo")
    assert disks.table(mbr.path) == before
    for start in (1, 21, 31):
        mbr.check_files(start)


def test_an_undo_can_be_undone(gpt):
    gpt.do("part", "move", "data", "--start", "+1M")
    after = disks.table(gpt.path)
    gpt.do("disk", "undo")
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == after


def test_a_new_table_on_a_blank_disk_is_taken_back(blank):
    before = disks.fingerprint(blank.path)
    blank.do("part", "table", "gpt")
    blank.do("disk", "undo")
    assert disks.fingerprint(blank.path) == before


@pytest.mark.parametrize("kind", ["gpt", "mbr"])
def test_a_new_table_over_a_filesystem_is_taken_back(blank, folder, kind):
    content = filled.make("ext4", blank.path, SIZE)
    before = disks.fingerprint(blank.path)
    blank.do("part", "table", kind, "--lose", blank.path)
    assert disks.fingerprint(blank.path) != before
    blank.do("disk", "undo")
    assert filled.read("ext4", blank.path) == content
    assert disks.fingerprint(blank.path) == before


def test_a_new_table_over_a_table_is_taken_back(gpt):
    before = disks.table(gpt.path)
    gpt.do("part", "table", "mbr", "--lose", "data", "--lose", "win")
    assert gpt.parts() == {}
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)


def test_a_table_that_others_changed_is_not_taken_back(gpt):
    gpt.do("part", "set", "data", "--name", "other")
    subprocess.run(["sfdisk", "-q", "--part-label", gpt.path, "1", "theirs"], check=True)
    gpt.refuses(REFUSED, "changed", "disk", "undo")


def test_a_filesystem_that_was_written_to_is_not_moved_back(gpt):
    gpt.do("part", "move", "data", "--start", "+1M")
    subprocess.run(["tune2fs", "-L", "theirs", f"{gpt.path}?offset={11 * MIB}"], check=True,
                   capture_output=True)
    gpt.refuses(REFUSED, "written to", "disk", "undo")


def test_there_is_nothing_to_undo(gpt):
    gpt.refuses(NOT_FOUND, "undone", "disk", "undo")


# ---- wipes ----

def test_wiped_signatures_come_back(gpt):
    before = disks.fingerprint(gpt.path, MIB, 95 * MIB)
    gpt.do("part", "wipe", "data", "--lose", "data")
    assert [p["fs"] for p in gpt.show()["partitions"]] == [None, "ntfs", None]
    gpt.do("disk", "undo")
    gpt.check_files(10)
    assert disks.fingerprint(gpt.path, 10 * MIB, 95 * MIB) and before
    gpt.refuses(NOT_FOUND, "undone", "disk", "undo")


def test_wiping_what_is_wiped_leaves_the_last_wipe_to_be_undone(gpt):
    gpt.do("part", "wipe", "data", "--lose", "data")
    after = disks.fingerprint(gpt.path)
    for lose in ([], ["--lose", "data"]):
        assert "nothing to do" in gpt.do("part", "wipe", "data", *lose)
    assert disks.fingerprint(gpt.path) == after
    gpt.do("disk", "undo")
    gpt.check_files(10)


@pytest.mark.parametrize("command", [
    ("set", "data", "--name", "data", "--type", "home", "--inactive"), ("resize", "data", "--size", "16M"),
    ("resize", "data", "--size", "+0"), ("move", "data", "--start", "10M"),
    ("move", "data", "--start", "+0"), ("move", "data", "--start", "-0M"),
    ("table", "gpt", "--convert"), ("wipe", "3")])
def test_what_changes_nothing_leaves_the_last_change_to_be_undone(gpt, command):
    before = disks.table(gpt.path)
    gpt.do("part", "set", "data", "--type", "home")
    after = disks.fingerprint(gpt.path)
    assert "nothing to do" in gpt.do("part", *command)
    assert disks.fingerprint(gpt.path) == after
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before


@pytest.mark.parametrize("since", [
    lambda disk: filled.run("mke2fs", "-qF", "-E", f"offset={10 * MIB}", disk.path, "16M"),
    lambda disk: disk.patch(10 * MIB + 4086, b"SWAPSPACE2"),
    lambda disk: disk.patch(10 * MIB + 1080, b"mine"),
    lambda disk: filled.run("sfdisk", "-q", "--part-label", disk.path, "1", "theirs"),
])
def test_signatures_do_not_come_back_over_something_new(gpt, since):
    gpt.do("part", "wipe", "data", "--lose", "data")
    since(gpt)
    gpt.refuses(REFUSED, "is not undone", "disk", "undo")


def test_signatures_come_back_only_to_what_nobody_uses(gpt):
    gpt.do("part", "wipe", "data", "--lose", "data")
    with gpt.locked(10 * MIB, 16 * MIB):
        gpt.refuses(REFUSED, "in use", "disk", "undo")


def test_a_plan_to_format_says_that_it_is_not_undone(gpt):
    assert "does not take back" in gpt.do("part", "format", "3", "--fs", "ext4")
    gpt.refuses(NOT_FOUND, "undone", "disk", "undo")


# ---- what others wrote the plan for ----

SCRIPT = """\
label: gpt
unit: sectors
p1 : start=12288, size=40960, name=data
p2 : start=90112, size=20480, name=win
p4 : start=143360, size=4096, name=new
"""


def test_a_script_of_several_steps_is_taken_back_with_its_files(gpt, folder):
    before = disks.table(gpt.path)
    (folder / "script").write_text(SCRIPT)
    gpt.berth.ok("apply", folder / "script", "--disk", gpt.path, "--yes")
    assert len(gpt.parts()) == 4 and gpt.parts()[1] == (6, 20)
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)
    gpt.check_files(40)


def test_a_script_whose_partitions_were_written_to_is_not_taken_back(gpt, folder):
    (folder / "script").write_text(SCRIPT)
    gpt.berth.ok("apply", folder / "script", "--disk", gpt.path, "--yes")
    subprocess.run(["tune2fs", "-L", "theirs", f"{gpt.path}?offset={6 * MIB}"], check=True,
                   capture_output=True)
    gpt.refuses(REFUSED, "written to", "disk", "undo")


def test_a_script_that_put_something_over_a_deleted_partition_is_not_taken_back(gpt, folder):
    (folder / "script").write_text(f'label: gpt\n2: start=10M,size=12M,name="win",'
                                   f'uuid={disks.table(gpt.path)["partitions"][1]["uuid"]}\n')
    gpt.berth.ok("apply", folder / "script", "--disk", gpt.path, "--yes", "--prune", "--lose", "data")
    gpt.check_files(40, now=10)
    gpt.refuses(NOT_FOUND, "undone", "disk", "undo")


def test_what_repart_files_made_larger_is_made_smaller_again(gpt, folder):
    before = disks.table(gpt.path)
    (folder / "repart").mkdir()
    (folder / "repart/10-data.conf").write_text("[Partition]\nType=linux-generic\nLabel=data\n")
    (folder / "repart/20-win.conf").write_text("[Partition]\nType=linux-generic\nLabel=win\n")
    (folder / "repart/30-rest.conf").write_text("[Partition]\nType=linux-generic\nSizeMinBytes=4M\n")
    gpt.berth.ok("apply", folder / "repart", "--disk", gpt.path, "--yes")
    assert disks.table(gpt.path) != before
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)
    gpt.check_files(40)


# ---- tables as a whole ----

def test_a_restored_backup_is_taken_back(gpt, folder):
    gpt.ok("disk", "backup", folder / "backup")
    gpt.do("part", "rm", "data")
    before = disks.table(gpt.path)
    gpt.do("disk", "restore", folder / "backup")
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before


@pytest.mark.parametrize("kind, label", [("mbr", "gpt"), ("gpt", "dos")])
def test_a_converted_table_is_taken_back(folder, originals, kind, label):
    disk = Disk(folder, originals, label)
    before = disks.table(disk.path)
    disk.do("part", "table", kind, "--convert")
    disk.do("disk", "undo")
    assert disks.table(disk.path) == before


def test_a_repair_is_taken_back_to_what_could_be_read(gpt):
    before = disks.table(gpt.path)
    gpt.patch(-512, bytes(512))
    gpt.do("disk", "check", "--repair")
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before


def test_the_table_of_a_new_file_is_taken_back(folder):
    berth = Berth(folder)
    berth.ok("part", "table", "new.img", "gpt", "--size", "64M", "--yes")
    berth.ok("disk", "undo", "new.img", "--yes")
    assert not list(disks.data_chunks(folder / "new.img"))


# ---- every filesystem, full ----

def one_partition(folder, kind, size):
    """A disk with one partition that is nearly full, and its content."""
    path, image = folder / "disk.img", folder / "fs"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", path], input=f"label: gpt\nstart=10M,size={size}M,name=a\n", text=True,
                   check=True)
    content = filled.make(kind, image, size * MIB, count=12 * size, small=9)
    filled.paste(image, path, 10 * MIB)
    return path, content


@pytest.mark.parametrize("kind, size", [("ext4", 20), ("ext4-1k", 20), ("ext3", 24), ("ext2", 16),
                                        ("ntfs", 8), ("swap", 4)])
@pytest.mark.parametrize("change", [("resize", "--size", "80M"), ("move", "--start", "+4M")])
def test_what_is_nearly_full_is_made_as_it_was(folder, kind, size, change):
    path, content = one_partition(folder, kind, size)
    before = disks.table(path)
    berth = Berth(folder)
    berth.ok("part", change[0], path, "a", *change[1:], "--yes")
    berth.ok("disk", "undo", path, "--yes")
    assert disks.table(path) == before
    assert filled.content(kind, path, 10 * MIB, (10 + size) * MIB) == content


# ---- a size between what its content takes and what is certainly enough ----

def ext4_with(folder, used, size=32):
    path, files = folder / "disk.img", folder / "files"
    files.mkdir()
    (files / "file").write_bytes(os.urandom(used))
    with open(folder / "fs", "wb") as file:
        file.truncate(size * MIB)
    subprocess.run(["mke2fs", "-qF", "-t", "ext4", "-d", files, folder / "fs"], check=True)
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", path], input=f"label: gpt\nstart=10M,size={size}M,name=a\n", text=True,
                   check=True)
    filled.paste(folder / "fs", path, 10 * MIB)
    return path, filled.content("ext4", path, 10 * MIB, (10 + size) * MIB)


def test_a_size_that_may_not_do_is_tried(folder):
    path, content = ext4_with(folder, 10 * MIB)
    done = Berth(folder).ok("part", "resize", path, "a", "--size", "18M", "--yes")
    assert "may not fit" in done
    assert filled.content("ext4", path, 10 * MIB, 28 * MIB) == content


def test_a_size_that_cannot_do_is_refused_before_anything_is_asked(folder):
    path, _ = ext4_with(folder, 10 * MIB)
    before = disks.fingerprint(path)
    done = Berth(folder)("part", "resize", path, "a", "--size", "11M")
    assert done.returncode == 2 and "certainly enough" in done.stderr
    assert disks.fingerprint(path) == before


def test_when_the_tool_finds_that_it_does_not_fit_it_stays_as_it_is(folder):
    path, _ = ext4_with(folder, 10 * MIB)
    berth = Berth(folder)
    before = disks.fingerprint(path)
    done = berth("part", "resize", path, "a", "--size", "16M", "--yes")
    assert "may not fit" in done.stdout
    assert done.returncode == 2 and "stays as it is" in done.stderr, done.stderr
    assert disks.fingerprint(path) == before
    berth.ok("part", "set", path, "a", "--name", "b", "--yes")  # nothing is pending


def test_what_a_later_step_finds_not_to_fit_leaves_all_as_it_is(folder):
    path, _ = ext4_with(folder, 10 * MIB)
    subprocess.run(["sfdisk", "-q", "--append", path], input="start=50M,size=32M,name=b\n", text=True, check=True)
    filled.paste(folder / "fs", path, 50 * MIB)
    (folder / "script").write_text("label: gpt\nstart=10M,size=24M,name=a\nstart=50M,size=16M,name=b\n")
    before = disks.fingerprint(path)
    done = Berth(folder)("apply", folder / "script", "--disk", path, "--yes")
    assert done.returncode == 2 and "b stays as it is" in done.stderr, done.stderr
    assert disks.fingerprint(path) == before


# ---- where the journal goes ----

MOVING = "9D2F6C1A-47B8-4E35-A1C0-626572746802"


def no_room(folder):
    """Data wherever a journal could be."""
    disk = folder / "disk.img"
    with open(disk, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", disk], input="label: gpt\nstart=1M,size=40M,name=a\n", text=True,
                   check=True)
    subprocess.run(["mke2fs", "-qF", "-E", f"offset={MIB}", disk, "40M"], check=True, capture_output=True)
    with open(disk, "r+b") as file:
        for at in (MIB - 100, 94 * MIB, 95 * MIB):
            file.seek(at)
            file.write(b"x" * 100)
    return disk


@pytest.mark.parametrize("change", [("resize", "--size", "20M"), ("move", "--start", "50M")])
def test_without_a_place_for_the_journal_nothing_is_asked(folder, change):
    disk, berth = no_room(folder), Berth(folder)
    before = disks.fingerprint(disk)
    done = berth("part", change[0], disk, "a", *change[1:])
    assert done.returncode == REFUSED and "--journal FILE" in done.stderr, done.stderr
    assert "is empty: the largest, of " in done.stderr and "has data in its last" in done.stderr, done.stderr
    assert disks.fingerprint(disk) == before
    journal = folder / "journal"
    assert "the journal goes into" in berth.ok("part", change[0], disk, "a", *change[1:], "--journal", journal,
                                               "--yes")
    berth.ok("disk", "undo", disk, "--journal", journal, "--yes")
    assert disks.ranges(disk) == {"a": (MIB, 41 * MIB)}


def test_a_half_moved_partition_that_is_given_up_does_not_come_back_half(gpt):
    """The log that would know of the work is gone."""
    subprocess.run(["sfdisk", "-q", "--part-type", gpt.path, "1", MOVING], check=True)
    assert "is given up" in gpt.do("part", "rm", "data", "--lose", "data")
    gpt.refuses(NOT_FOUND, "undone", "disk", "undo")
    assert "journal" not in gpt.ok("disk", "show")


def test_nor_does_a_logical_one_whose_number_another_gets(mbr):
    subprocess.run(["sfdisk", "-q", "--part-type", mbr.path, "5", "7e"], check=True)
    assert "is given up" in mbr.do("part", "rm", "5", "--lose", "5")
    mbr.refuses(NOT_FOUND, "undone", "disk", "undo")
    mbr.check_files(31)


def test_without_a_place_for_the_log_the_plan_says_that_it_cannot_be_undone(folder):
    disk = no_room(folder)
    assert "cannot take this back" in Berth(folder).ok("-n", "part", "rm", disk, "a")


def test_the_plan_says_where_the_journal_goes(gpt):
    assert "the journal goes to the free range" in gpt.ok("part", "move", "data", "--start", "+1M", "-n")


def test_the_end_of_a_bios_boot_partition_has_the_journal_where_nothing_else_does(folder):
    disk = no_room(folder)
    subprocess.run(["sfdisk", "-q", "--append", disk], check=True, text=True,
                   input="start=41M,size=8M,type=21686148-6449-6E6F-744E-656564454649\n")
    berth = Berth(folder)
    assert "the end of partition 2 (BIOS boot)" in berth.ok("part", "resize", disk, "a", "--size", "20M", "--yes")
    berth.ok("disk", "undo", disk, "--yes")


# ---- without any privilege ----

def test_an_ordinary_user_takes_it_all_back(folder, gpt):
    program = folder / "berth"
    shutil.copy(BERTH, program)
    shutil.copy(os.path.join(os.path.dirname(BERTH), "berth-overlay.so"), folder)
    for path in (folder, gpt.path):
        os.chmod(path, 0o755)
        if os.getuid() == 0:
            os.chown(path, ORDINARY, ORDINARY)
    gpt.berth = Berth(folder, binary=program)
    before = disks.table(gpt.path)
    for command in (("resize", "data", "--size", "10M"), ("resize", "win", "--size", "20M"),
                    ("move", "win", "--start", "70M"), ("wipe", "win", "--lose", "win"), ("rm", "3"),
                    ("table", "mbr", "--convert"), ("table", "gpt", "--lose", "1", "--lose", "2")):
        for argv in (("part", *command), ("disk", "undo")):
            done = gpt(*argv, "--yes", prefix=AS_ORDINARY)
            assert done.returncode == 0, f"{argv}: {done.stderr}"
        assert disks.table(gpt.path) == before, command
    gpt.check_files(10)
    gpt.check_files(40)


# ---- systems of a machine ----

MACHINE = """\
berth: 1
name: m
disk: {path: disk.img, size: 200MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host: {name: main, image: tiny, root: {size: 20MiB}}
"""


@pytest.fixture
def machine(berth):
    tiny.add_image(berth)
    (berth.home / "m.yaml").write_text(MACHINE)
    berth.ok("apply", "m.yaml", "--yes")
    return berth


def test_a_root_that_a_machine_file_made_larger_is_made_smaller_again(machine):
    before = disks.table(machine.home / "disk.img")
    (machine.home / "m.yaml").write_text(MACHINE.replace("20MiB", "60MiB"))
    machine.ok("apply", "m.yaml", "--yes")
    assert disks.table(machine.home / "disk.img") != before
    machine.ok("disk", "undo", "disk.img", "--yes")
    assert disks.table(machine.home / "disk.img") == before


def test_a_system_whose_resize_failed_boots_as_before(machine):
    tools = machine.home / "tools"
    tools.mkdir()
    (tools / "resize2fs").write_text('#!/bin/sh\ncase "$*" in *-P*) exec /sbin/resize2fs "$@" ;; esac\nexit 1\n')
    (tools / "resize2fs").chmod(0o755)
    failed = machine("part", "resize", "disk.img", "main", "--size", "15M", "--yes",
                     env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert failed.returncode == 1
    assert "nothing to do" in machine.ok("part", "resize", "disk.img", "main", "--size", "20M")  # not even a release


def test_what_was_done_before_a_guest_ran_is_not_taken_back(machine):
    with open(machine.home / "m.yaml", "a", encoding="ascii") as file:
        file.write("guests: [{name: dev, image: tiny, root: {size: 20MiB}}]\n")
    machine.ok("apply", "m.yaml", "--yes")
    machine.ok("part", "add", "disk.img", "--size", "4M", "--yes")
    machine("run", "dev", "--disk", "disk.img")  # its kernel is none; that it could have run counts
    refused = machine("disk", "undo", "disk.img", "--yes")
    assert refused.returncode == NOT_FOUND, refused.stderr


# ---- names that others wrote ----

@pytest.mark.parametrize("command", [("rm", "1"), ("set", "1", "--name", "ok"), ("resize", "1", "--size", "20M"),
                                     ("move", "1", "--start", "+1M")])
def test_a_name_with_a_control_character_keeps_nothing_from_being_changed_and_taken_back(gpt, command):
    subprocess.run(["sgdisk", "-c", "1:a\nb\x1b[31m", gpt.path], check=True, capture_output=True)
    before = disks.table(gpt.path)
    done = gpt("part", *command, "--yes")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "a?b" in gpt.ok("disk", "log")
    gpt.do("disk", "undo")
    assert disks.table(gpt.path) == before
    gpt.check_files(10)


# ---- a journal in a file beside a log on the disk ----

@pytest.mark.parametrize("undo_by", [(), ("--journal", "journal")])
def test_a_change_with_a_journal_file_is_in_the_log_of_the_disk_and_taken_back(gpt, undo_by):
    gpt.do("part", "set", "win", "--name", "other")
    before = disks.table(gpt.path)
    gpt.do("part", "move", "data", "--start", "+1M", "--journal", "journal")
    assert "move partition 1" in gpt.ok("disk", "log")
    assert "move partition 1" in gpt.ok("disk", "log", "--journal", "journal")
    gpt.do("disk", "undo", *undo_by)
    assert disks.table(gpt.path) == before
    gpt.check_files(10)


# ---- a new partition with a filesystem ----

@pytest.mark.parametrize("label", ["gpt", "mbr"])
@pytest.mark.parametrize("kind", ["ext4", "vfat", "ntfs", "swap"])
def test_a_new_partition_goes_with_its_filesystem_and_comes_back_with_it(blank, label, kind):
    blank.do("part", "table", label)
    blank.do("part", "add", "--size", "4M")
    before = disks.table(blank.path)
    assert "does not take back" not in blank.do("part", "add", "--size", "40M", "--fs", kind)
    after, (start, size) = disks.table(blank.path), blank.parts()[2]
    made = disks.fingerprint(blank.path, int(start * MIB), int((start + size) * MIB))
    for table in (before, after, before, after):
        blank.do("disk", "undo")
        assert disks.table(blank.path) == table
        assert disks.fingerprint(blank.path, int(start * MIB), int((start + size) * MIB)) == made
    assert blank.show()["partitions"][1]["fs"] == kind


def test_a_new_partition_that_was_used_does_not_go(blank):
    blank.do("part", "table", "gpt")
    blank.do("part", "add", "--size", "40M", "--fs", "ext4")
    start = int(blank.parts()[1][0] * MIB)
    filled.run("debugfs", "-w", "-R", "mkdir kept", f"{blank.path}?offset={start}")
    blank.refuses(REFUSED, "written to since", "disk", "undo")


@pytest.mark.parametrize("how", ["named", "encrypted"])
def test_a_new_filesystem_over_what_was_lost_or_that_hides_its_use_is_not_undone(blank, folder, how):
    (folder / "key").write_bytes(b"secret")
    blank.do("part", "table", "gpt")
    if how == "named":
        blank.patch(8 * MIB, b"data that nobody knows")
    words = ("--fs", "ext4", "--lose", "new") if how == "named" else ("--fs", "luks", "--key-file", folder / "key")
    assert "does not take back" in blank.do("part", "add", "--name", "new", "--size", "40M", *words)
    blank.refuses(NOT_FOUND, "undone", "disk", "undo")


# ---- what cannot be taken back ----

def test_the_plan_says_that_an_xfs_does_not_become_smaller_again(folder):
    disk, berth = "disk.img", Berth(folder)
    berth.ok("part", "table", disk, "gpt", "--size", "700M", "--yes")
    berth.ok("part", "add", disk, "--name", "x", "--size", "310M", "--fs", "xfs", "--yes")
    planned = berth("-n", "part", "resize", disk, "x", "--size", "400M")
    if planned.returncode == REFUSED and "mounted" in planned.stderr:
        pytest.skip("nothing here mounts an XFS")
    assert "cannot be made smaller again" in planned.stdout, planned.stderr


# ---- a container that grew alone ----

@pytest.fixture
def container(blank, folder):
    """A LUKS2 container of 40 MiB in a partition of 60 MiB, and the table that it had before."""
    (folder / "key").write_bytes(b"secret")
    with open(folder / "luks", "wb") as file:
        file.truncate(40 * MIB)
    filled.run("cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
               folder / "luks", folder / "key")
    blank.do("part", "table", "gpt")
    blank.do("part", "add", "--name", "l", "--start", "16M", "--size", "40M")
    filled.paste(folder / "luks", blank.path, 16 * MIB)
    before = disks.table(blank.path)
    blank.do("part", "resize", "l", "--size", "60M")
    return blank, before


def test_a_container_that_grew_alone_becomes_smaller_again_without_its_key(container):
    disk, before = container
    content = disks.fingerprint(disk.path, 16 * MIB, 56 * MIB)
    disk.do("disk", "undo")
    assert disks.table(disk.path) == before
    assert disks.fingerprint(disk.path, 16 * MIB, 56 * MIB) == content


@pytest.mark.parametrize("offset, words", [(32 * MIB + 1024, "written to since"), (16 * MIB + 8, "written to since"),
                                           (70 * MIB, "--key-file")])
def test_a_container_that_was_used_since_does_not_become_smaller_without_its_key(container, offset, words):
    container[0].patch(offset, b"somebody")
    container[0].refuses(REFUSED, words, "disk", "undo")


def test_a_container_that_is_being_encrypted_anew_keeps_its_size(container):
    disk = container[0]
    disk.do("disk", "undo")
    header = disk.read(16 * MIB + 4096, 12288)
    changed = header.replace(b'"config":{', b'"config":{"requirements":{"mandatory":["online-reencrypt-v2"]},')
    assert changed != header
    disk.patch(16 * MIB + 4096, changed[:12288])
    disk.refuses(REFUSED, "is being encrypted anew", "part", "resize", "l", "--size", "60M")
