# SPDX-License-Identifier: GPL-3.0-or-later
"""berth part and berth disk as commands: what each refuses, with which status, what it makes, and that
it can be taken back."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import zlib

import pytest

import disks
import filled
from ordinary import AS_ORDINARY, ORDINARY
from program import BERTH, Berth

MIB = 1 << 20
SIZE = 96 * MIB
USAGE, REFUSED, NOT_FOUND, DAMAGED = 2, 3, 4, 5
GPT = [("data", "ext4", 10, 16), ("win", "ntfs", 40, 12), ("", None, 60, 4)]
MBR = [("", "ext4", 1, 16), ("", "extended", 20, 60), ("", "ext2", 21, 8), ("", "swap", 31, 4),
       ("", None, 40, 8)]


def make(path, parts, label, contents):
    """A disk made by sfdisk, with filled filesystems; (name or number, kind, start, size) in MiB."""
    lines = [f"label: {label}"]
    for name, kind, start, size in parts:
        more = f", name={name}" if name else ", type=5" if kind == "extended" else ""
        lines.append(f"start={start * 2048}, size={size * 2048}{more}")
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", path], input="\n".join(lines), text=True, check=True)
    for _, kind, start, size in parts:
        if kind in filled.KINDS:
            contents[label, start * MIB] = kind, filled.make(kind, f"{path}.{kind}", size * MIB)
            filled.paste(f"{path}.{kind}", path, start * MIB)


@pytest.fixture(scope="module")
def originals():
    """(folder with gpt.img and dos.img, {(label, start): (kind, content)})"""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        contents = {}
        make(f"{folder}/gpt.img", GPT, "gpt", contents)
        make(f"{folder}/dos.img", MBR, "dos", contents)
        yield folder, contents


class Disk:
    """A disk file and berth on it."""

    def __init__(self, folder, originals, label):
        self.berth = Berth(folder)
        self.path, self.label = folder / "disk.img", label
        self.contents = originals[1]
        if label:
            disks.copy(f"{originals[0]}/{label}.img", self.path)
        else:
            with open(self.path, "wb") as file:
                file.truncate(SIZE)

    def __call__(self, verb, what, *args, **kwargs):
        return self.berth(verb, what, self.path, *args, **kwargs)

    def ok(self, verb, what, *args):
        return self.berth.ok(verb, what, self.path, *args)

    def do(self, verb, what, *args):
        return self.ok(verb, what, *args, "--yes")

    def refuses(self, status, words, verb, what, *args):
        """It ends with the status, says the words, and changes no byte."""
        before = disks.fingerprint(self.path)
        done = self(verb, what, *args, "--yes")
        assert done.returncode == status, f"status {done.returncode}: {done.stderr}"
        assert words in done.stderr, done.stderr
        assert disks.fingerprint(self.path) == before
        return done.stderr

    def show(self):
        return json.loads(self.berth.ok("--json", "disk", "show", self.path))["disk"]

    def parts(self):
        """number: (start, size) in MiB"""
        return {p["number"]: (p["start"] / MIB, p["size"] / MIB) for p in self.show()["partitions"]}

    def check_files(self, start, now=None):
        """The partition that started at that MiB, and starts at `now`, has its files."""
        kind, content = self.contents[self.label, start * MIB]
        now = start if now is None else now
        end, = (p["start"] + p["size"] for p in self.show()["partitions"] if p["start"] == now * MIB)
        assert filled.content(kind, self.path, now * MIB, end) == content

    def patch(self, offset, data):
        with open(self.path, "r+b") as disk:
            disk.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            disk.write(data)

    def read(self, offset, length):
        with open(self.path, "rb") as disk:
            disk.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            return disk.read(length)

    @contextlib.contextmanager
    def locked(self, start, length):
        """As another berth that works on that range."""
        with open(self.path, "r+b") as disk:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
            fcntl.fcntl(disk, 37, lock)  # F_OFD_SETLK
            yield


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


@pytest.fixture
def gpt(folder, originals):
    return Disk(folder, originals, "gpt")


@pytest.fixture
def mbr(folder, originals):
    return Disk(folder, originals, "dos")


@pytest.fixture
def blank(folder, originals):
    return Disk(folder, originals, None)


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


def test_the_neighbour_of_what_is_in_use_can_be_changed(gpt):
    with gpt.locked(10 * MIB, 16 * MIB):
        gpt.do("part", "rm", "win")


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


def test_there_is_nothing_to_finish(gpt):
    before = disks.fingerprint(gpt.path)
    gpt.do("disk", "finish")
    assert disks.fingerprint(gpt.path) == before


# ---- undo ----

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
    assert "ebr-loop" in damages(mbr) or "ebr-damaged" in damages(mbr)
    mbr.refuses(REFUSED, "", "part", "rm", "1")


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_backup_restores_what_was_zeroed(folder, originals, label):
    disk = Disk(folder, originals, label)
    before = disks.table(disk.path)
    disk.ok("disk", "backup", folder / "backup")
    disk.patch(0, bytes(34 * 512))
    if label == "gpt":
        disk.patch(-34 * 512, bytes(34 * 512))
    disk.do("disk", "restore", folder / "backup", "--lose", disk.path)
    assert disks.table(disk.path) == before
    for found, start in originals[1]:
        if found == label:
            disk.check_files(start // MIB)


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

def test_an_ordinary_user_does_it_all(folder, gpt):
    program = folder / "berth"
    shutil.copy(BERTH, program)
    shutil.copy(pathlib.Path(BERTH).parent / "berth-overlay.so", folder)
    for path in (folder, gpt.path):
        os.chmod(path, 0o755)
        if os.getuid() == 0:
            os.chown(path, ORDINARY, ORDINARY)
    gpt.berth = Berth(folder, binary=program)
    for command in (("part", "resize", "data", "--size", "10M"), ("part", "move", "data", "--start", "+1M"),
                    ("part", "add", "--size", "8M", "--fs", "ntfs"), ("part", "rm", "3"),
                    ("disk", "undo"), ("disk", "check", "--repair")):
        done = gpt(*command, "--yes", prefix=AS_ORDINARY)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    gpt.check_files(10, now=11)


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
