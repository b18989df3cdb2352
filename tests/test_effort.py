"""Effort: what each level does, and that more of it never hurts."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import photo
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Encoder, OptionError, TargetError
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.effort import DEFAULT_EFFORT, EFFORTS, Variant
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import TUNINGS
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.codec.symbol_costs import SymbolCosts
from saliency_jpeg.rate_control import AtScale, BestOf, Encoded, Judge

LARGE = np.tile(photo(256, 256, 100, 150), (3, 4, 1))  # 18,432 blocks


@pytest.mark.parametrize("level", EFFORTS)
def test_every_level_makes_a_file(level: int) -> None:
    jpeg = saliency_jpeg.compress(photo(), quality=60, saliency=None, effort=level)
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.size == (96, 96)
    assert saliency_jpeg.compress(photo(), quality=60, saliency=None, effort=level) == jpeg


@pytest.mark.parametrize("level", [0, 10, 5.0, True, "5", None])
def test_wrong_levels(level: Any) -> None:
    with pytest.raises(OptionError, match=r"effort must be an integer from 1 to 9, got"):
        Encoder(effort=level)


def test_five_is_the_default() -> None:
    assert saliency_jpeg.Options().effort == DEFAULT_EFFORT == 5


@pytest.mark.parametrize("target", [2.0, 4.0, 9.0])
@pytest.mark.parametrize("level", [1, 7])
def test_targets_hold_at_every_level(level: int, target: float) -> None:
    pixels = photo(160, 160)
    jpeg = saliency_jpeg.compress(pixels, target_kb=target, saliency=None, effort=level)
    assert 0.95 * target * 1000 <= len(jpeg) <= target * 1000


def test_high_effort_scores_no_less_at_the_same_size() -> None:
    pixels = photo(192, 192)
    judge = Judge(pixels)
    plain, best = (saliency_jpeg.compress(pixels, target_kb=6, saliency=None, effort=level) for level in (5, 9))
    assert judge(best) >= judge(plain)


def test_variants_are_compared_at_one_size() -> None:
    pixels = photo(192, 192)
    plain, best = (saliency_jpeg.compress(pixels, quality=70, saliency=None, effort=level) for level in (5, 9))
    assert abs(len(best) / len(plain) - 1) < 0.02


def sizes_of_rows(level: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    plain = _core.quantize_plain
    monkeypatch.setattr(_core, "quantize_plain", lambda c, t: seen.append(c.shape[0] * c.shape[1]) or plain(c, t))
    saliency_jpeg.compress(LARGE, quality=70, saliency=None, effort=level, subsampling="4:2:0")
    monkeypatch.undo()
    return seen


def test_low_levels_study_a_part_of_a_large_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    studied = {level: sum(sizes_of_rows(level, monkeypatch)) for level in (1, 3, 5)}
    assert studied[1] < studied[3] < studied[5] <= 18432
    assert studied[1] >= 3 * 512


def test_a_part_tells_nearly_as_much_as_the_whole() -> None:
    """The picture repeats itself, so a quarter of it is as good."""
    files = [saliency_jpeg.compress(LARGE, quality=70, saliency=None, effort=level) for level in (2, 5)]
    assert abs(len(files[0]) / len(files[1]) - 1) < 0.01


def test_bands_and_scans_chosen_by_all_or_by_a_part() -> None:
    luma = _core.quantize_plain(_core.forward_dct(LARGE, 2, 2)[0], np.full(64, 12, np.uint16))
    bands, counts = _core.best_bands([luma])
    for blocks in (luma.shape[0] * luma.shape[1], 10**9):
        same, same_counts = _core.best_bands([luma], blocks)
        assert same == bands
        np.testing.assert_array_equal(same_counts, counts)
    some, some_counts = _core.best_bands([luma], 600)
    assert some_counts.shape == (len(some), 257)  # and these counts are of all blocks
    for (ss, se), count in zip(some, some_counts, strict=True):
        np.testing.assert_array_equal(count, _core.ac_histogram(luma, True, ss, se))


def test_a_part_may_choose_other_scans_but_no_other_picture() -> None:
    levels = [_core.quantize_plain(c, np.full(64, 12, np.uint16)) for c in _core.forward_dct(LARGE, 2, 2)]
    tables = np.full((3, 64), 12, np.uint16)
    sampling = [(2, 2), (1, 1), (1, 1)]
    whole, part = (_core.write_jpeg(levels, tables, LARGE.shape[:2], sampling, choice_blocks=n) for n in (0, 64))
    assert len(whole) <= len(part) < 1.05 * len(whole)
    for file in (whole, part):
        assert all(np.array_equal(a, b) for a, b in zip(_core.read_jpeg(file).levels, levels, strict=True))


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
    return JpegEncoding(coefficients, np.ones((8, 8), np.float32), TunedSteps(TUNINGS["default"], 3), header)


def best_of(*files: bytes | None) -> Encoded:
    ways = [Variant(1.0 + (i + 1) / 10, 0.0) for i in range(len(files) - 1)]
    return BestOf(Ladder(list(files)), ways, SCORES.__getitem__)(small_encoding())


def test_the_best_score_wins_among_files_that_fill_one_target() -> None:
    a, b, c, d = SCORES
    assert best_of(a, b).jpeg == b
    assert best_of(a, d).jpeg == a  # the plain way stays where nothing is better
    assert best_of(a, d, b, c).jpeg == c
    best = best_of(a, None, b)  # a variant that meets no target is passed over
    assert best.jpeg == b and best.passes == 6
    assert best.lmbda == pytest.approx(1.2 * TUNINGS["default"].lmbda)


def test_bytes_count_where_no_target_limits_them() -> None:
    """The variants of an encoding at a given quality aim at its size, and what they save counts up to 2 %."""
    encoding = small_encoding()
    plain = AtScale(3.0)(encoding)
    ways = [Variant(1.3, 0.5), Variant(0.7, 0.25)]
    same = BestOf(AtScale(3.0), ways, lambda jpeg: 60.0)(encoding)
    assert len(same.jpeg) <= len(plain.jpeg)
    worse = BestOf(AtScale(3.0), ways, lambda jpeg: 60.0 if jpeg == plain.jpeg else 59.4)(encoding)
    assert worse.jpeg == plain.jpeg  # no saving that counts is worth half a point
    assert worse.passes > 2 and worse.lmbda == plain.lmbda


def test_a_variant_leaves_its_encoding_alone() -> None:
    encoding = small_encoding()
    before = encoding.quantize(3.0)
    other = encoding.varied(Variant(1.3, 0.5))
    changed, after = other.quantize(3.0), encoding.quantize(3.0)
    assert not np.array_equal(changed.tables, before.tables)
    assert all(np.array_equal(a, b) for a, b in zip(before.levels, after.levels, strict=True))
    assert other.lmbda == pytest.approx(1.3 * encoding.lmbda)


def test_the_result_names_the_multiplier_of_the_variant_that_won() -> None:
    pixels = photo(96, 96)
    factors = {round(Encoder(quality=q, saliency=None, effort=9).compress(pixels).lmbda, 6) for q in range(30, 90, 6)}
    allowed = {round(v.factor * TUNINGS["default"].lmbda, 6) for v in EFFORTS[9].variants}
    assert factors <= allowed and len(factors) > 1


def test_what_cannot_be_judged_is_encoded_the_plain_way() -> None:
    """libjpeg opens at most 65500 pixels on a side."""
    longest = np.tile(photo(1, 80), (1, 820, 1))[:, :65535].copy()
    five, nine = (saliency_jpeg.compress(longest, quality=30, saliency=None, effort=level) for level in (5, 9))
    assert five == nine
    assert _core.read_jpeg(nine).size == (1, 65535)


def test_arrays_beyond_the_limit_on_files_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit is against small files that decode to large pictures, and warns; warnings are errors here."""
    pixels = photo(64, 64)
    expected = Encoder(quality=60, saliency=None, effort=9).compress(pixels)
    for limit in (1000, 3000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert Encoder(quality=60, saliency=None, effort=9).compress(pixels).jpeg == expected.jpeg


def test_the_lowest_level_does_without_corrections(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    for name in ("clipped_blocks", "compensated_luma"):
        function = getattr(_core, name)
        monkeypatch.setattr(_core, name, lambda *a, n=name, f=function: called.append(n) or f(*a))
    saliency_jpeg.compress(photo(), quality=50, saliency=None, effort=1)
    assert called == []
    saliency_jpeg.compress(photo(), quality=50, saliency=None, effort=2)
    assert called == ["clipped_blocks", "compensated_luma"]
