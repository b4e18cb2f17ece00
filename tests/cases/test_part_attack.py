# SPDX-License-Identifier: GPL-3.0-or-later
"""What others put on a disk after berth, beside its area: it is never written over."""
import json
import os
import re
import struct
import subprocess
import zlib

import pytest

import disks
from crash import trace

MIB = 1 << 20


def sfdisk(disk, script, size=300 * MIB):
    with open(disk, "wb") as file:
        file.truncate(size)
    subprocess.run(["sfdisk", "-q", disk], input=script, text=True, check=True)


def make_ext4(disk, start, size):
    subprocess.run(["mkfs.ext4", "-qF", "-E", f"offset={start}", disk, f"{size >> 10}k"], check=True,
                   capture_output=True)


def test_grub_that_is_put_into_the_gap_of_an_mbr_later_stays(berth):
    disk = berth.home / "d.img"
    sfdisk(disk, "label: dos\nstart=2048,size=100M\nsize=100M\n")
    make_ext4(disk, 101 * MIB, 100 * MIB)
    berth.ok("-y", "part", "set", disk, "1", "--active")
    core = bytes(range(1, 256)) * 800
    with open(disk, "r+b") as file:
        file.seek(512)
        file.write(core)
    for change in (("resize", "--size", "150M"), ("resize", "--size", "60M"),
                   ("move", "--start", "+64K")):
        berth.ok("-y", "part", change[0], disk, "2", *change[1:])
        with open(disk, "rb") as file:
            assert os.pread(file.fileno(), len(core), 512) == core, change
    berth.ok("-y", "disk", "undo", disk)


def test_the_only_partition_takes_all_of_a_disk_and_gives_it_back(berth):
    disk = berth.home / "d.img"
    sfdisk(disk, "label: gpt\nstart=1M,size=100M\n")
    make_ext4(disk, MIB, 100 * MIB)
    berth.ok("-y", "part", "resize", disk, "1", "--size", "rest")
    assert disks.table(disk)["partitions"][0]["size"] == 298 * 2048
    berth.ok("-y", "disk", "undo", disk)
    assert disks.table(disk)["partitions"][0]["size"] == 100 * 2048


# ---- what is lost has to be named ----

def two_filesystems(berth, names=("a", "b")):
    disk = berth.home / "d.img"
    sfdisk(disk, "label: gpt\n" + "".join(f'start={start}M,size=40M,name="{name}"\n'
                                           for start, name in zip((1, 41), names)), 200 * MIB)
    make_ext4(disk, MIB, 40 * MIB)
    make_ext4(disk, 41 * MIB, 40 * MIB)
    return disk


def test_a_deleted_partition_that_another_one_moves_over_has_to_be_named(berth):
    disk = two_filesystems(berth)
    script = berth.home / "s.sfdisk"
    uuid = disks.table(disk)["partitions"][1]["uuid"]
    script.write_text(f'label: gpt\n2: start=1M,size=40M,uuid={uuid},name="b"\n')
    refused = berth("apply", script, "--disk", disk, "--prune", "--dry-run")
    assert refused.returncode == 3 and "--lose a" in refused.stderr
    berth.ok("apply", script, "--disk", disk, "--prune", "--lose", "a", "--dry-run")


def test_a_name_that_is_anothers_number_does_not_name_both(berth):
    disk = two_filesystems(berth, ("2", "b"))
    refused = berth("-n", "part", "table", disk, "gpt", "--lose", "2")
    assert refused.returncode == 3 and "--lose 1" in refused.stderr
    berth.ok("-n", "part", "table", disk, "gpt", "--lose", "2", "--lose", "1")


def test_a_name_that_two_have_names_neither(berth):
    disk = two_filesystems(berth, ("x", "x"))
    refused = berth("-n", "part", "table", disk, "gpt", "--lose", "x")
    assert refused.returncode == 3 and "--lose 1" in refused.stderr


def test_another_kind_of_table_with_other_partitions_is_not_called_the_same(berth):
    disk = two_filesystems(berth)
    script = berth.home / "s.sfdisk"
    script.write_text("label: dos\nstart=100M,size=20M\n")
    assert "the same" not in berth.ok("-n", "apply", script, "--disk", disk, "--prune")


@pytest.mark.parametrize("mistake", ["start=50M,size=100M", "start=41M,size=50M"])
def test_a_table_that_was_spoilt_is_restored_without_moving_or_shrinking_anything(berth, mistake):
    disk = berth.home / "d.img"
    uuid = "5801299C-B949-AB42-BA73-2FE26CB44DBE"
    right = f'label: gpt\nsize=40M\nstart=41M,size=100M,uuid={uuid}\n'
    sfdisk(disk, right)
    make_ext4(disk, 41 * MIB, 100 * MIB)
    berth.ok("disk", "backup", disk, berth.home / "b")
    before = disks.table(disk)["partitions"], disks.fingerprint(disk, 41 * MIB, 141 * MIB)
    subprocess.run(["sfdisk", "-q", "-N", "2", disk], input=mistake, text=True, check=True)
    refused = berth("-y", "disk", "restore", disk, berth.home / "b")
    assert refused.returncode == 3 and "part rm" in refused.stderr
    berth.ok("-y", "part", "rm", disk, "2")
    berth.ok("-y", "disk", "restore", disk, berth.home / "b")
    assert (disks.table(disk)["partitions"],
            disks.fingerprint(disk, 41 * MIB, 141 * MIB)) == before


# ---- a way out ----

def interrupted_move(berth, label):
    """A disk on which moving the second partition was killed in the middle."""
    disk, log, base = (berth.home / name for name in ("d.img", "trace", "base"))
    sfdisk(disk, f"label: {label}\nsize=20M\nsize=20M\n", 200 * MIB)
    with open(disk, "r+b") as file:
        file.seek(21 * MIB)
        file.write(b"x" * (20 * MIB))
    disks.copy(disk, base)
    berth.ok("-y", "part", "move", disk, "2", "--start", "25M", env={"BERTH_TRACE": str(log)})
    changes = trace.read(log)
    (_, cut), = list(trace.cuts(base, changes, berth.home))[-12:-11]
    assert berth.json("disk", "show", cut)["disk"]["pending"]
    return cut


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_when_the_partition_that_was_worked_on_is_deleted_the_disk_is_free_again(berth, label):
    disk = interrupted_move(berth, label)
    subprocess.run(["sfdisk", "-q", "--delete", disk, "2"], check=True)
    assert not berth.json("disk", "show", disk)["disk"]["pending"]
    assert "given up: moving partition 2" in berth.ok("disk", "log", disk)
    berth.ok("-y", "part", "add", disk, "--start", "100M", "--size", "20M")
    assert "given up: moving partition 2" in berth.ok("disk", "log", disk)


def test_another_partition_of_the_same_number_is_not_taken_for_the_moved_one(berth):
    disk = interrupted_move(berth, "dos")
    subprocess.run(["sfdisk", "-q", "--delete", disk, "2"], check=True)
    subprocess.run(["sfdisk", "-q", "--append", disk], input="start=100M,size=50M\n", text=True,
                   check=True)
    before = disks.table(disk)
    berth.ok("-y", "disk", "finish", disk)
    assert disks.table(disk) == before


# ---- a log that somebody wrote to do harm ----

HEAD = struct.Struct("<8sIIQQQQQII")  # src/block/area.c


def rewrite_log(disk, change):
    """The document that counts, changed, with its CRCs as they have to be."""
    data = disk.read_bytes()
    heads = [found.start() for found in re.finditer(b"berthLOG", data)]
    at, head = max(((at, HEAD.unpack_from(data, at)) for at in heads), key=lambda one: one[1][3])
    magic, version, _, sequence, start, size, slot, length, _, _ = head
    place = start + size - 4 * 4096 - (2 - sequence % 2) * slot
    document = json.loads(data[place:place + length])
    change(document)
    text = json.dumps(document).encode()
    fields = [sequence, start, size, slot, len(text), zlib.crc32(text), 0]
    crc = zlib.crc32(HEAD.pack(magic, version, 0, *fields))
    with open(disk, "r+b") as file:
        file.seek(place)
        file.write(text)
        file.seek(at)
        file.write(HEAD.pack(magic, version, crc, *fields))


@pytest.mark.parametrize("harm", [
    {"from": MIB, "from-bytes": 41 * MIB, "both": MIB, "both-bytes": 44 * MIB},
    {"from": MIB, "from-bytes": 20 * MIB, "both": MIB, "both-bytes": 44 * MIB},
    {"to": MIB, "both": MIB, "both-bytes": 40 * MIB},
    {"both": 0, "both-bytes": 200 * MIB},
    {"both": 0, "both-bytes": 1 << 62},
    {"to": 190 * MIB, "both-bytes": 189 * MIB},
    {"from": (1 << 63) - 4096, "both": 0, "both-bytes": (1 << 63) - 1},
    {"chunk": 1 << 62},
    {"op": "resize"},
    {"op": "resize", "fs": "ext4", "index": MIB, "index-bytes": 1 << 40},
    {"op": "resize", "fs": "ntfs", "index": MIB, "index-bytes": 1 << 20},
])
def test_a_pending_move_that_means_other_partitions_touches_none(berth, harm):
    disk = berth.home / interrupted_move(berth, "gpt")
    with open(disk, "r+b") as file:
        file.seek(MIB)
        file.write(b"first" * (4 * MIB))
    rewrite_log(disk, lambda document: document["pending"].update(harm))
    done = berth("-y", "disk", "finish", disk, timeout=20)
    assert done.returncode in (0, 1, 2, 3, 5), done.stderr
    with open(disk, "rb") as file:
        assert os.pread(file.fileno(), 20 * MIB, MIB) == b"first" * (4 * MIB)
