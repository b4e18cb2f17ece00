# SPDX-License-Identifier: GPL-3.0-or-later
"""Filesystems that change their size only while they are mounted, resized by who may not mount: in a
virtual machine with the host's kernel. Every file stays, and no byte outside the partition changes.
"""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import pytest

import disks
import filled
from ordinary import AS_ORDINARY, ORDINARY, OrdinaryBerth
from program import Berth

MIB = 1 << 20
SIZE = 1600  # of the disk, MiB; the partition "data" begins at 1, the other one at OTHER
OTHER = 1300
START = {"btrfs": 700, "xfs": 400}


@pytest.fixture(scope="module")
def made():
    """kind: (image, content)"""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        yield {kind: (f"{folder}/{kind}", filled.make(kind, f"{folder}/{kind}", size * MIB,
                                                      count=20, small=10))
               for kind, size in START.items()}


@pytest.fixture
def home():
    """Where the ordinary user may work; pytest's own folders are their maker's alone."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        if os.getuid() == 0:
            os.chown(name, ORDINARY, ORDINARY)
        yield pathlib.Path(name)


class Disk:
    """A disk file with the files in one partition, and bytes in another one behind it."""

    def __init__(self, home, kind, made):
        image, self.content = made[kind]
        self.kind, self.path = kind, home / "disk.img"
        (home / "empty").mkdir()
        self.berth = OrdinaryBerth(home, home / "empty")
        with open(self.path, "wb") as file:
            file.truncate(SIZE * MIB)
        subprocess.run(["sfdisk", "-q", self.path], check=True, text=True, input=f"""label: gpt
            start=1MiB, size={START[kind]}MiB, name=data
            start={OTHER}MiB, size=200MiB, name=other\n""")
        filled.paste(image, self.path, MIB)
        with open(self.path, "r+b") as file:
            file.seek(OTHER * MIB)
            file.write(os.urandom(3 * MIB))
        if os.getuid() == 0:
            os.chown(self.path, ORDINARY, ORDINARY)

    def command(self, size):
        return ["part", "resize", self.path, "data", "--size", f"{size}MiB", "--yes"]

    def behind(self, start):
        """What lies behind the partition, up to the backup table."""
        return disks.fingerprint(self.path, start * MIB, (SIZE - 1) * MIB)

    def assert_has(self, size):
        """The partition and its filesystem have that size, and every file."""
        start, end = disks.ranges(self.path)["data"]
        assert end - start == size * MIB
        assert filled.content(self.kind, self.path, start, end) == self.content
        assert not self.pending()

    def pending(self):
        return self.berth.json("disk", "show", self.path)["disk"]["pending"] is not None


def test_btrfs_grows_and_shrinks(home, made):
    disk = Disk(home, "btrfs", made)
    behind = disk.behind(OTHER)
    disk.berth.ok(*disk.command(1200))
    disk.assert_has(1200)
    disk.berth.ok(*disk.command(800))
    disk.assert_has(800)
    assert disk.behind(OTHER) == behind


def test_xfs_grows(home, made):
    disk = Disk(home, "xfs", made)
    behind = disk.behind(800)
    done = disk.berth(*disk.command(800))
    assert done.returncode == 0 and "virtual machine with Linux" in done.stderr + done.stdout
    disk.assert_has(800)
    assert disk.behind(800) == behind


def test_root_that_may_not_mount_does_the_same(home, made):
    disk = Disk(home, "xfs", made)
    if os.getuid() == 0:
        berth = Berth(home)
        berth.ok(*disk.command(800), prefix=["setpriv", "--bounding-set=-sys_admin"])
        disk.assert_has(800)


# ---- what breaks off ----

def machine_of(pid):
    """The process of the virtual machine that this berth has started, or None."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            if b"berth-appliance" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return None


def wait_for(happens, timeout=120):
    deadline = time.monotonic() + timeout
    while not (found := happens()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)
    return found


def break_off(disk, size, victim, writing=True):
    """Kills the machine or berth itself, when the partition is being written to or at once."""
    berth = disk.berth
    child = subprocess.Popen([*AS_ORDINARY, berth.binary, *disk.command(size)], env=berth.env,
                             cwd=berth.home, stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    machine = wait_for(lambda: machine_of(child.pid))
    before = disk.path.stat().st_mtime_ns
    wait_for(lambda: not writing or disk.path.stat().st_mtime_ns != before)
    os.kill(machine if victim == "machine" else child.pid, signal.SIGKILL)
    said = child.communicate(timeout=60)[1]
    wait_for(lambda: not disks.is_locked(disk.path, MIB, size * MIB))
    return child.returncode, said


def test_what_broke_off_is_completed_by_the_same_command(home, made):
    disk = Disk(home, "xfs", made)
    behind = disk.behind(1200)
    status, said = break_off(disk, 1200, "machine")
    assert status == 1 and "ended by signal 9" in said and "hint: give the same" in said
    assert disk.pending()
    break_off(disk, 1200, "berth")
    assert disk.pending()
    disk.berth.ok(*disk.command(1200))
    disk.assert_has(1200)
    assert disk.behind(1200) == behind


def test_a_machine_that_ended_before_it_wrote_has_changed_nothing(home, made):
    disk = Disk(home, "xfs", made)
    before = disk.behind(1)
    assert break_off(disk, 800, "machine", writing=False)[0] == 1
    disk.assert_has(START["xfs"])
    assert disk.behind(1) == before


def test_what_cannot_be_mounted_stays_as_it_was(home, made):
    """The machine says why, and the partition has its old size again."""
    disk = Disk(home, "btrfs", made)
    with open(disk.path, "r+b") as file:  # its label, which the superblock's checksum covers
        file.seek(MIB + 64 * 1024 + 0x12b)
        file.write(b"other")
    before = disk.behind(1)
    done = disk.berth(*disk.command(1200))
    assert done.returncode == 1 and "changing the size of its btrfs: mounting it" in done.stderr
    start, end = disks.ranges(disk.path)["data"]
    assert end - start == START["btrfs"] * MIB and not disk.pending()
    assert disk.behind(1) == before


# ---- what is missing ----

def after(hide):
    """A prefix for commands that see what a shell command has hidden, for root to use."""
    return ["unshare", "--mount", "sh", "-c", f'{hide} && exec "$@"', "sh", *AS_ORDINARY]


def assert_refused(disk, *words, **kwargs):
    before = disks.fingerprint(disk.path)
    done = Berth.__call__(disk.berth, *disk.command(800), **kwargs)
    assert done.returncode == 3, done.stderr
    for word in ("changes its size only while it is mounted", "hint: ", "as root", *words):
        assert word in done.stderr
    assert disks.fingerprint(disk.path) == before


@pytest.mark.parametrize("folder", ["/boot", "/lib/modules"])
def test_no_kernel_is_refused(home, made, folder):
    disk = Disk(home, "xfs", made)
    if os.getuid() == 0:
        assert_refused(disk, "no kernel", "apt-get install linux-image-amd64",
                       prefix=after(f"mount -t tmpfs none {folder}"))


def test_a_kernel_that_may_not_be_read_is_refused(home, made):
    disk = Disk(home, "xfs", made)
    if os.getuid() == 0:
        version = next(pathlib.Path("/lib/modules").iterdir()).name
        assert_refused(disk, "may be read by root only",
                       prefix=after("mount -t tmpfs none /boot && "
                                    f"install -m 600 /dev/null /boot/vmlinuz-{version}"))


def test_no_qemu_is_refused(home, made):
    disk = Disk(home, "xfs", made)
    if os.getuid() == 0:
        assert_refused(disk, "apt-get install qemu-system-x86",
                       prefix=after("mount --bind /dev/null /usr/bin/qemu-system-x86_64"))


def test_the_doctor_knows(home, made):
    disk = Disk(home, "xfs", made)
    found = {check["what"]: check for check in disk.berth.json("doctor")["checks"]}
    assert found["appliance"]["ok"] and "Linux" in found["appliance"]["text"]
    if os.getuid() == 0:
        done = Berth.__call__(disk.berth, "doctor", prefix=after("mount -t tmpfs none /boot"))
        assert "no kernel" in done.stdout
