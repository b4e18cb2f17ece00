# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes in the middle of a change of the table: undo, and undo after the same command was given
again, lead to what was there before the first try.

Tried by hand: undo_begin.c without adopt() fails the second, disk_log.c without begin() both.
"""
import os
import pathlib
import subprocess
import tempfile

import pytest

import disks
import filled
from crash import trace
from crash.part_cases import DISK, MBR, MIB, MOVES, RESIZES, TABLES as CHANGES, TWO, Case, zero_sector
from part_disk import beside, log_of

NOT_FOUND = 4
STATES = 9


def cut_one(path):
    """Its entry ends 4 MiB before its filesystem."""
    subprocess.run(["sfdisk", "-q", "-N", "1", path], input="size=12M", text=True, check=True)


TABLES = {
    "entry-alone": Case(("part", "resize", "one", "--size", "16M"), TWO, damage=cut_one),
    "table-over-partitions": Case(("part", "table", "gpt", "--lose", "1", "--lose", "2"), TWO),
    "other-kind": Case(("part", "table", "mbr", "--lose", "1", "--lose", "2"), TWO),
    "table-over-logical": Case(("part", "table", "gpt", *(f"--lose={n}" for n in (1, 5, 6))), MBR, mbr=True),
    "convert": Case(("part", "table", "gpt", "--convert"), MBR[:1], mbr=True),
    "rm": Case(("part", "rm", "two"), TWO),
    "rm-logical": Case(("part", "rm", "5"), MBR, mbr=True),
}


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


def states(case, berth, folder):
    case.berth = berth
    case.base, log = folder / "base.img", folder / "trace"
    case.contents = {}
    case.make_base(folder)
    done = folder / "done.img"
    disks.copy(case.base, done)
    case.run(done, case.command, env={"BERTH_TRACE": str(log)})
    case.old, case.new = disks.table(case.base), disks.table(done)
    return trace.states(case.base, trace.read(log), folder, STATES)


def contents(path):
    """Every byte of the partitions."""
    return [disks.fingerprint(path, p["start"] * 512, (p["start"] + p["size"]) * 512)
            for p in disks.table(path)["partitions"] if p["type"] not in ("5", "f")]


def undo(case, path, name):
    done = case.berth("disk", "undo", path, "--yes")
    assert done.returncode in (0, NOT_FOUND), f"{name}: {done.stderr}"
    assert disks.table(path) == case.old, name
    assert contents(path) == contents(case.base), name


@pytest.mark.parametrize("kind", TABLES)
def test_a_change_that_was_cut_short_is_undone(berth, folder, kind):
    for name, path in states(TABLES[kind], berth, folder):
        undo(TABLES[kind], path, name)
        os.unlink(path)


@pytest.mark.parametrize("kind", TABLES)
def test_a_change_that_was_cut_short_and_given_again_is_undone(berth, folder, kind):
    case = TABLES[kind]
    for name, path in states(case, berth, folder):
        if kind.startswith(("table", "other")) or disks.table(path) == case.old:
            empty = not kind.startswith("rm") and not case.look(path)[0]
            case.run(path, case.command[:3] if empty else case.command)
        undo(case, path, name)
        os.unlink(path)


@pytest.mark.parametrize("again", [False, True])
def test_a_table_over_a_filesystem_that_was_cut_short_is_undone(berth, folder, again):
    disk, base, log = folder / "disk.img", folder / "base.img", folder / "trace"
    content = filled.make("ext4", disk, DISK)
    disks.copy(disk, base)
    whole = disks.fingerprint(disk)
    berth.ok("part", "table", disk, "gpt", "--lose", disk, "--yes", env={"BERTH_TRACE": str(log)})
    for name, state in trace.states(base, trace.read(log), folder, STATES):
        if again:
            berth.ok("part", "table", state, "gpt", "--lose", state, "--yes")
        done = berth("disk", "undo", state, "--yes")
        assert done.returncode in (0, NOT_FOUND), f"{name}: {done.stderr}"
        assert filled.read("ext4", state) == content, name
        assert not again or disks.fingerprint(state) == whole, name
        os.unlink(state)


# ---- an undo that is cut short ----

UNDONE = {
    "entry-alone": TABLES["entry-alone"],
    "repair-primary": CHANGES["repair-primary"],
    "repair-backup": CHANGES["repair-backup"],
    "repair-loop": CHANGES["repair-loop"],
    "rm-logical": Case(("part", "rm", "5"), MBR, mbr=True),
    "rm-behind-no-primary": Case(("part", "rm", "two"), TWO, damage=zero_sector(1)),
}


@pytest.mark.parametrize("kind", UNDONE)
def test_an_undo_that_was_cut_short_is_taken_back_and_done_again(berth, folder, kind):
    """To every byte, also where the table is damaged to which it leads."""
    case, log = UNDONE[kind], folder / "trace"
    case.berth, case.base, case.contents = berth, folder / "base.img", {}
    case.make_base(folder)
    done, back = folder / "done.img", folder / "back.img"
    disks.copy(case.base, done)
    case.run(done, case.command)
    disks.copy(done, back)
    case.run(back, ("disk", "undo"), env={"BERTH_TRACE": str(log)})
    ours = log_of(berth, done, "disk", "undo")
    both = [beside(done, ours), beside(case.base, ours)]
    assert both[0] != both[1] and beside(back, ours) == both[1]
    for name, path in trace.states(done, trace.read(log), folder, STATES):
        seen = []
        for _ in range(3):
            case.run(path, ("disk", "undo"))
            seen.append(both.index(beside(path, ours)))
        assert seen in ([0, 1, 0], [1, 0, 1]), f"{name}: {seen}"
        os.unlink(path)


# ---- moves and resizes in an MBR that another tool made ----

def by_another_tool(path):
    """Cylinders of another geometry, and boot records where berth puts none."""
    words = ["mklabel", "msdos", "mkpart", "primary", "1MiB", "5MiB", "mkpart", "extended", "20MiB", "80MiB",
             "mkpart", "logical", "30MiB", "34MiB", "mkpart", "logical", "40MiB", "44MiB"]
    subprocess.run(["parted", "-s", path, *words], check=True)
    with open(path, "r+b") as disk:
        for entry in (446, 446 + 16, 20 * MIB + 446):
            disk.seek(entry + 1)
            disk.write(b"\x01\x01\x00")


@pytest.mark.parametrize("words", [("resize", "5", "--size", "2M"), ("move", "5", "--start", "+512K"),
                                   ("move", "6", "--start", "38M"), ("resize", "1", "--size", "8M")])
def test_an_undo_that_was_cut_short_leaves_the_sectors_of_an_mbr_or_brings_them_back(berth, folder, words):
    case, log = Case(("part", *words), [("swap", None, start, 4) for start in (1, 30, 40)], mbr=True,
                     damage=by_another_tool), folder / "trace"
    case.berth, case.base, case.contents = berth, folder / "base.img", {}
    case.make_base(folder)
    filled.make("swap", folder / "fs", 4 * MIB)
    for start in (1, 30, 40):
        filled.paste(folder / "fs", case.base, start * MIB)
    old, before = disks.table(case.base), disks.table_sectors(case.base)
    case.run(case.base, case.command)
    back = folder / "back.img"
    disks.copy(case.base, back)
    case.run(back, ("disk", "undo"), env={"BERTH_TRACE": str(log)})
    assert disks.table_sectors(back) == before
    changes = trace.read(log)
    for name, path in trace.states(case.base, changes, folder, 40):
        _, pending = case.look(path)
        if pending:
            case.run(path, ("disk", "finish"))
        elif disks.table(path) != old:
            case.run(path, ("disk", "undo"))
        assert disks.table(path) == old and disks.table_sectors(path) == before, name
        os.unlink(path)


# ---- work that is given up ----

def after_it_was_given_up(berth, path, name):
    """What the disk says; nothing of the work, and of no journal in a file."""
    said = ""
    for words in (("log",), ("show",), ("finish",), ("undo", "--yes"), ("check", "--repair", "--yes"), ("check",)):
        done = berth("disk", words[0], path, *words[1:])
        assert done.returncode == (NOT_FOUND if words[0] == "undo" else 0), f"{name}: {words}: {done.stderr}"
        said += done.stdout + done.stderr
    assert "journal" not in said and "half" not in said, f"{name}: {said}"
    assert "given up" in said or "has no log" in said, f"{name}: {said}"
    assert "interrupted" not in said.replace("no work that was interrupted", ""), f"{name}: {said}"


@pytest.mark.parametrize("kind", ["move-right", "move-past", "move-logical", "move-logical-over-record", "shrink-ext4",
                                  "grow-ntfs", "shrink-logical"])
def test_work_that_was_cut_short_and_given_up_leaves_nothing_half_done(berth, folder, kind):
    case = (MOVES | RESIZES)[kind]
    log, inner, given_up = case.prepare(berth, folder), folder / "inner", 0
    inner.mkdir()
    for number, (name, path) in enumerate(trace.states(case.base, trace.read(log), folder, STATES)):
        _, pending = case.look(path)
        if pending:
            which, there = str(pending["number"]), disks.table(path)["partitions"]
            before, given_up = folder / "before", given_up + 1
            disks.copy(path, before)
            case.run(path, ("part", "rm", which, "--lose", which), env={"BERTH_TRACE": str(folder / "rm")})
            after_it_was_given_up(berth, path, name)
            assert len(disks.table(path)["partitions"]) == len(there) - 1
            cuts = trace.states(before, trace.read(folder / "rm"), inner, 4) if number % 3 == 0 else ()
            for cut, half in cuts:
                if case.look(half)[1]:
                    case.run(half, ("part", "rm", which, "--lose", which))
                after_it_was_given_up(berth, half, f"{name}, then {cut}")
                os.unlink(half)
        os.unlink(path)
    assert given_up


def test_work_that_was_given_up_never_comes_back_with_a_partition_in_its_place(berth, folder):
    """The log goes elsewhere with the partition, in front of which it was; one that is put there later ends the
    same free range."""
    case = Case(("part", "resize", "1", "--size", "20M"), [("one", "ext4", 20, 40)], mbr=True)
    changes = trace.read(case.prepare(berth, folder))
    half = [path for _, path in trace.states(case.base, changes, folder, 12) if case.look(path)[1]][-1]
    before, inner = folder / "before", folder / "inner"
    disks.copy(half, before)
    inner.mkdir()
    case.run(half, ("part", "rm", "1", "--lose", "1"), env={"BERTH_TRACE": str(folder / "rm")})
    for name, path in trace.states(before, trace.read(folder / "rm"), inner, None):
        if disks.table(path)["partitions"]:
            case.run(path, ("part", "rm", "1", "--lose", "1"))
        case.run(path, ("part", "add", "--start", "20M", "--size", "30M", "--lose", "1"))
        assert case.look(path)[1] is None, name
        os.unlink(path)


# ---- wipes ----

@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("kind", ["ext4", "ntfs", "btrfs"])
def test_a_wipe_that_was_cut_short_is_undone(berth, folder, kind, again):
    """Also where the same command finds nothing more to wipe, but nothing had told the log so."""
    case = Case(("part", "wipe", "one", "--lose", "one"), [("one", None, 20, 60)])
    changes = states_of(case, berth, folder, kind)
    before = disks.fingerprint(case.base, 20 * MIB, 80 * MIB)
    for name, path in trace.states(case.base, changes, folder, None):
        if again:
            case.run(path, case.command)
            assert berth.json("disk", "show", path)["disk"]["partitions"][0]["fs"] is None, name
        done = berth("disk", "undo", path, "--yes")
        assert done.returncode in ((0,) if again else (0, NOT_FOUND)), f"{name}: {done.stderr}"
        assert disks.fingerprint(path, 20 * MIB, 80 * MIB) == before, name
        os.unlink(path)


def states_of(case, berth, folder, kind):
    """The trace of the command, on a disk whose first partition has that filesystem."""
    case.berth, case.base, case.contents = berth, folder / "base.img", {}
    case.make_base(folder)
    image, log, done = folder / "fs", folder / "trace", folder / "done.img"
    filled.make(kind, image, case.parts[0][3] * MIB)
    filled.paste(image, case.base, case.parts[0][2] * MIB)
    disks.copy(case.base, done)
    case.run(done, case.command, env={"BERTH_TRACE": str(log)})
    return trace.read(log)
