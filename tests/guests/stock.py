# SPDX-License-Identifier: GPL-3.0-or-later
"""A distribution's own kernel with its own initramfs, out of the tar of a Debian or out of what
images.kernels() keeps; and the image of a system with them that says so."""
import pathlib
import subprocess
import tarfile

from guests import tiny

# what a virtual disk with an ext4 takes
DRIVERS = {"virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev",
           "virtio_blk", "ext4", "jbd2", "mbcache", "crc16", "crc32c_generic"}
LISTINGS = ("modules.dep", "modules.builtin")

ROOT_INIT = """\
#!/bin/sh
mount -t proc proc /proc
echo "ROOT-UP $(uname -r) $(grep ' / ' /proc/mounts)"
poweroff -f
"""


def module_name(path):
    return pathlib.PurePath(path).name.split(".ko")[0].replace("-", "_")


class Stock:
    """vmlinuz, initrd, version and, from a tar, `modules`: the drivers' files and the listings of all, by
    their paths in the root."""

    def __init__(self, vmlinuz, initrd, version, modules=None):
        self.vmlinuz, self.initrd, self.version = vmlinuz, initrd, version
        self.modules = modules or {}

    @classmethod
    def of_folder(cls, boot, flavour):
        """flavour: "-amd64" or "-cloud-amd64", which both may be there."""
        path, = (path for path in boot.glob(f"vmlinuz-*[0-9]{flavour}")
                 if ("cloud" in path.name) == ("cloud" in flavour))
        version = path.name.removeprefix("vmlinuz-")
        return cls(path.read_bytes(), (boot / f"initrd.img-{version}").read_bytes(), version)

    @classmethod
    def of_tar(cls, source):
        files = {}
        with subprocess.Popen(["zstd", "-dcf", source], stdout=subprocess.PIPE) as reader, \
                tarfile.open(fileobj=reader.stdout, mode="r|") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isfile() and (name.startswith("boot/") or name.endswith(LISTINGS) or
                                        (".ko" in name and module_name(name) in DRIVERS)):
                    files[name] = archive.extractfile(member).read()
        version, = (name.removeprefix("boot/vmlinuz-") for name in files
                    if name.startswith("boot/vmlinuz-"))
        return cls(files[f"boot/vmlinuz-{version}"], files[f"boot/initrd.img-{version}"], version,
                   {name: data for name, data in files.items() if "/modules/" in name})


def entries(initrd):
    """The entries of its archives, (path, mode, content), and what is packed behind the plain ones."""
    at, found = 0, []
    while at < len(initrd):
        if initrd[at] == 0:
            at += 1
            continue
        if initrd[at:at + 6] != b"070701":
            break
        mode, size, name = (int(initrd[at + place:at + place + 8], 16) for place in (14, 54, 94))
        path = initrd[at + 110:at + 110 + name - 1].decode()
        start = (at + 110 + name + 3) & ~3
        if path != "TRAILER!!!":
            found.append((path, mode, initrd[start:start + size]))
        at = (start + size + 3) & ~3
    return found, initrd[at:]


def archive(found):
    listed = [*found, ("TRAILER!!!", 0, b"")]
    made = b"".join(tiny.cpio_entry(number, *entry) for number, entry in enumerate(listed, 1))
    return made + bytes(-len(made) % 512)


def without_drivers(initrd):
    """As on hardware that needs none of them (MODULES=dep): no file of theirs, and nobody who looks for
    one by the hardware's name finds it. What was packed with zstd is again."""
    def stays(path):
        return not (".ko" in path and module_name(path) in DRIVERS) and \
            not pathlib.PurePath(path).name.startswith(("modules.dep", "modules.alias"))

    plain, packed = entries(initrd)
    made = archive([entry for entry in plain if stays(entry[0])]) if plain else b""
    if packed:
        inner = subprocess.run(["zstd", "-dcq"], input=packed, stdout=subprocess.PIPE,
                               check=True).stdout
        kept = archive([entry for entry in entries(inner)[0] if stays(entry[0])])
        made += subprocess.run(["zstd", "-1cq"], input=kept, stdout=subprocess.PIPE, check=True).stdout
    return made


def make_image(path, stock, initrd):
    """The tar of a small system with that kernel and initramfs."""
    with tarfile.open(path, "w") as tar:
        tiny.add_base(tar, ROOT_INIT)
        tiny.add(tar, f"boot/vmlinuz-{stock.version}", stock.vmlinuz)
        tiny.add(tar, f"boot/initrd.img-{stock.version}", initrd)
        tiny.add(tar, "lib", link="usr/lib")
        for name, data in stock.modules.items():
            tiny.add(tar, name, data)
