# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables that are damaged, and the way out of each kind of damage."""
import json
import os
import struct
import subprocess
import zlib

import pytest

import disks
from part_disk import (DAMAGED, MIB, REFUSED, SIZE, USAGE, Disk, blank, folder,  # noqa: F401
                       gpt, mbr, originals)

LAST = SIZE // 512 - 1


def damages(disk):
    return [one["kind"] for one in json.loads(disk.berth(
        "--json", "disk", "check", disk.path).stdout)["damage"]]


def table_bytes(disk):
    return disk.read(0, 34 * 512), disk.read((LAST - 32) * 512, 33 * 512)


# ---- both copies ----

def test_a_gpt_of_which_both_copies_are_damaged_is_not_written_over_unnamed(gpt):
    for sector in (1, LAST):
        gpt.patch(sector * 512 + 88, b"\xaa\xbb")
    assert damages(gpt) == ["both-damaged"]
    before = table_bytes(gpt), disks.fingerprint(gpt.path, 10 * MIB, 64 * MIB)
    for kind in ("gpt", "mbr"):
        assert f"--lose {gpt.path}" in gpt.refuses(REFUSED, "", "part", "table", kind)
        gpt.do("part", "table", kind, "--lose", gpt.path)
        assert damages(gpt) == []
        gpt.do("disk", "undo")
        assert (table_bytes(gpt), disks.fingerprint(gpt.path, 10 * MIB, 64 * MIB)) == before


# ---- sectors of another size than the table's ----

def made_with(disk, kind, sector):
    size = ("--sector-size", str(sector))
    disk.do("part", "table", kind, *size)
    for number in ("1", "2"):
        disk.do("part", "add", "--number", number, "--size", "8M", "--fs", "ext4", *size)


@pytest.mark.parametrize("kind", ["gpt", "mbr"])
@pytest.mark.parametrize("right, wrong", [(512, 4096), (4096, 512)])
def test_sectors_of_another_size_than_the_tables_are_refused(blank, folder, kind, right, wrong):
    made_with(blank, kind, right)
    blank.ok("disk", "backup", folder / "backup")
    for command in (("part", "add", "--size", "4M", "--fs", "ext4"), ("part", "rm", "1"),
                    ("part", "table", "gpt", "--lose", "1", "--lose", "2"), ("disk", "undo"),
                    ("disk", "restore", folder / "backup"), ("disk", "check", "--repair"),
                    ("disk", "show")):
        said = blank.refuses(REFUSED, f"sectors of {right} bytes", *command, "--sector-size", str(wrong))
        assert str(wrong) in said
    assert len(blank.show()["partitions"]) == 2
    blank.do("part", "rm", "2", "--sector-size", str(right))


def test_an_mbr_over_a_gpt_of_large_sectors_may_be_said_to_have_small_ones(blank):
    blank.do("part", "table", "gpt", "--sector-size", "4096")
    subprocess.run(["sfdisk", "-q", "--wipe", "never", blank.path], input="label: dos\nsize=20M,start=2048\n",
                   text=True, check=True)
    blank.patch(MIB, blank.read(MIB, 4096)[:1080] + b"\x53\xef")
    blank.ok("disk", "show", "--sector-size", "512")
