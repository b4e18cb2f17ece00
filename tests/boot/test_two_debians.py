# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of docs/examples/two-debians.yaml, made without any privilege, boots as it should."""
import os
import re
import subprocess

import pexpect
import pytest

import disks
from boot.person import QUICK_START
from boot.vm import BOOT_TIMEOUT, VM
from ordinary import AS_ORDINARY, ORDINARY

MINUTES = 3
USER, PASSWORD = "user", "berth"  # as the example has it
ENTRIES = ("main", "dev")  # in the menu's order; the first is the default


def test_an_ordinary_user_owns_the_disk(two_debians):
    if os.getuid() == 0:
        assert two_debians.stat().st_uid == ORDINARY


def test_disk_show_names_both_systems(ordinary, two_debians):
    parts = ordinary.json("disk", "show", two_debians)["disk"]["partitions"]
    found = {p["name"]: p["system"]["os"] for p in parts if p["system"]}
    assert found == {"main": "Debian GNU/Linux 12 (bookworm)", "dev": "Debian GNU/Linux 13 (trixie)"}
    assert [p["problem"] for p in parts] == [None] * len(parts)


def test_a_second_apply_changes_no_byte(ordinary, two_debians):
    before = disks.fingerprint(two_debians)
    plan = ordinary.json("plan", ordinary.home / "two-debians.yaml", "--disk", two_debians)
    assert plan["steps"] == []
    ordinary.ok("apply", ordinary.home / "two-debians.yaml", "--disk", two_debians, "--yes")
    assert disks.fingerprint(two_debians) == before


def expect_menu(vm):
    for entry in ENTRIES:
        vm.expect(entry)


@pytest.mark.parametrize("index", range(len(ENTRIES)), ids=ENTRIES)
def test_each_entry_of_the_menu_reaches_its_login_under_uefi(two_debians, index):
    with VM(two_debians, "uefi", snapshot=True) as vm:
        expect_menu(vm)
        vm.choose(index)
        vm.expect(rf"{ENTRIES[index]} login:")


@pytest.fixture(scope="module")
def quick(ordinary, two_debians):
    """A copy of it whose systems start quickly."""
    disk, example = ordinary.home / "quick.img", ordinary.home / "quick.yaml"
    disks.copy(two_debians, disk)
    if os.getuid() == 0:
        os.chown(disk, ORDINARY, ORDINARY)
    text = (ordinary.home / "two-debians.yaml").read_text()
    text = re.sub("( *)(image: .*)", rf"\1\2\n\1kernel-options: {QUICK_START}", text)
    example.write_text(text.replace("timeout: 5", "timeout: 1"))
    ordinary.ok("apply", example, "--disk", disk, "--yes")
    yield disk
    disk.unlink()


def test_menu_next_boots_once_and_the_default_follows_under_bios(ordinary, quick):
    ordinary.ok("menu", "next", "dev", "--disk", quick)
    with VM(quick, screen=False) as vm:
        expect_menu(vm)
        vm.expect("dev login:")
        vm.reset()
        expect_menu(vm)
        vm.expect("main login:")


def test_an_ephemeral_run_changes_no_byte_of_the_disk(ordinary, quick):
    before = disks.fingerprint(quick)
    argv = [*AS_ORDINARY, ordinary.binary, "run", "dev", "--ephemeral", "--disk", str(quick)]
    console = pexpect.spawn(argv[0], argv[1:], env=ordinary.env, cwd=ordinary.home,
                            encoding="utf-8", codec_errors="replace", timeout=BOOT_TIMEOUT)
    console.delaybeforesend = 0.2
    try:
        console.expect("dev login:")
        console.send(USER + "\r")
        console.expect("assword:")
        console.send(PASSWORD + "\r")
        console.expect(r"\$ ")
        console.send(f"touch ~/made-here && echo {PASSWORD} | sudo -S touch /made-by-root && sync && "
                     "echo SYN''CED\r")
        console.expect("SYNCED")
        console.send(f"echo {PASSWORD} | sudo -S poweroff\r")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)
    assert console.exitstatus == 0
    assert disks.fingerprint(quick) == before


def test_a_disk_is_left_alone_when_its_file_is_wrong(ordinary, two_debians):
    before = disks.fingerprint(two_debians)
    wrong = ordinary.home / "wrong.yaml"
    text = (ordinary.home / "two-debians.yaml").read_text()
    wrong.write_text(text.replace("size: 3GiB", "size: 300GiB"))
    done = ordinary("apply", wrong, "--disk", two_debians, "--yes")
    assert done.returncode == 2, done.stdout + done.stderr
    assert disks.fingerprint(two_debians) == before


def test_the_trees_of_both_systems_are_sound(two_debians):
    for name in ENTRIES:
        start, end = disks.ranges(two_debians)[name]
        checked = subprocess.run(["e2fsck", "-fn", f"{two_debians}?offset={start}"],
                                 capture_output=True, text=True)
        assert checked.returncode == 0, f"{end - start} bytes:\n{checked.stdout}"
