# SPDX-License-Identifier: GPL-3.0-or-later
"""berth that is killed at its work."""
import signal
import subprocess
import time


def run_and_kill(berth, seconds, *args, env=None):
    """Starts berth and kills it after that time; True when it was still at work."""
    child = subprocess.Popen([berth.binary, *map(str, args)], env={**berth.env, **(env or {})},
                             cwd=berth.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def traced(files, log):
    """What stands before a command whose writes to the files go to the log, a line each."""
    return ["strace", "-qq", "-o", log, "-e", "signal=none", "-e", "trace=pwrite64",
            *(word for file in files for word in ("-P", file))]


def run_and_kill_at(berth, number, files, *args):
    """Runs berth and kills it before it makes its write of that number, counted from 1, to one of the files;
    True when it did not come that far."""
    kill = ["-e", f"inject=pwrite64:signal=KILL:when={number}"]
    return berth(*args, prefix=[*traced(files, "/dev/null"), *kill]).returncode != -signal.SIGKILL


def when_released(run):
    """What run() says that is wrong, or None. What the killed one had started ends with it, but not at
    the same moment, and holds its lock: so it is run again as long as that is all that is wrong."""
    for _ in range(50):
        wrong = run()
        if wrong is None or "in use by another berth" not in wrong:
            break
        time.sleep(0.1)
    return wrong
