"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "ba5556745d9ce02c"),
    "30 kB": ({"target_kb": 30}, "09b83db1a9fe8e35"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "5ebd6fbc116bc3d7"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "793c9fc29ffa9b1e"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "792f9bf7f42f7ffd"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "9ea5edffe9bd1dde"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "3b21fd49ab1d75f9"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
