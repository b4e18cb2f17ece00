# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any moment of a resize or a move, for real: `disk finish` or the command completes it."""
import os
import pathlib
import random
import tempfile
import time

import pytest

import disks
from crash.kill import run_and_kill, when_released
from crash.part_cases import MOVES, RESIZES

KILLS = 8


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


@pytest.mark.parametrize("name", ["shrink-ext4", "grow-ntfs", "move-right", "move-by-little"])
def test_what_was_killed_is_completed(berth, folder, name):
    case = (RESIZES | MOVES)[name]
    case.prepare(berth, folder)
    moments = random.Random(name)
    start = time.monotonic()
    disks.copy(case.base, folder / "timed.img")
    case.run(folder / "timed.img", case.command)
    seconds = time.monotonic() - start
    killed = attempts = 0
    verb, what, *args = case.command
    while killed < KILLS:
        attempts += 1
        assert attempts < 6 * KILLS, "nearly every command ends before it is killed"
        disk = folder / f"killed-{attempts}.img"
        disks.copy(case.base, disk)
        at_work = run_and_kill(berth, moments.uniform(0, seconds), verb, what, disk, *args, "--yes")
        again = attempts % 2 == 0
        wrong = when_released(lambda: case.judge(disk, again=again))
        assert wrong is None, f"attempt {attempts}: {wrong}"
        seconds *= 1 if at_work else 0.9  # the machine may be faster than when it was measured
        killed += at_work
        os.unlink(disk)
