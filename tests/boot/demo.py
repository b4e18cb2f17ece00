# SPDX-License-Identifier: GPL-3.0-or-later
"""The last part of scripts/demo: boots the disk, for a person to look at or by itself.

Usage: demo.py BERTH DISK
"""
import os
import sys
import time

import pexpect

from vm import VM, qemu_argv

ENTRIES = ("main", "dev")


def show(disk):
    """Hands the terminal to QEMU: the boot menu, then whatever the person picks."""
    print("\nThe boot menu follows (log in as user, password berth; Ctrl-A X ends QEMU).\n", flush=True)
    argv = qemu_argv(disk) + ["-serial", "mon:stdio"]
    os.execvp(argv[0], argv)


def boot(disk, index):
    name = ENTRIES[index]
    with VM(disk, snapshot=True) as vm:
        vm.expect("GRUB")
        print(f"{name}: GRUB speaks after {vm.seconds():.1f} s", end="", flush=True)
        vm.expect(ENTRIES[-1])
        vm.choose(index)
        prompt = vm.expect(r"(\S+) login:").group(1)
        print(f", \"{prompt} login:\" after {vm.seconds():.1f} s", flush=True)


def run_beside(berth, disk):
    print("$ berth run dev --ephemeral", flush=True)
    start = time.monotonic()
    console = pexpect.spawn(berth, ["run", "dev", "--ephemeral", "--disk", disk], timeout=300,
                            encoding="utf-8", codec_errors="replace")
    prompt = console.expect_exact(["dev login:", pexpect.EOF])
    if prompt != 0:
        sys.exit(console.before)
    print(f"dev, beside the host: \"dev login:\" after {time.monotonic() - start:.1f} s")
    console.close(force=True)


if __name__ == "__main__":
    program, image = sys.argv[1:]
    if sys.stdin.isatty() and sys.stdout.isatty():
        show(image)
    for number in range(len(ENTRIES)):
        boot(image, number)
    run_beside(program, image)
