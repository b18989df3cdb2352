"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "ba20e1e0bd37a420"),
    "30 kB": ({"target_kb": 30}, "7fcc3bc1966e024e"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "7e35f35c8f8d9f81"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "793c9fc29ffa9b1e"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "d0fab1e734128ad3"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "3ade1fc0f68799d1"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "afb729f053e4765f"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
