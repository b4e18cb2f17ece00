# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of it, as a person lives it: a disk made by one command boots its host by the menu; there
the other system runs beside it, by berth's own monitor; what that one writes is on its partition when
it is booted natively.

The machine is emulated with AMD's SVM, so that berth inside it has a KVM.
"""
import os

import pytest

import images
from boot.person import AS_USER, PASSWORD, QUICK_START, USER, log_in_as_root, succeed
from boot.vm import VM, on_a_copy
from ordinary import OrdinaryBerth
from program import BERTH

MINUTES = 3
OWN = "\x1d"  # Ctrl-]
NESTED = 600  # seconds; emulation in emulation

MACHINE = f"""\
berth: 1
name: story
disk: {{path: story.img, size: 8GiB}}
host:
  name: main
  image: debian-12-live
  root: {{size: 3GiB, fs: ext4}}
  kernel-options: {QUICK_START}
  users:
    - {AS_USER}
guests:
  - name: dev
    image: debian-13
    root: {{size: 3GiB, fs: ext4}}
    kernel-options: {QUICK_START}
    users:
      - {AS_USER}
    run: {{memory: 512MiB, cpus: 1, net: none}}
menu:
  default: main
  timeout: 0
"""


@pytest.fixture
def disk(ordinary_home):
    home = ordinary_home / "story"
    home.mkdir()
    if os.getuid() == 0:
        os.chown(home, ordinary_home.stat().st_uid, ordinary_home.stat().st_gid)
    berth = OrdinaryBerth(home, images.live(BERTH))
    (home / "story.yaml").write_text(MACHINE)
    berth.ok("apply", home / "story.yaml", "--yes", timeout=600)
    yield home / "story.img"
    (home / "story.img").unlink()


def test_the_story(disk):
    on_a_copy(disk, live_the_story)


def live_the_story(disk):
    with VM(disk, cpu="EPYC,+svm,+npt", memory=1536, screen=False) as vm:
        log_in_as_root(vm)
        succeed(vm, "test -c /dev/kvm || modprobe kvm_amd")
        write_beside_the_host(vm)
        succeed(vm, "berth stop dev --timeout 300", NESTED)
        assert '"running": []' in succeed(vm, "berth ps --json")
        succeed(vm, "berth menu next dev")
        vm.send("systemctl reboot\r")
        vm.expect("dev login:")
        vm.login(USER, PASSWORD)
        assert "written beside" in succeed(vm, "cat told")
        vm.send("sudo poweroff\r")
        vm.wait()


def write_beside_the_host(vm):
    """dev's own login, from its partition, which the host cannot have meanwhile."""
    node = succeed(vm, "blkid -t PARTLABEL=dev -o device").split()[0]
    succeed(vm, "berth run dev --detach")
    assert '"engine": "kvm"' in succeed(vm, "berth ps --json")
    refused, output = vm.shell(f"mount {node} /mnt")
    assert refused != 0 and "busy" in output, output
    vm.send("stty echo; berth console dev\r")
    # the prompts of its console and its serial line may come at once, one within the other
    vm.expect("13 dev hvc0", NESTED)
    vm.expect("login:", NESTED)
    vm.send("\r")
    vm.expect("dev login:", NESTED)
    vm.login(USER, PASSWORD)
    succeed(vm, "hostname | tee told; echo written beside >>told; sync", NESTED)
    assert "kvm" in succeed(vm, "systemd-detect-virt", NESTED)
    vm.send(OWN + "d")
    vm.expect("dev goes on")
    succeed(vm, "stty -echo; true")
