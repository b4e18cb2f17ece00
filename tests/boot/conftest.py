# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Debians, and an ordinary user who puts them on a disk."""
import os
import pathlib
import shutil
import tempfile

import pytest

import images
from ordinary import ORDINARY, OrdinaryBerth
from program import BERTH, ROOT


@pytest.fixture(scope="session")
def ordinary_home():
    """A folder that the ordinary user may write, removed at the end."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="berth-boot-", dir="/var/tmp"))
    if os.getuid() == 0:
        os.chown(home, ORDINARY, ORDINARY)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def ordinary(ordinary_home):
    return OrdinaryBerth(ordinary_home, images.debians(BERTH))


@pytest.fixture(scope="session")
def two_debians(ordinary):
    """The disk of docs/examples/two-debians.yaml. Tests that boot it writable take a copy."""
    example = ordinary.home / "two-debians.yaml"
    shutil.copy(ROOT / "docs/examples/two-debians.yaml", example)
    disk = ordinary.home / "two-debians.img"
    ordinary.ok("apply", example, "--disk", disk, "--yes", timeout=600)
    return disk
