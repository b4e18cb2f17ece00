# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes while the partition of an installed system moves: the menu and `run` refuse the system as
long as it is not whole, and `disk finish` lets it boot again, wherever the cut was. Or while that of the menu
is resized."""
import os
import shutil

import disks
import filled
from crash import machines, trace
from guests import tiny


def state(berth, disk, name="dev"):
    system, = (s for s in berth.json("guest", "list", "--disk", disk)["systems"] if s["name"] == name)
    return system["state"]


def make_disk(berth):
    tiny.add_image(berth)
    machine, base = machines.write(berth.home / "m.yaml"), berth.home / "base.img"
    berth.ok("apply", machine, "--disk", base, "--yes")
    return machine, base


def test_a_system_that_moves_does_not_boot_until_it_is_whole(berth, tmp_path):
    _, base = make_disk(berth)
    done, log = berth.home / "done.img", berth.home / "trace"
    shutil.copy(base, done)
    old, _ = disks.ranges(base)["dev"]
    berth.ok("part", "move", done, "dev", "--start", "+24M", "--yes", env={"BERTH_TRACE": str(log)})
    new, end = disks.ranges(done)["dev"]
    assert new == old + (24 << 20)
    content = disks.fingerprint(done, new, end)
    held, changes = set(), trace.read(log)
    for _, path in trace.cuts(base, changes, tmp_path):
        shown = berth.json("disk", "show", path)["disk"]
        if shown["pending"]:
            held.add(state(berth, path))
            assert berth("run", "dev", "--disk", path).returncode == 3
        berth.ok("disk", "finish", path, "--yes")
        assert state(berth, path) == "ready"
        start, stop = disks.ranges(path)["dev"]
        assert start in (old, new) and disks.fingerprint(path, start, stop) == content
        os.unlink(path)
    assert "being moved or resized" in held


def test_the_partition_with_the_boot_menu_is_resized_with_all_that_it_has(berth, tmp_path):
    machine, base = make_disk(berth)
    start, end = disks.ranges(base)["esp"]
    content = filled.content("vfat", base, start, end)
    size, done, log = (end - start) * 3 // 4, berth.home / "done.img", berth.home / "trace"
    refused = berth("part", "resize", base, "esp", "--size", size, "--at-boot", "--yes")
    assert refused.returncode == 3 and "what the next boot starts from" in refused.stderr
    shutil.copy(base, done)
    berth.ok("part", "resize", done, "esp", "--size", size, "--yes", env={"BERTH_TRACE": str(log)})
    for name, path in trace.states(base, trace.read(log), tmp_path, 16):
        if berth.json("disk", "show", path)["disk"]["pending"]:
            berth.ok("disk", "finish", path, "--yes")
        assert filled.content("vfat", path, *disks.ranges(path)["esp"]) == content, name
        assert state(berth, path) == "ready"
        berth.ok("apply", machine, "--disk", path, "--yes")
        os.unlink(path)
