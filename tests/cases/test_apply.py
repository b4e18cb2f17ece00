# SPDX-License-Identifier: GPL-3.0-or-later
"""plan and apply on image files, as an ordinary user would: what they refuse, and what they keep."""
import hashlib
import io
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

import pexpect
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
    tiny.add_image(berth)
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
    assert not (world.home / "disk.img").exists()  # found before anything was written


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


def test_closed_standard_descriptors_never_reach_the_disk(world):
    """Messages go where descriptor 2 leads: it must not be the disk."""
    world.ok("apply", machine(world, HEAD + HOST), "--yes", env={"BERTH_SEED": "a"})
    copy = (world.home / "disk.img").read_bytes()
    file = machine(world, HEAD + HOST + DEV)
    fixed = {"BERTH_SEED": "b", "SOURCE_DATE_EPOCH": "1700000000"}
    results = set()
    for closing in ("", "2>&-", "1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"):
        (world.home / "disk.img").write_bytes(copy)
        subprocess.run(["sh", "-c", f'"$0" apply "$1" --yes {closing}', world.binary, file],
                       env={**world.env, **fixed}, stdin=subprocess.DEVNULL, cwd=world.home,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        results.add(digest(world))
    assert len(results) == 1


def answer_after(world, file, between):
    """Runs apply on a terminal, does something while it asks, and answers yes."""
    child = pexpect.spawn(world.binary, ["apply", str(file)], env=world.env, cwd=world.home,
                          encoding="utf-8", timeout=60)
    child.expect_exact("Do this?")
    between()
    child.send("y\r")
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


@pytest.mark.parametrize("change", [("-n", "9:0:+4M", "-c", "9:precious"), ("-A", "3:set:60")],
                         ids=["partition", "attribute"])
def test_what_changes_while_apply_asks_is_kept(world, change):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    disk = world.home / "disk.img"
    after = []

    def between():
        subprocess.run(["sgdisk", *change, disk], check=True, capture_output=True)
        after.append(digest(world))

    status, words = answer_after(world, machine(world, HEAD + HOST + DEV), between)
    assert status == 3, words
    assert "has changed since its steps were shown" in words
    assert [digest(world)] == after


def test_the_menu_changed_while_apply_asks_is_kept(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    disk = world.home / "disk.img"
    file = machine(world, HEAD + HOST + DEV + "menu: {timeout: 7}\n")
    status, words = answer_after(world, file, lambda: world.ok("menu", "default", "dev", "--disk", disk))
    assert status == 3, words
    assert world.json("menu", "show", "--disk", disk)["menu"]["default"] == "dev"


def shrink(disk):
    with open(disk, "r+b") as data:
        data.truncate(50 << 20)


def overlap(disk):
    """Makes the last entry of both copies overlap the one before, with right checksums."""
    subprocess.run(["sgdisk", "-n", "9:0:+1M", disk], check=True, capture_output=True)
    data = bytearray(disk.read_bytes())
    for header, entries in ((512, 1024), (len(data) - 512, len(data) - 33 * 512)):
        entry = entries + 8 * 128
        data[entry + 32:entry + 48] = data[entries + 32:entries + 48]
        struct.pack_into("<I", data, header + 88, zlib.crc32(data[entries:entries + 128 * 128]))
        struct.pack_into("<I", data, header + 16, 0)
        struct.pack_into("<I", data, header + 16, zlib.crc32(data[header:header + 92]))
    disk.write_bytes(data)


@pytest.mark.parametrize("damage,words", [(shrink, "lies past the end of the disk"),
                                          (overlap, "overlaps partition")])
def test_a_table_that_needs_repair_is_refused_by_plan_already(world, damage, words):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    damage(world.home / "disk.img")
    before = digest(world)
    for command in (("plan",), ("apply", "--yes")):
        done = world(command[0], machine(world, HEAD + HOST + DEV), *command[1:])
        assert done.returncode == 3, done.stderr
        assert words in done.stderr
    assert digest(world) == before


def test_entries_that_stay_keep_every_byte(world):
    """A name that other tools would write differently, and what is behind its end."""
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    disk = world.home / "disk.img"
    odd = "\U0001f4be".encode("utf-16-le") + b"\0\0" + "rest".encode("utf-16-le")
    data = bytearray(disk.read_bytes())
    for header, entries in ((512, 1024), (len(data) - 512, len(data) - 33 * 512)):
        name = entries + 2 * 128 + 56
        data[name:name + 72] = odd.ljust(72, b"\0")
        struct.pack_into("<I", data, header + 88, zlib.crc32(data[entries:entries + 128 * 128]))
        struct.pack_into("<I", data, header + 16, 0)
        struct.pack_into("<I", data, header + 16, zlib.crc32(data[header:header + 92]))
    disk.write_bytes(data)
    text = (HEAD + HOST + DEV).replace(
        "  - {name: shared, type: linux, size: 16MiB, fs: ext4}\n", "")
    world.ok("apply", machine(world, text), "--yes")
    assert disk.read_bytes()[1024 + 2 * 128:1024 + 3 * 128] == data[1024 + 2 * 128:1024 + 3 * 128]


def test_a_volume_that_is_added_later_belongs_to_its_system(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    more = DEV.replace("}}", "}, volumes: [{name: data, type: linux, size: 8MiB, fs: ext4}]}")
    world.ok("apply", machine(world, HEAD + HOST + more), "--yes")
    assert "LOSES partition 7, data" in world.ok("plan", machine(world, HEAD + HOST), "--prune")


def test_a_machine_without_a_name_works(world):
    world.ok("apply", machine(world, HEAD.replace("name: files\n", "") + HOST), "--yes")


def test_odd_paths_are_errors_at_once(world):
    os.mkfifo(world.home / "fifo")
    with socket.socket(socket.AF_UNIX) as end, tempfile.TemporaryDirectory() as short:
        end.bind(f"{short}/socket")
        for path, words in (("fifo", "special file"), (".", "folder"), (f"{short}/socket", "a socket")):
            done = world("disk", "show", world.home / path, timeout=10)
            assert done.returncode == 2
            assert words in done.stderr


def test_a_disk_that_is_too_small_is_an_error(world):
    done = world("plan", machine(world, HEAD.replace("200MiB", "1") + HOST))
    assert done.returncode == 2
    assert "too small" in done.stderr


def test_a_bios_partition_on_large_sectors_is_refused_before_any_write(world):
    text = HEAD.replace("size: 200MiB", "size: 400MiB, sector-size: 4096").replace("40MiB", "300MiB")
    done = world("apply", machine(world, text + HOST), "--yes")
    assert done.returncode == 2, done.stderr
    assert not (world.home / "disk.img").exists()


def test_a_system_that_is_installed_needs_its_image_no_more(world):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    world.ok("image", "add", world.home / "tiny.tar", "--name", "other", "--unsigned")
    (world.home / "store/names/tiny.json").unlink()
    world.ok("apply", machine(world, HEAD + HOST + DEV.replace("image: tiny", "image: other")), "--yes")
    done = world("plan", machine(world, HEAD + HOST + DEV.replace("dev, image: tiny", "new, image: gone")))
    assert done.returncode == 4


def test_a_seed_that_was_used_on_the_disk_already_gives_other_guids(world):
    fixed = {"BERTH_SEED": "s"}
    world.ok("apply", machine(world, HEAD + HOST), "--yes", env=fixed)
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes", env=fixed)
    parts = world.json("disk", "show", world.home / "disk.img")["disk"]["partitions"]
    assert len({p["uuid"] for p in parts}) == len(parts)


def test_an_image_may_be_named_by_its_path(world):
    world.ok("apply", machine(world, HEAD + HOST.replace("image: tiny", "image: ./tiny.tar")), "--yes")
    assert world.json("guest", "list", "--disk", world.home / "disk.img")["systems"][0]["image"] is None


# ---- what lies in free space ----

def put(world, start, data=b"somebody's"):
    with open(world.home / "disk.img", "r+b") as disk:
        disk.seek(start)
        disk.write(data)


def asks(world, file, name, *args, loses="what is in the free space"):
    """plan and apply are refused without --lose, the plan says what would be lost, and no byte changes."""
    before = digest(world)
    for command in (("plan",), ("apply", "--yes")):
        done = world(command[0], file, *command[1:], *args)
        assert done.returncode == 3 and f"--lose {name}" in done.stderr, done.stdout + done.stderr
    planned = " ".join(world.ok("plan", file, *args, "--lose", name).split())
    assert f"LOSES {loses}" in planned, planned
    assert digest(world) == before
    return done.stderr


def end_of(world, name):
    parts = world.json("disk", "show", world.home / "disk.img")["disk"]["partitions"]
    return next(p["start"] + p["size"] for p in parts if p["name"] == name)


def test_a_guest_goes_over_what_somebody_left_only_by_name(world):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    orphan = world.home / "orphan"
    subprocess.run(["mke2fs", "-qF", "-t", "ext4", "-L", "photos", orphan, "12M"], check=True, capture_output=True)
    at = end_of(world, "main-swap")
    put(world, at, orphan.read_bytes())
    file = machine(world, HEAD + HOST + DEV)
    words = asks(world, file, "dev")
    assert f"has ext4 (photos) that begins at {at >> 20}MiB" in words and "(dev, 20 MiB)" in words, words
    world.ok("apply", file, "--yes", "--lose", "dev")
    assert world("plan", file, "--check").returncode == 0


def test_a_root_grows_over_what_somebody_left_only_by_name(world):
    file = machine(world, HEAD + HOST.replace("  volumes: [{name: main-swap, type: swap, size: 8MiB}]\n", ""))
    world.ok("apply", file, "--yes")
    put(world, end_of(world, "main") + (4 << 20))
    file.write_text(file.read_text().replace("20MiB", "30MiB"))
    assert "disk.img: where partition 4 (main, 20 MiB, ext4) grows, the free range" in asks(world, file, "main")
    world.ok("apply", file, "--yes", "--lose", "main")


def cut_root(world):
    """The machine file of a host whose root, of 20 MiB, another tool has cut to 12 MiB."""
    text = HOST.replace("  volumes: [{name: main-swap, type: swap, size: 8MiB}]\n", "")
    world.ok("apply", machine(world, HEAD + text), "--yes")
    subprocess.run(["sfdisk", "-q", "--no-reread", "-N", "4", world.home / "disk.img"], input=",12M\n", text=True,
                   check=True)
    return HEAD + text


def test_a_guest_goes_over_the_end_of_a_root_that_was_cut_only_by_its_name(world):
    file = machine(world, cut_root(world).replace("20MiB", "12MiB") + DEV)
    assert "the ext4 of partition 4, which was cut shorter than that, goes on to 78MiB" in asks(
        world, file, "main", loses="the end of a filesystem")
    world.ok("apply", file, "--yes", "--lose", "main")


@pytest.mark.parametrize("size", ["16MiB", "20MiB", "30MiB"])
def test_a_root_that_was_cut_is_not_grown_without_its_end(world, size):
    file = machine(world, cut_root(world).replace("20MiB", size))
    before = digest(world)
    done = world("apply", file, "--yes")
    assert done.returncode == 3 and "4 --size 20MiB puts its entry right" in done.stderr, done.stderr
    assert digest(world) == before
    world.ok("part", "resize", world.home / "disk.img", "main", "--size", "20MiB", "--yes")
    world.ok("apply", file, "--yes")


def test_a_word_that_names_no_partition_is_an_error(world):
    world.ok("apply", machine(world, HEAD + HOST), "--yes")
    done = world("apply", machine(world, HEAD + HOST + DEV), "--yes", "--lose", "devv")
    assert done.returncode == 2 and "--lose devv" in done.stderr, done.stderr


def pruned(world):
    """The machine file of a guest that was there, was used, and was pruned."""
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    subprocess.run(["tune2fs", "-L", "used", f"{world.home / 'disk.img'}?offset={end_of(world, 'main-swap')}"],
                   check=True, capture_output=True)
    world.ok("apply", machine(world, HEAD + HOST), "--yes", "--prune")
    return machine(world, HEAD + HOST + DEV)


def test_the_place_of_what_was_pruned_is_used_again_without_a_word(world):
    for _ in range(2):
        file = pruned(world)
        assert "LOSES" not in world.ok("plan", file)
        world.ok("apply", file, "--yes")


@pytest.mark.parametrize("between", [
    lambda world: put(world, end_of(world, "main-swap") + (10 << 20)),
    lambda world: subprocess.run(["sgdisk", "-c", "3:theirs", world.home / "disk.img"], check=True,
                                 capture_output=True),
], ids=["bytes", "table"])
def test_the_place_of_what_was_pruned_is_asked_for_when_somebody_was_there(world, between):
    file = pruned(world)
    between(world)
    file.write_text(file.read_text().replace("  - {name: shared, type: linux, size: 16MiB, fs: ext4}\n", ""))
    asks(world, file, "dev")


def test_pruning_and_adding_at_once_asks_for_what_is_under_the_new_one_only(world):
    world.ok("apply", machine(world, HEAD + HOST + DEV), "--yes")
    put(world, end_of(world, "dev") + (1 << 20))
    asks(world, machine(world, HEAD + HOST + DEV.replace("dev", "new")), "new", "--prune")
