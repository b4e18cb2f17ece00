# SPDX-License-Identifier: GPL-3.0-or-later
"""Random partition tables, as dicts, and what is tried with each of them.

BERTH_LAYOUTS=N in the environment: so many of each kind and sector size. Starts and sizes are in sectors.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import queue
import random
import tempfile
import uuid

import disks

LAYOUTS = int(os.environ.get("BERTH_LAYOUTS", "200"))
AT_ONCE = 8  # the other tools mostly wait
BYTES = 256 << 20
SECTORS = [512, 4096]
SEED = 20240
CODES = [0x83, 0x82, 0x07, 0x0c, 0x0e, 0xef, 0x8e, 0xfd, 0xa5, 0x27, 0x7f, 0x01, 0xda]
TYPES = ["0fc63daf-8483-4772-8e79-3d69d8477de4", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
         "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
         "9d2f6c1a-47b8-4e35-a1c0-626572746801", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"]
NAMES = ["", "root", "a b", "x" * 36, "größe", "\U0001f4be disk", "日本", "Basic data partition", "'q'"]
ATTRIBUTES = [0, 0, 0, 1, 2, 4, 1 << 63, 1 << 60, 1 << 63 | 1 << 48 | 4]


def pieces(rng, start, end, count, gap=0, align=None):
    """Up to count ranges between start and end, in order, at least gap apart."""
    align = align or rng.choice([1, 1, 8, 2048])
    found = []
    for _ in range(count):
        at = start + gap + rng.choice([0, 0, rng.randrange(1 + (end - start) // 8)])
        at += -at % align
        room = end - at
        if room < 1:
            break
        size = rng.randrange(1, 2 + room // max(1, count // 2))
        size = max(size - size % align, align)
        if at + size > end:
            break
        found.append((at, size))
        start = at + size
    return found


def gpt(rng, sector):
    lbas = BYTES // sector
    tail = 16384 // sector + 1
    first = rng.choice([2 + 16384 // sector, (1 << 20) // sector, 777])
    ranges = pieces(rng, first, lbas - tail, rng.choice([0, 1, 3, 8, 20, 128]))
    numbers = sorted(rng.sample(range(1, 129), len(ranges))) if rng.random() < 0.3 else \
        list(range(1, len(ranges) + 1))
    rng.shuffle(ranges)
    return {"kind": "gpt", "uuid": random_uuid(rng), "first": first, "partitions": [
        {"number": number, "start": start, "size": size, "type": rng.choice(TYPES),
         "uuid": random_uuid(rng), "name": rng.choice(NAMES),
         "attributes": f"{rng.choice(ATTRIBUTES):016x}"}
        for number, (start, size) in zip(numbers, ranges)]}


def random_uuid(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def mbr_partition(rng, number, start, size, active=False):
    return {"number": number, "start": start, "size": size, "code": rng.choice(CODES), "name": "",
            "attributes": f"{4 * active:016x}"}


def mbr(rng, sector, logical=False):
    """logical: one of the ranges is an extended partition with others in it."""
    first = rng.choice([1, 63, (1 << 20) // sector])
    ranges = pieces(rng, first, BYTES // sector, rng.choice([1, 2, 3, 4]))
    table = {"kind": "mbr", "uuid": f"{rng.getrandbits(31) + 1:08x}-0000-0000-0000-000000000000"}
    numbers = rng.sample([1, 2, 3, 4], len(ranges))
    inner = []
    if logical:
        widest = max(range(len(ranges)), key=lambda i: ranges[i][1])
        start, size = ranges.pop(widest)
        table["extended"] = [numbers.pop(widest), rng.choice([5, 15]), start, size]
        inner = pieces(rng, start, start + size, rng.choice([0, 1, 2, 5, 12]),
                       gap=rng.choice([1, 2, 63]))
        if rng.random() < 0.2 and (not inner or min(inner)[0] > start + 1):
            rng.shuffle(inner)  # one right behind the first boot record could only be the first
    table["partitions"] = sorted(
        (mbr_partition(rng, number, *span, active=rng.random() < 0.3)
         for number, span in zip(numbers, ranges)), key=lambda p: p["number"])
    table["partitions"] += [mbr_partition(rng, 5 + i, *span) for i, span in enumerate(inner)]
    return table


KINDS = {"gpt": gpt, "mbr": mbr, "logical": lambda rng, sector: mbr(rng, sector, logical=True)}


class Blank:
    """A disk in memory that is blank again and again: the file, and what other tools open: for other
    sectors than a file's a loop device of it."""

    def __init__(self, folder, number, sector, stack):
        self.path = pathlib.Path(folder, f"disk-{number}.img")
        with open(self.path, "wb") as file:
            file.truncate(BYTES)
        self.disk = self.path if sector == 512 else \
            stack.enter_context(disks.attached(self.path, "--sector-size", str(sector)))

    def wipe(self):
        """Nobody has it open: the kernel has forgotten what it had read of a loop device."""
        with open(self.path, "r+b") as file:
            disks.punch(file.fileno(), 0, BYTES)


def each_layout(kind, sector, check):
    """The results of check(table, a Blank, its number) for every layout, a few at once."""
    blanks = queue.SimpleQueue()

    def one(i):
        blank = blanks.get()
        try:
            return check(KINDS[kind](random.Random(f"{SEED} {kind} {sector} {i}"), sector), blank, i)
        finally:
            blank.wipe()
            blanks.put(blank)

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=disks.scratch()))
        for number in range(AT_ONCE):
            blanks.put(Blank(folder, number, sector, stack))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(AT_ONCE))
        return list(pool.map(one, range(LAYOUTS)))
