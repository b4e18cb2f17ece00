# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk with berth's boot menu and two tiny systems, made without the rest of berth.

A tiny system is a stock kernel whose initramfs prints "MARKER" with its command line and restarts
the machine: what GRUB booted shows within seconds, and GRUB comes again by itself.
"""
import json
import os
import pathlib
import struct
import subprocess
import uuid
import zlib

from guests import tiny

MIB = 1 << 20
TYPES = {"bios": "21686148-6449-6e6f-744e-656564454649",
         "esp": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
         "linux": "0fc63daf-8483-4772-8e79-3d69d8477de4"}
MARKER_INIT = """\
#!/bin/sh
/bin/busybox mount -t proc proc /proc
echo "MARKER $(/bin/busybox cat /proc/cmdline) END"
/bin/busybox sleep 1
/bin/busybox reboot -f
"""
# where everything lies, in MiB: (name, type, start, size)
LAYOUT = (("bios", "bios", 1, 2), ("esp", "esp", 4, 300),
          ("main", "linux", 304, 96), ("dev", "linux", 400, 96))
DISK_BYTES = 500 * MIB


def marker_initramfs():
    busybox = pathlib.Path(tiny.BUSYBOX).read_bytes()
    entries = [("bin", 0o040755, b""), ("dev", 0o040755, b""), ("proc", 0o040755, b""),
               ("bin/busybox", 0o100755, busybox), ("bin/sh", 0o120777, b"busybox"),
               ("init", 0o100755, MARKER_INIT.encode()), ("TRAILER!!!", 0, b"")]
    return b"".join(tiny.cpio_entry(n, *entry) for n, entry in enumerate(entries, 1))


def write_table(disk, layout, size, sector):
    """A GPT with both copies (UEFI 2.10, section 5.3)."""
    entries = b""
    for number, (name, kind, start, mib) in enumerate(layout, 1):
        entries += struct.pack("<16s16sQQQ72s", uuid.UUID(TYPES[kind]).bytes_le,
                               uuid.UUID(int=number).bytes_le, start * MIB // sector,
                               (start + mib) * MIB // sector - 1, 0, name.encode("utf-16-le"))
    entries = entries.ljust(128 * 128, b"\0")
    last = size // sector - 1
    entry_sectors = len(entries) // sector

    def header(mine, other, where):
        fields = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, mine, other,
                             2 + entry_sectors, last - entry_sectors - 1,
                             uuid.UUID(int=99).bytes_le, where, 128, 128, zlib.crc32(entries))
        return fields[:16] + struct.pack("<I", zlib.crc32(fields)) + fields[20:]

    protective = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1,
                                          min(last, 0xffffffff)) + bytes(48) + b"\x55\xaa"
    with open(disk, "wb") as out:
        out.truncate(size)
        os.pwrite(out.fileno(), protective, 0)
        os.pwrite(out.fileno(), header(1, last, 2), sector)
        os.pwrite(out.fileno(), entries, 2 * sector)
        os.pwrite(out.fileno(), entries, size - sector - len(entries))
        os.pwrite(out.fileno(), header(last, 1, last - entry_sectors), size - sector)


class MenuDisk:
    """The disk file, and what can be done with it while nothing runs from it."""

    def __init__(self, folder, driver, sector=512):
        self.path = folder / "disk.img"
        self.folder, self.driver, self.sector = folder, driver, sector
        write_table(self.path, LAYOUT, DISK_BYTES, sector)

    def range(self, name):
        start, mib = next(row[2:] for row in LAYOUT if row[0] == name)
        return start * MIB, mib * MIB

    def fs_uuid(self, name):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))

    def fill(self, name, files):
        """Makes an ext4 in the partition. files: by path, the bytes of a file, the target of a symlink, or
        None for a folder."""
        start, size = self.range(name)
        root = self.folder / f"root-{name}"
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                (root / path).mkdir()
            elif isinstance(data, str):
                (root / path).symlink_to(data)
            else:
                (root / path).write_bytes(data)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-U", self.fs_uuid(name),
                        "-L", name, "-E", f"offset={start}", "-d", root, self.path,
                        f"{size // 1024}k"], check=True)

    def record(self, names=("main", "dev"), **changes):
        """The path of a record file with these systems."""
        systems = [{"name": name, "host": name == "main", "family": "linux",
                    "os": f"Tiny '{name}' \"$os\" \\ ü", "root": str(uuid.UUID(int=3 + n)),
                    "fs-uuid": self.fs_uuid(name), "kernel-options": f'quiet name={name} a="b c"'}
                   for n, name in enumerate(names)]
        record = {"berth-record": 1, "needs": 1, "generation": 1, "machine": "test",
                  "disk": str(uuid.UUID(int=99)), "menu-default": "main", "menu-timeout": 0,
                  "console-vga": True, "console-serial": True, "systems": systems, **changes}
        path = self.folder / "record.json"
        path.write_text(json.dumps(record))
        return path

    def run(self, *arguments):
        done = subprocess.run([self.driver, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make(self, **changes):
        self.run("make", self.path, self.sector, *self.range("esp"), *self.range("bios"),
                 self.record(**changes))

    def commit(self, **changes):
        self.run("commit", self.path, self.sector, *self.range("esp"), self.record(**changes))

    def next(self, *name):
        return self.run("next", self.path, self.sector, *self.range("esp"), *name)

    def newest(self, folders):
        """What berth takes for the newest kernel below each of these: "<VERSION>"."""
        return self.run("newest", *folders).splitlines()

    def mtool(self, *arguments, stdin=b""):
        """An mtool on the ESP; "ESP" among the arguments is its image."""
        image = f"{self.path}@@{self.range('esp')[0]}"
        argv = [image if word == "ESP" else word for word in arguments]
        return subprocess.run(argv, check=True, input=stdin, capture_output=True,
                              env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}).stdout

    def read(self, path):
        return self.mtool("mcopy", "-n", "-i", "ESP", f"::{path}", "-")

    def write(self, path, data):
        self.mtool("mcopy", "-o", "-i", "ESP", "-", f"::{path}", stdin=data)
