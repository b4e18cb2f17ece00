# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest Linux that is one: a stock kernel, busybox, and an init that names itself.

For tests where the userland does not matter: it boots in seconds where a Debian takes half a
minute. Its initramfs mounts root=UUID=..., so a boot proves the partition, not only the kernel.
"""
import io
import os
import pathlib
import struct
import subprocess
import tarfile

BUSYBOX = "/usr/bin/busybox"  # of the package busybox-static
APPLETS = "sh mount umount insmod findfs switch_root sleep cat echo setsid cttyhack sync reboot " \
    "poweroff mkdir uname ls dd grep nproc cut sha256sum"
# loaded twice over, since which of them needs which differs between kernels
MODULES = "virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk " \
    "crc32c_generic libcrc32c crc16 mbcache jbd2 ext4"

OS_RELEASE = """\
PRETTY_NAME="Tiny test system"
NAME="Tiny"
ID=tiny
VERSION_ID="1"
"""

INITRAMFS_INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in {modules} {modules}; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko 2>/dev/null
done
for word in $(cat /proc/cmdline); do
    case $word in root=*) root=${{word#root=}} ;; esac
done
tries=0
until device=$(findfs "$root") || [ $tries -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
mount -t ext4 "$device" /root && exec switch_root /root /sbin/init
echo "TINY-FAILED: no root $root"
poweroff -f
"""

ROOT_INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo "TINY-UP $(cat /etc/hostname)"
exec setsid cttyhack sh
"""


PREF_ADDRESS = 0x258  # in the header of a bzImage (kernel: Documentation/arch/x86/boot.rst)


def loaded_low(vmlinuz):
    """The kernel, asking to be loaded where memory starts. To where it asks for otherwise, 16 MiB, the
    GRUB of a BIOS copies all of its 64 MiB byte by byte, which takes emulation seconds; the
    kernel then goes there by itself."""
    return vmlinuz[:PREF_ADDRESS] + struct.pack("<Q", 1 << 20) + vmlinuz[PREF_ADDRESS + 8:]


class Kernel:
    """A kernel and its modules, taken from the tar of a Debian. Debian 13's unpacks itself five times
    as fast as older ones, since it is packed with zstd."""

    def __init__(self, source, modules=""):
        self.files = {}
        self.signed = None  # its vmlinuz as it is, for Secure Boot
        self.version = None
        names = set(MODULES.split() + modules.split())
        decompress = ["zstd", "-dcf", str(source)]  # passes a plain tar through
        with subprocess.Popen(decompress, stdout=subprocess.PIPE) as reader, \
                tarfile.open(fileobj=reader.stdout, mode="r|") as archive:
            for member in archive:
                name = os.path.basename(member.name)
                module = name.removesuffix(".xz").removesuffix(".ko").replace("-", "_")
                if name.startswith("vmlinuz-"):
                    self.version = name.removeprefix("vmlinuz-")
                    self.signed = archive.extractfile(member).read()
                    self.files["vmlinuz"] = loaded_low(self.signed)
                elif ".ko" in name and module in names and member.isfile():
                    self.files[module] = unpacked(name, archive.extractfile(member).read())


def payload(vmlinuz):
    """The ELF that is packed in a bzImage (kernel: Documentation/x86/boot.rst, payload_offset)."""
    setup = (vmlinuz[0x1f1] or 4) + 1
    offset, length = struct.unpack_from("<II", vmlinuz, 0x248)
    packed = vmlinuz[setup * 512 + offset:setup * 512 + offset + length - 4]
    tools = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"\x02\x21\x4c\x18": "lz4"}
    tool = [tools[packed[:4]], "-dcq"]
    return subprocess.run(tool, input=packed, stdout=subprocess.PIPE, check=True).stdout


def unpacked(name, data):
    if not name.endswith(".xz"):
        return data
    return subprocess.run(["xz", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def cpio_entry(number, name, mode, data=b""):
    """One entry of a "newc" cpio archive (kernel: Documentation/driver-api/early-userspace)."""
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)


def initramfs(kernel, modules=None, script=INITRAMFS_INIT, programs=()):
    """modules: names in the order in which they load, where that is known. programs: static ones."""
    busybox = pathlib.Path(BUSYBOX).read_bytes()
    script = script.format(modules=" ".join(modules or MODULES.split())).encode()
    entries = [(folder, 0o040755, b"") for folder in
               ("bin", "dev", "proc", "sys", "root", "modules")]
    entries += [("init", 0o100755, script), ("bin/busybox", 0o100755, busybox)]
    entries += [(f"bin/{applet}", 0o120777, b"busybox") for applet in APPLETS.split()]
    entries += [(f"modules/{name}.ko", 0o100644, data) for name, data in kernel.files.items()
                if name != "vmlinuz"]
    entries += [(f"bin/{path.name}", 0o100755, path.read_bytes()) for path in programs]
    entries.append(("TRAILER!!!", 0, b""))
    return b"".join(cpio_entry(n, *entry) for n, entry in enumerate(entries, 1))


def add(archive, name, data=None, mode=0o644, link=None):
    member = tarfile.TarInfo(name)
    member.mode = mode
    member.mtime = 1700000000
    if link:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, link, 0o777
    elif data is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    else:
        member.size = len(data)
    archive.addfile(member, io.BytesIO(data or b""))


def add_base(archive, init):
    """All but the kernel, with that script as init."""
    for folder in ("bin", "boot", "dev", "etc", "proc", "run", "sbin", "sys", "tmp", "usr", "usr/lib",
                   "var"):
        add(archive, folder)
    add(archive, "usr/lib/os-release", OS_RELEASE.encode())
    add(archive, "etc/os-release", link="../usr/lib/os-release")
    add(archive, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    add(archive, "etc/shadow", b"root:*:19000:0:99999:7:::\n", 0o640)
    add(archive, "etc/group", b"root:x:0:\n")
    add(archive, "etc/hostname", b"tiny\n")
    add(archive, "sbin/init", init.encode(), 0o755)
    add(archive, "bin/busybox", pathlib.Path(BUSYBOX).read_bytes(), 0o755)
    for applet in APPLETS.split():
        add(archive, f"bin/{applet}", link="busybox")


class OtherKernel:
    """As a Kernel: one that is no Linux and has no modules."""
    version = "6.1.0-1-test"

    def __init__(self, vmlinuz):
        self.files = {"vmlinuz": vmlinuz}


SCRIPTS = INITRAMFS_INIT, ROOT_INIT


def make_image(path, kernel=None, scripts=SCRIPTS):
    """Writes the tar of a tiny Linux. Without a kernel it only looks like one, and is smaller.
    scripts: what its initramfs runs, and then its root."""
    with tarfile.open(path, "w") as archive:
        add_base(archive, scripts[1])
        if kernel is None:
            add(archive, "boot/vmlinuz-6.1.0-1-test", b"not a kernel\n" * 5000)
            add(archive, "boot/initrd.img-6.1.0-1-test", b"not an initramfs\n" * 5000)
            return
        add(archive, f"boot/vmlinuz-{kernel.version}", kernel.files["vmlinuz"])
        add(archive, f"boot/initrd.img-{kernel.version}", initramfs(kernel, script=scripts[0]))


def add_image(berth, kernel=None, scripts=SCRIPTS):
    """Makes it, and adds it to berth's store as "tiny"."""
    path = berth.home / "tiny.tar"
    make_image(path, kernel, scripts)
    berth.ok("image", "add", path, "--name", "tiny", "--unsigned")


def make_disk(berth, machine, kernel=None, scripts=SCRIPTS):
    """The disk.img in berth's home that a machine file says, whose systems are "tiny"."""
    add_image(berth, kernel, scripts)
    (berth.home / "machine.yaml").write_text(machine)
    berth.ok("apply", berth.home / "machine.yaml", "--yes")
    return berth.home / "disk.img"
