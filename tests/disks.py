# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a disk file, told by other people's tools than berth's own."""
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile

CHUNK = 1 << 20
ZEROS = bytes(CHUNK)
F_OFD_GETLK = 36
PUNCH_HOLE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
EXTENDED = 0x05, 0x0f
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def scratch():
    """Where small disks are quick to write and flush: memory, where there is some."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextlib.contextmanager
def attached(path, *options):
    """A loop device of the file, without partitions to the kernel afterwards, whoever has made some."""
    node = subprocess.run(["losetup", "--find", "--show", *options, path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    try:
        yield node
    finally:
        subprocess.run(["partx", "--delete", node], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["losetup", "--detach", node], check=True)


def data_chunks(path, start=0, end=None):
    """(offset, bytes) of every aligned chunk between start and end that is not all zeros."""
    with open(path, "rb") as disk:
        end = os.fstat(disk.fileno()).st_size if end is None else end
        offset = start
        while offset < end:
            try:
                offset = max(offset, os.lseek(disk.fileno(), offset, os.SEEK_DATA))
            except OSError:
                return
            offset -= (offset - start) % CHUNK
            data = os.pread(disk.fileno(), max(0, min(CHUNK, end - offset)), offset)
            if data != ZEROS[:len(data)]:
                yield offset, data
            offset += CHUNK


def fingerprint(path, start=0, end=None):
    """A digest of every byte; holes and written zeros are the same, as they read the same."""
    total = hashlib.sha256()
    for offset, data in data_chunks(path, start, end):
        total.update(b"%d:" % (offset - start) + data)
    return total.hexdigest()


def is_locked(disk, start, end):
    """True while some process holds a part of that range of the disk file."""
    with open(disk, "r+b") as file:
        lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
        answer = fcntl.fcntl(file.fileno(), F_OFD_GETLK, lock)
    return struct.unpack("hhqqi", answer)[0] != fcntl.F_UNLCK


def punch(fd, start, length):
    """Makes the range a hole, which reads as zeros."""
    if LIBC.fallocate(fd, PUNCH_HOLE, start, length) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def copy(source, target):
    """Copies a disk file, sparse."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)


def extract(path, start, end, target):
    """Writes those bytes of the disk to a file of their own, sparse."""
    with open(target, "wb") as image:
        image.truncate(end - start)
        for offset, data in data_chunks(path, start, end):
            os.pwrite(image.fileno(), data, offset - start)


def table(path):
    """The partition table, as sfdisk tells it, without the file's name."""
    done = subprocess.run(["sfdisk", "--json", path], check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout[done.stdout.index(b"{"):])["partitiontable"]  # behind remarks
    found.pop("device")
    for partition in found.setdefault("partitions", []):
        partition.pop("node")
    return found


def ranges(path):
    """name: (start, end) in bytes of every partition."""
    found = table(path)
    sector = found.get("sectorsize", 512)
    return {partition["name"]: (partition["start"] * sector,
                                (partition["start"] + partition["size"]) * sector)
            for partition in found["partitions"]}


def folder_content(folder):
    """path: (mode, owner, times, target or digest) of everything below a folder."""
    content = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else \
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        content[str(path.relative_to(folder))] = (oct(status.st_mode), status.st_uid,
                                                  status.st_gid, int(status.st_mtime), what)
    return content


def ext_content(path, start, end):
    """folder_content of the ext filesystem in that range of the disk, after e2fsck -fn."""
    with tempfile.TemporaryDirectory() as scratch:
        image = f"{scratch}/fs"
        extract(path, start, end, image)
        checked = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout
        os.mkdir(f"{scratch}/root")
        subprocess.run(["debugfs", "-R", f"rdump / {scratch}/root", image], check=True,
                       capture_output=True)
        return folder_content(f"{scratch}/root")


def fingerprint_outside(path, *names):
    """A digest for each piece of the disk that is outside those partitions."""
    borders = sorted(ranges(path)[name] for name in names)
    starts = [0] + [end for _, end in borders]
    ends = [start for start, _ in borders] + [os.path.getsize(path)]
    return [fingerprint(path, start, end) for start, end in zip(starts, ends)]


def esp_content(path):
    """path: digest of every file of the EFI system partition."""
    found = table(path)
    start, = (partition["start"] for partition in found["partitions"]
              if partition["type"].lower() == ESP)
    offset = start * found.get("sectorsize", 512)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["mcopy", "-snm", "-i", f"{path}@@{offset}", "::", scratch], check=True,
                       capture_output=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})
        return {name: entry[-1] for name, entry in folder_content(scratch).items()}


def table_sectors(path):
    """{sector: bytes} of all that the table has: sector 0, boot records, both copies of a GPT."""
    with open(path, "rb") as disk:
        def read(sector, n=1):
            return os.pread(disk.fileno(), n * 512, sector * 512)

        sectors, last = {0: read(0)}, os.fstat(disk.fileno()).st_size // 512 - 1
        if table(path)["label"] == "gpt":
            return {0: read(0, 34), last - 32: read(last - 32, 33)}
        first = at = next((start for code, start in links(sectors[0]) if code in EXTENDED), None)
        while at is not None:
            sectors[at] = read(at)
            at = next((first + start for code, start in links(sectors[at]) if code in EXTENDED), None)
        return sectors


def links(sector):
    """(type, start) of each record"""
    return [struct.unpack_from("<xxxxBxxxI", sector, 446 + 16 * i) for i in range(4)]
