"""The search for a size: few passes, full files, never over; and the sample of blocks that it begins on."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import KODIM07, Pixels, photo
from PIL import Image

from saliency_jpeg import Encoder
from saliency_jpeg.codec import _core, symbol_costs
from saliency_jpeg.codec.block_sample import BlockSample
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import STUFFED, TUNINGS
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.metadata import segments


def whole_photo() -> Pixels:
    with Image.open(KODIM07) as image:
        return np.asarray(image.convert("RGB"))


def screen() -> Pixels:
    """A white page with lines of dark marks, and a photograph in it."""
    rng = np.random.default_rng(4)
    pixels = np.full((480, 640, 3), 250, np.uint8)
    for top in range(20, 440, 16):
        marks = rng.random((9, int(rng.integers(100, 580)))) < 0.3
        pixels[top : top + 9, 30 : 30 + marks.shape[1]][marks] = (20, 30, 60)
    pixels[150:342, 300:492] = photo(192, 192)
    return pixels


PICTURES = {"photograph": whole_photo, "crop": lambda: photo(256, 384, 96, 128), "screen": screen}


def encoding_of(pixels: Pixels, sampling: tuple[int, int] = (2, 2)) -> JpegEncoding:
    coefficients = Coefficients.from_pixels(pixels, sampling)
    header = JpegHeaderPolicy(size=pixels.shape[:2])
    weights = np.ones(coefficients.luma.shape[:2], np.float32)
    return JpegEncoding.create(coefficients, weights, TunedSteps(TUNINGS["default"], 3), header)


@pytest.mark.parametrize(("name", "most"), [("photograph", 3), ("crop", 3), ("screen", 4)])
def test_two_passes_and_one_file_fill_most_targets(name: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = PICTURES[name]()
    files: list[int] = []
    write = JpegEncoding.write

    def counted(encoding: JpegEncoding, quantized: object) -> bytes:
        if encoding.header.segments:  # no sample
            files.append(1)
        return write(encoding, quantized)  # type: ignore[arg-type]

    monkeypatch.setattr(JpegEncoding, "write", counted)
    passes, fills = [], []
    for rate in (0.2, 0.35, 0.6, 1.0, 1.5, 2.0):
        target = int(rate * pixels.shape[0] * pixels.shape[1] / 8)
        result = Encoder(target_kb=target / 1000, saliency=None).compress(pixels)
        assert result.width == pixels.shape[1]
        passes.append(result.passes)
        fills.append(len(result.jpeg) / target)
    assert max(passes) <= most
    assert np.mean(passes) <= most - 0.8
    assert len(files) <= 1.5 * len(passes)
    assert max(fills) <= 1
    assert min(fills) >= 0.984
    assert np.mean(fills) >= 0.99


def test_the_multiplier_is_the_one_that_was_used() -> None:
    """A little is left to lambda, at the same tables; seldom more than a fifth."""
    usual = TUNINGS["default"].lmbda
    pixels = photo(256, 384, 96, 128)
    found = {Encoder(target_kb=kb, saliency=None).compress(pixels).lmbda for kb in np.arange(6, 24, 1.5)}
    assert len(found) > 1
    assert all(abs(np.log(lmbda / usual)) <= 0.2 + 1e-6 for lmbda in found)


@pytest.mark.parametrize("mcus", [(40, 60), (3, 700), (300, 2), (26, 17)])
def test_a_sample_is_spread_over_the_image_and_takes_no_block_twice(mcus: tuple[int, int]) -> None:
    sample = BlockSample.spread(mcus, 300)
    assert sample is not None
    places = np.arange(mcus[0] * mcus[1]).reshape(mcus)
    taken = sample.take(places)
    assert len(np.unique(taken)) == taken.size
    assert 200 <= taken.size <= 400
    rows, cols = np.divmod(taken, mcus[1])
    for part, size in ((rows, mcus[0]), (cols, mcus[1])):
        assert abs(part.mean() / (size - 1) - 0.5) < 0.15


@pytest.mark.parametrize("mcus", [(0, 10), (10, 0), (4, 4), (18, 18)])
def test_of_a_small_image_everything_is_taken(mcus: tuple[int, int]) -> None:
    assert BlockSample.spread(mcus, 300) is None


def test_the_sample_of_the_blocks_is_the_transform_of_the_sample_of_the_pixels() -> None:
    pixels = photo(160, 240, 96, 128)
    sample = BlockSample.spread((20, 30), 100)
    assert sample is not None
    blocks = sample.take(_core.forward_dct(pixels)[0])
    np.testing.assert_array_equal(blocks, _core.forward_dct(sample.take(pixels, 8, 8))[0])


@pytest.mark.parametrize("sampling", [(1, 1), (2, 2), (2, 1)])
def test_a_sample_tells_the_size_of_the_image(sampling: tuple[int, int]) -> None:
    encoding = encoding_of(whole_photo(), sampling)
    sample = encoding.sample(2048)
    share = encoding.pixels / sample.pixels
    assert 2.5 < share < 3.5
    costs = encoding.first_costs(3.0)
    whole, part = (each.quantize(3.0, costs).costs for each in (encoding, sample))
    assert abs(np.log(share * part.total_bits / whole.total_bits)) < 0.15
    assert len(sample.write(sample.quantize(3.0, costs))) < len(encoding.write(encoding.quantize(3.0, costs)))


@pytest.mark.parametrize("scale", [1.5, 3.0, 8.0])
def test_an_estimate_is_near_the_file(scale: float) -> None:
    encoding = encoding_of(whole_photo())
    quantized = encoding.quantize(scale)
    jpeg = encoding.write(quantized)
    fixed = 2 + next(start for marker, start, _ in segments.walk(jpeg) if marker == 0xC4)
    assert abs(np.log(STUFFED * encoding.estimate(quantized) / (len(jpeg) - fixed))) < 0.01


def test_costs_for_given_bands_are_those_of_a_choice_that_fell_on_them() -> None:
    levels = encoding_of(photo(160, 240, 96, 128)).quantize(3.0).levels
    chosen = symbol_costs.learn(levels, progressive=True)
    given = symbol_costs.learn(levels, progressive=True, bands=[kind.bands for kind in chosen.ac])
    assert given.total_bits == chosen.total_bits
    assert given.header_bits == chosen.header_bits
    for a, b in zip(given.ac, chosen.ac, strict=True):
        np.testing.assert_array_equal(a.bits, b.bits)


def test_a_larger_multiplier_takes_fewer_bytes_at_the_same_tables() -> None:
    encoding = encoding_of(photo(160, 240, 96, 128))
    costs = encoding.first_costs(3.0)
    plain, trimmed = (each.quantize(3.0, costs) for each in (encoding, encoding.with_lambda(1.2)))
    np.testing.assert_array_equal(plain.tables, trimmed.tables)
    assert 0.9 * plain.costs.total_bits < trimmed.costs.total_bits < plain.costs.total_bits
    assert encoding.with_lambda(1.2).lmbda == pytest.approx(1.2 * encoding.lmbda)
