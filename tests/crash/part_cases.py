# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of partitions, and what may be on the disk when one is cut short: the old state, the new one,
or one that says it is pending and can be finished. Files are intact in all of them."""
import os
import struct
import subprocess

import disks
import filled

MIB = 1 << 20
DISK = 96 * MIB
INCOMPLETE = "9d2f6c1a-47b8-4e35-a1c0-626572746801"


class Case:
    """A disk, a command, and the disk as it is when nothing interrupts the command.

    parts: (name, kind, start, size), in MiB. On an MBR those behind an "extended" one are logical.
    starts: where partitions of an MBR start afterwards, by their names here. damage: done last.
    script: instead of the command, sfdisk's; it takes several steps, each of which may be cut.
    """

    def __init__(self, command, parts, mbr=False, starts=None, damage=None, script=None):
        self.command, self.parts, self.mbr = command, parts, mbr
        self.starts, self.damage, self.script = starts or {}, damage, script

    def prepare(self, berth, folder):
        """Makes the disk as it is before and after; returns the trace's path."""
        self.berth = berth
        self.base, self.done, log = folder / "base.img", folder / "done.img", folder / "trace"
        self.contents = {}
        self.make_base(folder)
        if self.script:
            (folder / "script").write_text(self.script)
            self.command = ("apply", folder / "script", "--disk")
        self.old, _ = self.look(self.base)
        disks.copy(self.base, self.done)
        self.run(self.done, self.command, env={"BERTH_TRACE": str(log)})
        self.new, _ = self.look(self.done)
        self.check_files(self.done, self.new)
        return log

    def make_base(self, folder):
        script = [f"label: {'dos' if self.mbr else 'gpt'}"]
        for name, kind, start, size in self.parts:
            more = f"name={name}" if not self.mbr else \
                f"type={'5' if kind == 'extended' else '83'}"
            script.append(f"start={start * 2048}, size={size * 2048}, {more}")
        with open(self.base, "wb") as file:
            file.truncate(DISK)
        subprocess.run(["sfdisk", "-q", self.base], input="\n".join(script), text=True, check=True)
        for name, kind, start, size in self.parts:
            if kind in filled.KINDS:
                content = filled.make(kind, folder / kind, size * MIB, seed=start)
                filled.paste(folder / kind, self.base, start * MIB)
                self.contents[name] = kind, content
        if self.damage:
            self.damage(self.base)

    def run(self, path, command, **kwargs):
        disk = 3 if command[0] == "apply" else 2
        return self.berth.ok(*command[:disk], path, *command[disk:], "--yes", **kwargs)

    def look(self, path):
        """(the table, what is pending)"""
        shown = self.berth.json("disk", "show", path)["disk"]
        return [tuple(p[key] for key in ("number", "name", "start", "size", "type"))
                for p in shown["partitions"]], shown["pending"]

    def find(self, name, table):
        """The entry, in the old table or the new one."""
        start, = (start * MIB for found, _, start, _ in self.parts if found == name)
        starts = start, self.starts.get(name, start)
        return next((entry for entry in table
                     if (entry[1] == name if entry[1] else entry[2] in starts)), None)

    def check_files(self, path, table, pending=None):
        """Every partition that is there has its files, the pending one aside."""
        for name, (kind, content) in self.contents.items():
            entry = self.find(name, table)
            if entry and not (pending and entry[0] == pending["number"]):
                found = filled.content(kind, path, entry[2], entry[2] + entry[3])
                assert found == content, f"{name} has lost files"

    def judge(self, path, again=False):
        """What is wrong with a disk whose power went, or None. Leaves it completed: by the same
        command again or, where work is pending, by `disk finish`."""
        try:
            table, pending = self.look(path)
            self.check_files(path, table, pending)
            if pending is None:
                self.check_whole(table)
            self.complete(path, table, pending, again)
            table, pending = self.look(path)
            assert pending is None, "it is pending still"
            assert table == self.new, f"the table is\n{table}\nnot\n{self.new}"
            self.check_files(path, table)
            verified = subprocess.run(["sfdisk", "--verify", path], capture_output=True, text=True)
            assert "No errors" in verified.stdout, verified.stdout + verified.stderr
        except AssertionError as error:
            return str(error)
        return None

    def check_whole(self, table):
        filling = any(entry[4] == INCOMPLETE for entry in table)
        assert filling or self.script or table in (self.old, self.new), f"neither old nor new:\n{table}"

    def complete(self, path, table, pending, again):
        if pending and (self.script or not again):
            self.run(path, ("disk", "finish"))
            table, pending = self.look(path)
            if not self.script:
                return
        if pending or table != self.new:
            self.run(path, self.command)
        else:
            self.run(path, ("disk", "check", "--repair"))  # one copy may be the old one


def zero_sector(number):
    """Damage for a case; a negative number counts from the end."""
    def damage(path):
        with open(path, "r+b") as disk:
            disk.seek(number * 512, os.SEEK_SET if number >= 0 else os.SEEK_END)
            disk.write(bytes(512))
    return damage


def loop(path):
    """The first boot record of the chain leads to itself; the second one, which it led to, is gone."""
    with open(path, "r+b") as disk:
        disk.seek(20 * MIB + 446 + 16 + 8)
        disk.seek(20 * MIB + struct.unpack("<I", disk.read(4))[0] * 512)
        disk.write(bytes(512))
        disk.seek(20 * MIB + 446 + 16)
        disk.write(struct.pack("<BxxxBxxxII", 0, 5, 0, 8192))


ONE = [("one", "ext4", 20, 16)]
NTFS = [("one", "ntfs", 20, 12)]
FAT = [("one", "vfat", 20, 12)]
TWO = [("one", "ext4", 20, 16), ("two", "ntfs", 40, 12)]
MBR = [("one", "ext4", 1, 16), ("frame", "extended", 20, 70), ("two", "ext4-1k", 21, 16),
       ("three", "ext2", 40, 8)]

RECORD = [("three", "ext2", 60, 8)]

TABLES = {
    "add": Case(("part", "add", "--name", "new", "--size", "8M", "--start", "60M"), TWO),
    "rm": Case(("part", "rm", "two"), TWO),
    "set": Case(("part", "set", "one", "--name", "one", "--type", "home"), TWO),
    "convert": Case(("part", "table", "gpt", "--convert"), MBR[:1], mbr=True),
    "convert-to-mbr": Case(("part", "table", "mbr", "--convert"),
                           TWO + [(f"p{start}", None, start, 4) for start in (60, 65, 70)]),
    "add-logical": Case(("part", "add", "--logical", "--size", "8M", "--start", "60M"), MBR, mbr=True),
    "rm-logical": Case(("part", "rm", "5"), MBR, mbr=True),
    "repair-loop": Case(("disk", "check", "--repair"), MBR, mbr=True, damage=loop),
    "repair-primary": Case(("disk", "check", "--repair"), TWO, damage=zero_sector(1)),
    "repair-backup": Case(("disk", "check", "--repair"), TWO, damage=zero_sector(-1)),
    "format": Case(("part", "format", "two", "--fs", "swap", "--type", "swap"), [TWO[0], ("two", None, 40, 12)]),
}
RESIZES = {
    "grow-ext4": Case(("part", "resize", "one", "--size", "40M"), ONE),
    "shrink-ext4": Case(("part", "resize", "one", "--size", "9M"), ONE),
    "grow-ntfs": Case(("part", "resize", "one", "--size", "30M"), NTFS),
    "shrink-ntfs": Case(("part", "resize", "one", "--size", "9M"), NTFS),
    "grow-vfat": Case(("part", "resize", "one", "--size", "70M"), FAT),
    "shrink-vfat": Case(("part", "resize", "one", "--size", "9M"), FAT),
    "shrink-logical": Case(("part", "resize", "5", "--size", "10M"), MBR, mbr=True),
}
SCRIPTS = {
    "shrink-move-grow": Case(None, TWO, script="""\
label: gpt
unit: sectors
p1 : start=40960, size=20480, name=one
p2 : start=65536, size=40960, name=two
"""),
    "all-to-the-right": Case(None, TWO, script="""\
label: gpt
unit: sectors
p1 : start=61440, size=34816, name=one
p2 : start=106496, size=24576, name=two
"""),
}
MOVES = {
    "move-far": Case(("part", "move", "one", "--start", "50M"), ONE),
    "move-right": Case(("part", "move", "one", "--start", "24M"), ONE),
    "move-left": Case(("part", "move", "one", "--start", "17M"), ONE),
    "move-by-little": Case(("part", "move", "one", "--start", str(20 * MIB + 8192)), ONE),
    "move-ntfs": Case(("part", "move", "one", "--start", "15M"), NTFS),
    "move-past": Case(("part", "move", "one", "--start", "60M"), TWO),
    "move-logical": Case(("part", "move", "5", "--start", "60M"), MBR, mbr=True,
                         starts={"two": 60 * MIB}),
    "move-logical-over-record": Case(("part", "move", "5", "--start", "24M"), MBR[:3] + RECORD,
                                     mbr=True, starts={"two": 24 * MIB}),
}
