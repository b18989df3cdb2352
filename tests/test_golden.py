"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "d246046869a51491"),
    "30 kB": ({"target_kb": 30}, "b4a649588efbaa05"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "df86204158c7c13d"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "3e4f455a3a99a870"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "48079650f9b0a158"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "aacef5562231d9c0"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "668d9d0bc0f7f026"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
