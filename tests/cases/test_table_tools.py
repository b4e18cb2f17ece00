# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables against sfdisk, sgdisk and parted, both ways, with random layouts.

What berth writes they read as it was meant; what they write berth reads as sfdisk does. With
BERTH_LAYOUTS=200 in the environment there are so many of each kind and sector size.
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import re
import subprocess
import uuid

import pytest

import disks
from program import BERTH

TOOL = pathlib.Path(os.environ.get("BERTH_TEST_TOOLS",
                                   pathlib.Path(BERTH).parent / "tests")) / "table_tool"
LAYOUTS = int(os.environ.get("BERTH_LAYOUTS", "16"))
AT_ONCE = 4  # the other tools mostly wait
BYTES = 256 << 20
SECTORS = [512, 4096]
SEED = 20240
CODES = [0x83, 0x82, 0x07, 0x0c, 0x0e, 0xef, 0x8e, 0xfd, 0xa5, 0x27, 0x7f, 0x01, 0xda]
TYPES = ["0fc63daf-8483-4772-8e79-3d69d8477de4", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
         "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
         "9d2f6c1a-47b8-4e35-a1c0-626572746801", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"]
NAMES = ["", "root", "a b", "x" * 36, "größe", "\U0001f4be disk", "日本", "Basic data partition", "'q'"]
ATTRIBUTES = [0, 0, 0, 1, 2, 4, 1 << 63, 1 << 60, 1 << 63 | 1 << 48 | 4]


def run(*argv, text=None):
    done = subprocess.run(list(map(str, argv)), input=text, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}\n{text}"
    return done.stdout


@contextlib.contextmanager
def as_disk(path, sector):
    """What the other tools open: the file, or for other sectors than theirs a loop device."""
    if sector == 512:
        yield path
        return
    with disks.attached(path, "--sector-size", str(sector)) as node:
        yield node


# ---- random layouts, in sectors ----

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


# ---- the same table as each tool has it ----

def essence(table):
    """What all tools have to agree on; lists of one form."""
    gpt_kind = table["kind"] == "gpt"
    rows = [(p["number"], p["start"], p["size"], *(
        (p["type"], p["uuid"], p["name"]) if gpt_kind else (p["code"],)), int(p["attributes"], 16))
            for p in table["partitions"]]
    extended = table.get("extended", [0])
    if extended[0]:
        rows.append((extended[0], *extended[2:], extended[1], 0))
    return table["uuid"] if gpt_kind else table["uuid"][:8], sorted(rows)


BITS = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}


def sfdisk_attributes(text):
    bits = [BITS[word] for word in re.findall("[A-Z][A-Za-z]+", text.replace("GUID:", ""))]
    bits += [int(bit) for bit in re.findall(r"\b\d+\b", text)]
    return sum(1 << bit for bit in bits)


def by_sfdisk(disk):
    found = json.loads(run("sfdisk", "--json", disk))["partitiontable"]
    rows = []
    for p in found.get("partitions", []):
        number = int(re.search(r"(\d+)$", p["node"].removeprefix(str(disk)))[1])
        if found["label"] == "gpt":
            rows.append((number, p["start"], p["size"], p["type"].lower(), p["uuid"].lower(),
                         p.get("name", ""), sfdisk_attributes(p.get("attrs", ""))))
        else:
            rows.append((number, p["start"], p["size"], int(p["type"], 16),
                         4 * p.get("bootable", False)))
    number = found["id"].lower().removeprefix("0x")
    return number, sorted(rows)


def by_parted(disk):
    """(number, start, size) and, of a GPT, names; None when parted cannot read the table."""
    done = subprocess.run(["parted", "--script", "--machine", disk, "unit", "s", "print"],
                          capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    rows = []
    if done.returncode != 0:
        return None
    for line in done.stdout.splitlines()[2:]:
        number, start, end, size, _, name, _ = line.rstrip(";").split(":")
        assert int(end[:-1]) - int(start[:-1]) + 1 == int(size[:-1])
        rows.append((int(number), int(start[:-1]), int(size[:-1]), name))
    return sorted(rows)


def parted_name(name):
    """parted prints no name that has a character past the first 65536."""
    return "" if any(ord(c) > 0xffff for c in name) else name


def by_berth(path, sector):
    return json.loads(run(TOOL, "read", path, sector))


# ---- what berth writes ----

def check_written(table, path, sector):
    run(TOOL, "write", path, sector, text=json.dumps(table))
    found = by_berth(path, sector)
    assert found["damage"] == []
    assert essence(found) == essence(table)
    with as_disk(path, sector) as disk:
        assert by_sfdisk(disk) == essence(table)
        assert "No errors detected" in run("sfdisk", "--verify", disk) or table["partitions"] == []
        rows = essence(table)[1]
        names = [parted_name(row[5]) if table["kind"] == "gpt" else "" for row in rows]
        found = by_parted(disk)
        if found is None:  # it takes some tables of many partitions for overlapping, sfdisk's too
            assert write_sfdisk(table, disk) and by_parted(disk) is None
            return
        assert found == [(*row[:3], name) for row, name in zip(rows, names)]
        if table["kind"] == "gpt":
            assert "No problems found" in run("sgdisk", "--verify", disk)


def each_layout(folder, kind, sector, check):
    """The results of check(table, a blank disk, random numbers) for every layout, a few at once."""
    def one(i):
        rng = random.Random(f"{SEED} {kind} {sector} {i}")
        table, path = KINDS[kind](rng, sector), folder / f"disk-{i}.img"
        with open(path, "wb") as file:
            file.truncate(BYTES)
        result = check(table, path, rng)
        path.unlink()
        return result

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(LAYOUTS)))


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", KINDS)
def test_other_tools_read_what_berth_writes(tmp_path, kind, sector):
    each_layout(tmp_path, kind, sector, lambda table, path, _: check_written(table, path, sector))


# ---- what the others write ----

def write_sfdisk(table, disk):
    script = f"label: {'gpt' if table['kind'] == 'gpt' else 'dos'}\n"
    if table["kind"] == "gpt":
        script += f"label-id: {table['uuid']}\nfirst-lba: {table['first']}\n"
    else:
        script += f"label-id: 0x{table['uuid'][:8]}\n"
    rows = essence(table)[1]
    for number, start, size, *rest in rows:
        line = f"{number} : start={start}, size={size}, "
        if table["kind"] == "gpt":
            kind, guid, name, attributes = rest
            line += f'type={kind}, uuid={guid}, name="{name}"'
            words = [f"GUID:{bit}" if bit >= 48 else {v: k for k, v in BITS.items()}[bit]
                     for bit in range(64) if attributes >> bit & 1]
            line += f', attrs="{" ".join(words)}"' if words else ""
        else:
            line += f"type={rest[0]:x}" + (", bootable" if rest[1] else "")
        script += line + "\n"
    return subprocess.run(["sfdisk", "--quiet", "--force", "--no-reread", "--no-tell-kernel",
                           "--wipe", "never", "--wipe-partitions", "never", str(disk)], input=script,
                          capture_output=True, text=True).returncode == 0


def write_sgdisk(table, disk):
    options = ["--set-alignment=1", f"--disk-guid={table['uuid']}"]
    for p in table["partitions"]:
        n = p["number"]
        options += [f"--new={n}:{p['start']}:{p['start'] + p['size'] - 1}",
                    f"--typecode={n}:{p['type']}", f"--partition-guid={n}:{p['uuid']}",
                    f"--change-name={n}:{p['name']}"]
        options += [f"--attributes={n}:set:{bit}" for bit in range(64)
                    if int(p["attributes"], 16) >> bit & 1]
    return subprocess.run(["sgdisk", "--clear", *options, str(disk)], capture_output=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}).returncode == 0


def write_parted(table, disk):
    """Whatever parted makes of it: it numbers as it likes, and aligns nothing."""
    words = ["mklabel", "gpt" if table["kind"] == "gpt" else "msdos"]
    for number, start, size, *rest in essence(table)[1]:
        what = "primary" if number < 5 else "logical"
        if table["kind"] == "gpt":
            what = f"p{number}"
        elif rest[0] in (5, 15):
            what = "extended"
        words += ["mkpart", what, f"{start}s", f"{start + size - 1}s"]
    return subprocess.run(["parted", "--script", "--align", "none", str(disk), *words],
                          capture_output=True).returncode == 0


WRITERS = {"sfdisk": write_sfdisk, "sgdisk": write_sgdisk, "parted": write_parted}
# sgdisk sleeps for a second after each table, parted writes one for every partition
GPT_WRITERS = ["sfdisk"] * 6 + ["sgdisk"] + ["parted"] * 2
PARTED_MOST = 6


def check_read(table, path, rng, sector):
    """Which tool made the table; None when it refuses this layout."""
    writer = rng.choice(GPT_WRITERS if table["kind"] == "gpt" else ["sfdisk", "parted"])
    if writer == "parted" and table["kind"] == "gpt":
        del table["partitions"][PARTED_MOST:]
    with as_disk(path, sector) as disk:
        if not WRITERS[writer](table, disk):
            return None
        expected = by_sfdisk(disk)
    found = by_berth(path, sector)
    assert essence(found) == expected, writer
    assert set(found["damage"]) <= ({"ebr-inside", "overlap"} if writer == "sfdisk" else set())
    return writer


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", KINDS)
def test_berth_reads_what_other_tools_write(tmp_path, kind, sector):
    made = collections.Counter(each_layout(
        tmp_path, kind, sector, lambda table, path, rng: check_read(table, path, rng, sector)))
    assert made["sfdisk"] > 0 and made["parted"] > 0, made
