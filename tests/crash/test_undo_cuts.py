# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes in the middle of a change of the table: undo, and undo after the same command was given
again, lead to what was there before the first try.

Tried by hand: undo_begin.c without adopt() fails the second, disk_log.c without begin() both.
"""
import os
import pathlib
import tempfile

import pytest

import disks
import filled
from crash import trace
from crash.part_cases import DISK, MBR, MIB, TABLES as CHANGES, TWO, Case, zero_sector
from part_disk import beside, log_of

NOT_FOUND = 4
STATES = 9
TABLES = {
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
