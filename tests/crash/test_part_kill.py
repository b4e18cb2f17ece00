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
import filled
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
REFUSED, DAMAGED = 3, 5
MOVING = "7e", "9D2F6C1A-47B8-4E35-A1C0-626572746802"
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


def kill(berth, base, disk, journal, words, is_half):
    """Gives the command, with its journal in a file, until a kill has left a table that is_half: nearer to it
    each time, later than one that had changed nothing, earlier than one that was over."""
    command = ("part", words[0], disk, *words[1:], "--journal", journal, "--yes")
    old = disks.table(base)["partitions"][0]
    start = time.monotonic()
    disks.copy(base, disk)
    journal.unlink(missing_ok=True)
    berth.ok(*command)
    low, high = 0, time.monotonic() - start
    for _ in range(60):
        disks.copy(base, disk)
        journal.unlink()
        moment = random.uniform(low * 0.9, high * 1.1)
        run_and_kill(berth, moment, *command)
        if not journal.exists():
            journal.touch()
        part = disks.table(disk)["partitions"][0]
        if is_half(part):
            return
        low, high = (moment, high) if part == old else (low, moment)
        if low >= high:
            low, high = 0, 2 * low  # the machine is not always as fast
    raise AssertionError("no kill came in the middle")


@pytest.mark.parametrize("label, room", [("gpt", True), ("dos", True), ("gpt", False), ("dos", False)])
def test_what_waits_for_its_journal_file_is_touched_by_nothing_else(berth, folder, label, room):
    """The disk's log names the file; where there is no room for a log, the partition's type says that much."""
    base, disk, journal = folder / "base.img", folder / "disk.img", folder / "journal"
    content = one_partition(base, label, room)
    kill(berth, base, disk, journal, ("move", "1", "--start", "+20M"),
         lambda part: part["size"] == 120 * MIB // 512)
    named = str(journal) if room else "FILE"
    touched_by_nothing_else(berth, folder, disk, label, named)
    berth.ok("disk", "finish", disk, "--journal", journal, "--yes")
    assert disks.table(disk)["partitions"][0]["start"] == 21 * MIB // 512
    with open(disk, "rb") as file:
        file.seek(21 * MIB)
        assert file.read(100 * MIB) == content
    berth.ok("part", "set", disk, "1", "--type", "swap", "--yes")


def touched_by_nothing_else(berth, folder, disk, label, named):
    before = disks.fingerprint(disk)
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
    done = berth("disk", "check", disk)
    assert done.returncode == DAMAGED and f"disk finish {disk} --journal {named}" in done.stderr
    assert f"disk finish {disk} --journal {named}" in berth.ok("disk", "show", disk)
    assert disks.fingerprint(disk) == before


@pytest.mark.parametrize("label", ["gpt", "dos"])
@pytest.mark.parametrize("size", ["150M", "40M"])
def test_a_resize_that_waits_for_its_journal_file_is_touched_by_nothing_else(berth, folder, label, size):
    """Where no log has room the partition's type says that it is not done."""
    base, disk, journal = folder / "base.img", folder / "disk.img", folder / "journal"
    one_partition(base, label, False)
    content = filled.make("ext4", folder / "ext4", 100 * MIB, count=100)
    filled.paste(folder / "ext4", base, MIB)
    kill(berth, base, disk, journal, ("resize", "1", "--size", size), lambda part: part["type"] in MOVING)
    touched_by_nothing_else(berth, folder, disk, label, "FILE")
    berth.ok("disk", "finish", disk, "--journal", journal, "--yes")
    part, = disks.table(disk)["partitions"]
    assert part["size"] == int(size[:-1]) * MIB // 512
    assert part["type"] == disks.table(base)["partitions"][0]["type"]
    assert filled.content("ext4", disk, MIB, MIB + part["size"] * 512) == content
    berth.ok("part", "set", disk, "1", "--type", "swap", "--yes")


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_the_journal_file_of_another_disk_is_left_alone(berth, folder, label):
    base, disk, other, journal = (folder / name for name in ("base.img", "disk.img", "other.img", "journal"))
    one_partition(base, label, False)
    one_partition(other, label, False)
    kill(berth, base, disk, journal, ("move", "1", "--start", "+20M"),
         lambda part: part["size"] == 120 * MIB // 512)
    before = disks.fingerprint(journal)

    def refuses(path, verb, *words):
        state = disks.fingerprint(path)
        done = berth(*verb, path, *words, "--journal", journal, "--yes")
        assert done.returncode == REFUSED and str(journal) in done.stderr, done.stderr
        assert f"is not finished and is not of {path}" in done.stderr, done.stderr
        assert disks.fingerprint(path) == state and disks.fingerprint(journal) == before

    for verb, *words in (("disk finish",), ("disk undo",), ("part move", "1", "--start", "+20M"),
                         ("part resize", "1", "--size", "50M")):
        refuses(other, verb.split(), *words)
    gone = folder / "gone.img"
    disks.copy(disk, gone)
    berth.ok("part", "rm", gone, "1", "--lose", "1", "--yes")
    refuses(gone, ("disk", "finish"))
    berth.ok("disk", "finish", disk, "--journal", journal, "--yes")
    assert "nothing to do" in berth.ok("disk", "finish", disk, "--journal", journal)


def has_begun(journal, part):
    """The partition has the mark, and the file says that the work has changed the disk."""
    return part["type"] in MOVING and b'"stage":"content"' in journal.read_bytes()


@pytest.mark.parametrize("words", [("move", "1", "--start", "+20M"), ("resize", "1", "--size", "40M")],
                         ids=["move", "resize"])
@pytest.mark.parametrize("log", ["has-log", "gets-log", "no-room"])
def test_only_a_disk_with_the_sign_of_the_work_is_finished(berth, folder, log, words):
    """What the journal counts as done is not done on a copy from before: that stays as it is."""
    base, disk, copy, journal, moved = (folder / name for name in ("base", "disk", "copy", "journal", "moved"))
    one_partition(base, "gpt", log != "no-room")
    content = filled.make("ext4", folder / "ext4", 100 * MIB, count=100)
    filled.paste(folder / "ext4", base, MIB)
    if log == "has-log":
        berth.ok("part", "set", base, "1", "--name", "data", "--yes")
    kill(berth, base, disk, journal, words, lambda part: has_begun(journal, part))

    def refuses(path, said, verb, *more):
        before = disks.fingerprint(path), disks.fingerprint(journal)
        done = berth(*verb.split(), path, *more, "--journal", journal, "--yes")
        assert done.returncode == REFUSED and said in done.stderr, done.stderr
        assert (disks.fingerprint(path), disks.fingerprint(journal)) == before

    refuses(disk, f"berth disk finish {disk} --journal {journal}", "part move", "1", "--start", "+30M")
    refuses(disk, f"berth disk finish {disk} --journal {journal}", "disk undo")
    for verb, *more in (("disk finish",), ("disk undo",), (f"part {words[0]}", *words[1:])):
        refuses(base, f"{base} has no sign of that", verb, *more)
    disks.copy(disk, copy)
    journal.rename(moved)
    journal.touch()  # that the disk's log points to this is no sign, nor that it is not there
    berth.ok("disk", "finish", copy, "--journal", moved, "--yes")
    part, = disks.table(copy)["partitions"]
    assert part["type"] == disks.table(base)["partitions"][0]["type"]
    assert filled.content("ext4", copy, part["start"] * 512, (part["start"] + part["size"]) * 512) == content


def goes_further(berth, disk, journal, folder):
    """Finishes until a kill leaves it half done still, and the file further than it was; False where little is left."""
    saved = folder / "saved.img", folder / "saved-journal"
    disks.copy(disk, saved[0])
    disks.copy(journal, saved[1])
    command = ("disk", "finish", disk, "--journal", journal, "--yes")
    start = time.monotonic()
    berth.ok(*command)
    seconds = time.monotonic() - start
    for _ in range(15):
        disks.copy(saved[0], disk)
        disks.copy(saved[1], journal)
        run_and_kill(berth, random.uniform(0.1, 1) * seconds, *command)
        if (disks.table(disk)["partitions"][0]["type"] in MOVING and
                disks.fingerprint(journal) != disks.fingerprint(saved[1])):
            return True
    return False


@pytest.mark.parametrize("words", [("move", "1", "--start", "+20M"), ("resize", "1", "--size", "40M")],
                         ids=["move", "resize"])
def test_a_copy_that_the_work_has_left_behind_is_not_finished(berth, folder, words):
    """A copy of the interrupted disk has its sign, until the work goes on without it."""
    base, disk, copy, journal = (folder / name for name in ("base", "disk", "copy", "journal"))
    one_partition(base, "gpt", True)
    content = filled.make("ext4", folder / "ext4", 100 * MIB, count=100)
    filled.paste(folder / "ext4", base, MIB)
    for _ in range(10):
        kill(berth, base, disk, journal, words, lambda part: has_begun(journal, part))
        disks.copy(disk, copy)
        if goes_further(berth, disk, journal, folder):
            break
    else:
        raise AssertionError("no second kill came in the middle")
    before = disks.fingerprint(copy), disks.fingerprint(journal)
    done = berth("disk", "finish", copy, "--journal", journal, "--yes")
    assert done.returncode == REFUSED and f"{copy} has no sign of that" in done.stderr, done.stderr
    assert (disks.fingerprint(copy), disks.fingerprint(journal)) == before
    berth.ok("disk", "finish", disk, "--journal", journal, "--yes")
    part, = disks.table(disk)["partitions"]
    assert filled.content("ext4", disk, part["start"] * 512, (part["start"] + part["size"]) * 512) == content
