# SPDX-License-Identifier: GPL-3.0-or-later
"""--journal FILE: a file that cannot be one is refused before anything is shown, in a dry run, too."""
import os
import re

import pytest

import disks
from part_disk import (MIB, REFUSED, Disk, blank, folder, gpt, mbr, originals)  # noqa: F401

MOVE = ("part", "move", "data", "--start", "+1M")


def refused_at_once(disk, words, command, **kwargs):
    """Without any step shown, by a dry run and by the command; the disk stays as it is."""
    before = disks.fingerprint(disk.path)
    for more in ("--dry-run", "--yes"):
        done = disk(*command, more, **kwargs)
        assert done.returncode == REFUSED and done.stdout == "", done.stdout + done.stderr
        assert re.search(words, done.stderr), done.stderr
    assert disks.fingerprint(disk.path) == before
    return done.stderr


@pytest.mark.parametrize("content, words", [
    (b"my letter\n", "holds something that is no journal"), (b"x" + bytes(2 * MIB), "holds something"),
    (bytes(2 * MIB) + b"x", "holds something"), (bytes(1000), "too small")], ids=["text", "front", "end", "small"])
@pytest.mark.parametrize("command", [MOVE, ("part", "resize", "win", "--size", "10M"), ("disk", "undo"), ("disk", "finish")])
def test_a_file_of_somebody_is_no_journal(gpt, folder, content, words, command):
    gpt.do("part", "set", "win", "--name", "other")
    (folder / "letter").write_bytes(content)
    before = disks.fingerprint(folder / "letter")
    said = refused_at_once(gpt, words, (*command, "--journal", folder / "letter"))
    assert "letter" in said and "does not exist yet" in said
    assert disks.fingerprint(folder / "letter") == before


def test_the_disk_itself_is_no_journal(gpt, folder):
    os.symlink(gpt.path, folder / "link")
    for name in (gpt.path, folder / "link"):
        refused_at_once(gpt, "the disk itself", (*MOVE, "--journal", name))
    refused_at_once(gpt, "it is no file", (*MOVE, "--journal", folder))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.touch(),
                                  lambda path: path.write_bytes(bytes(2 * MIB))])
def test_a_file_that_is_empty_zeros_or_a_journal_is_one(gpt, folder, make):
    make(folder / "journal")
    gpt.do(*MOVE, "--journal", folder / "journal")
    gpt.do("disk", "undo", "--journal", folder / "journal")
    gpt.check_files(10)
