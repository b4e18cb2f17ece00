# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that berth's own monitor runs: seen, left, found again, stopped, rebooted, and without
their supervisor. Each guest is a tiny kernel (tests/guests/kernels/lives.c) on a partition."""
import contextlib
import os
import pathlib
import signal
import termios
import time

import pexpect
import pytest

import disks
from guests import tiny
from ordinary import OrdinaryBerth, make_home
from program import BUILD, Berth

TIMEOUT = 60
OWN = "\x1d"  # Ctrl-]

MACHINE = """\
berth: 1
name: lives
disk: {path: disk.img, size: 160MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host:
  name: main
  image: tiny
  root: {size: 16MiB, fs: ext4}
guests:
  - {name: dev, image: tiny, root: {size: 16MiB, fs: ext4}, run: {memory: 64MiB, net: none, engine: kvm}}
  - {name: two, image: tiny, root: {size: 16MiB, fs: ext4}, run: {memory: 64MiB, net: none, engine: kvm}}
  - name: stubborn
    image: tiny
    root: {size: 16MiB, fs: ext4}
    kernel-options: stubborn
    run: {memory: 64MiB, net: none, engine: kvm}
"""

# says "up" and does what is typed (tests/guests/kernels/lives.c)
KERNEL = tiny.OtherKernel((BUILD / "tests/guests/lives").read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny.make_disk(Berth(tmp_path_factory.mktemp("lives")), MACHINE, KERNEL)


class Host:
    """A disk with guests, and everything that runs on it ended with the test."""

    def __init__(self, berth, disk):
        self.berth, self.disk, self.children = berth, disk, []

    def spawn(self, *words):
        child = pexpect.spawn(self.berth.binary, [*words, "--disk", str(self.disk)], timeout=TIMEOUT,
                              env=self.berth.env, cwd=self.berth.home, encoding="utf-8")
        child.delaybeforesend = 0.05
        self.children.append(child)
        return child

    def run(self, name, *options):
        """A guest on a terminal, up."""
        child = self.spawn("run", name, *options)
        child.expect_exact("up")
        return child

    def detach(self, name, *options):
        return self.berth.ok("run", name, "--detach", "--disk", self.disk, *options)

    def ps(self):
        return self.berth.json("ps")["running"]

    def claimed(self, name):
        return disks.is_locked(self.disk, *disks.ranges(self.disk)[name])

    def files(self):
        runtime = pathlib.Path(self.berth.env["BERTH_RUNTIME"])
        return sorted(entry.name for entry in runtime.iterdir() if entry.name != "kvm-runs")


@contextlib.contextmanager
def hosted(berth, made):
    """A host with a copy of the disk."""
    disks.copy(made, berth.home / "disk.img")
    host = Host(berth, berth.home / "disk.img")
    try:
        yield host
    finally:
        for child in host.children:
            child.close(force=True)
        for one in host.ps():
            host.berth("stop", "--force", one["name"], "--disk", one["disk"])


@pytest.fixture
def host(made, tmp_path):
    with hosted(Berth(tmp_path), made) as host:
        yield host


def wait_until(happens, timeout=30):
    deadline = time.monotonic() + timeout
    while not happens():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.05)


def ended(child):
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_a_guest_that_powers_off_is_status_0_and_leaves_nothing(host):
    child = host.run("dev")
    assert [one["name"] for one in host.ps()] == ["dev"]
    for entry in pathlib.Path(host.berth.env["BERTH_RUNTIME"]).iterdir():
        assert entry.stat().st_mode & 0o077 == 0, entry  # nobody else's to talk to
    child.send("q")
    assert ended(child) == 0
    assert host.ps() == [] and host.files() == []
    assert not host.claimed("dev")


def test_who_looks_after_it_is_small(host):
    child = host.run("dev")
    rollup = pathlib.Path(f"/proc/{child.pid}/smaps_rollup").read_text()
    pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    assert pathlib.Path(f"/proc/{child.pid}/comm").read_text() == "berth-keeper\n"
    assert pss < 1000, f"{pss} KiB"
    child.send("q")
    assert ended(child) == 0


def test_a_reboot_reads_everything_afresh_under_the_same_claims(host):
    child = host.run("dev")
    watched = []
    before = host.ps()[0]
    for _ in range(3):
        child.send("r")
        child.expect_exact("again")
        while not child.expect_exact(["up", pexpect.TIMEOUT], timeout=0.02) == 0:
            watched.append(host.claimed("dev"))
    after = host.ps()[0]
    assert all(watched) and host.claimed("dev")
    assert after["pid"] != before["pid"] and after["since"] == before["since"]
    child.send("q")
    assert ended(child) == 0


def test_no_reboot_is_status_10(host):
    child = host.run("dev", "--no-reboot")
    child.send("r")
    assert ended(child) == 10


def test_a_panic_is_status_11(host):
    child = host.run("dev")
    child.send("p")
    child.expect_exact("berth: dev crashed")
    assert ended(child) == 11
    assert host.files() == []


def test_a_killed_monitor_is_status_11(host):
    child = host.run("dev")
    os.kill(host.ps()[0]["pid"], signal.SIGKILL)
    assert ended(child) == 11
    assert not host.claimed("dev")


def test_the_terminal_is_raw_and_comes_back(host):
    child = host.spawn("run", "dev")
    before = termios.tcgetattr(child.child_fd)
    child.expect_exact("up")
    assert termios.tcgetattr(child.child_fd) != before
    child.send(OWN + "?")
    child.expect_exact("leaves it running")
    child.send(OWN + OWN)
    child.expect_exact("heard 29")
    child.send(OWN + "p")
    child.expect_exact("button")
    child.expect(pexpect.EOF)
    assert termios.tcgetattr(child.child_fd) == before


def test_the_window_follows_the_terminal(host):
    child = host.spawn("run", "dev")
    child.setwinsize(24, 80)
    child.expect_exact("up")
    child.setwinsize(40, 132)
    child.expect_exact("window 132 40")
    child.setwinsize(25, 90)
    child.expect_exact("window 90 25")
    child.send("r")
    child.expect_exact("up")
    child.expect_exact("window 90 25")
    child.send("q")
    assert ended(child) == 0


def test_a_guest_is_left_and_found_again(host):
    child = host.run("dev")
    child.send("x" + OWN + "d")
    child.expect_exact("dev goes on")
    assert ended(child) == 0
    assert host.claimed("dev")
    one, = host.ps()
    assert one["consoles"] == 0 and one["supervised"]
    console = host.spawn("console", "dev")
    console.expect_exact("heard 120")  # what was said last is shown
    console.setwinsize(30, 111)
    console.expect_exact("window 111 30")
    assert host.ps()[0]["consoles"] == 1
    second = host.spawn("console", "dev")
    second.expect_exact("window 111 30")
    console.send("y")
    for seen in (console, second):
        seen.expect_exact("heard 121")
    console.send(OWN + "d")
    console.expect_exact("dev goes on")
    assert ended(console) == 0
    second.send("r")
    second.expect_exact("up")  # a reboot keeps who looks
    second.send("q")
    assert ended(second) == 0
    assert host.ps() == [] and host.files() == []


def test_detached_it_runs_in_the_background_until_it_is_stopped(host):
    said = host.berth("run", "dev", "--detach", "--disk", host.disk)
    assert said.returncode == 0 and "berth console dev" in said.stderr
    host.detach("two")
    assert sorted(one["name"] for one in host.ps()) == ["dev", "two"]
    assert host.berth.ok("complete", "running").split() == ["dev", "two"]
    again = host.berth("run", "dev", "--disk", host.disk)
    assert again.returncode == 3 and "in use" in again.stderr
    host.berth.ok("stop", "dev")
    assert [one["name"] for one in host.ps()] == ["two"]
    host.detach("dev")  # at once
    host.berth.ok("stop", "two")
    host.berth.ok("stop", "--force", "dev")
    assert host.ps() == [] and host.files() == []


def test_ps_tells_scripts_what_each_guest_has(host):
    host.detach("dev")
    host.detach("two", "--cpus", "2", "--memory", "96MiB", "--ephemeral")
    found = {one["name"]: one for one in host.ps()}
    common = {"disk": str(host.disk), "engine": "kvm", "supervised": True, "consoles": 0}
    assert common.items() <= found["dev"].items() and common.items() <= found["two"].items()
    own = ("cpus", "memory", "ephemeral")
    assert [found["dev"][key] for key in own] == [1, 64 << 20, False]
    assert [found["two"][key] for key in own] == [2, 96 << 20, True]
    for one in found.values():
        assert pathlib.Path(f"/proc/{one['pid']}/comm").read_text() == "berth-monitor\n"
        assert 0 <= time.time() - one["since"] < TIMEOUT
        assert set(one["sandbox-lacks"]) <= {"landlock"}


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_ps_tells_what_of_the_sandbox_a_host_denies_its_users(made, tmp_path):
    home = make_home(tmp_path / "home")
    with hosted(OrdinaryBerth(home, kvm=True, prefix=[BUILD / "tests/no_namespaces"]), made) as host:
        host.disk.chmod(0o666)
        host.detach("dev")
        one, = host.ps()
        assert set(one["sandbox-lacks"]) - {"landlock"} == {"namespaces", "empty-root"}
        shown = host.berth.ok("ps")
        assert "dev: its sandbox has no namespaces of its own: this host denies them to users" in shown
        assert "dev: its sandbox has no empty root folder" in shown
        host.berth.ok("stop", "dev")


def test_what_goes_wrong_at_the_start_is_said_in_the_foreground(host):
    start, _ = disks.ranges(host.disk)["dev"]
    with open(host.disk, "r+b") as root:
        os.pwrite(root.fileno(), bytes(64 * 1024), start)
    done = host.berth("run", "dev", "--detach", "--disk", host.disk)
    assert done.returncode == 3 and "that GRUB can read" in done.stderr
    assert host.ps() == [] and host.files() == []


def test_one_that_ignores_the_button_goes_on_until_it_is_forced(host):
    host.detach("stubborn")
    done = host.berth("stop", "stubborn", "--timeout", "1")
    assert done.returncode == 1
    assert "did not power off" in done.stderr and "--force" in done.stderr
    one, = host.ps()
    assert one["name"] == "stubborn"
    assert "asked to power off" in host.berth.ok("ps")
    host.berth.ok("stop", "stubborn", "--force")
    assert host.ps() == []


def test_two_signals_end_it(host):
    child = host.run("stubborn")
    os.kill(child.pid, signal.SIGTERM)
    child.expect_exact("button")
    assert host.claimed("stubborn")
    os.kill(child.pid, signal.SIGTERM)
    assert ended(child) == 130


def test_the_claim_outlives_a_killed_supervisor_and_is_gone_with_the_monitor(host):
    host.detach("dev")
    monitor = host.ps()[0]["pid"]
    keeper = next(int(pid) for pid in os.listdir("/proc") if pid.isdigit()
                  and holds_socket_of(pid, host))
    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: not host.ps()[0]["supervised"])
    assert host.claimed("dev")
    again = host.berth("run", "dev", "--disk", host.disk)
    assert again.returncode == 3 and "in use" in again.stderr
    assert "supervisor was killed" in host.berth.ok("ps")
    console = host.berth("console", "dev")
    assert console.returncode == 3 and "berth stop dev" in console.stderr
    host.berth.ok("stop", "dev")  # by its power button
    assert not pathlib.Path(f"/proc/{monitor}").exists() or not host.claimed("dev")
    wait_until(lambda: not host.claimed("dev"))
    assert host.ps() == [] and host.files() == []


def holds_socket_of(pid, host):
    """True for the keeper whose home is the test's."""
    try:
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False
    return comm == "berth-keeper\n" and str(host.berth.env["BERTH_RUNTIME"]).encode() in environment


def test_names_that_do_not_run(host):
    for command in ("console", "stop"):
        done = host.berth(command, "dev")
        assert done.returncode == 4 and "dev does not run" in done.stderr
    host.detach("two")
    assert "those that run: two" in host.berth("stop", "dev").stderr


def test_two_of_one_name_are_told_apart_by_their_disk(host, tmp_path):
    other = tmp_path / "other.img"
    disks.copy(host.disk, other)
    host.detach("dev")
    host.berth.ok("run", "dev", "--detach", "--disk", other)
    done = host.berth("stop", "dev")
    assert done.returncode == 2 and "--disk" in done.stderr
    host.berth.ok("stop", "dev", "--disk", other)
    assert [one["disk"] for one in host.ps()] == [str(host.disk)]


def test_an_ephemeral_one_is_what_it_was_across_a_reboot(host):
    before = disks.fingerprint(host.disk)
    child = host.run("dev", "--ephemeral")
    child.send("r")
    child.expect_exact("up")
    child.send("q")
    assert ended(child) == 0
    assert disks.fingerprint(host.disk) == before
