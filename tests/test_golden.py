"""The bytes of known files.  A change here is a change of output: name it and its effect in CHANGELOG.md."""

import hashlib
from pathlib import Path

import pytest

from saliency_jpeg import compress

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GOLDEN = {
    "quality 75": ({"quality": 75}, "9ba5341973ba5190"),
    "30 kB": ({"target_kb": 30}, "cd93611d1de4638c"),
    "30 kB, a box": ({"target_kb": 30, "saliency": [(300, 130, 520, 330)]}, "d8da2677442e77d4"),
    "baseline, 4:4:4": ({"progressive": False, "subsampling": "4:4:4"}, "7c2ce1616982ac0d"),
    "tune ssimulacra2": ({"quality": 40, "tune": "ssimulacra2"}, "a2853c59da489225"),
    "tune psnr": ({"quality": 40, "tune": "psnr"}, "9b9d8d3f37226157"),
    "tune hvs": ({"quality": 40, "tune": "hvs"}, "73032ba870f866b3"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_have_not_changed(name):
    options, digest = GOLDEN[name]
    jpeg = compress(PHOTO, **{"saliency": None, **options})
    assert hashlib.sha256(jpeg).hexdigest()[:16] == digest
