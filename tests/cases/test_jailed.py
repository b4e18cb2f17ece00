# SPDX-License-Identifier: GPL-3.0-or-later
"""What berth makes of a foreign disk is made behind a list of system calls: seen by strace, whoever
recognises filesystems, reads an ESP or a file of a system has given everything up before. (The tables, berth's
own log and the sizes in superblocks are read in front of it.)"""
import re
import subprocess

import pytest

import disks
from guests import tiny
from program import BUILD, Berth

LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
OF_DISK = re.compile(r"^\d+<(/[^>]*/disk\.img)>, (.*)", re.DOTALL)
FORBIDDEN = {"open", "openat", "openat2", "creat", "socket", "connect", "clone", "clone3", "fork", "vfork",
             "execve", "execveat", "ptrace", "kill", "mount", "unlink", "unlinkat", "rename"}

BTRFS_MAGIC = 65536 + 64  # nobody looks there but who recognises filesystems

MACHINE = """\
berth: 1
name: jailed
disk: {path: disk.img, size: 100MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host: {name: main, image: tiny, root: {size: 16MiB, fs: ext4}}
guests:
  - {name: dev, image: tiny, root: {size: 16MiB, fs: ext4}, run: {memory: 64MiB, net: none, engine: kvm}}
"""


# says "up" and does what is typed (tests/guests/kernels/lives.c)
KERNEL = tiny.OtherKernel((BUILD / "tests/guests/lives").read_bytes())


@pytest.fixture(name="disk")
def make_disk(tmp_path):
    return tiny.make_disk(Berth(tmp_path), MACHINE, KERNEL)


class Trace:
    """What a berth and everything it starts did: .reads (process, jailed, offset, bytes) of the disk, .calls
    (process, name) that worked behind a list of system calls, .locked the processes that have one and how."""

    def __init__(self, folder, *command, typed=""):
        berth = Berth(folder)
        log = folder / "trace"
        prefix = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", "signal=none", "-o", log]
        env = {**berth.env, "ASAN_OPTIONS": "detect_leaks=0"}  # LeakSanitizer is a tracer itself
        self.done = subprocess.run([*prefix, berth.binary, *map(str, command)], env=env, cwd=folder,
                                   input=typed, capture_output=True, text=True, timeout=60, check=True)
        self.reads, self.calls, self.locked = [], [], {}
        self.place = {}  # of each file that `read` reads
        for line in log.read_text(errors="replace").splitlines():
            found = LINE.match(line)
            if found is not None:
                self.take(found[1], found[2], found[3], int(found[4]))

    def take(self, process, call, arguments, result):
        if process in self.locked and "seccomp" in self.locked[process] and result >= 0:
            self.calls.append((process, call))
        if call == "seccomp" or call == "landlock_restrict_self" or \
                (call == "prctl" and arguments.startswith("PR_SET_NO_NEW_PRIVS, 1")):
            if result == 0:
                self.locked.setdefault(process, []).append(call)
        on_disk = OF_DISK.match(arguments)
        if on_disk is None or result < 0:
            return
        if call == "lseek":
            self.place[process] = result
        elif call == "read":
            self.read(process, self.place.get(process, 0), result)
            self.place[process] = self.place.get(process, 0) + result
        elif call == "pread64":
            self.read(process, int(on_disk[2].rsplit(", ", 1)[1]), result)

    def read(self, process, offset, count):
        self.reads.append((process, "seccomp" in self.locked.get(process, []), offset, count))

    def readers(self, place):
        """Who has read the byte there: (process, jailed)."""
        return {(process, jailed) for process, jailed, offset, count in self.reads
                if offset <= place < offset + count}


def place_of(disk, name, content):
    """Where the partition has these bytes."""
    start, end = disks.ranges(disk)[name]
    found = disk.read_bytes().find(content, start, end)
    assert found >= 0
    return found


def check(trace, place):
    """Only jailed processes have read it, and somebody has."""
    readers = trace.readers(place)
    assert readers and all(jailed for _, jailed in readers), readers
    for process, _ in readers:
        assert trace.locked[process].index("seccomp") > trace.locked[process].index("prctl")
        called = {call for other, call in trace.calls if other == process}
        assert called and not called & FORBIDDEN, called


def test_a_survey_reads_what_systems_there_are_in_a_jail(tmp_path, disk):
    trace = Trace(tmp_path, "disk", "show", disk)
    assert "Tiny test system" in trace.done.stdout
    for name in ("main", "dev"):
        check(trace, place_of(disk, name, tiny.OS_RELEASE.encode()))
    check(trace, disks.ranges(disk)["main"][0] + BTRFS_MAGIC)


def test_the_record_on_an_esp_is_read_in_a_jail(tmp_path, disk):
    trace = Trace(tmp_path, "guest", "list", "--disk", disk)
    assert "dev" in trace.done.stdout
    check(trace, place_of(disk, "esp", b"BERTH-ESP  \x08"))  # in its root folder


def test_a_run_reads_its_guests_kernel_in_a_jail(tmp_path, disk):
    trace = Trace(tmp_path, "run", "dev", "--disk", disk, "--engine", "kvm", typed="q")
    assert "up" in trace.done.stdout
    kernel = place_of(disk, "dev", KERNEL.files["vmlinuz"][:4096])
    check(trace, kernel)
