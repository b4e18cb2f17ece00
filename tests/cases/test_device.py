# SPDX-License-Identifier: GPL-3.0-or-later
"""apply and menu on a block device: partition nodes, mounts, who uses what. Needs root and /dev/loop."""
import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import pathlib

import pytest

import disks
from program import BERTH

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "guests"))
import tiny  # noqa: E402

MACHINE = """\
berth: 1
name: device
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: shared, type: linux, size: 16MiB, fs: ext4}
host: {name: main, image: tiny, root: {size: 20MiB}}
menu: {default: main}
"""
DEV = "guests:\n  - {name: dev, image: tiny, root: {size: 20MiB}}\n"


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def device(berth):
    """A loop device of 200 MiB, its machine file, and the image "tiny"."""
    tiny.add_image(berth)
    with open(berth.home / "backing", "wb") as backing:
        backing.truncate(200 << 20)
    with disks.attached(berth.home / "backing") as node:
        yield node
        subprocess.run(["umount", "-q", *(f"{node}p{n}" for n in range(1, 6))], check=False,
                       stderr=subprocess.DEVNULL)


def on_terminal(berth, *argv):
    """A terminal is what lets a device without a serial be changed by --yes."""
    command = " ".join([berth.binary, *map(str, argv), "--yes"])
    return subprocess.run(["script", "--quiet", "--return", "--command", command, "/dev/null"],
                          env=berth.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


def apply(berth, device, text, *options):
    (berth.home / "m.yaml").write_text(text)
    return on_terminal(berth, "apply", berth.home / "m.yaml", "--disk", device, *options)


def test_without_a_terminal_a_device_must_be_named_by_what_it_says_of_itself(berth, device):
    (berth.home / "m.yaml").write_text(MACHINE)
    done = berth("apply", berth.home / "m.yaml", "--disk", device, "--yes")
    assert done.returncode == 3
    assert "nothing says which one it must be" in done.stderr
    assert "answer on a terminal" in done.stderr  # it has neither serial number nor WWN
    assert not any(pathlib.Path(device).open("rb").read(1 << 20))


def test_the_kernel_knows_every_new_partition_and_mounts_it(berth, device):
    done = apply(berth, device, MACHINE)
    assert done.returncode == 0, done.stdout
    point = berth.home / "mnt"
    point.mkdir()
    run("mount", f"{device}p4", point)
    assert (point / "etc/hostname").read_text() == "main\n"
    columns = "MAJ:MIN,RM,RO,FSAVAIL,FSUSE%,MOUNTPOINTS"
    lsblk = subprocess.run(["lsblk", "-bno", columns, f"{device}p4"], check=True, capture_output=True,
                           text=True).stdout.split()
    shown = berth.ok("disk", "show", device, "-bo", f"PARTN,{columns}").splitlines()
    assert ["4", *lsblk] in [line.split() for line in shown]
    run("umount", point)
    assert "nothing to do" in apply(berth, device, MACHINE).stdout


def test_a_guest_is_added_beside_a_mounted_host(berth, device):
    assert apply(berth, device, MACHINE).returncode == 0
    point = berth.home / "mnt"
    point.mkdir()
    run("mount", f"{device}p4", point)
    (point / "kept").write_text("by the host")
    done = apply(berth, device, MACHINE + DEV)
    assert done.returncode == 0, done.stdout
    assert (point / "kept").read_text() == "by the host"
    run("umount", point)
    run("e2fsck", "-fn", f"{device}p4")
    run("e2fsck", "-fn", f"{device}p5")
    assert [s["name"] for s in berth.json("guest", "list", "--disk", device)["systems"]] \
        == ["main", "dev"]


def test_what_prune_would_delete_is_refused_while_it_is_mounted(berth, device):
    assert apply(berth, device, MACHINE + DEV).returncode == 0
    point = berth.home / "mnt"
    point.mkdir()
    run("mount", f"{device}p5", point)
    before = hashlib.sha256(pathlib.Path(device).read_bytes()).hexdigest()
    done = apply(berth, device, MACHINE, "--prune")
    assert done.returncode == 3
    assert f"mounted on {point}" in done.stdout
    assert hashlib.sha256(pathlib.Path(device).read_bytes()).hexdigest() == before
    run("umount", point)
    assert apply(berth, device, MACHINE, "--prune").returncode == 0
    assert not pathlib.Path(f"{device}p5").exists()


def test_partitions_that_only_the_kernel_remembers_are_forgotten(berth, device):
    assert apply(berth, device, MACHINE).returncode == 0
    with open(device, "r+b") as disk:
        disk.write(bytes(200 << 20))
    for number in range(1, 5):  # whoever looks at all disks of the machine may have kept them cached
        run("blockdev", "--flushbufs", f"{device}p{number}")
    done = apply(berth, device, MACHINE + DEV)
    assert done.returncode == 0, done.stdout
    assert pathlib.Path(f"{device}p5").exists()


def test_disk_show_says_who_uses_a_partition(berth, device):
    assert apply(berth, device, MACHINE).returncode == 0
    point = berth.home / "mnt"
    point.mkdir()
    run("mount", f"{device}p3", point)
    use = {p["name"]: p["in-use"] for p in berth.json("disk", "show", device)["disk"]["partitions"]}
    assert use["shared"] == f"mounted on {point}"
    assert use["main"] is None
    run("umount", point)


def test_an_image_file_behind_a_loop_device_is_in_use(berth, device):
    (berth.home / "m.yaml").write_text(MACHINE)
    done = berth("apply", berth.home / "m.yaml", "--disk", berth.home / "backing", "--yes")
    assert done.returncode == 3
    assert f"in use by {device}" in done.stderr


def test_a_partition_is_not_a_disk(berth, device):
    assert apply(berth, device, MACHINE).returncode == 0
    done = berth("disk", "show", f"{device}p4")
    assert done.returncode == 2
    assert "is a partition, not a disk" in done.stderr


def test_a_device_with_data_and_no_table_is_refused(berth, device):
    with open(device, "r+b") as disk:
        disk.seek(60 << 20)
        disk.write(b"\xa5" * (1 << 20))
    done = apply(berth, device, MACHINE)
    assert done.returncode == 3
    assert "yet it is not empty" in done.stdout


def test_an_image_file_that_is_swap_is_in_use(tmp_path):
    swap = tmp_path / "swap"
    swap.write_bytes(bytes(16 << 20))  # no holes: the kernel does not swap to those
    swap.chmod(0o600)
    run("mkswap", "-q", swap)
    run("swapon", swap)
    done = subprocess.run([pathlib.Path(BERTH).parent / "tests/disk_nodes", swap],
                          capture_output=True, text=True)
    run("swapoff", swap)
    assert done.stdout == f"{swap} is in use as swap\nswapoff {swap}\n"


def test_a_partition_that_a_loop_device_shows_is_in_use(berth, device):
    assert apply(berth, device, MACHINE + DEV).returncode == 0
    with disks.attached(f"{device}p5") as loop:
        done = apply(berth, device, MACHINE, "--prune")
    assert done.returncode == 3
    assert f"in use by {loop}" in done.stdout


def test_what_lies_past_the_end_of_a_device_is_taken_out_of_its_table(berth, device):
    run("sgdisk", "-n", "1:1M:+10M", "-n", "2:60M:+40M", "-n", "3:120M:+10M", berth.home / "backing")
    (berth.home / "backing").open("r+b").truncate(80 << 20)
    run("losetup", "--set-capacity", device)
    for number in ("2", "3"):
        done = on_terminal(berth, "part", "rm", device, number)
        assert done.returncode == 0, done.stdout
    berth.ok("disk", "check", device)
    assert pathlib.Path(f"{device}p1").exists() and not pathlib.Path(f"{device}p2").exists()


@contextlib.contextmanager
def table_taken(device):
    """As another berth that works on the device, with the words that it is told by."""
    with open(device, "rb") as disk:
        fcntl.flock(disk, fcntl.LOCK_EX)
        yield f"berth: a change of {device} is under way in {pathlib.Path('/proc/self/comm').read_text().strip()} " \
            f"(process {os.getpid()})\n"


@pytest.fixture
def half_written(berth):
    """A loop device whose one partition has a superblock that does not fit its own checksum."""
    backing = berth.home / "backing"
    berth.ok("part", "table", backing, "gpt", "--size", "60M", "--yes")
    berth.ok("part", "add", backing, "--size", "20M", "--fs", "ext4", "--yes")
    with open(backing, "r+b") as disk:
        disk.seek((1 << 20) + 1024 + 0x30)
        disk.write(b"\x12\x34")
    with disks.attached(backing) as node:
        yield node


@pytest.mark.parametrize("command", ["resize {} 1 --size 30M", "resize {} 1 --size -2M"])
def test_what_another_berth_is_writing_is_in_use_and_not_damaged(berth, half_written, command):
    argv = "part", *command.format(half_written).split(), "--dry-run"
    assert "uperblock" in berth(*argv).stderr
    with table_taken(half_written) as words:
        done = berth(*argv)
    assert done.returncode == 3 and done.stderr == words + "hint: wait until that has ended\n"


@pytest.mark.parametrize("command", ["move {} 1 --start +1M", "format {} 1 --fs ext4 --lose 1", "rm {} 1"])
def test_who_changes_the_disk_is_named_to_who_would_too(berth, half_written, command):
    before = disks.fingerprint(half_written)
    with table_taken(half_written) as words:
        done = on_terminal(berth, "part", *command.format(half_written).split())
    assert done.returncode == 3 and words in done.stdout.replace("\r", "")
    assert disks.fingerprint(half_written) == before


@pytest.fixture
def mounted_btrfs(berth):
    """A loop device with a partition of 500 MiB, mounted, of which half is in use."""
    with open(berth.home / "backing", "wb") as backing:
        backing.truncate(520 << 20)
    berth.ok("part", "table", berth.home / "backing", "gpt", "--yes")
    berth.ok("part", "add", berth.home / "backing", "--size", "500M", "--name", "data", "--fs", "btrfs",
             "--yes")
    point = berth.home / "mnt"
    point.mkdir()
    with disks.attached(berth.home / "backing") as node:
        assert on_terminal(berth, "part", "set", node, "1", "--name", "live").returncode == 0
        run("mount", f"{node}p1", point)
        run("fallocate", "-l", "235M", point / "file")
        run("sync", "-f", point)
        yield node
        run("umount", point)


def test_a_mounted_btrfs_that_does_not_shrink_is_told_in_plain_words(berth, mounted_btrfs):
    done = on_terminal(berth, "part", "resize", mounted_btrfs, "1", "--size", "262M")
    assert done.returncode == 2, done.stdout
    assert "live stays as it is: what its btrfs holds does not fit into 262MiB" in done.stdout
    assert "ERROR" not in done.stdout and "hint: make room in it" in done.stdout
    size, = (p["size"] for p in berth.json("disk", "show", mounted_btrfs)["disk"]["partitions"])
    assert size == 500 << 20


def mounted_part(berth, *mount):
    """An image with two partitions, of which the first, an ext4, is mounted by those words, IMAGE for its path."""
    image, folder = berth.home / "image", berth.home / "a folder"
    berth.ok("part", "table", image, "gpt", "--size", "100M", "--yes")
    for fs in (("--fs", "ext4"), ()):
        berth.ok("part", "add", image, "--size", "20M", *fs, "--yes")
    folder.mkdir()
    run("sh", "-c", " ".join(mount).replace("IMAGE", str(image)), "sh", str(folder))
    return image, folder


@pytest.mark.parametrize("mount", [
    f"mount -o loop,offset={1 << 20},sizelimit={20 << 20} IMAGE \"$1\"",
    f"mount $(losetup --find --show --offset {1 << 20} --sizelimit {20 << 20} IMAGE) \"$1\"",
], ids=["by mount", "by losetup"])
def test_a_partition_mounted_through_a_loop_device_is_named_with_its_mount(berth, mount):
    image, folder = mounted_part(berth, mount)
    try:
        used = [p["in-use"] for p in berth.json("disk", "show", image)["disk"]["partitions"]]
        assert f"mounted on {folder} through /dev/loop" in used[0] and used[1] is None
        for part in "12":
            done = berth("part", "set", image, part, "--name", "x", "--yes")
            assert done.returncode == 3 and f"mounted on {folder} through /dev/loop" in done.stderr
        hint = done.stderr.split("hint: ")[1]
        assert hint.startswith(f"umount '{folder}'")
    except BaseException:
        subprocess.run(["umount", "-d", folder], check=False)
        raise
    run("sh", "-c", hint)
    berth.ok("part", "set", image, "1", "--name", "x", "--yes")


@pytest.mark.parametrize("fs", ["btrfs", "xfs"])
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_what_berth_made_and_grew_through_a_mount_is_nobodys_until_it_is_used(berth, fs, used):
    with open(berth.home / "backing", "wb") as backing:
        backing.truncate(1 << 30)
    with disks.attached(berth.home / "backing") as node:
        def part(*words):
            return on_terminal(berth, "part", words[0], node, *words[1:])

        assert on_terminal(berth, "part", "table", node, "gpt").returncode == 0
        assert part("add", "--name", "a", "--size", "350M", "--fs", fs).returncode == 0
        for size in ("400M", "450M"):
            assert part("resize", "a", "--size", size).returncode == 0
        if used:
            point = berth.home / "mnt"
            run("sh", "-c", f"mkdir {point} && mount {node}p1 {point} && echo theirs >{point}/file; umount {point}")
        assert part("rm", "a").returncode == 0
        done = part("add", "--name", "b", "--size", "600M", "--fs", "ext4")
        assert done.returncode == (3 if used else 0), done.stdout
        assert ("--lose b" in done.stdout) == used
