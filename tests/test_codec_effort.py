"""Levels of effort: each makes a file that keeps its target, and low ones study a part of a large picture."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from helpers import photo, same_levels
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Encoder, OptionError
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.effort import DEFAULT_EFFORT, EFFORTS

LARGE = np.tile(photo(256, 256, 100, 150), (3, 4, 1))  # 18,432 blocks


@pytest.mark.parametrize(
    "level", [pytest.param(n, marks=pytest.mark.tensorflow) if EFFORTS[n].loop_passes else n for n in EFFORTS]
)
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


def sizes_of_rows(level: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    plain = _core.quantize_plain
    monkeypatch.setattr(_core, "quantize_plain", lambda c, *a: seen.append(c.shape[0] * c.shape[1]) or plain(c, *a))
    saliency_jpeg.compress(LARGE, quality=70, saliency=None, effort=level, subsampling="4:2:0")
    monkeypatch.undo()
    return seen


def test_low_levels_study_a_part_of_a_large_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    studied = {level: sum(sizes_of_rows(level, monkeypatch)) for level in (1, 3, 5)}
    assert studied[1] < studied[3] < studied[5] <= 18432
    assert studied[1] >= 1.5 * 512


def test_a_part_tells_nearly_as_much_as_the_whole() -> None:
    """The costs differ a little, and with them where the file lies on its curve of size and quality."""
    files = [saliency_jpeg.compress(LARGE, quality=70, saliency=None, effort=level) for level in (2, 5)]
    assert 0 < abs(len(files[0]) / len(files[1]) - 1) < 0.03


def test_bands_chosen_by_all_or_by_a_part() -> None:
    luma = _core.quantize_plain(_core.forward_dct(LARGE, 2, 2)[0], np.full(64, 12, np.uint16))
    (((bands, costs, _),), total, _) = _core.learn_costs([luma], True)
    for blocks in (luma.shape[0] * luma.shape[1], 10**9):
        (((same, same_costs, _),), same_total, _) = _core.learn_costs([luma], True, blocks)
        assert (same, same_total) == (bands, total)
        np.testing.assert_array_equal(same_costs, costs)
    (((some, some_costs, _),), some_total, _) = _core.learn_costs([luma], True, 600)
    assert total <= some_total < 1.02 * total  # the costs are those of all blocks
    counts = [_core.ac_histogram(luma, True, *band) for band in some]
    np.testing.assert_array_equal(some_costs, [_core.symbol_costs(count) for count in counts])


def test_a_part_may_choose_other_scans_but_no_other_picture() -> None:
    levels = [_core.quantize_plain(c, np.full(64, 12, np.uint16)) for c in _core.forward_dct(LARGE, 2, 2)]
    tables = np.full((3, 64), 12, np.uint16)
    sampling = [(2, 2), (1, 1), (1, 1)]
    whole, part = (_core.write_jpeg(levels, tables, LARGE.shape[:2], sampling, choice_blocks=n) for n in (0, 64))
    assert len(whole) <= len(part) < 1.05 * len(whole)
    for file in (whole, part):
        assert same_levels(_core.read_jpeg(file).levels, levels)


def test_the_lowest_level_does_without_corrections(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[bool, bool]] = []
    quantize = _core.quantize_luma
    monkeypatch.setattr(
        _core, "quantize_luma", lambda *given: called.append((given[6] is not None, given[7])) or quantize(*given)
    )
    saliency_jpeg.compress(photo(), quality=50, saliency=None, effort=1)
    saliency_jpeg.compress(photo(), quality=50, saliency=None, effort=2)
    assert called == [(False, False), (True, True)]  # chroma errors, overshoots
