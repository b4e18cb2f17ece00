# SPDX-License-Identifier: GPL-3.0-or-later
"""berth image: what gets into the store, what is refused, and what a store never does."""
import hashlib
import io
import json
import signal
import subprocess
import tarfile
import time

import pytest


MAGICS = {
    "qcow2": b"QFI\xfb",
    "vmdk": b"KDMV",
    "vhdx": b"vhdxfile",
    "wim": b"MSWIM\0\0\0",
    "squashfs": b"hsqs",
    "zip": b"PK\x03\x04",
    "iso9660": bytes(32769) + b"CD001",
    "raw disk (GPT)": bytes(512) + b"EFI PART",
    "raw disk (MBR)": bytes(510) + b"\x55\xaa",
}
ELF_AMD64 = b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x3e\0" + bytes(44)


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def tiny(tmp_path):
    """A tar that looks like a Debian of two files and a kernel."""
    return write_tar(tmp_path / "tiny.tar", {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian tiny"\n',
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "bin/sh": ELF_AMD64,
        "boot/vmlinuz-6.1.0-9-amd64": b"kernel" * 1000,
    })


def everything(store):
    return {str(path.relative_to(store)): path.read_bytes()
            for path in sorted(store.rglob("*")) if path.is_file()}


def test_an_added_image_is_what_its_content_says(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    image = berth.json("image", "show", "one")["image"]
    assert image["family"] == "linux"
    assert image["os"] == "Debian tiny"
    assert image["version"] == "12"
    assert image["architecture"] == "amd64"
    assert image["kernel"] == "6.1.0-9-amd64"
    assert image["signature"] == "unsigned"
    assert image["bytes"] == tiny.stat().st_size
    assert image["inodes"] == 4
    assert image["content-bytes"] >= 3 * 4096 + 8192


def test_the_blob_is_the_source_byte_for_byte(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    digest = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert berth.json("image", "show", "one")["image"]["digest"] == f"sha256:{digest}"
    store = berth.home / "store"
    assert (store / "blobs" / f"sha256-{digest}").read_bytes() == tiny.read_bytes()


@pytest.mark.parametrize("compression", ["gz", "xz", "bz2"])
def test_compressed_tars_are_read(berth, tmp_path, compression):
    source = write_tar(tmp_path / "source", {"etc/debian_version": b"12.5\n"}, f"w:{compression}")
    berth.ok("image", "add", source, "--name", "small", "--unsigned")
    assert berth.json("image", "show", "small")["image"]["family"] == "linux"


def test_without_a_signature_nothing_is_taken(berth, tiny):
    done = berth("image", "add", tiny, "--name", "one")
    assert done.returncode == 5
    assert "no signature to check" in done.stderr
    assert "hint: --unsigned" in done.stderr
    assert not (berth.home / "store").exists()


@pytest.mark.parametrize("name", MAGICS)
def test_other_formats_are_refused_by_name(berth, tmp_path, name):
    source = tmp_path / "image"
    source.write_bytes(MAGICS[name].ljust(1 << 17, b"\0"))
    done = berth("image", "add", source, "--name", "one", "--unsigned")
    assert done.returncode == 2
    assert f"{name} image is not supported yet" in done.stderr


@pytest.mark.parametrize("content", [b"", b"hello\n" * 1000, bytes(10240)])
def test_what_is_no_archive_leaves_nothing(berth, tmp_path, content):
    source = tmp_path / "image"
    source.write_bytes(content)
    done = berth("image", "add", source, "--name", "one", "--unsigned")
    assert done.returncode in (1, 2)
    assert str(source) in done.stderr
    assert not list((berth.home / "store").glob("*/*"))
    assert not list((berth.home / "store").glob("*/.*"))


def test_a_cut_archive_is_refused(berth, tiny, tmp_path):
    cut = tmp_path / "cut.tar"
    cut.write_bytes(tiny.read_bytes()[:5000])
    done = berth("image", "add", cut, "--name", "one", "--unsigned")
    assert done.returncode == 1
    assert berth.json("image", "list")["images"] == []


def test_a_name_never_changes_what_it_stands_for(berth, tiny, tmp_path):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    before = everything(berth.home / "store")
    other = write_tar(tmp_path / "other.tar", {"etc/debian_version": b"13\n"})
    done = berth("image", "add", other, "--name", "one", "--unsigned")
    assert done.returncode == 3
    assert "hint: " in done.stderr and "--name" in done.stderr
    assert everything(berth.home / "store") == before


def test_the_same_image_again_changes_nothing(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    before = everything(berth.home / "store")
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    assert everything(berth.home / "store") == before


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../a", "Upper", "x" * 64])
def test_names_that_could_leave_the_store_are_refused(berth, tiny, name):
    assert berth("image", "add", tiny, "--name", name, "--unsigned").returncode == 2
    assert not (berth.home / "store").exists()


def test_two_at_once_both_arrive(berth, tiny):
    argv = [berth.binary, "image", "add", str(tiny), "--unsigned", "--name"]
    running = [subprocess.Popen([*argv, f"n{i}"], env=berth.env, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE) for i in range(4)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    names = [image["name"] for image in berth.json("image", "list")["images"]]
    assert names == ["n0", "n1", "n2", "n3"]
    assert len(list((berth.home / "store/blobs").iterdir())) == 1


def test_a_dead_draft_is_cleared_away(berth, tiny):
    blobs = berth.home / "store/blobs"
    blobs.mkdir(parents=True)
    (blobs / ".draft-dead01").write_bytes(b"half an image")
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    assert not (blobs / ".draft-dead01").exists()


def test_a_path_is_an_image_too(berth, tiny):
    assert berth.json("image", "show", tiny)["image"]["os"] == "Debian tiny"
    assert not (berth.home / "store").exists()


def test_an_unknown_image_is_status_4(berth):
    done = berth("image", "show", "nobody")
    assert done.returncode == 4
    assert "nobody" in done.stderr


def test_a_lost_blob_is_told_before_anything_is_planned(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    for blob in (berth.home / "store/blobs").iterdir():
        blob.unlink()
    assert berth("image", "show", "one").returncode == 4


MACHINE = """\
berth: 1
name: verify
disk: {path: disk.img, size: 128MiB}
partitions:
  - {name: esp, type: esp, size: 40MiB}
  - {name: bios, type: bios-boot, size: 1MiB}
host:
  name: main
  image: one
  root: {size: 16MiB, fs: ext4}
"""


@pytest.mark.parametrize("place", ["inside", "behind the end"])
def test_a_damaged_image_is_never_installed(berth, tiny, place):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    blob, = (berth.home / "store/blobs").iterdir()
    blob.chmod(0o644)
    with open(blob, "r+b") as damaged:
        damaged.seek(5000 if place == "inside" else -1, 0 if place == "inside" else 2)
        damaged.write(b"!")
    (berth.home / "machine.yaml").write_text(MACHINE)
    done = berth("apply", "machine.yaml", "--yes")
    assert done.returncode == 5, done.stderr
    assert "is damaged" in done.stderr
    assert not (berth.home / "disk.img").exists()


def test_a_manifest_of_a_newer_berth_is_not_guessed_at(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    manifest = berth.home / "store/names/one.json"
    content = json.loads(manifest.read_text())
    content["berth-image"] = 2
    manifest.write_text(json.dumps(content))
    done = berth("image", "show", "one")
    assert done.returncode == 2
    assert "newer berth" in done.stderr


def test_the_list_is_a_table(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "one", "--unsigned")
    head, row = berth.ok("image", "list").splitlines()
    assert head.split()[:3] == ["NAME", "FAMILY", "SYSTEM"]
    assert row.startswith("one ")


# ---- recipes ----

RECIPE = """\
recipe: 1
name: mine
distribution: debian
suite: bookworm
components: [main]
variant: minbase
packages: [systemd-sysv]
"""


@pytest.mark.parametrize("change, expected", [
    (("suite:", "sweet:"), ":4:1: unknown key \"sweet\""),
    (("packages: [systemd-sysv]", "packages: nothing"), ":7:11: \"packages\" must be a list"),
    (("[systemd-sysv]", "[a, 'b c']"), ":7:15: \"packages\" must hold single words"),
    (("name: mine", "name: mine\nname: other"), ":3:1: \"name\" stands twice"),
    (("recipe: 1", "recipe: 2"), ":1:9: expected recipe: 1"),
    (("distribution: debian", "distribution: haiku"), "\"haiku\" is not supported"),
    (("suite: bookworm", "suite: --help"), "\"suite\" is missing or not a single word"),
])
def test_a_wrong_recipe_is_told_at_its_place(berth, tmp_path, change, expected):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE.replace(*change))
    done = berth("--dry-run", "image", "build", recipe)
    assert done.returncode == 2
    assert expected in done.stderr


def test_an_unknown_recipe_names_those_there_are(berth):
    done = berth("image", "build", "debian-99")
    assert done.returncode == 4
    assert "debian-12" in done.stderr


def test_a_dry_run_shows_the_command_and_no_host_of_ours(berth):
    text = berth.ok("--dry-run", "image", "build", "debian-12", "--package", "vim")
    assert text.startswith("mmdebstrap\n")
    assert "--include=vim" in text
    assert "--include=grub" not in text
    assert not (berth.home / "store").exists()


def test_nothing_is_built_for_a_name_that_is_taken(berth, tiny):
    berth.ok("image", "add", tiny, "--name", "debian-12", "--unsigned")
    done = berth("image", "build", "debian-12")
    assert done.returncode == 3
    assert "--name" in done.stderr


@pytest.fixture
def slow_tool(tmp_path):
    """A folder with an mmdebstrap that gives some bytes and then takes its time."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "mmdebstrap"
    tool.write_text("#!/bin/sh\ntrap 'exit 1' TERM INT\nhead -c 100000 /dev/zero\n"
                    f"touch {tmp_path}/started\nwhile :; do sleep 0.1; done\n")
    tool.chmod(0o755)
    return folder


def test_an_interrupted_build_leaves_no_half_image(berth, tmp_path, slow_tool):
    env = {**berth.env, "PATH": f"{slow_tool}:{berth.env['PATH']}"}
    process = subprocess.Popen([berth.binary, "image", "build", "debian-12"], env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not (tmp_path / "started").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    store = berth.home / "store"
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["lock"]


def test_a_failed_build_says_the_tools_last_words(berth, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mmdebstrap").write_text(
        "#!/bin/sh\nfor a; do case $a in --logfile=*) log=${a#*=};; esac; done\n"
        "echo 'E: the mirror is on fire' >$log\nexit 25\n")
    (folder / "mmdebstrap").chmod(0o755)
    done = berth("image", "build", "debian-12", env={"PATH": f"{folder}:{berth.env['PATH']}"})
    assert done.returncode == 1
    assert "the mirror is on fire" in done.stderr
    assert berth.json("image", "list")["images"] == []
