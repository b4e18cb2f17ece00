# SPDX-License-Identifier: GPL-3.0-or-later
"""disk show on disks that berth did not make."""
import subprocess


def sfdisk(disk, script, size=100 << 20):
    with open(disk, "wb") as file:
        file.truncate(size)
    subprocess.run(["sfdisk", "-q", disk], input=script, text=True, check=True)


def test_an_mbr_disk_is_shown(berth):
    disk = berth.home / "mbr.img"
    sfdisk(disk, "label: dos\nsize=20M,type=83\nsize=30M,type=5\nsize=10M\n")
    shown = berth.json("disk", "show", disk)["disk"]
    assert shown["table"] == "mbr"
    assert [(p["number"], p["size"]) for p in shown["partitions"]][:2] == [(1, 20 << 20), (2, 30 << 20)]
    assert shown["partitions"][0]["type"] is None
    assert "MBR" in berth.ok("disk", "show", disk)


def test_a_label_that_is_no_text_does_not_hide_its_partition(berth):
    disk = berth.home / "odd.img"
    sfdisk(disk, "label: gpt\nsize=20M\n")
    subprocess.run([b"mke2fs", b"-q", b"-E", b"offset=1048576", b"-L", b"b\xffd", disk, b"20M"],
                   check=True, capture_output=True)
    part, = berth.json("disk", "show", disk)["disk"]["partitions"]
    assert (part["fs"], part["label"]) == ("ext2", "b?d")


def test_a_blank_disk_has_no_table(berth):
    with open(berth.home / "blank.img", "wb") as file:
        file.truncate(10 << 20)
    shown = berth.json("disk", "show", berth.home / "blank.img")["disk"]
    assert (shown["table"], shown["partitions"]) == (None, [])
    assert "no partition table" in berth.ok("disk", "show", berth.home / "blank.img")


def test_a_disk_of_4096_byte_sectors_is_recognised(berth):
    disk = berth.home / "large.img"
    with open(disk, "wb") as file:
        file.truncate(100 << 20)
    (berth.home / "m.yaml").write_text(
        "berth: 1\ndisk: {path: large.img, sector-size: 4096}\n"
        "partitions: [{name: data, type: linux, size: 20MiB, fs: ext4}, "
        "{name: esp, type: esp, size: 70MiB}]\n")
    berth.ok("apply", berth.home / "m.yaml", "--yes")
    assert berth.json("disk", "show", disk)["disk"]["sector-size"] == 4096
