"""code_lengths: optimal under T.81's limits, by bounds, by brute force and by an independent algorithm."""

from __future__ import annotations

from functools import cache
from itertools import accumulate, product

import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.codec import _core

LIMIT = 16


def lengths_of(counts: list[int]) -> NDArray[np.uint8]:
    """Lengths of as many symbols as there are counts; the others have to stay without a code."""
    histogram = np.zeros(256, np.uint32)
    histogram[: len(counts)] = counts
    lengths = _core.code_lengths(histogram)
    assert lengths.dtype == np.uint8
    assert lengths.shape == (256,)
    assert np.array_equal(lengths > 0, histogram > 0)
    return lengths[: len(counts)]


def check_legal(lengths: NDArray[np.uint8]) -> None:
    """At most 16 bits, and short of a full tree by at least one longest code (T.81, C.2: none is all ones)."""
    used = lengths[lengths > 0].astype(int)
    assert used.max() <= LIMIT
    assert (2 ** (LIMIT - used)).sum() <= 2**LIMIT - 2 ** (LIMIT - used.max())


def cost(counts: list[int], lengths: NDArray[np.uint8]) -> int:
    return int((np.array(counts, np.int64) * lengths).sum())


def lowest_cost(counts: list[int]) -> int:
    """Over all trees no deeper than 16, built from the root: at each depth some open nodes become the next symbols.

    The symbol of weight 0 at the end takes the place that the code of ones only would have.
    """
    weights = [*sorted((c for c in counts if c), reverse=True), 0]
    below = [sum(weights) - s for s in accumulate(weights, initial=0)]

    @cache
    def best(depth: int, placed: int, open_nodes: int) -> float:
        left = len(weights) - placed
        if left == 0:
            return 0
        if depth == LIMIT:
            return 0 if open_nodes >= left else np.inf
        leaves = range(left, left + 1) if open_nodes >= left else range(open_nodes)
        return min(
            below[placed + k] + best(depth + 1, placed + k, min(2 * (open_nodes - k), len(weights))) for k in leaves
        )

    return int(below[0] + best(1, 0, 2))


@pytest.mark.parametrize("seed", range(20))
def test_near_the_entropy_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 257))
    counts = np.maximum(rng.geometric(rng.uniform(0.0001, 0.2), size), 1) * rng.integers(1, 1000)
    lengths = lengths_of(counts.tolist())
    check_legal(lengths)
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= (share * lengths).sum() < entropy + 1


@pytest.mark.parametrize("seed", range(30))
def test_equals_brute_force_on_small_alphabets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, [3, 40, 5000][seed % 3], 1 + seed % 5).tolist()
    kraft = [2.0**-n for n in range(8)]
    best = min(
        cost(counts, np.array(lengths, np.uint8))
        for lengths in product(range(1, len(counts) + 2), repeat=len(counts))
        if sum(kraft[n] for n in lengths) <= 1 - kraft[max(lengths)]
    )
    found = lengths_of(counts)
    check_legal(found)
    assert cost(counts, found) == best == lowest_cost(counts)


def fibonacci(count: int) -> list[int]:
    numbers = [1, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers


@pytest.mark.parametrize("count", [15, 16, 17, 18, 20, 30, 44])
def test_sixteen_bits_at_most(count: int) -> None:
    """Fibonacci numbers give the deepest tree: without the limit the code would have `count` bits."""
    counts = fibonacci(count)
    lengths = lengths_of(counts)
    check_legal(lengths)
    assert lengths.max() == min(count, LIMIT)
    assert cost(counts, lengths) == lowest_cost(counts)


@pytest.mark.parametrize("seed", range(6))
def test_the_limit_costs_as_little_as_it_can(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = [int(c) for c in np.exp(rng.uniform(0, 21, 40 + 10 * seed))]
    lengths = lengths_of(counts)
    check_legal(lengths)
    assert cost(counts, lengths) == lowest_cost(counts)


def test_more_frequent_symbols_are_never_longer() -> None:
    counts = np.random.default_rng(5).integers(1, 1000, 256)
    lengths = lengths_of(counts.tolist())
    check_legal(lengths)
    assert (np.diff(lengths[np.argsort(counts, kind="stable")].astype(int)) <= 0).all()


@pytest.mark.parametrize(
    ("counts", "wanted"), [([5], [1]), ([0, 7], [0, 1]), ([1, 1], [1, 2]), ([9, 0, 9, 9], [2, 0, 2, 2])]
)
def test_small_alphabets(counts: list[int], wanted: list[int]) -> None:
    assert sorted(lengths_of(counts).tolist()) == sorted(wanted)


def test_no_symbols_no_code_and_the_largest_counts() -> None:
    assert not _core.code_lengths(np.zeros(256, np.uint32)).any()
    lengths = _core.code_lengths(np.full(256, 2**32 - 1, np.uint32))
    check_legal(lengths)
    assert np.count_nonzero(lengths == 8) == 255
    assert np.count_nonzero(lengths == 9) == 1


@pytest.mark.parametrize("histogram", [np.zeros(255, np.uint32), np.zeros((16, 16), np.uint32)])
def test_wrong_shapes_raise(histogram: NDArray[np.uint32]) -> None:
    with pytest.raises(ValueError):
        _core.code_lengths(histogram)
