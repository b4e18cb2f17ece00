# SPDX-License-Identifier: GPL-3.0-or-later
"""sfdisk scripts: berth and sfdisk make the same table of the same script, and read each other's."""
import random
import subprocess

import pytest

import disks
import wanted

MIB = 1 << 20


def blank(path, size=100 * MIB):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def sfdisk(disk, script):
    """sfdisk on the file; the CompletedProcess."""
    return subprocess.run(["sfdisk", "-q", "--no-tell-kernel", disk], input=script, text=True, capture_output=True)


def dump(disk):
    return subprocess.run(["sfdisk", "--dump", disk], check=True, stdout=subprocess.PIPE, text=True).stdout


def theirs(disk):
    return wanted.table("table", disk)


def ours(disk, script, path):
    path.write_text(script)
    return wanted.run("sfdisk", disk, path)


def comparable(table, script):
    """Without what both make up: GUIDs that the script does not give."""
    found = {key: table[key] for key in ("kind", "usable-start", "usable-end", "slots")}
    if table["kind"] == "mbr":
        del found["usable-start"], found["usable-end"], found["slots"]
    if "label-id" in script:
        found["uuid"] = table["uuid"]
    found["partitions"] = sorted(
        tuple(sorted((key, value) for key, value in part.items() if key != "uuid" or value in script.lower()))
        for part in table["partitions"])
    return found


def compare(tmp_path, script, size=100 * MIB):
    """Both on an empty disk. None when berth refuses, which sfdisk need not."""
    disk = blank(tmp_path / "disk", size)
    mine = ours(disk, script, tmp_path / "script")
    done = sfdisk(disk, script)
    if mine.returncode != 0:
        assert mine.returncode == 2, mine.stderr
        return None
    assert done.returncode == 0, (script, done.stderr)
    assert comparable(wanted.json.loads(mine.stdout), script) == comparable(theirs(disk), script), script
    return disk


GUID = "0a1b2c3d-0000-4000-8000-00000000000"
SCRIPTS = {
    "defaults": "label: gpt\n\n,\n",
    "empty-gpt": "label: gpt\n",
    "letters-and-codes": "label: dos\n,10M,e\nsize=10M,type=c\nsize=10M,type=L\n,,E\n",
    "empty-dos": "label: dos\nlabel-id: 0x12345678\n",
    "plus": "label: gpt\nsize=+1M\nstart=+10M, size=+5M\n+40M,+4096\n",
    "plus-dos": "label: dos\nsize=+1M\nstart=+10M, size=+5M\n+81920 +4096\n",
    "unnamed": "label: gpt\n2048 20480 L\n, 10M, S\n;;U\n",
    "suffixes": "label: gpt\nsize=1.5M\nsize=7MB\nsize=3000K\nsize=0x5000\nstart=40MiB, size=+\n",
    "numbers": "label: gpt\n/dev/sda3 : size=10M\n/dev/sda1 : size=10M\nsize=+\n",
    "identity": f"label: gpt\nlabel-id: {GUID}9\nsize=10M, uuid={GUID.upper()}1, name=\"a \\x22b\\x5c\"\n"
                f"size=10M, uuid=\"{GUID}2\", name=x, attrs=\"RequiredPartition GUID:48,63\"\n",
    "attributes": "label: gpt\nsize=9M, attrs=LegacyBIOSBootable\nsize=9M, attrs=\"NoBlockIOProtocol,GUID:60\"\n",
    "headers": "# a comment\nlabel: gpt\nunit: sectors\nfirst-lba: 34\nlast-lba: 150000\ntable-length: 64\n"
               "sector-size: 512\n\nstart=34, size=100\nsize=10M\n",
    "grain": "label: gpt\ngrain: 4096\nsize=10M\nsize=5001K\n,\n",
    "types": "label: gpt\nsize=1M,type=swap\nsize=1M,type=uefi\nsize=1M,type=raid\nsize=1M,type=lvm\n"
             "size=1M,type=H\nsize=1M,Id=21686148-6449-6E6F-744E-656564454649\n",
    "type-names": "label: gpt\nsize=1M,type=\"Linux filesystem\"\nsize=1M,type=\"efi-SYSTEM\"\n"
                  "size=1M,type=\"Microsoft basic data\"\n,1M,\"Linux swap\"\n",
    "no-label": "size=10M\n,,S,*\n",
    "dos": "label: dos\nlabel-id: 0xc6e1e0d0\nstart=2048, size=20480, type=c, bootable\nsize=20M\nsize=10M, type=7\n",
    "logical": "label: dos\nsize=10M\nsize=60M, type=Ex\n,20M,L\n2048 1000\nsize=10M\n/dev/sda5 : start=40960\n",
    "logical-full": "label: dos\nsize=10M\nsize=10M\nsize=10M\ntype=E\nsize=10M\nsize=20M, type=82, bootable\n,\n",
    "logical-gap": "label: dos\nsize=90M, type=Ex\nstart=81920, size=10M\nstart=8192, size=+\nsize=+\n",
    "cylinders": "label: dos\nstart=63, size=40000, type=83\nstart=40320, size=160000, type=f\n"
                 "start=40383, size=60000, type=83\nstart=100446, size=90000, type=7\n",
    "small": "label: dos\nsize=300K\nsize=1500K\n",
    "old-dump": "label: dos\n/dev/sda1 : start= 2048, size= 4096, Id=83\n/dev/sda2 : start= 0, size= 0, Id= 0\n",
    "crlf": "label: gpt\r\nsize=10M\r\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_the_table_that_sfdisk_makes(tmp_path, name):
    disk = compare(tmp_path, SCRIPTS[name])
    if name not in ("logical",):
        assert disk is not None, wanted.run("sfdisk", tmp_path / "disk", tmp_path / "script").stderr


@pytest.mark.parametrize("size", [3 * MIB, 4 * MIB, 4 * MIB + 512, 11 * MIB + 3584])
@pytest.mark.parametrize("script", ["label: gpt\n,\n", "label: dos\n,\n", "label: gpt\n,1M\n,\n", "label: dos\n,1M\n,\n"])
def test_a_small_disk_is_divided_alike(tmp_path, script, size):
    assert compare(tmp_path, script, size)


REFUSED = {
    "label: gpt\nsize=10M\nsize=200M\n": (3, "at most"),
    "label: gpt\nstart=4096, size=8192\nstart=2048, size=4096\n": (3, "at most 2048 sectors"),
    "label: gpt\nstart=2048, size=8192\nstart=4096, size=10\n": (3, "partition 1's"),
    "label: gpt\nsize=-10M\n": (2, "size -10M: an amount with a minus sign"),
    "label: gpt\nsize=1M\nstart=-50M, size=5M\n": (3, "start -50M"),
    "label: gpt\nsize=9T\n": (2, "size 9T: at sector"),
    "label: gpt\nstart=9T, size=1M\n": (2, "start 9T: the usable"),
    "label: dos\nstart=90M, size=20M\n": (2, "size 20M: at sector"),
    "label: dos\nstart=1T\n": (2, "start 1T: a primary"),
    "label: gpt\nsize=10Q\n": (2, "\"10Q\""),
    "label: gpt\nbogus=1\n": (2, "bogus=1"),
    "label: sun\n": (1, "sun"),
    "label: gpt\nfirst-lba: 3\n": (None, "first-lba: found 3"),
    "label: gpt\nunit: cylinders\n": (2, "cylinders"),
    "label: gpt\nsector-size: 4096\n": (2, "4096"),
    "label: gpt\nsize=10M, type=nonsense\n": (2, "nonsense"),
    "label: gpt\nsize=10M, name=\"" + "x" * 37 + "\"\n": (2, "37"),
    "label: gpt\nsize=10M, attrs=3\n": (2, "\"3\""),
    "label: gpt\nsize=10M, attrs=4294967344\n": (2, "4294967344"),
    "label: gpt\ngrain: -18446744073709550592\n": (2, "grain"),
    "label: gpt\nsize=10M, uuid=1\n": (2, "uuid"),
    "label: gpt\nsize=10M, bootable\n": (2, "bootable"),
    "label: gpt\nsize=10M, name=\"x\n": (2, "quotation"),
    "label: dos\nsize=1M\nsize=1M\nsize=1M\nsize=1M\nsize=1M\n": (6, "four primary"),
    "label: dos\nsize=300G\n": (2, "size 300G: 629145600 sectors do not fit; the largest gap"),
    "label: dos\n,\n,\n": (3, "no sector is left for another"),
    "label: dos\nsize=1M, name=x\n": (2, "name"),
    "label: dos\nsize=90M, type=5\n/dev/sda7 : size=1M\n": (3, "expected 5"),
}


@pytest.mark.parametrize("script", REFUSED)
def test_what_sfdisk_would_clip_or_skip_is_refused_with_its_line(tmp_path, script):
    line, text = REFUSED[script]
    done = ours(blank(tmp_path / "disk"), script, tmp_path / "s")
    assert done.returncode == 2
    assert text in done.stderr
    assert line is None or f"{tmp_path}/s:{line}: " in done.stderr


@pytest.mark.parametrize("length", [1, 4, 64, 130, 512, 4096])
def test_tables_of_any_length_are_read_by_sfdisk(tmp_path, length):
    script = f"label: gpt\nlabel-id: {GUID}9\ntable-length: {length}\nfirst-lba: {length // 4 + 3}\n,,,\n"
    disk, other = blank(tmp_path / "disk"), blank(tmp_path / "other")
    (tmp_path / "script").write_text(script.replace(",,,", f"uuid={GUID}1"))
    wanted.ok("write-sfdisk", disk, tmp_path / "script")
    assert sfdisk(other, (tmp_path / "script").read_text()).returncode == 0
    assert disks.table(disk) == disks.table(other)


def test_a_second_run_wants_the_same_guids(tmp_path):
    disk, script = blank(tmp_path / "disk"), "label: gpt\nsize=10M, name=a\nsize=20M\n"
    assert sfdisk(disk, script).returncode == 0
    assert wanted.json.loads(ours(disk, script, tmp_path / "s").stdout)["partitions"] == theirs(disk)["partitions"]


# sfdisk cannot set what has two UTF-16 units a character
NAMES = ["plain", "two words", "quo\"te", "back\\slash", "$HOME `x`", "ä ö ü", "日本", "a,b;c", "#", "%x",
         "\\x41", "x" * 36]


def name_field(name):
    return "".join(f"\\x{byte:02x}" if chr(byte) in "\"\\`$" or byte > 126 else chr(byte) for byte in name.encode())


def random_gpt(rng, sectors):
    lines = ["label: gpt", f"label-id: {random_guid(rng)}"]
    for number in rng.sample(range(1, 128), rng.randrange(1, 9)) if rng.random() < 0.3 else \
            range(1, rng.randrange(2, 12)):
        fields = [f"size={random_size(rng, sectors)}" if rng.random() < 0.9 else "size=+",
                  f"uuid={random_guid(rng)}", f'name="{name_field(rng.choice(NAMES))}"',
                  f"type={rng.choice(['L', 'swap', 'U', random_guid(rng)])}"]
        if rng.random() < 0.3:
            fields.append(f"start={rng.randrange(2048, sectors)}")
        if rng.random() < 0.3:
            fields.append('attrs="' + rng.choice(["RequiredPartition", "GUID:63", "LegacyBIOSBootable GUID:48,50"]) + '"')
        rng.shuffle(fields)
        lines.append(f"/dev/x{number} : " + ", ".join(fields))
    return "\n".join(lines) + "\n"


def random_mbr(rng, sectors):
    lines, extended = ["label: dos", f"label-id: 0x{rng.randrange(1 << 32):08x}"], rng.randrange(5)
    for number in range(1, rng.randrange(2, 5) + 1):
        if number == extended:
            lines.append(f"size={sectors // 2}, type={rng.choice(['5', 'f', '85'])}")
            continue
        lines.append(f"size={random_size(rng, sectors)}, type={rng.choice(['83', '7', 'c', '82'])}" +
                     rng.choice(["", ", bootable"]))
    for number in range(5, 5 + rng.randrange(6) if extended and extended < len(lines) - 1 else 5):
        lines.append(f"/dev/x{number} : size={random_size(rng, sectors // 2)}, type=83")
    return "\n".join(lines) + "\n"


def random_guid(rng):
    text = f"{rng.getrandbits(128):032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def random_size(rng, sectors):
    size = rng.randrange(1, sectors // 5)
    return rng.choice([f"{size}", f"{size // 2 + 1}K", f"{size // 2048 + 1}M", f"{size // 2048 + 1}MiB"])


@pytest.mark.parametrize("make", [random_gpt, random_mbr])
def test_random_scripts_make_the_same_table_and_dumps_read_back(tmp_path, make):
    rng, compared = random.Random(8), 0
    for _ in range(40):
        sectors = rng.randrange(5000, 400000)
        disk = compare(tmp_path, make(rng, sectors), sectors * 512)
        if disk is None:
            continue
        compared += 1
        text = wanted.ok("print-sfdisk", disk)
        assert text == dump(disk)
        assert wanted.json.loads(ours(disk, text, tmp_path / "again").stdout)["partitions"] == theirs(disk)["partitions"]
        other = blank(tmp_path / "other", sectors * 512)
        wanted.ok("write-sfdisk", other, tmp_path / "script")
        assert disks.table(other) == disks.table(disk)
        other = blank(tmp_path / "other", sectors * 512)
        assert wanted.json.loads(ours(other, text, tmp_path / "again").stdout) == theirs(disk)
        assert sfdisk(other, text).returncode == 0
        assert disks.table(other) == disks.table(disk)
    assert compared >= 15


@pytest.mark.parametrize("script", ["2048 20480 L\n", "2048,20480,L\n", "# a comment\n,10M,L\n", "2048\n"])
def test_a_script_in_the_old_form_is_known_as_one_without_a_header(berth, script):
    (berth.home / "script").write_text(script)
    berth.ok("apply", "script", "--disk", "d.img", "--size", "64M", "--yes")
    sfdisk(blank(berth.home / "other.img", 64 * MIB), script)
    mine, other = (disks.table(berth.home / name) for name in ("d.img", "other.img"))
    assert [(p["start"], p["size"]) for p in mine["partitions"]] == [(p["start"], p["size"]) for p in other["partitions"]]
