# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes in a resize or move, a system mounts the filesystem and writes to it, and only then
the work is finished: nothing of that may be lost. While the filesystem is half the old and half the new one, nothing can mount
it."""
import os
import subprocess

import pytest

import disks
import filled
from crash import trace

MIB = 1 << 20
START = 20 * MIB
LATER = {**os.environ, "E2FSPROGS_FAKE_TIME": "2000000000"}  # another second than the resize's


def make_disk(berth):
    disk = berth.home / "d.img"
    berth.ok("-y", "part", "table", disk, "gpt", "--size", "200M")
    berth.ok("-y", "part", "add", disk, "--name", "d", "--start", "20M", "--size", "64M")
    subprocess.run(["mkfs.ext4", "-qF", "-b", "1024", "-E", f"offset={START}", disk, "64M"],
                   check=True, capture_output=True)
    return disk


def write_file(disk, start, scratch):
    """As a system would that mounts what begins there. False: it could not be mounted."""
    (scratch / "new").write_bytes(b"N" * 6 * MIB)
    done = subprocess.run(["debugfs", "-w", "-R", f"write {scratch}/new new", f"{disk}?offset={start}"],
                          env=LATER, capture_output=True, text=True, check=False)
    return "Allocated inode" in done.stdout


def content(disk):
    start, end = disks.ranges(disk)["d"]
    return disks.ext_content(disk, start, end)


def traced(berth, disk, *command):
    base, log = berth.home / "base", berth.home / "trace"
    disks.copy(disk, base)
    berth.ok("-y", "part", *command, env={"BERTH_TRACE": str(log)})
    return base, trace.read(log)


@pytest.mark.parametrize("size", ["120M", "52M"])
def test_a_filesystem_written_amid_its_resize_is_kept(berth, size):
    disk = make_disk(berth)
    base, changes = traced(berth, disk, "resize", disk, "d", "--size", size)
    finished = 0
    for name, cut in trace.cuts(base, changes, berth.home):
        if write_file(cut, START, berth.home):
            done = berth("-y", "disk", "finish", cut)
            assert done.returncode == 0, f"{name}: {done.stderr}"
            assert list(content(cut)) == ["lost+found", "new"], name
            finished += 1
        os.remove(cut)
    assert finished > len(changes) / 4


WRITERS = {  # the words that put a file on an image of a filesystem, and those that print it
    "vfat": (("mcopy", "-i", "{image}", "{file}", "::new"), ("mtype", "-i", "{image}", "::new")),
    "ntfs": (("ntfscp", "{image}", "{file}", "new"), ("ntfscat", "{image}", "new")),
}


def run_on(words, image, file):
    return subprocess.run([word.format(image=image, file=file) for word in words],
                          capture_output=True, check=False)


def extracted(disk):
    image = f"{disk}-part"
    disks.extract(disk, *disks.ranges(disk)["d"], image)
    return image


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("size", ["120M", "40M"])
def test_one_that_keeps_no_time_of_its_last_write_is_kept(berth, kind, size):
    put, get = WRITERS[kind]
    disk, file = berth.home / "d.img", berth.home / "new"
    file.write_bytes(b"N" * 3 * MIB)
    berth.ok("-y", "part", "table", disk, "gpt", "--size", "200M")
    berth.ok("-y", "part", "add", disk, "--name", "d", "--start", "20M", "--size", "64M", "--fs", kind)
    base, changes = traced(berth, disk, "resize", disk, "d", "--size", size)
    finished = 0
    for name, cut in trace.cuts(base, changes, berth.home):
        image = extracted(cut)
        if run_on(put, image, file).returncode == 0:
            filled.paste(image, cut, START)
            done = berth("-y", "disk", "finish", cut)
            assert done.returncode == 0, f"{name}: {done.stderr}"
            assert berth.json("disk", "show", cut)["disk"]["pending"] is None
            filled.read(kind, extracted(cut))
            assert run_on(get, extracted(cut), file).stdout == file.read_bytes(), name
            finished += 1
        os.remove(cut)
    assert finished > 2


def test_what_is_written_to_the_source_amid_a_move_is_moved(berth):
    disk = make_disk(berth)
    base, changes = traced(berth, disk, "move", disk, "d", "--start", "100M")
    for name, cut in trace.cuts(base, changes, berth.home):
        start, _ = disks.ranges(cut)["d"]
        assert write_file(cut, start, berth.home), name
        berth.ok("-y", "disk", "finish", cut)
        assert list(content(cut)) == ["lost+found", "new"], name
        os.remove(cut)


def make_filesystem(disk, start):
    subprocess.run(["mkfs.ext4", "-qF", "-E", f"offset={start}", disk, "8M"], check=True, capture_output=True)


@pytest.mark.parametrize("start, made", [(100, 100), (30, 30), (30, 20), (12, 12)],
                         ids=["apart", "right", "right-in-the-old-place", "left"])
def test_a_filesystem_that_was_made_where_a_move_goes_is_not_copied_over(berth, start, made):
    """As other tools would that know of no move; who says so has it overwritten, or gives the move up."""
    disk = make_disk(berth)
    base, changes = traced(berth, disk, "move", disk, "d", "--start", f"{start}M")
    command, refused = ("-y", "disk", "finish", f"{berth.home}/cut"), 0
    cut = command[-1]
    for number, (name, path) in enumerate(trace.cuts(base, changes, berth.home)):
        os.rename(path, cut)
        shown = berth.json("disk", "show", cut)["disk"]
        part, = shown["partitions"]
        if number % 8 or not shown["pending"] or (part["start"], part["size"]) == (start * MIB, 64 * MIB):
            continue
        make_filesystem(cut, made * MIB)
        before = disks.fingerprint(cut)
        for again in command, ("-y", "part", "move", cut, "d", "--start", f"{start}M"):
            done = berth(*again)
            assert done.returncode == 3 and "something else by now: ext4" in done.stderr, name
            assert f"part rm {cut} 1 --lose 1" in done.stderr and f"disk finish {cut} --lose 1" in done.stderr
        assert disks.fingerprint(cut) == before, name
        refused += 1
        if refused % 2:
            berth.ok(*command, "--lose", "1")
        else:
            berth.ok("-y", "part", "rm", cut, "1", "--lose", "1")
        assert berth.json("disk", "show", cut)["disk"]["pending"] is None
    assert refused > 2


@pytest.mark.parametrize("command", [("resize", "--size", "120M"), ("resize", "--size", "30M"),
                                     ("move", "--start", "30M")])
def test_what_can_never_be_finished_is_given_up_with_its_partition(berth, command):
    disk = make_disk(berth)
    base, changes = traced(berth, disk, command[0], disk, "d", *command[1:])
    stuck = 0
    for name, cut in trace.cuts(base, changes, berth.home):
        start, _ = disks.ranges(cut)["d"]
        with open(cut, "r+b") as file:  # something else in its place
            file.seek(start)
            file.write(b"new" * MIB)
        done = berth("-y", "disk", "finish", cut)
        if berth.json("disk", "show", cut)["disk"]["pending"]:
            stuck += 1
            assert f"part rm {cut} 1 --lose 1" in done.stderr, name
            other = berth("-y", "part", "rm", cut, "d")
            assert other.returncode == 3 and "--lose 1" in other.stderr, name
            berth.ok("-y", "part", "rm", cut, "d", "--lose", "d")
            assert "given up" in berth.ok("disk", "log", cut), name
            assert "no change that could be undone" in berth("-y", "disk", "undo", cut).stderr, name
            assert "d" not in disks.ranges(cut), name
        else:
            berth.ok("-y", "part", "rm", cut, "d")
        berth.ok("-y", "part", "add", cut, "--size", "1M", "--lose", "1")
        os.remove(cut)
    assert stuck > 0 or command[0] == "move"


def test_a_shrink_that_no_longer_fits_leaves_the_disk_free(berth):
    disk = make_disk(berth)
    base, changes = traced(berth, disk, "resize", disk, "d", "--size", "30M")
    cut = [path for _, path in trace.cuts(base, changes[:4], berth.home)][-1]
    assert berth.json("disk", "show", cut)["disk"]["pending"]
    for name in "ab":
        (berth.home / "new").write_bytes(b"N" * 20 * MIB)
        subprocess.run(["debugfs", "-w", "-R", f"write {berth.home}/new {name}",
                        f"{cut}?offset={START}"], check=True, capture_output=True)
    assert berth("-y", "disk", "finish", cut).returncode == 2
    berth.ok("-y", "part", "set", cut, "d", "--name", "free")
