# SPDX-License-Identifier: GPL-3.0-or-later
"""The real images that the boot tests use."""
import hashlib
import json

import images


def test_the_real_images_are_whole(berth):
    """Those of the cache, which scripts/check makes with `image build`."""
    store = images.debians(berth.binary)
    for name in images.RECIPES:
        manifest = json.loads((store / "names" / f"{name}.json").read_text())
        assert manifest["signature"] == "built-here"
        assert manifest["architecture"] == "amd64"
        assert "linux-image-amd64" in manifest["packages"]
        assert manifest["bytes"] < 400 << 20
        digest = hashlib.sha256(images.blob(store, name).read_bytes()).hexdigest()
        assert manifest["digest"] == f"sha256:{digest}"
