# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine for tests of real block devices: a stock Debian kernel, this computer's own tools, and
scratch disks with serial numbers. It has no systemd and no udev, and is up in seconds.

Its root is a small ext4 with busybox, the berth under test and each tool with the libraries that
ldd names; kernel modules are on a disk of their own, made once, and are loaded when the kernel asks
for them. Whatever a test writes outside the scratch disks is gone with the machine.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import warnings

import images
from boot.vm import StoodStill, VM, VMError
from disks import fingerprint
from guests import tiny
from program import BERTH

TOOLS = "dash lvm mdadm cryptsetup dmsetup losetup mount umount swapon swapoff mkswap blkid " \
    "sfdisk sgdisk wipefs blkdiscard blockdev flock unshare make-bcache mke2fs e2fsck resize2fs tune2fs " \
    "debugfs mkfs.vfat fsck.vfat mkfs.btrfs btrfs mkfs.xfs xfs_repair xfs_growfs xfs_db mkntfs " \
    "ntfsfix ntfsresize ntfs-3g.probe grub-fstest ip passt setpriv"
NAMES = {"mke2fs": "mkfs.ext4", "mkntfs": "mkfs.ntfs"}  # further names of some
APPLETS = "awk cat chmod cmp cp cut date dd df echo env expr false find grep head hexdump kill ln " \
    "ls mkdir mkfifo mknod modprobe mv nc od poweroff printf ps readlink reboot rm rmdir sed seq setsid " \
    "sha256sum sleep sort stat stty switch_root sync tail tee test timeout touch tr true truncate " \
    "uname wc xargs yes"
# what the root needs before modprobe is there
EARLY = "virtio_pci virtio_blk ext4 crc32c_generic"
# where in the kernel's tree there is what the tests use
TREES = ("arch", "block", "crypto", "drivers/block", "drivers/char/hw_random", "drivers/crypto/ccp",
         "drivers/dax", "drivers/md", "drivers/net/dummy", "drivers/net/tun", "drivers/scsi/scsi_",
         "drivers/scsi/sd_mod", "drivers/scsi/virtio_scsi", "drivers/virtio", "fs", "lib", "virt")

INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in $(/bin/busybox cat /modules/order); do
    /bin/busybox insmod /modules/$module
done
until /bin/busybox mount -t ext4 -o ro /dev/vda /root 2>/dev/null; do /bin/busybox sleep 0.1; done
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""

ROOT_INIT = """\
#!/bin/dash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TERM=dumb LC_ALL=C.UTF-8
export BERTH_STORE=/tmp/store BERTH_STATE=/tmp/state BERTH_RUNTIME=/run/berth
# nobody answers for udev: the tools make their nodes themselves
export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1
mount -t proc proc /proc
mount -t sysfs sys /sys
for folder in /tmp /run /var /mnt; do mount -t tmpfs tmp $folder; done
mkdir -p /run/lock /run/cryptsetup /var/tmp /dev/mapper
mount -t ext4 -o ro /dev/vdb /lib/modules
modprobe loop
modprobe dm_mod
cd /tmp
stty -echo
exec setsid -c dash -i
"""

PASSWD = """\
root:x:0:0::/tmp:/bin/dash
nobody:x:65534:65534::/:/bin/false
"""

LVM_CONF = """\
devices { obtain_device_list_from_udev = 0 external_device_info_source = "none" }
backup { backup = 0 archive = 0 }
activation { udev_sync = 0 udev_rules = 0 verify_udev_operations = 1 monitoring = 0 }
"""


def which(tool):
    path = shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        raise RuntimeError(f"{tool} is not installed; scripts/deps installs what the tests need")
    return path


def libraries(program):
    """The files that the program is linked with, loader included."""
    told = subprocess.run(["ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {word for line in told.splitlines() for word in line.split() if word.startswith("/")}


def make_ext4(path, folder, size):
    with open(path, "wb") as image:
        image.truncate(size)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", folder, path],
                   check=True)


def closure(dependencies, names):
    """The modules with what they need, in the order in which they load; a path each."""
    by_name = {pathlib.Path(path).stem.replace("-", "_"): path for path in dependencies}
    order = []
    for name in names:
        if name not in by_name:
            continue  # built into this kernel
        for path in [*reversed(dependencies[by_name[name]]), by_name[name]]:
            if path not in order:
                order.append(path)
    return order


def make_kernel(source, folder):
    """Takes the stock kernel out of the tar of a Debian: vmlinuz, vmlinux, initrd, modules.img."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    with subprocess.Popen(["zstd", "-dcf", source], stdout=subprocess.PIPE) as reader, \
            tarfile.open(fileobj=reader.stdout, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if name.startswith("boot/vmlinuz-"):
                version = name.removeprefix("boot/vmlinuz-")
                packed = archive.extractfile(member).read()
                (folder / "vmlinuz").write_bytes(tiny.loaded_low(packed))
                (folder / "vmlinux").write_bytes(tiny.payload(packed))
            elif name.startswith("usr/lib/modules/") and member.isfile() and wanted(name):
                target = tree / name.removeprefix("usr/lib/modules/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.extractfile(member).read())
    make_ext4(folder / "modules.img", tree, 256 << 20)
    (folder / "initrd").write_bytes(initrd(tree / version))
    shutil.rmtree(tree)


def wanted(name):
    parts = name.split("/", 5)  # usr lib modules VERSION kernel REST
    return "/modules." in name or \
        (len(parts) == 6 and parts[4] == "kernel" and parts[5].startswith(TREES))


def initrd(modules):
    dependencies = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, needs = line.split(":")
        dependencies[path] = needs.split()
    order = closure(dependencies, EARLY.split())
    entries = [(folder, 0o040755, b"") for folder in ("bin", "dev", "modules", "proc", "root")]
    entries += [("init", 0o100755, INIT.encode()),
                ("bin/busybox", 0o100755, pathlib.Path(tiny.BUSYBOX).read_bytes()),
                ("modules/order", 0o100644,
                 "".join(f"{pathlib.Path(path).name}\n" for path in order).encode())]
    entries += [(f"modules/{pathlib.Path(path).name}", 0o100644, (modules / path).read_bytes())
                for path in order]
    entries.append(("TRAILER!!!", 0, b""))
    return b"".join(tiny.cpio_entry(n, *entry) for n, entry in enumerate(entries, 1))


def kernel():
    """The folder of the cache with the kernel; made when missing."""
    source = images.blob(images.debians(BERTH), "debian-12")
    key = images.digest(source.name.encode(), pathlib.Path(__file__).read_bytes())
    return images.keep("devices", key, lambda folder: make_kernel(source, folder))


def named_libraries(program):
    """The libraries whose names are in the program's text: those that it opens when it needs them."""
    known = subprocess.run([which("ldconfig"), "-p"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout
    paths = dict(re.findall(r"^\t(\S+) .*x86-64.* => (\S+)$", known, re.MULTILINE))
    names = re.findall(rb"lib[\w.+-]+\.so\.\d+(?=\0)", pathlib.Path(program).read_bytes())
    return {paths[name.decode()] for name in names if name.decode() in paths}


def add_file(root, path, target):
    place = root / str(target).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copy(path, place)


def add_program(root, path, name=None, folder="usr/bin"):
    add_file(root, path, f"{folder}/{name or pathlib.Path(path).name}")
    for library in libraries(path):
        add_file(root, library, library)


def make_root(folder, content=None):
    """The root's image: tools, in /berth what the build folder has beside the program, and what is in
    the folder `content` in /content."""
    root = folder / "root"
    for name in ("dev", "etc/lvm", "lib/modules", "mnt", "proc", "run", "sbin", "sys", "tmp",
                 "usr/bin", "usr/sbin", "var"):
        (root / name).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    for tool in TOOLS.split():
        add_program(root, which(tool), tool)
        if tool in NAMES:
            (root / "usr/bin" / NAMES[tool]).symlink_to(tool)
    shutil.copy(tiny.BUSYBOX, root / "usr/bin/busybox")
    for applet in APPLETS.split():
        (root / "usr/bin" / applet).symlink_to("busybox")
    (root / "sbin/modprobe").symlink_to("/usr/bin/busybox")
    add_program(root, BERTH, folder="berth")
    for library in named_libraries(BERTH):
        add_file(root, library, library)
        for needed in libraries(library):
            add_file(root, needed, needed)
    for library in pathlib.Path(BERTH).parent.glob("berth-*.so"):
        add_program(root, library, folder="berth")
    for program in ("berth-monitor", "berth-keeper"):  # which are linked with nothing
        shutil.copy(pathlib.Path(BERTH).parent / program, root / "berth")
    (root / "usr/bin/berth").symlink_to("/berth/berth")
    add_program(root, pathlib.Path(BERTH).parent / "tests/disk_nodes")
    if content is not None:
        shutil.copytree(content, root / "content", symlinks=True)
    (root / "sbin/init").write_text(ROOT_INIT)
    (root / "sbin/init").chmod(0o755)
    (root / "etc/lvm/lvm.conf").write_text(LVM_CONF)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/mtab").symlink_to("/proc/self/mounts")
    make_ext4(folder / "root.img", root, 512 << 20)
    shutil.rmtree(root)
    return folder / "root.img"


def blank_disk(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def attach(name, path, serial, options=""):
    return ["-drive", f"file={path},format=raw,if=none,id={name},cache=unsafe,discard=unmap{options}",
            "-device", f"virtio-blk-pci,drive={name},serial={serial}"]


def attach_scsi(path, wwn):
    """A disk with a WWN and no serial number; /dev/sda once virtio_scsi and sd_mod are loaded."""
    return ["-device", "virtio-scsi-pci,id=scsi",
            "-drive", f"file={path},format=raw,if=none,id=numbered,cache=unsafe",
            "-device", f"scsi-hd,bus=scsi.0,drive=numbered,wwn={wwn:#x}"]


BEGIN = "export PS1=; mkdir -p /tmp/state /tmp/store"


class Machine:
    """with Machine(folder, {"alpha": path}) as machine: machine.ok("berth disk show /dev/vdc")

    disks: the file of each serial number; they are /dev/vdc and on, in that order. What is in the
    folder `content` is in /content. Files made in `folder` go with it. more: further
    words for QEMU. prepare: commands that follow each start; where they are given, a command that the
    machine does not answer, since it stands still, is given once more after another start: all that
    it shares with the one before are its disks.
    """

    def __init__(self, folder, disks, content=None, cpu=None, memory=1024, more=(), prepare=None):
        stock = kernel()
        self.disks, self.prepare = disks, prepare
        extra = ["-kernel", stock / "vmlinux", "-initrd", stock / "initrd",
                 "-append", "console=ttyS0 quiet loglevel=1 panic=-1", "-no-reboot",
                 *more,
                 *attach("modules", stock / "modules.img", "modules", ",readonly=on")]
        for serial, path in disks.items():
            extra += attach(serial, path, serial)
        root = make_root(folder, content)
        self.start = lambda: VM(root, snapshot=True, cpu=cpu, memory=memory, screen=False,
                                extra=[str(word) for word in extra])
        self.vm = self.start()

    def __enter__(self):
        try:
            self.vm.expect("# ", 120)
        except VMError as error:  # the kernel itself did not come up, with nothing of berth's running
            self.begin_anew(error)
        self.begin()
        return self

    def begin(self):
        self.vm.shell(BEGIN, 60)
        for command in self.prepare or ():
            status, output = self.vm.shell(f"{{ {command}; }} 2>&1 </dev/null", 60)
            assert status == 0, f"{command}: status {status}\n{output}"

    def begin_anew(self, error):
        warnings.warn(f"begun anew: {error}")
        self.vm.close()
        self.vm = self.start()
        self.vm.expect("# ", 120)

    def __exit__(self, *_):
        self.vm.close()

    def __call__(self, command, timeout=60):
        """Runs a command of the shell; returns (status, output)."""
        words = f"{{ {command}; }} 2>&1 </dev/null"
        try:
            return self.vm.shell(words, timeout)
        except StoodStill as error:
            if self.prepare is None:
                raise
            self.begin_anew(error)
            self.begin()
            return self.vm.shell(words, timeout)

    def ok(self, command, timeout=60):
        """Runs it, expects status 0, and returns what it printed."""
        status, output = self(command, timeout)
        assert status == 0, f"{command}: status {status}\n{output}"
        return output.strip()

    def json(self, command):
        """What `berth --json COMMAND` prints, parsed."""
        return json.loads(self.ok(f"berth --json {command}"))

    def fingerprint(self, serial):
        """A digest of all that is on a disk now, made out here, where it is fast."""
        self.ok("sync")
        return fingerprint(self.disks[serial])

    def blank(self, node):
        """Makes the disk all zeros, and the kernel forget its partitions."""
        self.ok(f"blkdiscard -z {node} && blockdev --rereadpt {node}")

    def refused(self, command, *words, status=3):
        """Runs it and expects that status, and every one of the words in what it prints."""
        got, output = self(command)
        assert got == status, f"{command}: status {got}\n{output}"
        for word in words:
            assert word in output, f"{command}: no {word!r} in\n{output}"
        return output
