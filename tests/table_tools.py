# SPDX-License-Identifier: GPL-3.0-or-later
"""A partition table (table_layouts.py) as sfdisk, sgdisk, parted and berth read and write it."""
import json
import os
import pathlib
import re
import subprocess

from program import BERTH

TOOL = pathlib.Path(os.environ.get("BERTH_TEST_TOOLS",
                                   pathlib.Path(BERTH).parent / "tests")) / "table_tool"
ENV = {**os.environ, "LC_ALL": "C.UTF-8"}


def run(*argv, text=None):
    done = subprocess.run(list(map(str, argv)), input=text, capture_output=True, text=True, env=ENV)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}\n{text}"
    return done.stdout


# ---- read, in one form ----

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
                          capture_output=True, text=True, env=ENV)
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


# ---- written; False when the tool refuses that layout ----

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
                          env=ENV).returncode == 0


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
