# SPDX-License-Identifier: GPL-3.0-or-later
"""berth and a plain QEMU keep out of each other's way on one image file, in both directions."""
import contextlib
import signal
import subprocess
import time

import pytest

import images
from guests import tiny
from program import BERTH

MACHINE = """\
berth: 1
name: locks
disk: {path: disk.img, size: 200MiB}
partitions: [{name: esp, type: esp, size: 40MiB}]
host: {name: main, image: tiny, root: {size: 80MiB}}
"""


@pytest.fixture
def disk(berth):
    return tiny.make_disk(berth, MACHINE, tiny.Kernel(images.blob(images.debians(BERTH), "debian-13")))


@contextlib.contextmanager
def qemu(disk):
    """A machine that has the disk open and is not started."""
    machine = subprocess.Popen(["qemu-system-x86_64", "-S", "-display", "none", "-monitor", "stdio",
                                "-drive", f"file={disk},format=raw,if=virtio"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        yield machine
    finally:
        machine.kill()
        machine.communicate()


def test_a_disk_that_a_qemu_has_open_is_in_use(berth, disk):
    with qemu(disk) as machine:
        machine.stdin.write("info status\n")
        machine.stdin.flush()
        while "paused" not in machine.stdout.readline():
            pass  # the monitor answers when every drive is open
        for command in (("menu", "default", "main", "--disk", disk),
                        ("run", "main", "--disk", disk)):
            done = berth(*command)
            assert done.returncode == 3
            assert "in use by a virtual machine (QEMU)" in done.stderr


def test_a_plain_qemu_is_kept_out_while_berth_holds_a_partition(berth, disk):
    runner = subprocess.Popen([berth.binary, "run", "main", "--disk", disk], env=berth.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    try:
        assert runner.stderr.readline() != ""  # it speaks when it holds every claim
        with qemu(disk) as machine:
            assert machine.wait(timeout=60) != 0
            assert '"write" lock' in machine.stderr.read()
    finally:
        runner.send_signal(signal.SIGTERM)
        time.sleep(1)
        runner.send_signal(signal.SIGTERM)  # the second one ends the guest at once
        runner.communicate(timeout=60)
