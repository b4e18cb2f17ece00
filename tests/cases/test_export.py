# SPDX-License-Identifier: GPL-3.0-or-later
"""berth disk export --format yaml: what it writes, plan reads back and finds nothing to do."""
import pathlib
import subprocess
import sys

import pytest

import disks

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guests"))
import tiny  # noqa: E402

REFUSED, NOT_FOUND, UNSUPPORTED = 3, 4, 2
MACHINE = """\
berth: 1
name: files
disk: {path: disk.img, size: 220MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
  - {name: shared, type: linux, size: 16MiB, fs: ext4}
host:
  name: main
  image: tiny
  root: {size: 20MiB}
  volumes: [{name: main-swap, type: swap, size: 8MiB}]
guests:
  - name: dev
    image: IMAGE
    root: {size: 20MiB}
    hostname: elsewhere
    kernel-options: "quiet x=\\"1: 2\\""
    run: {memory: 1GiB, cpus: 2, net: none, engine: qemu}
menu: {default: dev, timeout: 7, order: [dev, main], console: [serial]}
"""


def export(berth, disk, *args):
    path = berth.home / "exported.yaml"
    path.unlink(missing_ok=True)
    berth.ok("disk", "export", disk, path, "--format", "yaml", *args)
    return path


def reads_back(berth, disk, *args):
    """The exported file plans to nothing for its disk, named in the file or beside it; its text."""
    file = export(berth, disk, *args)
    for where in ((), ("--disk", disk)):
        done = berth("plan", file, "--check", *where)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "nothing to do" in done.stdout
    return file.read_text()


def image(berth, size="160M"):
    path = berth.home / "disk.img"
    berth.ok("part", "table", path, "gpt", "--size", size, "--yes")
    return path


@pytest.fixture(params=["tiny", "./tiny.tar"])
def installed(berth, request):
    """A disk with two systems; the image of one is from the store, or a file."""
    tiny.add_image(berth)
    file = berth.home / "m.yaml"
    file.write_text(MACHINE.replace("IMAGE", request.param))
    berth.ok("apply", file, "--yes")
    return berth.home / "disk.img"


def test_a_disk_with_systems_reads_back(berth, installed):
    text = reads_back(berth, installed)
    for line in ("name: files", "default: dev", "timeout: 7", "console: [serial]",
                 "order: [dev, main]", "engine: qemu", "cpus: 2"):
        assert line in text, text


def test_a_disk_with_systems_reads_back_after_its_partitions_changed(berth, installed):
    berth.ok("part", "resize", installed, "dev", "--size", "+10M", "--yes")
    berth.ok("part", "add", installed, "--name", "more", "--size", "10M", "--fs", "ext4", "--yes")
    berth.ok("part", "add", installed, "--name", "raw", "--size", "10M", "--yes")
    text = reads_back(berth, installed)
    assert "30MiB" in text and "name: more" in text
    assert "# partition 8 (raw) stays as it is" in text


def test_partitions_alone_read_back(berth):
    disk = image(berth)
    berth.ok("part", "add", disk, "--name", "home", "--size", "20M", "--fs", "ext4", "--yes")
    berth.ok("part", "add", disk, "--name", "swap", "--size", "8M", "--type", "swap", "--fs", "swap",
             "--yes")
    berth.ok("part", "add", disk, "--name", "odd", "--size", "8193K", "--align", "512", "--fs",
             "ext4", "--yes")
    berth.ok("part", "add", disk, "--name", "other", "--size", "16M", "--fs", "vfat", "--yes")
    text = reads_back(berth, disk)
    assert "{name: home, type: linux, size: 20MiB, fs: ext4}" in text
    assert "size: 8193KiB" in text
    assert "# partition 4 (other) stays as it is" in text


def test_an_empty_table_reads_back(berth):
    assert "partitions" not in reads_back(berth, image(berth))


def test_a_new_disk_gets_the_same_partitions(berth):
    disk = image(berth)
    berth.ok("part", "add", disk, "--name", "home", "--size", "20M", "--fs", "ext4", "--yes")
    file = export(berth, disk)
    other = berth.home / "other.img"
    berth.ok("apply", file, "--disk", other, "--yes")
    (made,) = berth.json("disk", "show", other)["disk"]["partitions"]
    assert (made["name"], made["size"], made["fs"]) == ("home", 20 << 20, "ext4")
    assert "nothing to do" in berth.ok("plan", file, "--disk", other)
    assert "esp" not in berth.ok("disk", "show", other)


def test_sectors_of_4096_bytes_read_back(berth):
    disk = berth.home / "disk.img"
    berth.ok("part", "table", disk, "gpt", "--size", "160M", "--sector-size", "4096", "--yes")
    berth.ok("part", "add", disk, "--name", "home", "--size", "20M", "--fs", "ext4", "--yes")
    assert "sector-size: 4096" in reads_back(berth, disk)


def test_a_disk_of_other_tools_keeps_what_the_format_cannot_say(berth):
    """Another system's ESP, names and types that berth's files have not, and one name twice."""
    disk = berth.home / "disk.img"
    with open(disk, "wb") as file:
        file.truncate(160 << 20)
    subprocess.run(["sfdisk", "-q", disk], text=True, check=True, input="""label: gpt
size=20M, type=U, name="EFI system partition"
size=20M, type=linux, name=home
size=20M, type=linux, name=home
size=20M, type=linux, name="two\\x0alines: [x]"
size=8M, type=swap, name=esp
""")
    for start in (21, 41, 61):
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", f"offset={start << 20}", disk, "20M"],
                       check=True, capture_output=True)
    before = disks.fingerprint(disk)
    text = reads_back(berth, disk)
    assert text.count("name: home") == 1
    for number in (1, 3, 4, 5):
        assert f"# partition {number} (" in text
    assert all(line.startswith(("#", "berth", "disk:", " ", "partitions:", "- {name: home"))
               for line in text.splitlines()), text
    berth.ok("apply", berth.home / "exported.yaml", "--yes")
    assert disks.fingerprint(disk) == before


def test_an_mbr_is_refused_by_name(berth):
    disk = berth.home / "disk.img"
    berth.ok("part", "table", disk, "mbr", "--size", "64M", "--yes")
    done = berth("disk", "export", disk, "--format", "yaml")
    assert done.returncode == UNSUPPORTED and "MBR" in done.stderr
    assert "--format sfdisk" in done.stderr


def test_without_a_table_there_is_nothing_to_export(berth):
    disk = berth.home / "disk.img"
    with open(disk, "wb") as file:
        file.truncate(64 << 20)
    assert berth("disk", "export", disk, "--format", "yaml").returncode == NOT_FOUND


def test_a_format_that_does_not_exist_is_named(berth):
    done = berth("disk", "export", image(berth), "--format", "json")
    assert done.returncode == 2 and "sfdisk, repart or yaml" in done.stderr


def test_a_file_that_is_there_stays(berth):
    disk = image(berth)
    file = export(berth, disk)
    file.write_text("mine")
    assert berth("disk", "export", disk, file, "--format", "yaml").returncode == REFUSED
    assert file.read_text() == "mine"
