# SPDX-License-Identifier: GPL-3.0-or-later
"""What others put on a disk after berth, beside its area: it is never written over."""
import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import zlib

import pytest

import disks
from crash import trace
from windows import hiberfil

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


@pytest.mark.parametrize("mistake, moved", [("start=50M,size=100M", True), ("start=41M,size=50M", False)])
def test_a_table_that_was_spoilt_is_restored_without_moving_or_shrinking_anything(berth, mistake, moved):
    disk = berth.home / "d.img"
    uuid = "5801299C-B949-AB42-BA73-2FE26CB44DBE"
    right = f'label: gpt\nsize=40M\nstart=41M,size=100M,uuid={uuid}\n'
    sfdisk(disk, right)
    make_ext4(disk, 41 * MIB, 100 * MIB)
    berth.ok("disk", "backup", disk, berth.home / "b")
    before = disks.table(disk)["partitions"], disks.fingerprint(disk, 41 * MIB, 141 * MIB)
    subprocess.run(["sfdisk", "-q", "-N", "2", disk], input=mistake, text=True, check=True)
    if moved:  # where its filesystem begins, only who made the mistake knows
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


# ---- boot records of logical partitions that lie without a gap ----

def dense(disk):
    """Two logical partitions with no free sector before them, the second one an ext4."""
    with open(disk, "wb") as file:
        file.truncate(200 * MIB)
    subprocess.run(["sfdisk", "-q", "-f", disk], text=True, check=True, input="label: dos\n"
                   "start=2048,size=300000,type=5\nstart=2049,size=40960\nstart=43010,size=40960\n")
    make_ext4(disk, 43010 * 512, 20 * MIB)


@pytest.mark.parametrize("start", ["+512", "+1M", "60M"])
def test_a_boot_record_that_is_put_where_the_partition_began_is_no_old_signature(berth, start):
    disk = berth.home / "d.img"
    dense(disk)
    berth.ok("-y", "part", "move", disk, "6", "--start", start)
    with open(disk, "rb") as file:
        assert os.pread(file.fileno(), 2, 43010 * 512 + 510) == b"\x55\xaa"  # it is there indeed
    berth.ok("disk", "check", disk)
    assert len(disks.table(disk)["partitions"]) == 3
    berth.ok("-y", "disk", "undo", disk)
    assert disks.table(disk)["partitions"][2]["start"] == 43010


def test_a_partition_is_not_copied_over_the_boot_record_of_the_next(berth):
    disk = berth.home / "d.img"
    dense(disk)
    before = disks.fingerprint(disk)
    refused = berth("-y", "part", "move", disk, "5", "--start", "+512")
    assert refused.returncode == 3 and "boot record of partition 6" in refused.stderr
    assert disks.fingerprint(disk) == before


# ---- what berth's own log has left ----

def put_over_log(berth, script="start=1000,size=150000\n"):
    """Another program puts a partition over the area in the gap before the first one."""
    disk = berth.home / "d.img"
    sfdisk(disk, "label: dos\nstart=200000,size=24000\n", 200 * MIB)
    make_ext4(disk, 200000 * 512, 11 * MIB)
    for change in (("resize", "1", "--size", "10M"), ("resize", "1", "--size", "12M"),
                   ("move", "1", "--start", "+64K")):
        berth.ok("-y", "part", change[0], disk, *change[1:])
    assert b"berthLOG" in disk.read_bytes()[:2 * MIB]
    subprocess.run(["sfdisk", "-q", "--append", disk], input=script, text=True, check=True)
    return disk


def test_a_partition_that_was_put_over_the_log_holds_nothing_of_anybody(berth):
    disk = put_over_log(berth)
    berth.ok("-y", "part", "format", disk, "2", "--fs", "ext4")


def test_data_beside_what_the_log_left_has_to_be_named(berth):
    disk = put_over_log(berth)
    for at in (1000 * 512, 600 * 1024, MIB, 40 * MIB):
        with open(disk, "r+b") as file:
            was = os.pread(file.fileno(), 4, at)
            os.pwrite(file.fileno(), b"mine", at)
            refused = berth("-y", "part", "format", disk, "2", "--fs", "ext4")
            assert refused.returncode == 3 and "--lose 2" in refused.stderr
            assert os.pread(file.fileno(), 4, at) == b"mine"
            os.pwrite(file.fileno(), was, at)


def test_a_partition_that_has_the_log_but_not_its_head_has_to_be_named(berth):
    disk = put_over_log(berth, "start=1000,size=1024\n")
    assert berth("-y", "part", "format", disk, "2", "--fs", "swap").returncode == 3


def packed(data):
    return base64.b64encode(zlib.compress(data)).decode()


def digest(disk, start, size):
    with open(disk, "rb") as file:
        return "sha256:" + hashlib.sha256(os.pread(file.fileno(), size, start)).hexdigest()


@pytest.mark.parametrize("op", ["table", "wipe", "resize", "move"])
def test_an_undo_that_somebody_wrote_puts_nothing_into_a_partition(berth, op):
    disk = two_filesystems(berth)
    uuid = disks.table(disk)["partitions"][0]["uuid"].lower()
    berth.ok("-y", "part", "set", disk, "b", "--name", "c")
    before = disks.fingerprint(disk, MIB, 81 * MIB)
    region = {"start": 20 * MIB, "bytes": 512, "before": packed(b"e" * 512), "after": digest(disk, 20 * MIB, 512)}

    def harm(document):
        document["undo"] = {"op": op, "text": "x", "partition": uuid, "regions": [region], "from": MIB,
                            "from-bytes": 40 * MIB, "to": 41 * MIB, "to-bytes": 40 * MIB}
    rewrite_log(disk, harm)
    assert berth("-y", "disk", "undo", disk, "--lose", "a", "--lose", "c").returncode in (0, 3)
    assert disks.fingerprint(disk, MIB, 81 * MIB) == before


def test_a_change_that_somebody_called_begun_is_forgotten(berth):
    disk = two_filesystems(berth)
    berth.ok("-y", "part", "set", disk, "b", "--name", "c")
    region = {"start": 20 * MIB, "bytes": 512, "before": packed(b"e" * 512), "planned": packed(b"f" * 512)}
    rewrite_log(disk, lambda document: document.update(begun={"op": "table", "text": "x", "regions": [region]}))
    before = disks.fingerprint(disk, MIB, 81 * MIB)
    berth.ok("-y", "disk", "undo", disk)  # of what was done: the name
    assert disks.table(disk)["partitions"][1]["name"] == "b"
    assert disks.fingerprint(disk, MIB, 81 * MIB) == before


# ---- free space is not empty ----

def put(disk, start, data):
    with open(disk, "r+b") as file:
        os.pwrite(file.fileno(), data, start)


def one_filesystem(berth):
    disk = berth.home / "d.img"
    sfdisk(disk, 'label: gpt\nstart=1M,size=40M,name="a"\n', 300 * MIB)
    make_ext4(disk, MIB, 40 * MIB)
    return disk


def deleted(berth):
    """A filesystem, and behind it the bytes of one whose partition was deleted."""
    disk = two_filesystems(berth)
    berth.ok("-y", "part", "rm", disk, "b")
    return disk


INTO_FREE_SPACE = [("add", "--name", "n", "--start", "41M", "--size", "40M", "--fs", "ext4"),
                   ("add", "--name", "n", "--start", "60M", "--size", "40M", "--fs", "ext4"),
                   ("move", "a", "--start", "41M"), ("move", "a", "--start", "+1M"),
                   ("resize", "a", "--size", "60M"), ("resize", "a", "--size", "rest")]


@pytest.mark.parametrize("what", ["data", "deleted"])
@pytest.mark.parametrize("change", INTO_FREE_SPACE, ids=" ".join)
def test_what_is_in_free_space_has_to_be_named_before_it_is_written_over(berth, what, change):
    disk = deleted(berth) if what == "deleted" else one_filesystem(berth)
    if what == "data":
        put(disk, 41 * MIB, b"mine" * (10 * MIB))
    name = change[1] if change[1] == "a" else "n"
    before = disks.fingerprint(disk)
    for answer in ("-n", "-y"):
        refused = berth(answer, "part", change[0], disk, *change[1:])
        assert refused.returncode == 3 and f"--lose {name}" in refused.stderr, refused.stderr
    assert disks.fingerprint(disk) == before
    assert "LOSES what is in the free space" in " ".join(
        berth.ok("-y", "part", change[0], disk, *change[1:], "--lose", name).split())


def test_what_is_in_free_space_stays_below_a_partition_that_stays_empty(berth):
    disk = one_filesystem(berth)
    put(disk, 60 * MIB, b"mine" * MIB)
    before = disks.fingerprint(disk, 41 * MIB, 200 * MIB)
    berth.ok("-y", "part", "add", disk, "--start", "60M", "--size", "20M")
    assert disks.fingerprint(disk, 41 * MIB, 200 * MIB) == before


def test_what_a_change_itself_left_needs_no_name(berth):
    disk = one_filesystem(berth)
    put(disk, 2 * MIB, os.urandom(MIB))
    for change in (("move", "a", "--start", "100M"), ("move", "a", "--start", "1M"),
                   ("resize", "a", "--size", "30M"), ("resize", "a", "--size", "40M"),
                   ("resize", "a", "--size", "20M"), ("move", "a", "--start", "+5M")):
        berth.ok("-y", "part", change[0], disk, *change[1:])
    berth.ok("-y", "disk", "undo", disk)


# ---- a Windows that sleeps ----

def windows(berth, signature):
    disk = berth.home / "d.img"
    sfdisk(disk, 'label: gpt\nstart=1M,size=40M,name="w"\n', 200 * MIB)
    volume = berth.home / "ntfs"
    with open(volume, "wb") as file:
        file.truncate(40 * MIB)
    subprocess.run(["mkntfs", "-qFf", "-p", "2048", "-H", "255", "-S", "63", volume], check=True,
                   capture_output=True)
    hiberfil(volume, signature)
    put(disk, MIB, volume.read_bytes())
    return disk


def test_a_windows_that_sleeps_is_not_moved(berth):
    disk = windows(berth, b"hibr")
    before = disks.fingerprint(disk)
    for answer in ("-n", "-y"):
        refused = berth(answer, "part", "move", disk, "w", "--start", "50M")
        assert refused.returncode == 3 and "hibernated" in refused.stderr
        assert "shutdown /s" in refused.stderr
    assert disks.fingerprint(disk) == before


def test_a_windows_that_was_shut_down_is_moved(berth):
    berth.ok("-y", "part", "move", windows(berth, b"wake"), "w", "--start", "50M")


def test_a_bitlocker_volume_is_not_moved(berth):
    disk = windows(berth, b"wake")
    put(disk, MIB + 3, b"-FVE-FS-")
    refused = berth("-y", "part", "move", disk, "w", "--start", "50M")
    assert refused.returncode == 3 and "BitLocker" in refused.stderr
