# SPDX-License-Identifier: GPL-3.0-or-later
"""plan and apply on image files, as an ordinary user would: what they refuse, and what they keep."""
import hashlib
import pathlib
import subprocess
import sys
import tarfile
import io

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guests"))
import tiny  # noqa: E402

HEAD = """\
berth: 1
name: files
disk: {path: disk.img, size: 200MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
  - {name: shared, type: linux, size: 16MiB, fs: ext4}
"""
HOST = """\
host:
  name: main
  image: tiny
  root: {size: 20MiB}
  volumes: [{name: main-swap, type: swap, size: 8MiB}]
"""
DEV = "guests:\n  - {name: dev, image: tiny, root: {size: 20MiB}}\n"


@pytest.fixture
def world(berth):
    tiny.make_image(berth.home / "tiny.tar")
    berth.ok("image", "add", berth.home / "tiny.tar", "--name", "tiny", "--unsigned")
    return berth


def machine(berth, text):
    path = berth.home / "m.yaml"
    path.write_text(text)
    return path


def digest(berth):
    return hashlib.sha256((berth.home / "disk.img").read_bytes()).hexdigest()


def test_plan_writes_nothing_and_check_says_that_changes_are_pending(world):
    file = machine(world, HEAD + HOST)
    assert world("plan", file).returncode == 0
    assert world("plan", file, "--check").returncode == 6
    assert not (world.home / "disk.img").exists()


def test_a_second_apply_changes_no_byte_and_says_so(world):
    file = machine(world, HEAD + HOST + DEV)
    world.ok("apply", file, "--yes")
    before = digest(world)
    assert "nothing to do" in world.ok("apply", file, "--yes")
    assert world("plan", file, "--check").returncode == 0
    assert digest(world) == before


def test_without_yes_nothing_happens_where_nobody_can_answer(world):
    done = world("apply", machine(world, HEAD + HOST))
    assert done.returncode == 7
    assert "hint: --yes" in done.stderr
    assert not (world.home / "disk.img").exists()


def test_dry_run_prints_the_steps_only(world):
    out = world.ok("apply", machine(world, HEAD + HOST), "--dry-run")
    assert "install main into partition 4" in out
    assert not (world.home / "disk.img").exists()


def test_the_json_plan_has_the_documented_members(world):
    steps = world.json("plan", machine(world, HEAD + HOST))["steps"]
    assert [s["op"] for s in steps] == ["create", "table", *["fill"] * 5, "menu"]
    for step in steps:
        assert {"op", "target", "start", "size", "loses", "durability", "text"} <= step.keys()


def test_the_table_is_valid_for_other_tools(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    disk = world.home / "disk.img"
    verified = subprocess.run(["sgdisk", "-v", disk], capture_output=True, text=True, check=True)
    assert "No problems found" in verified.stdout
    assert "No errors detected" in subprocess.run(
        ["sfdisk", "-V", disk], capture_output=True, text=True, check=True).stdout


def test_a_guest_is_added_without_touching_the_other_partitions(world):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    disk = world.home / "disk.img"
    parts = {p["name"]: p for p in world.json("disk", "show", disk)["disk"]["partitions"]}

    def content(name):
        with open(disk, "rb") as data:
            data.seek(parts[name]["start"])
            return hashlib.sha256(data.read(parts[name]["size"])).hexdigest()

    before = {name: content(name) for name in ("bios", "shared", "main", "main-swap")}
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    assert {name: content(name) for name in before} == before
    assert [e["name"] for e in world.json("menu", "show", "--disk", disk)["menu"]["entries"]] \
        == ["main", "dev"]


def test_a_guest_that_leaves_the_file_stays_until_prune(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    disk = world.home / "disk.img"
    file = machine(world, HEAD + HOST)
    assert "nothing to do" in world.ok("apply", file, "--yes")
    assert len(world.json("guest", "list", "--disk", disk)["systems"]) == 2
    assert "LOSES partition 6, dev (20 MiB)" in world.ok("apply", file, "--yes", "--prune")
    assert len(world.json("guest", "list", "--disk", disk)["systems"]) == 1
    names = [p["name"] for p in world.json("disk", "show", disk)["disk"]["partitions"]]
    assert "dev" not in names


def test_the_menu_converges_and_nothing_else_is_written(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    disk = world.home / "disk.img"
    steps = world.json("plan", machine(world, HEAD + HOST + DEV + "menu: {timeout: 9}\n"))["steps"]
    assert [s["op"] for s in steps] == ["menu"]
    world.ok("apply", world.home / "m.yaml", "--yes")
    assert world.json("menu", "show", "--disk", disk)["menu"]["timeout"] == 9


def test_menu_default_and_next_name_a_system(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    disk = world.home / "disk.img"
    world.ok("menu", "default", "dev", "--disk", disk)
    world.ok("menu", "next", "main", "--disk", disk)
    menu = world.json("menu", "show", "--disk", disk)["menu"]
    assert (menu["default"], menu["next"]) == ("dev", "main")
    before = digest(world)
    done = world("menu", "default", "nobody", "--disk", disk)
    assert done.returncode == 4
    assert "hint: its systems are: main, dev" in done.stderr
    assert digest(world) == before


REFUSED = [
    ("too large together", HEAD + HOST.replace("20MiB", "300MiB"), 2, "too little"),
    ("image does not fit", HEAD + HOST.replace("20MiB", "2MiB"), 2, "m.yaml:11:16: main: 2MiB is"),
    ("rest twice", HEAD.replace("16MiB", "rest") + HOST.replace("20MiB", "rest"), 2, "rest"),
    ("no such image", HEAD + HOST.replace("tiny", "huge"), 4, "huge"),
    ("two of one name", HEAD + HOST + DEV.replace("name: dev", "name: main"), 2, "main"),
    ("unknown key", HEAD + HOST + "menus: {}\n", 2, "m.yaml:13:1"),
    ("later key", HEAD.replace("size: 200MiB", "size: 200MiB, table: mbr") + HOST, 2,
     "not supported yet"),
    ("later file system", HEAD.replace("ext4", "btrfs") + HOST, 2, "not supported yet"),
    ("missing file", HEAD + HOST + "  files: [{from: gone.txt, to: /etc/motd}]\n", 4, "gone.txt"),
    ("unknown group", HEAD + HOST + "  users: [{name: u, groups: [wizards]}]\n", 4, "wizards"),
]


@pytest.mark.parametrize("text,status,words", [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_bad_input_changes_no_byte_of_an_existing_disk(world, text, status, words):
    world.ok("apply", machine(world, HEAD), "--yes")
    before = digest(world)
    done = world("apply", machine(world, text), "--yes")
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert digest(world) == before


def make_bsd(path):
    with tarfile.open(path, "w") as archive:
        for name, data in (("etc/os-release", b'ID=freebsd\nPRETTY_NAME="FreeBSD 14"\n'),
                           ("bin/freebsd-version", b"#!/bin/sh\n"),
                           ("boot/kernel/kernel", b"\x7fELF")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def test_a_guest_of_another_family_is_refused_with_the_way_out(world):
    make_bsd(world.home / "bsd.tar")
    world.ok("image", "add", world.home / "bsd.tar", "--name", "bsd", "--unsigned")
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    before = digest(world)
    done = world("apply", machine(world, HEAD + HOST + DEV.replace("tiny", "bsd")), "--yes")
    assert done.returncode == 3
    assert "must be of the host's family, linux" in done.stderr
    assert "hint:" in done.stderr
    assert digest(world) == before


def test_a_disk_with_something_else_on_it_is_refused(world):
    disk = world.home / "disk.img"
    disk.write_bytes(bytes(100 << 20) + b"somebody's data" + bytes(100 << 20))
    before = digest(world)
    done = world("apply", machine(world, HEAD + HOST), "--yes")
    assert done.returncode == 3
    assert "yet it is not empty" in done.stderr
    assert digest(world) == before


def test_free_space_keeps_what_no_partition_of_ours_covers(world):
    """Bytes outside the plan never change, not even those of nobody."""
    world.ok("apply", machine(world, HEAD), "--yes")
    disk = world.home / "disk.img"
    with open(disk, "r+b") as data:
        data.seek(190 << 20)
        data.write(b"nobody's")
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    with open(disk, "rb") as data:
        data.seek(190 << 20)
        assert data.read(8) == b"nobody's"


def test_an_image_that_changed_in_the_store_is_not_installed(world):
    blob = next((world.home / "store/blobs").iterdir())
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    done = world("apply", machine(world, HEAD + HOST), "--yes")
    assert done.returncode == 5, done.stderr
    parts = {p["name"]: p for p in
             world.json("disk", "show", world.home / "disk.img")["disk"]["partitions"]}
    assert parts["main"]["incomplete"]


def test_the_same_seed_makes_the_same_bytes(world):
    fixed = {"BERTH_SEED": "s", "SOURCE_DATE_EPOCH": "1700000000"}
    file = machine(world, HEAD + HOST + DEV)
    world.ok("apply", file, "--yes", env=fixed)
    first = digest(world)
    (world.home / "disk.img").unlink()
    world.ok("apply", file, "--yes", env=fixed)
    assert digest(world) == first


def test_another_berth_at_work_is_seen(world):
    """Holds the table's lock as a running berth does (docs/architecture.md)."""
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    holder = subprocess.Popen([sys.executable, "-c", f"""
import fcntl, struct, sys
f = open({str(world.home / 'disk.img')!r}, "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 100, 0))
print("held", flush=True)
sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    done = world("apply", machine(world, HEAD + HOST + DEV), "--yes")
    holder.communicate()
    assert done.returncode == 3
    assert "in use by another berth" in done.stderr
