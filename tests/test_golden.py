"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "7da02a9ac64e6eee"),
    "30 kB": ({"target_kb": 30}, "fe9526f50c748d25"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "41c8f65deeb7c7ad"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "d5d5554219e64c2c"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "6451c7b2efb841c7"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "aacef5562231d9c0"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "668d9d0bc0f7f026"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
