"""Pillow's door: every JPEG save option, compared with what Pillow writes for the same call."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doors import EXIF, ICC, PHOTO, XMP, describe, tables
from helpers import encoded as saved
from helpers import pillow_pixels, psnr
from PIL import Image, JpegPresets

from saliency_jpeg import InputError, OptionError, Options, SaliencyJpegError, SegmentError, TargetError, compress
from saliency_jpeg.integrations import pillow
from saliency_jpeg.integrations._pillow_save_options import PILLOW_KEYWORDS

QTABLES = [list(range(3, 67)), list(range(5, 69))]
PLAIN = {"subsampling": "4:2:0", "progressive": False, "saliency": None}  # Pillow's defaults, and no network
RGB = Image.fromarray(PHOTO)
GRAY = RGB.convert("L")


def repr_of(keywords: dict[str, Any]) -> str:
    return str(keywords)[:40]


def source(**keywords: Any) -> Image.Image:
    """An image that was read from a JPEG file."""
    return Image.open(io.BytesIO(saved(RGB, "JPEG", quality=60, **keywords)))


def both(image: Image.Image, hidden: tuple[str, ...] = (), **keywords: Any) -> tuple[bytes, bytes]:
    """Pillow's file and ours."""
    ours = {name: value for name, value in PLAIN.items() if name not in hidden} | keywords
    return saved(image, "JPEG", **keywords), saved(image, "SALIENCY_JPEG", **ours)


def check(image: Image.Image, theirs: bytes, ours: bytes, slack: float = 1.6) -> None:
    """Checks for the same image and metadata, about the same quality, and fewer bytes."""
    assert describe(ours) == describe(theirs)
    original = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    assert psnr(pillow_pixels(ours), original) > psnr(pillow_pixels(theirs), original) - slack
    assert len(ours) < len(theirs)


CALLS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "quality": {"quality": 50},
    "default quality": {"quality": -1},
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "4:2:2 by name": {"subsampling": "4:2:2"},
    "what Pillow calls 4:1:1": {"subsampling": "4:1:1"},
    "subsampling of a preset": {"subsampling": "web_very_high"},
    "optimize": {"optimize": True},
    "progressive": {"progressive": True},
    "progression": {"progression": 1},
    "dpi": {"dpi": (300, 150.4)},
    "no dpi": {"dpi": (0, 0)},
    "exif with prefix": {"exif": b"Exif\0\0" + EXIF},
    "no exif": {"exif": b""},
    "icc": {"icc_profile": ICC},
    "large icc": {"icc_profile": ICC + bytes(150_000)},
    "no icc": {"icc_profile": None},
    "xmp": {"xmp": XMP},
    "comment": {"comment": b"a comment"},
    "comment as text": {"comment": "h\u00fclle"},
    "rows": {"restart_marker_rows": 2},
    "blocks": {"restart_marker_blocks": 7},
    "rows over blocks": {"restart_marker_rows": 1, "restart_marker_blocks": 70},
    "many rows": {"restart_marker_rows": 60_000},
    "rows of a progressive file": {"restart_marker_rows": 1, "progressive": True},
    "smooth": {"smooth": 60},
    "whole file": {"streamtype": 0},
    "not rgb": {"keep_rgb": False},
}


@pytest.mark.parametrize("image", [RGB, GRAY], ids=["RGB", "L"])
@pytest.mark.parametrize("call", CALLS)
def test_the_same_call(call: str, image: Image.Image) -> None:
    hidden = ("progressive",) if "progression" in CALLS[call] else ()
    theirs, ours = both(image, hidden, **CALLS[call])
    check(image, theirs, ours)
    assert describe(ours) == describe(theirs)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBX", "YCbCr"])
def test_the_modes_that_pillow_saves(mode: str) -> None:
    image = RGB.convert(mode)
    theirs, ours = both(image)
    check(image, theirs, ours)
    assert describe(ours).mode == describe(theirs).mode


@pytest.mark.parametrize("image", [RGB, GRAY], ids=["RGB", "L"])
@pytest.mark.parametrize(
    "keywords",
    [
        {"qtables": QTABLES},
        {"qtables": QTABLES[:1]},
        {"qtables": tuple(QTABLES + QTABLES[:1])},
        {"qtables": dict(enumerate(QTABLES))},
        {"qtables": QTABLES, "quality": 80},
        {"qtables": QTABLES, "quality": 20},
        {"qtables": [[step * 8 for step in QTABLES[0]]], "quality": 30},
        {"qtables": [[0] + [9] * 63]},
        {"qtables": "web_low", "quality": 50},
        {"qtables": "8 # DC\n" + " ".join(["9"] * 63)},
    ],
    ids=repr_of,
)
def test_tables_of_the_caller(keywords: dict[str, Any], image: Image.Image) -> None:
    theirs, ours = both(image, **keywords)
    check(image, theirs, ours, slack=1.6)
    assert tables(ours) == tables(theirs)


def test_steps_of_sixteen_bits() -> None:
    coarse = [[step * 16 for step in QTABLES[0]]]
    ours = saved(GRAY, "SALIENCY_JPEG", qtables=coarse, **PLAIN)
    assert tables(ours) == tables(saved(GRAY, "JPEG", qtables=coarse)) == {0: coarse[0]}


@pytest.mark.parametrize("name", JpegPresets.presets)
def test_presets_name_tables_and_sampling(name: str) -> None:
    theirs, ours = both(RGB, ("subsampling",), quality=name)
    check(RGB, theirs, ours, slack=1.6)
    assert tables(ours) == tables(theirs)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_keep(sampling: str) -> None:
    image = source(subsampling=sampling)
    theirs, ours = both(image, ("subsampling",), quality="keep")
    check(image, theirs, ours, slack=0.5)
    assert tables(ours) == tables(theirs) == image.quantization  # type: ignore[attr-defined]
    assert psnr(pillow_pixels(ours), np.asarray(image)) > 40


def test_keep_of_one_thing_alone() -> None:
    image = source(subsampling="4:2:2")
    check(image, *both(image, subsampling="keep"))
    theirs, ours = both(image, qtables="keep")
    check(image, theirs, ours, slack=3)  # the tables are kept, but bits are traded
    assert tables(ours) == tables(theirs)


def test_keep_a_sampling_that_pillow_does_not_know() -> None:
    image = Image.open(io.BytesIO(compress(PHOTO, subsampling="4:4:0", saliency=None)))
    assert describe(saved(image, "SALIENCY_JPEG", quality="keep", saliency=None)).sampling == [(1, 2), (1, 1), (1, 1)]


def test_keep_of_gray() -> None:
    image = Image.open(io.BytesIO(saved(GRAY, "JPEG", quality=60)))
    theirs, ours = both(image, ("subsampling",), quality="keep")
    check(image, theirs, ours, slack=0.5)
    assert tables(ours) == tables(theirs)


@pytest.mark.parametrize("keywords", [{}, {"quality": 50}, {"qtables": QTABLES}, {"subsampling": 0}], ids=repr_of)
def test_keep_rgb(keywords: dict[str, Any]) -> None:
    theirs, ours = both(RGB, ("subsampling",), keep_rgb=True, **keywords)
    check(RGB, theirs, ours)
    assert (tables(ours) == tables(theirs)) == ("qtables" in keywords)
    check(GRAY, *both(GRAY, keep_rgb=True, **keywords))


def test_keep_of_black_on_white() -> None:
    drawing = Image.new("L", (80, 80), 255)
    drawing.paste(0, (13, 21, 58, 60))
    image = Image.open(io.BytesIO(saved(drawing, "JPEG", quality=60)))
    theirs, ours = both(image, ("subsampling",), quality="keep")
    check(image, theirs, ours, slack=0.1)
    assert tables(ours) == tables(theirs)


def test_keep_rgb_keeps_saturated_colours() -> None:
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[:32, :, 0] = colours[:, ::2, 2] = 255
    ours = saved(Image.fromarray(colours), "SALIENCY_JPEG", keep_rgb=True, quality=90, saliency=None)
    assert psnr(pillow_pixels(ours), colours) > 40


@pytest.mark.parametrize("keywords", [{"subsampling": 0}, {"subsampling": 2}], ids=str)
def test_smooth_is_the_filter_of_libjpeg(keywords: dict[str, Any]) -> None:
    theirs, ours = both(RGB, smooth=100, quality=97, **keywords)
    assert psnr(pillow_pixels(ours), pillow_pixels(theirs)) > 40 > psnr(pillow_pixels(ours), PHOTO)


def test_exif_objects_and_bare_blocks() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for value in (exif, exif.tobytes(), exif.tobytes().removeprefix(b"Exif\0\0")):
        with Image.open(io.BytesIO(saved(RGB, "SALIENCY_JPEG", exif=value, saliency=None))) as image:
            assert dict(image.getexif()) == {0x0112: 6}
            assert image.size == RGB.size


def test_extra_segments_go_in_as_they_are() -> None:
    extra = b"\xff\xed\0\x06abcd" + b"\xff\xe2\0\x08\0 MPF "
    theirs, ours = both(RGB, extra=extra)
    assert extra[:8] in ours
    assert extra[8:] in ours
    check(RGB, theirs, ours)


def test_metadata_of_the_image_is_pillows_affair() -> None:
    """As in Pillow only the comment goes along unasked; ``metadata=`` asks for all."""
    image = source(exif=b"Exif\0\0" + EXIF, icc_profile=ICC, comment=b"mine", dpi=(300, 300), xmp=XMP)
    check(image, *both(image))
    kept = describe(saved(image, "SALIENCY_JPEG", metadata="keep", **PLAIN))
    assert kept == describe(saved(image, "JPEG", exif=image.info["exif"], icc_profile=ICC, dpi=(300, 300), xmp=XMP))
    safe = describe(saved(image, "SALIENCY_JPEG", metadata="safe", comment="given", **PLAIN))
    assert (safe.xmp, safe.icc, safe.comment) == (None, ICC, b"given")
    assert describe(saved(image, "SALIENCY_JPEG", comment="", **PLAIN)).comment is None


def test_turned_pixels() -> None:
    jpeg = saved(RGB, "SALIENCY_JPEG", exif=EXIF, orientation="apply", saliency=None)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == (120, 88)
        assert image.getexif()[0x0112] == 1


def test_our_own_keywords() -> None:
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    mask[:60] = 255
    jpeg = saved(RGB, "SALIENCY_JPEG", target_kb=3, saliency=mask, strength=1, tune="psnr")
    assert 2800 < len(jpeg) <= 3000
    assert describe(jpeg).progressive
    assert psnr(pillow_pixels(jpeg)[:60], PHOTO[:60]) > psnr(pillow_pixels(jpeg)[60:], PHOTO[60:]) + 2
    assert jpeg == compress(RGB, target_kb=3, saliency=mask, strength=1, tune="psnr")
    assert jpeg == pillow.encode(RGB, target_kb=3, saliency=mask, strength=1, tune="psnr")


@pytest.mark.parametrize("keywords", [{"qtables": QTABLES}, {"keep_rgb": True}, {"quality": "maximum"}], ids=repr_of)
def test_targets_hold_for_tables_of_the_caller(keywords: dict[str, Any]) -> None:
    jpeg = saved(RGB, "SALIENCY_JPEG", target_kb=1.7, saliency=None, **keywords)
    assert 1600 < len(jpeg) <= 1700
    large = saved(RGB, "SALIENCY_JPEG", target_kb=300, quality=keywords.pop("quality", 75), saliency=None, **keywords)
    assert len(large) < 30_000  # the tables, or the quality, are the finest that are used


def test_every_option_is_a_keyword() -> None:
    options = {field.name: field.default for field in dataclasses.fields(Options) if field.name not in PILLOW_KEYWORDS}
    assert saved(GRAY, "SALIENCY_JPEG", **options | {"saliency": None}) == compress(GRAY, saliency=None)


def test_more_kinds_of_images_than_pillow_takes() -> None:
    clear = RGB.convert("RGBA")
    clear.putalpha(0)
    jpeg = saved(clear, "SALIENCY_JPEG", background=(0, 0, 255), saliency=None)
    np.testing.assert_allclose(pillow_pixels(jpeg).reshape(-1, 3), [[0, 0, 254]] * PHOTO[..., 0].size, atol=2)
    with pytest.raises(InputError, match="CMYK"):
        saved(RGB.convert("CMYK"), "SALIENCY_JPEG")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"qualty": 5}, "no keyword 'qualty'"),
    ({"quality": "good"}, "'web_low'.* got 'good'"),
    ({"quality": 101}, "quality .* got 101"),
    ({"quality": "keep"}, "needs an image .* got format None"),
    ({"quality": "web_low", "subsampling": 0}, "got 'web_low'"),
    ({"subsampling": 3}, "subsampling .* got 3"),
    ({"subsampling": "5:5:5"}, "subsampling .* got '5:5:5'"),
    ({"subsampling": "keep"}, "needs an image"),
    ({"subsampling": [1]}, r"got \[1\]"),
    ({"qtables": "keep"}, "needs an image"),
    ({"qtables": "a b"}, "qtables .* got 'a b'"),
    ({"qtables": [[1] * 63]}, "qtables"),
    ({"qtables": [[1] * 64] * 5}, "qtables"),
    ({"qtables": []}, "qtables"),
    ({"qtables": [[1.5] * 64]}, "qtables"),
    ({"qtables": [[-1] * 64]}, "qtables"),
    ({"qtables": 7}, "qtables .* got 7"),
    ({"qtables": QTABLES, "quality": 101}, "quality .* got 101"),
    ({"dpi": 300}, "dpi .* got 300"),
    ({"dpi": (300, -1)}, "dpi"),
    ({"dpi": (300, 70_000)}, "dpi"),
    ({"exif": 5}, "exif must be bytes, got int"),
    ({"xmp": 5}, "xmp"),
    ({"icc_profile": 5}, "icc_profile"),
    ({"comment": 5}, "comment"),
    ({"extra": b"abc"}, "extra"),
    ({"extra": b"\xff\xed\0\x20abcd"}, "extra .* got 8 bytes"),
    ({"extra": b"\xff\xdb\0\x06abcd"}, "extra"),
    ({"keep_rgb": True, "subsampling": "4:2:0"}, "keep_rgb .* got '4:2:0'"),
    ({"keep_rgb": True, "dpi": (300, 300)}, "dpi does not go with keep_rgb"),
    ({"smooth": 101}, "smooth .* got 101"),
    ({"smooth": 0.5}, "smooth .* got 0.5"),
    ({"streamtype": 1}, "streamtype .* got 1"),
    ({"streamtype": 2}, "streamtype .* got 2"),
    ({"restart_marker_rows": -1}, "restart_marker_rows .* got -1"),
    ({"restart_marker_blocks": 65536}, "restart_marker_blocks .* got 65536"),
    ({"restart_marker_blocks": 6, "restart_interval": 5}, "restart_interval .* got 5 and 6"),
    ({"append_images": [RGB]}, "append_images .* got 1 images"),
    ({"allow_downscale": True, "target_kb": 1, "qtables": QTABLES}, "allow_downscale"),
    ({"allow_downscale": True, "target_kb": 1, "restart_marker_rows": 1}, "allow_downscale"),
    ({"orientation": "apply", "exif": EXIF, "keep_rgb": True}, "turn the image first, got 'apply'"),
    ({"target_score": 70, "qtables": QTABLES}, "target_score does not go with qtables or keep_rgb, got 70"),
    ({"metadata": "all"}, "metadata .* got 'all'"),
    ({"target_kb": 0}, "target_kb .* got 0"),
]


@pytest.mark.parametrize(("keywords", "message"), BAD, ids=[str(keywords)[:60] for keywords, _ in BAD])
def test_one_clear_error(keywords: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    with pytest.raises(OptionError, match=message):
        RGB.save(path, "SALIENCY_JPEG", **{"saliency": None} | keywords)
    assert not path.exists()


def test_oversized_metadata() -> None:
    with pytest.raises(SegmentError, match="EXIF"):
        saved(RGB, "SALIENCY_JPEG", exif=EXIF + bytes(70_000), saliency=None)
    with pytest.raises(TargetError):
        saved(RGB, "SALIENCY_JPEG", target_kb=0.1, saliency=None)


def test_several_frames_are_refused_not_cut(tmp_path: Path) -> None:
    frames = tmp_path / "two.mpo"
    RGB.save(frames, "MPO", save_all=True, append_images=[RGB.rotate(180)])
    with Image.open(frames) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        with pytest.raises(OptionError, match=r"save_all .* got 2 frames"):
            image.save(tmp_path / "x.jpg", "SALIENCY_JPEG", save_all=True)
    saved(RGB, "SALIENCY_JPEG", save_all=True, saliency=None)


def test_names_of_files_stay_pillows_unless_asked(tmp_path: Path) -> None:
    assert Image.registered_extensions()[".jpg"] == "JPEG"
    assert Image.MIME["SALIENCY_JPEG"] == "image/jpeg"
    pillow.register(".jpg")
    try:
        RGB.save(tmp_path / "x.jpg", target_kb=3, saliency=None)
    finally:
        Image.register_extension("JPEG", ".jpg")
    assert (tmp_path / "x.jpg").read_bytes() == compress(RGB, target_kb=3, saliency=None)


def test_errors_are_of_one_tree() -> None:
    with pytest.raises(SaliencyJpegError):
        saved(Image.new("F", (8, 8)), "SALIENCY_JPEG", saliency=None)
