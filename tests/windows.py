# SPDX-License-Identifier: GPL-3.0-or-later
"""An NTFS as a Windows leaves it that sleeps, was cut off, or has something to say of it."""
import os
import pathlib
import re
import struct
import subprocess

MIB = 1 << 20


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def patch(volume, offset, data):
    with open(volume, "r+b") as file:
        os.pwrite(file.fileno(), data, offset)


def hiberfil(volume, signature):
    """Its hiberfil.sys: "hibr" and "HIBR" are of a system that sleeps, or half of it."""
    header = pathlib.Path(f"{volume}.hiberfil")
    header.write_bytes(signature + bytes(8188))
    run("ntfscp", "-f", volume, header, "hiberfil.sys")


def open_journal():
    """The first page of a $LogFile in which Windows has something left to do: a restart page with a
    client in use, and not marked clean. Each sector ends with the update sequence number."""
    page = bytearray(4096)
    struct.pack_into("<4sHHQIIHhh", page, 0, b"RSTR", 30, 9, 0, 4096, 4096, 0x40, 1, 1)
    struct.pack_into("<QHHHHIHHQIHHII", page, 0x40, 0x1000, 1, 0xffff, 0, 0, 46, 0x40 + 160, 0x40,
                     2 * MIB, 0, 48, 64, 1, 0)
    struct.pack_into("<QQHHH6xI", page, 0x80, 0x1000, 0x1000, 0xffff, 0xffff, 0, 8)
    page[0x80 + 32:0x80 + 40] = "NTFS".encode("utf-16-le")
    struct.pack_into("<H", page, 30, 1)
    for sector in range(512, 4097, 512):
        struct.pack_into("<H", page, sector - 2, 1)
    return bytes(page)


def leave_journal(volume):
    listed = run("ntfsinfo", "-i", "2", "-v", volume)
    start = int(re.search(r"VCN\s+LCN\s+Length\s+0x0\s+(0x[0-9a-f]+)", listed)[1], 16) * 4096
    patch(volume, start, open_journal() * 2)


def break_mirror(volume):
    with open(volume, "rb") as file:
        mirror, = struct.unpack("<Q", os.pread(file.fileno(), 8, 0x38))
    patch(volume, mirror * 4096, bytes(1024))
