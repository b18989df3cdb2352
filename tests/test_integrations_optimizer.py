"""The optimizer that doors share: files it leaves alone, lossless rewrites, and targets."""

from __future__ import annotations

import inspect
import io
from typing import Any

import numpy as np
import pytest
from doors import EXIF, ICC, PHOTO, describe
from helpers import encoded, pillow_pixels
from PIL import Image

from saliency_jpeg import InputError, Options, TargetError, compress, recompress
from saliency_jpeg.integrations import _optimizer
from saliency_jpeg.integrations._compat import OPTION_NAMES
from saliency_jpeg.integrations._optimizer import optimize_jpeg

OPTIONS = Options(quality=60, saliency=None)
RGB = Image.fromarray(PHOTO)


def saved(image: Image.Image = RGB, format: str = "JPEG", **keywords: Any) -> bytes:
    return encoded(image, format, **keywords)


MPO = saved(format="MPO", save_all=True, append_images=[RGB.rotate(180)], quality=100)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_smaller_with_sampling_and_metadata_kept(sampling: str) -> None:
    data = saved(quality=95, subsampling=sampling, exif=b"Exif\0\0" + EXIF, icc_profile=ICC, dpi=(90, 90))
    smaller = optimize_jpeg(data, OPTIONS)
    assert len(smaller) < 0.7 * len(data)
    assert describe(smaller) == describe(data)._replace(progressive=True)
    other = describe(optimize_jpeg(data, Options(quality=60, saliency=None, subsampling="4:1:1")))
    assert other.sampling == [(4, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize("image", [RGB, RGB.convert("L"), RGB.convert("CMYK")], ids=["RGB", "L", "CMYK"])
def test_without_target_and_quality_nothing_is_lost(image: Image.Image) -> None:
    data = saved(image, quality=90)
    smaller = optimize_jpeg(data, Options())
    assert len(smaller) < len(data)
    np.testing.assert_array_equal(pillow_pixels(smaller), pillow_pixels(data))


def test_cmyk_is_only_ever_rewritten() -> None:
    data = saved(RGB.convert("CMYK"), quality=100)
    np.testing.assert_array_equal(
        pillow_pixels(optimize_jpeg(data, Options(target_kb=3, saliency=None))), pillow_pixels(data)
    )


@pytest.mark.parametrize("data", [saved(format="PNG"), b"", b"\xff\xd8\xff\xe0 broken", saved()[:-500]])
def test_what_is_no_jpeg_file_comes_back(data: bytes) -> None:
    assert optimize_jpeg(data, OPTIONS) is data


def test_further_pictures_are_carried_along() -> None:
    smaller = optimize_jpeg(MPO, OPTIONS)
    with Image.open(io.BytesIO(smaller)) as image, Image.open(io.BytesIO(MPO)) as before:
        assert image.n_frames == before.n_frames == 2  # type: ignore[attr-defined]
        for other in (image, before):
            other.seek(1)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(before))
    assert len(smaller) < len(MPO)
    with pytest.raises(InputError, match="trailing"):
        optimize_jpeg(MPO, Options(metadata="strip", saliency=None))
    dropped = optimize_jpeg(MPO, Options(trailing_images="drop", metadata="strip", saliency=None))
    assert len(dropped) < len(MPO) / 2
    np.testing.assert_array_equal(pillow_pixels(dropped), pillow_pixels(MPO))  # without loss


def test_targets() -> None:
    data = saved(quality=95)
    np.testing.assert_array_equal(
        pillow_pixels(optimize_jpeg(data, Options(target_kb=100, saliency=None))), pillow_pixels(data)
    )
    assert 2700 < len(optimize_jpeg(data, Options(target_kb=3, saliency=None))) <= 3000
    small = optimize_jpeg(data, Options(target_kb=0.45, saliency=None, allow_downscale=True))
    assert len(small) <= 450
    assert describe(small).size[0] < 88
    with pytest.raises(TargetError):
        optimize_jpeg(data, Options(target_kb=0.1, saliency=None))


def test_every_option_is_handled() -> None:
    on_coefficients = set(inspect.signature(recompress).parameters) - {"jpeg", "keep_layers"}
    looked_at = {"max_width", "max_height", "background"}  # the last: a JPEG file never shows it
    known = {*on_coefficients, *_optimizer._PIXEL_OPTIONS, *looked_at}
    assert known == set(OPTION_NAMES)
    scored = optimize_jpeg(saved(quality=95), Options(target_score=60, saliency=None))
    assert len(scored) < len(saved(quality=95)) / 2


def test_never_larger() -> None:
    data = compress(PHOTO, quality=30, saliency=None)
    assert len(optimize_jpeg(data, OPTIONS)) <= len(data)
