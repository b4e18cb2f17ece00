# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run /dev/NODE: a partition's node as a guest. Whoever may read the whole disk gets every refusal
that a system's name gets; whoever may not gets those that the partition alone can give."""
import contextlib
import fcntl
import os
import shutil
import struct
import subprocess

import pexpect
import pytest

import disks
from guests import tiny
from ordinary import AS_ORDINARY, ORDINARY
from program import BUILD, Berth

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a loop device takes root")

INCOMPLETE = "9d2f6c1a-47b8-4e35-a1c0-626572746801"
F_OFD_SETLK = 37
MOVING = "9d2f6c1a-47b8-4e35-a1c0-626572746802"
BY_NODE = ("--engine", "kvm", "--net", "none", "--memory", "64MiB")

MACHINE = """\
berth: 1
name: node
disk: {path: disk.img, size: 160MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
  - {name: spare, type: swap, size: 8MiB}
host: {name: main, image: tiny, root: {size: 16MiB, fs: ext4}}
guests:
  - name: dev
    image: tiny
    root: {size: 16MiB, fs: ext4}
    volumes:
      - {name: dev-swap, type: swap, size: 16MiB}
  - name: other
    image: tiny
    root: {size: 16MiB, fs: ext4}
    kernel-options: resume=/dev/disk/by-partlabel/dev-swap
"""

# says "up" and does what is typed (tests/guests/kernels/lives.c)
KERNEL = tiny.OtherKernel((BUILD / "tests/guests/lives").read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny.make_disk(Berth(tmp_path_factory.mktemp("node")), MACHINE, KERNEL)


def stop_all(berth, prefix=()):
    for one in berth.json("ps", prefix=prefix)["running"]:
        berth("stop", "--force", one["name"], "--disk", one["disk"], prefix=prefix)


class Host:
    """A disk file, and its loop device with partitions when it is asked for."""

    def __init__(self, berth, disk):
        self.berth, self.disk, self.device = berth, disk, None

    def number(self, name):
        return [p["name"] for p in disks.table(self.disk)["partitions"]].index(name) + 1

    def node(self, name):
        return f"{self.device}p{self.number(name)}"

    def typecode(self, name, guid):
        subprocess.run(["sgdisk", f"--typecode={self.number(name)}:{guid}", self.disk], check=True,
                       capture_output=True)

    def write(self, name, at, data):
        with open(self.disk, "r+b") as file:
            os.pwrite(file.fileno(), data, disks.ranges(self.disk)[name][0] + at)

    def hibernate(self, name):
        self.write(name, 4086, b"S1SUSPEND\0")

    def attach(self, stack):
        self.device = stack.enter_context(disks.attached(self.disk))
        subprocess.run(["partx", "--update", self.device], check=True)

    def refused(self, name, status, *words, berth=None, prefix=()):
        before = disks.fingerprint(self.disk)
        done = (berth or self.berth)("run", self.node(name), *BY_NODE, "--detach", prefix=prefix)
        assert done.returncode == status, done.stderr
        for word in words:
            assert word in done.stderr, done.stderr
        assert disks.fingerprint(self.disk) == before

    def stop(self):
        stop_all(self.berth)


@pytest.fixture
def host(made, berth):
    disks.copy(made, berth.home / "disk.img")
    host = Host(berth, berth.home / "disk.img")
    with contextlib.ExitStack() as stack:
        host.attach(stack)
        yield host
        host.stop()


def test_a_node_runs_as_its_system_does_by_name(host):
    host.berth.ok("run", host.node("dev"), *BY_NODE, "--detach")
    one, = host.berth.json("ps")["running"]
    assert one["name"] == "dev" and one["disk"] == host.device
    again = host.berth("run", "dev", "--disk", host.device, *BY_NODE)
    assert again.returncode == 3 and "berth stop dev" in again.stderr
    with pytest.raises(OSError, match="busy"):  # with its volumes
        os.close(os.open(host.node("dev-swap"), os.O_RDWR | os.O_EXCL))
    host.berth.ok("stop", "dev")


@pytest.mark.parametrize("swap, words", [
    ("dev-swap", ("dev is hibernated",)), ("spare", ("holds a hibernated system", "may be dev"))])
def test_a_session_in_a_swap_is_refused(host, swap, words):
    host.hibernate(swap)
    host.refused("dev", 3, *words, "hint: boot it from the menu")


def test_what_its_kernel_options_resume_from_must_not_hold_a_session(host):
    host.hibernate("dev-swap")
    host.refused("other", 3, "other is hibernated")


@pytest.mark.parametrize("guid, word", [(INCOMPLETE, "not complete"), (MOVING, "moved or resized")])
def test_a_partition_that_is_worked_on_is_refused(host, guid, word):
    host.typecode("dev", guid)
    host.refused("dev", 3, word, "hint: ")


def test_a_system_that_berth_did_not_install_gets_the_same_refusals(host):
    host.write("esp", 0, bytes(1 << 20))  # and so no record
    host.hibernate("spare")
    host.refused("dev", 3, "holds a hibernated system")
    host.write("spare", 4086, b"SWAPSPACE2")
    host.berth.ok("run", host.node("dev"), *BY_NODE, "--detach")
    assert [one["disk"] for one in host.berth.json("ps")["running"]] == [host.device]




@contextlib.contextmanager
def qemu(device, *options):
    """A QEMU with the device open; what it says first."""
    with subprocess.Popen(["qemu-io", "-f", "raw", *options, device], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        child.stdin.write("length\n")
        child.stdin.flush()
        yield child.stdout.readline()
        child.stdin.close()


def test_a_disk_that_a_virtual_machine_writes_to_is_refused(host):
    with qemu(host.device):
        host.refused("dev", 3, "in use by a virtual machine (QEMU)", "hint: power that machine off")


@pytest.mark.parametrize("by_node", [True, False], ids=["node", "name"])
def test_no_virtual_machine_gets_the_disk_while_a_guest_runs(host, by_node):
    words = (host.node("dev"),) if by_node else ("dev", "--disk", host.device)
    host.berth.ok("run", *words, *BY_NODE, "--detach")
    with qemu(host.device) as said:
        assert "lock" in said
    host.stop()
    with qemu(host.device) as said:
        assert "160 MiB" in said


def test_it_stays_so_when_the_guest_reboots(host):
    child = pexpect.spawn(host.berth.binary, ["run", host.node("dev"), *BY_NODE], timeout=60,
                          env=host.berth.env, encoding="utf-8")
    child.expect_exact("up")
    for _ in range(2):
        child.send("r")
        child.expect_exact("up")
    with qemu(host.device) as said:
        assert "lock" in said
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_who_uses_it_is_said_once(host):
    point = host.berth.home / "mnt"
    point.mkdir()
    subprocess.run(["mount", host.node("dev"), point], check=True)
    try:
        host.refused("dev", 3, f"its partition 5 is in use: mounted on {point}", "hint: umount ")
    finally:
        subprocess.run(["umount", point], check=True)
    start, end = disks.ranges(host.disk)["dev"]
    with open(host.disk, "r+b") as other:
        lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
        fcntl.fcntl(other.fileno(), F_OFD_SETLK, lock)
        done = host.berth("run", "dev", "--disk", host.disk)
    assert done.returncode == 3 and done.stderr.count("in use") == 1


def test_a_partition_that_the_table_has_elsewhere_is_refused(host):
    number = host.number("other")
    start, end = (at // 512 for at in disks.ranges(host.disk)["other"])
    subprocess.run(["sgdisk", f"--delete={number}", f"--new={number}:{start}:{end - 2049}", host.disk],
                   check=True, capture_output=True)
    node = f"{host.device}p{number}"
    done = host.berth("run", node, *BY_NODE)
    assert done.returncode == 3 and "has no such partition" in done.stderr
    assert f"partprobe {host.device}" in done.stderr


def test_a_partition_of_an_mbr_runs(host):
    """Its own is the only one that the guest sees, and it boots from it all the same."""
    start, end = disks.ranges(host.disk)["dev"]
    disks.extract(host.disk, start, end, host.disk.with_name("root"))
    with contextlib.ExitStack() as stack:
        mbr = Host(host.berth, host.disk.with_name("mbr.img"))
        with open(mbr.disk, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["sfdisk", "-q", mbr.disk], check=True, text=True, input=(
            "label: dos\nstart=2048, size=8192, type=ef\nstart=10240, size=32768, type=83\n"
            "start=98304, size=32768, type=82\n"))
        with open(mbr.disk, "r+b") as file:
            os.pwrite(file.fileno(), host.disk.with_name("root").read_bytes(), 10240 * 512)
        mbr.attach(stack)
        mbr.berth.ok("run", f"{mbr.device}p2", *BY_NODE, "--detach")
        mbr.stop()
        subprocess.run(["sfdisk", "-q", "--no-tell-kernel", "--part-type", mbr.disk, "2", "7f"], check=True)
        done = mbr.berth("run", f"{mbr.device}p2", *BY_NODE)
        assert done.returncode == 3 and "not complete" in done.stderr


# ---- who may have the node and no more of the disk ----

@pytest.fixture
def user(host, tmp_path):
    """Who owns the node of "dev" and may use /dev/kvm: berth, and the words in front of it."""
    home = tmp_path / "user"
    home.mkdir()
    for name in ("berth", "berth-monitor", "berth-keeper"):
        shutil.copy(BUILD / name, home)
    os.chown(home, ORDINARY, ORDINARY)
    for folder in home.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o011)
    os.chown(host.node("dev"), ORDINARY, -1)
    kvm = f"--groups={os.stat('/dev/kvm').st_gid}"
    berth = Berth(home, binary=str(home / "berth"))
    prefix = [kvm if word == "--clear-groups" else word for word in AS_ORDINARY]
    mode = os.stat(host.device).st_mode & 0o777
    yield berth, prefix
    stop_all(berth, prefix)
    os.chmod(host.device, mode)


def udev_says(*facts):
    """The words in front of a program for which udev's database has those (node, key and value)."""
    lines = " && ".join(
        f"echo 'E:{fact}' >>/run/udev/data/b{os.major(device)}:{os.minor(device)}"
        for node, fact in facts for device in [os.stat(node).st_rdev])
    return ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir -p /run/udev/data && "
            f"{lines} && exec \"$@\"", "sh"]


def test_what_could_not_be_looked_at_is_said(host, user):
    berth, prefix = user
    done = berth("run", host.node("dev"), *BY_NODE, "--detach", prefix=prefix)
    assert done.returncode == 0, done.stderr
    assert f"only {host.node('dev')} may be read" in done.stderr and "hibernated" in done.stderr
    assert [one["disk"] for one in berth.json("ps", prefix=prefix)["running"]] == [host.node("dev")]
    berth.ok("stop", "--force", "dev", prefix=prefix)


@pytest.mark.parametrize("name, fact, word", [
    ("dev", f"ID_PART_ENTRY_TYPE={INCOMPLETE}", "not complete"),
    ("dev", f"ID_PART_ENTRY_TYPE={MOVING}", "moved or resized"),
    ("spare", "ID_FS_TYPE=swsuspend", "holds a hibernated system")])
def test_what_udev_knows_is_refused(host, user, name, fact, word):
    berth, prefix = user
    host.refused("dev", 3, word, "hint: ", berth=berth,
                 prefix=[*udev_says((host.node(name), "DEVTYPE=partition"), (host.node(name), fact)), *prefix])


def test_who_may_read_the_disk_gets_every_refusal(host, user):
    berth, prefix = user
    nodes = [host.device, *(host.node(name) for name in disks.ranges(host.disk))]
    for node in nodes:
        os.chmod(node, 0o664)
    os.chown(host.node("dev-swap"), ORDINARY, -1)
    done = berth("run", host.node("dev"), *BY_NODE, "--detach", prefix=prefix)
    assert done.returncode == 0 and "may be read" not in done.stderr, done.stderr
    with qemu(host.device) as said:
        assert "lock" in said
    stop_all(berth, prefix)
    host.hibernate("dev-swap")
    host.refused("dev", 3, "dev is hibernated", berth=berth, prefix=prefix)


def test_a_virtual_machine_is_seen_from_its_lock_alone(host, user):
    berth, prefix = user
    with qemu(host.device):
        host.refused("dev", 3, "in use by a virtual machine (QEMU)", "hint: ", berth=berth, prefix=prefix)


def test_without_the_node_of_the_whole_disk_the_partition_is_enough(host):
    """As in a container that was given that node and no other."""
    hidden = ["unshare", "-m", "sh", "-c", f"mount --bind /dev/null {host.device} && exec \"$@\"", "sh"]
    done = host.berth("run", host.node("dev"), *BY_NODE, "--detach", prefix=hidden)
    assert done.returncode == 0 and f"only {host.node('dev')} may be read" in done.stderr


# ---- what is no guest ----

def test_a_file_or_a_disk_is_pointed_to_its_option(host):
    for path in (host.disk, host.device):
        done = host.berth("run", path)
        assert done.returncode == 2 and f"`berth run NAME --disk {path}`" in done.stderr


def test_a_node_that_may_not_be_opened_is_named_once(host, user):
    berth, prefix = user
    done = berth("run", host.node("other"), *BY_NODE, prefix=prefix)
    assert done.returncode != 0 and "Permission denied" in done.stderr
    assert done.stderr.count(host.node("other")) == 1


def bare_checksum(host):
    host.write("dev", 1024 + 0x3fc, b"\x5a" * 4)


def another_filesystem(*mkfs):
    def make(host):
        start, end = disks.ranges(host.disk)["dev"]
        image = host.disk.with_name("fs")
        with open(image, "wb") as file:
            file.truncate(end - start)
        subprocess.run([*mkfs, image], check=True, capture_output=True)
        host.write("dev", 0, image.read_bytes())
    return make


def no_filesystem(host):
    start, end = disks.ranges(host.disk)["dev"]
    host.write("dev", 0, bytes(end - start))


@pytest.mark.parametrize("change, words", [
    (bare_checksum, ("ext4", "checksum")),
    (another_filesystem("mkfs.vfat"), ("vfat", "no kernel")),
    (another_filesystem("mkntfs", "-F", "-Q"), ("ntfs", "no kernel")),
    (another_filesystem("mke2fs", "-t", "ext4"), ("ext4", "no kernel")),
    (no_filesystem, ("no filesystem",))], ids=["checksum", "vfat", "ntfs", "empty", "none"])
def test_what_cannot_boot_is_refused_with_a_hint(host, change, words):
    change(host)
    host.refused("dev", 3, *words, "hint: ")
