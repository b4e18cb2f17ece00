# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes in the middle of a change of partitions: afterwards there is the old state, the new
one, or a pending one that `disk finish` or the same command completes, with every file.

Every prefix of the writes, every single write left out, random parts of what was not flushed, torn
sectors. A part of all these states is tried, always the same; BERTH_CUTS=all tries every one.

A flush that is missing or comes too late makes the same judge find fault: test_lost_flush.py.
"""
import concurrent.futures
import os
import pathlib
import tempfile

import pytest

import disks
import filled
from crash import trace
from crash.part_cases import DISK, MOVES, RESIZES, SCRIPTS, TABLES

MINUTES = 2
WORKERS = 2
LIMIT = None if os.environ.get("BERTH_CUTS") == "all" else 36
SECOND = 12   # every so many states, the power goes again while it is completed
NOT_FOUND = 4  # nothing is left to undo
SECONDS = 3   # states of that


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


def second_cuts(case, berth, path, folder):
    """The power goes again in `disk finish`. What is wrong then, or None."""
    _, pending = case.look(path)
    if pending is None:
        return None
    base, log = f"{path}-base", f"{path}-trace"
    disks.copy(path, base)
    case.run(base, ("disk", "finish"), env={"BERTH_TRACE": log})
    folder = pathlib.Path(f"{path}-second")
    folder.mkdir()
    for name, state in trace.states(path, trace.read(log), folder, SECONDS):
        wrong = case.judge(state)
        if wrong:
            return f"second cut, {name}: {wrong}"
        os.unlink(state)
    os.unlink(base)
    os.unlink(log)
    return None


def judge(case, berth, number, name, path, folder):
    wrong = second_cuts(case, berth, path, folder) if number % SECOND == 0 else None
    wrong = wrong or case.judge(path, again=number % 3 == 1)
    os.unlink(path)
    return f"{name}: {wrong}" if wrong else None


def judge_all(case, berth, folder):
    changes = trace.read(case.prepare(berth, folder))
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        under_way, wrong = set(), []
        for number, (name, path) in enumerate(trace.states(case.base, changes, folder, LIMIT)):
            under_way.add(pool.submit(judge, case, berth, number, name, path, folder))
            if len(under_way) > 2 * WORKERS:
                done, under_way = concurrent.futures.wait(
                    under_way, return_when=concurrent.futures.FIRST_COMPLETED)
                wrong += [one.result() for one in done]
        wrong += [one.result() for one in under_way]
    wrong = [one for one in wrong if one]
    assert not wrong, f"{len(wrong)} states are not right, such as\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("name", TABLES)
def test_a_cut_while_a_table_is_written(berth, folder, name):
    judge_all(TABLES[name], berth, folder)


@pytest.mark.parametrize("name", RESIZES)
def test_a_cut_while_a_partition_is_resized(berth, folder, name):
    judge_all(RESIZES[name], berth, folder)


@pytest.mark.parametrize("name", MOVES)
def test_a_cut_while_a_partition_moves(berth, folder, name):
    judge_all(MOVES[name], berth, folder)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_cut_while_a_script_is_applied(berth, folder, name):
    judge_all(SCRIPTS[name], berth, folder)


def test_a_cut_while_a_new_table_is_undone(berth, folder):
    """Over a filesystem on the whole disk: undo again, and it is back."""
    disk, base, log = folder / "disk.img", folder / "base.img", folder / "trace"
    content = filled.make("ext4", disk, DISK)
    whole = disks.fingerprint(disk)
    berth.ok("part", "table", disk, "gpt", "--lose", disk, "--yes")
    disks.copy(disk, base)
    berth.ok("disk", "undo", disk, "--yes", env={"BERTH_TRACE": str(log)})
    for name, state in trace.states(base, trace.read(log), folder, LIMIT):
        done = berth("disk", "undo", state, "--yes")
        assert done.returncode in (0, NOT_FOUND), f"{name}: {done.stderr}"
        assert berth.json("disk", "show", state)["disk"]["table"] is None, name
        assert filled.read("ext4", state) == content, name
        os.unlink(state)
    assert disks.fingerprint(disk) == whole
