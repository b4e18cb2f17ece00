# SPDX-License-Identifier: GPL-3.0-or-later
"""A flush that a change leaves out, or makes behind the next write, is seen by the power cuts' judge.

Taken are the writes of a real change. One flush is left out of them, so that what is before it and what
is behind it are under way together; one that comes a write too late allows a part of the same states. In
some of them nothing of the first half is on the disk, or all but one write of it, and the second half,
wholly or in part. The judge must find fault with one of them; with the flush it finds none with any
(test_part_cuts.py).

A flush is named by what it stands between, each named by the last write of it (name_of). Those that are
not in the list bear to be left out alone: the journal has checksums, and a document does not count before
its head, in front of which there is another flush.
"""
import pathlib
import tempfile

import pytest

import disks
from crash import trace
from crash.part_cases import DISK, MOVES, RESIZES, TABLES

CASES = {**TABLES, **RESIZES, **MOVES}
TABLE = 34 * 512  # a GPT at the front; at the end it is a sector less
MAGICS = {b"berthLOG": "head", b"berthCNT": "counter", b"berthRDO": "journal", b'{"berth-': "document"}
FS_HEAD = 4096  # the first bytes of a filesystem, zeros while it is half the old and half the new one


def name_of(case, run):
    """What was written last before a flush: of the log its "document" and the "head" that makes it
    count; the "counter" of a move; the "journal"; a "copy" of a chunk in it; the "primary" or "backup"
    of a GPT; "hidden" or "shown", a filesystem's head; its "content"."""
    kind, offset, what = run[-1]
    magic = MAGICS.get(what[:8]) if kind == "W" else None
    if magic:
        return magic
    if offset < TABLE or offset >= DISK - TABLE:
        return "primary" if offset < TABLE else "backup"
    for _, _, start, size, _ in case.old + case.new:
        if offset == start and kind == "W" and len(what) == FS_HEAD and len(run) == 1:
            return "shown" if any(what) else "hidden"
        if start <= offset < start + size:
            return "content"
    return "copy"


def written(run):
    """Bytes. What moves a hole over a hole hardly needs its flush."""
    return sum(len(what) for kind, _, what in run if kind == "W")


def stretches(case, runs, before, behind):
    """(first, last) of each run of that name and the next of the other, those first that write most. With
    another run between them its flush is left out too."""
    names = [name_of(case, run) for run in runs]
    found = [(i, j) for i, name in enumerate(names) for j in (i + 1, i + 2)
             if name == before and behind in names[j:j + 1] and behind not in names[i + 1:j]]
    assert found, f"no flush between {before} and {behind} in {names}"
    return sorted(found, key=lambda stretch: -written(runs[stretch[0]]))


def parts(first, second):
    """What of both halves may be on the disk without the flush between them, and never with it."""
    lost = [[]] + [first[:k] + first[k + 1:] for k in range(len(first)) if len(first) > 1]
    kept = [second] + [second[:k] + second[k + 1:] for k in range(len(second)) if len(second) > 1]
    return [some + more for some in lost for more in kept]


def judged(case, done, changes, folder):
    """What is wrong, or None, when the runs that are done are on the disk, and those changes."""
    state = folder / "state.img"
    disks.copy(case.base, state)
    for run in [*done, changes]:
        trace.make(state, run)
    return case.judge(state)


def has_fault(case, runs, stretch, folder):
    first, last = stretch
    return any(judged(case, runs[:first], changes, folder)
               for changes in parts(runs[first], sum(runs[first + 1:last + 1], [])))


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


CRUCIAL = [(name, *flush.split(" | ")) for name, flushes in {
    "add": ("backup | primary",),
    "convert": ("backup | primary",),
    "convert-to-mbr": ("content | primary", "primary | backup"),
    "shrink-ext4": ("head | hidden", "hidden | content", "content | shown", "shown | head",
                    "backup | primary"),
    "grow-ntfs": ("document | head", "head | hidden", "hidden | content", "content | shown", "shown | head",
                  "journal | head", "backup | primary", "head | primary"),
    "move-by-little": ("copy | counter", "counter | content", "content | counter", "counter | copy",
                       "content | backup", "backup | primary", "head | primary"),
    "move-right": ("content | counter", "counter | content", "content | backup", "backup | primary"),
}.items() for flush in flushes]


@pytest.mark.parametrize("name, before, behind", CRUCIAL)
def test_a_flush_that_is_missing_is_found(berth, folder, name, before, behind):
    case = CASES[name]
    runs = list(trace.epochs(trace.read(case.prepare(berth, folder))))
    found = stretches(case, runs, before, behind)
    assert judged(case, runs[:found[0][0] + 1], [], folder) is None, "the flush is there"
    assert any(has_fault(case, runs, stretch, folder) for stretch in found), \
        f"{name} does not need the flush between {before} and {behind}"
