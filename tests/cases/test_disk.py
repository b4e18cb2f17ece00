# SPDX-License-Identifier: GPL-3.0-or-later
"""disk show on disks that berth did not make."""
import fcntl
import os
import re
import shlex
import struct
import subprocess
import unicodedata

import pexpect
import pytest

import disks

F_OFD_SETLK = 37


def sfdisk(disk, script, size=100 << 20):
    with open(disk, "wb") as file:
        file.truncate(size)
    subprocess.run(["sfdisk", "-q", disk], input=script, text=True, check=True)


def test_an_mbr_disk_is_shown(berth):
    disk = berth.home / "mbr.img"
    sfdisk(disk, "label: dos\nsize=20M,type=83\nsize=30M,type=5\nsize=10M\n")
    shown = berth.json("disk", "show", disk)["disk"]
    assert shown["table"] == "mbr"
    assert [(p["number"], p["size"]) for p in shown["partitions"]][:2] == [(1, 20 << 20), (2, 30 << 20)]
    assert [shown["partitions"][0][key] for key in ("type", "type-name")] == ["0x83", "linux"]
    assert "MBR" in berth.ok("disk", "show", disk)


def test_a_label_that_is_no_text_does_not_hide_its_partition(berth):
    disk = berth.home / "odd.img"
    sfdisk(disk, "label: gpt\nsize=20M\n")
    subprocess.run([b"mke2fs", b"-q", b"-E", b"offset=1048576", b"-L", b"b\xffd", disk, b"20M"],
                   check=True, capture_output=True)
    part, = berth.json("disk", "show", disk)["disk"]["partitions"]
    assert (part["fs"], part["label"]) == ("ext2", "b?d")


def test_a_blank_disk_has_no_table(berth):
    with open(berth.home / "blank.img", "wb") as file:
        file.truncate(10 << 20)
    shown = berth.json("disk", "show", berth.home / "blank.img")["disk"]
    assert (shown["table"], shown["partitions"]) == (None, [])
    assert "no partition table" in berth.ok("disk", "show", berth.home / "blank.img")


def test_a_disk_of_4096_byte_sectors_is_recognised(berth):
    disk = berth.home / "large.img"
    with open(disk, "wb") as file:
        file.truncate(100 << 20)
    (berth.home / "m.yaml").write_text(
        "berth: 1\ndisk: {path: large.img, sector-size: 4096}\n"
        "partitions: [{name: data, type: linux, size: 20MiB, fs: ext4}, "
        "{name: esp, type: esp, size: 70MiB}]\n")
    berth.ok("apply", berth.home / "m.yaml", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["sector-size"] == 4096


def test_an_empty_mbr_of_another_program_does_not_show_its_sector_size(berth):
    disk = berth.home / "empty.img"
    berth.ok("part", "table", disk, "mbr", "--size", "64M", "--sector-size", "4096", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["sector-size"] == 4096
    with open(disk, "r+b") as file:  # its id is another one than berth's log has
        file.seek(440)
        file.write(b"disk")
    assert berth.json("disk", "show", disk)["disk"]["sector-size-guessed"]
    assert "--sector-size 4096 says otherwise" in berth.ok("disk", "show", disk)
    assert "4096-byte" in berth.ok("disk", "show", disk, "--sector-size", "4096")


TIB = 1 << 40


def test_what_an_mbr_does_not_reach_is_a_note_and_no_damage(berth):
    disk = berth.home / "large.img"
    berth.ok("part", "table", disk, "mbr", "--size", "3T", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["unreachable"] == TIB
    for shown in (berth.ok("disk", "show", disk), berth.ok("disk", "check", disk)):
        assert "note: an MBR describes the first 2TiB of a disk only: the last 1 TiB" in shown
        assert "gpt --convert" in shown
    assert "nothing is wrong" in berth.ok("disk", "check", disk)
    assert berth.json("disk", "check", disk)["damage"] == []
    berth.ok("part", "table", disk, "gpt", "--convert", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["unreachable"] == 0
    assert "note:" not in berth.ok("disk", "show", disk)


@pytest.mark.parametrize("size, options", [(2 * TIB, ()), (3 * TIB, ("--sector-size", "4096"))])
def test_an_mbr_that_reaches_all_of_its_disk_gets_no_such_note(berth, size, options):
    disk = berth.home / "large.img"
    berth.ok("part", "table", disk, "mbr", "--size", str(size), "--yes", *options)
    assert berth.json("disk", "show", disk, *options)["disk"]["unreachable"] == 0
    assert "describes" not in berth.ok("disk", "show", disk, *options)


@pytest.mark.parametrize("command", [
    ("add", "--start", "2.5T"), ("add", "--start", "2T", "--size", "10M"), ("add", "--size", "2.5T"),
    ("resize", "1", "--size", "2.5T"), ("move", "1", "--start", "2.5T"), ("move", "1", "--start", "+2T")])
def test_a_place_that_an_mbr_cannot_describe_is_refused_by_naming_the_limit(berth, command):
    disk = berth.home / "large.img"
    berth.ok("part", "table", disk, "mbr", "--size", "3T", "--yes")
    berth.ok("part", "add", disk, "--size", "10M", "--fs", "swap", "--yes")
    done = berth("part", command[0], disk, *command[1:], "--yes")
    assert done.returncode == 2
    assert f"{' '.join(command[-2:]) if command[-1] != '10M' else '--start 2T'}: an MBR with sectors " \
        "of 512 bytes cannot describe what lies behind the first 2TiB of a disk" in done.stderr
    assert "gpt --convert" in done.stderr


def test_a_place_behind_the_disk_is_not_blamed_on_the_mbr(berth):
    disk = berth.home / "large.img"
    berth.ok("part", "table", disk, "mbr", "--size", "3T", "--yes")
    done = berth("part", "add", disk, "--start", "4T", "--yes")
    assert done.returncode == 2 and "--start 4T" in done.stderr
    assert "behind the disk, which ends at 3TiB" in done.stderr


def test_flags_and_type_names_are_what_lsblk_has(berth):
    disk = berth.home / "mbr.img"
    sfdisk(disk, "label: dos\nsize=20M,type=c,bootable\nsize=10M,type=7\nsize=10M,type=e8\n")
    shown = berth.ok("disk", "show", disk, "-o", "PARTFLAGS,PARTTYPENAME")
    assert [line.split(maxsplit=1) for line in shown.splitlines()[2:4]] == [
        ["0x80", "W95 FAT32 (LBA)"], ["HPFS/NTFS/exFAT"]]
    assert [p["type-name"] for p in berth.json("disk", "show", disk)["disk"]["partitions"]] == [
        "fat32", "windows", "luks"]


# ---- what people see ----

# sfdisk writes any name into a GPT that is UTF-8, and mke2fs any label
HOSTILE_NAME = "a\x1b[31mb\x9bc\u202ed"
HOSTILE_LABEL = b"\x1b]0;x\x07\x7f"


@pytest.fixture
def disk(berth):
    """Three partitions and a gap: ext4, vfat, and one with hostile names."""
    path = berth.home / "disk.img"
    sfdisk(path, "label: gpt\nsize=20M,name=data\nsize=40M,name=shared\n"
                 "start=139264,size=20M,name=x\n")
    subprocess.run(["sfdisk", "-q", "--part-label", path, "3", HOSTILE_NAME], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "offset=1048576", path, "20M"], check=True,
                   capture_output=True)
    subprocess.run(["mkfs.vfat", "-n", "SHARED", "--offset", str(21 << 11), path, str(40 << 10)],
                   check=True, capture_output=True)
    subprocess.run([b"mke2fs", b"-q", b"-E", b"offset=%d" % (139264 * 512), b"-L", HOSTILE_LABEL,
                    str(path).encode(), b"20M"], check=True, capture_output=True)
    return path


def terminal(berth, *args, columns=80, env=None):
    """What berth writes on a terminal of that width."""
    output, status = pexpect.run(shlex.join([berth.binary, *map(str, args)]), withexitstatus=True,
                                 env={**berth.env, "TERM": "xterm", **(env or {})}, timeout=20,
                                 cwd=str(berth.home), dimensions=(24, columns))
    assert status == 0, output
    return output.decode().replace("\r\n", "\n")


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_terminal_gets_a_coloured_bar_of_its_width(berth, disk):
    for columns in (80, 132, 40):
        bar = terminal(berth, "disk", "show", disk.name, columns=columns).split("\n")[1]
        assert "\x1b[30;42m1 " in bar and "\u2591" in bar
        assert len(without_colours(bar)) == columns


def test_nothing_is_wider_than_80_columns(berth, disk):
    for env in ({}, {"LC_ALL": "C"}, {"NO_COLOR": "1"}):
        shown = without_colours(terminal(berth, "disk", "show", disk.name, env=env))
        assert max(len(line) for line in shown.split("\n")) <= 80


def test_without_colours_the_bar_is_of_letters(berth, disk):
    shown = terminal(berth, "disk", "show", disk.name, env={"NO_COLOR": "1"})
    bar = shown.split("\n")[1]
    assert "\x1b" not in shown
    assert re.fullmatch(r"1L+2F+\u2591+3L+\u2591+", bar) and len(bar) == 80
    assert "F FAT" in shown.split("\n")[2]


def test_a_dumb_terminal_gets_no_colours(berth, disk):
    assert "\x1b" not in terminal(berth, "disk", "show", disk.name, env={"TERM": "dumb"})
    assert "\x1b" in terminal(berth, "disk", "show", disk.name, "--color=always", env={"TERM": "dumb"})


def test_without_utf8_everything_is_ascii(berth, disk):
    shown = terminal(berth, "disk", "show", disk.name, env={"LC_ALL": "C", "NO_COLOR": "1"})
    assert shown.isascii()
    assert re.fullmatch(r"1L+2F+\.+3L+\.+", shown.split("\n")[1])


def test_a_pipe_gets_the_table_only(berth, disk):
    shown = berth.ok("disk", "show", disk)
    assert "\x1b" not in shown
    assert shown.split("\n")[1].split()[:2] == ["NR", "PARTLABEL"]
    assert "\x1b[30;42m" in berth.ok("disk", "show", disk, "--color=always")


def test_gaps_are_rows_of_their_own(berth, disk):
    rows = [line.split() for line in berth.ok("disk", "show", disk, "-b", "-o", "NR,START,SIZE,TYPE")
            .split("\n")[2:-1]]
    free = berth.json("disk", "show", disk)["disk"]["free"]
    assert [row[2] == "free" for row in rows] == [False, False, True, False, True]
    assert [row[-1] for row in rows if row[2] == "free"] == ["1)", "2)"]
    assert [(int(row[0]), int(row[1])) for row in rows if row[2] == "free"] == \
        [(gap["start"], gap["size"]) for gap in free]
    assert free[0] == {"start": 61 << 20, "size": 7 << 20}


def test_columns_are_chosen_and_added(berth, disk):
    def heading(*options):
        return berth.ok("disk", "show", disk, *options).split("\n")[1].split()

    usual = heading()
    assert heading("-o", "uuid,Nr") == ["UUID", "NR"]
    assert heading("--output=+PARTUUID,NAME") == usual + ["PARTUUID", "NAME"]
    done = berth("disk", "show", disk, "-o", "NR,COLOUR")
    assert done.returncode == 2 and "COLOUR" in done.stderr and "PARTLABEL" in done.stderr


def test_columns_say_what_lsblk_users_expect(berth, disk):
    def column(name):
        return berth.ok("disk", "show", disk, "-o", name).split("\n")[2].strip()

    part = berth.json("disk", "show", disk)["disk"]["partitions"][0]
    assert column("NAME") == "disk.img1"
    assert column("PARTUUID") == part["uuid"]
    assert column("UUID") == part["fs-uuid"]
    assert column("FSTYPE") == "ext4"
    assert column("FSVER") == "1.0"
    assert (column("START"), column("END")) == ("1MiB", "21MiB")


def test_control_characters_of_the_disk_never_reach_a_terminal(berth, disk):
    part = berth.json("disk", "show", disk)["disk"]["partitions"][2]
    assert part["name"] == HOSTILE_NAME
    assert part["label"].encode() == HOSTILE_LABEL
    for args in (["-o", "PARTLABEL,LABEL"], ["--json"]):
        for env in ({}, {"LC_ALL": "C"}):
            shown = without_colours(terminal(berth, "disk", "show", disk.name, *args, env=env))
            assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in shown.replace("\n", "")), shown
    assert "a?[31mb?c?d" in terminal(berth, "disk", "show", disk.name)


def test_every_partition_of_many_has_a_cell(berth):
    path = berth.home / "many.img"
    sfdisk(path, "label: gpt\n" + "size=1M\n" * 127 + "size=900M\n", size=1100 << 20)
    lines = terminal(berth, "disk", "show", "many.img", env={"NO_COLOR": "1"}).split("\n")
    assert [len(line) for line in lines[1:3]] == [80, 80]
    assert "128?" in lines[2]


def test_a_filesystem_that_kills_its_reader_hides_no_other(berth):
    """Two systems, and between them a superblock that is no filesystem."""
    path = berth.home / "three.img"
    sfdisk(path, "label: gpt\nsize=20M\nsize=20M\nsize=20M\n")
    root = berth.home / "root/etc"
    root.mkdir(parents=True)
    (root / "os-release").write_text('ID=debian\nPRETTY_NAME="Debian \x1b[2J"\n')
    for start in (1, 21, 41):
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", berth.home / "root", "-E",
                        f"offset={start << 20}", path, "20M"], check=True, capture_output=True)
    with open(path, "r+b") as file:
        file.seek((21 << 20) + 1024 + 4)
        file.write(b"\xff" * 4)  # the number of blocks
    parts = berth.json("disk", "show", path)["disk"]["partitions"]
    assert [part["system"] is not None for part in parts] == [True, False, True]
    assert parts[1]["problem"]
    assert "systems:\n" in berth.ok("disk", "show", path)


# ---- what goes on on a disk ----

def test_who_has_claimed_a_partition_is_named(berth, disk):
    lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 1 << 20, 20 << 20, 0)
    with open(disk, "r+b") as file:
        fcntl.fcntl(file.fileno(), F_OFD_SETLK, lock)
        parts = berth.json("disk", "show", disk)["disk"]["partitions"]
        done = berth("part", "rm", disk, "1", "--yes")
    who = rf"in use by another \S+ \(process {os.getpid()}\)"
    assert re.fullmatch(who, parts[0]["in-use"]) and parts[1]["in-use"] is None
    assert done.returncode == 3 and re.search(rf"partition 1 \(.*\) is {who}\n", done.stderr)


def test_the_log_says_all_of_a_small_change(berth, disk):
    berth.ok("part", "add", disk, "--name", "more", "--size", "5M", "--fs", "ext4", "--yes")
    last = berth.json("disk", "log", disk)["log"][-1]["text"]
    assert re.search(r"add partition 4 \(more, 5 MiB\).*; make partition 4 .*: an empty ext4$", last), last


@pytest.mark.parametrize("first, second, kind, change", [
    (20480, "size=20480, type=S", "the same partitions", None),
    (20480, "size=30720, type=S", "changed partitions", "change partition 2 (10 MiB): size 15 MiB"),
    (20480, "size=20480, type=L", "changed partitions", "change partition 2 (10 MiB): type Linux filesystem"),
    (20480, "size=20480, type=S, name=x", "changed partitions", 'change partition 2 (10 MiB): named "x"'),
    (20480, "size=20480, type=S\nstart=81920, size=2048", "other partitions", "add partition 3 (1 MiB) at byte 41943040"),
    (30720, "size=20480, type=S", "the same partitions", "grow partition 1 (ext4) with its files from 10MiB to 15MiB")])
def test_a_script_for_the_other_kind_of_table_is_told_with_what_it_changes(berth, first, second, kind, change):
    disk, script = berth.home / "mbr.img", berth.home / "script"
    sfdisk(disk, "label: dos\nstart=2048, size=20480\nstart=40960, size=20480, type=82\n")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=1048576", disk, "10M"], check=True)
    script.write_text(f"label: gpt\nstart=2048, size={first}\nstart=40960, {second}\n")
    said = berth.ok("plan", script, "--disk", disk)
    assert f"replace the MBR by a GPT with {kind} " in said
    assert change in said if change else "change partition" not in said


def test_a_filesystem_grows_in_the_same_go_as_its_table_gets_another_kind(berth):
    disk, script = berth.home / "mbr.img", berth.home / "script"
    sfdisk(disk, "label: dos\nstart=2048, size=20480\n")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=1048576", disk, "10M"], check=True)
    before = disks.table(disk)
    script.write_text("label: gpt\nstart=2048, size=30720\n")
    berth.ok("apply", script, "--disk", disk, "--yes")
    assert berth.json("disk", "show", disk)["disk"]["table"] == "gpt"
    disks.ext_content(disk, 1 << 20, 16 << 20)
    assert "nothing to do" in berth.ok("plan", script, "--disk", disk)
    berth.ok("disk", "undo", disk, "--yes")
    assert disks.table(disk) == before
    disks.ext_content(disk, 1 << 20, 11 << 20)


# ---- narrow terminals ----

LOOKS = [{}, {"NO_COLOR": "1"}, {"LC_ALL": "C"}, {"LC_ALL": "C", "NO_COLOR": "1"}]
ALL_COLUMNS = ("NAME,KNAME,MAJ:MIN,RM,RO,NR,PARTN,PARTLABEL,START,END,SIZE,TYPE,PARTTYPE,PARTTYPENAME,"
               "FSTYPE,FSVER,LABEL,UUID,PARTUUID,PARTFLAGS,PTTYPE,PTUUID,FSSIZE,FSAVAIL,FSUSE%,"
               "MOUNTPOINT,MOUNTPOINTS,MODEL,SERIAL,WWN,SYSTEM,KERNEL,USED-BY,PROBLEM")


@pytest.fixture
def wordy(berth):
    """Long names and labels, and a gap in front of, between and behind the partitions."""
    path = berth.home / "disk.img"
    sfdisk(path, "label: gpt\nstart=8M,size=20M,name=a-name-of-some-length,"
                 "attrs=LegacyBIOSBootable\nstart=40M,size=30M,type=uefi,name=efi\n")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "a long label", "-E", "offset=8388608",
                    path, "20M"], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("env", LOOKS, ids=["utf8", "utf8-plain", "ascii", "ascii-plain"])
@pytest.mark.parametrize("chosen", [None, "+UUID,PARTUUID,START", ALL_COLUMNS], ids=["usual", "more", "all"])
def test_no_line_is_wider_than_the_terminal(berth, wordy, columns, env, chosen):
    shown = without_colours(terminal(berth, "disk", "show", wordy.name,
                                     *(["-o", chosen] if chosen else []), columns=columns, env=env))
    assert max(len(line) for line in shown.split("\n")) <= columns, shown


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_what_a_command_takes_is_never_cut(berth, wordy, columns):
    shown = terminal(berth, "disk", "show", wordy.name, "-o", ALL_COLUMNS, columns=columns)
    parts = berth.json("disk", "show", wordy)["disk"]["partitions"]
    for word in ["(gap 1)", "(gap 2)", "(gap 3)", "a-name-of-some-length", "Linux filesystem",
                 "20 MiB", "8MiB", parts[0]["uuid"], parts[0]["fs-uuid"], parts[0]["type"]]:
        assert word in shown, word


def test_a_label_is_cut_where_that_makes_room(berth, wordy):
    chosen = ["disk", "show", wordy.name, "-o", "NR,PARTLABEL,LABEL"]
    assert "a long label" in terminal(berth, *chosen, columns=40)
    shown = terminal(berth, *chosen, columns=36)
    assert "a long lab" in shown and "a long label" not in shown


def test_what_does_not_fit_beside_goes_on_below_by_number(berth, wordy):
    shown = terminal(berth, "disk", "show", wordy.name, "-o", "NR,UUID,PARTUUID", columns=60,
                     env={"NO_COLOR": "1"})
    headings = [line.split() for line in shown.split("\n") if line.startswith("NR ")]
    assert headings == [["NR", "UUID"], ["NR", "PARTUUID"]]
    parts = berth.json("disk", "show", wordy)["disk"]["partitions"]
    for part in parts:
        assert re.search(rf"^ {part['number']} {part['uuid']}$", shown, re.M)


def test_columns_with_nothing_in_them_make_room_first(berth, wordy):
    narrow = terminal(berth, "disk", "show", wordy.name, columns=80)
    assert "USED-BY" not in narrow and "LABEL" in narrow
    assert "USED-BY" in terminal(berth, "disk", "show", wordy.name, columns=132)


def test_letters_of_two_columns_count_as_two(berth, wordy):
    name = "\u6587\u4ef6" * 8
    subprocess.run(["sfdisk", "-q", "--part-label", wordy, "1", name], check=True)
    shown = terminal(berth, "disk", "show", wordy.name, "-o", "NR,PARTLABEL,SIZE", columns=40,
                     env={"NO_COLOR": "1"})
    assert name in shown and "\nNR SIZE" not in shown
    assert re.search(r"^NR +SIZE$", shown, re.M)


def test_a_path_that_is_wider_than_the_terminal_is_folded(berth, wordy):
    long = wordy.rename(wordy.with_name("d" * 60 + ".img"))
    shown = terminal(berth, "disk", "show", long.name, "-o", "PATH", columns=40)
    assert "d" * 60 + ".img1" in "".join(line.strip() for line in shown.split("\n")[3:])


# ---- disk list ----

def test_disks_are_listed_with_what_is_known_of_them(berth):
    listed = berth.json("disk", "list")["disks"]
    paths = [disk["path"] for disk in listed]
    assert paths == sorted(paths, key=lambda p: [int(t) if t.isdigit() else t
                                                 for t in re.split(r"(\d+)", p)])
    for disk in listed:
        assert set(disk) == {"path", "size", "model", "serial", "wwn", "transport", "removable",
                             "read-only", "table", "fs", "fs-uuid", "label", "systems", "in-use",
                             "problem"}
    assert set(paths) <= {disk["path"] for disk in berth.json("disk", "list", "--all")["disks"]}
    if paths:
        assert paths[0] in berth.ok("disk", "list")


def test_a_disk_that_cannot_be_opened_is_listed_with_the_reason(berth):
    for disk in berth.json("disk", "list", "--all")["disks"]:
        assert disk["problem"] is None or disk["path"] in disk["problem"]
        assert (disk["problem"] is None) or disk["table"] is None


@pytest.fixture
def loop(berth):
    """A loop device of 40 MiB."""
    with open(berth.home / "backing", "wb") as file:
        file.truncate(40 << 20)
    with disks.attached(berth.home / "backing") as node:
        yield node


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and /dev/loop")
@pytest.mark.parametrize("make, fs, label", [
    (["mke2fs", "-q", "-t", "ext4", "-L", "whole"], "ext4", "whole"), (["mkfs.vfat"], "vfat", None),
    (["pvcreate", "-q", "--devices"], "LVM2_member", None),
    (["cryptsetup", "luksFormat", "-q", "--pbkdf-force-iterations", "4", "--pbkdf-memory", "32",
      "--key-file", "/etc/hostname"], "crypto_LUKS", None), (None, None, None)])
def test_a_filesystem_without_a_table_is_named_in_the_list(berth, loop, make, fs, label):
    if make is not None:
        device = [loop, loop] if make[0] == "pvcreate" else [loop]
        subprocess.run([*make, *device], check=True, capture_output=True)
    found, = (disk for disk in berth.json("disk", "list")["disks"] if disk["path"] == loop)
    assert (found["table"], found["fs"], found["label"], found["problem"]) == (None, fs, label, None)
    shown = berth.ok("disk", "list")
    line = next(line for line in shown.splitlines() if line.startswith(f"{loop} "))
    assert line.split()[3:4] == ([fs] if fs else [])
    assert "FSTYPE" in shown.splitlines()[0]


def test_a_device_without_a_medium_is_listed_without_a_complaint(berth):
    shown = berth.ok("disk", "list", "--all")
    for disk in berth.json("disk", "list", "--all")["disks"]:
        if disk["size"] == 0:
            assert disk["problem"] == f"{disk['path']} has no medium"
            assert disk["path"] in shown and f"not read: {disk['path']} " not in shown
