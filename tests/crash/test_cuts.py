# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes after any write of an apply: the next apply completes what was begun."""
import concurrent.futures
import os
import random
import shutil

import pytest

import disks
from crash import machines, trace
from guests import tiny

WORKERS = 2
TORN_EACH = 3  # torn disks for every run of writes between two flushes


def traced_apply(berth, machine, disk):
    """Applies, and returns every change that was made to the disk."""
    log = berth.home / "trace"
    log.unlink(missing_ok=True)
    berth.ok("apply", machine, "--disk", disk, "--yes",
             env={**machines.reproducible(machine), "BERTH_TRACE": str(log)})
    return trace.read(log)


def complete(berth, machine, expected, name, disk):
    """Applies again after a cut. Returns what is wrong then, or None."""
    try:
        done = berth("apply", machine, "--disk", disk, "--yes", env=machines.reproducible(machine))
        if done.returncode != 0:
            return f"{name}: apply: status {done.returncode}\n{done.stderr}"
        different = machines.difference(berth, disk, expected)
        return f"{name}: {different}" if different else None
    except AssertionError as error:
        return f"{name}: {error}"
    finally:
        os.unlink(disk)


def all_complete(berth, machine, expected, states):
    """Runs complete() on every state, a few at a time, and expects nothing wrong."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        under_way, wrong = set(), []
        for name, disk in states:
            under_way.add(pool.submit(complete, berth, machine, expected, name, disk))
            if len(under_way) > 2 * WORKERS:
                done, under_way = concurrent.futures.wait(
                    under_way, return_when=concurrent.futures.FIRST_COMPLETED)
                wrong += [one.result() for one in done]
        wrong += [one.result() for one in under_way]
    wrong = [one for one in wrong if one]
    assert not wrong, f"{len(wrong)} states are not completed, such as\n" + "\n".join(wrong[:5])


@pytest.fixture
def first(berth, tmp_path):
    """An apply to a disk that was empty: (machine file, empty disk, changes, disk after it)."""
    tiny.add_image(berth)
    machine = machines.write(tmp_path / "machine.yaml")
    empty, disk = tmp_path / "empty.img", tmp_path / "disk.img"
    with open(empty, "wb") as file:
        file.truncate(160 << 20)
    shutil.copy(empty, disk)
    changes = traced_apply(berth, machine, disk)
    return machine, empty, changes, disk


@pytest.fixture
def second(berth, first, tmp_path):
    """An apply that adds a guest to that disk: the same four."""
    machine = machines.write(tmp_path / "third.yaml", third=True)
    base, disk = first[3], tmp_path / "third.img"
    disks.copy(base, disk)
    changes = traced_apply(berth, machine, disk)
    return machine, base, changes, disk


def test_the_trace_is_the_whole_truth(first, tmp_path):
    _, empty, changes, disk = first
    *_, (_, last) = trace.cuts(empty, changes, tmp_path)
    assert disks.fingerprint(last) == disks.fingerprint(disk)


@pytest.mark.parametrize("stage", ["first", "second"])
def test_a_cut_after_any_write_is_completed_by_the_next_apply(request, berth, tmp_path, stage):
    machine, base, changes, disk = request.getfixturevalue(stage)
    all_complete(berth, machine, disk, trace.cuts(base, changes, tmp_path))


@pytest.mark.parametrize("stage", ["first", "second"])
def test_torn_and_reordered_writes_are_completed_by_the_next_apply(request, berth, tmp_path, stage):
    machine, base, changes, disk = request.getfixturevalue(stage)
    states = trace.torn(base, changes, tmp_path, random.Random(1), TORN_EACH)
    all_complete(berth, machine, disk, states)


def test_a_cut_while_a_guest_is_added_leaves_the_others_bootable(berth, second, tmp_path):
    _, base, changes, _ = second
    untouched = {name: disks.fingerprint(base, *span)
                 for name, span in disks.ranges(base).items() if name in ("main", "dev", "bios")}
    for name, disk in trace.cuts(base, changes, tmp_path):
        found = {part: disks.fingerprint(disk, *disks.ranges(disk)[part]) for part in untouched}
        assert found == untouched, name
        menu = berth.ok("menu", "show", "--disk", disk)
        assert "main" in menu and "dev" in menu, f"{name}:\n{menu}"
        os.unlink(disk)


def names(disk):
    return list(disks.ranges(disk))


def test_a_cut_while_a_guest_is_pruned_is_completed_either_way(berth, tmp_path):
    """By the same command; and by the file that still has the guest."""
    tiny.add_image(berth)
    with_third = machines.write(berth.home / "with.yaml", third=True)
    without = machines.write(berth.home / "without.yaml")
    base, pruned = berth.home / "base.img", berth.home / "pruned.img"
    berth.ok("apply", with_third, "--disk", base, "--yes")
    disks.copy(base, pruned)
    log = berth.home / "trace"
    berth.ok("apply", without, "--disk", pruned, "--yes", "--prune", env={"BERTH_TRACE": str(log)})
    assert "third" in names(base) and "third" not in names(pruned)
    for name, disk in trace.cuts(base, trace.read(log), tmp_path):
        for machine, options, wanted in ((without, ("--prune",), pruned), (with_third, (), base)):
            copy = berth.home / "copy.img"
            disks.copy(disk, copy)
            berth.ok("apply", machine, "--disk", copy, "--yes", *options)
            assert names(copy) == names(wanted), f"{name}: {machine.name}"
            assert berth("plan", machine, "--disk", copy, "--check", *options).returncode == 0, name
            copy.unlink()
        os.unlink(disk)
