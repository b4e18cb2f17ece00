# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes while the partition of an installed system moves: the menu and `run` refuse the system as
long as it is not whole, and `disk finish` lets it boot again, wherever the cut was."""
import os
import shutil

import disks
from crash import machines, trace
from guests import tiny


def state(berth, disk, name="dev"):
    system, = (s for s in berth.json("guest", "list", "--disk", disk)["systems"] if s["name"] == name)
    return system["state"]


def test_a_system_that_moves_does_not_boot_until_it_is_whole(berth, tmp_path):
    tiny.make_image(berth.home / "tiny.tar")
    berth.ok("image", "add", berth.home / "tiny.tar", "--name", "tiny", "--unsigned")
    machine = machines.write(berth.home / "m.yaml")
    base, done, log = berth.home / "base.img", berth.home / "done.img", berth.home / "trace"
    berth.ok("apply", machine, "--disk", base, "--yes")
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
