"""Where other code plugs in: block weights, segments that follow from the levels, segments that stay, one parse."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo, pillow_pixels
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import Encoder, InputError, OptionError, SegmentError, compress, recompress
from saliency_jpeg.allocation import saliency_and_masking
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.parameters import Tuning
from saliency_jpeg.codec.quantizer import Quantized
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.metadata import jpeg_metadata, segments
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metadata.segments import Segment, Span
from saliency_jpeg.recompression import passthrough
from saliency_jpeg.recompression.recompress import lossless

PIXELS = np.array(photo(160, 240, 100, 150))
XMP = segments.XMP_HEADER + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
LAYER = (0xEB, b"JP\0\1a layer of an old encode")


def as_jpeg(own: list[Segment] | None = None, **options: Any) -> bytes:
    jpeg = encoded(PIXELS, **{"quality": 95, **options})
    return jpeg if own is None else segments.replace_segments(jpeg, [*segments.parse(jpeg), *own])


def error(jpeg: bytes, where: Any) -> float:
    difference = pillow_pixels(jpeg)[where].astype(float) - PIXELS[where]
    return float(np.mean(difference**2))


# Block weights ------------------------------------------------------------------------------------------------------


class RightHalf:
    """Block weights from outside: what lies in the right half counts eight times."""

    def __call__(
        self, coefficients: Coefficients, saliency: NDArray[np.float32] | None, *, strength: float, tuning: Tuning
    ) -> NDArray[np.float32]:
        weights = saliency_and_masking(coefficients, saliency, strength=strength, tuning=tuning)
        weights[:, weights.shape[1] // 2 :] *= 8
        return np.asarray(weights / weights.mean(), np.float32)


@pytest.mark.parametrize("options", [{"target_kb": 6}, {"quality": 60}, {"target_score": 60}])
def test_block_weights_from_outside_move_the_bits(options: dict[str, Any]) -> None:
    plain = Encoder(saliency=None, **options).compress(PIXELS).jpeg
    moved = Encoder(saliency=None, **options, coding=Coding(block_weights=RightHalf())).compress(PIXELS).jpeg
    left, right = np.s_[:, :112], np.s_[:, 128:]
    assert error(moved, right) / error(moved, left) < 0.7 * error(plain, right) / error(plain, left)


@pytest.mark.parametrize("bad", [np.zeros((20, 30)), np.full((20, 30), np.nan), np.ones((20, 29)), -np.ones((20, 30))])
def test_weights_from_outside_are_checked(bad: NDArray[np.float64]) -> None:
    coding = Coding(block_weights=lambda *given, **more: bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"block weights must .*got "):
        Encoder(saliency=None, coding=coding).compress(PIXELS)


def test_only_the_ratios_of_weights_from_outside_count() -> None:
    files = set()
    for factor, dtype in ((1, np.float32), (10, np.float32), (0.3, np.float64)):
        weights = (factor * np.linspace(1, 3, 600).reshape(20, 30)).astype(dtype)
        coding = Coding(block_weights=lambda *given, made=weights, **more: made)
        files.add(Encoder(saliency=None, coding=coding).compress(PIXELS).jpeg)
    assert len(files) == 1


def test_the_own_weights_given_from_outside_change_nothing() -> None:
    coding = Coding(block_weights=saliency_and_masking)
    assert Encoder(saliency=None, target_kb=6, coding=coding).compress(PIXELS).jpeg == compress(
        PIXELS, saliency=None, target_kb=6
    )


# Segments from levels -----------------------------------------------------------------------------------------------


def checksum(quantized: Quantized, coefficients: Coefficients | None = None) -> list[Segment]:
    """A layer that depends on the levels: its length and its content."""
    energy = [int(np.abs(levels.astype(np.int64)).sum()) for levels in quantized.levels]
    return [(0xEB, b"test.layer\0" + bytes(100 + energy[0] % 400) + repr(energy).encode())]


@pytest.mark.parametrize("options", [{}, {"progressive": False}, {"effort": 6}, {"metadata": "strip"}])
@pytest.mark.parametrize("target", [3.0, 6.0, 15.0])
def test_segments_made_from_levels_lie_inside_the_budget(target: float, options: dict[str, Any]) -> None:
    encoder = Encoder(saliency=None, target_kb=target, **options, coding=Coding(level_segments=[checksum]))
    result = encoder.compress(PIXELS)
    assert 0.93 * 1000 * target <= len(result.jpeg) <= 1000 * target
    (payload,) = (p for m, p in segments.parse(result.jpeg) if m == 0xEB)
    image = _core.read_jpeg(result.jpeg)
    assert [(0xEB, payload)] == checksum(Quantized(image.levels, image.tables))  # made from these very levels


@pytest.mark.parametrize("per_level", [0.3, 1.0])
@pytest.mark.parametrize("target", [15.0, 45.0, 90.0])
def test_a_budget_is_filled_whatever_the_segments_take(target: float, per_level: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)

    def long_layer(quantized: Quantized, coefficients: Coefficients) -> list[Segment]:
        size = int(per_level * sum(int(np.count_nonzero(levels)) for levels in quantized.levels))
        return [(0xEB, bytes(min(65_000, size - at))) for at in range(0, size, 65_000)]

    coding = Coding(level_segments=[long_layer])
    result = Encoder(saliency=None, target_kb=target, coding=coding).compress(noise)
    assert 0.9 * 1000 * target <= len(result.jpeg) <= 1000 * target


def test_segments_that_do_not_fit_are_refused() -> None:
    for segment in ((0xEB, bytes(65_534)), (0xDB, b"")):
        coding = Coding(level_segments=[lambda quantized, coefficients, segment=segment: [segment]])
        with pytest.raises(SegmentError, match="extra segment"):
            Encoder(saliency=None, coding=coding).compress(PIXELS)


def test_a_source_cannot_stand_for_a_file_with_such_segments() -> None:
    source = as_jpeg(quality=30)
    plain, coded = (
        Encoder(saliency=None, quality=95, coding=c).compress(source) for c in (None, Coding(level_segments=[checksum]))
    )
    assert plain.jpeg == source
    assert b"test.layer" in coded.jpeg
    assert not coded.passed_through


# Segments that stay -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["safe", "strip"])
@pytest.mark.parametrize("way", ["encoded", "passed through", "rewritten", "recompressed", "smaller"])
def test_named_segments_stay_in_every_mode(mode: Any, way: str) -> None:
    source = as_jpeg([(0xE1, XMP), LAYER, (0xEC, b"Ducky"), (0xFE, b"a remark")], quality=30 if "r" in way else 95)

    def run(*names: str) -> list[Segment]:
        common: dict[str, Any] = {"saliency": None, "metadata": mode, "keep_segments": names}
        made = {
            "encoded": lambda: compress(source, quality=50, **common),
            "passed through": lambda: compress(source, quality=95, **common),
            "rewritten": lambda: compress(source, quality=99, restart_interval=7, **common),
            "recompressed": lambda: recompress(source, **common),
            "smaller": lambda: recompress(source, target_kb=len(source) / 1500, **common),
        }[way]()
        return [s for s in segments.parse(made) if s[0] != 0xE0]

    assert run() == []
    assert run("APP11") == [LAYER] == run("APP11:JP", "APP3")
    assert run("APP11:other") == []
    assert run("COM", "APP12", "APP1:http://ns.adobe.com/xap/1.0/") == [
        (0xE1, XMP),
        (0xEC, b"Ducky"),
        (0xFE, b"a remark"),
    ]


def test_a_kept_exif_block_takes_the_place_of_the_small_one() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    source = as_jpeg(exif=exif)
    for names, described in ((["APP1:Exif"], True), ([], False)):
        made = compress(source, quality=50, saliency=None, metadata="safe", keep_segments=names)
        blocks = [p for m, p in segments.parse(made) if m == 0xE1]
        assert len(blocks) == 1
        assert (b"a description" in blocks[0]) == described
        with Image.open(io.BytesIO(made)) as image:
            assert image.getexif()[0x0112] == 6


# One parse ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files whose markers were walked."""
    walked: list[bytes] = []
    walk = segments.walk

    def counted(data: bytes) -> Iterator[Span]:
        walked.append(data)
        return walk(data)

    monkeypatch.setattr(segments, "walk", counted)
    return walked


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 50},
        {"quality": 99},
        {"target_kb": 6},
        {"target_kb": 500},
        {"target_kb": 500, "metadata": "strip"},
        {"quality": 99, "metadata": "safe", "progressive": False},
        {"target_score": 60},
        {"target_kb": 6, "orientation": "apply"},
    ],
    ids=repr,
)
def test_a_source_is_walked_once(options: dict[str, Any], walks: list[bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    source = as_jpeg([(0xE1, XMP)], exif=exif, progressive=True)
    compress(source, saliency=None, **options)
    assert walks.count(source) == 1


@pytest.mark.parametrize("options", [{}, {"target_kb": 6}, {"metadata": "strip"}], ids=repr)
def test_a_source_is_walked_once_by_recompress(options: dict[str, Any], walks: list[bytes]) -> None:
    source = as_jpeg([(0xE1, XMP)])
    recompress(source, saliency=np.zeros(PIXELS.shape[:2], np.float32), **options)
    assert walks.count(source) == 1


@pytest.mark.parametrize(
    ("options", "rewrites"),
    [
        ({"quality": 50}, 0),
        ({"target_kb": 6}, 0),
        ({"quality": 50, "metadata": "strip"}, 0),
        ({"quality": 99, "progressive": False}, 1),
        ({"target_kb": 500, "progressive": False}, 1),
        ({"target_kb": 6, "progressive": False}, 1),
    ],
    ids=repr,
)
def test_a_lossless_rewrite_is_made_at_most_once(
    options: dict[str, Any], rewrites: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bytes] = []

    def counted(jpeg: bytes, **form: Any) -> bytes:
        made.append(jpeg)
        return lossless(jpeg, **form)

    monkeypatch.setattr(passthrough, "lossless", counted)
    compress(as_jpeg(progressive=True), saliency=None, **options)
    assert len(made) == rewrites


def test_segments_of_the_file_itself_cannot_be_kept() -> None:
    for name in ("APP0", "APP0:JFXX", "APP14", "APP14:Adobe", "APP2:MPF"):
        with pytest.raises(OptionError, match="describes the file itself"):
            Encoder(metadata="safe", keep_segments=[name])


def test_xmp_is_kept_with_the_segments_that_continue_it() -> None:
    long_xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b" " * 70_000 + b"</x:xmpmeta>"
    built = jpeg_metadata.build(Metadata(xmp=long_xmp))[1:]
    source = segments.replace_segments(as_jpeg(), [*segments.parse(as_jpeg()), *built])
    name = "APP1:http://ns.adobe.com/xap/1.0/"
    made = compress(source, quality=50, saliency=None, metadata="safe", keep_segments=[name])
    assert [s for s in segments.parse(made) if s[0] == 0xE1] == built
