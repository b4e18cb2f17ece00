# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any moment of an apply, for real: the next apply completes it, and the disk boots."""
import os
import random
import time

import pytest

import images
from boot.vm import VM
from crash import machines
from crash.kill import run_and_kill, when_released
from guests import tiny
from program import BERTH, Berth

MINUTES = 3
KILLS = 50
BOOTS = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(berth, machine file, disk of an apply that nobody killed, its seconds)"""
    home = tmp_path_factory.mktemp("kill")
    berth = Berth(home)
    kernel = tiny.Kernel(images.blob(images.debians(BERTH), "debian-13"))
    tiny.add_image(berth, kernel)
    machine = machines.write(home / "machine.yaml", size="256MiB", root="64MiB")
    disk = home / "whole.img"
    start = time.monotonic()
    berth.ok("apply", machine, "--disk", disk, "--yes", env=machines.reproducible(machine))
    return berth, machine, disk, time.monotonic() - start


def apply(berth, machine, disk):
    """Why it failed, or None."""
    done = berth("apply", machine, "--disk", disk, "--yes", env=machines.reproducible(machine))
    return None if done.returncode == 0 else f"status {done.returncode}\n{done.stdout}{done.stderr}"


def boots(disk, name, index):
    with VM(disk, snapshot=True, memory=512, screen=False) as vm:
        vm.expect(name, timeout=120)
        vm.choose(index)
        vm.expect(f"TINY-UP {name}")


def test_an_apply_that_was_killed_is_completed_by_the_next_one(world):
    berth, machine, whole, seconds = world
    moments = random.Random(2)
    killed = attempts = 0
    while killed < KILLS:
        attempts += 1
        assert attempts < 4 * KILLS, "nearly every apply ends before it is killed"
        disk = berth.home / f"killed-{attempts}.img"
        at_work = run_and_kill(berth, moments.uniform(0, seconds), "apply", machine, "--disk", disk,
                               "--yes", env=machines.reproducible(machine))
        wrong = when_released(lambda: apply(berth, machine, disk))
        assert wrong is None, f"attempt {attempts}: {wrong}"
        different = machines.difference(berth, disk, whole)
        assert different is None, f"attempt {attempts}: {different}"
        if not at_work:
            seconds *= 0.9  # the machine is faster now than when it was measured
        elif killed < BOOTS:
            boots(disk, *(("main", 0), ("dev", 1))[killed % 2])
        killed += at_work
        os.unlink(disk)
