"""Effort: what each level does, and that more of it never hurts."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from helpers import photo
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Encoder, OptionError, TargetError
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.effort import DEFAULT_EFFORT, EFFORTS, Variant
from saliency_jpeg.codec.quantizer import Quantizer
from saliency_jpeg.rate_control import variants
from saliency_jpeg.rate_control.by_score import Judge
from saliency_jpeg.rate_control.by_size import Coded

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


class Contest:
    """Files of given lengths and scores."""

    def __init__(self) -> None:
        pixels = photo(32, 32)
        coefficients = _core.forward_dct(pixels)
        self.quantizer = Quantizer(coefficients, np.ones((4, 4), np.float32), (1, 1), rgb=pixels)
        self.scores = {b"a" * 1000: 60.0, b"b" * 1000: 61.0, b"c" * 1100: 62.0, b"d" * 1000: 59.0}

    def winner(self, *names: bytes, counts_bytes: bool = True) -> bytes:
        files = iter(sorted(self.scores, key=lambda f: names.index(f[:1]) if f[:1] in names else 9))
        made = [next(files) for _ in names]
        ways = [Variant(1.0 + i / 10, 0.0) for i in range(len(names) - 1)]
        rest = iter(made[1:])
        first = Coded(made[0], 1.0)
        return variants.best_of(
            first,
            self.quantizer,
            ways,
            lambda _: Coded(next(rest), 1.0),
            self.scores.__getitem__,
            counts_bytes=counts_bytes,
        ).jpeg[:1]


def test_the_contest_weighs_bytes_against_score() -> None:
    game = Contest()
    assert game.winner(b"a", b"b") == b"b"
    assert game.winner(b"a", b"d") == b"a"  # the plain way stays where nothing is better
    assert game.winner(b"a", b"c") == b"a"  # 2 points are not worth a tenth more bytes
    assert game.winner(b"a", b"d", b"b", b"c") == b"b"
    assert game.winner(b"a", b"c", counts_bytes=False) == b"c"  # both fill one target
    game.scores[b"e" * 500] = 60.3  # half the bytes is no variant of the same size; what is saved counts to 2 %
    assert game.winner(b"b", b"e") == b"b"


def test_a_variant_leaves_its_quantizer_alone() -> None:
    pixels = photo(64, 64)
    quantizer = Quantizer(_core.forward_dct(pixels), np.ones((8, 8), np.float32), (1, 1), rgb=pixels)
    before = quantizer.at(3.0)
    other = quantizer.varied(Variant(1.3, 0.5))
    changed, after = other.at(3.0), quantizer.at(3.0)
    assert not np.array_equal(changed.tables, before.tables)
    assert all(np.array_equal(a, b) for a, b in zip(before.components, after.components, strict=True))
    assert (quantizer.passes, other.passes) == (2, 1)
    assert other.tuning.lmbda == pytest.approx(1.3 * quantizer.tuning.lmbda)


def test_a_variant_that_meets_no_target_is_passed_over() -> None:
    game, passes = Contest(), 0

    def encode(quantizer: Quantizer) -> Coded:
        nonlocal passes
        quantizer.passes += 3
        passes += 3
        if passes == 3:
            raise TargetError("too small", b"")
        return Coded(b"b" * 1000, 1.0)

    first = Coded(b"a" * 1000, 1.0)
    ways = [Variant(1.1, 0.0), Variant(1.2, 0.0)]
    best = variants.best_of(first, game.quantizer, ways, encode, game.scores.__getitem__, counts_bytes=True)
    assert best.jpeg[:1] == b"b"
    assert game.quantizer.passes == passes == 6


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
