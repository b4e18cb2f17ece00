# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run: everything it refuses before an engine starts, and that this changes no byte."""
import fcntl
import json
import os
import struct
import subprocess

import pytest

import disks
from guests import tiny
from program import BUILD, Berth

INCOMPLETE = "9d2f6c1a-47b8-4e35-a1c0-626572746801"
F_OFD_SETLK = 37

MACHINE = """\
berth: 1
name: run
disk: {path: disk.img, size: 160MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
  - {name: spare, type: swap, size: 8MiB}
host:
  name: main
  image: tiny
  root: {size: 16MiB, fs: ext4}
guests:
  - name: dev
    image: tiny
    root: {size: 16MiB, fs: ext4}
    volumes:
      - {name: dev-swap, type: swap, size: 16MiB}
  - name: other
    image: tiny
    root: {size: 16MiB, fs: ext4}
    kernel-options: noresume resume=/dev/disk/by-partlabel/dev-swap quiet
"""

# nothing boots it
KERNEL = tiny.OtherKernel(b"not a kernel\n" * 5000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny.make_disk(Berth(tmp_path_factory.mktemp("run")), MACHINE, KERNEL)


@pytest.fixture
def disk(made, tmp_path):
    disks.copy(made, tmp_path / "disk.img")
    return tmp_path / "disk.img"


def number_of(disk, name):
    names = [partition["name"] for partition in disks.table(disk)["partitions"]]
    return names.index(name) + 1


def sgdisk(disk, *arguments):
    subprocess.run(["sgdisk", *arguments, disk], check=True, capture_output=True)


def refused(berth, disk, status, *words, name="dev", options=()):
    """Runs, expects that status and words, and that no byte has changed."""
    before = disks.fingerprint(disk)
    done = berth("run", name, "--disk", disk, *options)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr
    assert disks.fingerprint(disk) == before


def test_an_unknown_system_is_status_4_with_those_there_are(berth, disk):
    refused(berth, disk, 4, "no system nobody", "hint: ", "main, dev, other", name="nobody")


def test_a_disk_without_record_is_status_4(berth, tmp_path):
    with open(tmp_path / "empty.img", "wb") as empty:
        empty.truncate(8 << 20)
    refused(berth, tmp_path / "empty.img", 4, "no systems")


@pytest.mark.parametrize("options", [("--engine", "xen"), ("--cpus", "0"),
                                     ("--cpus", "many"), ("--memory", "12"), ("--memory", "2x"),
                                     ("--net", "tap"), ("--nonsense",), ("more",)])
def test_wrong_options_are_status_2(berth, disk, options):
    refused(berth, disk, 2, "berth: ", options=options)


def test_a_claimed_partition_is_in_use(berth, disk):
    start, end = disks.ranges(disk)["dev-swap"]
    with open(disk, "r+b") as other:
        lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
        fcntl.fcntl(other.fileno(), F_OFD_SETLK, lock)
        refused(berth, disk, 3, "in use", "hint: ")


def test_an_incomplete_partition_is_refused(berth, disk):
    sgdisk(disk, f"--typecode={number_of(disk, 'dev')}:{INCOMPLETE}")
    refused(berth, disk, 3, "not complete", "berth apply")


def test_a_missing_partition_is_refused(berth, disk):
    sgdisk(disk, f"--delete={number_of(disk, 'dev')}")
    refused(berth, disk, 3, "is not on")


def test_a_hibernated_system_is_refused(berth, disk):
    hibernate(disk, "dev-swap")
    refused(berth, disk, 3, "hibernated", "hint: boot it from the menu")


def hibernate(disk, swap):
    start, _ = disks.ranges(disk)[swap]
    with open(disk, "r+b") as file:
        os.pwrite(file.fileno(), b"S1SUSPEND\0", start + 4086)


def test_what_its_kernel_options_resume_from_must_not_hold_a_session(berth, disk):
    hibernate(disk, "dev-swap")
    refused(berth, disk, 3, "other is hibernated", "hint: boot it from the menu", name="other")


def test_a_session_in_a_swap_that_is_nobodys_may_be_any_systems(berth, disk):
    hibernate(disk, "spare")
    for name in ("main", "dev"):
        refused(berth, disk, 3, "holds a hibernated system", f"may be {name}", "hint: ", name=name)


def test_a_root_that_cannot_be_read_is_told_before_an_engine_starts(berth, disk):
    start, _ = disks.ranges(disk)["dev"]
    with open(disk, "r+b") as root:
        os.pwrite(root.fileno(), bytes(64 * 1024), start)
    refused(berth, disk, 3, "dev: ", "no filesystem that GRUB can read", "hint: boot it from the menu")


def test_a_damaged_root_is_refused(berth, disk):
    start, _ = disks.ranges(disk)["dev"]
    with open(disk, "r+b") as root:
        os.pwrite(root.fileno(), b"\xff", start + 1024 + 0x18)  # the size of a block
    refused(berth, disk, 3, "dev: ", "a damaged ext superblock", "hint: boot it from the menu")


def test_a_system_whose_partition_is_worked_on_is_refused(berth, disk, tmp_path):
    start, end = disks.ranges(disk)["esp"]
    text = subprocess.run(["mtype", "-i", f"{disk}@@{start}", "::berth/record-b.json"], check=True,
                          env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}, capture_output=True,
                          text=True).stdout
    record = json.loads(text)
    record["systems"][1]["pending"] = "being moved"
    (tmp_path / "record.json").write_text(json.dumps(record))
    subprocess.run([BUILD / "tests/menu_disk", "commit", disk, "512", str(start), str(end - start),
                    tmp_path / "record.json"], check=True)
    refused(berth, disk, 3, "its partition is being moved", "hint: give the command")
