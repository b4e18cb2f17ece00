# SPDX-License-Identifier: GPL-3.0-or-later
"""Small machines for the crash tests, and when two disks count as the same."""
import disks

MACHINE = """\
berth: 1
name: crash
disk: {{path: disk.img, size: {size}}}
partitions:
  - {{name: esp, type: esp, size: {esp}}}
  - {{name: bios, type: bios-boot, size: 1MiB}}
host:
  name: main
  image: tiny
  root: {{size: {root}, fs: ext4}}
guests:
  - name: dev
    image: tiny
    root: {{size: {root}, fs: ext4}}
{more}menu:
  default: main
  timeout: 1
"""

THIRD = """\
  - name: third
    image: tiny
    root: {{size: {root}, fs: ext4}}
"""

def reproducible(machine):
    """The environment in which two applies of that machine file make the same bytes. A seed gives
    every program the same GUIDs, so an apply that adds to a disk needs another one."""
    return {"BERTH_SEED": machine.stem, "SOURCE_DATE_EPOCH": "1700000000"}


def write(path, third=False, size="160MiB", esp="40MiB", root="16MiB"):
    """Writes the machine file."""
    sizes = {"size": size, "esp": esp, "root": root}
    more = THIRD.format(**sizes) if third else ""
    path.write_text(MACHINE.format(more=more, **sizes))
    return path


def difference(berth, disk, expected):
    """What tells the two disks apart for whoever uses them, or None."""
    if disks.fingerprint(disk) == disks.fingerprint(expected):
        return None
    if (found := disks.table(disk)) != (wanted := disks.table(expected)):
        return f"table: {found}\nnot: {wanted}"
    for name, (start, end) in disks.ranges(expected).items():
        if disks.fingerprint(disk, start, end) == disks.fingerprint(expected, start, end):
            continue
        if name == "bios":
            return "the boot loader in the BIOS boot partition"
        content = [esp_but_slots(path) if name == "esp" else disks.ext_content(path, start, end)
                   for path in (disk, expected)]
        if text := first_difference(name, *content):
            return text
    for command in (("menu", "show"), ("guest", "list")):
        found, wanted = (berth.ok(*command, "--disk", path) for path in (disk, expected))
        if found.replace(str(disk), "") != wanted.replace(str(expected), ""):
            return f"{' '.join(command)}:\n{found}not:\n{wanted}"
    return None


def esp_but_slots(disk):
    """The files of the ESP without record and menu: which of two slots those are in, and how often
    they were written, is nobody's business. What they say is compared by asking berth."""
    return {path: what for path, what in disks.esp_content(disk).items()
            if not path.startswith("berth/")}


def first_difference(name, found, wanted):
    for path in sorted(found.keys() | wanted.keys()):
        if found.get(path) != wanted.get(path):
            return f"{name}: {path} is {found.get(path)}, not {wanted.get(path)}"
    return None
