# SPDX-License-Identifier: GPL-3.0-or-later
"""What `menu show` makes of an ESP and of systems that somebody wrote to bring a terminal or a script down."""
import subprocess

import pytest

from guests import tiny

ESP = 1 << 20
BLOCK = 1024  # bytes of a GRUB environment block
MACHINE = """\
berth: 1
name: shown
disk: {path: disk.img, size: 120MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host: {name: main, image: tiny, root: {size: 16MiB, fs: ext4}}
guests: [{name: dev, image: tiny, root: {size: 16MiB, fs: ext4}}]
"""


def choose(berth, disk, next_):
    """Writes the environment in which GRUB finds what boots once."""
    state = berth.home / "state.env"
    state.write_bytes((b"# GRUB Environment Block\nnext=" + next_ + b"\n").ljust(BLOCK, b"#"))
    subprocess.run(["mcopy", "-o", "-i", f"{disk}@@{ESP}", state, "::/berth/state.env"], check=True)


@pytest.mark.parametrize("next_, told", [
    (b"dev", "dev"), (b"a\x1b[31m", "a\x1b[31m"), (b"\xff\xfe", "??"), (b"x" * 900, None), (b"", None)])
def test_whatever_is_chosen_for_the_next_boot_is_told(berth, next_, told):
    disk = tiny.make_disk(berth, MACHINE)
    choose(berth, disk, next_)
    assert berth.json("menu", "show", "--disk", disk)["menu"]["next"] == told
    shown = berth.ok("menu", "show", "--disk", disk)
    assert "\x1b" not in shown and ("next start only" in shown) == (next_ == b"dev")


def test_a_terminal_gets_no_command_out_of_a_systems_name(berth, monkeypatch):
    monkeypatch.setattr(tiny, "OS_RELEASE", tiny.OS_RELEASE.replace("Tiny test system", "a\u202eb\x9bc"))
    shown = berth.ok("menu", "show", "--disk", tiny.make_disk(berth, MACHINE))
    assert "\u202e" not in shown and "\x9b" not in shown and "* main (a?b??c)" in shown
