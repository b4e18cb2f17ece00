# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash, zsh and fish suggest: each shell runs with the script that berth prints for it."""
import json
import os
import re
import subprocess
import time

import pexpect
import pytest

from program import BERTH

BASH = r"""
source /dev/stdin <<<"$(berth completion bash)"
compopt() { :; }  # there is no command line to set options of
complete -p berth >/dev/null || exit 1
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_berth
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
"""

# every candidate goes through compadd; this one writes down those that match
ZSH = r"""
PS1='ready> '; setopt no_beep
autoload -U compinit; compinit -u -D
eval "$(berth completion zsh)"
compadd() {
    local -a hits
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)* ]]; then
        builtin compadd -O hits "$@"
        print -l -- $hits >>$CAUGHT
    fi
    builtin compadd "$@"
}
catch() {
    zle complete-word
    print end of them >>$CAUGHT
}
zle -N catch; bindkey '^I' catch
"""


def environment(home):
    path = home / "bin"
    path.mkdir(exist_ok=True)
    if not (path / "berth").exists():
        os.symlink(BERTH, path / "berth")
    return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "HOME": str(home),
            "BERTH_STORE": str(home / "store"), "LC_ALL": "C.UTF-8", "TERM": "xterm"}


def json_of(disk):
    shown = subprocess.run([BERTH, "disk", "show", "--json", disk], check=True, stdout=subprocess.PIPE)
    return json.loads(shown.stdout)["disk"]


def split(words):
    """As readline does: "=" is a word of its own."""
    return [part for word in words for part in (re.split("(=)", word) if "=" in word else [word])]


def bash(home, *words):
    words = split(words)
    while len(words) > 1 and words[-2:] == ["=", ""]:
        words.pop()  # behind the sign the cursor is still in its word
    done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", *words], cwd=home, text=True,
                          env=environment(home), check=True, capture_output=True, timeout=20)
    return done.stdout.split("\n")[:-1]


def zsh(home, *words):
    caught = home / "caught"
    caught.write_text("")
    (home / "setup.zsh").write_text(ZSH)
    shell = pexpect.spawn("zsh", ["-f", "-i"], cwd=home, timeout=10, dimensions=(200, 200),
                          env={**environment(home), "CAUGHT": str(caught)}, encoding="utf-8")
    shell.sendline("source ./setup.zsh")
    shell.expect("ready> ")
    shell.send(" ".join(words) + "\t")
    deadline = time.monotonic() + 10
    while not caught.read_text().endswith("end of them\n") and time.monotonic() < deadline:
        time.sleep(0.02)
    shell.close(force=True)
    found = [line.strip() for line in caught.read_text().split("\n") if line.strip()]
    assert found.pop() == "end of them"
    return found


def fish(home, *words):
    line = " ".join(words)
    done = subprocess.run(["fish", "--no-config", "-c",
                           "berth completion fish | source; complete -C $argv[1]", line],
                          cwd=home, text=True, env=environment(home), check=True,
                          capture_output=True, timeout=20)
    assert done.stderr == ""
    return [candidate.split("\t")[0] for candidate in done.stdout.split("\n")[:-1]]


@pytest.fixture(params=[bash, zsh, fish], ids=["bash", "zsh", "fish"])
def shell(request, tmp_path):
    return lambda *words: request.param(tmp_path, *words)


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk.img"
    with open(path, "wb") as file:
        file.truncate(100 << 20)
    subprocess.run(["sfdisk", "-q", path], text=True, check=True,
                   input='label: gpt\nsize=20M,name=data\nsize=20M,name="$(touch ran)"\n'
                         'size=20M,name="a;b"\n')
    return path


def test_the_commands_are_suggested(shell):
    assert {"disk", "plan", "run", "doctor"} <= set(shell("berth", ""))
    assert "complete" not in shell("berth", "")


def test_the_second_word_is_suggested(shell):
    assert set(shell("berth", "menu", "")) == {"show", "default", "next"}


def test_options_before_a_command_are_passed_over(shell):
    assert "show" in shell("berth", "--json", "--disk", "x", "menu", "s")


def test_a_commands_options_are_suggested(shell):
    assert {"--engine", "--ephemeral", "--json"} <= set(shell("berth", "run", "--"))
    assert "--engine" not in shell("berth", "doctor", "--")


def test_an_options_words_are_suggested(shell):
    assert set(shell("berth", "run", "--engine", "")) == {"auto", "kvm", "qemu"}
    assert set(shell("berth", "run", "--net", "")) == {"user", "none", "tap="}


def test_columns_are_suggested_also_behind_a_comma(shell):
    assert "PARTUUID" in shell("berth", "disk", "show", "-o", "PARTU")
    assert any(word.endswith("PARTUUID") for word in shell("berth", "disk", "show", "-o", "NR,PARTU"))


def test_an_image_file_is_suggested_for_a_disk(shell, disk):
    assert any("disk.img" in word for word in shell("berth", "disk", "show", "dis"))


def test_partitions_of_the_image_file_before_are_suggested(shell, disk):
    assert set(shell("berth", "part", "rm", disk.name, "")) == {"1", "2", "3", "data"}
    assert set(shell("berth", "--disk", disk.name, "part", "rm", "d")) == {"data"}


def test_types_are_suggested_behind_their_option(shell, disk):
    assert "swap" in shell("berth", "part", "add", disk.name, "--type", "swa")


def test_attributes_are_suggested_also_behind_a_comma(shell, disk):
    line = ("berth", "part", "set", disk.name, "1", "--attributes")
    assert set(shell(*line, "re")) == {"required", "read-only"}
    assert any(word.endswith("hidden") for word in shell(*line, "required,hid"))


def test_the_free_ranges_of_the_disk_are_suggested(shell, disk):
    gaps = len(json_of(disk)["free"])
    assert set(shell("berth", "part", "add", disk.name, "--gap", "")) == \
        {"largest", *(str(number + 1) for number in range(gaps))}


def test_sizes_have_a_word_that_is_suggested(shell, disk):
    assert shell("berth", "part", "add", disk.name, "--size", "r") == ["rest"]
    assert shell("berth", "part", "set", disk.name, "1", "--uuid", "n") == ["new"]


def test_help_knows_the_commands(shell):
    assert {"part", "disk", "run", "help"} <= set(shell("berth", "help", ""))
    assert {"add", "rm", "table"} <= set(shell("berth", "help", "part", ""))
    assert "show" not in shell("berth", "help", "part", "")
    assert all(word.startswith("-") for word in shell("berth", "help", "part", "add", ""))


def test_when_to_use_colours_is_suggested_behind_the_sign(shell):
    words = [word.removeprefix("--color=") for word in shell("berth", "disk", "list", "--color=")]
    assert set(words) == {"always", "never", "auto"}
    assert "always" not in shell("berth", "--color", "")
    assert "disk" in shell("berth", "--color", "")


def test_a_hostile_name_is_never_run(shell, disk):
    shell("berth", "part", "rm", disk.name, "")
    assert not (disk.parent / "ran").exists()


def test_partitions_of_an_image_file_are_candidates(berth, disk):
    assert berth.ok("complete", "partition", disk).split() == ["1", "2", "3", "data"]


def test_what_cannot_be_found_out_is_no_error(berth):
    for kind in ["partition", "system", "image", "disk", "type", "fs", "column", "nonsense"]:
        done = berth("complete", kind, berth.home / "missing")
        assert (done.returncode, done.stderr) == (0, "")


def test_types_and_filesystems_are_candidates(berth):
    assert {"esp", "linux", "swap"} <= set(berth.ok("complete", "type").split())
    assert "ext4" in berth.ok("complete", "fs").split()


def test_an_unknown_shell_is_refused(berth):
    done = berth("completion", "csh")
    assert done.returncode == 2 and "csh" in done.stderr


def test_an_option_that_a_command_has_in_its_own_way_is_suggested_once(shell):
    assert [word for word in shell("berth", "run", "--dis") if word.startswith("--")] == ["--disk"]


# ---- what is typed, and then run ----

# Completion asks the real one; what the finished line would run is written down.
RECORDER = """#!/bin/sh
case "$1" in complete | completion) exec "$BERTH" "$@" ;; esac
printf '%s\\n' "$@" >"$RAN"
"""
INTERACTIVE = {
    "bash": (["bash", "--norc", "-i"], "PS1='rea''dy> '; source <(berth completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "PS1='rea''dy> '; setopt no_beep; autoload -U compinit; "
                                 "compinit -u -D; eval \"$(berth completion zsh)\""),
    "fish": (["fish", "--no-config", "--interactive"],
             "function fish_prompt; echo -n 'rea''dy> '; end; berth completion fish | source"),
}


@pytest.fixture(params=sorted(INTERACTIVE))
def typed(request, tmp_path):
    """The words that berth gets when somebody types these keys into a terminal, and Enter."""
    argv, setup = INTERACTIVE[request.param]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/berth").write_text(RECORDER)
    (tmp_path / "bin/berth").chmod(0o755)
    ran = tmp_path / "words"

    def run(keys):
        shell = pexpect.spawn(argv[0], argv[1:], cwd=tmp_path, timeout=10, dimensions=(50, 200),
                              env={**environment(tmp_path), "RAN": str(ran), "BERTH": BERTH},
                              encoding="utf-8")
        shell.sendline(setup)
        shell.expect("ready> ")
        shell.send(keys + "\r")
        deadline = time.monotonic() + 10
        while not (ran.exists() and ran.read_text().endswith("\n")) and time.monotonic() < deadline:
            time.sleep(0.02)
        shell.close(force=True)
        return ran.read_text().splitlines()
    return run


@pytest.fixture
def spaced(tmp_path):
    """A disk whose path and whose partitions have names of several words."""
    path = tmp_path / "my own disk.img"
    with open(path, "wb") as file:
        file.truncate(100 << 20)
    subprocess.run(["sfdisk", "-q", path], text=True, check=True,
                   input='label: gpt\nsize=20M,name="Basic data partition"\nsize=20M,name="Bücher"\n')
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a folder/its image.img").write_bytes(b"")
    return path


@pytest.mark.parametrize("keys", [
    "part rm my\tBas\t", "part rm my\\ o\tBasic\\ d\t", "part rm 'my o\t'Basic d\t",
    'part rm "my\t"Bas\t', "--disk my\tpart rm Bas\t"])
def test_a_line_with_completed_names_of_several_words_runs(typed, spaced, keys):
    words = typed(f"berth {keys}")
    assert [word for word in words if word != "--disk"][-3:] in (
        ["rm", "my own disk.img", "Basic data partition"], ["part", "rm", "Basic data partition"])
    assert "my own disk.img" in words


def test_a_file_in_a_folder_of_several_words_is_completed(typed, spaced):
    assert typed("berth disk show a\tits\t")[2:] == ["a folder/its image.img"]


def test_a_name_beyond_ascii_is_completed(typed, spaced):
    assert typed("berth part rm my\tB\u00fc\t")[2:] == ["my own disk.img", "Bücher"]


# ---- every option ----

# Why nothing is suggested for a value that is any text. A row of the commands' tables that is new
# gets a kind of src/cli/value.def, or a reason here.
REASONS = {
    "--size": "a number, in the commands that make a file of it; elsewhere \"rest\" is suggested",
    "--start": "a number", "--align": "a number", "--number": "a number", "--memory": "a number",
    "--cpus": "a number", "--timeout": "a number", "--publish": "two numbers",
    "--append": "a new command line",
    "--name": "a new name", "--label": "a new label", "--uuid": "a new GUID",
    "--seed": "a new GUID",
    "--serial": "what a person reads off the disk; suggested, it would prove nothing",
    "--wwn": "what a person reads off the disk; suggested, it would prove nothing",
}
SHELLS_OWN = ("file", "folder", "word")


def kinds_of_values(berth):
    """(command, option or operand, kind) of everything that takes a value; "" is every command."""
    script = berth.ok("completion", "bash")
    common = re.search(r"common_values='([^']*)'", script)[1]
    found = [("", *line.split("=", 1)) for line in common.splitlines()]
    for words, values, operands in re.findall(
            r"^    '([a-z ]+)'\)\n        whole=1\n        options='[^']*'\n"
            r"        values='([^']*)'\n        operands=\((.*)\) ;;$", script, re.M):
        found += [(words, *line.split("=", 1)) for line in values.splitlines()]
        found += [(words, "operand", kind.removesuffix("...")) for kind in re.findall("'([^']+)'", operands)]
    return found


def test_whatever_takes_a_value_has_suggestions_or_a_reason(berth):
    found = kinds_of_values(berth)
    assert len({command for command, _, _ in found}) > 20
    for command, option, kind in found:
        assert kind != "text" or option in REASONS, f"berth {command} {option}: nothing is suggested"


def test_every_kind_of_value_has_candidates(berth, disk):
    kinds = {kind.removeprefix("maybe:") for _, _, kind in kinds_of_values(berth)}
    asked = {kind for kind in kinds if kind.split(":")[0] not in (*SHELLS_OWN, "text")}
    assert asked >= {"disk", "partition", "type", "fs", "column", "attribute", "gap", "command"}
    for kind in asked - {"disk", "image", "system", "running"}:  # those a machine or disk may have none of
        assert berth.ok("complete", kind, "part" if kind == "subcommand" else disk), kind
    for kind in kinds:
        assert kind.split(":")[0] != "word" or kind.split(":", 1)[1]


def test_reasons_are_of_options_that_are_there(berth):
    assert set(REASONS) <= {option for _, option, kind in kinds_of_values(berth) if kind == "text"}
