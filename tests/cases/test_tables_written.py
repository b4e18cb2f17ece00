# SPDX-License-Identifier: GPL-3.0-or-later
"""sfdisk, sgdisk and parted read what berth writes as it was meant: random layouts (table_layouts.py)."""
import json

import pytest

from table_layouts import KINDS, SECTORS, each_layout
from table_tools import TOOL, by_berth, by_parted, by_sfdisk, essence, parted_name, run, write_sfdisk

MINUTES = 1


def check_written(table, blank, sector):
    run(TOOL, "write", blank.path, sector, text=json.dumps(table))
    found = by_berth(blank.path, sector)
    assert found["damage"] == []
    assert essence(found) == essence(table)
    assert by_sfdisk(blank.disk) == essence(table)
    assert "No errors detected" in run("sfdisk", "--verify", blank.disk) or table["partitions"] == []
    if table["kind"] == "gpt":
        assert "No problems found" in run("sgdisk", "--verify", blank.disk)
    check_parted(table, blank.disk)


def check_parted(table, disk):
    rows = essence(table)[1]
    names = [parted_name(row[5]) if table["kind"] == "gpt" else "" for row in rows]
    found = by_parted(disk)
    if found is None:  # it takes some tables of many partitions for overlapping, sfdisk's too
        assert write_sfdisk(table, disk) and by_parted(disk) is None
    else:
        assert found == [(*row[:3], name) for row, name in zip(rows, names)]


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", KINDS)
def test_other_tools_read_what_berth_writes(kind, sector):
    each_layout(kind, sector, lambda table, blank, _: check_written(table, blank, sector))
