# SPDX-License-Identifier: GPL-3.0-or-later
"""A device is the one that was meant: by its serial number and WWN, and by what the kernel counts, until
the first byte is written. Needs root and /dev/loop.

A loop device has neither number. In a mount namespace of berth's, a copy of its folder in sysfs, which
has them, lies over it.
"""
import contextlib
import os
import pathlib
import shlex
import subprocess

import pexpect
import pytest

import disks
from program import BUILD

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root and /dev/loop")
TOOL = BUILD / "tests/disk_nodes"
SIZE = 40 << 20
NUMBERS = {"serial": "SN-1", "wwid": "naa.5000c50015ea71ac"}
CHANGED = {"serial": "its serial number has changed", "wwid": "its WWN has changed"}


def backing(berth, name):
    path = berth.home / name
    with open(path, "wb") as file:
        file.truncate(SIZE)
    return path


class Device:
    """A loop device, and the words before a command that see the numbers that are in `folder`."""

    def __init__(self, node, folder):
        self.node, self.folder = node, folder
        real = pathlib.Path("/sys/class/block", pathlib.Path(node).name).resolve()
        subprocess.run(["cp", "-r", f"{real}/.", folder], check=False, stderr=subprocess.DEVNULL)
        for name, text in NUMBERS.items():
            self.say(name, text)
        script = f'mount --bind {shlex.quote(str(folder))} {real} && exec "$@"'
        self.prefix = "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"

    def say(self, name, text):
        (self.folder / name).write_text(f"{text}\n")


@pytest.fixture
def device(berth):
    folder = berth.home / "sysfs"
    folder.mkdir()
    with disks.attached(backing(berth, "backing")) as node:
        yield Device(node, folder)


@contextlib.contextmanager
def asked(device, *argv, env=None):
    """The command on a terminal; it has been read and planned, and waits."""
    child = pexpect.spawn(device.prefix[0], [*device.prefix[1:], *map(str, argv)], env=env,
                          encoding="utf-8", timeout=60)
    yield child
    child.close()


def answer(child, text):
    child.send(text)
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before


@pytest.mark.parametrize("name, option", [("serial", "--serial"), ("wwid", "--wwn")])
def test_only_the_device_with_the_number_is_changed(berth, device, name, option):
    def command(number):
        return berth("part", "table", device.node, "gpt", option, number, "--yes", prefix=device.prefix)

    before = disks.fingerprint(device.node)
    other = command("SN-2")
    assert other.returncode == 3 and NUMBERS[name] in other.stderr
    assert disks.fingerprint(device.node) == before
    done = command(NUMBERS[name])
    assert done.returncode == 0, done.stderr
    assert disks.table(device.node)["label"] == "gpt"


@pytest.mark.parametrize("name", NUMBERS)
def test_another_number_while_it_asks_is_another_device(berth, device, name):
    before = disks.fingerprint(device.node)
    with asked(device, berth.binary, "part", "table", device.node, "gpt", env=berth.env) as child:
        child.expect_exact("Do this?")
        device.say(name, "another")
        status, words = answer(child, "y\r")
    assert status == 3 and "has changed since its steps were shown" in words
    assert disks.fingerprint(device.node) == before


def test_another_device_under_the_name_while_it_asks_is_refused(berth, device):
    """It has no numbers, and is as blank as the first."""
    device.prefix = "env",
    other = backing(berth, "other")
    with asked(device, berth.binary, "part", "table", device.node, "gpt", env=berth.env) as child:
        child.expect_exact("Do this?")
        subprocess.run(["losetup", "--detach", device.node], check=True)
        subprocess.run(["losetup", device.node, other], check=True)
        status, words = answer(child, "y\r")
    assert status == 3, words
    assert not any(other.read_bytes())


@pytest.mark.parametrize("name", NUMBERS)
def test_another_number_before_the_first_write_is_another_device(device, name):
    with asked(device, TOOL, device.node, "same") as child:
        child.expect_exact("opened")
        device.say(name, "another")
        status, words = answer(child, "\r")
    assert status == 1 and CHANGED[name] in words


def test_another_device_before_the_first_write_is_refused(device):
    """As where one is unplugged and another is plugged in: the kernel's count goes on."""
    with asked(device, TOOL, device.node, "same") as child:
        child.expect_exact("opened")
        device.say("diskseq", int((device.folder / "diskseq").read_text()) + 1)
        status, words = answer(child, "\r")
    assert status == 1 and "the device went away and another one came" in words


def test_a_name_that_leads_to_another_device_is_refused(berth, device):
    name = berth.home / "disk"
    name.symlink_to(device.node)
    with disks.attached(backing(berth, "other")) as other, asked(device, TOOL, name, "same") as child:
        child.expect_exact("opened")
        name.unlink()
        name.symlink_to(other)
        status, words = answer(child, "\r")
    assert status == 1 and "the name is another device's now" in words


def test_the_same_device_is_the_same(device):
    with asked(device, TOOL, device.node, "same") as child:
        child.expect_exact("opened")
        assert answer(child, "\r")[0] == 0
