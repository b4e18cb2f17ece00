# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables whose beginning, or that of their chain, has been overwritten, and what only looks so."""
import json
import os
import random
import re
import struct
import subprocess

import pytest

import disks
from part_disk import (DAMAGED, MIB, NOT_FOUND, REFUSED, blank, damages, folder, gpt, mbr,  # noqa: F401
                       originals)

RANDOM = random.Random(34)


def noise(sector=512, end=b""):
    bytes_ = bytearray(RANDOM.randbytes(34 * sector))
    bytes_[512 - len(end):512] = end
    return bytes(bytes_)


def like_an_mbr(bytes_):
    """With the flags that a record may have."""
    made = bytearray(bytes_)
    for i, flag in enumerate((0x80, 0, 0, 0x80)):
        made[446 + 16 * i] = flag
    return bytes(made)


@pytest.mark.parametrize("lost", [noise(), noise(end=b"\x55\xaa"), like_an_mbr(noise(end=b"\x55\xaa"))],
                         ids=["noise", "signed", "like an MBR"])
def test_a_gpt_behind_random_bytes_is_mended_from_its_backup(gpt, lost):
    before, head = gpt.parts(), gpt.read(512, 33 * 512)
    gpt.patch(0, lost)
    harmed = gpt.beside_log()
    assert damages(gpt) == ["primary-damaged", "no-protective-mbr"]
    assert "--repair" in gpt.refuses(DAMAGED, "the backup is whole", "disk", "check")
    assert "mend the GPT" in gpt.ok("disk", "check", "--repair", "--dry-run")
    assert gpt.beside_log() == harmed
    gpt.do("disk", "check", "--repair")
    assert damages(gpt) == [] and gpt.parts() == before and gpt.read(512, 33 * 512) == head
    assert "No problems" in subprocess.run(["sgdisk", "-v", gpt.path], capture_output=True, text=True).stdout
    gpt.check_files(10)
    gpt.do("disk", "undo")
    assert gpt.beside_log() == harmed
    gpt.do("disk", "check", "--repair")


def make(disk, sector):
    disk.do("part", "table", "gpt", "--sector-size", str(sector))
    disk.do("part", "add", "--name", "a", "--size", "20M", "--fs", "ext4")
    disk.do("part", "add", "--name", "b", "--size", "20M")


@pytest.mark.parametrize("sector", [512, 4096])
def test_sectors_of_any_size_are_lost_and_mended(blank, sector):
    make(blank, sector)
    before = blank.show()["partitions"]
    blank.patch(0, noise(sector))
    blank.do("disk", "check", "--repair")
    assert damages(blank) == [] and blank.show()["partitions"] == before
    assert blank.show()["sector-size"] == sector


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root and /dev/loop")
@pytest.mark.parametrize("sector", [512, 4096])
def test_the_kernel_gets_the_partitions_of_a_device_back(blank, sector):
    make(blank, sector)
    blank.patch(0, noise(sector))
    with disks.attached(blank.path, "--sector-size", str(sector)) as node:
        command = f"{blank.berth.binary} disk check --repair {node} --yes"
        subprocess.run(["script", "--quiet", "--return", "--command", command, "/dev/null"],
                       env=blank.berth.env, stdin=subprocess.DEVNULL, check=True, capture_output=True)
        kernel = [name for name in os.listdir(f"/sys/block/{os.path.basename(node)}")
                  if name.startswith(os.path.basename(node) + "p")]
        assert len(kernel) == 2
    assert damages(blank) == []


# ---- what is only left over ----

def is_left_over(disk):
    harmed = disks.fingerprint(disk.path)
    assert damages(disk) == ["stale-signature"]
    said = disk.refuses(NOT_FOUND, "no partition table", "disk", "check")
    disk.refuses(NOT_FOUND, "no partition table", "disk", "check", "--repair")
    assert disks.fingerprint(disk.path) == harmed
    return said


@pytest.mark.parametrize("make_fs", [
    ["mke2fs", "-qF"], ["mkfs.btrfs", "-qf"], ["mkfs.vfat", "-I"], ["mkntfs", "-qFf"],
    ["cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
     "--key-file", "/proc/self/comm"]], ids=lambda argv: argv[0])
def test_the_backup_behind_what_is_on_the_whole_disk_is_left_over(blank, make_fs):
    os.truncate(blank.path, 160 * MIB)
    make(blank, 512)
    tail = blank.read(-33 * 512, 33 * 512)
    subprocess.run([*make_fs, blank.path], check=True, capture_output=True)
    blank.patch(-33 * 512, tail)
    assert "gdisk" not in is_left_over(blank)


def test_the_backup_behind_another_mbr_is_left_over(blank):
    make(blank, 512)
    tail = blank.read(-33 * 512, 33 * 512)
    blank.patch(0, noise())
    subprocess.run(["sfdisk", "-q", "--wipe", "never", blank.path], input="label: dos\nsize=20M\n",
                   text=True, check=True, capture_output=True)
    blank.patch(-33 * 512, tail)
    assert damages(blank) == ["stale-signature"] and blank.show()["table"] == "mbr"
    blank.do("disk", "check", "--repair")
    assert damages(blank) == [] and blank.read(-512, 512) == bytes(512)


def begins_unknown(disk):
    disk.patch(MIB, noise())


def gap_is_used(disk):
    disk.patch(64 * 1024, noise())


def is_moved(disk):
    disk.patch(-512 + 24, struct.pack("<Q", 1))


@pytest.mark.parametrize("harm", [begins_unknown, gap_is_used, is_moved])
def test_what_may_be_an_unknown_volume_on_the_whole_disk_is_not_guessed(blank, harm):
    make(blank, 512)
    blank.patch(0, noise())
    harm(blank)
    if harm is is_moved:
        assert damages(blank) == ["stale-signature"]
    else:
        assert f"gdisk {blank.path}" in is_left_over(blank)


# ---- the first boot record of logical partitions ----

FIRST = 20 * MIB


def logicals(disk):
    return {number: place for number, place in disk.parts().items() if number > 4}


def found(disk):
    """The options of `part add` that the message has."""
    text, = (one["text"] for one in json.loads(disk.berth(
        "--json", "disk", "check", disk.path).stdout)["damage"]
             if one["kind"] == "ebr-lost")
    return [one.split() for one in re.findall(r"--start \d+ --size \d+ --type 0x[0-9a-f]+(?: --align \d+)?", text)]


def is_not_mended(disk):
    """No command makes a table of what is found."""
    said = disk.refuses(REFUSED, "boot record", "disk", "check", "--repair")
    assert "disk restore" in said and f"part rm {disk.path} 5" in said
    disk.refuses(REFUSED, "boot record", "part", "add", "--size", "4M")


@pytest.mark.parametrize("lost", [bytes(512), noise()[:512]], ids=["zeros", "noise"])
def test_what_an_erased_boot_record_led_to_is_put_back_by_hand(mbr, lost):
    before = disks.table(mbr.path)
    mbr.patch(FIRST, lost)
    harmed = mbr.beside_log()
    assert damages(mbr) == ["ebr-lost"] and logicals(mbr) == {}
    assert "part add" in mbr.refuses(DAMAGED, "(ext2)", "disk", "check")
    is_not_mended(mbr)
    for command in (("rm", "1"), ("table", "gpt", "--convert")):
        mbr.refuses(REFUSED, "boot record", "part", *command)
    options = found(mbr)
    assert [int(one[1]) // MIB for one in options] == [21, 31, 40]
    mbr.do("part", "rm", "5")
    assert damages(mbr) == [] and logicals(mbr) == {}
    mbr.do("disk", "undo")
    assert mbr.beside_log() == harmed and found(mbr) == options
    mbr.do("part", "rm", "5")
    for one in options:
        mbr.do("part", "add", "--logical", *one)
    assert damages(mbr) == [] and disks.table(mbr.path) == before
    mbr.check_files(21)


@pytest.mark.parametrize("number", [5, 6])
def test_what_a_loop_of_the_chain_hides_is_put_back_by_hand(mbr, number):
    before, record = disks.table(mbr.path), FIRST
    if number == 6:
        record += struct.unpack("<I", mbr.read(FIRST + 462 + 8, 4))[0] * 512
    mbr.patch(record + 462 + 8, struct.pack("<I", 0))  # to the first one
    harmed = mbr.beside_log()
    assert damages(mbr) == ["ebr-lost"] and len(logicals(mbr)) == number - 4
    said = mbr.refuses(REFUSED, "passed already", "disk", "check", "--repair")
    assert f"part rm {mbr.path} {number + 1}" in said
    options = found(mbr)
    assert [int(one[1]) // MIB for one in options] == [31, 40][number - 5:]
    mbr.do("part", "rm", str(number + 1))
    assert damages(mbr) == [] and len(logicals(mbr)) == number - 4
    mbr.do("disk", "undo")
    assert mbr.beside_log() == harmed
    mbr.do("part", "rm", str(number + 1))
    for one in options:
        mbr.do("part", "add", "--logical", *one)
    assert damages(mbr) == [] and disks.table(mbr.path) == before
    mbr.check_files(21)


@pytest.mark.parametrize("lost", [bytes(512), noise()[:512]], ids=["zeros", "noise"])
def test_what_a_later_record_led_to_is_listed_too(mbr, lost):
    mbr.patch(FIRST + struct.unpack("<I", mbr.read(FIRST + 462 + 8, 4))[0] * 512, lost)
    assert damages(mbr) == ["ebr-lost"] and len(logicals(mbr)) == 1
    assert [int(one[1]) // MIB for one in found(mbr)] == [40]
    mbr.do("part", "rm", "6")
    assert damages(mbr) == [] and len(logicals(mbr)) == 1


def test_a_loop_of_the_chain_that_hides_nothing_is_mended(blank):
    blank.do("part", "table", "mbr")
    blank.do("part", "add", "--type", "extended", "--size", "20M")
    blank.do("part", "add", "--logical", "--size", "4M")
    before = disks.table(blank.path)
    blank.patch(MIB + 462, struct.pack("<BxxxBxxxII", 0, 5, 0, 1))
    assert damages(blank) == ["ebr-loop"]
    blank.do("disk", "check", "--repair")
    assert damages(blank) == [] and disks.table(blank.path) == before


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_partition_larger_than_its_filesystem_is_listed_and_not_guessed(blank, sector):
    blank.do("part", "table", "mbr", "--sector-size", str(sector))
    blank.do("part", "add", "--type", "extended", "--size", "20M")
    blank.do("part", "add", "--logical", "--size", "11M")
    subprocess.run(["mke2fs", "-qF", "-E", f"offset={2 * MIB}", blank.path, "8M"], check=True,
                   capture_output=True)
    blank.patch(MIB, bytes(sector))
    assert found(blank) == [["--start", str(2 * MIB), "--size", str(8 * MIB), "--type", "0x83"]]
    is_not_mended(blank)


def test_partitions_at_tracks_are_put_back_to_the_sector(blank):
    subprocess.run(["sfdisk", "-q", blank.path], text=True, check=True, input="label: dos\n"
                   "start=63,size=180000,type=5\nstart=126,size=16002\nstart=16191,size=20000\n")
    subprocess.run(["mke2fs", "-qF", "-b", "1024", "-E", f"offset={126 * 512}", blank.path, "8001k"],
                   check=True, capture_output=True)
    before = logicals(blank)
    blank.patch(63 * 512, bytes(512))
    options = found(blank)
    blank.do("part", "rm", "5")
    for one in options:
        blank.do("part", "add", "--logical", *one)
    assert logicals(blank) == before


def by_sfdisk(disk, number):
    subprocess.run(["sfdisk", "-q", "--delete", disk.path, str(number)], check=True,
                   capture_output=True)


def by_parted(disk, number):
    subprocess.run(["parted", "-s", disk.path, "rm", str(number)], check=True, capture_output=True)


def by_berth(disk, number):
    disk.do("part", "rm", str(number))


@pytest.mark.parametrize("number", [5, 6])
@pytest.mark.parametrize("delete", [by_sfdisk, by_parted, by_berth])
def test_a_deleted_partition_does_not_come_back(mbr, delete, number):
    delete(mbr, number)
    assert len(logicals(mbr)) == 2
    mbr.patch(FIRST, bytes(512))
    assert {21, 40} <= {int(one[1]) // MIB for one in found(mbr)}
    is_not_mended(mbr)


def test_a_record_in_what_is_left_of_a_deleted_filesystem_is_found(blank):
    subprocess.run(["parted", "-s", blank.path, "mklabel", "msdos", "mkpart", "extended", "1MiB",
                    "95MiB", "mkpart", "logical", "2MiB", "40MiB", "mkpart", "logical", "41MiB", "60MiB"],
                   check=True, capture_output=True)
    for start, size in ((2, "38M"), (41, "19M")):
        subprocess.run(["mke2fs", "-qF", "-E", f"offset={start * MIB}", blank.path, size], check=True,
                       capture_output=True)
    subprocess.run(["parted", "-s", blank.path, "rm", "5", "mkpart", "logical", "15MiB", "20MiB"],
                   check=True, capture_output=True)
    assert sorted(logicals(blank).values()) == [(15, 5), (41, 19)]
    blank.patch(MIB, bytes(512))
    assert [int(one[1]) // MIB for one in found(blank)] == [2, 15, 41]
    is_not_mended(blank)


def test_an_erased_boot_record_behind_which_nothing_is_found_is_named(blank):
    blank.do("part", "table", "mbr")
    blank.do("part", "add", "--type", "extended", "--size", "20M")
    blank.patch(MIB, bytes(512))
    assert damages(blank) == ["ebr-damaged"]
    is_not_mended(blank)


def test_the_search_behind_an_erased_boot_record_reads_little(blank):
    os.truncate(blank.path, 1 << 40)
    subprocess.run(["sfdisk", "-q", blank.path], input="label: dos\ntype=5\n", text=True, check=True)
    subprocess.run(["mke2fs", "-qF", "-E", f"offset={2 * MIB}", blank.path, "9M"], check=True,
                   capture_output=True)
    blank.patch(MIB, bytes(512))
    subprocess.run(["strace", "-f", "-o", f"{blank.path}.strace", "-e", "trace=pread64,read",
                    blank.berth.binary, "disk", "check", blank.path], env=blank.berth.env,
                   capture_output=True)
    with open(f"{blank.path}.strace") as calls:
        read = sum(int(n) for n in re.findall(r"= (\d+)$", calls.read(), re.MULTILINE))
    assert 4 * MIB < read < 16 * MIB
