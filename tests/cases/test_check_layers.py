# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/check-layers holds the order of the layers."""
import subprocess

import pytest

from program import ROOT


def check_layers(folder, source=None, text=""):
    if source:
        path = folder / source
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return subprocess.run([ROOT / "scripts/check-layers", folder], capture_output=True, text=True)


@pytest.mark.parametrize("source, include", [
    ("core/a.c", "core/err.h"),
    ("flow/a.c", "images/store.h"),
    ("cli/a.h", "cli/command.def"),
])
def test_itself_and_lower_layers_are_allowed(tmp_path, source, include):
    done = check_layers(tmp_path, source, f'#include "{include}"\n#include <stdio.h>\n')
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("source, include", [
    ("core/a.c", "model/record.h"),
    ("tree/a.c", "plan/plan.h"),
    ("images/a.c", "bootmenu/entries.h"),
    ("bootmenu/a.c", "images/store.h"),
    ("flow/a.c", "block/mem.c"),
    ("flow/a.c", "plan.h"),
    ("misc/a.c", "core/err.h"),
])
def test_everything_else_is_refused_with_its_place(tmp_path, source, include):
    done = check_layers(tmp_path, source, f'int x;\n#include "{include}"\n')
    assert done.returncode == 1
    assert f"src/{source}:" in done.stdout


@pytest.mark.parametrize("text, good", [
    ("int x;\n" * 5000 + "/* no\n * code */\n\n// nor this\n", True),
    ("int x;\n" * 5001, False),
    ("int x;\n" * 4999 + "/* a */ int y; /* b */\n/* c\n */ int z;\n", False),
    ("int " + "x" * 100 + ";\n", False),
], ids=["at most", "one more", "code beside comments", "a long line"])
def test_the_monitor_stays_small(tmp_path, text, good):
    done = check_layers(tmp_path, "hypervisor/a.c", text)
    assert (done.returncode == 0) == good, done.stdout
    assert good or "src/hypervisor" in done.stdout
