# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of changes on disks full of files. After each: every file that should be there is
there, the tools of the filesystems find nothing wrong, and no byte outside the plan has changed.

BERTH_PROPERTY=N runs N sequences. One that fails names its seed; BERTH_PROPERTY_SEED=S runs that one.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import tempfile

import pytest

import disks
import filled
from program import Berth

MINUTES = 2
MIB = 1 << 20
SEQUENCES = int(os.environ.get("BERTH_PROPERTY", "300"))
CHANGES = (4, 6)
WORKERS = 2
LOG_MOST = 16 * MIB  # of the area in free space that has the disk's log
SIZES = {"ext4": 16, "ext4-1k": 12, "ext3": 12, "ext2": 8, "ntfs": 8, "vfat": 8, "swap": 4,
         "raw": 3}


@pytest.fixture(scope="module")
def images():
    """(kind, sector size): (image file, its content)."""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        made = {}
        for kind, size in SIZES.items():
            for sector in (512, 4096):
                path = f"{folder}/{kind}-{sector}"
                made[kind, sector] = path, filled.make(kind, path, size * MIB, sector=sector)
        yield made


class Part:
    """What a partition holds. Never changes, so that states can share it."""

    def __init__(self, kind, content, size):
        self.kind, self.content = kind, content
        self.size = size  # of raw data, in bytes


class Snapshot:
    """Every byte of a disk, and where its partitions are."""

    def __init__(self, path, shown):
        self.chunks = dict(disks.data_chunks(path))
        self.partitions = {p["start"]: p for p in shown["partitions"] if p["type-name"] != "extended"}
        self.ranges = {start: start + p["size"] for start, p in self.partitions.items()}

    def changes(self, other):
        """(start, end) of every sector that differs."""
        for offset in sorted(self.chunks.keys() | other.chunks.keys()):
            ours, theirs = (s.chunks.get(offset, disks.ZEROS) for s in (self, other))
            if ours != theirs:
                yield from differing(offset, ours, theirs, 4096)


def differing(offset, ours, theirs, step):
    for at in range(0, len(ours), step):
        a, b = ours[at:at + step], theirs[at:at + step]
        if a != b and step > 512:
            yield from differing(offset + at, a, b, 512)
        elif a != b:
            yield offset + at, offset + at + step


def overlaps(start, end, ranges):
    return any(start < b and end > a for a, b in ranges.items())


class Disk:
    """A disk under test, with what should be on it."""

    def __init__(self, folder, chance, images):
        self.chance, self.images = chance, images
        self.berth = Berth(folder)
        self.path = pathlib.Path(folder) / "disk.img"
        self.sector = chance.choice((512, 512, 4096))
        self.table = chance.choice(("gpt", "gpt", "mbr"))
        self.parts = {}      # start: Part
        self.previous = None  # what undo leads back to
        self.log = []
        with open(self.path, "wb") as file:
            file.truncate(chance.choice((128, 256)) * MIB)
        self.ok("part", "table", self.table, "--yes")
        if self.table == "mbr":
            self.ok("part", "add", "--type", "extended", "--size", "60%", "--yes")
        self.now = Snapshot(self.path, self.show())

    def run(self, verb, what, *args, json_output=False):
        """A command on the disk, as a CompletedProcess."""
        sector = ("--sector-size", 4096) if self.sector == 4096 else ()
        disk = ["--disk", self.path] if verb == "apply" else [self.path]
        argv = [verb, what, *disk, *args, *sector]
        self.log.append(" ".join(map(str, argv)))
        return self.berth(*(["--json"] if json_output else []), *argv)

    def ok(self, *args, **kwargs):
        done = self.run(*args, **kwargs)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self):
        shown = self.ok("disk", "show", json_output=True)
        self.log.pop()
        return json.loads(shown)["disk"]

    # ---- one change ----

    def change(self, verb, what, *args, new=None, gone=None, moved=None):
        """Has a change done, and expects that the partition that starts at `gone` goes, those in
        `moved` start where that says, one like `new` comes, and all else stays."""
        planned = self.run(verb, what, *args, "--dry-run", json_output=True)
        self.log.pop()
        done = self.run(verb, what, *args, "--yes")
        before, after = self.now, Snapshot(self.path, self.show())
        if done.returncode != 0:
            self.refused(done, before, after)
            return False
        assert planned.returncode == 0, planned.stderr
        steps = json.loads(planned.stdout)["steps"]
        self.check_outside(steps, before, after)
        self.check_table(after)
        moved = moved or {}
        parts = {moved.get(start, start): part for start, part in self.parts.items()
                 if start != gone}
        came = set(after.ranges) - set(parts)
        assert len(came) == (new is not None), f"partitions at {came}"
        self.check_contents(parts, before, after)
        if new is not None:
            start = came.pop()
            parts[start] = self.fill(start, after.ranges[start], *new)
        self.remember(steps, done)
        self.parts = parts
        # the rest only looked
        self.now = after if new is None else Snapshot(self.path, self.show())
        return True

    def refused(self, done, before, after):
        assert done.returncode in (2, 3), f"status {done.returncode}: {done.stderr}"
        self.log.append("  refused: " + done.stderr.strip())
        assert not list(before.changes(after)), "a refusal changed the disk"

    def remember(self, steps, done):
        """Remembers what undo leads back to, or that there is nothing."""
        undone = all(step["op"] in ("layout", "resize", "move", "format") for step in steps)
        if steps:
            self.previous = self.parts if undone and "no room" not in done.stderr else None

    def check_outside(self, steps, before, after):
        """What changed is in the plan, or in the log: no more than that can be, in no partition."""
        touches = [(t["start"], t["start"] + t["size"]) for step in steps for t in step["touches"]]
        others = [(start, end) for start, end in before.changes(after)
                  if not any(a <= start and end <= b for a, b in touches)]
        for start, end in others:
            assert not overlaps(start, end, before.ranges) and \
                not overlaps(start, end, after.ranges), f"{start} to {end}, in no plan, changed"
        assert not others or others[-1][1] - others[0][0] <= LOG_MOST, f"in no plan: {others}"

    def check_table(self, snapshot):
        if self.sector == 4096:  # the other tools cannot be told the sectors of a file
            return
        verified = subprocess.run(["sfdisk", "--verify", self.path], capture_output=True, text=True)
        assert verified.returncode == 0 and "No errors" in verified.stdout, \
            verified.stdout + verified.stderr
        found = {p["start"] * 512: (p["start"] + p["size"]) * 512
                 for p in disks.table(self.path)["partitions"] if p["type"] not in ("5", "f")}
        assert found == snapshot.ranges

    def check_contents(self, parts, before, after):
        """Partitions whose place or bytes are others now are looked into."""
        changed = dict(before.changes(after))
        for start, part in parts.items():
            end = after.ranges.get(start)
            assert end is not None, f"no {part.kind} at {start} any more"
            if before.ranges.get(start) != end or overlaps(start, end, changed):
                self.check(start, end, part)

    def check(self, start, end, part):
        end = start + part.size if part.kind == "raw" else end
        assert filled.content(part.kind, self.path, start, end) == part.content, \
            f"{part.kind} at {start} is not what it was"

    def check_everything(self):
        for start, part in self.parts.items():
            self.check(start, self.now.ranges[start], part)

    def fill(self, start, end, kind, made):
        """What is in a new partition: what berth made, or what another program puts there."""
        if made:
            return Part(kind, filled.content(kind, self.path, start, end), 0)
        image, content = self.images[kind, self.sector]
        filled.paste(image, self.path, start)
        return Part(kind, content, SIZES[kind] * MIB)

    # ---- the changes ----

    def any_partition(self):
        """Its start, number and Part."""
        start = self.chance.choice(list(self.parts))
        return start, self.now.partitions[start]["number"], self.parts[start]

    def add(self):
        kind = self.chance.choice(list(SIZES))
        size = SIZES[kind] * MIB
        if kind != "ntfs":  # its second boot sector is looked for at the end of the partition
            size += self.chance.choice((0, 0, 1, 5)) * MIB
        made = kind in ("ext4", "ntfs", "swap") and self.chance.random() < 0.2
        args = ["--size", size]
        if made:
            args += ["--fs", kind]
        if self.table == "gpt":
            args += ["--name", f"{kind}-{len(self.log)}"]
        elif self.chance.random() < 0.6:
            args += ["--logical"]
        if self.chance.random() < 0.3:
            args += ["--gap", "largest"]
        self.change("part", "add", *args, new=(kind, made))

    def rm(self):
        start, number, _ = self.any_partition()
        self.change("part", "rm", number, gone=start)

    def resize(self):
        start, number, part = self.any_partition()
        mib = self.chance.choice((1, 2, 3, 7, 12))
        size = self.chance.choice((f"+{mib}M", f"-{mib}M", "rest", f"{self.chance.randint(3, 40)}M"))
        align = self.chance.choice(((), (), ("--align", 4096)))
        self.change("part", "resize", number, "--size", size, *align)

    def move(self):
        start, number, _ = self.any_partition()
        size = self.now.ranges[start] - start
        step = self.chance.choice((4096, 16384, 65536 + 4096, 300 * 1024, MIB, 5 * MIB, 17 * MIB))
        gaps = [gap for gap in self.show()["free"] if gap["size"] > size + MIB]
        if gaps and self.chance.random() < 0.4:
            gap = self.chance.choice(gaps)
            to = gap["start"] + self.chance.randrange(0, gap["size"] - size, 4096)
            to -= to % self.sector
            option = to
        elif self.chance.random() < 0.5:
            to, option = start + step, f"+{step}"
        else:
            to, option = start - step, f"-{step}"
        self.change("part", "move", number, "--start", option, moved={start: to})

    def script(self):
        """Several partitions are moved and resized at once, in their order on the disk."""
        if self.table == "mbr":
            return  # numbers of logical partitions change there, so others are worked on one by one
        lines, moved = ["label: gpt", "unit: sectors", f"sector-size: {self.sector}"], {}
        free = MIB
        for start, p in sorted(self.now.partitions.items()):
            size = p["size"] + self.chance.choice((0, 0, -2, -1, 1, 3)) * MIB
            to = self.chance.choice((start, max(free, start - 3 * MIB), start + 2 * MIB, free))
            to = moved[start] = max(free, to)
            free = to + size
            lines.append(f"{self.path}{p['number']} : start={to // self.sector}, "
                         f"size={size // self.sector}, type={p['type']}, uuid={p['uuid']}, "
                         f"name=\"{p['name']}\"")
        script = self.path.with_name(f"script-{len(self.log)}")
        script.write_text("\n".join(lines) + "\n")
        self.log += lines
        self.change("apply", script, moved=moved)

    def set(self):
        _, number, _ = self.any_partition()
        kind = self.chance.choice(("linux", "swap"))
        args = ["--type", kind] if self.table == "mbr" else ["--name", f"n{len(self.log)}"]
        self.change("part", "set", number, *args)

    def undo(self):
        if self.previous is None:
            return
        previous, now = self.previous, self.parts
        lose = [arg for p in self.now.partitions.values() for arg in ("--lose", p["number"])]
        self.parts = previous
        assert self.change("disk", "undo", *lose), "undo was refused"
        self.previous = now if self.previous is not None else None

    def step(self):
        names = ["add", "add"] if len(self.parts) < 2 else \
            ["add", "add", "rm", "resize", "resize", "resize", "move", "move", "move", "set", "script", "script",
             "undo", "undo", "undo"]
        getattr(self, self.chance.choice(names))()


def sequence(seed, images):
    """Runs one; returns what is wrong, or None."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        disk = Disk(folder, chance, images)
        try:
            disk.add()
            disk.add()
            for _ in range(chance.randint(*CHANGES)):
                disk.step()
            disk.check_everything()
        except Exception as error:  # whatever it is, it has a seed
            return f"BERTH_PROPERTY_SEED={seed}: {type(error).__name__}: {error}\n  " + \
                "\n  ".join(disk.log)
    return None


def test_no_file_is_lost_and_no_byte_outside_the_plan_changes(images):
    seeds = range(1, SEQUENCES + 1)
    if "BERTH_PROPERTY_SEED" in os.environ:
        seeds = [int(os.environ["BERTH_PROPERTY_SEED"])]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        wrong = [text for text in pool.map(lambda seed: sequence(seed, images), seeds) if text]
    assert not wrong, f"{len(wrong)} of {len(seeds)} sequences fail\n" + "\n".join(wrong[:5])
