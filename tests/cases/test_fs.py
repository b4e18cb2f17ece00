# SPDX-License-Identifier: GPL-3.0-or-later
"""Filesystems full of files, resized as an ordinary user: every file stays, the tools that belong to
the filesystem find nothing wrong, and what may not be changed is refused untouched."""
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import time

import pytest

import windows
from disks import fingerprint
from filled import digests, make_files, run
from ordinary import AS_ORDINARY, ORDINARY
from program import BERTH

BUILD = pathlib.Path(BERTH).parent
MIB = 1 << 20


@pytest.fixture
def folder():
    """Where the ordinary user may work; pytest's own folders are their maker's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield pathlib.Path(name)


class Image:
    """An image file with one filesystem, and fs_tool on it as an ordinary user."""

    def __init__(self, folder, kind, size):
        self.folder, self.kind, self.path = folder, kind, folder / "fs.img"
        self.path.touch()
        self.resize_file(size)
        if os.getuid() == 0:
            os.chmod(folder, 0o777)
            os.chown(self.path, ORDINARY, ORDINARY)

    def resize_file(self, size):
        os.truncate(self.path, size)

    def tool(self, operation, *args, prefix=AS_ORDINARY, env=None):
        """fs_tool's CompletedProcess."""
        return subprocess.run([*prefix, BUILD / "tests/fs_tool", operation, self.kind, self.path,
                               *map(str, args)], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})

    def ok(self, operation, *args, **kwargs):
        done = self.tool(operation, *args, **kwargs)
        assert done.returncode == 0, f"{operation} {args}: {done.stderr}"
        return done.stdout

    def bounds(self):
        """now, least, most, unit, floor"""
        return [int(word) for word in self.ok("bounds").split()]

    def refused(self, operation, *args, words):
        """The operation ends with status 3, says these words, gives a way out, changes nothing."""
        before = fingerprint(self.path)
        done = self.tool(operation, *args)
        assert done.returncode == 3, done.stderr
        assert words in done.stderr and "hint: " in done.stderr
        assert fingerprint(self.path) == before

    def patch(self, offset, data):
        with open(self.path, "r+b") as image:
            image.seek(offset)
            image.write(data)


class Ext:
    """mke2fs fills it, debugfs reads it, e2fsck judges it."""

    def __init__(self, folder, kind, *options):
        self.image = Image(folder, kind, 200 * MIB)
        make_files(folder / "tree", 1)
        run("mke2fs", "-q", "-F", "-t", kind, "-d", folder / "tree", *options, self.image.path)
        self.expected = digests(folder / "tree")

    def assert_whole(self):
        run("e2fsck", "-fn", self.image.path)
        out = self.image.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        run("debugfs", "-R", f"rdump / {out}", self.image.path)
        assert digests(out) == self.expected


class Ntfs:
    """berth makes it, ntfscp fills it, ntfscat reads it, ntfsfix judges it."""

    def __init__(self, folder):
        self.image = Image(folder, "ntfs", 100 * MIB)
        self.image.ok("make", "data")
        make_files(folder / "tree", 2)
        self.expected = {}
        for number, path in enumerate(sorted((folder / "tree").rglob("f*"))):
            run("ntfscp", "-f", self.image.path, path, f"file{number}")
            self.expected[f"file{number}"] = path.read_bytes()

    def assert_whole(self):
        run("ntfsfix", "-n", self.image.path)
        run("ntfsresize", "--check", self.image.path)  # without -f: and is not dirty
        self.image.ok("ready")
        for name, data in self.expected.items():
            assert run("ntfscat", "-f", self.image.path, name).stdout == data


class Fat:
    """mkfs.vfat makes it, mtools fill and read it, fsck.vfat judges it. Its files lie in pieces; long
    names, folders deep in each other, folders of many clusters. Label and UUID are part of it."""

    def __init__(self, folder, size=12 * MIB, *options):
        self.image = Image(folder, "vfat", size)
        run("mkfs.vfat", "-n", "LABEL", *options, self.image.path)
        first, second = folder / "first", folder / "tree"
        make_files(first, 5, count=20, small=100)
        deep = first / "d1" / "x" / "y" / "a folder with a long name" / "z"
        deep.mkdir(parents=True)
        (deep / "a file with a name that takes several entries.text").write_bytes(bytes(5000))
        self.mtool("mcopy", "-s", *sorted(first.iterdir()), "::")
        for path in sorted(first.rglob("*[02468]")):
            if path.is_file():
                self.mtool("mdel", f"::/{path.relative_to(first)}")
                path.unlink()
        make_files(second / "later", 6, count=12, small=10)
        self.mtool("mcopy", "-s", second / "later", "::")
        shutil.copytree(first, second, dirs_exist_ok=True)
        self.expected = digests(second), self.identity()

    def mtool(self, tool, *words):
        run(tool, "-i", self.image.path, *words, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})

    def identity(self):
        return run("blkid", "-p", "-o", "value", "-s", "UUID", "-s", "LABEL", self.image.path).stdout

    def bits(self):
        """What the boot sector says it is."""
        boot = self.image.path.read_bytes()[:512]
        return int(boot[85:87] if boot[22:24] == bytes(2) else boot[57:59])

    def clusters(self):
        said = run("fsck.vfat", "-n", self.image.path, text=True).stdout
        return int(re.search(r"/(\d+) clusters", said)[1])

    def assert_whole(self):
        run("fsck.vfat", "-n", self.image.path)
        self.image.ok("ready")
        out = self.image.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        self.mtool("mcopy", "-snm", "::", out)
        assert (digests(out), self.identity()) == self.expected


FILLED = {
    "ext4": lambda folder: Ext(folder, "ext4"),
    "ext4-1k": lambda folder: Ext(folder, "ext4", "-b", "1024"),
    "ext4-32bit": lambda folder: Ext(folder, "ext4", "-O", "^64bit,^resize_inode"),
    "ext3": lambda folder: Ext(folder, "ext3"),
    "ext2": lambda folder: Ext(folder, "ext2", "-b", "1024"),
    "ntfs": Ntfs,
    "fat12": lambda folder: Fat(folder, 8 * MIB),
    "fat16": lambda folder: Fat(folder, 40 * MIB),
    "fat32": lambda folder: Fat(folder, 40 * MIB, "-F", "32", "-s", "1"),
    "fat32-4096": lambda folder: Fat(folder, 280 * MIB, "-F", "32", "-S", "4096", "-s", "1"),
}


@pytest.fixture(params=FILLED)
def filled(request, folder):
    return FILLED[request.param](folder)


def test_shrinks_to_its_least_and_grows_with_every_file(filled):
    image = filled.image
    now, least, _, unit, _ = image.bounds()
    assert least < now / 2
    image.ok("resize", least)
    assert image.bounds()[0] <= least
    image.resize_file(least)
    filled.assert_whole()
    image.resize_file(300 * MIB)
    image.ok("resize", 300 * MIB)
    assert image.bounds()[0] > 300 * MIB - 9 * MIB
    filled.assert_whole()


def test_grows_over_what_the_disk_held_before(filled):
    image = filled.image
    end = image.path.stat().st_size
    with open(image.path, "ab") as file:
        file.write(b"\xff" * (100 * MIB))
    image.ok("resize", end + 100 * MIB)
    filled.assert_whole()


def test_what_is_called_free_is(filled):
    """fs_tool writes over all of it."""
    free, _, total, *_ = filled.image.ok("free").split()
    assert int(total) / 2 < int(free) < int(total)
    filled.assert_whole()


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "fat16"])
def test_random_sizes(folder, kind):
    chance = random.Random(3)
    filled = FILLED[kind](folder)
    image = filled.image
    for _ in range(5):
        _, least, _, _, _ = image.bounds()
        size = chance.randrange(least, 400 * MIB) // 4096 * 4096
        image.resize_file(max(image.path.stat().st_size, size))
        image.ok("resize", size)
        image.resize_file(size)
        filled.assert_whole()


def test_what_does_not_fit_changes_nothing(filled):
    image = filled.image
    before = fingerprint(image.path)
    done = image.tool("resize", image.bounds()[4] // 8192 * 4096)
    assert done.returncode == 2 and "does not fit" in done.stderr
    assert fingerprint(image.path) == before


def test_between_what_cannot_fit_and_its_least_every_file_stays_or_nothing_changes(filled):
    image = filled.image
    before = fingerprint(image.path)
    _, least, _, unit, floor = image.bounds()
    size = (least + floor) // 2 // unit * unit
    done = image.tool("resize", size)
    if done.returncode == 0:
        image.resize_file(size)
        filled.assert_whole()
    else:
        assert fingerprint(image.path) == before


def test_a_check_changes_nothing_and_finds_damage(filled):
    image = filled.image
    before = fingerprint(image.path)
    image.ok("check")
    assert fingerprint(image.path) == before
    if image.kind == "ntfs":
        start, length = 4 * 4096, 4096  # mkntfs puts $MFT there
    else:
        start, length = 4096, 64 * 1024
    image.patch(start, b"\x5a" * length)
    done = image.tool("check")
    assert done.returncode in (1, 5), done.stderr


@pytest.mark.parametrize("options, sizes", [
    (("-F", "12", "-s", "4"), ((7, 12), (16, 16), (300, 32), (30, 16), (7, 12))),
    (("-F", "16", "-S", "4096", "-s", "1"), ((40, 16), (512, 32), (100, 16), (12, 12))),
])
def test_a_fat_has_as_many_bits_as_its_clusters_ask_for(folder, options, sizes):
    filled = Fat(folder, {"12": 6, "16": 24}[options[1]] * MIB, *options)
    assert filled.bits() == int(options[1])
    for size, bits in sizes:
        size *= MIB
        filled.image.resize_file(max(size, filled.image.path.stat().st_size))
        filled.image.ok("resize", size)
        filled.image.resize_file(size)
        filled.assert_whole()
        assert filled.bits() == bits, size


def test_a_fat32_of_too_few_clusters_stays_one(folder):
    """Linux, GRUB and UEFI go by the boot sector. mtools do not: it is empty."""
    image = Image(folder, "vfat", 40 * MIB)
    run("mkfs.vfat", "-F", "32", "-s", "8", image.path)
    for size in (64, 300, 290, 40):
        image.resize_file(max(size * MIB, image.path.stat().st_size))
        image.ok("resize", size * MIB)
        image.resize_file(size * MIB)
        run("fsck.vfat", "-n", image.path)
        kind = image.path.read_bytes()[82:90], image.path.read_bytes()[54:62]
        assert kind[0] == b"FAT32   " if size != 40 else kind[1] == b"FAT16   "


def test_no_fat_is_made_near_the_limits_where_drivers_disagree(folder):
    """Of every number of clusters around 4085: FAT12 well below, FAT16 well above."""
    filled = Fat(folder, 7 * MIB, "-F", "12", "-s", "4")
    for sectors in range(16340, 16560, 28):
        filled.image.resize_file(9 * MIB)
        filled.image.ok("resize", sectors * 512)
        clusters = filled.clusters()
        assert clusters <= 4085 - 16 if filled.bits() == 12 else clusters >= 4085 + 16, sectors
    filled.assert_whole()


def test_a_bad_cluster_of_a_fat_stays_where_it_is_and_holds_nothing(folder):
    filled = Fat(folder, 12 * MIB, "-F", "12", "-s", "8")
    boot = filled.image.path.read_bytes()[:512]
    fats, = struct.unpack_from("<H", boot, 14)
    data = (fats + 2 * struct.unpack_from("<H", boot, 22)[0]) * 512 + 512 * 32
    cluster = filled.clusters() // 2 * 2
    for copy in range(2):
        at = (fats + copy * struct.unpack_from("<H", boot, 22)[0]) * 512 + cluster * 3 // 2
        high = filled.image.path.read_bytes()[at + 1] & 0xf0
        filled.image.patch(at, bytes((0xf7, high | 0xf)))
    place = data + (cluster - 2) * 4096
    filled.image.patch(place, b"\xbd" * 4096)
    filled.image.resize_file(400 * MIB)
    filled.image.ok("resize", 400 * MIB)
    filled.assert_whole()
    filled.image.ok("free")  # which writes over all that is
    assert filled.image.path.read_bytes()[place:place + 4096] == b"\xbd" * 4096


def test_a_fat_whose_chain_is_broken_is_not_resized(folder):
    filled = Fat(folder, 40 * MIB)
    filled.image.patch(4 * 512 + 2 * 40, b"\x34\xf0")  # mkfs.vfat's FAT16 begins at sector 4
    before = fingerprint(filled.image.path)
    done = filled.image.tool("resize", 30 * MIB)
    assert done.returncode in (1, 5) and "fsck.vfat" in done.stderr, done.stderr
    assert fingerprint(filled.image.path) == before


# ---- states in which nothing may be changed ----

@pytest.fixture
def ext4(folder):
    return Ext(folder, "ext4").image


def debugfs(image, command):
    run("debugfs", "-w", "-R", command, image.path)


@pytest.mark.parametrize("command, words", [
    ("feature needs_recovery", "journal needs recovery"),
    ("set_super_value state 2", "marked as damaged"),
    ("set_super_value state 0", "not cleanly unmounted"),
    ("set_super_value last_orphan 12", "half deleted"),
])
def test_an_ext4_that_must_be_checked_first_is_refused(ext4, command, words):
    debugfs(ext4, command)
    ext4.refused("ready", words=words)


def test_an_ext4_with_unknown_features_is_refused(ext4):
    debugfs(ext4, "set_super_value feature_incompat 0x40000242")
    done = ext4.tool("ready")
    assert done.returncode == 3, done.stderr


@pytest.fixture
def ntfs(folder):
    image = Image(folder, "ntfs", 40 * MIB)
    image.ok("make", "data")
    image.ok("ready")
    return image


def test_a_dirty_ntfs_is_refused(ntfs):
    run("ntfsfix", ntfs.path)  # which wants chkdsk to look at what it did
    ntfs.refused("ready", words="marked dirty")


@pytest.mark.parametrize("signature", [b"hibr", b"HIBR"])
def test_a_hibernated_windows_is_refused(ntfs, signature):
    windows.hiberfil(ntfs.path, signature)
    ntfs.refused("ready", words="hibernated, or was shut down with fast startup")


def test_an_empty_hiberfil_is_no_hibernation(ntfs):
    windows.hiberfil(ntfs.path, b"wake")
    ntfs.ok("ready")


def test_an_ntfs_whose_journal_has_work_left_is_refused(ntfs):
    windows.leave_journal(ntfs.path)
    ntfs.refused("ready", words="journal has changes to make")


def test_bitlocker_is_refused(ntfs):
    ntfs.patch(3, b"-FVE-FS-")
    ntfs.refused("ready", words="BitLocker")


def test_a_btrfs_with_a_log_is_refused(folder):
    image = Image(folder, "btrfs", 200 * MIB)
    image.ok("make", "data")
    image.ok("ready")
    image.patch(64 * 1024 + 0x60, struct.pack("<Q", 1 << 20))
    image.refused("ready", words="not cleanly unmounted")


@pytest.mark.parametrize("flag, words", [(32, "is a seed"), (33, "dump of metadata"), (35, "was interrupted")])
def test_a_btrfs_that_nobody_mounts_for_writing_is_refused(folder, flag, words):
    image = Image(folder, "btrfs", 200 * MIB)
    image.ok("make", "data")
    image.patch(64 * 1024 + 0x38, struct.pack("<Q", 1 | 1 << flag))
    image.refused("ready", words=words)


@pytest.mark.parametrize("offset, data, words", [(216, struct.pack(">I", 0x1b), "marked as damaged"),
                                                 (126, b"\x01", "not made to its end")])
def test_an_xfs_that_nobody_mounts_is_refused(folder, offset, data, words):
    image = Image(folder, "xfs", 320 * MIB)
    image.ok("make", "data")
    image.patch(offset, data)
    image.refused("ready", words=words)


def test_an_xfs_with_a_log_to_replay_is_refused(folder):
    image = Image(folder, "xfs", 320 * MIB)
    image.ok("make", "data")
    image.ok("ready")
    if os.getuid() != 0:
        return
    mountpoint = folder / "mnt"
    mountpoint.mkdir()
    run("mount", "-o", "loop", image.path, mountpoint)
    try:
        (mountpoint / "folder").mkdir()
        run("xfs_io", "-x", "-c", "shutdown -f", mountpoint)
    finally:
        run("umount", mountpoint)
    image.refused("ready", words="log needs recovery")


def test_a_dirty_vfat_is_refused(folder):
    image = Image(folder, "vfat", 300 * MIB)
    image.ok("make", "data")
    image.ok("ready")
    image.patch(0x41, b"\x01")
    image.refused("ready", words="not cleanly unmounted")
    image.patch(0x41, b"\x00")
    image.ok("ready")
    image.patch(32 * 512 + 7, b"\x07")  # as Windows does, in the FAT
    image.refused("ready", words="not cleanly unmounted")


# ---- the rest ----

@pytest.mark.parametrize("kind", ["ext4", "vfat", "ntfs", "swap"])
def test_is_made_the_same_on_request(folder, kind):
    made = set()
    for name in ("one", "two"):
        (folder / name).mkdir()
        image = Image(folder / name, kind, 100 * MIB)
        image.ok("make", "data", env={"SOURCE_DATE_EPOCH": "1700000000"})
        made.add(fingerprint(image.path))
        time.sleep(1.1 if name == "one" else 0)
    assert len(made) == 1


def test_what_moves_knows_its_new_place(folder):
    for kind, copy in (("ntfs", 40 * MIB - 512), ("vfat", 6 * 512)):
        (folder / kind).mkdir()
        image = Image(folder / kind, kind, 40 * MIB if kind == "ntfs" else 300 * MIB)
        image.ok("make", "data")
        image.ok("moved", 77 * MIB)
        data = image.path.read_bytes()
        for boot in (0, copy):
            assert struct.unpack_from("<I", data, boot + 0x1c)[0] == 77 * MIB // 512
        image.ok("check")


@pytest.mark.parametrize("kind", ["ext4", "ntfs", "btrfs", "xfs"])
def test_mounts_of_others_do_not_matter(folder, kind):
    """Not even a loop device over a file that the user may not see."""
    other = folder / "other"
    (other / "mnt").mkdir(parents=True)
    os.chmod(other, 0o700)
    if os.getuid() == 0:
        run("truncate", "-s", "8M", other / "img")
        run("mke2fs", "-q", "-F", other / "img")
        run("mount", "-o", "loop", other / "img", other / "mnt")
    try:
        image = Image(folder, kind, 320 * MIB)
        image.ok("make", "data")
        image.ok("check")
        image.ok("bounds")
    finally:
        subprocess.run(["umount", other / "mnt"], capture_output=True, check=False)


def mounted(kind):
    """Where one of that kind is mounted; other tests may mount others meanwhile."""
    lines = pathlib.Path("/proc/self/mounts").read_text(encoding="ascii").splitlines()
    return [line for line in lines if line.split()[2] == kind]


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_what_grows_only_mounted_does_so_in_private(folder, kind):
    image = Image(folder, kind, 320 * MIB)
    image.ok("make", "data")
    image.resize_file(512 * MIB)
    image.refused("mounted", 0, words="mounted")
    if os.getuid() != 0:
        return
    mounts = mounted(kind)
    assert image.ok("mounted", 0, prefix=[]) == "empty\n"
    assert mounted(kind) == mounts
    assert image.bounds()[0] == 512 * MIB
    image.ok("check")
    image.ok("ready")
    run("sh", "-c", f"mkdir {folder}/mnt && mount {image.path} {folder}/mnt && touch {folder}/mnt/file; "
        f"umount {folder}/mnt")
    image.resize_file(640 * MIB)
    assert image.ok("mounted", 0, prefix=[]) == "has files\n"


def test_a_luks_container_is_made_and_then_left_alone(folder):
    # cryptsetup spends seconds on a key by default; this one need not withstand anything
    real = shutil.which("cryptsetup", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    fast = folder / "bin" / "cryptsetup"
    fast.parent.mkdir()
    fast.write_text(f"#!/bin/sh\nexec {real} \"$@\" --pbkdf pbkdf2 --pbkdf-force-iterations 1000\n")
    fast.chmod(0o755)
    key = folder / "key"
    key.write_bytes(b"secret")
    image = Image(folder, "luks", 40 * MIB)
    image.ok("make", "data", env={"FS_TOOL_KEY": str(key),
                                  "PATH": f"{fast.parent}:{os.environ['PATH']}"})
    run("cryptsetup", "open", "--test-passphrase", "--key-file", key, image.path)
    image.ok("check")
    image.refused("ready", words="encrypted")
