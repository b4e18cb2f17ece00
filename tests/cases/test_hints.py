# SPDX-License-Identifier: GPL-3.0-or-later
"""A hint that is a command can be given as it is, also for a disk whose path a shell would take apart."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest

import disks
from ordinary import AS_ORDINARY
from program import BERTH, Berth

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


@pytest.mark.parametrize("kind", ["ext4", "swap"])
def test_giving_a_copy_of_a_filesystem_a_uuid_of_its_own(berth, disk, kind):
    berth.ok("part", "format", disk.name, "data", "--fs", kind, "--lose", "data", "--yes")
    berth.ok("part", "add", disk.name, "--name", "copy", "--size", "16M", "--yes")
    (start, end), (copy, _) = disks.ranges(disk)["data"], disks.ranges(disk)["copy"]
    disks.extract(disk, start, end, f"{disk}.{kind}")
    with open(f"{disk}.{kind}", "rb") as one, open(disk, "r+b") as whole:
        os.pwrite(whole.fileno(), one.read(), copy)
    done = berth("disk", "check", disk.name)
    hint = hint_of(done, DAMAGED)
    assert f"duplicate-filesystem: the {kind} of partition 2 has the UUID of that of partition 1" in done.stdout
    if "losetup" in hint and os.geteuid() != 0:
        pytest.skip("a loop device takes root")
    assert sh(berth, re.search("copy: `(.*)`$", hint)[1]).returncode == 0
    assert "nothing is wrong" in berth.ok("disk", "check", disk.name)


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


# ---- what the log offers, and what a plan names ----

def test_the_log_says_why_the_last_change_is_not_taken_back(berth, disk):
    berth.ok("part", "set", disk.name, "data", "--name", "other", "--yes")
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", "--part-label", disk, "1", "third"], check=True,
                   capture_output=True)
    said = berth.ok("disk", "log", disk.name)
    assert "the last one is not taken back: the partition table was changed by something else" in said
    assert "disk undo" not in said
    assert berth("disk", "undo", disk.name, "--yes").returncode == REFUSED


def test_the_log_says_that_a_filesystem_was_written_to_since(berth, disk):
    berth.ok("part", "move", disk.name, "data", "--start", "+8M", "--yes")
    assert "takes the last one back" in berth.ok("disk", "log", disk.name)
    start = berth.json("disk", "show", disk.name)["disk"]["partitions"][0]["start"]
    subprocess.run(["tune2fs", "-L", "used", f"{disk}?offset={start}"], check=True, capture_output=True)
    assert "not taken back: the filesystem in it was written to since" in berth.ok("disk", "log", disk.name)


def test_the_log_of_an_mbr_says_which_partitions_came_and_went(berth):
    for words in (("table", "mbr.img", "mbr", "--size", "64M"), ("add", "mbr.img", "--type", "extended"),
                  *[("add", "mbr.img", "--logical", "--size", "4M")] * 3, ("rm", "mbr.img", "5")):
        berth.ok("part", *words, "--yes")
    said = berth.ok("disk", "log", "mbr.img")
    assert "delete partition 5 (4 MiB) and 2 more" in said
    assert "change the MBR: add the extended partition 1" in said
    assert len(re.findall("write a new MBR", said)) == 1


def test_where_the_log_is_written_is_listed(berth, disk):
    before = disk.read_bytes()
    said = berth.ok("part", "set", disk.name, "data", "--name", "other", "--yes", "-v")
    listed = [(int(start), size) for size, start in re.findall(r"touches (\S+) at byte (\d+)", said)]
    units = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
    ranges = [(start, start + int(re.match(r"\d+", size)[0]) * units[re.sub(r"\d+", "", size)])
              for start, size in listed]
    after = disk.read_bytes()
    for at in range(0, len(before), 512):
        if before[at:at + 512] != after[at:at + 512]:
            assert any(start <= at < end for start, end in ranges), at
    plan = berth.json("part", "set", disk.name, "1", "--name", "third", "--dry-run")
    assert (plan["log"]["start"], plan["log"]["start"] + plan["log"]["size"]) in ranges


# ---- --lose ----

def test_a_label_for_lose_is_answered_with_what_it_is_the_label_of(berth, disk):
    berth.ok("part", "set", disk.name, "data", "--name", "other", "--yes")
    hint = hint_of(berth("part", "table", disk.name, "gpt", "--lose", "data", "--yes"), USAGE)
    assert hint == "data is the label of the filesystem in partition 1: --lose 1"
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mke2fs", "-q", "-F", "-L", "data", disk], check=True, capture_output=True)
    hint = hint_of(berth("part", "table", disk.name, "gpt", "--lose", "data", "--yes"), USAGE)
    word = shlex.split(hint.split("whole disk holds: ")[1])
    assert word == ["--lose", disk.name]


@pytest.mark.parametrize("spelling", ["{path}", "./{name}", "../{folder}/{name}", "link.img"])
def test_any_path_of_the_disk_names_it_for_lose(berth, disk, spelling):
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mke2fs", "-q", "-F", disk], check=True, capture_output=True)
    (berth.home / "link.img").symlink_to(disk)
    word = spelling.format(path=disk, name=disk.name, folder=berth.home.name)
    berth.ok("part", "table", disk.name, "gpt", "--lose", word, "--yes")


def test_a_size_is_hinted_only_where_a_file_can_be_made(berth, disk):
    assert "--size 10G" not in berth("part", "table", disk.name, "mbr", "--lose", "nope", "--yes").stderr
    assert "--size 10G" not in berth("part", "table", "none.img", "gpt", "--convert", "--yes").stderr
    assert "--size 10G" in berth("part", "table", "none.img", "gpt", "--yes").stderr


# ---- files that say nothing ----

@pytest.mark.parametrize("verb", ["plan", "apply"])
@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n"], ids=["empty", "blank", "comment"])
def test_an_empty_file_names_the_way_out(berth, disk, verb, text):
    before = disk.read_bytes()
    (berth.home / "wanted").write_text(text)
    done = berth(verb, "wanted", "--disk", disk.name)
    assert "the file is empty" in done.stderr
    hint = hint_of(done, USAGE)
    assert 'label: gpt' in hint
    written = follow(berth, hinted(hint).replace("DISK", shlex.quote(disk.name)))
    (berth.home / "wanted").write_text(written)
    berth.ok("plan", "wanted")
    assert disk.read_bytes() == before


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_an_empty_repart_folder_names_the_way_out(berth, disk, verb):
    (berth.home / "empty folder").mkdir()
    done = berth(verb, "empty folder", "--disk", disk.name)
    assert "empty folder has no *.conf that says anything" in done.stderr
    follow(berth, hinted(hint_of(done, USAGE)).replace("DISK", shlex.quote(disk.name)))
    berth.ok("plan", "empty folder", "--disk", disk.name)


@pytest.mark.parametrize("words", [("--seed", "0fc63daf-8483-4772-8e79-3d69d8477de4"), ("--size", "1G"),
                                   ("--journal", "j")])
def test_what_a_machine_file_has_no_use_for_is_refused(berth, disk, words):
    (berth.home / "m.yaml").write_text(berth.ok("disk", "export", disk.name, "--format", "yaml"))
    done = berth("apply", "m.yaml", *words, "--yes")
    assert done.returncode == USAGE and " ".join(words) in done.stderr


def test_a_script_for_other_sectors_names_the_option(berth):
    (berth.home / "s.sfdisk").write_text("label: gpt\nsector-size: 4096\n\nstart=256, size=1000\n")
    words = ("apply", "s.sfdisk", "--disk", "new.img", "--size", "64M", "--yes")
    done = berth(*words)
    assert done.returncode == USAGE and "--sector-size 4096" in hint_of(done, USAGE)
    berth.ok(*words, "--sector-size", "4096")


def test_a_seed_may_be_written_as_a_machine_id(berth):
    (berth.home / "d").mkdir()
    (berth.home / "d/1.conf").write_text("[Partition]\nType=linux-generic\n")
    seed = "0FC63DAF-8483-4772-8e79-3d69d8477de4"
    for name, text in (("a.img", seed), ("b.img", seed.replace("-", ""))):
        berth.ok("apply", "d", "--disk", name, "--size", "64M", "--seed", text, "--yes")
    assert disks.table(berth.home / "a.img")["id"] == disks.table(berth.home / "b.img")["id"]
    done = berth("apply", "d", "--disk", "c.img", "--size", "64M", "--seed", seed.replace("-", "")[1:], "--yes")
    assert done.returncode == USAGE and "--seed" in done.stderr and not (berth.home / "c.img").exists()


# ---- tables that have no room ----

def test_four_primary_partitions_leave_two_ways_out(berth):
    disk = berth.home / "my mbr.img"
    berth.ok("part", "table", disk.name, "mbr", "--size", "64M", "--yes")
    for _ in range(4):
        berth.ok("part", "add", disk.name, "--size", "4M", "--yes")
    for words in ((), ("--type", "extended")):
        hint = hint_of(berth("part", "add", disk.name, *words, "--size", "4M", "--yes"), USAGE)
        assert hint.startswith("delete one first, or make it a GPT")
    follow(berth, hinted(hint), "--yes")
    berth.ok("part", "add", disk.name, "--size", "4M", "--yes")
    assert len(disks.table(disk)["partitions"]) == 5


@pytest.mark.parametrize("script", ["start=2048\n", "start=4000,size=4000\nstart=20481,type=5\nstart=24577\n"],
                         ids=["primary", "logical"])
def test_a_partition_up_to_the_end_of_an_mbr_is_to_be_made_smaller_for_a_gpt(berth, script):
    disk = berth.home / "full mbr.img"
    with open(disk, "wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], input="label: dos\n" + script, text=True, check=True)
    words = ("part", "table", disk.name, "gpt", "--convert", "--yes")
    follow(berth, hinted(hint_of(berth(*words), USAGE)), "--yes")
    berth.ok(*words)
    assert disks.table(disk)["label"] == "gpt"


def test_a_file_that_may_only_be_read_is_refused_before_its_plan(berth, disk):
    before = disk.read_bytes()
    disk.chmod(0o444)
    for folder in (berth.home, *berth.home.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    program = berth.home / "berth"
    for name in ("berth", "berth-overlay.so"):
        shutil.copy(pathlib.Path(BERTH).parent / name, berth.home)
    ordinary = Berth(berth.home, binary=program)
    done = ordinary("part", "rm", disk.name, "1", "--yes", prefix=AS_ORDINARY)
    command = re.fullmatch("`(.*)` lets its owner", hint_of(done, REFUSED))[1]
    assert shlex.split(command) == ["chmod", "u+w", disk.name]
    assert done.stdout == "" and "cannot be written: Permission denied" in done.stderr
    assert "delete partition 1" in ordinary.ok("part", "rm", disk.name, "1", "--dry-run", prefix=AS_ORDINARY)
    assert disk.read_bytes() == before


def test_what_a_wipe_loses_is_said_in_one_sentence(berth, disk):
    said = " ".join(berth.ok("part", "wipe", disk.name, "1", "--lose", "1", "--dry-run").split())
    assert "LOSES the signatures by which partition 1 (" in said and ") is found" in said
