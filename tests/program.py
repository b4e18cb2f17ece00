# SPDX-License-Identifier: GPL-3.0-or-later
"""The program under test, run in a world of its own.

Invariant: no test reads or writes the store, state or sockets of the person who runs it.
"""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BERTH = os.environ.get("BERTH_BINARY", str(ROOT / "build/berth"))
BUILD = pathlib.Path(BERTH).parent


class Berth:
    """Runs berth with the store, state and runtime folders below `home`."""

    def __init__(self, home, binary=BERTH, store=None):
        self.home = pathlib.Path(home)
        self.binary = binary
        self.env = {
            **os.environ,
            "BERTH_STORE": str(store or self.home / "store"),
            "BERTH_STATE": str(self.home / "state"),
            "BERTH_RUNTIME": str(self.home / "runtime"),
            "LC_ALL": "C.UTF-8",
        }

    def __call__(self, *args, env=None, timeout=120, prefix=(), cwd=None):
        """Runs to the end and returns the CompletedProcess, text captured."""
        argv = [*prefix, self.binary, *map(str, args)]
        return subprocess.run(argv, env={**self.env, **(env or {})}, cwd=cwd or self.home,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout)

    def ok(self, *args, **kwargs):
        """Runs, expects status 0, and returns standard output."""
        done = self(*args, **kwargs)
        assert done.returncode == 0, f"berth {' '.join(map(str, args))}: " \
            f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *args, **kwargs):
        """Runs with --json, expects status 0, and returns the parsed answer."""
        return json.loads(self.ok("--json", *args, **kwargs))
