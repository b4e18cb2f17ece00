# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run on a host that lacks or denies something: what it does without, what it does instead, and
where that is said. The guest is a tiny kernel (tests/guests/kernels/lives.c) of its own file."""
import fcntl
import os
import pathlib
import subprocess
import sys

import pytest

from program import BUILD

LIVES = BUILD / "tests/guests/lives"
OFF = 0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes something from the host")

# becomes a user namespace with every id, in which nobody gets another one
DENY = """
import ctypes, os, sys
ready, tell = os.pipe()
child = os.fork()
if child == 0:
    os.read(ready, 1)
    for name in ("gid_map", "uid_map"):
        with open(f"/proc/{os.getppid()}/{name}", "w") as file:
            file.write("0 0 4294967295")
    os._exit(0)
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(tell, b"x")
assert os.waitpid(child, 0)[1] == 0
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execvp(sys.argv[1], sys.argv[1:])
"""
NO_NAMESPACES = [sys.executable, "-c", DENY]


def without(berth, program):
    """The words in front of a command for which that program is not installed."""
    nothing = berth.home / "nothing"
    nothing.touch(mode=0o644)
    return ["unshare", "-m", "sh", "-c", f'mount --bind {nothing} {program} && exec "$@"', "sh"]


def row(berth, what, **kwargs):
    """What doctor says of it."""
    return next(check for check in berth.json("doctor", **kwargs)["checks"] if check["what"] == what)


@pytest.fixture(autouse=True)
def kvm_works(berth):
    """/dev/kvm runs any kernel, as far as berth remembers."""
    runtime = pathlib.Path(berth.env["BERTH_RUNTIME"])
    runtime.mkdir(mode=0o700)
    (runtime / "kvm-runs").write_text(pathlib.Path("/proc/sys/kernel/random/boot_id").read_text())
    yield
    for one in berth.json("ps")["running"]:
        berth("stop", "--force", one["name"])


def run(berth, *options, **kwargs):
    return berth("run", "lives", "--kernel", LIVES, "--detach", *options, **kwargs)


# ---- no user namespaces: passt does not run ----

@as_root
def test_a_network_that_nobody_asked_for_is_done_without(berth):
    done = run(berth, prefix=NO_NAMESPACES)
    assert done.returncode == OFF, done.stderr
    assert "lives: it runs without a network: passt needs a user namespace" in done.stderr
    one, = berth.json("ps")["running"]
    assert one["net"] == "none" and "without a network" in one["note"]
    assert "lives: it runs without a network" in berth.ok("ps")


@as_root
@pytest.mark.parametrize("options", [("--net", "user"), ("--publish", "0.0.0.0:48022:22")])
def test_a_network_that_was_asked_for_is_not(berth, options):
    done = run(berth, *options, prefix=NO_NAMESPACES)
    assert done.returncode == 3 and "--net user: passt needs a user namespace" in done.stderr
    assert "hint: --net none" in done.stderr and "--net tap=" in done.stderr


@as_root
def test_the_doctor_says_that_passt_is_denied_its_namespace(berth):
    assert row(berth, "passt")["ok"]
    denied = row(berth, "passt", prefix=NO_NAMESPACES)
    assert not denied["ok"] and "user namespace" in denied["text"]


# ---- engine auto ----

@as_root
@pytest.mark.parametrize("hidden, options, why", [
    (True, (), "passt is missing: apt-get install passt"),
    (False, ("--cpus", "17", "--net", "none"), "at most 16 processors")], ids=["passt", "cpus"])
def test_why_auto_takes_qemu_is_said(berth, hidden, options, why):
    done = run(berth, *options, prefix=without(berth, "/usr/bin/passt") if hidden else ())
    line = next(line for line in done.stderr.splitlines() if "QEMU runs it" in line)
    assert line.startswith("lives: ") and why in line


def test_nothing_is_said_of_what_is_usual(berth):
    done = run(berth, "--net", "none")
    assert done.returncode == OFF and "QEMU" not in done.stderr
    assert berth.json("ps")["running"][0]["note"] is None


# ---- what is refused before anything is read ----

@pytest.mark.parametrize("options, words", [
    (("--cpus", "17", "--engine", "kvm"), ("at most 16 processors", "hint: --engine qemu")),
    (("--memory", "4096GiB"), ("4 TiB is more than this machine has", "GiB"))])
def test_what_no_system_could_have_is_refused_first(berth, options, words):
    done = berth("run", "dev", "--disk", "/nonexistent", *options)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr


# ---- /dev/kvm ----

@as_root
def test_who_may_not_open_kvm_learns_which_group_may(berth):
    nobody = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt && cp -a /dev/kvm /mnt/kvm && "
              'chown root:disk /mnt/kvm && chmod 660 /mnt/kvm && mount --bind /mnt/kvm /dev/kvm && exec "$@"',
              "sh", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    way_out = "it is for the group disk: usermod -aG disk nobody"
    for folder in (berth.home, *berth.home.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    env = {"BERTH_RUNTIME": str(berth.home / "nobodys"), "BERTH_STATE": str(berth.home / "nobodys")}
    (berth.home / "nobodys").mkdir()
    os.chown(berth.home / "nobodys", 65534, 65534)
    assert way_out in row(berth, "/dev/kvm", prefix=nobody, env=env)["text"]
    assert way_out in run(berth, "--engine", "kvm", prefix=nobody, env=env).stderr
    said = run(berth, prefix=nobody, env=env).stderr
    assert "software emulation" in said and way_out in said


# ---- the doctor ----

@pytest.mark.parametrize("what", ["berth-monitor", "berth-keeper", "passt", "grub-fstest"])
def test_the_doctor_knows_what_run_needs(berth, what):
    found = row(berth, what)
    assert found["ok"] and found["text"].endswith(what) and found["for"].startswith("run")


@as_root
def test_the_doctor_names_the_package_of_what_is_missing(berth):
    for program, package in (("passt", "passt"), ("grub-fstest", "grub-common")):
        found = row(berth, program, prefix=without(berth, f"/usr/bin/{program}"))
        assert not found["ok"] and f"apt-get install {package}" in found["text"]


# ---- what the caller left open ----

def engine_that_waits(berth):
    """A program in the place of QEMU, which is supervised as that is; a PATH that has it first."""
    for folder in (berth.home, *berth.home.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)  # as root's engine it is nobody
    program = berth.home / "qemu-system-x86_64"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    return {**berth.env, "PATH": f"{berth.home}:{os.environ['PATH']}"}


@pytest.mark.parametrize("options", [
    ("--engine", "kvm", "--net", "none"), ("--engine", "kvm", "--net", "user"),
    ("--engine", "qemu", "--net", "none")], ids=["kvm", "network", "qemu"])
def test_a_guest_in_the_background_keeps_nothing_of_its_caller(berth, options):
    """A script's lock must not last as long as the guest."""
    env = engine_that_waits(berth)
    with open(berth.home / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([berth.binary, "run", "lives", "--kernel", LIVES, "--detach", *options],
                              env=env, pass_fds=[lock.fileno()], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == OFF, done.stderr
    assert len(berth.json("ps")["running"]) == 1
    with open(berth.home / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
