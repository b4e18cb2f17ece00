# SPDX-License-Identifier: GPL-3.0-or-later
"""The ext4 writer against tar -x: the same archive through both must give the same tree.

Three views of one filled filesystem are compared, path by path: what Python reads from the archive,
what berth's ext reader sees, and (as root) what the kernel shows of it and of a `tar -x` beside it.
Without root the first two still are.
"""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import random
import stat
import struct
import subprocess
import tarfile

import pytest

from program import BERTH

TOOLS = pathlib.Path(os.environ.get("BERTH_TEST_TOOLS", pathlib.Path(BERTH).parent / "tests"))
UUID = "6f1d2a4e-93b5-4a7c-8d11-2b7f5c9e0a34"
EPOCH = 1700000000
START = 1 << 20  # the filesystem begins here in its file, as a partition would
SIZE = 256 << 20
TYPES = [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, None, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO,
         stat.S_IFSOCK]
ROOT = os.geteuid() == 0


def acl(version, entries):
    """An ACL as bytes; entries are (tag, permissions, id)."""
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *e) for e in entries)


NOBODY = 0xffffffff
ACL_ACCESS = acl(2, [(1, 6, NOBODY), (2, 4, 1234), (2, 7, 70000), (4, 4, NOBODY), (8, 5, 4),
                     (16, 7, NOBODY), (32, 0, NOBODY)])
ACL_DEFAULT = acl(2, [(1, 7, NOBODY), (4, 5, NOBODY), (8, 5, 4), (16, 5, NOBODY), (32, 5, NOBODY)])
ACL_TEXT = "user::rw-,user:1234:r--:1234,user:70000:rwx:70000,group::r--,group:4:r-x:4,mask::rwx,other::---"
ACL_TEXT_SHOWN = ["user::rw-", "user:1234:r--", "user:70000:rwx", "group::r--", "group:4:r-x",
                  "mask::rwx", "other::---"]
DEFAULT_TEXT = "user::rwx,group::r-x,group:4:r-x:4,mask::r-x,other::r-x"
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


class Archive:
    """Writes a tar, entry by entry."""

    def __init__(self, path):
        self.path = path
        self.tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT, encoding="utf-8",
                                errors="surrogateescape")

    def add(self, name, kind=tarfile.REGTYPE, data=b"", mode=0o644, mtime=EPOCH, owner=(0, 0),
            link="", device=(0, 0), xattrs=None, pax=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime, info.size = kind, mode, mtime, len(data)
        info.uid, info.gid = owner
        info.linkname = link
        info.devmajor, info.devminor = device
        info.pax_headers = dict(pax or {})
        for key, value in (xattrs or {}).items():
            info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
        self.tar.addfile(info, io.BytesIO(data))

    def folder(self, name, mode=0o755, **rest):
        self.add(name, tarfile.DIRTYPE, mode=mode, **rest)

    def close(self):
        self.tar.close()
        return self.path


def populate(image, archive, size=SIZE, env=None, stale=False, check=True):
    """Makes and fills a filesystem in a new file; e2fsck must be content with it."""
    with open(image, "wb") as f:
        if stale:
            for _ in range(0, START + size, 1 << 20):
                f.write(b"\xa5" * (1 << 20))
        f.truncate(START + size)
    done = subprocess.run([TOOLS / "populate", image, str(START), str(size), UUID, archive],
                          env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C",
                               **(env or {})}, capture_output=True, text=True)
    if check:
        assert done.returncode == 0, done.stderr
        fsck = subprocess.run(["e2fsck", "-fn", f"{image}?offset={START}"], capture_output=True,
                              text=True)
        assert fsck.returncode == 0, fsck.stdout + fsck.stderr
    return done


@contextlib.contextmanager
def mounted(image, where, options, offset=0):
    where.mkdir()
    subprocess.run(["mount", "-o", f"loop,offset={offset},{options}", image, where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", where], check=True)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def seen_by_kernel(root):
    """Everything below a mounted folder: {path as hex: metadata}."""
    found, root = {}, os.fsencode(root)
    inodes = {}
    for folder, folders, files in os.walk(root):
        for path in [folder] + [os.path.join(folder, n) for n in folders + files]:
            info = os.lstat(path)
            name = os.path.relpath(path, root)
            inodes.setdefault(info.st_ino, set()).add(name)
            one = {
                "type": TYPES.index(stat.S_IFMT(info.st_mode)), "mode": info.st_mode & 0o7777,
                "uid": info.st_uid, "gid": info.st_gid, "mtime": info.st_mtime_ns // 10**9,
                "nsec": info.st_mtime_ns % 10**9, "size": 0, "major": os.major(info.st_rdev),
                "minor": os.minor(info.st_rdev), "links": info.st_nlink, "inode": info.st_ino,
                "xattrs": {k: os.getxattr(path, k, follow_symlinks=False).hex()
                           for k in os.listxattr(path, follow_symlinks=False)},
            }
            if stat.S_ISREG(info.st_mode):
                one["size"], one["sha256"] = info.st_size, digest(path)
            if stat.S_ISLNK(info.st_mode):
                one["target"] = os.readlink(path).hex()
            found["" if name == b"." else name.hex()] = one
    for one in found.values():
        one["names"] = sorted(n.hex() for n in inodes[one.pop("inode")])
    return found


def seen_by_reader(image, size=SIZE):
    done = subprocess.run([TOOLS / "tree_dump", image, str(START), str(size)], capture_output=True,
                          check=True)
    return json.loads(done.stdout)


def seen_in_archive(archive):
    """What the archive says of each path, the last entry of a name counting; hardlinks as their
    targets."""
    found = {}
    with tarfile.open(archive, encoding="utf-8", errors="surrogateescape") as tar:
        for info in tar:
            name = os.fsencode(os.path.normpath(info.name).lstrip("/"))
            key = "" if name == b"." else name.hex()
            if info.islnk():
                found[key] = found[os.fsencode(os.path.normpath(info.linkname)).hex()]
                continue
            kind = {tarfile.DIRTYPE: 1, tarfile.SYMTYPE: 2, tarfile.CHRTYPE: 4, tarfile.BLKTYPE: 5,
                    tarfile.FIFOTYPE: 6}.get(info.type, 0)
            one = {"type": kind, "mode": info.mode, "uid": info.uid, "gid": info.gid,
                   "mtime": int(info.mtime // 1)}
            if kind == 0:
                content = tar.extractfile(info)
                one["size"] = info.size
                one["sha256"] = hashlib.file_digest(content, "sha256").hexdigest()
            if kind == 2:
                one["target"] = os.fsencode(info.linkname).hex()
            if kind in (4, 5):
                one["major"], one["minor"] = info.devmajor, info.devminor
            found[key] = one
    return found


def assert_same(left, right, keys=None):
    assert sorted(left) == sorted(right)
    for path, one in left.items():
        other = right[path]
        for key in keys or one:
            if key in one and key in other:
                assert one[key] == other[key], (bytes.fromhex(path), key)


def compare_everywhere(tmp_path, archive, size=SIZE, ignore=()):
    """Fills from the archive and compares all views; paths in `ignore` are left out."""
    image = tmp_path / "filled.img"
    populate(image, archive, size)
    reader = seen_by_reader(image, size)
    in_archive = seen_in_archive(archive)
    skip = {os.fsencode(p).hex() for p in ("lost+found", *ignore)}
    views = [reader, in_archive]
    if ROOT:
        with mounted(image, tmp_path / "filled", "ro", START) as folder:
            kernel = seen_by_kernel(folder)
        reference = tmp_path / "reference.img"
        with open(reference, "wb") as f:
            f.truncate(START + size)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-N", "150000", reference],
                       check=True)
        with mounted(reference, tmp_path / "reference", "rw") as folder:
            subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
                            "-xpf", archive, "-C", folder], check=True)
            by_tar = seen_by_kernel(folder)
        views += [kernel, by_tar]
    for view in views:
        for path in skip:
            view.pop(path, None)
    if "" not in in_archive:
        for view in views:
            view.pop("", None)
    assert_same(reader, in_archive, ["type", "mode", "uid", "gid", "mtime", "size", "sha256",
                                     "target", "major", "minor"])
    if ROOT:
        assert_same(kernel, by_tar)
        assert_same(reader, kernel)
    return image


@pytest.fixture(name="archive")
def new_archive(tmp_path):
    return Archive(tmp_path / "input.tar")


def test_every_type(tmp_path, archive):
    archive.folder(".", mode=0o750, owner=(3, 4), mtime=EPOCH + 0.25)
    archive.folder("dev", mode=0o1777)
    archive.add("dev/null", tarfile.CHRTYPE, mode=0o666, device=(1, 3))
    archive.add("dev/sda", tarfile.BLKTYPE, mode=0o660, device=(8, 0), owner=(0, 6))
    archive.add("dev/large", tarfile.BLKTYPE, mode=0o600, device=(259, 1000000))
    archive.add("dev/zero-minor", tarfile.CHRTYPE, mode=0o600, device=(4095, 0))
    archive.add("dev/fifo", tarfile.FIFOTYPE, mode=0o640)
    archive.add("short", tarfile.SYMTYPE, link="dev/null", mode=0o777, owner=(5, 6))
    archive.add("fast-59", tarfile.SYMTYPE, link="x" * 59, mode=0o777)
    archive.add("slow-60", tarfile.SYMTYPE, link="y" * 60, mode=0o777)
    archive.add("slow-4000", tarfile.SYMTYPE, link="z/" * 2000, mode=0o777)
    archive.add("setuid", data=b"#!", mode=0o4755, owner=(70000, 4000000000))
    archive.add("a", data=b"linked", mode=0o600)
    archive.folder("deep/er/and/deeper", mode=0o700)
    archive.add("b", tarfile.LNKTYPE, link="a")
    archive.add("deep/er/c", tarfile.LNKTYPE, link="./a")
    archive.add("fifo2", tarfile.LNKTYPE, link="dev/fifo")
    archive.add("empty")
    compare_everywhere(tmp_path, archive.close(), ignore=("deep", "deep/er", "deep/er/and"))


def test_times(tmp_path, archive):
    for at in (0, -1, -2**31 + 5, 2**31 - 1, 2**31, 2**32 + 7, 2**33 + 3, 2**34 - 2**31 - 2, EPOCH):
        archive.add(f"at{at}", mtime=at, data=b"t")
    for text in ("1700000000.123456789", "-1.5", "4102444800.000000001", "-86400.999999999"):
        archive.add(f"exact{text}", mtime=float(text), pax={"mtime": text})
    compare_everywhere(tmp_path, archive.close())


def test_names(tmp_path, archive):
    for name in ("ümläut", "日本語", "with space", "new\nline", "*?[x]", "back\\slash", "-rf",
                 "n" * 255, os.fsdecode(b"not-utf8-\xff\xfe"), "/absolute", "./dotted//double"):
        archive.add(name, data=name.encode("utf-8", "surrogateescape"))
    compare_everywhere(tmp_path, archive.close(), ignore=("dotted",))


def test_sizes(tmp_path, archive):
    chance = random.Random(1)
    for size in (1, 59, 60, 4095, 4096, 4097, 65535, 1 << 20, (4 << 20) - 1, (4 << 20) + 1, 40 << 20):
        archive.add(f"size{size}", data=chance.randbytes(size))
    compare_everywhere(tmp_path, archive.close())


def test_xattrs_capabilities_and_acls(tmp_path, archive):
    archive.folder(".")
    archive.add("ping", mode=0o755, xattrs={"security.capability": CAPABILITY})
    archive.add("one", xattrs={"user.one": b"1"})
    archive.add("empty", xattrs={"user.empty": b""})
    archive.add("several", xattrs={f"user.number{i}": b"v" * i for i in range(12)})
    archive.add("mixed", mode=0o670, xattrs={
        "security.capability": CAPABILITY, "user.b": b"x" * 100, "trusted.t": b"\0\1\xff",
        "user.a": b"y" * 300}, pax={"SCHILY.acl.access": ACL_TEXT})
    archive.add("large", xattrs={"user.large": bytes(range(256)) * 14})
    archive.folder("both", mode=0o670, pax={"SCHILY.acl.access": ACL_TEXT,
                                            "SCHILY.acl.default": DEFAULT_TEXT})
    archive.folder("default", pax={"SCHILY.acl.default": DEFAULT_TEXT})
    archive.add("only-the-mode", mode=0o640, pax={"SCHILY.acl.access": "user::rw-,group::r--,other::---"})
    compare_everywhere(tmp_path, archive.close())


def test_acls_as_raw_xattrs(tmp_path, archive):
    archive.folder("both", mode=0o777, xattrs={"system.posix_acl_access": ACL_ACCESS,
                                               "system.posix_acl_default": ACL_DEFAULT})
    image = tmp_path / "image"
    populate(image, archive.close())
    found = seen_by_reader(image)[b"both".hex()]
    assert found["mode"] == 0o670
    assert found["xattrs"] == {"system.posix_acl_access": ACL_ACCESS.hex(),
                               "system.posix_acl_default": ACL_DEFAULT.hex()}
    done = subprocess.run(["debugfs", "-R", "ea_list both", f"{image}?offset={START}"],
                          capture_output=True, text=True, check=True)
    assert "system.posix_acl_access" in done.stdout and "system.posix_acl_default" in done.stdout
    if ROOT:
        with mounted(image, tmp_path / "acls", "ro", START) as folder:
            text = subprocess.run(["getfacl", "-nc", "both"], cwd=folder, capture_output=True,
                                  text=True, check=True).stdout
        assert [line.split()[0] for line in text.splitlines() if line] == [
            *ACL_TEXT_SHOWN, "default:user::rwx", "default:group::r-x", "default:group:4:r-x",
            "default:mask::r-x", "default:other::r-x"]


def test_sparse_files(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name, size, pieces in (("hole", 10 << 20, []), ("end", (8 << 20) + 1, [8 << 20]),
                               ("odd", 123457, [0, 70001]),
                               ("many", 16 << 20, range(0, 16 << 20, 1 << 13))):
        with open(source / name, "wb") as f:
            for at in pieces:
                f.seek(at)
                f.write(b"\x01data")
            f.truncate(size)
    for form in ("gnu", "pax"):
        archive, work = tmp_path / f"{form}.tar", tmp_path / form
        work.mkdir()
        subprocess.run(["tar", "-S", "--owner=0", "--group=0", f"--format={form}", "-cf", archive,
                        "-C", source, "hole", "end", "odd", "many"], check=True)
        image = compare_everywhere(work, archive)
        for name in ("hole", "end", "odd"):
            done = subprocess.run(["debugfs", "-R", f"stat {name}", f"{image}?offset={START}"],
                                  capture_output=True, text=True, check=True)
            assert int(done.stdout.split("Blockcount:")[1].split()[0]) <= 16


def test_folder_of_100000_names(tmp_path, archive):
    names = [f"{i:0200d}" if i % 2 else f"{i}" for i in range(100000)]
    archive.add("many/0")
    for name in names[1:]:
        archive.add("many/" + name, tarfile.LNKTYPE, link=f"many/{int(name) // 50000 * 50000}") \
            if int(name) % 50000 else archive.add("many/" + name)
    image = tmp_path / "image"
    populate(image, archive.close())
    done = subprocess.run(["debugfs", "-R", "htree_dump many", f"{image}?offset={START}"],
                          capture_output=True, text=True, check=True)
    assert "Indirect levels: 1" in done.stdout
    assert len(seen_by_reader(image)) == 100000 + 3
    if not ROOT:
        return
    with mounted(image, tmp_path / "grow", "rw", START) as folder:
        assert sorted(os.listdir(folder / "many")) == sorted(names)
        assert all((folder / "many" / name).stat().st_size == 0 for name in names[::97])
        for i in range(2000):
            (folder / "many" / f"one more {i}").write_bytes(b"")
        (folder / "many" / names[4]).unlink()
    done = subprocess.run(["e2fsck", "-fn", f"{image}?offset={START}"], capture_output=True)
    assert done.returncode == 0, done.stdout


def test_later_entries_replace_earlier_ones(tmp_path, archive):
    archive.folder("d", mode=0o700)
    archive.add("d/kept", data=b"kept")
    archive.folder("d", mode=0o711, owner=(1, 1), mtime=EPOCH + 5, xattrs={"user.x": b"new"})
    archive.add("f", data=b"old" * 5000, xattrs={"user.old": b"x" * 500})
    archive.add("f", data=b"new", mode=0o400)
    archive.add("was-file", data=b"f")
    archive.folder("was-file", mode=0o750)
    archive.add("was-link", tarfile.SYMTYPE, link="nowhere", mode=0o777)
    archive.add("was-link", data=b"now a file")
    archive.add("linked", data=b"first")
    archive.add("other-name", tarfile.LNKTYPE, link="linked")
    archive.add("linked", data=b"second")
    archive.folder("empty-dir")
    archive.add("empty-dir", data=b"now a file")
    compare_everywhere(tmp_path, archive.close())


def test_folder_over_symlink_to_folder_keeps_the_symlink(tmp_path, archive):
    archive.folder("usr")
    archive.folder("usr/lib")
    archive.add("lib", tarfile.SYMTYPE, link="usr/lib", mode=0o777)
    archive.folder("lib", mode=0o700)
    image = tmp_path / "image"
    populate(image, archive.close())
    found = seen_by_reader(image)
    assert found[b"lib".hex()]["target"] == b"usr/lib".hex()
    assert found[b"usr/lib".hex()]["mode"] == 0o755


@pytest.mark.parametrize("entries, words", [
    ([("../up", tarfile.REGTYPE, "")], '".."'),
    ([("a/../../up", tarfile.REGTYPE, "")], '".."'),
    ([("n" * 256, tarfile.REGTYPE, "")], "longer than 255"),
    ([("out", tarfile.SYMTYPE, "/etc"), ("out/passwd", tarfile.REGTYPE, "")],
     "out/passwd: the path goes through the symlink out -> /etc"),
    ([("f", tarfile.REGTYPE, ""), ("f/below", tarfile.REGTYPE, "")], "not a folder"),
    ([("h", tarfile.LNKTYPE, "../../etc/passwd")], '".."'),
    ([("h", tarfile.LNKTYPE, "missing")], "hardlink target missing is not there"),
    ([("d", tarfile.DIRTYPE, ""), ("h", tarfile.LNKTYPE, "d")], "is a folder"),
    ([("s", tarfile.SYMTYPE, "d"), ("d/f", tarfile.REGTYPE, ""), ("h", tarfile.LNKTYPE, "s/f")],
     "goes through the symlink"),
    ([("d/f", tarfile.REGTYPE, ""), ("d", tarfile.REGTYPE, "")], "not empty"),
])
def test_hostile_entries_are_refused(tmp_path, archive, entries, words):
    for name, kind, link in entries:
        archive.add(name, kind, link=link)
    done = populate(tmp_path / "image", archive.close(), check=False)
    assert done.returncode == 3 and words in done.stderr, done.stderr


def test_xattrs_larger_than_a_block_are_refused(tmp_path, archive):
    archive.add("x", xattrs={"user.large": b"x" * 4096})
    done = populate(tmp_path / "image", archive.close(), check=False)
    assert done.returncode == 2 and "x: its xattrs are too large" in done.stderr


def test_full_filesystem_names_the_path(tmp_path, archive):
    archive.add("small", data=b"s")
    archive.add("folder/too-large", data=bytes(40 << 20))
    done = populate(tmp_path / "image", archive.close(), size=32 << 20, check=False)
    assert done.returncode == 2 and "folder/too-large: " in done.stderr, done.stderr


def test_running_out_of_inodes_names_the_path(tmp_path, archive):
    for i in range(5000):
        archive.add(f"file{i}")
    done = populate(tmp_path / "image", archive.close(), size=32 << 20, check=False)
    assert done.returncode == 2 and "no free inodes" in done.stderr and "file" in done.stderr


def test_truncated_archive_fails(tmp_path, archive):
    archive.add("f", data=random.Random(2).randbytes(100000))
    path = archive.close()
    os.truncate(path, 50000)
    done = populate(tmp_path / "image", path, check=False)
    assert done.returncode == 1 and "f: " in done.stderr, done.stderr


def some_archive(archive):
    chance = random.Random(3)
    for i in range(2000):
        archive.add(f"d{i % 7}/file{i}", data=chance.randbytes(chance.randrange(20000)),
                    mtime=EPOCH + i, xattrs={"user.i": b"%d" % i} if i % 50 == 0 else None)
    return archive.close()


def test_same_input_gives_the_same_bytes(tmp_path, archive):
    path = some_archive(archive)
    populate(tmp_path / "one", path)
    populate(tmp_path / "two", path, env={"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_stale_content_does_not_matter(tmp_path, archive):
    path = some_archive(archive)
    populate(tmp_path / "zeros", path)
    populate(tmp_path / "stale", path, stale=True)
    assert seen_by_reader(tmp_path / "zeros") == seen_by_reader(tmp_path / "stale")
    if not ROOT:
        return
    with mounted(tmp_path / "stale", tmp_path / "mnt", "rw,init_itable=0", START) as folder:
        for i in range(3000):  # into inodes and blocks whose tables nobody has read yet
            (folder / f"new{i}").write_bytes(b"new" * i)
        os.sync()
    fsck = subprocess.run(["e2fsck", "-fn", f"{tmp_path / 'stale'}?offset={START}"],
                          capture_output=True, text=True)
    assert fsck.returncode == 0, fsck.stdout
