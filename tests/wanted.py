# SPDX-License-Identifier: GPL-3.0-or-later
"""What berth's library wants of a disk, told by the program tests/cases/wanted_dump.c."""
import json
import pathlib
import subprocess

from program import BERTH

PROGRAM = str(pathlib.Path(BERTH).parent / "tests/wanted_dump")


def run(mode, disk, *args, sector=512):
    """Runs to the end and returns the CompletedProcess, text captured."""
    return subprocess.run([PROGRAM, mode, disk, str(sector), *map(str, args)], capture_output=True,
                          text=True)


def ok(mode, disk, *args, sector=512):
    """Runs, expects status 0, and returns standard output."""
    done = run(mode, disk, *args, sector=sector)
    assert done.returncode == 0, f"{mode}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def table(mode, disk, *args, sector=512):
    """The table as ok() prints it, parsed."""
    return json.loads(ok(mode, disk, *args, sector=sector))
