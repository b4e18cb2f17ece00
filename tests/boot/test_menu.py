# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot menu in real GRUB: from BIOS, from UEFI, and under Secure Boot."""
import os
import pathlib
import random
import re
import shutil

import pytest

from boot.menu_disk import MenuDisk, marker_initramfs
from boot.vm import OVMF_CODE, VM
from guests import tiny
from program import BERTH

MINUTES = 3
FIRMWARE = ("bios", "uefi")
VERSION = "6.1.0-9-amd64"
OLDER = "6.1.0-8-amd64"


@pytest.fixture(scope="session")
def driver():
    return pathlib.Path(BERTH).resolve().parent / "tests/menu_disk"


@pytest.fixture(scope="session")
def stock():
    """A stock kernel."""
    source = os.environ.get("BERTH_TEST_TAR")
    if source is None:
        import images
        source = images.blob(images.debians(BERTH), "debian-13")
    return tiny.Kernel(source)


@pytest.fixture(scope="session")
def kernel(stock):
    """Its vmlinuz."""
    return stock.files["vmlinuz"]


def fill(disk, kernel):
    """Makes main and dev, whose newest kernel is VERSION and whose other one boots nothing."""
    for name in ("main", "dev"):
        disk.fill(name, {f"boot/vmlinuz-{VERSION}": kernel,
                         f"boot/initrd.img-{VERSION}": marker_initramfs(),
                         f"boot/vmlinuz-{OLDER}": b"not a kernel"})


@pytest.fixture(scope="session")
def pristine(tmp_path_factory, driver, kernel):
    disk = MenuDisk(tmp_path_factory.mktemp("pristine"), driver)
    fill(disk, kernel)
    disk.make()
    return disk


@pytest.fixture
def disk(pristine, tmp_path, driver):
    """A copy of it for one test."""
    copy = MenuDisk(tmp_path, driver)
    shutil.copy(pristine.path, copy.path)
    return copy


def booted(vm, name):
    """Waits for a tiny system's marker and expects it to be that of `name`; returns its options."""
    match = vm.expect(r"MARKER ([^\r\n]*) END")
    assert f"name={name} " in match.group(1), match.group(1)
    return match.group(1)


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_default_boots_at_once_with_its_own_kernel_and_options(disk, firmware):
    with VM(disk.path, firmware) as vm:
        options = booted(vm, "main")
    assert f"vmlinuz-{VERSION} " in options
    assert f"root=UUID={disk.fs_uuid('main')} ro console=tty0 console=ttyS0,115200n8" in options
    assert options.endswith('quiet name=main "a=b c"')


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_menu_is_on_the_serial_line_and_an_entry_can_be_picked(disk, firmware):
    disk.commit(**{"menu-timeout": -1})
    with VM(disk.path, firmware) as vm:
        vm.expect("berth menu, generation 2")
        vm.expect(r"main \(Tiny 'main' \"\$os\" \\ \?\)")
        vm.expect(r"dev \(Tiny 'dev'")
        vm.choose(1)
        booted(vm, "dev")


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_next_boots_once_and_then_the_default_again(disk, firmware):
    disk.next("dev")
    with VM(disk.path, firmware) as vm:
        booted(vm, "dev")
        booted(vm, "main")
    assert disk.next() == ""


def test_next_is_used_up_by_a_boot_that_fails(disk):
    disk.fill("dev", {f"boot/vmlinuz-{VERSION}": b"not a kernel"})
    disk.next("dev")
    with VM(disk.path) as vm:
        vm.expect("(?i)press any key|invalid magic")
        vm.reset()
        booted(vm, "main")


def test_a_next_that_has_no_entry_is_cleared_and_ignored(disk):
    disk.next("dev")
    disk.commit(names=["main"])
    with VM(disk.path) as vm:
        booted(vm, "main")
    assert disk.next() == ""


@pytest.mark.parametrize("firmware, damage", (("bios", "zeros"), ("bios", "no end"),
                                              ("bios", "half"), ("uefi", "half")))
def test_a_damaged_slot_gives_way_to_the_other_one(disk, firmware, damage):
    disk.commit(**{"menu-default": "dev"})  # slot b; slot a still says main
    menu = disk.read("berth/menu-b.cfg")
    text = menu.partition(b"set berth_done=2\n")[0]
    kept = {"zeros": b"", "no end": text, "half": text[:text.index(b"menuentry 'dev")]}[damage]
    disk.write("berth/menu-b.cfg", kept + bytes(len(menu) - len(kept)))
    with VM(disk.path, firmware) as vm:
        vm.expect("menu slot b is damaged")
        booted(vm, "main")


def test_a_lost_selection_takes_the_higher_generation(disk):
    disk.commit(**{"menu-default": "dev"})
    disk.write("berth/select.env", bytes(512))
    with VM(disk.path) as vm:
        booted(vm, "dev")


def test_no_slot_at_all_is_said_and_leads_to_the_command_line(disk):
    for slot in "ab":
        disk.write(f"berth/menu-{slot}.cfg", bytes(65536))
    with VM(disk.path) as vm:
        vm.expect("no menu could be read from the EFI system partition")
        vm.expect("grub>")


def test_a_system_without_kernel_says_so_and_returns_to_the_menu(disk):
    disk.fill("main", {"boot/vmlinuz-6.1.0-rescue": b""})
    with VM(disk.path) as vm:
        vm.expect("there is no kernel")
        vm.expect("dev.*Tiny 'dev'")


def test_a_disk_of_4096_byte_sectors_boots_from_uefi(tmp_path, driver, kernel):
    disk = MenuDisk(tmp_path, driver, sector=4096)
    for name in ("main", "dev"):
        disk.fill(name, {f"boot/vmlinuz-{VERSION}": kernel,
                         f"boot/initrd.img-{VERSION}": marker_initramfs()})
    disk.make()
    disk.next("dev")
    sectors = [word for name in ("logical", "physical") for word in
               ("-global", f"virtio-blk-device.{name}_block_size=4096")]
    with VM(disk.path, "uefi", extra=sectors) as vm:
        booted(vm, "dev")
        booted(vm, "main")


def test_everything_works_under_secure_boot(disk, stock):
    fill(disk, stock.signed)
    disk.next("dev")
    variables = disk.folder / "secure.fd"
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", variables)
    secure = ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
              "-drive", "if=pflash,unit=0,format=raw,readonly=on,"
              f"file={OVMF_CODE.replace('.fd', '.secboot.fd')}",
              "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]
    with VM(disk.path, extra=secure) as vm:
        booted(vm, "dev")
        booted(vm, "main")


# sets of versions, the newest first: what distributions install beside each other
NEWEST_FIRST = [
    ["6.1.0-10-amd64", "6.1.0-9-amd64"], ["5.10.0-28-amd64", "5.9.0-30-amd64"],
    ["6.10.0-1-amd64", "6.9.12-1-amd64"], ["6.8.0-31-generic", "6.8.0-9-generic"],
    ["6.9.5-200.fc40.x86_64", "6.9.5-100.fc39.x86_64"],
    ["6.4.0-150600.23.7-default", "6.4.0-150600.21-default"],
    ["6.9-amd64", "6.9-rc7-amd64"], ["6.9.0-1-amd64", "6.9.0~rc2-1-amd64"],
    ["6.9.1", "6.9.rc1"], ["5.14.21-150500.55.7", "5.14.21-150500.55.7-rc3"],
    ["6.11.2-amd64", "6.11-amd64", "6.11-rc7-amd64"],
    ["6.1.20231224101500", "6.1.20231224101459"], ["6.1.99999999999", "6.1.4294967297"],
    ["6.1.0-9-amd64", "6.1.0-9-cloud-amd64"], ["6.1.010", "6.1.9"],
    ["6.1.0-9-amd64", "6.2.0-rescue", "7.0.old", "7.1.bak", "7.2.dpkg-new", "7.3-kdump"],
]


PARTS = ("6", "6.1", "6.10", "-", "-rc", "~rc", ".rc", "9", "10", "010", "0", "-amd64", "-cloud-amd64",
         ".fc40", "+", "+deb12u1", "20231224101500", ".")
FLAVOURS = ("-amd64", "-cloud-amd64", "-rt-amd64", "-generic", "-lowlatency", ".fc40.x86_64", "-default",
            "+", "+deb13-amd64", "~bpo12+1", "-arch1", "")
ASIDE = (".old", ".bak", ".dpkg-new", ".dpkg-tmp", "-kdump", "-rescue", "")
NO_VERSION = ("vmlinuz", "vmlinuz.old", "vmlinuz-linux", "vmlinuz-linux-lts", "vmlinuz-", "vmlinux-9.9",
              "xvmlinuz-9.9", "vmlinuz-0-rescue-5e2c")


def random_version(chance):
    if chance.random() < 0.2:  # what no distribution would call a kernel
        return "6." + "".join(chance.choices(PARTS, k=chance.randrange(1, 5)))
    version = chance.choice(("5.10", "6.1", "6.2", "6.10", "6.12", "6.1.0", "6.1.9", "6.1.10", "6.01"))
    version += chance.choice(("", "", "", "-rc1", "-rc10", "~rc2", ".rc3", ".0", ".7"))
    version += chance.choice(("", "-8", "-9", "-10", "-11", "-009", "-0.deb12.9", "-0.deb12.10",
                              "-150600.23.7", "-20240101120000", "-4294967297"))
    return version + chance.choice(FLAVOURS)


def random_sets(count):
    """What may lie in a /boot: by name, a file's bytes, a symlink's target, or None for a folder."""
    chance = random.Random(1)
    for _ in range(count):
        files = {}
        for _ in range(chance.randrange(1, 6)):
            version = random_version(chance)
            files["vmlinuz-" + version + chance.choice(ASIDE)] = b"x"
            if chance.random() < 0.5:
                files["initrd.img-" + version] = b"x"
        files.update({name: b"x" for name in NO_VERSION if chance.random() < 0.1})
        odd = chance.random()
        if odd < 0.1:
            files["vmlinuz-99-gone"] = "vmlinuz-98"
        elif odd < 0.2:
            files["vmlinuz-99-there"] = chance.choice(list(files))
        elif odd < 0.3:
            files["vmlinuz-99-folder"] = None
        elif odd < 0.4:
            files["vmlinuz-99-empty"] = b""
        yield files


# on UEFI GRUB counts with 64 bits, else with 32
@pytest.mark.parametrize("firmware, count", [("bios", 500), ("uefi", 60)])
def test_the_newest_kernel_is_the_one_that_berth_itself_takes(disk, firmware, count):
    sets = [{f"vmlinuz-{version}": b"x" for version in known} for known in NEWEST_FIRST]
    sets += random_sets(count)
    disk.fill("dev", {f"set{n}/boot/{name}": data for n, files in enumerate(sets)
                      for name, data in files.items()})
    expected = disk.newest(disk.folder / f"root-dev/set{n}" for n in range(len(sets)))
    assert expected[:len(NEWEST_FIRST)] == [f"<{known[0]}>" for known in NEWEST_FIRST]
    assert len(set(expected)) > count / 3
    script = "serial --unit=0\nterminal_output serial\nsource ($root)/berth/menu-a.cfg\n" \
        f"search --fs-uuid --set=sets {disk.fs_uuid('dev')}\n"
    for n in range(len(sets)):
        script += f'berth_newest "($sets)/set{n}/boot"\necho "NEWEST {n} <$berth_version>"\n'
    disk.write("EFI/BOOT/grub.cfg", (script + "echo FINISHED\nhalt\n").encode())
    with VM(disk.path, firmware) as vm:
        vm.expect("FINISHED")
        found = re.findall(r"NEWEST (\d+) (<.*>)", vm.console())
    assert found == [(str(n), version) for n, version in enumerate(expected)]
