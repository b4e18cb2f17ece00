# SPDX-License-Identifier: GPL-3.0-or-later
"""berth reads what sfdisk, sgdisk and parted write as sfdisk does: random layouts (table_layouts.py)."""
import collections

import pytest

from table_layouts import KINDS, LAYOUTS, SECTORS, each_layout
from table_tools import WRITERS, by_berth, by_sfdisk, essence

MINUTES = 1
PARTED_MOST = 6  # partitions of a GPT: it writes the table anew for every one
GPT_WRITERS = "sfdisk", "sgdisk", "parted"
MBR_WRITERS = "sfdisk", "parted"


def check_read(table, blank, sector, writer):
    """Which tool made the table; None when it refuses this layout."""
    if writer == "parted" and table["kind"] == "gpt":
        del table["partitions"][PARTED_MOST:]
    if not WRITERS[writer](table, blank.disk):
        return None
    found = by_berth(blank.path, sector)
    assert essence(found) == by_sfdisk(blank.disk), writer
    assert set(found["damage"]) <= ({"ebr-inside", "overlap"} if writer == "sfdisk" else set())
    return writer


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("kind", KINDS)
def test_berth_reads_what_other_tools_write(kind, sector):
    writers = GPT_WRITERS if kind == "gpt" else MBR_WRITERS
    made = collections.Counter(each_layout(
        kind, sector, lambda table, blank, i: check_read(table, blank, sector, writers[i % len(writers)])))
    assert all(made[writer] >= LAYOUTS // 5 for writer in writers), made
