# SPDX-License-Identifier: GPL-3.0-or-later
"""repart.d folders: berth and Debian's systemd-repart make the same partitions of the same files."""
import json
import os
import random
import subprocess

import pytest

import disks
import wanted

SEED = "8d5a2f0e-3c41-4b8e-9a67-1f2e3d4c5b6a"
MIB = 1 << 20
TYPES = ["esp", "xbootldr", "swap", "home", "srv", "var", "tmp", "root", "usr", "root-x86-64-verity",
         "root-arm64", "linux-generic", "user-home", "21686148-6449-6e6f-744e-656564454649"]
ATTRIBUTES = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}


def write(folder, files):
    """Makes the folder with {name: text of [Partition]}."""
    folder.mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("[Partition]\n" + text)
    return folder


def blank(path, size):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def repart(folder, disk, *options):
    """systemd-repart on the file; the CompletedProcess."""
    return subprocess.run(
        ["systemd-repart", "--pretty=no", f"--seed={SEED}", f"--definitions={folder}", *options, disk],
        capture_output=True, text=True, env={**os.environ, "SYSTEMD_LOG_LEVEL": "err"})


def bits(text):
    """sfdisk's words for attributes as a number."""
    number = 0
    for word in text.replace("GUID:", "").replace(",", " ").split():
        number |= 1 << (ATTRIBUTES[word] if word in ATTRIBUTES else int(word))
    return number


def theirs(disk):
    """What systemd-repart wrote, in the form of `ours`."""
    found = disks.table(disk)
    return found["id"].lower(), sorted(
        (int(number), p["start"] * 512, p["size"] * 512, p["type"].lower(), p["uuid"].lower(),
         p.get("name", ""), bits(p.get("attrs", ""))) for number, p in numbered(disk, found))


def numbered(disk, found):
    nodes = json.loads(subprocess.run(["sfdisk", "--json", disk], check=True,
                                      stdout=subprocess.PIPE).stdout)["partitiontable"]["partitions"]
    name = str(disk)
    return zip((node["node"][len(name):].lstrip("p") for node in nodes), found["partitions"])


def ours(found):
    return found["uuid"], sorted(
        (p["number"], p["start"], p["size"], p["type"], p["uuid"], p["name"],
         p["attributes"] % (1 << 64)) for p in found["partitions"])


def compare(folder, disk):
    """Lets both loose on the disk file. True when there was something to compare: both may say no."""
    mine = wanted.run("repart", disk, folder, SEED)
    done = repart(folder, disk, "--dry-run=no", "--empty=allow")
    if mine.returncode != 0:
        assert "do not fit" in mine.stderr, mine.stderr
        assert done.returncode != 0
        return False
    assert done.returncode == 0, done.stderr
    mine, other = ours(json.loads(mine.stdout)), theirs(disk)
    assert mine[0] == other[0]
    assert [p for p in mine[1] if p not in other[1]] == [p for p in other[1] if p not in mine[1]]
    return True


DEFINITIONS = {
    "defaults": {"10-esp.conf": "Type=esp\n", "20-root.conf": "Type=root\n"},
    "weights": {"a.conf": "Type=home\nWeight=333\n", "b.conf": "Type=root\nWeight=2000\n",
                "c.conf": "Type=srv\nWeight=0\nPaddingWeight=500\n"},
    "limits": {"a.conf": "Type=home\nSizeMinBytes=20M\nSizeMaxBytes=30M\n",
               "b.conf": "Type=root\nSizeMinBytes=1.5M\nPaddingMinBytes=3M\nPaddingMaxBytes=5M\n",
               "c.conf": "Type=swap\nSizeMaxBytes=11111111\n"},
    "flags": {"a.conf": "Type=root\nReadOnly=yes\nNoAuto=on\n", "b.conf": "Type=esp\nNoAuto=yes\n",
              "c.conf": "Type=home\nFlags=0x0008000000000000\nLabel=a%%b \"c\"\n",
              "d.conf": "Type=root-x86-64-verity\n"},
    "identity": {"a.conf": "Type=swap\nUUID=0a1b2c3d-0000-4000-8000-000000000001\nLabel=one\n",
                 "b.conf": "Type=swap\n", "c.conf": "Type=swap\nLabel=\n",
                 "d.conf": "Type=linux-generic\nUUID=0a1b2c3d000040008000000000000002\n",
                 "e.conf": "Type=21686148-6449-6e6f-744e-656564454649\n"},
    "priorities": {"a.conf": "Type=home\nSizeMinBytes=60M\nPriority=1\n",
                   "b.conf": "Type=root\nSizeMinBytes=60M\n", "c.conf": "Type=var\nPriority=2\n"},
    "drop-ins": {"a.conf": "Type=home\nWeight=10\n", "a.conf.d/20.conf": "Weight=4000\n",
                 "a.conf.d/10.conf": "Weight=1\nLabel=x\n", "b.conf": "Type=var\n", "c.txt": "?"},
    "joined": {"a.conf": "Label=one \\\n# between\n two\nType=home\n",
               "b.conf": "# c\n;d\n  Type = root  \nX-Mine=1\n[X-Other]\nq\n"}
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_an_empty_disk_is_divided_alike(tmp_path, name):
    folder = write(tmp_path / "d", DEFINITIONS[name])
    assert compare(folder, blank(tmp_path / "disk", 120 * MIB))


def test_empty_files_links_to_nothing_and_hidden_ones_stand_for_nothing(tmp_path):
    folder = write(tmp_path / "d", {"10.conf": "Type=home\n", ".20.conf": "Type=root\n"})
    (folder / "30.conf").touch()
    (folder / "40.conf").symlink_to("/dev/null")
    disk = blank(tmp_path / "disk", 60 * MIB)
    assert compare(folder, disk)
    assert len(theirs(disk)[1]) == 1


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_second_run_changes_nothing(tmp_path, name):
    folder, disk = write(tmp_path / "d", DEFINITIONS[name]), blank(tmp_path / "disk", 120 * MIB)
    assert compare(folder, disk)
    before = theirs(disk)
    assert compare(folder, disk)
    assert theirs(disk) == before


def random_size(rng, most):
    size = rng.choice([rng.randrange(1, most), rng.randrange(1, most) // 4096 * 4096 + 4096])
    return rng.choice([f"{size}", f"{size // 1024 + 1}K", f"{size // MIB + 1}M"])


def random_file(rng):
    lines = [f"Type={rng.choice(TYPES)}"]
    least, most = sorted((rng.randrange(1, 40 * MIB), rng.randrange(1, 40 * MIB)))
    for key, value, odds in (
            ("SizeMinBytes", least, 0.5), ("SizeMaxBytes", most + 4096, 0.4),
            ("PaddingMinBytes", least // 8, 0.3), ("PaddingMaxBytes", most // 4, 0.3),
            ("Weight", rng.choice([0, 1, 250, 1000, 77777]), 0.4),
            ("PaddingWeight", rng.choice([0, 100, 1000]), 0.3),
            ("Priority", rng.choice([-3, 0, 1, 2, 10]), 0.4), ("Label", rng.choice(["x", "ä", "p q"]), 0.2),
            ("ReadOnly", rng.choice(["yes", "no"]), 0.2), ("NoAuto", rng.choice(["1", "0"]), 0.2)):
        if rng.random() < odds:
            lines.append(f"{key}={value}")
    if sum("PaddingM" in line for line in lines) == 2 and least // 8 > most // 4:
        lines = [line for line in lines if "PaddingMax" not in line]
    return "\n".join(lines) + "\n"


def random_folder(rng, path):
    return write(path, {f"{i:02}.conf": random_file(rng) for i in range(rng.randrange(1, 7))})


def test_random_definitions_divide_empty_disks_alike(tmp_path):
    rng, compared = random.Random(252), 0
    for i in range(30):
        disk = blank(tmp_path / "disk", rng.randrange(20, 300) * MIB + rng.choice([0, 512, 12345 * 512]))
        compared += compare(random_folder(rng, tmp_path / f"d{i}"), disk)
    assert compared >= 20


def random_script(rng, sectors):
    """An sfdisk script with partitions and gaps of odd sizes."""
    lines, at = ["label: gpt"], 2048 + rng.choice([0, 1, 2048, 5000])
    while at < sectors - 40000 and len(lines) < 8:
        size = rng.randrange(8, 60000)
        if rng.random() < 0.7:
            kind = rng.choice(["U", "H", "S", "L", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
                               "4D21B016-B534-45C2-A9FB-5C16E091FD2D"])
            lines.append(f"start={at}, size={min(size, sectors - 40000 - at)}, type={kind}" +
                         rng.choice(["", ", name=p"]))
        at += size + rng.choice([0, 0, 1, 8, 40000])
    return "\n".join(lines) + "\n"


def test_random_definitions_change_disks_alike(tmp_path):
    rng, compared = random.Random(2520), 0
    for i in range(40):
        size = rng.randrange(60, 300) * MIB
        disk = blank(tmp_path / "disk", size)
        subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], input=random_script(rng, size // 512), text=True, check=True)
        compared += compare(random_folder(rng, tmp_path / f"d{i}"), disk)
    assert compared >= 20


def test_a_disk_that_was_enlarged_is_divided_alike(tmp_path):
    folder = write(tmp_path / "d", DEFINITIONS["defaults"])
    disk = blank(tmp_path / "disk", 60 * MIB)
    assert compare(folder, disk)
    os.truncate(disk, 120 * MIB)
    assert compare(folder, disk)


@pytest.mark.parametrize("fs", ["ext4", "vfat", "swap", "btrfs", "xfs"])
def test_a_filesystem_needs_as_much_as_for_systemd(tmp_path, fs):
    folder = write(tmp_path / "d", {"a.conf": f"Type=home\nFormat={fs}\nSizeMinBytes=1M\nLabel=x\nWeight=1\n",
                                    "b.conf": "Type=root\nWeight=100000\n"})
    disk = blank(tmp_path / "disk", 400 * MIB)
    found = wanted.table("repart", disk, folder, SEED)
    assert found["formats"] == [{"number": 1, "fs": fs, "label": "x"}]
    plan = json.loads(repart(folder, disk, "--dry-run=yes", "--empty=allow", "--json=short").stdout)
    assert [(p["node"], p["offset"], p["raw_size"], p["uuid"], p["label"]) for p in plan] == \
        [(f"{disk}{p['number']}", p["start"], p["size"], p["uuid"], p["name"]) for p in found["partitions"]]


@pytest.mark.parametrize("name", [name for name in DEFINITIONS if name != "limits"])
def test_what_berth_writes_makes_the_same_partitions(tmp_path, name):
    disk = blank(tmp_path / "disk", 120 * MIB)
    assert compare(write(tmp_path / "d", DEFINITIONS[name]), disk)
    wanted.ok("print-repart", disk, tmp_path / "printed")
    again = blank(tmp_path / "again", 120 * MIB)
    assert compare(tmp_path / "printed", again)
    assert theirs(again) == theirs(disk)


def test_gaps_names_and_odd_types_are_written_down(tmp_path):
    disk, again = blank(tmp_path / "disk", 120 * MIB), blank(tmp_path / "again", 120 * MIB)
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], text=True, check=True, input="""label: gpt
        start=2048, size=20480, name="50% of \\x22it\\x22", attrs="GUID:48,62"
        start=32768, size=8, type=0A1B2C3D-0000-4000-8000-000000000001
        start=40000, size=80000, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, attrs="GUID:63"
        start=200000, size=2048, type=U""")
    wanted.ok("print-repart", disk, tmp_path / "printed")
    assert sorted(os.listdir(tmp_path / "printed")) == \
        ["10-linux-generic.conf", "20-partition.conf", "30-root-x86-64.conf", "40-esp.conf"]
    assert ours(wanted.table("repart", again, tmp_path / "printed", SEED))[1] == theirs(disk)[1]


CANNOT = {
    "start=4096, size=2048\n": "it starts at 2097152",
    "start=2048, size=2049\n": "no multiple of 4096",
    "start=2048, size=2048, name=\"x \"\n": "blank",
    "start=2048, size=2048, attrs=RequiredPartition\n": "attribute bits",
    "start=40960, size=2048\nstart=2048, size=2048\n": "partition 1",
}


@pytest.mark.parametrize("script", CANNOT)
def test_what_the_files_cannot_say_is_refused_and_nothing_is_written(tmp_path, script):
    disk = blank(tmp_path / "disk", 120 * MIB)
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], input="label: gpt\n" + script, text=True, check=True)
    done = wanted.run("print-repart", disk, tmp_path / "printed")
    assert done.returncode == 2
    assert CANNOT[script] in done.stderr
    assert not (tmp_path / "printed").exists()


def test_an_mbr_is_refused(tmp_path):
    disk = blank(tmp_path / "disk", 20 * MIB)
    subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], input=",\n", text=True, check=True)
    done = wanted.run("repart", disk, write(tmp_path / "d", DEFINITIONS["defaults"]), SEED)
    assert done.returncode == 2
    assert "has an MBR" in done.stderr


# ---- what does not fit ----

def planned(berth, tmp_path, text):
    """berth's plan for a disk of 64 MiB with one small home partition, and systemd-repart's."""
    disk = tmp_path / "disk.img"
    berth.ok("part", "table", disk, "gpt", "--size", "64M", "--yes")
    berth.ok("part", "add", disk, "--type", "home", "--size", "10M", "--yes")
    folder = write(tmp_path / "wanted", {"10-large.conf": text})
    return berth("plan", folder, "--disk", disk), repart(folder, disk, "--dry-run=yes")


@pytest.mark.parametrize("text", ["Type=root\nSizeMinBytes=9T\n", "Type=home\nSizeMinBytes=9T\n",
                                  "Type=home\nPaddingMinBytes=9T\n"], ids=["new", "there", "padding"])
def test_what_does_not_fit_is_refused_by_both_and_the_file_is_named(berth, tmp_path, text):
    mine, other = planned(berth, tmp_path, text)
    assert mine.returncode == 2 and other.returncode != 0
    assert "10-large.conf needs 9" in mine.stderr and "hint: SizeMinBytes=" in mine.stderr


@pytest.mark.parametrize("text, what", [("Type=root\n", "left out"), ("Type=home\n", "not grown")])
def test_what_its_priority_lets_be_left_out_is_said(berth, tmp_path, text, what):
    mine, _ = planned(berth, tmp_path, text + "SizeMinBytes=9T\nPriority=5\n")
    assert mine.returncode == 0 and "10-large.conf: there is no room for it" in mine.stdout
    assert f"{what}, as its Priority=5" in " ".join(mine.stdout.split())


def test_one_that_stays_smaller_than_its_file_says_is_named(berth, tmp_path):
    disk = tmp_path / "disk.img"
    berth.ok("part", "table", disk, "gpt", "--size", "64M", "--yes")
    berth.ok("part", "add", disk, "--type", "home", "--size", "rest", "--yes")
    berth.ok("part", "resize", disk, "1", "--size", "10M", "--yes")
    berth.ok("part", "add", disk, "--type", "swap", "--start", "11M", "--yes")
    said = berth.ok("plan", write(tmp_path / "wanted", {"a.conf": "Type=home\nSizeMinBytes=9T\n"}), "--disk", disk)
    assert "a.conf: partition 1 has 10 MiB, not the 9 TiB of SizeMinBytes=" in " ".join(said.split())


@pytest.mark.parametrize("text, says", [
    ("SizeMinBytes=30M\nSizeMaxBytes=20M\n", "a.conf: SizeMinBytes=30MiB is larger than SizeMaxBytes=20MiB"),
    ("PaddingMinBytes=8192\nPaddingMaxBytes=4096\n", "PaddingMinBytes=8KiB is larger than PaddingMaxBytes=4KiB"),
    ("Flags=0b101\n", "Flags=: found \"0b101\", expected bits 48 to 63"),
    ("Flags=0b2\n", "expected a number from 0")])
def test_a_value_that_cannot_be_is_named(tmp_path, text, says):
    done = wanted.run("repart", blank(tmp_path / "disk", 60 * MIB), write(tmp_path / "d", {"a.conf": "Type=home\n" + text}), SEED)
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_flags_may_be_written_in_binary(tmp_path):
    folder = write(tmp_path / "d", {"a.conf": f"Type=home\nFlags=0b1{'0' * 51}\n"})
    assert compare(folder, blank(tmp_path / "disk", 60 * MIB))


def test_grow_file_system_no_is_no(tmp_path):
    grow = 1 << 59
    for value, bit in (("no", 0), ("yes", grow)):
        folder = write(tmp_path / value, {"a.conf": f"Type=home\nGrowFileSystem={value}\n"})
        found = wanted.table("repart", blank(tmp_path / "disk", 60 * MIB), folder, SEED)
        assert found["partitions"][0]["attributes"] & grow == bit
