# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of `part` and `disk`, with values that mean nothing there: the error names the option and the value,
the status is 2 or 3 (4 for the name of a partition or file that is not there), and no byte of the disk has changed."""
import re
import subprocess

import pytest

import disks
from program import Berth

USAGE, REFUSED, NOT_FOUND = 2, 3, 4
TAKEN = "0fc63daf-0000-4000-8000-000000000001"
ZERO = "00000000-0000-0000-0000-000000000000"
LONG = "x" * 300
NOT_UTF8 = b"a\xff"

NO_SIZE = ("0", "-1", "1X", "abc", "1e3", "9E", "99999999999G")
SIZES = {"--size": NO_SIZE + ("1", "0%", "200%", "+1M", "1G", "100M"),
         "--start": NO_SIZE + ("1", "1048577", "rest", "0.01%", "150%", "30%", "100%", "+1M", "4M", "33M", "1G", "127M"),
         "--align": NO_SIZE + ("3", "1000", "200M")}
PARTS = ("0", "9", "nope", "1x", NOT_UTF8, "99999999999999999999", "4294967297", "01", " 1", "+1", "1 ", ZERO)
LOSE = ("nope", "9", "1x", NOT_UTF8)
COMMON = {"--serial": ("abc",), "--wwn": ("abc",), "--sector-size": ("1024", "x", "4096"), "--color": ("green",)}
NAMES = ("12", "x" * 37, LONG, NOT_UTF8, "a\nb", "two")
TYPES = ("nonsense", "0xzz", "12345", ZERO)
KEYS = ("/nope", "/dev/null", "empty", "folder")
LABELS = ("x" * 17, LONG, NOT_UTF8, "a\nb")

# command: (the rest of its words, {option: values}); "PART" and the like are operands
COMMANDS = {
    "part table": (("gpt",), {"KIND": ("apm", "GPT"), "--size": NO_SIZE + ("1G",), "--lose": LOSE}),
    "part add": (("--size", "1M"), {
        **SIZES, "--gap": ("0", "-1", "9", "x", "1x", "01", "4294967297"),
        "--number": ("0", "-1", "129", "x", "1", "1x", "03", " 3", "4294967299", "18446744073709551619"),
        "--type": TYPES, "--fs": ("ext9", "LUKS"), "--uuid": ("nonsense", ZERO, TAKEN), "--name": NAMES,
        "--label": ("data",), "--key-file": KEYS, "--lose": LOSE}),
    "part rm": (("1",), {"PART": PARTS, "--lose": LOSE}),
    "part set": (("1", "--name", "new"), {
        "PART": PARTS, "--name": NAMES, "--type": TYPES, "--uuid": ("nonsense", ZERO, TAKEN),
        "--attributes": ("nonsense", "64", "-1", "required,nope", "1,", ",")}),
    "part resize": (("1", "--size", "8M"), {
        "PART": PARTS, "--size": NO_SIZE + ("+", "-", "+1", "-1", "1", "-1G", "-16M", "150%", "-5%", "0.01%", "+16M",
                                    "1G"),
        "--align": SIZES["--align"], "--key-file": KEYS, "--lose": LOSE, "--journal": ("/nope/x",)}),
    "part move": (("1", "--start", "64M"), {
        "PART": PARTS, "--start": NO_SIZE + ("+", "-", "+1", "-1", "512", "0.01%", "-1G", "20M", "+16M", "127M", "1G"),
        "--lose": LOSE, "--journal": ("/nope/x",)}),
    "part format": (("2", "--fs", "ext4"), {
        "PART": PARTS, "--fs": ("ext9", "LUKS"), "--label": LABELS, "--type": TYPES,
        "--key-file": KEYS, "--lose": LOSE}),
    "part wipe": (("2",), {"PART": PARTS, "--lose": LOSE}),
    "disk show": ((), {"--output": ("NOPE", "NR,", "+", ",")}),
    "disk check": ((), {}),
    "disk backup": ((), {"FILE": ("/nope/x", "there", "folder")}),
    "disk restore": (("backup",), {"FILE": ("nope", "there", "empty", "folder"), "--lose": LOSE}),
    "disk undo": ((), {"--lose": LOSE, "--journal": ("/nope/x",), "--key-file": KEYS}),
    "disk finish": ((), {"--lose": LOSE, "--journal": ("/nope/x",), "--key-file": KEYS}),
    "disk log": ((), {"--journal": ("/nope/x",)}),
    "disk export": (("there", "--format", "sfdisk"), {"FILE": ("there", "/nope/x"), "--format": ("x", "SFDISK")}),
}

# Options that do not go together, or that another one lacks: words, and what the error has to name.
TOGETHER = [
    ("part add --size 1M --gap 1 --start 60M", ("--gap 1", "--start 60M")), ("part add --logical", ("--logical",)),
    ("part add --size 1M --label x", ("--label x", "--fs")), ("part set 1", ("partition 1", "--name")),
    ("part add --size 16M --fs ext4 --key-file key", ("--key-file key", "LUKS")),
    ("part format 2 --fs ext4 --key-file key", ("--key-file key", "LUKS")),
    *((f"part {what} --fs luks --key-file {key}", (f"--key-file {key}",))
      for what in ("add --size 20M", "format 2 --lose 2") for key in ("/nope", "/dev/null", "empty", "folder")),
    ("part format 2 --fs luks", ("LUKS", "--key-file")), ("part resize 1 --size 8M --key-file key", ("--key-file key",)),
    ("part set 1 --active --inactive", ("--active", "--inactive")),
    ("part table mbr --convert --size 1G", ("--size 1G",)), ("part table gpt --size 1G", ("--size 1G", "there already")),
    ("part move 1 --start 64M --at-boot --journal x", ("--journal x", "boot")),
    ("part resize 1 --size 8M --at-boot --key-file key", ("--key-file key", "boot")),
    ("part format 1", ("--fs",)), ("part resize 1", ("--size",)), ("part move 1", ("--start",)),
    ("disk export", ("--format",)), ("disk export --format repart", ("repart", "folder"))]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """berth in a folder with gpt.img, mbr.img, and files that are none."""
    berth = Berth(tmp_path_factory.mktemp("bad"))
    berth.ok("part", "table", "gpt.img", "gpt", "--size", "128M", "--yes")
    berth.ok("part", "add", "gpt.img", "--name", "one", "--size", "16M", "--fs", "ext4", "--yes")
    berth.ok("part", "add", "gpt.img", "--name", "two", "--size", "16M", "--start", "32M", "--uuid", TAKEN, "--yes")
    berth.ok("part", "table", "mbr.img", "mbr", "--size", "128M", "--yes")
    for words in (("--size", "16M"), ("--type", "extended", "--size", "64M"), ("--logical", "--size", "16M")):
        berth.ok("part", "add", "mbr.img", *words, "--yes")
    berth.ok("disk", "backup", "gpt.img", "backup")
    (berth.home / "there").write_text("hello\n")
    (berth.home / "empty").write_text("")
    (berth.home / "key").write_text("secret")
    (berth.home / "folder").mkdir()
    return berth


def refused(berth, words, disk="gpt.img"):
    """What is said about a command that ends with 2 or 3 (or 4), and changes nothing."""
    before = disks.fingerprint(berth.home / disk)
    argv = [word if isinstance(word, bytes) else word.encode() for word in words]
    done = subprocess.run([berth.binary, *argv, b"--yes"], cwd=berth.home, env=berth.env, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=20)
    said = done.stderr.decode(errors="replace")
    assert done.returncode in (USAGE, REFUSED, NOT_FOUND), (words, done.returncode, said, done.stdout)
    assert disks.fingerprint(berth.home / disk) == before, words
    return done.returncode, said


def with_value(command, option, value):
    """The command's words with another value for the option, or for the operand of that name."""
    rest = list(COMMANDS[command][0])
    if option in rest:
        rest[rest.index(option) + 1] = value
    elif option.startswith("--"):
        rest += [b"--color=" + value.encode()] if option == "--color" else [option, value]
    else:
        rest = [value, *rest[1:]]
    return [*command.split(), "gpt.img", *rest]


def printable(value):
    """As berth prints it: what is no printable text comes as a question mark."""
    text = value.decode(errors="replace").replace("\ufffd", "?") if isinstance(value, bytes) else value
    return text.replace("\n", "?")[:60]


def named(option, said):
    words = {"PART": "partition", "FILE": "", "--sector-size": "sectors of"}
    return option.removeprefix("--") in said or words.get(option, option) in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_value_is_named_with_its_option(world, command):
    for option, values in {**COMMANDS[command][1], **COMMON}.items():
        for value in values:
            status, said = refused(world, with_value(command, option, value))
            assert named(option, said) and printable(value) in said, (command, option, value, said)
            assert status != NOT_FOUND or option in ("PART", "FILE", "--journal"), (option, value, said)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_value_is_named_with_its_option(world, command):
    may_be_empty = ("--name", "--attributes")
    for option in {**COMMANDS[command][1], **COMMON}:
        if option not in may_be_empty:
            status, said = refused(world, with_value(command, option, ""))
            assert status == USAGE and f"{option} is empty" in said and "hint: berth" in said, said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_value_that_is_given_twice_is_refused(world, command):
    for option in {**COMMANDS[command][1], **COMMON}:
        if option.startswith("--") and option != "--lose":
            sign = "=" if option == "--color" else " "
            words = [*command.split(), "gpt.img", *f"{option}{sign}1 {option}{sign}2".split()]
            status, said = refused(world, words)
            assert status == USAGE and re.search(f"{option} is given twice, as \"1\" and \"2\"", said), said


@pytest.mark.parametrize("words, names", TOGETHER, ids=[words for words, _ in TOGETHER])
def test_what_does_not_go_together_is_named(world, words, names):
    verb, what, *rest = words.split()
    _, said = refused(world, [verb, what, "gpt.img", *rest])
    assert all(name in said for name in names), said


def test_every_option_has_its_bad_values(world):
    """An option that is new gets a row here; what takes no value, or says yes, needs none."""
    script = world.ok("completion", "bash")
    for command, (_, options) in COMMANDS.items():
        values = re.search(rf"^    '{command}'\)\n.*\n.*\n        values='([^']*)'", script, re.M)[1]
        assert {line.split("=")[0] for line in values.splitlines() if line.startswith("--")} == \
            {option for option in options if option.startswith("--")}, command
    families = set(re.findall(r"^    '((?:part|disk) [a-z]+)'\)$", script, re.M))
    assert families - set(COMMANDS) == {"disk list"}


# ---- the way out ----

@pytest.mark.parametrize("words, says, hint", [
    ("part move 1 --start 20M", "--start 20M overlaps partition 2 (two), which takes 32MiB to 48MiB",
     "16MiB fit with --start 1MiB to 16MiB, or 48MiB to 111MiB"),
    ("part move one --start 120M", "--start 120M: the 16MiB of partition 1 (one) would end behind",
     "16MiB fit with --start 1MiB to 16MiB, or 48MiB to 111MiB"),
    ("part add --start 33M --size 1M", "--start 33M overlaps partition 2 (two)", "1MiB fit with --start 17MiB to 31MiB"),
    ("part add --start 20M --size 14M", "--size 14M has no room at --start 20M: from there 12MiB are free", "--size rest"),
    ("part add --size 100M", "--size 100M: no free range has room for it; the largest has 79MiB", "--size rest"),
    ("part resize 1 --size 40M", "--size 40M: partition 1 (one) has room for 31MiB, not 40MiB: partition 2 (two) "
     "begins at 32MiB", "--size rest"),
    ("part set 1 --uuid " + TAKEN, "partition 2 (two) has the same GUID", "part set gpt.img 1 --uuid new"),
    ("part add --number 2 --size 1M", "--number 2 is taken by partition 2 (two)", "the lowest that is free is 3"),
    ("part add --gap 7 --size 1M", "--gap 7: there is no such gap", "berth disk show gpt.img"),
    ("part resize 1 --size +1", "--size +1: 1 byte is less than one sector", "+1M is so many mebibytes"),
    ("part resize 1 --size -10", "--size -10: 10 bytes are less than one sector", "-10M is so many mebibytes"),
    ("part resize 1 --size -10B", "10 bytes are less than one sector", "a size is a number and its unit"),
    ("part move 1 --start 0", "0 bytes are less than one sector", "a size is a number and its unit")])
def test_the_error_says_what_is_in_the_way_and_where_there_is_room(world, words, says, hint):
    verb, what, *rest = words.split()
    _, said = refused(world, [verb, what, "gpt.img", *rest])
    assert says in said and hint in said[said.index("hint: "):], said


@pytest.mark.parametrize("words", ["disk show", "disk check", "disk log", "disk undo --yes", "part add --yes",
                                   "part table gpt --yes"])
@pytest.mark.parametrize("size,says", [(0, "is an empty file"), (300, "is a file of 300 B")])
def test_a_file_that_is_too_small_for_any_disk_is_called_so(world, words, size, says):
    disk = world.home / "small.img"
    disk.write_bytes(bytes(size))
    verb, what, *rest = words.split()
    done = world(verb, what, disk, *rest)
    assert done.returncode == USAGE and says in done.stderr and "truncate --size=10G" in done.stderr, done.stderr
    assert disk.read_bytes() == bytes(size)


def test_the_places_that_are_hinted_fit(world):
    copy = world.home / "copy.img"
    for start in ("16MiB", "48MiB", "111MiB"):
        disks.copy(world.home / "gpt.img", copy)
        world.ok("part", "move", copy, "1", "--start", start, "--yes")
    for start in ("17MiB", "47MiB", "112MiB"):
        refused(world, ["part", "move", "gpt.img", "1", "--start", start])


@pytest.mark.parametrize("words, says, hint", [
    ("part move 5 --start 90M", "behind the extended partition, which ends at 81MiB", "--start 18MiB to 65MiB"),
    ("part move 1 --start 20M", "overlaps partition 2 (the extended one)", "--start 1MiB, or 81MiB to 112MiB"),
    ("part resize 1 --size 30M", "partition 2 (the extended one) begins at 17MiB", "deleting what follows"),
    ("part add --logical --number 5 --size 1M", "--number 5", "the next one is 6"),
    ("part add --uuid " + TAKEN + " --size 1M", "--uuid " + TAKEN, "no place for it"),
    ("part set 1 --type 05", "--type 05: partition 1 cannot become an extended one", "--type extended"),
    ("part set 1 --name x", "--name x: partitions of an MBR have no names", None),
    ("part set 1 --uuid new", "--uuid new: partitions of an MBR have no GUIDs", None),
    ("part set 1 --attributes required", "--attributes required", None)])
def test_the_same_on_an_mbr(world, words, says, hint):
    verb, what, *rest = words.split()
    _, said = refused(world, [verb, what, "mbr.img", *rest], "mbr.img")
    assert says in said and (hint is None or hint in said[said.index("hint: "):]), said
