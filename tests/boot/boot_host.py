# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a small host that carries berth: a stock kernel with the modules it needs, busybox, the
berth under test and e2fsprogs, each with its libraries. It boots from the disk that berth makes of it,
and is up in seconds."""
import pathlib
import shutil
import subprocess
import tarfile
import types

from boot import devices
from guests import tiny
from program import BERTH

TOOLS = "dash e2fsck resize2fs mount umount"
APPLETS = devices.APPLETS + " find insmod findfs setsid mount umount cttyhack"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
OPENED = ("libarchive.so.13", "libmount.so.1")  # by berth, when it needs them
MODULES = "vfat nls_cp437 nls_ascii nls_iso8859_1 nls_utf8 virtio_rng"

ROOT_INIT = """\
#!/bin/dash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TERM=dumb LC_ALL=C.UTF-8
export BERTH_STATE=/tmp/state
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for folder in /tmp /run; do mount -t tmpfs tmp $folder; done
mount -o remount,rw /
echo "HOST-UP $(cat /etc/hostname)"
stty -echo
exec setsid -c dash -i
"""


def stock_modules(folder):
    """The modules' tree of the stock kernel; returns it with the kernel's version."""
    subprocess.run(["debugfs", "-R", f"rdump / {folder}", devices.kernel() / "modules.img"],
                   check=True, capture_output=True)
    shutil.rmtree(folder / "lost+found", ignore_errors=True)
    tree, = folder.iterdir()
    return tree


def dependencies(tree):
    lines = (tree / "modules.dep").read_text().splitlines()
    return {path: needs.split() for path, needs in (line.split(":") for line in lines)}


def add_modules(root, tree, more):
    """Those that the host uses, and what lists all of them."""
    target = root / "usr/lib/modules" / tree.name
    names = [*devices.EARLY.split(), *MODULES.split(), *more]
    for path in devices.closure(dependencies(tree), names):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree / path, target / path)
    for listing in tree.glob("modules.*"):
        shutil.copy(listing, target)


def host_initramfs(tree):
    """tiny's, with the modules of this kernel."""
    order = devices.closure(dependencies(tree), devices.EARLY.split())
    files = {pathlib.Path(path).stem.replace("-", "_"): (tree / path).read_bytes() for path in order}
    return tiny.initramfs(types.SimpleNamespace(files=files), list(files))


def fill(root, tree, tools, modules):
    for name in ("boot", "dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/sbin", "usr/lib"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "lib64").symlink_to("usr/lib64")
    (root / "usr/lib64").mkdir()
    for tool in (*TOOLS.split(), *tools):
        devices.add_program(root, devices.which(tool), tool)
    devices.add_program(root, BERTH, folder="usr/bin")
    devices.add_program(root, pathlib.Path(BERTH).parent / "berth-overlay.so", folder="usr/bin")
    for library in OPENED:
        devices.add_program(root, f"{LIBRARIES}/{library}", folder=LIBRARIES[1:])
    shutil.copy(tiny.BUSYBOX, root / "usr/bin/busybox")
    for applet in set(APPLETS.split()) - {*TOOLS.split(), *tools}:
        (root / "usr/bin" / applet).symlink_to("busybox")
    (root / "usr/sbin/modprobe").symlink_to("/usr/bin/busybox")
    (root / "usr/sbin/init").write_text(ROOT_INIT)
    (root / "usr/sbin/init").chmod(0o755)
    (root / "usr/lib/os-release").write_text(tiny.OS_RELEASE)
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/shadow").write_text("root:*:19000:0:99999:7:::\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/mtab").symlink_to("/proc/self/mounts")
    shutil.copy(devices.kernel() / "vmlinuz", root / f"boot/vmlinuz-{tree.name}")
    (root / f"boot/initrd.img-{tree.name}").write_bytes(host_initramfs(tree))
    add_modules(root, tree, modules)


def make_image(folder, name, tools=(), modules=()):
    """Writes the tar of the host below folder, and returns its path; tools, modules: what else it has."""
    root, tree = folder / "host-root", folder / "host-modules"
    root.mkdir()
    tree.mkdir()
    fill(root, stock_modules(tree), tools, modules)
    archive = folder / name
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=owned_by_root)
    shutil.rmtree(root)
    shutil.rmtree(tree)
    return archive


def owned_by_root(member):
    member.uid = member.gid = 0
    return member
