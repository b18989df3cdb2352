"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "25ab61b66da32a25"),
    "30 kB": ({"target_kb": 30}, "62037eb4a4c9af59"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "38a4c21a2ab73d00"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "a871d4c484e75b8c"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "088979b8c2dd2781"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "9b9d8d3f37226157"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "73032ba870f866b3"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
