# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any moment of a resize or a move, for real: `disk finish` or the command completes it."""
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time

import pytest

import disks
from crash.part_cases import MOVES, RESIZES

KILLS = 8


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


def run_and_kill(berth, case, disk, seconds):
    """Starts the command and kills it after that time; True when it was still at work."""
    verb, what, *args = case.command
    child = subprocess.Popen([berth.binary, verb, what, disk, *args, "--yes"], env=berth.env,
                             cwd=berth.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def judge(case, disk, again):
    """What the killed one had started ends with it, but not at the same moment, and holds its lock."""
    for _ in range(50):
        wrong = case.judge(disk, again=again)
        if wrong is None or "in use by another berth" not in wrong:
            break
        time.sleep(0.1)
    return wrong


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
    while killed < KILLS:
        attempts += 1
        assert attempts < 6 * KILLS, "nearly every command ends before it is killed"
        disk = folder / f"killed-{attempts}.img"
        disks.copy(case.base, disk)
        at_work = run_and_kill(berth, case, disk, moments.uniform(0, seconds))
        wrong = judge(case, disk, attempts % 2 == 0)
        assert wrong is None, f"attempt {attempts}: {wrong}"
        seconds *= 1 if at_work else 0.9  # the machine may be faster than when it was measured
        killed += at_work
        os.unlink(disk)
