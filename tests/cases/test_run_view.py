# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest of the monitor's can change: a tiny kernel (tests/guests/kernels/whole.c) that writes
over all of its virtual disk and reads all of it back, run by an ordinary user."""
import contextlib
import os
import subprocess

import pytest

import disks
from guests import tiny
from ordinary import ORDINARY, OrdinaryBerth, make_home
from program import BUILD, Berth

PAGE = 4096  # the kernel numbers them
ALL = "has all it wrote"

MACHINE = """\
berth: 1
name: whole
disk: {path: disk.img, size: 100MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host:
  name: main
  image: tiny
  root: {size: 16MiB, fs: ext4}
guests:
  - name: dev
    image: tiny
    root: {size: 16MiB, fs: ext4}
    volumes:
      - {name: dev-swap, type: swap, size: 8MiB}
    run: {memory: 64MiB, net: none, engine: kvm}
  - {name: other, image: tiny, root: {size: 16MiB, fs: ext4}}
"""

# writes over its disk (tests/guests/kernels/whole.c)
KERNEL = tiny.OtherKernel((BUILD / "tests/guests/whole").read_bytes())


@pytest.fixture(name="made", scope="module")
def make(tmp_path_factory):
    return tiny.make_disk(Berth(tmp_path_factory.mktemp("whole")), MACHINE, KERNEL)


@pytest.fixture(name="ordinary")
def make_ordinary(tmp_path):
    return OrdinaryBerth(make_home(tmp_path / "home"), kvm=True)


@pytest.fixture(name="disk")
def make_disk(made, ordinary):
    path = ordinary.home / "disk.img"
    disks.copy(made, path)
    path.chmod(0o666)
    return path


def numbered(disk, name):
    """True when that partition is full of what the kernel writes, each page at its place."""
    start, end = disks.ranges(disk)[name]
    with open(disk, "rb") as file:
        content = os.pread(file.fileno(), end - start, start)
    return content == b"".join((at // PAGE).to_bytes(8, "little") + b"\xee" * (PAGE - 8)
                               for at in range(start, end, PAGE))


def test_a_guest_writes_its_own_partitions_and_nothing_else(ordinary, disk):
    before = disks.fingerprint_outside(disk, "dev", "dev-swap")
    assert ALL in ordinary.ok("run", "dev", "--disk", disk)
    assert disks.fingerprint_outside(disk, "dev", "dev-swap") == before
    assert numbered(disk, "dev") and numbered(disk, "dev-swap")


def test_an_ephemeral_guest_writes_nothing(ordinary, disk):
    before = disks.fingerprint(disk)
    assert ALL in ordinary.ok("run", "dev", "--disk", disk, "--ephemeral")
    assert disks.fingerprint(disk) == before


@contextlib.contextmanager
def own_node(disk, name):
    """The nodes of a device and of that partition, which alone is the ordinary user's."""
    number = list(disks.ranges(disk)).index(name) + 1
    with disks.attached(disk) as device:
        assert os.stat(device).st_mode & 0o006 == 0
        subprocess.run(["partx", "--add", device], check=True)
        node = f"{device}p{number}"
        os.chown(node, ORDINARY, ORDINARY)
        yield device, node


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a device")
def test_a_guest_by_its_partitions_node_writes_that_partition_and_nothing_else(ordinary, made):
    disk = made.with_name("device.img")
    disks.copy(made, disk)
    before = disks.fingerprint_outside(disk, "dev")
    with own_node(disk, "dev") as (device, node):
        assert "Permission denied" in ordinary("disk", "show", device).stderr
        assert ALL in ordinary.ok("run", node, "--engine", "kvm", "--net", "none", "--memory", "64MiB")
    assert disks.fingerprint_outside(disk, "dev") == before
    assert numbered(disk, "dev")
