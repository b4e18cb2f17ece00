# SPDX-License-Identifier: GPL-3.0-or-later
"""Work whose journal is in a file, on a disk that has no room for a log: killed at one of its writes, and again
while it is finished. It is finished all the same, and the disk is never taken for a copy of itself. What was
given up is not finished."""
import os
import pathlib
import subprocess
import tempfile

import pytest

import disks
import filled
from crash.kill import run_and_kill_at, traced

MIB = 1 << 20
SIZE = 64 * MIB
NO_ROOM = MIB - 100, 8 * MIB - 100, SIZE - 48 * 512  # data where a log could be


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


class Work:
    """A command on a disk with an ext4, its journal file, and how the disk is when nothing kills it."""

    def __init__(self, berth, folder, label, command, room=False):
        self.berth, self.folder = berth, folder
        self.base, self.disk, self.journal = folder / "base.img", folder / "disk.img", folder / "journal"
        self.make(label, room)
        self.command = ("part", command[0], self.disk, *command[1:], "--journal", self.journal, "--yes")
        self.finish = ("disk", "finish", self.disk, "--journal", self.journal, "--yes")
        disks.copy(self.base, self.disk)
        berth.ok(*self.command, prefix=traced((self.disk, self.journal), folder / "writes"))
        self.writes = len((folder / "writes").read_text().splitlines())
        self.after = disks.table(self.disk)

    def make(self, label, room):
        with open(self.base, "wb") as file:
            file.truncate(SIZE)
        subprocess.run(["sfdisk", "-q", self.base], input=f"label: {label}\nstart=8M,size=20M\n", text=True, check=True)
        self.content = filled.make("ext4", self.folder / "ext4", 20 * MIB, count=12, small=10)
        filled.paste(self.folder / "ext4", self.base, 8 * MIB)
        with open(self.base, "r+b") as file:
            for at in () if room else NO_ROOM:
                os.pwrite(file.fileno(), b"x" * 100, at)

    def kill(self, number, command):
        return run_and_kill_at(self.berth, number, (self.disk, self.journal), *command)

    def begin(self, number):
        """Leaves the disk killed at that write; True: the work has come to its end."""
        disks.copy(self.base, self.disk)
        self.journal.unlink(missing_ok=True)
        return self.kill(number, self.command)

    def check(self):
        assert disks.table(self.disk) == self.after
        part, = self.after["partitions"]
        start, end = part["start"] * 512, (part["start"] + part["size"]) * 512
        assert filled.content("ext4", self.disk, start, end) == self.content


def finish_after_each_kill(work, first):
    """What one kill has left is finished after a second one at any write."""
    saved = work.folder / "saved.img", work.folder / "saved-journal"
    assert not work.begin(first)
    disks.copy(work.disk, saved[0])
    disks.copy(work.journal, saved[1])
    number, ended = 0, False
    while not ended:
        number += 1
        disks.copy(saved[0], work.disk)
        disks.copy(saved[1], work.journal)
        ended = work.kill(number, work.finish)
        done = work.berth(*work.finish)
        assert done.returncode == 0, f"killed at {first}, then at {number}: {done.stderr}"
        assert disks.table(work.disk) == work.after, f"killed at {first}, then at {number}"
    work.check()
    assert "nothing to do" in work.berth.ok(*work.finish)


SHRINK, MOVE = ("resize", "1", "--size", "12M"), ("move", "1", "--start", "+6M")


@pytest.mark.parametrize("label, command", [("gpt", SHRINK), ("dos", SHRINK), ("dos", MOVE)],
                         ids=["gpt-shrink", "dos-shrink", "dos-move"])
def test_what_is_killed_twice_is_finished(berth, folder, label, command):
    """The first kill amid the content that changes, where the journal has all of it, and near the end."""
    work = Work(berth, folder, label, command)
    for first in work.writes * 2 // 3, work.writes - 1:
        finish_after_each_kill(work, first)


def test_what_does_not_fit_is_given_up_in_spite_of_a_kill(berth, folder):
    """The mark is taken back, and the file is told only then: the disk is the same still."""
    work = Work(berth, folder, "dos", SHRINK)
    work.command = [word if word != "12M" else "2M" for word in work.command]
    number, ended = 0, False
    while not ended:
        number += 1
        ended = work.begin(number)
        done = berth(*work.finish)
        assert done.returncode == 0 or "does not fit" in done.stderr, f"killed at {number}: {done.stderr}"
        assert disks.table(work.disk) == disks.table(work.base), f"killed at {number}"
    assert "nothing to do" in berth.ok(*work.finish)


def test_a_copy_of_the_disk_is_said_to_be_one(berth, folder):
    """Where no log has room it has the same sign as the disk itself; what uses up the journal is the only harm."""
    work = Work(berth, folder, "dos", MOVE)
    assert not work.begin(work.writes * 2 // 3)
    copy, words = folder / "copy.img", "is not the disk on which this was interrupted"
    disks.copy(work.disk, copy)
    assert f"{copy} {words}" in berth.ok("disk", "finish", copy, "--journal", work.journal, "--dry-run")
    work.disk.rename(folder / "other.img")
    assert words not in berth.ok("disk", "finish", folder / "other.img", "--journal", work.journal, "--yes")


@pytest.mark.parametrize("room, size, said", [(True, "20M", "is no longer on"), (False, "16M", "is no longer on"),
                                              (False, "20M", "or its partition was deleted")])
def test_the_file_of_work_that_was_given_up_is_known_as_that(berth, folder, room, size, said):
    """On an MBR the next partition of that number has the same name."""
    work = Work(berth, folder, "dos", MOVE, room)
    assert not work.begin(work.writes * 2 // 3)
    berth.ok("part", "rm", work.disk, "1", "--lose", "1", "--yes")
    berth.ok("part", "add", work.disk, "--start", "8M", "--size", size, "--lose", "1", "--yes")
    before = disks.fingerprint(work.disk)
    for command in work.finish, work.command:
        done = berth(*command)
        assert done.returncode == 3 and said in done.stderr and "delete the file" in done.stderr, done.stderr
    assert disks.fingerprint(work.disk) == before
