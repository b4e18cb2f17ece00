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


class OrdinaryBerth(Berth):
    """berth as a user without any privilege, in a folder of its own that only it needs."""

    def __init__(self, home, store):
        shutil.copy(BERTH, home / "berth")
        shutil.copy(pathlib.Path(BERTH).parent / "berth-overlay.so", home)
        super().__init__(home, binary=str(home / "berth"), store=home / "store")
        self.env["HOME"] = str(home)
        # images never change, so the cache's may be shared; the user must be able to reach them
        if subprocess.run(["cp", "-al", store, home / "store"], capture_output=True).returncode:
            shutil.rmtree(home / "store", ignore_errors=True)
            subprocess.run(["cp", "-a", store, home / "store"], check=True)
        subprocess.run(["chmod", "-R", "a+rX", home / "store"], check=True)

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, prefix=AS_ORDINARY, **kwargs)
