# SPDX-License-Identifier: GPL-3.0-or-later
"""A hint that is a command can be given as it is, also for a disk whose path a shell would take apart."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest

import disks
from program import BERTH

MIB = 1 << 20
USAGE, REFUSED, NOT_FOUND, DAMAGED = 2, 3, 4, 5
NAMES = ["my disk.img", "it's; $(touch ran) *.img"]


@pytest.fixture(params=NAMES, ids=["blank", "hostile"])
def disk(request, berth):
    """A disk of that name with one partition, and berth beside it."""
    path = berth.home / request.param
    berth.ok("part", "table", path.name, "gpt", "--size", "64M", "--yes")
    berth.ok("part", "add", path.name, "--name", "data", "--size", "16M", "--fs", "ext4", "--yes")
    return path


def sh(berth, command):
    """Runs the text as a person's shell does who is in the folder of the disk."""
    link = berth.home / "bin/berth"
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to(BERTH)
    before = set(os.listdir(berth.home))
    done = subprocess.run(["sh", "-c", command], cwd=berth.home, capture_output=True, text=True,
                          env={**berth.env, "PATH": f"{link.parent}:{os.environ['PATH']}"},
                          stdin=subprocess.DEVNULL, timeout=60)
    assert "ran" not in set(os.listdir(berth.home)) - before
    return done


def hinted(text):
    """The command that a hint or another line names: in backquotes, or from "berth" to its end."""
    quoted = re.search(r"`(berth .*?)`", text)
    return quoted[1] if quoted else re.search(r"(berth [a-z]+ [a-z]+ .*)", text)[1]


def hint_of(done, status):
    assert done.returncode == status, done.stderr
    return re.search(r"^hint: (.*)$", done.stderr, re.M)[1]


def follow(berth, command, *more):
    done = sh(berth, " ".join([command, *more]))
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def damage_backup(disk):
    with open(disk, "r+b") as file:
        file.seek(-512, os.SEEK_END)
        file.write(bytes(512))


def test_losing_what_a_disk_holds_as_a_whole(berth, disk):
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mke2fs", "-q", "-F", disk], check=True, capture_output=True)
    words = hint_of(berth("part", "table", disk.name, "gpt", "--yes"), REFUSED).split("say so: ")[1]
    follow(berth, f"berth part table {words.removeprefix('--lose ')} gpt --yes", words)
    assert berth.json("disk", "show", disk.name)["disk"]["table"] == "gpt"


def test_mending_damage(berth, disk):
    damage_backup(disk)
    hint = hint_of(berth("disk", "check", disk.name), DAMAGED)
    follow(berth, hinted(hint), "--yes")
    assert "nothing is wrong" in berth.ok("disk", "check", disk.name)


def test_looking_closer_at_damage(berth, disk):
    damage_backup(disk)
    line = next(line for line in berth.ok("disk", "show", disk.name).splitlines() if "disk check" in line)
    done = sh(berth, hinted(line))
    assert done.returncode == DAMAGED and "backup-damaged" in done.stdout


def test_naming_the_partition_that_is_damaged(berth, disk):
    uuid = berth.json("disk", "show", disk.name)["disk"]["partitions"][0]["uuid"]
    berth.ok("part", "add", disk.name, "--size", "4M", "--yes")
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", "--part-uuid", disk, "2", uuid], check=True,
                   capture_output=True)
    hint = hint_of(berth("part", "add", disk.name, "--size", "4M", "--yes"), REFUSED)
    command = re.search("(berth .*--uuid new)", hint)[1]
    assert shlex.split(command) == ["berth", "part", "set", disk.name, "2", "--uuid", "new"]


def test_taking_the_last_change_back(berth, disk):
    berth.ok("part", "set", disk.name, "data", "--name", "other", "--yes")
    line = next(line for line in berth.ok("disk", "log", disk.name).splitlines() if "takes the last" in line)
    follow(berth, f"{hinted(line)} --yes")


def test_reading_the_log_where_there_is_nothing_to_undo(berth, disk):
    berth("disk", "undo", disk.name, "--yes")
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    hint = hint_of(berth("disk", "undo", disk.name, "--yes"), NOT_FOUND)
    assert "no log" in follow(berth, hinted(hint))


def test_finishing_what_was_interrupted(berth, disk):
    from crash import trace
    base, log = pathlib.Path(f"{disk}.base"), berth.home / "trace"
    disks.copy(disk, base)
    berth.ok("part", "move", disk.name, "data", "--start", "+8M", "--yes", env={"BERTH_TRACE": str(log)})
    changes = [one for one in trace.read(log) if one[0] != "F"]
    disks.copy(base, disk)
    trace.make(disk, changes[:len(changes) // 2])
    commands = {hinted(hint_of(berth(*args), status)) for args, status in [
        (("part", "rm", disk.name, "data", "--yes"), REFUSED), (("disk", "check", disk.name), DAMAGED),
        (("disk", "backup", disk.name), REFUSED)]}
    commands.add(hinted(next(line for line in berth.ok("disk", "show", disk.name).splitlines()
                             if "interrupted" in line)))
    assert len(commands) == 1
    follow(berth, commands.pop(), "--yes")
    assert berth.json("disk", "show", disk.name)["disk"]["pending"] is None


def test_exporting_into_a_folder(berth, disk):
    hint = hint_of(berth("disk", "export", disk.name, "--format", "repart"), USAGE)
    follow(berth, hinted(hint))
    assert list((berth.home / "FOLDER").glob("*.conf"))


def test_making_a_gpt_of_an_mbr_that_does_not_reach_far_enough(berth, disk):
    disk.unlink()
    berth.ok("part", "table", disk.name, "mbr", "--size", "3T", "--yes")
    hint = hint_of(berth("part", "add", disk.name, "--start", "2.5T", "--yes"), USAGE)
    noted = [hinted(" ".join(berth.ok("disk", what, disk.name).split())) for what in ("show", "check")]
    assert noted == [hinted(hint)] * 2
    follow(berth, hinted(hint), "--yes")
    berth.ok("part", "add", disk.name, "--start", "2.5T", "--size", "10M", "--yes")
