# SPDX-License-Identifier: GPL-3.0-or-later
"""Filesystems full of files, made, judged and read by the tools that belong to them.

A content is what must survive a change: {path: digest}, or what else a partition of that kind is
known by. Two contents are equal exactly when nothing was lost.
"""
import hashlib
import os
import pathlib
import random
import stat
import subprocess
import tempfile

import disks

MIB = 1 << 20


def run(*argv, **kwargs):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, **kwargs)


def make_files(folder, seed, count=40, small=400):
    """Files of all sizes up to half a MiB, some folders deep, and many small ones."""
    chance = random.Random(seed)
    for number in range(count):
        path = folder / f"d{chance.randrange(5)}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(int(2 ** chance.uniform(0, 19))))
    for number in range(small):
        path = folder / "d0" / f"small-{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))


def digests(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


# ---- one kind after the other: make(image, folder of files, sector size), read(image, folder) ----

def make_ext(kind, *options):
    """The first quarter is free again, so that a shrunk filesystem has something to move there."""
    def make(image, files, _sector):
        filler = files / "filler"
        filler.write_bytes(random.Random(0).randbytes(image.stat().st_size // 4))
        run("mke2fs", "-q", "-F", "-t", kind, *options, "-d", files, image)
        run("debugfs", "-w", "-R", "rm filler", image)
    return make


def read_ext(image, folder):
    run("e2fsck", "-fn", image)
    run("debugfs", "-R", f"rdump / {folder}", image)
    return digests(folder)


def make_ntfs(image, files, sector):
    run("mkntfs", "-q", "-F", "-Q", "-s", sector, "-L", "files", image)
    with open(image, "r+b", buffering=0) as file:  # two made in one second have the same serial
        serial = os.urandom(8)
        for start in (0, image.stat().st_size // sector * sector - sector):
            os.pwrite(file.fileno(), serial, start + 0x48)
    for path in sorted(files.rglob("f*"))[:12]:
        run("ntfscp", "-f", image, path, path.name)


def read_ntfs(image, _folder):
    run("ntfsfix", "-n", image)
    run("ntfsresize", "--check", image)  # without -f: and is not dirty
    names = run("ntfsls", image, text=True).stdout.split()
    return {name: hashlib.sha256(run("ntfscat", "-f", image, name).stdout).hexdigest()
            for name in names if name.startswith("f")}


def make_vfat(image, files, sector):
    run("mkfs.vfat", "-S", sector, image)
    run("mcopy", "-s", "-i", image, *sorted(files.iterdir()), "::")


def read_vfat(image, folder):
    run("fsck.vfat", "-n", image)
    run("mcopy", "-snm", "-i", image, "::", folder)
    return digests(folder)


def make_swap(image, _files, _sector):
    run("mkswap", "-L", "pages", image)


def read_swap(image, _folder):
    return {name: run("blkid", "-p", "-o", "value", "-s", name, image, text=True).stdout
            for name in ("TYPE", "UUID", "LABEL")}


def make_btrfs(image, files, _sector, *options):
    run("mkfs.btrfs", "-q", *options, "--rootdir", files, image)


def read_btrfs(image, folder):
    run("btrfs", "check", "--readonly", image)
    run("btrfs", "restore", image, folder)
    return digests(folder)


def prototype(folder):
    """The lines of a prototype file (mkfs.xfs -p) for what is in the folder; all is root's."""
    for path in sorted(folder.iterdir()):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            yield f"{path.name} l--777 0 0 {os.readlink(path)}"
        elif path.is_dir():
            yield f"{path.name} d--{mode & 0o777:03o} 0 0"
            yield from prototype(path)
            yield "$"
        else:
            yield f"{path.name} -{'u' if mode & stat.S_ISUID else '-'}-{mode & 0o777:03o} 0 0 {path}"


def make_xfs(image, files, sector, *options):
    listing = files.parent / f"{files.name}.proto"
    listing.write_text("\n".join(["-", "0 0", "d--755 0 0", *prototype(files), "$", ""]))
    run("mkfs.xfs", "-q", "-f", "-s", f"size={sector}", *options, "-p", listing, image)
    listing.unlink()


def read_xfs(image, _folder):
    """GRUB reads it without a mount."""
    content, folders = {}, [""]
    run("xfs_repair", "-n", "-f", image)
    with tempfile.NamedTemporaryFile() as copy:
        while folders:
            folder = folders.pop()
            names = run("grub-fstest", image, "ls", f"(loop0)/{folder}", text=True).stdout.split()
            for name in names:
                if name.endswith("/"):
                    folders += [] if name.startswith(".") else [folder + name]
                    continue
                run("grub-fstest", image, "cp", f"(loop0)/{folder}{name}", copy.name)
                data = pathlib.Path(copy.name).read_bytes()
                content[folder + name] = hashlib.sha256(data).hexdigest()
    return content


def make_raw(image, files, _sector):
    data = b"".join(path.read_bytes() for path in sorted(files.rglob("f*")))
    with open(image, "r+b") as file:
        file.write(data)


def read_raw(image, _folder):
    """Every byte, whatever zeros follow."""
    return {"bytes": disks.fingerprint(image)}


KINDS = {
    "ext4": (make_ext("ext4"), read_ext),
    "ext4-1k": (make_ext("ext4", "-b", "1024"), read_ext),
    "ext3": (make_ext("ext3"), read_ext),
    "ext2": (make_ext("ext2"), read_ext),
    "ntfs": (make_ntfs, read_ntfs),
    "vfat": (make_vfat, read_vfat),
    "swap": (make_swap, read_swap),
    "btrfs": (make_btrfs, read_btrfs),
    "xfs": (make_xfs, read_xfs),
    "raw": (make_raw, read_raw),
}


def make(kind, image, size, seed=1, sector=512, count=40, small=50):
    """Makes an image file of that size and returns its content."""
    image = pathlib.Path(image)
    with open(image, "wb") as file:
        file.truncate(size)
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        make_files(pathlib.Path(folder), seed, count, small)
        KINDS[kind][0](image, pathlib.Path(folder), sector)
    return read(kind, image)


def read(kind, image):
    """The content of an image file, when the kind's own tools find nothing wrong with it."""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        try:
            return KINDS[kind][1](image, pathlib.Path(folder))
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{error.cmd}: {error.stdout}{error.stderr}") from error


def content(kind, disk, start, end):
    """The same of that part of a disk."""
    with tempfile.TemporaryDirectory(dir=disks.scratch()) as folder:
        image = f"{folder}/image"
        disks.extract(disk, start, end, image)
        return read(kind, image)


def paste(image, disk, start):
    """Puts an image file into a disk."""
    with open(disk, "r+b", buffering=0) as target:
        disks.punch(target.fileno(), start, os.stat(image).st_size)
        for offset, data in disks.data_chunks(image):
            target.seek(start + offset)
            target.write(data)
