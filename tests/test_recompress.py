"""recompress(): the same pixels in fewer bytes, or fewer levels without a second generation of colour conversion."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exif_blocks import camera_exif, thumbnail
from helpers import SAMPLINGS, encoded, opencv_pixels, photo, pillow_pixels, psnr, quantized, same_levels
from PIL import Image

from saliency_jpeg import InputError, OptionError, Options, TargetError, compress, recompress
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.parameters import KEEP_TABLE_BELOW
from saliency_jpeg.metadata import jpeg_metadata, segments
from saliency_jpeg.metadata.jpeg_header import read_header
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.recompression.recompress import lossless

PIXELS = photo(240, 320, 100, 150)
PICTURE = Image.fromarray(np.array(PIXELS))


def saved(image: Image.Image = PICTURE, kind: str = "JPEG", **options: Any) -> bytes:
    return encoded(image, kind, **options)


SOURCES: dict[str, Callable[[], bytes]] = {
    "4:2:0": lambda: saved(quality=90),
    "4:4:4": lambda: saved(quality=95, subsampling=0),
    "4:2:2": lambda: saved(quality=80, subsampling=1),
    "4:4:0": lambda: quantized(np.array(PIXELS), 1, 2).jpeg(progressive=False),
    "4:1:1": lambda: quantized(np.array(PIXELS), 4, 1).jpeg(progressive=False),
    "gray": lambda: saved(PICTURE.convert("L"), quality=75),
    "progressive": lambda: saved(quality=90, progressive=True),
    "optimised": lambda: saved(quality=50, optimize=True),
    "restarts": lambda: saved(quality=90, restart_marker_blocks=5),
    "odd size": lambda: saved(PICTURE.crop((3, 5, 124, 94)), quality=85),
    "tiny": lambda: saved(PICTURE.crop((0, 0, 3, 1)), quality=85),
    "flat": lambda: saved(Image.new("RGB", (64, 64), (200, 30, 90))),
    "quality 100": lambda: saved(quality=100, subsampling=0),
    "quality 25": lambda: saved(quality=25),
    "quality 1": lambda: saved(quality=1),
    "RGB": lambda: saved(quality=90, keep_rgb=True),
    "CMYK": lambda: saved(PICTURE.convert("CMYK"), quality=90),
}
LOSSY = [name for name in SOURCES if name not in ("tiny", "flat", "quality 1", "RGB", "CMYK")]


@pytest.mark.parametrize("name", SOURCES)
def test_without_a_wish_nothing_is_lost_and_nothing_grows(name: str) -> None:
    source = SOURCES[name]()
    result = recompress(source)
    assert len(result) <= len(source)
    np.testing.assert_array_equal(pillow_pixels(result), pillow_pixels(source))
    if name != "CMYK":
        np.testing.assert_array_equal(opencv_pixels(result), opencv_pixels(source))
    assert same_levels(_core.read_jpeg(result).levels, _core.read_jpeg(source).levels)
    assert recompress(result) == result
    assert name not in ("4:2:0", "4:4:4", "4:2:2", "gray", "restarts") or len(result) < 0.97 * len(source)


@pytest.mark.parametrize("name", ["4:2:0", "gray", "progressive", "CMYK"])
def test_a_baseline_file_or_restart_markers_on_demand(name: str) -> None:
    source = SOURCES[name]()
    result = recompress(source, progressive=False, restart_interval=3)
    frame = read_header(result)
    assert frame is not None
    assert not frame.progressive
    assert frame.restart_interval == 3
    np.testing.assert_array_equal(pillow_pixels(result), pillow_pixels(source))


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("share", [0.98, 0.9, 0.7, 0.4])
def test_a_target_is_filled_and_never_exceeded(name: str, share: float) -> None:
    source = SOURCES[name]()
    target = 450 + share * (len(recompress(source)) - 450)
    result = recompress(source, target_kb=target / 1000, saliency=None)
    assert 0.97 * target < len(result) <= target
    before, after = read_header(source), read_header(result)
    assert before is not None
    assert after is not None
    assert before.subsampling == after.subsampling
    assert pillow_pixels(result).shape == pillow_pixels(source).shape
    assert psnr(pillow_pixels(result), pillow_pixels(source)) > 24


def test_what_is_small_enough_is_only_packed_better() -> None:
    source = saved(quality=80)
    same = recompress(source)
    for target in (len(source), len(same)):
        assert recompress(source, target_kb=target / 1000) == same
    assert recompress(source, quality=99, saliency=None) == same
    assert len(recompress(source, target_kb=len(same) / 1000, quality=30, saliency=None)) < 0.6 * len(same)


@pytest.mark.parametrize(("first", "share"), [(80, 0.95), (90, 0.85), (95, 0.7)])
def test_closer_to_the_pristine_picture_than_a_second_generation(first: int, share: float) -> None:
    source = saved(quality=first)
    target = share * len(recompress(source)) / 1000
    ours = recompress(source, target_kb=target, saliency=None)
    again = compress(pillow_pixels(source), target_kb=target, saliency=None, subsampling="4:2:0")
    assert psnr(pillow_pixels(ours), PIXELS) > psnr(pillow_pixels(again), PIXELS) + 0.3


def test_quality_asks_for_what_it_asks_of_compress() -> None:
    source = saved(quality=95)
    sizes = [len(recompress(source, quality=q, saliency=None)) for q in (10, 30, 50, 70, 85)]
    assert (np.diff(sizes) > 0).all()
    for quality, size in zip((30, 70), (sizes[1], sizes[3]), strict=True):
        assert size == pytest.approx(len(compress(PIXELS, quality=quality, saliency=None)), rel=0.15)


def test_steps_little_larger_than_the_own_are_not_taken() -> None:
    source = saved(quality=90, subsampling=0)
    own = _core.read_jpeg(source).tables
    found = _core.read_jpeg(recompress(source, target_kb=0.9 * len(recompress(source)) / 1000, saliency=None))
    changed = found.tables[found.component_tables] / own[_core.read_jpeg(source).component_tables]
    assert (changed == 1).mean() > 0.5
    assert ((changed == 1) | (changed >= KEEP_TABLE_BELOW)).all()


def test_what_matters_keeps_its_levels() -> None:
    source = saved(quality=92)
    target, box = 0.6 * len(recompress(source)) / 1000, (100, 80, 220, 180)
    region = np.s_[80:180, 100:220]
    plain = pillow_pixels(recompress(source, target_kb=target, saliency=None))
    mapped = pillow_pixels(recompress(source, target_kb=target, saliency=[box]))
    assert psnr(mapped, PIXELS, region) > psnr(plain, PIXELS, region) + 1


def test_metadata_are_kept_whole_or_replaced() -> None:
    exif, icc = camera_exif(thumbnail(PICTURE), orientation=6), bytes(36) + b"acsp" + bytes(70_000)
    metadata = Metadata(exif=exif, icc=icc, xmp=b"<x:xmpmeta/>", comment=b"a remark")
    source = segments.replace_segments(saved(quality=90), jpeg_metadata.build(metadata))
    calls: tuple[dict[str, Any], ...] = ({}, {"quality": 30, "saliency": None})
    for options in calls:
        assert segments.parse(recompress(source, **options)) == segments.parse(source)
        stripped = jpeg_metadata.collect(segments.parse(recompress(source, metadata="strip", **options)))
        assert stripped.orientation == 6
        assert stripped.icc == metadata.icc
        assert stripped.xmp is None
        assert stripped.comment is None
        assert len(stripped.exif or b"") == 26
    np.testing.assert_array_equal(pillow_pixels(recompress(source, metadata="safe")), pillow_pixels(source))


@pytest.mark.parametrize("options", [{}, {"quality": 40, "saliency": None}])
def test_further_pictures_are_carried_along(options: dict[str, Any]) -> None:
    source = saved(kind="MPO", save_all=True, append_images=[PICTURE.rotate(180)], quality=90)
    result = recompress(source, **options)
    assert len(result) < len(source)
    with Image.open(io.BytesIO(source)) as before, Image.open(io.BytesIO(result)) as after:
        assert after.n_frames == 2  # type: ignore[attr-defined]
        for number in (0, 1) if not options else (1,):
            before.seek(number)
            after.seek(number)
            np.testing.assert_array_equal(np.asarray(before), np.asarray(after))
    target = (len(source) + len(JpegSource(source).trailing.tail)) / 2000  # type: ignore[union-attr]
    assert len(recompress(source, target_kb=target, saliency=None)) <= 1000 * target
    with pytest.raises(InputError, match="trailing_images='drop'"):
        recompress(source, metadata="strip")


def test_sources_of_every_kind(tmp_path: Path) -> None:
    source = saved()
    path = tmp_path / "photo.jpg"
    path.write_bytes(source)
    for given in (path, str(path), bytearray(source), memoryview(source), io.BytesIO(source)):
        assert recompress(given) == recompress(source)
    with pytest.raises(FileNotFoundError):
        recompress(tmp_path / "missing.jpg")


def arithmetic() -> bytes:
    return saved().replace(b"\xff\xc0", b"\xff\xc9", 1)


def twelve_bits() -> bytes:
    return saved().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c", 1)


BAD: dict[str, Callable[[], Any]] = {
    "empty": lambda: b"",
    "PNG": lambda: saved(kind="PNG"),
    "truncated": lambda: saved()[:-200],
    "arithmetic": arithmetic,
    "12 bits": twelve_bits,
    "a PIL image": lambda: PICTURE,
    "pixels": lambda: PIXELS,
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("options", [{}, {"quality": 50}])
def test_what_cannot_be_read_is_one_clear_error(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        recompress(BAD[name](), **options)
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("options", [{"target_kb": 3}, {"quality": 30}])
@pytest.mark.parametrize("name", ["RGB", "CMYK", "sampling"])
def test_what_cannot_be_quantized_is_named(name: str, options: dict[str, Any]) -> None:
    rare = [(1, 1), (1, 1), (2, 1)]
    level = [np.zeros((30, 20, 64), np.int16)] * 2 + [np.ones((30, 40, 64), np.int16)]
    make = SOURCES.get(name, lambda: _core.write_jpeg(level, np.full((1, 64), 9, np.uint16), (240, 320), rare))
    with pytest.raises(InputError, match=rf"{name}.*compress\(\)"):
        recompress(make(), **options)


def test_options_are_checked_and_are_those_of_the_encoder() -> None:
    with pytest.raises(OptionError, match="got 101"):
        recompress(saved(), quality=101)
    with pytest.raises(TargetError) as caught:
        recompress(saved(), target_kb=0.2, saliency=None)
    assert pillow_pixels(caught.value.best).shape == PIXELS.shape
    with pytest.raises(InputError, match="shape"):
        recompress(saved(), quality=40, saliency=np.zeros((3, 4), np.float32))
    parameters = dict(inspect.signature(recompress).parameters)
    parameters.pop("jpeg")
    assert parameters.pop("keep_layers").default is True
    options = {field.name: field for field in fields(Options)}
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert (parameter.default, parameter.annotation) == (options[name].default, options[name].type)
    of_pixels = {"subsampling", "orientation", "background", "allow_downscale", "max_width", "max_height"}
    assert options.keys() - parameters.keys() >= of_pixels


@pytest.mark.parametrize("name", SAMPLINGS)
def test_lossless_writes_what_it_is_told(name: str) -> None:
    source = quantized(np.array(PIXELS), *SAMPLINGS[name]).jpeg()
    result = lossless(source, progressive=False, metadata=[(0xFE, b"alone")])
    assert segments.parse(result) == [(0xFE, b"alone")]
    np.testing.assert_array_equal(pillow_pixels(result), pillow_pixels(source))
