"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "0b73090c91ea6b91"),
    "30 kB": ({"target_kb": 30}, "c2e4534cb80587b4"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "cb5be39e6fcade56"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "1aef3de0e804b1db"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "088979b8c2dd2781"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "9b9d8d3f37226157"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "73032ba870f866b3"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
