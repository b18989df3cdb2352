"""High effort: several ways to encode are compared at one size, and what comes out scores no less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from helpers import photo, same_levels
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Encoder, TargetError
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.effort import EFFORTS, Variant
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import TUNINGS
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.codec.symbol_costs import SymbolCosts
from saliency_jpeg.rate_control import AtScale, BestOf, Encoded, Judge


def test_high_effort_scores_no_less_at_the_same_size() -> None:
    pixels = photo(192, 192)
    judge = Judge(pixels)
    plain, best = (saliency_jpeg.compress(pixels, target_kb=6, saliency=None, effort=level) for level in (5, 7))
    assert judge(best) >= judge(plain)


def test_variants_are_compared_at_one_size() -> None:
    pixels = photo(192, 192)
    plain, best = (saliency_jpeg.compress(pixels, quality=70, saliency=None, effort=level) for level in (5, 7))
    assert abs(len(best) / len(plain) - 1) < 0.02


@dataclass
class Ladder:
    """A rate control that returns given files in turn; ``None`` is a target that cannot be met."""

    files: list[bytes | None]

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        jpeg = self.files.pop(0)
        if jpeg is None:
            raise TargetError("too small", b"")
        return Encoded(jpeg, 1.0, encoding.lmbda, 3, SymbolCosts([], [], 0.0))


SCORES = {b"a" * 1000: 60.0, b"b" * 1000: 61.0, b"c" * 1100: 62.0, b"d" * 1000: 59.0}


def small_encoding() -> JpegEncoding:
    pixels = photo(64, 64)
    coefficients = Coefficients.from_pixels(pixels, (1, 1))
    header = JpegHeaderPolicy(size=(64, 64))
    return JpegEncoding.create(coefficients, np.ones((8, 8), np.float32), TunedSteps(TUNINGS["default"], 3), header)


def best_of(*files: bytes | None) -> Encoded:
    ways = [Variant(1.0 + (i + 1) / 10, 0.0) for i in range(len(files) - 1)]
    return BestOf(Ladder(list(files)), ways, SCORES.__getitem__)(small_encoding())


def test_the_best_score_wins_among_files_that_fill_one_target() -> None:
    a, b, c, d = SCORES
    assert best_of(a, b).jpeg == b
    assert best_of(a, d).jpeg == a  # the plain way stays where nothing is better
    assert best_of(a, d, b, c).jpeg == c
    best = best_of(a, None, b)  # a variant that meets no target is passed over
    assert best.jpeg == b
    assert best.passes == 6
    assert best.lmbda == pytest.approx(1.2 * TUNINGS["default"].lmbda)


def test_bytes_count_where_no_target_limits_them() -> None:
    """The variants of an encoding at a given quality aim at its size, and what they save counts up to 2 %."""
    encoding = small_encoding()
    plain = AtScale(3.0)(encoding)
    ways = [Variant(1.3, 0.5), Variant(0.7, 0.25)]
    same = BestOf(AtScale(3.0), ways, lambda jpeg: 60.0, is_free=True)(encoding)
    assert len(same.jpeg) <= len(plain.jpeg)
    worse = BestOf(AtScale(3.0), ways, lambda jpeg: 60.0 if jpeg == plain.jpeg else 59.4, is_free=True)(encoding)
    assert worse.jpeg == plain.jpeg  # no saving that counts is worth half a point
    assert worse.passes > 2
    assert worse.lmbda == plain.lmbda


def test_a_variant_leaves_its_encoding_alone() -> None:
    encoding = small_encoding()
    before = encoding.quantize(3.0)
    other = encoding.varied(Variant(1.3, 0.5))
    changed, after = other.quantize(3.0), encoding.quantize(3.0)
    assert not np.array_equal(changed.tables, before.tables)
    assert same_levels(before.levels, after.levels)
    assert other.lmbda == pytest.approx(1.3 * encoding.lmbda)


def test_the_result_names_the_multiplier_of_the_variant_that_won() -> None:
    pixels = photo(96, 96)
    factors = {round(Encoder(quality=q, saliency=None, effort=7).compress(pixels).lmbda, 6) for q in range(30, 90, 6)}
    allowed = {round(v.factor * TUNINGS["default"].lmbda, 6) for v in EFFORTS[7].variants}
    assert factors <= allowed
    assert len(factors) > 1


def test_what_cannot_be_judged_is_encoded_the_plain_way() -> None:
    """libjpeg opens at most 65500 pixels on a side."""
    longest = np.tile(photo(1, 80), (1, 820, 1))[:, :65535].copy()
    five, seven = (saliency_jpeg.compress(longest, quality=30, saliency=None, effort=level) for level in (5, 7))
    assert five == seven
    assert _core.read_jpeg(seven).size == (1, 65535)


def test_arrays_beyond_the_limit_on_files_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit is against small files that decode to large pictures, and warns; warnings are errors here."""
    pixels = photo(64, 64)
    expected = Encoder(quality=60, saliency=None, effort=7).compress(pixels)
    for limit in (1000, 3000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert Encoder(quality=60, saliency=None, effort=7).compress(pixels).jpeg == expected.jpeg
