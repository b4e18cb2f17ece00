# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables whose beginning, or that of their chain, has been overwritten, and what only looks so."""
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

FIRST, BEHIND = 20 * MIB, {5: (21, 8), 6: (31, 4), 7: (40, 8)}


def logicals(disk):
    return {number: place for number, place in disk.parts().items() if number > 4}


def second_record(disk):
    return FIRST + 512 * struct.unpack("<I", disk.read(FIRST + 446 + 16 + 8, 4))[0]


@pytest.mark.parametrize("lost", [bytes(512), noise()[:512]], ids=["zeros", "noise"])
def test_the_partitions_behind_an_erased_boot_record_come_back(mbr, lost):
    before = disks.table(mbr.path)
    mbr.patch(FIRST, lost)
    harmed = disks.fingerprint(mbr.path)
    assert damages(mbr) == ["ebr-lost"] and logicals(mbr) == {}
    assert "--repair" in mbr.refuses(DAMAGED, "found, from ext2", "disk", "check")
    for command in (("add", "--size", "4M"), ("rm", "1"), ("table", "gpt", "--convert")):
        assert "--repair" in mbr.refuses(REFUSED, "boot record", "part", *command)
    assert "add partition 7" in mbr.ok("disk", "check", "--repair", "--dry-run")
    assert disks.fingerprint(mbr.path) == harmed
    mbr.do("disk", "check", "--repair")
    assert damages(mbr) == [] and disks.table(mbr.path) == before
    mbr.check_files(21)
    mbr.do("disk", "undo")
    assert disks.fingerprint(mbr.path) == harmed


@pytest.mark.parametrize("sector", [512, 4096])
def test_one_logical_partition_that_is_all_there_is_comes_back(blank, sector):
    blank.do("part", "table", "mbr", "--sector-size", str(sector))
    blank.do("part", "add", "--type", "extended", "--size", "20M")
    blank.do("part", "add", "--logical", "--size", "18M", "--fs", "ext4")
    before = blank.parts()
    blank.patch(MIB, bytes(sector))
    assert damages(blank) == ["ebr-lost"]
    blank.do("disk", "check", "--repair")
    assert damages(blank) == [] and blank.parts()[5][0] == before[5][0]
    assert blank.parts()[5][1] >= before[5][1]


def another_filesystem(disk):
    """A swap's header where DOS had the first partition."""
    at = FIRST + 63 * 512
    disk.patch(at + 1024, struct.pack("<II", 1, 255))
    disk.patch(at + 4086, b"SWAPSPACE2")


def another_record(disk):
    disk.patch(second_record(disk) + 512, disk.read(second_record(disk), 512))


def broken_chain(disk):
    disk.patch(second_record(disk) + 446 + 16 + 8, struct.pack("<I", 1 << 20))


def unknown_content(disk):
    disk.patch(31 * MIB, noise())


def no_filesystem(disk):
    disk.patch(21 * MIB + 1024, bytes(1024))


@pytest.mark.parametrize("harm", [another_filesystem, another_record, broken_chain, unknown_content,
                                  no_filesystem])
def test_a_chain_of_which_there_may_be_another_one_is_not_guessed(mbr, folder, harm):  # noqa: F811
    mbr.ok("disk", "backup", folder / "backup")
    harm(mbr)
    mbr.patch(FIRST, bytes(512))
    assert damages(mbr) == ["ebr-damaged"]
    for command in (("disk", "check", "--repair"), ("part", "add", "--size", "4M")):
        said = mbr.refuses(REFUSED, "boot record", *command)
        assert "disk restore" in said and f"part rm {mbr.path} 5" in said
    if harm in (another_record, broken_chain, unknown_content):
        assert "ext2 begins at byte 22020096" in mbr("disk", "check").stdout
    mbr.do("part", "rm", "5")
    assert logicals(mbr) == {}


def test_the_search_behind_an_erased_boot_record_reads_little(blank):
    os.truncate(blank.path, 1 << 40)
    subprocess.run(["sfdisk", "-q", blank.path], input="label: dos\ntype=5\nsize=9M\n", text=True,
                   check=True)
    subprocess.run(["mke2fs", "-qF", "-E", f"offset={2 * MIB}", blank.path, "9M"], check=True,
                   capture_output=True)
    blank.patch(MIB, bytes(512))
    subprocess.run(["strace", "-f", "-o", f"{blank.path}.strace", "-e", "trace=pread64,read",
                    blank.berth.binary, "disk", "check", blank.path], env=blank.berth.env,
                   capture_output=True)
    with open(f"{blank.path}.strace") as calls:
        read = sum(int(n) for n in re.findall(r"= (\d+)$", calls.read(), re.MULTILINE))
    assert 4 * MIB < read < 12 * MIB
