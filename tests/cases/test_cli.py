# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person at the command line sees: help, steps on a terminal, messages that name everything,
and what doctor knows of the tools."""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

import pexpect
import pytest

import disks
from program import BUILD, ROOT

USAGE, REFUSED, NOT_FOUND, DAMAGED = 2, 3, 4, 5
FAMILIES = ("disk", "part", "image", "menu", "guest")


def image(berth, *args, size="400M"):
    path = berth.home / "disk.img"
    berth.ok("part", "table", path, "gpt", "--size", size, "--yes", *args)
    return path


def add(berth, disk, name, *args, size="10M", fs="ext4"):
    berth.ok("part", "add", disk, "--name", name, "--size", size, *(("--fs", fs) if fs else ()),
             "--yes", *args)


def terminal(berth, *args, columns):
    """What berth writes on a terminal of that width, in lines."""
    output = pexpect.run(shlex.join([berth.binary, *map(str, args)]), timeout=20,
                         env={**berth.env, "TERM": "xterm"}, cwd=str(berth.home),
                         dimensions=(24, columns))
    return output.decode().split("\r\n")


# ---- help ----

@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_commands_explains_itself(berth, family):
    shown = berth.ok(family, "--help")
    assert shown == berth.ok("help", family) == berth.ok(family, "-h") == berth.ok("--help", family)
    listed = re.findall(rf"^  ({family} \w+)", shown, re.M)
    assert listed and listed == re.findall(rf"^  ({family} \w+)", berth.ok("--help"), re.M)


def test_help_of_a_command_comes_either_way(berth):
    shown = berth.ok("help", "part", "add")
    assert shown == berth.ok("part", "add", "--help")
    assert shown.startswith("usage: berth part add DISK")


def test_help_fits_80_columns(berth):
    for words in re.findall(r"^  (\w+(?: \w+)?)  ", berth.ok("--help"), re.M):
        shown = berth.ok(*words.split(), "--help")
        assert max(map(len, shown.splitlines())) <= 80, words


def test_help_of_what_does_not_exist_is_an_error(berth):
    for args in (("help", "frob"), ("frob", "--help"), ("part", "frob", "--help")):
        done = berth(*args)
        assert done.returncode == USAGE and "there is no command" in done.stderr


def test_the_version_has_a_letter_too(berth):
    assert berth.ok("-V") == berth.ok("--version")
    assert re.fullmatch(r"berth \d+\.\d+\.\d+\n", berth.ok("-V"))


def test_help_names_every_filesystem_and_attribute(berth):
    formats, sets = " ".join(berth.ok("part", "format", "--help").split()), berth.ok("part", "set", "--help")
    for fs in berth.ok("complete", "fs").split():
        assert re.search(rf"\b{fs}\b", formats) and re.search(rf"\b{fs}\b", manual(), re.I), fs
    for attribute in berth.ok("complete", "attribute").split():
        assert attribute in sets and attribute in manual(), attribute


# ---- the manual page ----

def manual():
    """The page's text, without what formats it."""
    text = (ROOT / "docs/berth.1").read_text().replace("\\-", "-")
    text = re.sub(r"\\f[A-Z]", "", text).replace('"', "")
    return re.sub(r"^\.(B|I|BR|BI|RB|RI|IR|IB) ", "", text, flags=re.M)


def options_of(berth):
    """command: its long options, without those of all commands, which have the key ""."""
    script = berth.ok("completion", "bash")
    found = re.findall(r"^    '([a-z ]+)'\)\n        whole=1\n        options='([^']*)'", script, re.M)
    found.append(("", re.search(r"common='([^']*)'", script)[1]))
    return {words: set(re.findall(r"--[a-z-]+", options)) for words, options in found}


def test_every_command_and_option_is_in_the_manual(berth):
    entries = manual().split("\n.TP\n")
    for command, options in options_of(berth).items():
        texts = [entry for entry in entries
                 if re.search(rf"(^|, *){command}\b", entry.split("\n")[0])] if command else entries
        assert texts, f"{command} is not in the manual"
        for option in options:
            assert any(re.search(rf"{option}(?![a-z-])", text) for text in texts), \
                f"{command} {option} is not in the manual"


def test_the_manual_has_no_option_that_does_not_exist(berth):
    known = set().union(*options_of(berth).values())
    for option in set(re.findall(r"(?<![a-z-])--[a-z-]+", manual())):
        assert option in known, option


def test_the_manual_names_every_column(berth):
    text = manual()
    for column in berth.ok("complete", "column").split():
        assert re.search(rf"(?<!\w){re.escape(column)}(?![\w%])", text), column


# ---- steps ----

@pytest.mark.parametrize("columns", [80, 60])
def test_steps_break_between_words_and_hang(berth, columns):
    disk = image(berth)
    add(berth, disk, "a-name-of-some-length")
    lines = terminal(berth, "part", "table", disk.name, "gpt", "--lose", "a-name-of-some-length",
                     "--dry-run", columns=columns)
    assert max(map(len, lines)) <= columns
    loses = next(i for i, line in enumerate(lines) if line.startswith("     LOSES "))
    assert lines[loses + 1].startswith(" " * len("     LOSES ") + lines[loses + 1].strip()[0])
    text = " ".join(line.strip() for line in lines[loses:])
    assert "its bytes stay where they are until something else is put there" in text


def test_a_pipe_gets_each_step_on_one_line(berth):
    disk = image(berth)
    add(berth, disk, "a-name-of-some-length")
    shown = berth.ok("part", "rm", disk, "1", "--dry-run")
    assert re.search(r"^ +partition 1 .* until something else is put there$", shown, re.M)


def test_a_hostile_name_in_a_step_does_not_reach_the_terminal(berth):
    disk = image(berth)
    add(berth, disk, "x", fs=None)
    subprocess.run(["sfdisk", "-q", "--part-label", disk, "1", "a\x1b[31mb\u202ec"], check=True)
    shown = berth.ok("part", "rm", disk, "1", "--dry-run")
    assert "\x1b" not in shown and "\u202e" not in shown and "a?[31mb?c" in shown


def test_attributes_are_told_in_the_words_that_make_them(berth):
    disk = image(berth)
    add(berth, disk, "x", fs=None)
    words = "required, no-block-io, legacy-boot, bit 55, grow-fs, read-only, hidden, no-auto"
    given = words.replace("bit ", "").replace(" ", "")
    shown = berth.ok("part", "set", disk, "x", "--attributes", given, "--yes")
    assert f"attributes: {words}  [" in shown
    sfdisk = subprocess.run(["sfdisk", "--part-attrs", disk, "1"], capture_output=True, text=True,
                            check=True).stdout
    assert sfdisk.split() == ["RequiredPartition", "NoBlockIOProtocol", "LegacyBIOSBootable",
                              "GUID:55,59,60,62,63"]
    assert "nothing to do" in berth.ok("part", "set", disk, "x", "--attributes",
                                       "required,no-block-io,legacy-bios-bootable,55,growfs,60,62,63")
    assert "attributes: none" in berth.ok("part", "set", disk, "x", "--attributes", "", "-n")


def test_the_active_flag_of_an_mbr_is_called_so(berth):
    disk = berth.home / "disk.img"
    berth.ok("part", "table", disk, "mbr", "--size", "64M", "--yes")
    berth.ok("part", "add", disk, "--size", "10M", "--yes")
    assert "(10 MiB): active  [" in berth.ok("part", "set", disk, "1", "--active", "--yes")
    assert ": no longer active  [" in berth.ok("part", "set", disk, "1", "--inactive", "-n")


# ---- refusals ----

def test_all_that_would_be_lost_is_named_at_once(berth):
    disk = image(berth)
    for name, fs in (("one", "ext4"), ("two words", "ext4"), ("a;b", "swap"), ("raw", None)):
        add(berth, disk, name, fs=fs)
    with open(disk, "r+b") as file:
        file.seek(32 << 20)
        file.write(b"somebody's")
    before = disks.fingerprint(disk)
    done = berth("part", "table", disk, "mbr", "--yes")
    assert done.returncode == REFUSED and disks.fingerprint(disk) == before
    for part in ("1 (one, 10 MiB, ext4)", "2 (two words, 10 MiB, ext4)", "3 (a;b, 10 MiB, swap)",
                 "4 (raw, 10 MiB)"):
        assert f"partition {part} would be lost" in done.stderr
    words = re.search(r"say so: (.*)", done.stderr)[1]
    assert words == "--lose one --lose 2 --lose 3 --lose raw"
    berth.ok("part", "table", disk, "mbr", "--yes", *words.split())


def test_of_many_that_would_be_lost_some_are_described_and_all_can_be_named(berth):
    disk = image(berth)
    for number in range(12):
        add(berth, disk, f"p{number}", size="5M", fs="swap")
    done = berth("part", "table", disk, "gpt", "--yes")
    assert done.stderr.count("would be lost") == 8 and "and 4 more" in done.stderr
    berth.ok("part", "table", disk, "gpt", "--yes",
             *re.search(r"say so: (.*)", done.stderr)[1].split())


def test_what_is_named_already_is_not_named_again(berth):
    disk = image(berth)
    for name in ("one", "two"):
        add(berth, disk, name)
    done = berth("part", "table", disk, "gpt", "--lose", "one", "--yes")
    assert done.returncode == REFUSED and "(one" not in done.stderr
    assert "if nothing in it is needed, say so: --lose two" in done.stderr


def test_every_word_that_names_nothing_is_said(berth):
    disk = image(berth)
    done = berth("part", "add", disk, "--lose", "x", "--lose", "7", "--yes")
    assert done.returncode == USAGE
    assert "--lose x, --lose 7: there is no such partition" in done.stderr


def test_what_is_too_small_is_said_in_sizes(berth):
    disk = image(berth)
    key = berth.home / "key"
    key.write_text("secret")
    before = disks.fingerprint(disk)
    for fs, least in (("xfs", "300 MiB"), ("ext4", "4 MiB"), ("btrfs", "110 MiB"), ("luks", "17 MiB")):
        done = berth("part", "add", disk, "--size", "2M", "--fs", fs, "--yes",
                     *(("--key-file", key) if fs == "luks" else ()))
        assert done.returncode == USAGE
        assert f"partition 1: 2 MiB are too few for {fs}, which takes {least} or more" in done.stderr
    assert disks.fingerprint(disk) == before


def fake_resize2fs(berth):
    """One that can say how small a filesystem can be, and then fails as the real one does."""
    folder = berth.home / "fake"
    folder.mkdir()
    tool = folder / "resize2fs"
    tool.write_text("""#!/bin/sh
case "$*" in *-P*) PATH=/usr/sbin:/sbin:/usr/bin:/bin exec resize2fs "$@" ;; esac
echo "resize2fs: No space left on device while trying to resize $2"
echo "Please run 'e2fsck -fy $2' to fix the filesystem"
echo "after the aborted resize operation."
exit 1
""")
    tool.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_what_resize2fs_advises_for_a_copy_is_not_passed_on(berth):
    disk = image(berth)
    add(berth, disk, "home", size="100M")
    before = disks.fingerprint(disk, 1 << 20, 101 << 20)
    done = berth("part", "resize", disk, "home", "--size", "50M", "--yes", env=fake_resize2fs(berth))
    assert done.returncode == 1 and "No space left on device" in done.stderr
    assert "e2fsck" not in done.stderr
    assert "hint: nothing was changed" in done.stderr
    assert disks.fingerprint(disk, 1 << 20, 101 << 20) == before


def test_an_ext4_with_errors_is_refused_with_the_way_to_mend_it(berth):
    disk = image(berth)
    add(berth, disk, "home", size="100M")
    subprocess.run(["debugfs", "-w", "-R", "clri <11>", f"{disk}?offset=1048576"], check=True,
                   capture_output=True)
    done = berth("part", "resize", disk, "home", "--size", "50M", "--yes")
    assert done.returncode == DAMAGED
    assert "hint: nothing was changed: let e2fsck -f mend it first" in done.stderr
    subprocess.run(["e2fsck", "-fy", f"{disk}?offset=1048576"], check=False, capture_output=True)
    berth.ok("part", "resize", disk, "home", "--size", "50M", "--yes")


# ---- disks without a table, and with sectors of another size ----

@pytest.mark.parametrize("fs, make", [
    ("ext4", ["mke2fs", "-q", "-t", "ext4", "-L", "my label"]), ("vfat", ["mkfs.vfat"]),
    ("ntfs", ["mkntfs", "-qQF"])])
def test_a_filesystem_on_the_whole_disk_is_named(berth, fs, make):
    disk = berth.home / "disk.img"
    with open(disk, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run([*make, disk], check=True, capture_output=True)
    found = berth.json("disk", "show", disk)["disk"]
    assert found["fs"] == fs and found["table"] is None
    shown = berth.ok("disk", "show", disk)
    assert f"the disk as a whole holds {fs}" in shown
    assert found["label"] is None or f'labelled "{found["label"]}"' in shown
    done = berth("part", "table", disk, "gpt", "--yes")
    assert done.returncode == REFUSED and f"it holds {fs}" in done.stderr


def erase_log(disk):
    """As on a disk that another program has made: nothing in front of the first mebibyte."""
    with open(disk, "r+b") as file:
        file.seek(4096)
        file.write(bytes((1 << 20) - 4096))


def test_a_4096_byte_mbr_is_known_again_by_its_filesystems(berth):
    disk = berth.home / "disk.img"
    large = ("--sector-size", "4096")
    berth.ok("part", "table", disk, "mbr", "--size", "200M", *large, "--yes")
    berth.ok("part", "add", disk, "--size", "20M", "--yes", *large)
    erase_log(disk)
    shown = berth.ok("disk", "show", disk)
    assert "4096-byte sectors" in shown and "--sector-size 512 says otherwise" in shown
    assert berth.json("disk", "show", disk)["disk"]["sector-size-guessed"] is True
    assert "otherwise" not in berth.ok("disk", "show", disk, *large)
    berth.ok("part", "format", disk, "1", "--fs", "ext4", "--yes", *large)
    erase_log(disk)
    found = berth.json("disk", "show", disk)["disk"]
    assert found["sector-size"] == 4096 and not found["sector-size-guessed"]
    assert found["partitions"][0]["size"] == 20 << 20
    assert "otherwise" not in berth.ok("disk", "show", disk)
    berth.ok("part", "add", disk, "--type", "extended", "--size", "rest", "--yes")
    berth.ok("part", "add", disk, "--logical", "--size", "10M", "--fs", "swap", "--yes")
    assert [p["fs"] for p in berth.json("disk", "show", disk)["disk"]["partitions"]] \
        == ["ext4", None, "swap"]
    assert "nothing is wrong" in berth.ok("disk", "check", disk)


def test_an_mbr_of_512_byte_sectors_stays_one(berth):
    """Also where a deleted filesystem lies at eight times the start of an empty partition."""
    disk = berth.home / "disk.img"
    berth.ok("part", "table", disk, "mbr", "--size", "200M", "--yes")
    berth.ok("part", "add", disk, "--start", "8M", "--size", "20M", "--fs", "ext4", "--yes")
    berth.ok("part", "rm", disk, "1", "--yes")
    berth.ok("part", "add", disk, "--start", "1M", "--size", "2M", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["sector-size"] == 512


# ---- doctor ----

def test_doctor_knows_the_programs_of_every_filesystem(berth):
    checks = {c["what"]: c for c in berth.json("doctor")["checks"]}
    for fs in berth.ok("complete", "fs").split():
        assert checks[fs]["ok"] is not None and checks[fs]["text"]
    assert "ntfsresize" in checks["ntfs"]["text"]


@pytest.mark.skipif(os.geteuid() != 0, reason="hides a program by a mount")
def test_doctor_names_what_is_missing_and_its_package(berth):
    tool = pathlib.Path("/usr/sbin/ntfsresize")
    nothing = berth.home / "nothing"
    nothing.touch(mode=0o644)
    if not tool.exists():
        pytest.skip("ntfsresize is not where Debian has it")
    shown = berth.ok("doctor", prefix=("unshare", "-m", "sh", "-c",
                                       f'mount --bind {nothing} {tool} && exec "$@"', "sh"))
    line = next(line for line in shown.splitlines() if " ntfs " in line)
    assert line.startswith("NO")
    assert "ntfsresize (check, shrink, grow)" in line and "apt-get install ntfs-3g" in line
    assert "mkntfs" not in line


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("prefix, lacks", [
    ((), None),
    (("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"), None),
    (("unshare", "--user", "--map-root-user"), "no user of its own"),
    ((BUILD / "tests/no_namespaces", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
     "no namespaces of its own: this host denies them to users"),
], ids=["root", "user", "a container's only user", "user without namespaces"])
def test_doctor_knows_what_the_sandbox_lacks(berth, prefix, lacks):
    os.chmod(berth.home, 0o755)
    shown = berth.ok("doctor", prefix=prefix)
    line = next(line for line in shown.splitlines() if " sandbox " in line)
    assert line.startswith("NO" if lacks else "ok")
    assert (lacks or "namespaces, an empty root, Landlock ") in line


# ---- quiet, JSON ----

def test_quiet_says_nothing_but_errors(berth):
    disk = image(berth)
    assert berth.ok("disk", "check", disk, "-q") == ""
    assert berth.ok("part", "add", disk, "--size", "5M", "-q", "--yes") == ""
    with open(disk, "r+b") as file:
        file.seek(512 + 16)
        file.write(b"\0\0\0\0")
    done = berth("disk", "check", disk, "-q")
    assert done.returncode == DAMAGED and done.stdout == "" and done.stderr != ""


@pytest.mark.parametrize("args, key", [
    (("disk", "show", "DISK"), "disk"), (("disk", "log", "DISK"), "log"),
    (("disk", "check", "DISK"), "damage"), (("disk", "list"), "disks"), (("doctor",), "checks"),
    (("image", "list"), "images"), (("part", "add", "DISK", "-n"), "steps"),
    (("disk", "undo", "DISK", "-n"), "steps")])
def test_every_listing_answers_in_json(berth, args, key):
    disk = image(berth)
    add(berth, disk, "x", fs=None)
    found = berth.json(*(disk if arg == "DISK" else arg for arg in args))
    assert found["berth-json"] == 1 and key in found


def test_what_an_mbr_cannot_keep_is_told_as_lost(berth):
    disk = image(berth)
    add(berth, disk, "home")
    assert "LOSES the partitions' names, GUIDs and attributes" in berth.ok(
        "part", "table", disk, "mbr", "--convert", "-n")


def test_what_a_script_leaves_alone_is_counted(berth):
    disk = image(berth)
    script = berth.home / "script"
    for name, words in (("one", "nothing to do"), ("two", "one partition is not named and stays"),
                        ("three", "2 partitions are not named and stay")):
        add(berth, disk, name, fs=None)
        if name == "one":
            berth.ok("disk", "export", disk, script, "--format", "sfdisk")
        assert words in berth.ok("plan", script, "--disk", disk)


def test_steps_that_could_not_be_told_are_not_done(berth):
    disk = image(berth)
    before = disks.fingerprint(disk)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([berth.binary, "part", "add", disk, "--yes"], stdout=full, stderr=subprocess.PIPE,
                              env=berth.env, text=True)
    assert done.returncode == 1 and "standard output: No space left" in done.stderr
    assert disks.fingerprint(disk) == before


@pytest.mark.parametrize("command", ["disk check DISK", "disk show DISK", "disk log DISK", "completion bash",
                                     "disk export DISK --format yaml", "completion zsh", "--help", "--version"])
def test_an_answer_that_cannot_be_written_is_an_error(berth, command):
    argv = [berth.binary, *command.replace("DISK", str(image(berth))).split()]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, env=berth.env, text=True)
    assert done.returncode == 1 and "standard output: " in done.stderr


@pytest.mark.parametrize("command", ["disk check DISK", "completion bash"])
def test_who_reads_no_further_has_seen_enough(berth, command):
    argv = [berth.binary, *command.replace("DISK", str(image(berth))).split()]
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(argv, stdout=writes, stderr=subprocess.PIPE, env=berth.env, text=True)
    os.close(writes)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("what", ["serial", "wwn"])
def test_a_disk_that_says_nothing_of_itself_is_told_from_the_one_that_is_meant_once(berth, what):
    disk = image(berth)
    done = berth("part", "add", disk, f"--{what}", "foo", "--dry-run")
    assert done.returncode == 3
    assert done.stderr == f"berth: {disk} is another disk: its {what} is not known, not foo\n" \
        f"hint: it says no {what} of itself: name another disk, or leave the {what} out\n"


def test_ctrl_c_before_the_question_is_an_answer_to_it(berth):
    disk = image(berth)
    before = disks.fingerprint(disk)
    child = pexpect.spawn(berth.binary, ["part", "add", str(disk), "--fs", "ext4"], env=berth.env, timeout=10)
    while not int(re.search(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{child.pid}/status").read_text())[1], 16) & 2:
        time.sleep(0.0005)
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 7 and disks.fingerprint(disk) == before
