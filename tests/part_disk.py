# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks with filled filesystems, and berth on them: what tests of `part` and `disk` share."""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib

import pytest

import disks
import filled
from program import Berth

MIB = 1 << 20
SIZE = 96 * MIB
USAGE, REFUSED, NOT_FOUND, DAMAGED = 2, 3, 4, 5
GPT = [("data", "ext4", 10, 16), ("win", "ntfs", 40, 12), ("", None, 60, 4)]
MBR = [("", "ext4", 1, 16), ("", "extended", 20, 60), ("", "ext2", 21, 8), ("", "swap", 31, 4),
       ("", None, 40, 8)]


def make(path, parts, label, contents):
    """A disk made by sfdisk, with filled filesystems; (name or number, kind, start, size) in MiB."""
    lines = [f"label: {label}"]
    for name, kind, start, size in parts:
        more = f", name={name}" if name else ", type=5" if kind == "extended" else ""
        lines.append(f"start={start * 2048}, size={size * 2048}{more}")
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["sfdisk", "-q", path], input="\n".join(lines), text=True, check=True)
    for _, kind, start, size in parts:
        if kind in filled.KINDS:
            contents[label, start * MIB] = kind, filled.make(kind, f"{path}.{kind}", size * MIB)
            filled.paste(f"{path}.{kind}", path, start * MIB)


@pytest.fixture(scope="module")
def originals():
    """(folder with gpt.img and dos.img, {(label, start): (kind, content)})"""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        contents = {}
        make(f"{folder}/gpt.img", GPT, "gpt", contents)
        make(f"{folder}/dos.img", MBR, "dos", contents)
        yield folder, contents


def log_of(berth, path, *command):
    """(start, end) of the log that the command has, or None."""
    done = berth("--json", "--dry-run", *command[:2], path, *command[2:])
    log = json.loads(done.stdout)["log"] if done.returncode == 0 else None
    return (log["start"], log["start"] + log["size"]) if log else None


def beside(path, *logs):
    """offset: digest of what is there, without what these ranges hold."""
    found = {}
    for offset, chunk in disks.data_chunks(path):
        data = bytearray(chunk)
        for start, end in filter(None, logs):
            first, last = max(start - offset, 0), min(end - offset, len(data))
            data[first:max(first, last)] = bytes(max(0, last - first))
        if any(data):
            found[offset] = hashlib.sha256(data).hexdigest()
    return found


class Disk:
    """A disk file and berth on it."""

    def __init__(self, folder, originals, label):
        self.berth = Berth(folder)
        self.path, self.label = folder / "disk.img", label
        self.contents = originals[1]
        if label:
            disks.copy(f"{originals[0]}/{label}.img", self.path)
        else:
            with open(self.path, "wb") as file:
                file.truncate(SIZE)

    def __call__(self, verb, what, *args, **kwargs):
        return self.berth(verb, what, self.path, *args, **kwargs)

    def ok(self, verb, what, *args):
        return self.berth.ok(verb, what, self.path, *args)

    def do(self, verb, what, *args):
        return self.ok(verb, what, *args, "--yes")

    def refuses(self, status, words, verb, what, *args):
        """It ends with the status, says the words, and changes no byte."""
        before = disks.fingerprint(self.path)
        done = self(verb, what, *args, "--yes")
        assert done.returncode == status, f"status {done.returncode}: {done.stderr}"
        assert words in done.stderr, done.stderr
        assert disks.fingerprint(self.path) == before
        return done.stderr

    def show(self):
        return json.loads(self.berth.ok("--json", "disk", "show", self.path))["disk"]

    def parts(self):
        """number: (start, size) in MiB"""
        return {p["number"]: (p["start"] / MIB, p["size"] / MIB) for p in self.show()["partitions"]}

    def check_files(self, start, now=None):
        """The partition that started at that MiB, and starts at `now`, has its files."""
        kind, content = self.contents[self.label, start * MIB]
        now = start if now is None else now
        end, = (p["start"] + p["size"] for p in self.show()["partitions"] if p["start"] == now * MIB)
        assert filled.content(kind, self.path, now * MIB, end) == content

    def log_of(self, *command):
        return log_of(self.berth, self.path, *command)

    def beside_log(self):
        """What is on the disk beside the log, where that has something to undo."""
        return beside(self.path, self.log_of("disk", "undo"))

    def patch(self, offset, data):
        with open(self.path, "r+b") as disk:
            disk.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            disk.write(data)

    def read(self, offset, length):
        with open(self.path, "rb") as disk:
            disk.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            return disk.read(length)

    @contextlib.contextmanager
    def locked(self, start, length):
        """As another berth that works on that range."""
        with open(self.path, "r+b") as disk:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
            fcntl.fcntl(disk, 37, lock)  # F_OFD_SETLK
            yield


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as name:
        yield pathlib.Path(name)


@pytest.fixture
def gpt(folder, originals):
    return Disk(folder, originals, "gpt")


@pytest.fixture
def mbr(folder, originals):
    return Disk(folder, originals, "dos")


@pytest.fixture
def blank(folder, originals):
    return Disk(folder, originals, None)


def write_entries(disk, array, size=SIZE):
    """Both copies of a GPT with these entries, and right CRCs."""
    last = size // 512 - 1
    for header, entries in ((1, 2), (last, last - 32)):
        disk.patch(entries * 512, array)
        sector = bytearray(disk.read(header * 512, 512))
        struct.pack_into("<I", sector, 88, zlib.crc32(array))
        struct.pack_into("<I", sector, 16, 0)
        struct.pack_into("<I", sector, 16, zlib.crc32(sector[:92]))
        disk.patch(header * 512, sector)


def damages(disk):
    return [one["kind"] for one in json.loads(disk.berth(
        "--json", "disk", "check", disk.path).stdout)["damage"]]
