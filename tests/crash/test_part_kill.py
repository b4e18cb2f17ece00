# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any moment of a resize or a move, for real: `disk finish` or the command completes it."""
import os
import pathlib
import random
import subprocess
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


# ---- with the journal in a file ----

MIB = 1 << 20
REFUSED = 3
MACHINE = "berth: 1\nname: m\npartitions:\n  - {name: more, type: linux, size: 4MiB}\n"
OTHERS = [("move", "1", "--start", "+20M"), ("move", "1", "--start", "+20M", "--journal", "other"), ("rm", "1"),
          ("set", "1", "--type", "swap"), ("add", "--size", "1M"), ("resize", "1", "--size", "50M")]


def one_partition(path, label, room):
    """100 MiB that are full; without room there is data in every gap."""
    with open(path, "wb") as file:
        file.truncate(200 * MIB)
    subprocess.run(["sfdisk", "-q", path], input=f"label: {label}\nstart=1M,size=100M\n", text=True, check=True)
    content = random.Random(label).randbytes(100 * MIB)
    with open(path, "r+b") as file:
        file.seek(MIB)
        file.write(content)
        for at in () if room else (MIB - 100, 199 * MIB - 100, 200 * MIB - 40 * 512):
            file.seek(at)
            file.write(b"x" * 100)
    return content


def half_moved(berth, base, disk, journal):
    """Moves it until a kill has left its entry over both places."""
    command = ("part", "move", disk, "1", "--start", "+20M", "--journal", journal, "--yes")
    start = time.monotonic()
    disks.copy(base, disk)
    berth.ok(*command)
    seconds = time.monotonic() - start
    for _ in range(60):
        disks.copy(base, disk)
        journal.unlink()
        run_and_kill(berth, random.uniform(0, seconds), *command)
        if not journal.exists():
            journal.touch()
        if disks.table(disk)["partitions"][0]["size"] == 120 * MIB // 512:
            return
    raise AssertionError("no kill came in the middle")


@pytest.mark.parametrize("label, room", [("gpt", True), ("dos", True), ("gpt", False), ("dos", False)])
def test_what_waits_for_its_journal_file_is_touched_by_nothing_else(berth, folder, label, room):
    """The disk's log names the file; where there is no room for a log, the partition's type says that much."""
    base, disk, journal = folder / "base.img", folder / "disk.img", folder / "journal"
    content = one_partition(base, label, room)
    half_moved(berth, base, disk, journal)
    before = disks.fingerprint(disk)
    named = str(journal) if room else "FILE"
    for verb, *words in OTHERS:
        done = berth("part", verb, disk, *words, "--yes")
        for _ in range(50):
            if "in use by another berth" not in done.stderr:
                break
            time.sleep(0.1)  # what the killed one had started
            done = berth("part", verb, disk, *words, "--yes")
        assert done.returncode == REFUSED and f"berth disk finish {disk} --journal {named}" in done.stderr, done.stderr
        assert disks.fingerprint(disk) == before
    if label == "gpt":  # an MBR has no machine file
        (folder / "m.yaml").write_text(MACHINE)
        done = berth("apply", folder / "m.yaml", "--disk", disk, "--yes")
        assert done.returncode == REFUSED and f"disk finish {disk} --journal {named}" in done.stderr, done.stderr
        assert disks.fingerprint(disk) == before
    berth.ok("disk", "finish", disk, "--journal", journal, "--yes")
    assert disks.table(disk)["partitions"][0]["start"] == 21 * MIB // 512
    with open(disk, "rb") as file:
        file.seek(21 * MIB)
        assert file.read(100 * MIB) == content
    berth.ok("part", "set", disk, "1", "--type", "swap", "--yes")
