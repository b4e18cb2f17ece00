# SPDX-License-Identifier: GPL-3.0-or-later
"""An NTFS that its Windows has not let go of is refused before a byte changes, with the way out."""
import subprocess

import pytest

import disks
from part_disk import MIB, REFUSED, folder  # noqa: F401
from program import Berth
from windows import break_mirror, hiberfil, leave_journal, patch, run

START, SIZE = 10 * MIB, 40 * MIB
TABLE = 'label: gpt\nstart=10M,size={}M,name="w"\n'
MACHINE = "berth: 1\nname: m\npartitions:\n  - {name: w, type: linux, size: 50MiB}\n"


STATES = {
    "hibernated": (lambda volume: hiberfil(volume, b"hibr"), "is hibernated", "shutdown /s /f"),
    "fast startup": (lambda volume: hiberfil(volume, b"HIBR"), "shut down with fast startup", "shutdown /s /f"),
    "dirty": (lambda volume: run("ntfsfix", volume), "marked dirty", "chkdsk /f"),
    "journal": (leave_journal, "not cleanly unmounted", "start its Windows and shut it down"),
    "BitLocker": (lambda volume: patch(volume, 3, b"-FVE-FS-"), "encrypted by BitLocker", "turn BitLocker off"),
    "mirror": (break_mirror, "$MFT, the list of its files, and the copy of its beginning, $MFTMirr, differ",
               "ntfsfix"),
}

CHANGES = {
    "grow": ("part", "resize", "d.img", "w", "--size", "60M"),
    "shrink": ("part", "resize", "d.img", "w", "--size", "30M"),
    "move": ("part", "move", "d.img", "w", "--start", "60M"),
    "grow at boot": ("part", "resize", "d.img", "w", "--size", "60M", "--at-boot"),
    "shrink at boot": ("part", "resize", "d.img", "w", "--size", "30M", "--at-boot"),
    "script": ("apply", "s.sfdisk", "--disk", "d.img"),
}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """An NTFS in each of the states."""
    volumes = {}
    for state, (harm, _, _) in STATES.items():
        volume = tmp_path_factory.mktemp("ntfs") / "volume"
        with open(volume, "wb") as file:
            file.truncate(SIZE)
        run("mkntfs", "-qFf", "-p", str(START // 512), "-H", "255", "-S", "63", volume)
        harm(volume)
        volumes[state] = volume.read_bytes()
    return volumes


def disk_of(folder, volume):  # noqa: F811
    disk = folder / "d.img"
    with open(disk, "wb") as file:
        file.truncate(200 * MIB)
    subprocess.run(["sfdisk", "-q", disk], input=TABLE.format(40), text=True, check=True)
    patch(disk, START, volume)
    return disk


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("state", STATES)
def test_what_windows_has_not_let_go_of_stays_as_it_is(folder, states, state, change):  # noqa: F811
    berth, disk = Berth(folder), disk_of(folder, states[state])
    (folder / "s.sfdisk").write_text(TABLE.format(50))
    before = disks.fingerprint(disk)
    words = [folder / word if word in ("d.img", "s.sfdisk") else word for word in CHANGES[change]]
    for answer in ("--dry-run", "--yes"):
        refused = berth(answer, *words)
        assert refused.returncode == REFUSED, refused.stdout + refused.stderr
        assert STATES[state][1] in refused.stderr and STATES[state][2] in refused.stderr, refused.stderr
        assert disks.fingerprint(disk) == before


def test_a_machine_file_grows_no_ntfs(folder, states):  # noqa: F811
    berth, disk = Berth(folder), disk_of(folder, states["dirty"])
    (folder / "m.yaml").write_text(MACHINE)
    before = disks.fingerprint(disk)
    for answer in ("--dry-run", "--yes"):
        refused = berth(answer, "apply", folder / "m.yaml", "--disk", disk)
        assert refused.returncode == REFUSED and "holds ntfs, not ext4" in refused.stderr, refused.stderr
        assert disks.fingerprint(disk) == before
