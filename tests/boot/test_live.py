# SPDX-License-Identifier: GPL-3.0-or-later
"""On a live machine: berth changes the very disk that its host, a stock Debian, has booted from, the
mounted root too.

For `run` the machine is emulated with AMD's SVM, so that berth inside it has a KVM. A third system and
its machine file arrive on a second disk.
"""
import os
import re
import subprocess

import pytest

import disks
import images
from boot.person import AS_USER, QUICK_START, log_in_as_root, succeed
from boot.vm import VM, on_a_copy
from guests import tiny
from ordinary import OrdinaryBerth
from program import BERTH

MINUTES = 4
CPU = "EPYC,+svm,+npt"
ROOT = 1536 << 20  # what the root of 2 GiB shrinks to

MACHINE = f"""\
berth: 1
name: live
disk: {{path: live.img, size: 8GiB}}
host:
  name: main
  image: debian-12-live
  root: {{size: 2GiB, fs: ext4}}
  kernel-options: {QUICK_START}
  users:
    - {AS_USER}
guests:
  - name: dev
    image: debian-13
    root: {{size: 3GiB, fs: ext4}}
menu:
  default: main
  timeout: 0
"""

# what the live machine applies: the host and dev are not named, so they stay as they are
THIRD = """\
berth: 1
name: live
guests:
  - name: third
    image: tiny
    root: {size: 512MiB, fs: ext4}
    run: {memory: 256MiB, cpus: 1, net: none, engine: kvm}
"""

# folders right below the root are put far from one another
FILL = "for i in $(seq 16); do mkdir /data-$i && head -c 4M /dev/urandom >/data-$i/file; done; sync; "
SUMS = "find /data-* /usr/bin -type f | sort | xargs sha256sum | sha256sum"

# what a running system writes by itself, and where berth keeps its own
MAY_CHANGE = re.compile(r"/var/(log|lib/systemd|lib/berth)/")


@pytest.fixture(scope="module")
def live_disk(ordinary_home):
    home = ordinary_home / "live"
    home.mkdir()
    if os.getuid() == 0:
        os.chown(home, ordinary_home.stat().st_uid, ordinary_home.stat().st_gid)
    berth = OrdinaryBerth(home, images.live(BERTH))
    (home / "live.yaml").write_text(MACHINE)
    berth.ok("apply", home / "live.yaml", "--yes", timeout=600)
    return home / "live.img"


@pytest.fixture(scope="module")
def transfer(tmp_path_factory):
    """A disk with what the live machine needs for its third system."""
    folder = tmp_path_factory.mktemp("transfer")
    content = folder / "content"
    content.mkdir()
    kernel = tiny.Kernel(images.blob(images.live(BERTH), "debian-12"))
    tiny.make_image(content / "tiny.tar", kernel)
    (content / "third.yaml").write_text(THIRD)
    disk = folder / "transfer.img"
    with open(disk, "wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "TRANSFER", "-d", content, disk], check=True)
    return disk


def test_the_root_of_the_live_host_shrinks_and_moves_at_the_next_boot(live_disk):
    before = disks.ranges(live_disk)
    with VM(live_disk, "uefi", memory=1024, screen=False) as vm:
        log_in_as_root(vm)
        sums = succeed(vm, FILL + SUMS)
        restart_into_work(vm, "resize /dev/vda main --size 1536MiB")
        vm.expect("berth: that was all")
        log_in_as_root(vm)
        assert succeed(vm, SUMS) == sums
        assert succeed(vm, "blockdev --getsize64 $(findmnt -no SOURCE /)").strip() == str(ROOT)
        assert "3 main      1.5 GiB" in succeed(vm, "berth disk show /dev/vda")
        assert "finish" not in succeed(vm, "berth menu show --disk /dev/vda")
        succeed(vm, "mount PARTLABEL=esp /mnt && ls /mnt/berth && ! test -e /mnt/berth/work && "
                "umount /mnt")
        restart_into_work(vm, "move /dev/vda main --start +256MiB")
        vm.monitor("stop")
        start = before["main"][0]
        content = disks.fingerprint(live_disk, start, start + ROOT)
        vm.monitor("cont")
        vm.expect("berth: that was all")
        vm.expect("the machine restarts")
    start += 256 << 20
    assert disks.ranges(live_disk) == {**before, "main": (start, start + ROOT)}
    assert disks.fingerprint(live_disk, start, start + ROOT) == content


def restart_into_work(vm, change):
    refused, output = vm.shell(f"berth part {change} --serial berth-test --yes")
    assert refused == 3 and "--at-boot" in output, output
    succeed(vm, f"berth part {change} --at-boot --serial berth-test --yes")
    vm.send("systemctl reboot\r")
    vm.expect("berth: doing what was left to this boot")


def test_a_third_system_is_added_booted_and_run_from_the_live_host(live_disk, transfer):
    extra = ["-drive", f"file={transfer},format=raw,if=none,id=transfer,readonly=on",
             "-device", "virtio-blk-pci,drive=transfer"]
    names = disks.ranges(live_disk)
    after = on_a_copy(live_disk, lambda disk: live_with_a_third(disk, extra))
    assert {name: after[name] for name in names} == names
    assert "third" in after


def live_with_a_third(disk, extra):
    """Returns the partitions' ranges at the end."""
    with VM(disk, cpu=CPU, memory=2048, screen=False, extra=extra) as vm:
        log_in_as_root(vm)
        succeed(vm, "mkdir -p /run/transfer && mount -o ro LABEL=TRANSFER /run/transfer")
        add_third(vm)
        change_the_menu_through_a_mounted_esp(vm)
        run_third_beside_the_host(vm)
        succeed(vm, "berth menu next third --disk /dev/vda")
        vm.send("systemctl reboot\r")
        vm.expect("TINY-UP third")
        vm.send("sync; poweroff -f\r")
        vm.wait()
    after = disks.ranges(disk)
    subprocess.run(["e2fsck", "-fn", f"{disk}?offset={after['main'][0]}"], check=True)
    return after


def add_third(vm):
    """apply on the running host's own disk, and nothing else of the host changes."""
    succeed(vm, "berth image add /run/transfer/tiny.tar --name tiny --unsigned")
    vm.shell("systemctl is-system-running --wait")
    succeed(vm, "sync; sleep 1; touch /run/before; sleep 1")
    succeed(vm, "berth apply /run/transfer/third.yaml --disk /dev/vda --serial berth-test --yes", 600)
    output = succeed(vm, "sync; find / -xdev -not -type d -cnewer /run/before")
    changed = [path for path in output.split() if not MAY_CHANGE.match(path)]
    assert not changed
    succeed(vm, "berth plan /run/transfer/third.yaml --disk /dev/vda --check")
    refused, output = vm.shell("berth apply /run/transfer/third.yaml --disk /dev/vda --serial other --yes")
    assert refused == 3, output


def change_the_menu_through_a_mounted_esp(vm):
    """While the ESP is mounted berth goes through its folder, and what it writes is on the disk."""
    succeed(vm, "mkdir -p /boot/efi && mount PARTLABEL=esp /boot/efi")
    before = succeed(vm, "cd /boot/efi && find . -type f | sort").split()
    succeed(vm, "berth menu default dev")  # the disk is that of the running root
    assert "* dev" in succeed(vm, "berth menu show")
    assert succeed(vm, "find . -type f | sort").split() == before
    succeed(vm, "cd / && umount /boot/efi")
    assert "* dev" in succeed(vm, "berth menu show --disk /dev/vda")
    succeed(vm, "berth menu default main")


def run_third_beside_the_host(vm):
    """`run third` holds its partition: the host cannot mount it, nor run it twice."""
    node = succeed(vm, "blkid -t PARTLABEL=third -o device").split()[0]
    succeed(vm, "test -c /dev/kvm || modprobe kvm_amd")
    vm.send("berth run third --disk /dev/vda </dev/null >/run/third.log 2>&1 & echo PID=$!=\r")
    pid = vm.expect(r"PID=(\d+)=").group(1)
    succeed(vm, "for i in $(seq 120); do grep -q 'TINY-UP third' /run/third.log && break; sleep 1; "
            "done; cat /run/third.log; grep -q 'TINY-UP third' /run/third.log")
    succeed(vm, "! grep 'software emulation' /run/third.log")  # it had the machine's own KVM
    refused, output = vm.shell(f"mount {node} /mnt")
    assert refused != 0 and "busy" in output, output
    refused, output = vm.shell("berth run third --disk /dev/vda </dev/null")
    assert refused == 3, output
    succeed(vm, f"kill {pid}; for i in $(seq 30); do kill -0 {pid} 2>/dev/null || break; sleep 1; done")
    succeed(vm, f"mount {node} /mnt && cat /mnt/etc/hostname && umount /mnt")
