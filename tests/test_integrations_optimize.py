"""JPEG in, JPEG out: what is left alone, and what an optimizer may do."""

from __future__ import annotations

import io
from typing import Any

import pytest
from doors import EXIF, ICC, PHOTO, look
from PIL import Image

from saliency_jpeg import Options, TargetError, compress
from saliency_jpeg.integrations._optimize import kept_sampling, optimized

OPTIONS = Options(quality=60, saliency=None)
RGB = Image.fromarray(PHOTO)


def saved(image: Image.Image = RGB, format: str = "JPEG", **keywords: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **keywords)
    return file.getvalue()


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_smaller_with_sampling_and_metadata_kept(sampling: str) -> None:
    data = saved(quality=95, subsampling=sampling, exif=b"Exif\0\0" + EXIF, icc_profile=ICC, dpi=(90, 90))
    smaller = optimized(data, OPTIONS)
    assert len(smaller) < 0.7 * len(data)
    assert look(smaller) == look(data)._replace(progressive=True)
    named = look(optimized(data, Options(quality=60, saliency=None, subsampling="4:1:1")))
    assert named.sampling == [(4, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize(
    "data",
    [
        saved(format="PNG"),
        b"",
        b"\xff\xd8\xff\xe0 broken",
        saved()[:-500],
        saved(RGB.convert("CMYK"), quality=100),
        saved(format="MPO", save_all=True, append_images=[RGB], quality=100),
        saved(quality=100) + b"\0\0\0\x18ftypmp42",
        compress(PHOTO, quality=30, saliency=None),
    ],
    ids=["PNG", "nothing", "no JPEG", "cut off", "CMYK", "MPO", "motion photo", "small already"],
)
def test_the_very_bytes_come_back(data: bytes) -> None:
    assert optimized(data, OPTIONS) is data


def test_targets() -> None:
    data = saved(quality=95)
    assert optimized(data, Options(target_kb=100, saliency=None)) is data
    assert 2800 < len(optimized(data, Options(target_kb=3, saliency=None))) <= 3000
    with pytest.raises(TargetError):
        optimized(data, Options(target_kb=0.1, saliency=None))


def test_names_of_samplings() -> None:
    assert kept_sampling(saved(RGB.convert("L"))) == "auto"
    assert kept_sampling(compress(PHOTO, subsampling="4:4:0", saliency=None) + b"\0\0") == "4:4:0"
