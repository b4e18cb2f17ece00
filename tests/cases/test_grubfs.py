# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots on btrfs and XFS: what GRUB's program, jailed, lets berth read of them, as an ordinary user."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile

import pytest

import disks
import filled
from guests import tiny
from ordinary import AS_ORDINARY, ORDINARY, OrdinaryBerth
from program import BERTH, Berth

MIB = 1 << 20
START, SIZE = 3 * MIB, 300 * MIB  # of the filesystem, in a larger file
TREE_DUMP = pathlib.Path(BERTH).parent / "tests/tree_dump"
MAKERS = {"btrfs": (filled.make_btrfs, ()), "xfs": (filled.make_xfs, ()),
          "xfs with large counters": (filled.make_xfs, ("-i", "nrext64=1"))}


def make(kind, image, files, size=SIZE):
    image.touch()
    os.truncate(image, size)
    maker, options = MAKERS[kind]
    maker(image, files, 512, *options)
    return image


# hard to tell from what GRUB says itself; a prototype of mkfs.xfs takes no spaces
NAMES = (".hidden", "deep/er/and/deeper/ü", "(loop0)", "$x;'\"\\")
SPACED = ("a b/c d", "0            20200101000000 x")


def make_files(folder, names):
    """Sizes from none to some MiB, folders, and odd names."""
    folder.mkdir()
    filled.make_files(folder, 7, count=12, small=8)
    for name in ("boot", "empty", "a b", "deep/er/and/deeper"):
        if name != "a b" or SPACED[0] in names:
            (folder / name).mkdir(parents=True)
    (folder / "boot/initrd").write_bytes(random.Random(3).randbytes(6 * MIB))
    (folder / "boot/pattern").write_bytes((b"pattern" + bytes(4089)) * 512)
    for name in names:
        (folder / name).write_text(name)
    return folder


@pytest.fixture(scope="module")
def home():
    """A folder that the ordinary user may work in; pytest's own are their maker's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield pathlib.Path(name)


def embed(image, path):
    """The filesystem in the middle of a file whose other bytes are no part of it."""
    with open(path, "wb") as whole:
        whole.write(b"\xff" * START)
        whole.truncate(START + SIZE + 4096)
    filled.paste(image, path, START)
    image.unlink()
    return path


@pytest.fixture(scope="module", params=MAKERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def files(kind, home):
    spaced = SPACED if kind == "btrfs" else ()
    return make_files(home / f"files-{kind.replace(' ', '-')}", NAMES + spaced)


@pytest.fixture(scope="module")
def image(kind, home, files):
    name = kind.replace(" ", "-")
    path = embed(make(kind, home / f"{name}.stage", files), home / f"{name}.img")
    if os.getuid() == 0:
        os.chown(path, ORDINARY, ORDINARY)
    yield path
    path.unlink()


def dump(image, reader, size=SIZE):
    return subprocess.run([*AS_ORDINARY, TREE_DUMP, image, str(START), str(size), reader],
                          capture_output=True, text=True, timeout=60)


def seen(image, reader="grub"):
    """path: digest of each file, and None of each folder."""
    done = dump(image, reader)
    assert done.returncode == 0, done.stderr
    return {bytes.fromhex(path).decode(): entry.get("sha256")
            for path, entry in json.loads(done.stdout).items()}


def there(folder):
    found = {"": None}
    for path in folder.rglob("*"):
        data = None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = data
    del found["empty"]  # GRUB says the same of what is empty and of what is not there
    return found


def test_every_file_is_read_as_it_is_and_nothing_is_written(image, files):
    before = disks.fingerprint(image)
    found = seen(image)
    found.pop("empty", None)
    assert found == there(files)
    assert disks.fingerprint(image) == before


def test_what_an_overlay_has_over_it_is_read_from_there(image, files):
    found = seen(image, "overlay")
    before = (files / "boot/pattern").read_bytes()
    digests = {hashlib.sha256(before.replace(b"pattern", b"written", n)).hexdigest()
               for n in range(1, 3)}
    assert found["boot/pattern"] in digests
    assert found["boot/initrd"] == there(files)["boot/initrd"]


def test_a_filesystem_that_lies_is_an_error_or_other_files_but_never_more(image, home):
    chance = random.Random(5)
    broken = home / "broken.img"
    disks.copy(image, broken)
    with open(broken, "r+b") as file:
        data = [at for at, _ in disks.data_chunks(broken, START)]
        for _ in range(3000):
            at = chance.choice(data[:4]) + chance.randrange(MIB)
            os.pwrite(file.fileno(), chance.randbytes(1), at)
    os.chmod(broken, 0o644)
    done = dump(broken, "grub")
    assert done.returncode in (0, 1)
    assert all(" " <= c or c == "\n" for c in done.stderr), done.stderr
    broken.unlink()


@pytest.mark.parametrize("prefix", [AS_ORDINARY, []])
def test_a_tool_that_was_taken_over_reaches_nothing_but_its_filesystem(home, prefix):
    (home / "tools").mkdir(exist_ok=True)
    shutil.copy(TREE_DUMP.parent / "jailed_tool", home / "tools/grub-fstest")
    image = home / "taken.img"
    with open(image, "wb") as file:
        file.write(b"o" * START + b"XFSB")
        file.truncate(START + SIZE)
        os.pwrite(file.fileno(), b"o" * MIB, START + SIZE)
    image.chmod(0o666)
    env = {**os.environ, "PATH": f"{home}/tools:{os.environ['PATH']}"}
    before = disks.fingerprint(image)
    done = subprocess.run([*prefix, TREE_DUMP, image, str(START), str(SIZE), "grub"], env=env,
                          capture_output=True, text=True, timeout=60)
    assert "outside denied, write denied, open denied, socket denied, fork denied, " \
        "its image is there" in done.stderr
    assert disks.fingerprint(image) == before


def test_what_is_no_filesystem_is_told(home):
    empty = home / "empty.img"
    empty.touch()
    os.truncate(empty, START + SIZE)
    os.chmod(empty, 0o644)
    done = dump(empty, "grub")
    assert done.returncode == 1 and "no filesystem that GRUB can read" in done.stderr


# ---- berth run ----

MACHINE = """\
berth: 1
name: run
disk: {path: disk.img, size: 480MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
host:
  name: main
  image: tiny
  root: {size: 16MiB, fs: ext4}
guests:
  - name: dev
    image: tiny
    root: {size: 400MiB, fs: ext4}
"""

# stands for QEMU: says on the guest's serial line what it was given, and ends
ENGINE = """\
#!/usr/bin/python3
import hashlib, os, re, sys
argv = sys.argv
def digest(option):
    return hashlib.sha256(open(argv[argv.index(option) + 1], "rb").read()).hexdigest()
serial = int(re.search(r"id=serial,fd=(\\d+)", " ".join(argv)).group(1))
os.write(serial, f"KERNEL {digest('-kernel')}\\nINITRD {digest('-initrd')}\\n"
                 f"APPEND {argv[argv.index('-append') + 1]} END\\n".encode())
"""


class Disk:
    """A disk with dev, whose root is put there by the tools of another filesystem."""

    def __init__(self, home, berth, path, options=None):
        self.home, self.berth, self.path = home, berth, path
        self.files = home / "root"
        self.start, self.end = disks.ranges(path)["dev"]

    def add_kernel(self, folder, version):
        boot = self.files / folder / "boot"
        boot.mkdir(parents=True, exist_ok=True)
        for name in (f"vmlinuz-{version}", f"initrd.img-{version}"):
            (boot / name).write_bytes(f"{folder} {name}".encode() * 9999)

    def fill(self, kind, options=()):
        stage = self.home / "stage.img"
        stage.touch()
        os.truncate(stage, self.end - self.start)
        MAKERS[kind][0](stage, self.files, 512, *options)
        filled.paste(stage, self.path, self.start)
        stage.unlink()

    def run(self, *options):
        return self.berth("run", "dev", "--disk", self.path, "--engine", "qemu", "--net", "none",
                          *options, env={"PATH": f"{self.home}:{os.environ['PATH']}"})

    def boots(self, folder, version, word, *options):
        """Expects the engine to get that kernel and initrd, and that on the command line."""
        done = self.run(*options)
        for what, name in (("KERNEL", "vmlinuz"), ("INITRD", "initrd.img")):
            data = (self.files / folder / f"boot/{name}-{version}").read_bytes()
            assert f"{what} {hashlib.sha256(data).hexdigest()}" in done.stdout, done.stderr
        assert f"dev: Linux {version}" in done.stderr
        line = re.search("APPEND (.*) END", done.stdout).group(1)
        assert re.fullmatch(f"root=UUID=[0-9a-f-]{{36}} ro {word}console=ttyS0", line), line
        return done.stderr


@pytest.fixture(scope="module")
def made(home):
    """The disk, with dev still on ext4, and the kernel options of dev as asked."""
    tiny.make_image(home / "tiny.tar")
    berth = Berth(home / "made")
    berth.home.mkdir()
    berth.ok("image", "add", home / "tiny.tar", "--name", "tiny", "--unsigned")
    (home / "qemu-system-x86_64").write_text(ENGINE)
    (home / "qemu-system-x86_64").chmod(0o755)
    paths = {}
    for name, options in (("plain", ""), ("named", "quiet rootflags=subvol=/mine,noatime"),
                          ("flags", "rootflags=noatime")):
        machine = MACHINE + (f"    kernel-options: {options}\n" if options else "")
        folder = home / name
        folder.mkdir()
        (folder / "machine.yaml").write_text(machine)
        berth.ok("apply", folder / "machine.yaml", "--yes")
        paths[name] = folder / "disk.img"
    ordinary = home / "ordinary"
    ordinary.mkdir()
    ordinary.chmod(0o777)
    return OrdinaryBerth(ordinary, home / "made/store"), paths


@pytest.fixture
def disk(request, made, home, tmp_path):
    berth, paths = made
    with tempfile.TemporaryDirectory(dir=home) as folder:
        os.chmod(folder, 0o777)
        folder = pathlib.Path(folder)
        path = folder / "disk.img"
        disks.copy(paths[getattr(request, "param", "plain")], path)
        (folder / "qemu-system-x86_64").symlink_to(home / "qemu-system-x86_64")
        if os.getuid() == 0:
            os.chown(path, ORDINARY, ORDINARY)
        yield Disk(folder, berth, path)


def test_a_root_on_xfs_gives_its_newest_kernel(disk):
    disk.add_kernel("", "6.1.0-9-amd64")
    disk.add_kernel("", "6.1.0-13-amd64")
    disk.fill("xfs")
    assert "shut down" not in disk.boots("", "6.1.0-13-amd64", "")
    disk.boots("", "6.1.0-13-amd64", "", "--ephemeral")


@pytest.mark.parametrize("folder", ["@", "@rootfs", "root"])
def test_a_subvolume_is_found_by_its_name_and_goes_to_the_command_line(disk, folder):
    disk.add_kernel(folder, "6.1.0-13-amd64")
    (disk.files / "@home").mkdir()
    disk.fill("btrfs")
    disk.boots(folder, "6.1.0-13-amd64", f"rootflags=subvol={folder} ")


def test_the_filesystems_own_root_comes_before_subvolumes(disk):
    disk.add_kernel("", "6.1.0-1-amd64")
    disk.add_kernel("@", "6.1.0-13-amd64")
    disk.fill("btrfs")
    disk.boots("", "6.1.0-1-amd64", "")


@pytest.mark.parametrize("disk", ["named"], indirect=True)
def test_a_subvolume_that_the_options_name_is_the_one(disk):
    disk.add_kernel("", "6.1.0-1-amd64")
    disk.add_kernel("mine", "6.1.0-13-amd64")
    disk.fill("btrfs")
    disk.boots("mine", "6.1.0-13-amd64", "quiet rootflags=subvol=/mine,noatime ")


@pytest.mark.parametrize("disk", ["flags"], indirect=True)
def test_other_flags_of_the_options_stay(disk):
    disk.add_kernel("@", "6.1.0-13-amd64")
    disk.fill("btrfs")
    disk.boots("@", "6.1.0-13-amd64", "rootflags=noatime rootflags=noatime,subvol=@ ")


def test_without_a_kernel_anywhere_it_is_refused(disk):
    (disk.files / "@home").mkdir(parents=True)
    disk.fill("btrfs")
    done = disk.run()
    assert done.returncode == 3 and "its btrfs: no kernel" in done.stderr, done.stderr
    assert "hint: " in done.stderr


def test_a_log_that_waits_is_named(disk):
    disk.add_kernel("", "6.1.0-1-amd64")
    disk.fill("xfs")
    with open(disk.path, "r+b") as file:
        block, = struct.unpack(">I", os.pread(file.fileno(), 4, disk.start + 4))
        log, = struct.unpack(">Q", os.pread(file.fileno(), 8, disk.start + 48))
        per_group, = struct.unpack(">I", os.pread(file.fileno(), 4, disk.start + 84))
        bits = os.pread(file.fileno(), 1, disk.start + 124)[0]
        log = ((log >> bits) * per_group + (log & ((1 << bits) - 1))) * block
        os.pwrite(file.fileno(), b"\0", disk.start + log + 512 + 9)  # it was no unmount
    assert "not shut down cleanly" in disk.boots("", "6.1.0-1-amd64", "")


def test_a_btrfs_with_a_log_tree_is_named(disk):
    disk.add_kernel("", "6.1.0-1-amd64")
    disk.fill("btrfs")
    with open(disk.path, "r+b") as file:
        os.pwrite(file.fileno(), b"\1", disk.start + 65536 + 0x61)
    assert "not shut down cleanly" in disk.boots("", "6.1.0-1-amd64", "")


@pytest.mark.parametrize("make", [
    lambda image: subprocess.run(["mkswap", "-q", image], check=True),
    lambda image: os.truncate(image, os.stat(image).st_size)])
def test_what_cannot_be_read_is_status_3_with_a_hint(disk, make):
    stage = disk.home / "stage.img"
    stage.touch()
    os.truncate(stage, disk.end - disk.start)
    make(stage)
    filled.paste(stage, disk.path, disk.start)
    before = disks.fingerprint(disk.path)
    done = disk.run()
    assert done.returncode == 3, done.stderr
    assert "dev: " in done.stderr and "no filesystem that GRUB can read" in done.stderr
    assert "hint: boot it from the menu" in done.stderr
    assert disks.fingerprint(disk.path) == before


