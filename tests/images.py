#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real images for the tests, made once and kept outside the clone.

A store below ${BERTH_TEST_CACHE:-~/.cache/berth-test} is named by a digest of all that goes into
its images, and appears whole or not at all; so a changed recipe makes a new one, and nothing else
does. Called as a program with the path of berth, makes what is missing and says "building ..." then.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECIPES = ("debian-12", "debian-13")


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("BERTH_TEST_CACHE") or pathlib.Path(base) / "berth-test")


def digest(*contents):
    total = hashlib.sha256()
    for content in contents:
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:16]


def recipe_digest():
    return digest(*((ROOT / "src/images/recipes" / f"{recipe}.yaml").read_bytes()
                    for recipe in RECIPES))


def berth(binary, store, *arguments):
    done = subprocess.run([binary, *arguments], env={**os.environ, "BERTH_STORE": str(store)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"berth {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def keep(kind, key, fill):
    """The folder KIND-KEY of the cache; when missing, fill(folder) makes its content. Older ones of
    that kind go."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = cache / f"{kind}-{key}"
        if folder.exists():
            return folder
        partial = cache / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        fill(partial)
        for old in cache.glob(f"{kind}-*"):
            shutil.rmtree(old)
        partial.rename(folder)
        return folder


def debians(binary):
    """The store with the images debian-12 and debian-13."""
    def fill(store):
        for recipe in RECIPES:
            print(f"building {recipe}", flush=True)
            berth(binary, store, "image", "build", recipe, "--name", recipe)
    return keep("debians", recipe_digest(), fill)


def live(binary):
    """The store with the same images and debian-12-live, which carries berth itself."""
    base = debians(binary)
    subprocess.run(["make", "-s", "deb"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
    package, = (ROOT / "build").glob("berth_*.deb")

    def fill(store):
        subprocess.run(["cp", "-al", base, store], check=True)
        print("building debian-12 with berth inside", flush=True)
        berth(binary, store, "image", "build", "debian-12", "--name", "debian-12-live",
              "--package", str(package), "--package", "qemu-system-x86")
    return keep("live", digest(package.read_bytes(), recipe_digest().encode()), fill)


def blob(store, name):
    """The archive of an image of a store."""
    manifest = json.loads((store / "names" / f"{name}.json").read_text())
    return store / "blobs" / manifest["digest"].replace(":", "-")


if __name__ == "__main__":
    print(debians(sys.argv[1]))
    print(live(sys.argv[1]))
