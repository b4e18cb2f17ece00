# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fuzzer's seeds, run through its entry once more: tests/fuzz/fuzz_NAME.c and seeds/NAME/."""
import os
import pathlib
import subprocess

import pytest

from program import BERTH, ROOT

TOOLS = pathlib.Path(os.environ.get("BERTH_TEST_TOOLS", pathlib.Path(BERTH).parent / "tests"))
NAMES = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "tests/fuzz").glob("fuzz_*.c"))


@pytest.mark.parametrize("name", NAMES)
def test_no_seed_fails(name):
    seeds = sorted((ROOT / "tests/fuzz/seeds" / name).iterdir())
    assert seeds
    done = subprocess.run([TOOLS / f"replay_{name}", *seeds], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert len(done.stdout.splitlines()) == len(seeds)
