"""Block weights: saliency times masking, mean 1, chroma following luma."""

import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.allocation.weights import (
    block_means,
    block_weights,
    strength_at,
    texture_masking,
    trust,
)
from saliency_jpeg.codec.coefficients import LumaStatistics
from saliency_jpeg.codec.parameters import FULL_GAIN, LEAST_TRUST, TUNINGS
from saliency_jpeg.codec.subsampling import chroma_weights

TUNING = TUNINGS["default"]
Floats = NDArray[np.float32]


@pytest.fixture
def luma() -> LumaStatistics:
    rng = np.random.default_rng(3)
    return LumaStatistics.of((rng.normal(size=(5, 7, 64)) * rng.uniform(1, 60, (5, 7, 1))).astype(np.float32))


def flat_luma(rows: int, cols: int) -> LumaStatistics:
    return LumaStatistics.of(np.zeros((rows, cols, 64), np.float32))


def test_block_means_of_whole_and_cut_blocks() -> None:
    values = np.arange(20 * 13, dtype=np.float32).reshape(20, 13)
    means = block_means(values, 3, 2)
    assert means.shape == (3, 2)
    assert means[0, 0] == values[:8, :8].mean()
    padded = np.pad(values, ((0, 4), (0, 3)), mode="edge")
    assert means[2, 1] == pytest.approx(padded[16:, 8:].mean())


def test_weights_have_mean_one_and_are_positive(luma: LumaStatistics) -> None:
    saliency = np.linspace(0, 1, 40 * 56, dtype=np.float32).reshape(40, 56)
    for given in (None, saliency):
        weights = block_weights(given, luma, 1.0)
        assert weights.dtype == np.float32
        assert weights.shape == (5, 7)
        assert weights.mean() == pytest.approx(1, abs=1e-4)
        assert weights.min() > 0


def test_busy_blocks_weigh_less(luma: LumaStatistics) -> None:
    weights = texture_masking(luma.activity, TUNING)
    order = np.argsort(luma.activity.ravel())
    assert (np.diff(weights.ravel()[order]) <= 0).all()


def test_dark_blocks_weigh_more() -> None:
    luma = np.zeros((1, 3, 64), np.float32)
    luma[0, :, 0] = [-1024, 0, 1016]  # black, gray, white
    weights = block_weights(None, LumaStatistics.of(luma))[0]
    assert weights[0] > weights[1] > weights[2]


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_strength_is_the_ratio_between_the_most_and_the_least_salient(strength: float) -> None:
    flat = flat_luma(2, 2)
    saliency = np.zeros((16, 16), np.float32)
    saliency[:8, :8] = 1
    weights = block_weights(saliency, flat, strength)
    assert weights[0, 0] / weights[1, 0] == pytest.approx(FULL_GAIN**strength, rel=1e-3)


def test_a_map_that_marks_everything_moves_less() -> None:
    flat = flat_luma(8, 8)
    corner, most = np.zeros((2, 64, 64), np.float32)
    corner[:16, :16] = 1
    most[:60] = 1
    assert trust(block_means(corner, 8, 8)) == 1
    assert trust(block_means(most, 8, 8)) == LEAST_TRUST
    by_corner, by_most = (block_weights(saliency, flat, 0.5) for saliency in (corner, most))
    assert by_corner.max() / by_corner.min() == pytest.approx(FULL_GAIN**0.5, rel=1e-3)
    assert 1 < by_most.max() / by_most.min() < by_corner.max() / by_corner.min()


def test_an_empty_map_or_no_strength_changes_nothing(luma: LumaStatistics) -> None:
    plain = block_weights(None, luma)
    np.testing.assert_allclose(block_weights(np.zeros((40, 56), np.float32), luma), plain, rtol=1e-3)
    np.testing.assert_array_equal(block_weights(np.ones((40, 56), np.float32), luma, 0), plain)


def test_chroma_weights_are_means_of_the_luma_blocks_they_cover() -> None:
    weights = np.arange(15, dtype=np.float32).reshape(3, 5)
    np.testing.assert_array_equal(chroma_weights(weights, 1, 1, 3, 5), weights)
    halved = chroma_weights(weights, 2, 2, 2, 3)
    assert halved[0, 0] == np.mean([0, 1, 5, 6])
    assert halved[1, 2] == 14  # the last block repeats


def test_strength_falls_with_the_bytes_but_for_none_and_all() -> None:
    strengths = [strength_at(scale, 0.5) for scale in (0.05, 1.0, 3.0, 6.0, 20.0, 1000.0)]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[0] == 0.5**0.55
    assert strengths[-1] == 0.25
    for scale in (0.05, 3.0, 1000.0):
        assert strength_at(scale, 1.0) == 1.0
        assert strength_at(scale, 0.0) == 0.0
