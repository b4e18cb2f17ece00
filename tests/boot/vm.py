# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine that boots a disk file as a PC would, with its serial line in our hands.

Software emulation, since the machines that run the tests need not have a usable /dev/kvm. Each
machine has its own copy of the UEFI variables; with snapshot=True the disk file is only read. What a
machine flushes goes to this computer's page cache, whose power no test cuts. Time limits are generous:
they end a machine that hangs, they do not measure one.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import warnings

import pexpect

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# With much room for translated code a machine that restarts takes half as long again to come up: what the
# system before has left is in the way.
ACCEL = "tcg,tb-size=128"  # MiB
BOOT_TIMEOUT = 300  # seconds; a Debian is up after 15 to 60
ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>78])")


class VMError(Exception):
    """The machine did not do what was expected; the text ends with what its console said last."""


class StoodStill(VMError):
    """The machine answers nobody any more, its keyboard's interrupt neither."""


PATIENCE = 20  # seconds; then a machine that says nothing is looked at
SAMPLES, SPINNING = 20, 16  # of its processor, and how many of them have to show the same loop
KERNEL = 0xffffffff80000000
IF = 0x200  # of RFLAGS


def qemu_argv(disk, firmware="bios", memory=1024, cpu=None, snapshot=False, variables=None, screen=True):
    """The command that boots `disk` with its serial line on standard input and output. Without a screen a
    Linux is up several seconds earlier: its console is drawn in software, emulated."""
    argv = ["qemu-system-x86_64", "-machine", "q35", "-accel", ACCEL, "-m", str(memory),
            "-nodefaults", "-vga", "std" if screen else "none", "-display", "none", "-net", "none",
            "-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe,discard=unmap,"
            f"snapshot={'on' if snapshot else 'off'}",
            "-device", "virtio-blk-pci,drive=disk,serial=berth-test,bootindex=1",
            "-device", "virtio-rng-pci"]
    if cpu:
        argv += ["-cpu", cpu]
    if firmware == "uefi":
        argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}",
                 "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]
    return argv


def on_a_copy(disk, attempt):
    """attempt(copy of the disk). An emulated EPYC stands still now and then, once in some eighty starts, with
    nothing of berth's in the way: then there is a second attempt, with a warning."""
    copy = disk.with_suffix(".copy")
    for last in (False, True):
        subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
        try:
            return attempt(copy)
        except StoodStill as error:
            if last:
                raise
            warnings.warn(f"begun anew: {error}")
        finally:
            copy.unlink()


def plain(text):
    """Console output without terminal escapes."""
    return ESCAPES.sub("", text).replace("\r", "")


class VM:
    """with VM("disk.img", "uefi") as vm: vm.expect("login:")"""

    def __init__(self, disk, firmware="bios", extra=(), **options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="berth-vm-"))
        variables = self.folder / "variables.fd"
        if firmware == "uefi":
            shutil.copy(OVMF_VARS, variables)
        self.socket = self.folder / "qmp"
        argv = qemu_argv(disk, firmware, variables=variables, **options)
        argv += ["-chardev", "stdio,id=line,signal=off", "-serial", "chardev:line", "-qmp", f"unix:{self.socket},server,nowait", *extra]
        self.log = open(self.folder / "console", "w+", encoding="utf-8", errors="replace")
        self.started = time.monotonic()
        self.child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", codec_errors="replace",
                                   timeout=BOOT_TIMEOUT, echo=False, dimensions=(25, 80),
                                   env={**os.environ, "TMPDIR": "/var/tmp"})
        self.child.logfile_read = self.log
        self.child.delaybeforesend = 0.1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def seconds(self):
        """Since the machine was started."""
        return time.monotonic() - self.started

    def console(self):
        """Everything that the serial line has said so far, without escapes."""
        self.log.flush()
        return plain((self.folder / "console").read_text(errors="replace"))

    def expect(self, pattern, timeout=BOOT_TIMEOUT):
        """Waits for the regular expression and returns the match; VMError when it does not come, StoodStill
        as soon as it is seen that nothing will."""
        until = time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
            try:
                self.child.expect(pattern, timeout=max(0, min(left, PATIENCE)))
                return self.child.match
            except pexpect.EOF:
                self.fail(VMError, "the machine ended", pattern)
            except pexpect.TIMEOUT:
                if self.spins():
                    self.fail(StoodStill, "a Linux waits for a lock with its interrupts off", pattern)
                if left <= PATIENCE:
                    self.fail(VMError, f"{timeout} s passed", pattern)

    def fail(self, kind, what, pattern):
        raise kind(f"{what} without {pattern!r}; the console ends:\n{self.console()[-3000:]}") from None

    def spins(self):
        """True when a kernel, be it that of a guest's guest, is in one small loop with its interrupts off."""
        seen = collections.Counter()
        for _ in range(SAMPLES):
            registers = self.registers()
            place, flags = (int(re.search(rf"\b{name}=([0-9a-f]+)", registers).group(1), 16)
                            for name in ("R?E?IP", "R?E?FL"))
            if place >= KERNEL and not flags & IF:
                seen[place >> 6] += 1
            time.sleep(0.05)
        return max(seen.values(), default=0) >= SPINNING

    def registers(self):
        return self.monitor("human-monitor-command", **{"command-line": "info registers"})

    def send(self, text):
        self.child.send(text)

    def choose(self, index):
        """Picks an entry of the boot menu, counted from 0; the default must be the first."""
        for _ in range(index):
            self.send("\x1b[B")
            time.sleep(0.3)
        self.send("\r")

    def login(self, user, password):
        """At the login prompt: logs in and makes the prompt of the shell one that can be expected."""
        self.send(user + "\r")
        self.expect("[Pp]assword:", 60)
        self.send(password + "\r")
        self.expect(r"[$#] ", 60)
        self.send("stty -echo; export TERM=dumb PAGER=cat SYSTEMD_COLORS=0\r")
        time.sleep(1)
        self.shell("true")

    def shell(self, command, timeout=BOOT_TIMEOUT):
        """Runs a command in the shell of the serial line; returns its (status, output)."""
        self.send(f"echo BE''GIN; {command}; echo END-$?-\r")
        self.expect(r"BEGIN\s*\n", timeout)
        try:
            match = self.expect(r"END-(\d+)-", timeout)
        except StoodStill:
            raise
        except VMError as error:
            self.tell_apart(error)
        return int(match.group(1)), plain(self.child.before)

    def tell_apart(self, error):
        """Raises the error again, with what the machine does instead of the command's end; StoodStill when
        it does not even stop the command."""
        if not self.child.isalive():
            raise error
        self.send("\x1a")
        try:
            self.expect("Stopped", 60)
            self.send("\rps -eo pid,stat,wchan:24,args --forest | tail -n 30; echo ALL''-SAID\r")
            self.expect("ALL-SAID", 60)
        except VMError:
            raise StoodStill(f"{error}\nthe machine stands still:\n{self.registers()[:1200]}") from None
        raise VMError(f"{error}\nits processes:\n{plain(self.child.before)}") from None

    def monitor(self, command, **arguments):
        """Gives QEMU a command (QMP) and returns its answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            stream = client.makefile("rw")
            stream.readline()  # the greeting
            for request in ({"execute": "qmp_capabilities"},
                            {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
        if "error" in answer:
            raise VMError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def screendump(self, path):
        """Saves what the graphical screen shows, as a PPM picture."""
        self.monitor("screendump", filename=str(path))

    def reset(self):
        """Presses the reset button."""
        self.monitor("system_reset")

    def wait(self, timeout=120):
        """Waits until the machine has powered itself off."""
        self.expect(pexpect.EOF, timeout)

    def close(self):
        """Pulls the plug, when the machine still runs, and removes what it left."""
        self.child.close(force=True)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
