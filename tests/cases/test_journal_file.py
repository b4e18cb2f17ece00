# SPDX-License-Identifier: GPL-3.0-or-later
"""--journal FILE: a file that cannot be one is refused before anything is shown, in a dry run, too."""
import os
import re
import subprocess

import pytest

import disks
from ordinary import OrdinaryBerth
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


def cannot_have(berth, disk, journal, status, words):
    """The move of its journal is refused, and nothing on the disk, or beside it, has changed."""
    before = disks.fingerprint(disk), sorted(journal.parent.glob("*"))
    done = berth("part", "move", disk, "data", "--start", "+1M", "--journal", journal, "--yes")
    assert done.returncode == status and f"--journal {journal}: {words}" in done.stderr, done.stderr
    assert "hint: " in done.stderr
    assert (disks.fingerprint(disk), sorted(journal.parent.glob("*"))) == before


def test_a_file_that_cannot_be_written_is_refused_by_name(gpt, folder):
    folder.chmod(0o755)
    os.chmod(gpt.path, 0o666)
    for name in "home", "closed":
        (folder / name).mkdir()
    (folder / "home").chmod(0o777)
    (folder / "home/journal").touch()
    (folder / "home/journal").chmod(0o444)
    (folder / "store").mkdir()
    berth = OrdinaryBerth(folder / "home", folder / "store")
    cannot_have(berth, gpt.path, folder / "home/journal", REFUSED, "it cannot be written: Permission denied")
    cannot_have(berth, gpt.path, folder / "closed/journal", REFUSED, "it cannot be made: Permission denied")
    cannot_have(gpt.berth, gpt.path, folder / "none/journal", REFUSED, "it cannot be made: No such file")


@pytest.mark.skipif(os.getuid() != 0, reason="mounts")
@pytest.mark.parametrize("make, least", [(lambda path: None, "1 MiB"), (lambda path: path.touch(), "1 MiB"),
                                         (lambda path: (path.touch(), os.truncate(path, 8 * MIB)), "8 MiB")],
                         ids=["new", "empty", "holes"])
def test_a_file_that_has_no_room_is_refused_before_the_disk_changes(gpt, folder, make, least):
    (folder / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", folder / "small"], check=True)
    try:
        make(folder / "small/journal")
        cannot_have(gpt.berth, gpt.path, folder / "small/journal", 2, f"where it is there is no room for {least}")
    finally:
        subprocess.run(["umount", folder / "small"], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounts")
def test_a_file_is_as_large_as_there_is_room_for(gpt, folder):
    (folder / "small").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10M", "none", folder / "small"], check=True)
    try:
        gpt.do("part", "resize", "win", "--size", "10M", "--journal", folder / "small/journal")
        assert (folder / "small/journal").stat().st_size == 8 * MIB
    finally:
        subprocess.run(["umount", folder / "small"], check=True)
    gpt.check_files(40)
