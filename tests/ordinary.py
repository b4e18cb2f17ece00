# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary user: no root, no capability, no group, and a folder to work in."""
import os
import pathlib
import shutil
import subprocess

from program import BERTH, Berth

ORDINARY = 65534  # the uid and gid that own nothing
AS_ORDINARY = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups",
               "--bounding-set=-all", "--no-new-privs"] if os.getuid() == 0 else []


def with_kvm():
    """AS_ORDINARY, in the group that may open /dev/kvm where not everybody may."""
    status = os.stat("/dev/kvm")
    groups = "--clear-groups" if status.st_mode & 0o006 == 0o006 else f"--groups={status.st_gid}"
    return [groups if word == "--clear-groups" else word for word in AS_ORDINARY]


def make_home(folder):
    """Makes a folder that is the ordinary user's, with a way to it."""
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, ORDINARY, ORDINARY)
        for above in folder.parents[:3]:
            above.chmod(above.stat().st_mode | 0o011)
    return folder


class OrdinaryBerth(Berth):
    """berth as a user without any privilege, in a folder of its own that only it needs. kvm: one who may
    use /dev/kvm, with what that takes. prefix: words in front."""

    def __init__(self, home, store=None, kvm=False, prefix=()):
        self.prefix = [*prefix, *(with_kvm() if kvm else AS_ORDINARY)]
        for name in ("berth", "berth-overlay.so", *(("berth-monitor", "berth-keeper") if kvm else ())):
            shutil.copy(pathlib.Path(BERTH).parent / name, home)
        super().__init__(home, binary=str(home / "berth"), store=home / "store")
        self.env["HOME"] = str(home)
        if store is not None:
            self.share(home, store)

    @staticmethod
    def share(home, store):
        # images never change, so the cache's may be shared; the user must be able to reach them
        if subprocess.run(["cp", "-al", store, home / "store"], capture_output=True).returncode:
            shutil.rmtree(home / "store", ignore_errors=True)
            subprocess.run(["cp", "-a", store, home / "store"], check=True)
        subprocess.run(["chmod", "-R", "a+rX", home / "store"], check=True)

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, prefix=self.prefix, **kwargs)
