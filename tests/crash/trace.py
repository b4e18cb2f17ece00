# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays a trace of a disk's writes (format: src/block/trace.h) up to any point, as a power cut there
would leave the disk.

Writes before the last flush are on the disk. Of those behind it any subset may be, in any order, and
a write may be torn between two sectors.
"""
import os
import random
import struct

import disks

RECORD = struct.Struct("<cQQ")
SECTOR = 512


def read(path):
    """Every change, in order: ("W", offset, bytes), ("Z", offset, length) or ("F", 0, 0). A discard
    promises nothing about what is read afterwards, so it is left out: the old bytes stay."""
    changes = []
    with open(path, "rb") as log:
        while header := log.read(RECORD.size):
            kind, offset, length = RECORD.unpack(header)
            if kind == b"D":
                continue
            what = log.read(length) if kind == b"W" else length
            changes.append((kind.decode(), offset, what))
    return changes


def change(fd, kind, offset, what):
    if kind == "W":
        os.pwrite(fd, what, offset)
    elif kind == "Z":
        disks.punch(fd, offset, what)


def cuts(base, changes, folder):
    """Gives (name, path) of the disk as it is after each change, from `base` on. The file is the
    caller's to change and to remove."""
    current = f"{folder}/current"
    disks.copy(base, current)
    fd = os.open(current, os.O_RDWR)
    for number, (kind, offset, what) in enumerate(changes, 1):
        if kind == "F":
            continue
        change(fd, kind, offset, what)
        path = f"{folder}/cut-{number}"
        disks.copy(current, path)
        yield f"after change {number} of {len(changes)} ({kind} at {offset})", path
    os.close(fd)


def torn(base, changes, folder, chance, each):
    """Gives (name, path) of disks where the power went while writes were under way: for every run of
    changes between two flushes, `each` random subsets of their sectors, in random order."""
    current = f"{folder}/flushed"
    disks.copy(base, current)
    fd = os.open(current, os.O_RDWR)
    for number, pending in enumerate(epochs(changes), 1):
        for trial in range(each):
            path = f"{folder}/torn-{number}-{trial}"
            disks.copy(current, path)
            tear(path, pending, chance)
            yield f"torn in epoch {number}, trial {trial}", path
        for one in pending:
            change(fd, *one)
    os.close(fd)


def states(base, changes, folder, limit, each=3):
    """Gives (name, path) of what a cut may leave of every run of changes between two flushes: its first
    1, 2 ... changes; all but one; and `each` random parts of it, torn by sectors. Of more than `limit`
    of them a part, always the same. `limit` None: all."""
    runs = list(epochs(changes))
    wanted = []
    for number, run in enumerate(runs):
        wanted += [(number, "up to", k + 1) for k in range(len(run))]
        wanted += [(number, "without", k) for k in range(len(run) - 1)]
        wanted += [(number, "torn", k) for k in range(each)]
    if limit is not None and len(wanted) > limit:
        wanted = sorted(random.Random(1).sample(wanted, limit))
    current, done = f"{folder}/flushed", 0
    disks.copy(base, current)
    for number, kind, k in wanted:
        for run in runs[done:number]:
            make(current, run)
        done = number
        path = f"{folder}/{kind.replace(' ', '-')}-{number}-{k}"
        disks.copy(current, path)
        run = runs[number]
        if kind == "torn":
            tear(path, run, random.Random(f"{number}-{k}"))
        else:
            make(path, run[:k] if kind == "up to" else run[:k] + run[k + 1:])
        yield f"{kind} {k} of {len(run)} in epoch {number} of {len(runs)}", path
    os.unlink(current)


def make(path, changes):
    fd = os.open(path, os.O_RDWR)
    for one in changes:
        change(fd, *one)
    os.close(fd)


def epochs(changes):
    pending = []
    for one in changes:
        if one[0] != "F":
            pending.append(one)
        elif pending:
            yield pending
            pending = []
    if pending:
        yield pending


def tear(path, pending, chance):
    """Makes a random part of the pending changes, most of them whole, some by single sectors."""
    share = chance.choice((0.1, 0.5, 0.9))
    fd = os.open(path, os.O_RDWR)
    for kind, offset, what in chance.sample(pending, len(pending)):
        if chance.random() > share:
            continue
        if kind == "W" and chance.random() < 0.5:
            for start in range(0, len(what), SECTOR):
                if chance.random() < share:
                    os.pwrite(fd, what[start:start + SECTOR], offset + start)
        else:
            change(fd, kind, offset, what)
    os.close(fd)
