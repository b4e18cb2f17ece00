# SPDX-License-Identifier: GPL-3.0-or-later
"""berth run: an installed system beside the host, with the qemu engine.

The systems are tiny (tests/guests/tiny.py): a stock kernel and a shell on the serial line.
"""
import os
import pathlib
import signal
import socket
import termios
import time

import pexpect
import pexpect.popen_spawn
import pytest

import disks
import images
from guests import tiny
from program import BERTH, Berth

UP = "TINY-UP {}"
TIMEOUT = 120  # seconds; a tiny system is up after five to twenty
MIB = 1 << 20
OWN = "\x1d"  # Ctrl-]: the next key is berth's

MACHINE = """\
berth: 1
name: run
disk: {path: disk.img, size: 320MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 2MiB}
host:
  name: main
  image: tiny
  root: {size: 80MiB, fs: ext4}
  kernel-options: quiet
guests:
  - name: dev
    image: tiny
    root: {size: 80MiB, fs: ext4}
    volumes:
      - {name: dev-swap, type: swap, size: 16MiB}
    kernel-options: quiet
    run: {memory: 256MiB, net: none}
"""


BUTTON = "button evdev"  # modules: who hears the power button


@pytest.fixture(name="kernel", scope="module")
def make_kernel():
    return tiny.Kernel(images.blob(images.debians(BERTH), "debian-13"), BUTTON)


@pytest.fixture(scope="module")
def made(tmp_path_factory, kernel):
    """A disk with main and dev, which no test changes."""
    return tiny.make_disk(Berth(tmp_path_factory.mktemp("run")), MACHINE, kernel)


@pytest.fixture
def disk(made, tmp_path):
    disks.copy(made, tmp_path / "disk.img")
    return tmp_path / "disk.img"


def wait_until(happens, timeout=60):
    deadline = time.monotonic() + timeout
    while not happens():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.1)


def name_of(pid):
    """What the process is called; nothing when it has gone meanwhile."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text()
    except FileNotFoundError:
        return ""


def runs(pid):
    """True while there is such a process that is not a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Run:
    """with Run(berth, disk, "dev") as run: a guest, by pipes or on a terminal."""

    def __init__(self, berth, disk, name, *options, terminal=False):
        argv = [berth.binary, "run", name, "--disk", str(disk), "--memory", "256MiB", *options]
        settings = {"env": berth.env, "cwd": berth.home, "timeout": TIMEOUT, "encoding": "utf-8",
                    "codec_errors": "replace"}
        if terminal:
            self.child = pexpect.spawn(argv[0], argv[1:], **settings)
        else:
            self.child = pexpect.popen_spawn.PopenSpawn(argv, **settings)
        self.child.delaybeforesend = 0.1
        self.berth, self.name, self.terminal = berth, name, terminal

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.terminal:
            self.child.close(force=True)
        elif self.child.proc.poll() is None:
            self.child.kill(signal.SIGKILL)
            self.child.wait()
        for left in self.berth.json("ps")["running"]:  # what goes on without its supervisor
            if left["name"] == self.name:
                self.berth("stop", "--force", self.name, "--disk", left["disk"])

    def up(self):
        """Waits for the guest's shell."""
        self.child.expect(UP.format(self.name))
        self.child.expect("# ")
        return self

    def shell(self, command):
        """Runs a command in the guest and returns its status."""
        self.child.send(f"{command}; echo STATUS''=$?=\r")
        self.child.expect(r"STATUS=(\d+)=")
        return int(self.child.match.group(1))

    def power_off(self):
        self.child.send("poweroff -f\r")
        return self.end()

    def end(self):
        """Waits until it is over and returns the exit status."""
        self.child.expect(pexpect.EOF)
        if not self.terminal:
            return self.child.wait()
        self.child.close()
        return self.child.exitstatus

    @property
    def pid(self):
        return self.child.pid if self.terminal else self.child.proc.pid

    def engine(self):
        """The process id of its QEMU, which may have to be waited for."""
        found = []

        def look():
            children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            found.extend(int(child) for child in children.split()
                         if "qemu" in name_of(child))
            return found
        wait_until(look)
        return found[0]


def test_a_guest_sees_and_writes_its_own_partitions_and_nothing_else(berth, disk):
    before, own = disks.fingerprint_outside(disk, "dev", "dev-swap"), disks.ranges(disk)["dev"]
    with Run(berth, disk, "dev") as run:
        run.up()
        assert run.shell("mount -o remount,rw /; echo hello > /made && sync") == 0
        for number, part in enumerate(disks.table(disk)["partitions"], 1):
            hidden = part["name"] not in ("esp", "dev", "dev-swap")
            assert run.shell(f"[ -e /dev/vda{number} ]") == hidden, part["name"]
        # its table, its ESP and the gaps between are made for it alone
        end = own[0] // MIB
        assert run.shell(f"dd if=/dev/zero of=/dev/vda bs=1M count={end} && sync") == 0
        assert run.power_off() == 0
    assert disks.fingerprint_outside(disk, "dev", "dev-swap") == before
    assert "made" in disks.ext_content(disk, *own)


def test_an_ephemeral_run_forgets_everything_at_its_end(berth, disk):
    before = disks.fingerprint(disk)
    with Run(berth, disk, "dev", "--ephemeral") as run:
        run.up()
        assert run.shell("mount -o remount,rw / && touch /made && sync") == 0
        run.child.send("reboot -f\r")
        run.up()
        assert run.shell("[ -e /made ]") == 0  # not before
        assert run.power_off() == 0
    assert disks.fingerprint(disk) == before
    kept = {entry.name for entry in (berth.home / "state").iterdir()}
    assert kept <= {"drivers", "esp", "kernels"}  # what the next start need not find out again


def test_one_run_of_a_guest_at_a_time_but_another_guest_beside_it(berth, disk):
    with Run(berth, disk, "dev") as dev:
        dev.up()
        again = berth("run", "dev", "--disk", disk)
        assert again.returncode == 3
        assert "in use" in again.stderr
        assert "hint: " in again.stderr
        with Run(berth, disk, "main") as main:
            main.up()
            assert main.power_off() == 0
        assert dev.power_off() == 0


def test_a_reboot_is_status_10_with_no_reboot(berth, disk):
    with Run(berth, disk, "dev", "--no-reboot") as run:
        run.up()
        run.child.send("reboot -f\r")
        assert run.end() == 10


def test_a_panic_is_status_11_and_the_journal_is_seen_afterwards(berth, disk):
    with Run(berth, disk, "dev") as run:
        run.up()
        assert run.shell("mount -o remount,rw / && touch /made && sync") == 0
        run.child.send("echo -ne '\\001' | dd of=/dev/port bs=1 seek=1285\r")  # pvpanic, 0x505
        assert run.end() == 11
    with Run(berth, disk, "dev", terminal=True) as run:
        run.child.expect("dev was not shut down cleanly")
        run.engine()


def test_a_killed_engine_is_status_11(berth, disk):
    with Run(berth, disk, "dev") as run:
        os.kill(run.engine(), signal.SIGKILL)
        assert run.end() == 11


def test_a_killed_supervisor_leaves_engine_and_claims_to_be_stopped(berth, disk):
    with Run(berth, disk, "dev") as run:
        engine = run.engine()
        wait_until(lambda: berth.json("ps")["running"])
        os.kill(run.pid, signal.SIGKILL)
        wait_until(lambda: not berth.json("ps")["running"][0]["supervised"])
        assert disks.is_locked(disk, *disks.ranges(disk)["dev"])
        done = berth("stop", "dev", "--timeout", "2")  # whose kernel hears no power button
        assert done.returncode == 1 and "did not power off" in done.stderr
        assert runs(engine)
        berth.ok("stop", "--force", "dev")
        wait_until(lambda: not runs(engine))
    wait_until(lambda: not disks.is_locked(disk, *disks.ranges(disk)["dev"]))


def test_left_in_the_background_it_is_talked_to_and_stopped(berth, disk):
    berth.ok("run", "dev", "--detach", "--disk", disk)
    console = pexpect.spawn(berth.binary, ["console", "dev"], env=berth.env, cwd=berth.home,
                            timeout=TIMEOUT, encoding="utf-8", codec_errors="replace")
    console.expect("TINY-UP dev")
    console.send("reboot -f\r")
    console.expect("TINY-UP dev")
    console.send(OWN + "d")
    console.expect("dev goes on")
    console.expect(pexpect.EOF)
    console.close()
    assert console.exitstatus == 0
    berth.ok("stop", "--force", "dev")
    assert berth.json("ps")["running"] == []
    assert not disks.is_locked(disk, *disks.ranges(disk)["dev"])


def test_on_a_terminal_a_key_ends_the_guest_and_the_terminal_is_restored(berth, disk):
    with Run(berth, disk, "dev", terminal=True) as run:
        before = termios.tcgetattr(run.child.child_fd)
        run.child.expect_exact("Ctrl-]")
        run.up()
        assert termios.tcgetattr(run.child.child_fd) != before
        assert run.shell("true") == 0
        run.child.send(OWN + "p")
        run.child.expect("asked dev to power off")
        run.child.send(OWN + "e")  # this guest hears no power button
        run.child.expect(pexpect.EOF)
        assert termios.tcgetattr(run.child.child_fd) == before
        run.child.close()
        assert run.child.exitstatus == 130


def test_a_signal_presses_the_power_button_and_a_second_one_ends_the_guest(berth, disk):
    with Run(berth, disk, "dev") as run:
        engine = run.engine()
        os.kill(run.pid, signal.SIGTERM)
        time.sleep(2)
        assert runs(engine)  # it may take its time
        os.kill(run.pid, signal.SIGINT)
        assert run.end() == 130
    assert not runs(engine)


def test_without_input_a_guest_goes_on(berth, disk):
    with Run(berth, disk, "dev") as run:
        run.child.sendeof()
        engine = run.engine()
        time.sleep(2)
        assert runs(engine)


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def accepts(address, port):
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


def test_qemu_publishes_a_port_on_the_loopback(berth, disk):
    port = free_port()
    options = ("--net", "user", "--publish", f"{port}:22", "--engine", "qemu")
    with Run(berth, disk, "dev", *options) as run:
        wait_until(lambda: accepts("127.0.0.1", port))
        assert not accepts("127.0.0.2", port)
        assert "in use" in berth("run", "main", "--disk", disk, *options).stderr
    wait_until(lambda: not accepts("127.0.0.1", port))
    done = berth("run", "main", "--disk", disk, *options[:3], "1:1", *options[4:])
    assert done.returncode == 3 and "--publish 1:1" in done.stderr and "port 1" in done.stderr


BUTTON_INIT = """\
#!/bin/sh
mount -t devtmpfs dev /dev
for module in {modules}; do
    insmod /modules/$module.ko
done
fd=3
for event in /dev/input/event*; do  # each is open before anybody is told
    eval "exec $fd<$event"
    eval "(busybox head -c 24 <&$fd >/dev/null && poweroff -f) &"
    fd=$((fd + 1))
done
echo WAITS
wait
"""


def test_qemu_is_asked_to_power_off_when_its_supervisor_was_killed(berth, kernel, tmp_path):
    (tmp_path / "vmlinuz").write_bytes(kernel.files["vmlinuz"])
    (tmp_path / "initrd").write_bytes(tiny.initramfs(kernel, BUTTON.split(), BUTTON_INIT))
    child = pexpect.popen_spawn.PopenSpawn(
        [berth.binary, "run", "--kernel", str(tmp_path / "vmlinuz"), "--initrd", str(tmp_path / "initrd"),
         "--append", "console=ttyS0 quiet", "--engine", "qemu", "--net", "none", "--memory", "256MiB"],
        env=berth.env, cwd=berth.home, timeout=TIMEOUT)
    child.expect_exact("WAITS")
    one, = berth.json("ps")["running"]
    child.kill(signal.SIGKILL)
    child.wait()
    wait_until(lambda: not berth.json("ps")["running"][0]["supervised"])
    berth.ok("stop", "vmlinuz")
    assert not runs(one["pid"]) and berth.json("ps")["running"] == []
    assert list(pathlib.Path(berth.env["BERTH_RUNTIME"]).glob("vmlinuz-*")) == []


BARE_INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in {modules} {modules}; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko 2>/dev/null
done
echo "SAYS $(cat /proc/cmdline) $(dd if=/dev/vda bs=5 count=1 2>/dev/null)"
echo 12345 | dd of=/dev/vda conv=fsync 2>/dev/null && echo WRITTEN
poweroff -f
"""


@pytest.mark.parametrize("suffix", ["", ":ro"])
def test_qemu_boots_a_kernel_of_its_own_file(berth, kernel, tmp_path, suffix):
    (tmp_path / "vmlinuz").write_bytes(kernel.files["vmlinuz"])
    (tmp_path / "initrd").write_bytes(tiny.initramfs(kernel, script=BARE_INIT))
    (tmp_path / "image").write_bytes(b"hello".ljust(1 << 20, b"\0"))
    said = berth.ok("run", "--kernel", tmp_path / "vmlinuz", "--initrd", tmp_path / "initrd",
                    "--append", "console=ttyS0 quiet mine", "--engine", "qemu", "--net", "none",
                    "--memory", "256MiB", "--disk", f"{tmp_path}/image{suffix}")
    assert "SAYS console=ttyS0 quiet mine hello" in said
    assert ("WRITTEN" in said) == (suffix == "")
    assert (tmp_path / "image").read_bytes()[:5] == (b"12345" if suffix == "" else b"hello")
