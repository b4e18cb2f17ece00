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
import tempfile

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


# installs what the packages on its command line need first: the kernels that these stand for
KERNELS_HOOK = """\
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
for package in {packages}; do
    apt-cache depends --important $package | sed -n 's/^  Depends: \\(linux-image-[0-9].*\\)/\\1/p'
done | xargs apt-get install --yes --no-install-recommends -oDPkg::Chroot-Directory="$1"
rm "$1"/boot/System.map-* "$1"/boot/config-*"""
KERNELS = {"bullseye": ("linux-image-amd64", "linux-image-cloud-amd64"),
           "bookworm": ("linux-image-cloud-amd64",), "trixie": ("linux-image-cloud-amd64",)}


def mirror(label):
    """Where this machine gets its Debian from: the archive with that label."""
    targets = subprocess.run(["apt-get", "indextargets", "--format",
                              "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return next(target.split("|")[2] for target in targets if target.startswith(f"Debian|{label}|"))


def kernels():
    """The folder with the stock kernels that are in no image, each with the initramfs that its system
    makes for it: SUITE/boot/vmlinuz-VERSION and SUITE/boot/initrd.img-VERSION."""
    def fill(folder):
        for suite, packages in KERNELS.items():
            print(f"building kernels of {suite}", flush=True)
            (folder / suite).mkdir(parents=True)
            subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", "--include=initramfs-tools,zstd",
                            f"--customize-hook={KERNELS_HOOK.format(packages=' '.join(packages))}",
                            f"--customize-hook=copy-out /boot {folder / suite}", suite, "/dev/null",
                            f"deb {mirror('Debian')} {suite} main",
                            f"deb {mirror('Debian-Security')} {suite}-security main"],
                           check=True, capture_output=True)
    return keep("kernels", digest(repr(KERNELS).encode(), KERNELS_HOOK.encode()), fill)


def make_package():
    """The path of berth's Debian package, made of this tree."""
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "deb"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
    package, = (ROOT / "build").glob("berth_*.deb")
    return package


def package_field(package, field):
    return subprocess.run(["dpkg-deb", "-f", package, field], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


# its own initramfs has only what an emulated machine needs: a quarter as much to load and to unpack
SMALL_INITRAMFS = {"etc/initramfs-tools/conf.d/small": "MODULES=list\n",
                   "usr/share/initramfs-tools/modules.d/small": "virtio_pci\nvirtio_blk\next4\n"}


def prepared(binary, depends):
    """The store with debian-12-prepared: what berth's package depends on and QEMU, but not berth, so
    that it need not be made anew with every berth."""
    base = debians(binary)
    files = {"DEBIAN/control": "Package: berth-needs\nVersion: 1\nArchitecture: amd64\n"
                               "Maintainer: nobody <nobody@localhost>\n"
                               f"Description: what berth needs\nDepends: {depends}\n", **SMALL_INITRAMFS}

    def fill(store):
        subprocess.run(["cp", "-al", base, store], check=True)
        for path, text in files.items():
            (store / "needs" / path).parent.mkdir(parents=True, exist_ok=True)
            (store / "needs" / path).write_text(text)
        subprocess.run(["dpkg-deb", "--build", store / "needs", store / "needs.deb"], check=True,
                       stdout=subprocess.DEVNULL)
        print("building debian-12 with what berth needs", flush=True)
        berth(binary, store, "image", "build", "debian-12", "--name", "debian-12-prepared",
              "--package", str(store / "needs.deb"), "--package", "qemu-system-x86")
        shutil.rmtree(store / "needs")
        (store / "needs.deb").unlink()
    return keep("prepared", digest(repr(files).encode(), recipe_digest().encode()), fill)


def install(package, archive, folder):
    """dpkg installs the package into the system in that tar, which must have all it depends on. It is
    given the system's database only: without a shell it would fail on a maintainer script, and berth
    has none. What it makes goes to the end of the tar, where the last entry of a name counts."""
    known = set(subprocess.run(["tar", "-tf", archive], check=True, stdout=subprocess.PIPE,
                               text=True).stdout.split("\n"))
    top = "./" if "./var/lib/dpkg/status" in known else ""
    root = folder / "root"
    root.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", root, "--no-same-owner", f"{top}var/lib/dpkg"],
                   check=True)
    as_root = [] if os.getuid() == 0 else ["unshare", "--map-root-user"]
    subprocess.run([*as_root, "dpkg", f"--root={root}", "--install", package], check=True,
                   stdout=subprocess.DEVNULL,
                   env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    name = package_field(package, "Package")
    info = root / "var/lib/dpkg/info"
    paths = (info / f"{name}.list").read_text().split()[1:]
    new = [f"{top}{path[1:]}" for path in paths
           if not {f"{top}{path[1:]}", f"{top}{path[1:]}/"} & known]
    new += [f"{top}{path.relative_to(root)}" for path in info.glob(f"{name}.*")]
    subprocess.run(["tar", "-rf", archive, "-C", root, "--no-recursion", "--owner=0", "--group=0",
                    "--numeric-owner", f"{top}var/lib/dpkg/status", *new], check=True)


def live(binary):
    """The store with the same images and debian-12-live, which carries berth itself."""
    package = make_package()
    base = prepared(binary, package_field(package, "Depends"))

    def fill(store):
        subprocess.run(["cp", "-al", base, store], check=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
            folder = pathlib.Path(name)
            archive = folder / "live.tar"
            subprocess.run(["zstd", "-q", "-d", blob(base, "debian-12-prepared"), "-o", archive],
                           check=True)
            install(package, archive, folder)
            berth(binary, store, "image", "add", str(archive), "--name", "debian-12-live",
                  "--unsigned")
    return keep("live", digest(package.read_bytes(), base.name.encode()), fill)


def blob(store, name):
    """The archive of an image of a store."""
    manifest = json.loads((store / "names" / f"{name}.json").read_text())
    return store / "blobs" / manifest["digest"].replace(":", "-")


if __name__ == "__main__":
    print(debians(sys.argv[1]))
    print(kernels())
    print(live(sys.argv[1]))
