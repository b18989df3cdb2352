"""OpenCV's door: the same calls with the same flags, compared with what OpenCV writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from doors import EXIF, ICC, PHOTO, XMP, describe, tables
from helpers import pillow_pixels, psnr
from PIL import Image

from saliency_jpeg import InputError, OptionError, SegmentError, TargetError, compress
from saliency_jpeg.integrations import opencv
from saliency_jpeg.metadata.segments import XMP_HEADER

BGR = np.ascontiguousarray(PHOTO[..., ::-1])
GRAY = np.ascontiguousarray(PHOTO[..., 1])
BGRA = np.dstack([BGR, GRAY])
IMAGES = {"BGR": BGR, "gray": GRAY, "one channel": GRAY[..., None], "BGRA": BGRA}
FACTORS = ("411", "420", "422", "440", "444")


def truth(image: Any) -> Any:
    """Returns the pixels that a decoder should show."""
    return GRAY if image.ndim == 2 or image.shape[2] == 1 else PHOTO


def check(image: Any, theirs: Any, ours: Any) -> None:
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.ndim == 1
    assert ours.flags.writeable
    assert describe(ours.tobytes()) == describe(theirs.tobytes())
    there, here = (psnr(pillow_pixels(jpeg.tobytes()), truth(image)) for jpeg in (theirs, ours))
    assert here > there - 2
    assert len(ours) < len(theirs)


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        [cv2.IMWRITE_JPEG_QUALITY, 60],
        (cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_QUALITY, 60),
        np.array([cv2.IMWRITE_JPEG_QUALITY, 60]),
        [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_QUALITY, 80],
        [cv2.IMWRITE_JPEG_OPTIMIZE, 1],
        [cv2.IMWRITE_JPEG_RST_INTERVAL, 7],
        [cv2.IMWRITE_JPEG_LUMA_QUALITY, 60],
        [cv2.IMWRITE_JPEG_LUMA_QUALITY, 60, cv2.IMWRITE_JPEG_CHROMA_QUALITY, 60],
        [cv2.IMWRITE_JPEG_LUMA_QUALITY, 80, cv2.IMWRITE_JPEG_CHROMA_QUALITY, 50],
    ],
    ids=str,
)
def test_the_same_call(params: Any, kind: str) -> None:
    image = IMAGES[kind]
    theirs, ours = (call(".jpg", image, params) for call in (cv2.imencode, plainly))
    assert ours[0] is theirs[0] is True
    check(image, theirs[1], ours[1])


def plainly(*arguments: Any, **options: Any) -> tuple[bool, Any]:
    return opencv.imencode(*arguments, saliency=None, **options)


@pytest.mark.parametrize("name", FACTORS)
def test_sampling_factors(name: str) -> None:
    params = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}")]
    theirs, ours = cv2.imencode(".jpg", BGR, params)[1], plainly(".jpg", BGR, params)[1]
    check(BGR, theirs, ours)
    assert describe(ours.tobytes()).sampling == describe(theirs.tobytes()).sampling


def test_two_qualities_mean_two_tables() -> None:
    params = [cv2.IMWRITE_JPEG_LUMA_QUALITY, 80, cv2.IMWRITE_JPEG_CHROMA_QUALITY, 30]
    both = plainly(".jpg", BGR, params)[1].tobytes()
    luma, chroma = (plainly(".jpg", BGR, [1, quality], tune="default")[1].tobytes() for quality in (80, 30))
    assert tables(both)[0] == tables(luma)[0]
    assert tables(both)[1] == tables(chroma)[1]
    alone = plainly(".jpg", BGR, [cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_CHROMA_QUALITY, 30])[1]
    assert alone.tobytes() == both


@pytest.mark.skipif(not hasattr(cv2, "imencodeWithMetadata"), reason="OpenCV 4 has no imencodeWithMetadata")
@pytest.mark.parametrize("kinds", [[0], [1], [2], [0, 1, 2], []], ids=str)
def test_metadata(kinds: list[int]) -> None:
    metadata = [np.frombuffer((EXIF, XMP_HEADER + XMP, ICC)[kind], np.uint8) for kind in kinds]
    theirs = cv2.imencodeWithMetadata(".jpg", BGR, kinds, metadata)[1]
    ours = opencv.imencodeWithMetadata(".jpg", BGR, kinds, metadata, saliency=None)[1]
    check(BGR, theirs, ours)
    assert (
        ours.tobytes()
        == opencv.imencodeWithMetadata(".jpg", BGR, kinds, map_bytes(metadata), saliency=None)[1].tobytes()
    )


def map_bytes(arrays: list[Any]) -> list[bytes]:
    """The same as bytes, headers off and on the other way round."""
    swapped = {EXIF: b"Exif\0\0" + EXIF, XMP_HEADER + XMP: XMP, ICC: ICC}
    return [swapped[array.tobytes()] for array in arrays]


def test_a_profile_that_opencv_cannot_write() -> None:
    profile = ICC + bytes(200_000)
    _, ours = opencv.imencodeWithMetadata(".jpg", BGR, [2], [profile], saliency=None)
    assert describe(ours.tobytes()).icc == profile


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.JPG"
    assert opencv.imwrite(path, BGR, [1, 60], saliency=None) is True
    assert path.read_bytes() == plainly(".jpg", BGR, [1, 60])[1].tobytes()
    assert opencv.imwriteWithMetadata(str(path), BGR, [0], [EXIF], saliency=None) is True
    with Image.open(path) as image:
        assert dict(image.getexif()) == {0x0112: 6}
    before = path.read_bytes()
    with pytest.raises(TargetError):
        opencv.imwrite(path, BGR, target_kb=0.01, saliency=None)
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="missing"):
        opencv.imwrite(tmp_path / "missing" / "x.jpg", BGR, saliency=None)


def test_our_own_keywords() -> None:
    box: list[tuple[float, float, float, float]] = [(10, 10, 50, 50)]
    _, ours = opencv.imencode(".jpg", BGR, target_kb=3, saliency=box, subsampling="auto", progressive=True)
    assert 2800 < len(ours) <= 3000
    assert ours.tobytes() == compress(PHOTO, target_kb=3, saliency=box)
    large = opencv.imencode(".jpg", BGR, target_kb=25, saliency=None, subsampling="4:4:4")[1]
    assert len(large) > len(plainly(".jpg", BGR)[1])  # a target is filled, whatever OpenCV's default quality


def test_a_score_takes_the_place_of_the_quality() -> None:
    _, ours = opencv.imencode(".jpg", BGR, target_score=60, saliency=None, subsampling="auto", progressive=True)
    assert ours.tobytes() == compress(PHOTO, target_score=60, saliency=None)


def test_alpha_shows_the_background_where_one_is_named() -> None:
    clear = np.dstack([BGR, np.zeros_like(GRAY)])
    _, ours = opencv.imencode(".jpg", clear, background=(255, 0, 0), saliency=None)
    assert np.abs(pillow_pixels(ours.tobytes()).astype(int) - (254, 0, 0)).max() <= 2


def test_views_and_strange_strides() -> None:
    view = BGR[::-1, 3:-2]
    assert plainly(".jpg", view)[1].tobytes() == plainly(".jpg", view.copy())[1].tobytes()


BAD = [
    ([1], "must alternate"),
    ([1.5, 3], "integer flags"),
    ([99, 1], "got flag 99"),
    ([16, 1], "got flag 16"),
    ([1, 101], r"IMWRITE_JPEG_QUALITY .* got 101"),
    ([2, 5], r"IMWRITE_JPEG_PROGRESSIVE .* got 5"),
    ([4, 70_000], r"IMWRITE_JPEG_RST_INTERVAL .* got 70000"),
    ([5, -1], r"IMWRITE_JPEG_LUMA_QUALITY .* got -1"),
    ([7, 5], r"IMWRITE_JPEG_SAMPLING_FACTOR .* got 0x5"),
    ([5, 90, 6, 50, 7, 0x221111], "SAMPLING_FACTOR_444, .* got 0x221111"),
]


@pytest.mark.parametrize(("params", "message"), BAD, ids=str)
def test_bad_flags(params: list[Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        plainly(".jpg", BGR, params)


def test_other_errors() -> None:
    for ext in (".png", "jpg", ""):
        with pytest.raises(OptionError, match="ext must be"):
            plainly(ext, BGR)
    with pytest.raises(OptionError, match=r"quality is already set by IMWRITE_JPEG_QUALITY; .* got 5"):
        plainly(".jpg", BGR, [1, 80], quality=5)
    with pytest.raises(OptionError, match="no keyword 'metadata'"):
        plainly(".jpg", BGR, metadata="strip")
    for image in (
        BGR.astype(np.uint16),
        GRAY > 9,
        BGR[..., :2],
        BGR[:0],
        None,
        [[1, 2]],
        np.zeros((2, 2, 2, 3), np.uint8),
    ):
        with pytest.raises(InputError):
            plainly(".jpg", image)


def test_bad_metadata() -> None:
    def encode(kinds: list[int], metadata: list[Any]) -> None:
        opencv.imencodeWithMetadata(".jpg", BGR, kinds, metadata, saliency=None)

    with pytest.raises(OptionError, match="same length, got 1 and 0"):
        encode([0], [])
    with pytest.raises(OptionError, match="got 3"):
        encode([3], [b"1234"])
    with pytest.raises(OptionError, match="got str"):
        encode([1], ["<x/>"])
    with pytest.raises(SegmentError):
        encode([0], [EXIF + bytes(70_000)])


def test_flags_are_opencvs() -> None:
    for flag, (name, _) in opencv._FLAGS.items():
        assert getattr(cv2, name) == flag
    assert set(opencv._SUBSAMPLINGS) == {getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}") for name in FACTORS}
