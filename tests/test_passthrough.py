"""JPEG in, JPEG out: never larger, sampling kept, the source's own scans where nothing better can be made of them."""

# mypy: disable-error-code="union-attr"
from __future__ import annotations

import inspect
import io
import re
import struct
from typing import Any

import numpy as np
import pytest
from exif_blocks import camera_exif
from helpers import SAMPLINGS, encoded, photo, pillow_pixels, quantized
from jpeg_surgery import EOI, SOF0, segment
from PIL import Image

from saliency_jpeg import Encoder, TargetError, compress
from saliency_jpeg.image.load import load
from saliency_jpeg.metadata import jpeg_metadata, segments
from saliency_jpeg.metadata.jpeg_header import read_header
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.options import OPTION_NAMES
from saliency_jpeg.recompression import passthrough

PIXELS = photo(120, 160, 100, 150)
PICTURE = Image.fromarray(np.array(PIXELS))
METADATA = Metadata(
    exif=camera_exif(orientation=6), comment=b"a remark", density=(1, 300, 300), xmp=b"<x:xmpmeta></x:xmpmeta>"
)


def saved(image: Image.Image = PICTURE, **options: Any) -> bytes:
    return encoded(image, **options)


def low() -> bytes:
    """A file that no encoding at a higher quality is smaller than, with metadata."""
    return segments.replace_segments(saved(quality=30, optimize=True), jpeg_metadata.build(METADATA))


def test_every_option_is_looked_at_or_for_encoding_alone() -> None:
    """An option that changes the bytes of a file must not be lost where a source comes back without being encoded."""
    encoding = {"target_score", "saliency", "strength", "tune", "effort", "background", "allow_downscale", "device"}
    encoding |= {"target_metric", "threads", "base_floor"}
    before = {"trailing_images", "max_pixels", "max_width", "max_height"}  # looked at when the picture is loaded
    read = set(re.findall(r"\boptions\.(\w+)", inspect.getsource(passthrough)))
    assert encoding | before | ({*OPTION_NAMES} & {*read, "target_kb"}) == {*OPTION_NAMES}


def run(source: Any, **options: Any) -> Any:
    return Encoder(saliency=None, **options).compress(source)


@pytest.mark.parametrize("quality", [90, 100])
def test_a_file_is_never_made_larger(quality: int) -> None:
    result = run(low(), quality=quality)
    assert result.jpeg == low()
    assert result.passed_through
    assert (result.passes, result.lmbda, result.saliency) == (0, 0.0, None)
    assert result.quality == 30
    assert result.bits_per_pixel == pytest.approx(8 * len(low()) / PIXELS[..., 0].size)
    assert compress(low(), quality=quality, saliency=None) == low()
    larger = run(low(), quality=quality, never_enlarge=False)
    assert len(larger.jpeg) > len(low())
    assert not larger.passed_through


def test_a_smaller_encoding_is_taken() -> None:
    source = saved(quality=95)
    result = run(source, quality=60)
    assert len(result.jpeg) < len(source)
    assert not result.passed_through
    assert result.passes > 0


def test_small_enough_is_passed_through_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saliency_jpeg.encoder.encoder.resolve", lambda *_, **__: pytest.fail("the map was made"))
    source = saved(quality=80)
    assert Encoder(target_kb=len(source) / 1000).compress(source).jpeg == source
    monkeypatch.undo()
    assert len(run(source, target_kb=(len(source) - 1) / 1000).jpeg) < len(source)
    capped = run(source, target_kb=len(source) / 1000, quality=20)
    assert len(capped.jpeg) < len(source)
    assert capped.quality == pytest.approx(20)


@pytest.mark.parametrize("mode", ["safe", "strip"])
def test_other_metadata_leave_the_scans_as_they_are(mode: str) -> None:
    result = run(low(), quality=95, metadata=mode)
    assert result.passed_through
    assert len(result.jpeg) < len(low())
    np.testing.assert_array_equal(pillow_pixels(result.jpeg), pillow_pixels(low()))
    kept = load(result.jpeg).metadata
    assert kept.orientation == 6
    assert kept.comment is None
    assert kept.xmp is None
    assert kept.density == ((1, 300, 300) if mode == "safe" else (0, 1, 1))
    scans = low()[low().index(b"\xff\xdb") :]
    assert result.jpeg.endswith(scans)


@pytest.mark.parametrize("space", ["adobe", "ids"])
def test_a_file_stored_as_rgb_stays_one(space: str) -> None:
    """JFIF would say YCbCr; so none is written where there was none, and Adobe's segment stays."""
    source = saved(quality=30, keep_rgb=True)
    if space == "ids":
        source = segments.replace_segments(source, [(0xFE, b"no marker says so, the names of the components do")])
    else:
        named = source.replace(b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0")
        source = named.replace(b"\3R\0G\0B\0", b"\3\1\0\2\0\3\0")
        source = segments.replace_segments(source, [(0xEE, b"Adobe\0\x64\0\0\0\0\0"), (0xFE, b"a remark")])
    frame = read_header(source)
    assert frame is not None
    assert frame.colour == "rgb"
    assert load(source).subsampling is None
    for mode in ("keep", "strip"):
        result = run(source, quality=99, metadata=mode)
        assert result.passed_through
        assert (mode == "keep") == (result.jpeg == source)
        np.testing.assert_array_equal(pillow_pixels(result.jpeg), pillow_pixels(source))


def test_pixels_that_have_to_change_are_encoded() -> None:
    turned = run(low(), quality=95, orientation="apply")
    assert not turned.passed_through
    assert Image.open(io.BytesIO(turned.jpeg)).size == (120, 160)
    full = run(saved(quality=30), quality=95, subsampling="4:4:4")
    assert not full.passed_through
    assert read_header(full.jpeg).subsampling == (1, 1)
    assert run(saved(quality=30), quality=95, subsampling="4:2:0").passed_through
    cmyk = run(saved(PICTURE.convert("CMYK"), quality=20), quality=95)
    assert not cmyk.passed_through
    assert Image.open(io.BytesIO(cmyk.jpeg)).mode == "RGB"
    assert run(Image.open(io.BytesIO(low())), quality=95).passes > 0  # a PIL image may have been changed


def test_the_form_that_was_asked_for_is_made_without_loss() -> None:
    source = saved(quality=30, progressive=True)
    for options in ({"progressive": False}, {"restart_interval": 7}, {"progressive": False, "restart_interval": 3}):
        result = run(source, quality=95, **options)
        assert result.passed_through
        frame = read_header(result.jpeg)
        assert frame.progressive == options.get("progressive", True)
        assert frame.restart_interval == options.get("restart_interval", 0)
        np.testing.assert_array_equal(pillow_pixels(result.jpeg), pillow_pixels(source))


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_sampling_is_kept_unless_asked(name: str, orientation: int) -> None:
    h, v = SAMPLINGS[name]
    source = quantized(np.array(PIXELS), h, v, step=2).jpeg()
    source = segments.replace_segments(source, jpeg_metadata.build(Metadata().with_orientation(orientation)))
    assert load(source).subsampling == (h, v)
    for options in ({"quality": 40}, {"target_kb": 4}):
        assert read_header(run(source, **options).jpeg).subsampling == (h, v)
        turned = run(source, orientation="apply", **options).jpeg
        assert read_header(turned).subsampling == ((h, v) if orientation == 1 else (v, h))
    assert read_header(run(source, quality=40, subsampling="4:2:2").jpeg).subsampling == (2, 1)


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        ([(2, 2), (2, 1), (2, 1)], (1, 2)),
        ([(4, 2), (1, 1), (1, 1)], (4, 2)),
        ([(3, 1), (1, 1), (1, 1)], (3, 1)),
        ([(2, 2), (1, 1), (2, 1)], None),
        ([(1, 1), (2, 1), (2, 1)], None),
        ([(4, 4), (1, 1), (1, 1)], None),
        ([(3, 1), (2, 1), (2, 1)], None),
        ([(2, 2)], None),
    ],
)
def test_which_samplings_can_be_kept(sampling: list[tuple[int, int]], kept: tuple[int, int] | None) -> None:
    header = struct.pack(">BHHB", 8, 16, 16, len(sampling))
    header += b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(sampling))
    frame = read_header(b"\xff\xd8" + segment(SOF0, header) + EOI)
    assert frame is not None
    assert frame.subsampling == kept


def test_a_rare_sampling_is_written_and_read_by_others() -> None:
    source = quantized(np.array(PIXELS), 3, 1, step=2).jpeg()
    result = run(source, quality=60).jpeg
    assert read_header(result).subsampling == (3, 1)
    assert np.abs(pillow_pixels(result).astype(float) - pillow_pixels(source)).mean() < 6


def test_a_target_that_full_chroma_cannot_meet_is_met_all_the_same() -> None:
    rng = np.random.default_rng(5)
    source = saved(Image.fromarray(rng.integers(0, 256, (160, 160, 3), np.uint8)), quality=90, subsampling=0)
    smallest = {}
    for subsampling in ("4:4:4", "4:2:0"):
        with pytest.raises(TargetError) as caught:
            run(source, target_kb=0.1, subsampling=subsampling)
        smallest[subsampling] = len(caught.value.best)
    target = (smallest["4:4:4"] + smallest["4:2:0"]) // 2
    result = run(source, target_kb=target / 1000)
    assert smallest["4:2:0"] <= len(result.jpeg) <= target < smallest["4:4:4"]
    assert read_header(result.jpeg).subsampling == (2, 2)


@pytest.mark.parametrize("quality", [1, 10, 30, 50, 75, 90, 100])
def test_the_quality_of_a_file_is_read_from_its_tables(quality: int) -> None:
    assert read_header(saved(quality=quality)).quality == quality


def test_damaged_headers_are_no_frame() -> None:
    rng = np.random.default_rng(9)
    source = saved()
    assert read_header(b"") is None
    assert read_header(b"\xff\xd8\xff\xd9") is None
    for _ in range(400):
        damaged = bytearray(source)
        for _ in range(rng.integers(1, 6)):
            damaged[rng.integers(2, 640)] = rng.integers(0, 256)
        frame = read_header(bytes(damaged[: rng.integers(2, 700)]))
        assert frame is None or 0 <= frame.quality <= 100
