# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run --kernel: a kernel of its own file with the monitor, here the tiny ones that test the
machine from inside; and what a network's words are refused for."""
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

import disks
from ordinary import OrdinaryBerth, make_home
from program import BUILD

OFF, RESET, CRASHED = 0, 10, 11
SECTOR = 512


def arguments(kernel, *options):
    return ["run", "--kernel", f"{BUILD}/tests/guests/{kernel}", "--engine", "kvm", "--net", "none",
            *options]


@pytest.fixture(name="disk")
def make_disk(tmp_path):
    """1 MiB: sector n is full of the byte n % 251."""
    path = tmp_path / "disk"
    path.write_bytes(b"".join(bytes([n % 251]) * SECTOR for n in range(2048)))
    return path


@pytest.fixture(name="stays")
def make_stays(berth, disk):
    """A kernel that holds the disk until it is told to end: it waits for the power button."""
    def start(*options):
        child = subprocess.Popen([berth.binary, *arguments("board", "--append", "press", *options)],
                                 env=berth.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        children.append(child)
        assert child.stdout.readline() == b"press\n"
        return child
    children = []
    yield start
    for child in children:
        child.terminate()  # its power button, which this kernel hears
        child.wait(20)
        child.stdout.close()


@pytest.mark.parametrize("append, status", [("check", OFF), ("reset", RESET), ("panic", CRASHED)])
def test_a_kernels_end_is_the_status(berth, append, status):
    done = berth(*arguments("board", "--append", append, "--no-reboot"))
    assert done.returncode == status, done.stderr


def test_a_signal_presses_its_power_button(stays):
    child = stays()
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == OFF


def test_its_disk_is_the_file(berth, disk):
    before = disk.read_bytes()
    berth.ok(*arguments("block", "--disk", disk))
    after = disk.read_bytes()
    assert after != before and after[100 * SECTOR:102 * SECTOR] == b"\xa5" * 2 * SECTOR


def test_an_ephemeral_run_forgets_what_it_wrote(berth, disk):
    before = disks.fingerprint(disk)
    berth.ok(*arguments("block", "--disk", disk, "--ephemeral"))
    assert disks.fingerprint(disk) == before


def test_a_disk_that_is_only_read_is_not_written(berth, disk):
    before = disks.fingerprint(disk)
    done = berth(*arguments("block", "--disk", f"{disk}:ro"))
    assert done.returncode == CRASHED and "FAILED writes" in done.stdout
    assert disks.fingerprint(disk) == before


def test_a_disk_is_one_guests_alone_unless_it_is_only_read(berth, disk, stays):
    stays("--disk", disk)
    for other in (disk, f"{disk}:ro"):
        done = berth(*arguments("board", "--disk", other))
        assert done.returncode == 3 and "in use by another berth" in done.stderr


def test_who_only_reads_shares_a_disk_and_keeps_writers_out(berth, disk, stays):
    stays("--disk", f"{disk}:ro")
    stays("--disk", disk, "--ephemeral")
    done = berth(*arguments("board", "--disk", disk))
    assert done.returncode == 3 and "in use by another berth" in done.stderr


def test_an_ordinary_user_runs_one(tmp_path, disk):
    home = make_home(tmp_path / "home")
    shutil.move(disk, home / "disk")
    shutil.copy(BUILD / "tests/guests/block", home)
    subprocess.run(["chmod", "-R", "a+rwX", home], check=True)
    OrdinaryBerth(home, kvm=True).ok(
        "run", "--kernel", home / "block", "--engine", "kvm", "--net", "none", "--disk", home / "disk")


def refused(berth, status, options, *words):
    done = berth(*options)
    assert done.returncode == status, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("options, word", [
    ((), "NAME or --kernel"), (("--append", "x"), "--append x"), (("dev", "--initrd", "x"), "--initrd x")])
def test_what_goes_with_a_kernel_only_is_refused_without(berth, options, word):
    refused(berth, 2, ["run", *options], word)


def test_what_is_no_kernel_is_refused(berth, tmp_path, disk):
    refused(berth, 4, ["run", "--kernel", tmp_path / "none"], "none")
    refused(berth, 2, ["run", "--kernel", disk], "no Linux kernel")
    refused(berth, 2, ["run", "--kernel", tmp_path], "expected a file")
    refused(berth, 4, arguments("board", "--initrd", tmp_path / "none"), "none")


def test_what_is_no_disk_for_a_kernel_is_refused(berth, tmp_path):
    odd = tmp_path / "odd"
    odd.write_bytes(b"x" * 700)
    refused(berth, 4, arguments("board", "--disk", tmp_path / "none"), "none")
    refused(berth, 2, arguments("board", "--disk", odd), "sectors of 512")


@pytest.fixture(name="taken")
def take_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_is_named(berth, taken):
    refused(berth, 3, ["run", "--kernel", f"{BUILD}/tests/guests/board", "--publish", f"{taken}:22"],
            f"--publish {taken}:22", "in use", "hint: ")


def test_ports_are_for_the_users_network_only(berth):
    refused(berth, 2, arguments("board", "--publish", "8022:22"), "--publish 8022:22", "--net user")


@pytest.mark.parametrize("net, status, word", [
    ("wlan", 2, "tap=INTERFACE"), ("tap=", 2, "1 to 15"), (f"tap={'x' * 16}", 2, "1 to 15"),
    ("tap=none", 4, "no such interface"), ("tap=lo", 2, "no tap device")])
def test_a_network_that_there_is_not_is_refused(berth, net, status, word):
    if net == "tap=lo" and not pathlib.Path("/dev/net/tun").exists():
        status, word = 4, "/dev/net/tun"
    refused(berth, status, ["run", "--kernel", f"{BUILD}/tests/guests/board", "--net", net], word)
