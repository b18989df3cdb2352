"""The quantizers: plain rounding, the trellis against exhaustive search, and the counts and costs that it uses."""

from __future__ import annotations

import functools
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.codec import _core

ZIGZAG = np.array(_core.ZIGZAG)
ZRL, EMPTY = 0xF0, 256
Floats = NDArray[np.float32]


def random_costs(rng: np.random.Generator, *, rising: bool) -> Floats:
    """Costs of each symbol in bits; ``rising`` with the size and the run, ZRLs included, like most real costs."""
    costs = rng.uniform(1, 18, 257)
    if rising:
        grid = np.sort(np.sort(costs[:256].reshape(16, 16), axis=0), axis=1)
        costs[:256] = grid.ravel()
        costs[0] = rng.uniform(1, 6)
        costs[ZRL] = (grid[15] - grid[0]).max() + rng.uniform(0, 2)
    costs[EMPTY] = rng.uniform(0.5, 6)
    return costs.astype(np.float32)


@functools.cache
def _run_costs(costs: bytes) -> NDArray[np.float64]:
    p = np.frombuffer(costs, np.float32).astype(float)
    bits = [[run // 16 * p[ZRL] + p[run % 16 << 4 | size] for run in range(63)] for size in range(11)]
    return np.maximum.accumulate(np.array(bits), axis=1)


def run_costs(costs: Floats) -> NDArray[np.float64]:
    """[size, run]: bits with the ZRLs of a long run, raised so that they never fall with the run."""
    return _run_costs(costs.tobytes())


def band_cost(levels: NDArray[np.int16], costs: Floats, ss: int = 1, se: int = 63) -> float:
    """AC bits of one band of one block."""
    by_run = run_costs(costs)
    positions = np.flatnonzero(levels[ZIGZAG][ss : se + 1]) + ss
    if positions.size == 0:
        return float(costs[EMPTY])
    bits = 0.0 if positions[-1] == se else float(costs[0])
    for before, here in pairwise([ss - 1, *positions.tolist()]):
        bits += by_run[abs(int(levels[ZIGZAG[here]])).bit_length(), here - before - 1]
    return bits


BANDS = {1: [(1, 63)], 3: [(1, 3), (4, 17), (18, 63)]}


class Case(NamedTuple):
    """Blocks with few nonzero levels, so that an exhaustive search is possible."""

    coefficients: Floats
    table: NDArray[np.uint16]
    block_lambda: Floats
    costs: Floats
    sensitivity: Floats
    bands: list[tuple[int, int]]


def random_case(seed: int, blocks: int, bands: int = 1) -> Case:
    rng = np.random.default_rng(seed)
    scaled = rng.uniform(-0.49, 0.49, (blocks, 64))
    for block in scaled:
        count = rng.integers(0, 6)
        positions = rng.choice(np.arange(1, 64), count, replace=False)
        if count and rng.random() < 0.3:
            positions[0] = 63
        magnitudes = rng.integers(1, 5 if count < 5 else 3, positions.size) + rng.uniform(-0.49, 0.1, positions.size)
        block[ZIGZAG[positions]] = magnitudes * rng.choice([-1, 1], positions.size)
    scaled[:, 0] = rng.uniform(-50, 50, blocks)
    table = rng.integers(1, 60, 64).astype(np.uint16)
    return Case(
        (scaled * table).astype(np.float32)[None],
        table,
        np.exp(rng.uniform(np.log(0.005), np.log(2), (1, blocks))).astype(np.float32),
        np.stack([random_costs(rng, rising=seed % 2 == 0) for _ in range(bands)]),
        rng.uniform(0.3, 2, 64).astype(np.float32),
        BANDS[bands],
    )


def total_cost(case: Case, index: int, levels: NDArray[np.int16]) -> float:
    scaled = case.coefficients[0, index].astype(float) / case.table
    distortion = (case.sensitivity * (scaled - levels) ** 2)[1:].sum()
    bits = sum(band_cost(levels, costs, *band) for costs, band in zip(case.costs, case.bands, strict=True))
    return float(distortion + case.block_lambda[0, index] * bits)


def lowest_cost(case: Case, index: int, rounded: NDArray[np.int16]) -> float:
    """Tries every level between zero and the rounded one."""
    places = np.flatnonzero(rounded[1:]) + 1
    ranges = [range(abs(int(rounded[p])) + 1) for p in places]
    best = np.inf
    for choice in product(*ranges):
        levels = np.zeros(64, np.int16)
        levels[places] = np.sign(rounded[places]) * np.array(choice, np.int16)
        best = min(best, total_cost(case, index, levels))
    return best


@pytest.mark.parametrize("bands", BANDS)
@pytest.mark.parametrize("seed", range(6))
def test_trellis_finds_the_optimum(seed: int, bands: int) -> None:
    case = random_case(seed, blocks=120, bands=bands)
    rounded = _core.quantize_plain(case.coefficients, case.table)[0]
    found = _core.quantize(*case)[0]
    assert np.array_equal(found[:, 0], rounded[:, 0])
    assert (found * rounded >= 0).all()
    assert (abs(found) <= abs(rounded)).all()
    for i, levels in enumerate(found):
        assert total_cost(case, i, levels * (ZIGZAG.argsort() > 0)) == pytest.approx(
            lowest_cost(case, i, rounded[i]), rel=1e-4
        )


def test_the_cases_cover_all_outcomes() -> None:
    """Kept levels, lowered levels, emptied blocks, levels at 63 and ZRL runs all occur."""
    kept = lowered = emptied = to_the_end = long_runs = 0
    for seed in range(8):
        case = random_case(seed, blocks=200)
        rounded = _core.quantize_plain(case.coefficients, case.table)[0][:, ZIGZAG[1:]]
        found = _core.quantize(*case)[0][:, ZIGZAG[1:]]
        kept += int(np.count_nonzero((found != 0) & (found == rounded)))
        lowered += int(np.count_nonzero((found != 0) & (found != rounded)))
        emptied += int(np.count_nonzero(rounded.any(1) & ~found.any(1)))
        to_the_end += int(np.count_nonzero(found[:, -1]))
        long_runs += sum(np.diff(np.flatnonzero(f), prepend=-1).max(initial=0) > 16 for f in found)
    assert min(kept, lowered, emptied, to_the_end, long_runs) >= 5


def noise_blocks(scale: float, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, (6, 7, 64)).astype(np.float32)


def test_plain_rounds_half_away_from_zero() -> None:
    table = np.full(64, 4, np.uint16)
    coefficients = np.zeros((1, 1, 64), np.float32)
    coefficients[0, 0, :8] = [2, -2, 1.99, -1.99, 6, -6, 5.99, 0]
    assert _core.quantize_plain(coefficients, table)[0, 0, :8].tolist() == [1, -1, 0, 0, 2, -2, 1, 0]


def test_plain_divides_by_the_step_of_each_frequency() -> None:
    table = np.arange(1, 65, dtype=np.uint16)
    coefficients = noise_blocks(300)
    wanted = np.rint(coefficients.astype(float) / table)
    assert np.array_equal(_core.quantize_plain(coefficients, table), wanted.astype(np.int16))


def test_levels_stay_in_the_range_of_8_bit_files() -> None:
    ones = np.ones(64, np.uint16)
    coefficients = np.stack([np.full((1, 64), 1e6), np.full((1, 64), -1e6)]).astype(np.float32)
    high, low = _core.quantize_plain(coefficients, ones)[:, 0]
    assert high.tolist() == [1023] * 64
    assert low.tolist() == [-1024] + [-1023] * 63


def options(lmbda: float) -> tuple[Floats, Floats, Floats]:
    run, size = np.divmod(np.arange(257, dtype=np.float32), 16)
    costs = (2 + run / 2 + 2 * size).astype(np.float32)
    costs[[0, EMPTY]] = 3, 1
    return np.full((6, 7), lmbda, np.float32), costs[None], np.ones(64, np.float32)


def test_lambda_zero_rounds_and_a_huge_one_leaves_only_dc() -> None:
    coefficients, table = noise_blocks(40), np.full(64, 7, np.uint16)
    plain = _core.quantize_plain(coefficients, table)
    assert np.array_equal(_core.quantize(coefficients, table, *options(0)), plain)
    empty = _core.quantize(coefficients, table, *options(1e6))
    assert np.array_equal(empty[..., 0], plain[..., 0])
    assert not empty[..., 1:].any()


def test_bits_fall_and_distortion_rises_with_lambda() -> None:
    coefficients, table = noise_blocks(30), np.full(64, 9, np.uint16)
    costs = options(0)[1]
    bits, distortion = [], []
    for lmbda in (0, 0.02, 0.1, 0.5, 2):
        levels = _core.quantize(coefficients, table, *options(lmbda))
        bits.append(_core.block_bits(levels, costs[0]).sum())
        distortion.append(((coefficients / table - levels)[..., 1:] ** 2).sum())
    assert bits == sorted(bits, reverse=True)
    assert distortion == sorted(distortion)
    assert bits[0] > 2 * bits[-1]


def test_a_block_follows_its_own_lambda() -> None:
    coefficients, table = noise_blocks(30), np.full(64, 9, np.uint16)
    mixed, costs, sensitivity = options(0.3)
    mixed[:, ::2] = 0
    low, high = (_core.quantize(coefficients, table, *options(lmbda)) for lmbda in (0, 0.3))
    found = _core.quantize(coefficients, table, mixed, costs, sensitivity)
    assert np.array_equal(found[:, ::2], low[:, ::2])
    assert np.array_equal(found[:, 1::2], high[:, 1::2])


def sparse_levels(rng: np.random.Generator, rows: int, cols: int) -> NDArray[np.int16]:
    """Levels of every magnitude in some blocks, few or none in others."""
    used = rng.random((rows, cols, 64)) < rng.choice([0, 0.04, 0.5], (rows, cols, 1))
    return (rng.integers(-1023, 1024, (rows, cols, 64)) * used).astype(np.int16)


def test_bits_and_counts_of_levels_agree_with_the_definition() -> None:
    rng = np.random.default_rng(9)
    levels = sparse_levels(rng, 5, 6)
    costs = random_costs(rng, rising=True)
    bits = _core.block_bits(levels, costs)
    wanted = [band_cost(block, costs) for block in levels.reshape(-1, 64)]
    np.testing.assert_allclose(bits.ravel(), wanted, rtol=1e-5)
    histogram = _core.ac_histogram(levels)
    assert histogram.shape == (257,)
    assert histogram[EMPTY] == np.count_nonzero(~levels[..., 1:].any(-1))
    histogram[0] -= histogram[EMPTY]  # their ends of block have a price of their own
    assert (histogram * costs.astype(float)).sum() == pytest.approx(sum(wanted), rel=1e-5)


def test_counts_of_end_of_band_runs() -> None:
    """T.81, G.1.2.2: one symbol for a run of blocks that end before 63; the low bits of its length are raw."""
    levels = sparse_levels(np.random.default_rng(4), 30, 40)
    levels[10:25] = 0
    plain, runs = _core.ac_histogram(levels), _core.ac_histogram(levels, eob_runs=True)
    blocks = levels.reshape(-1, 64)[:, ZIGZAG[1:]]
    wanted, length = np.zeros(16, int), 0
    for block in [*blocks, np.ones(63)]:
        if block.any() and length:
            wanted[length.bit_length() - 1] += 1
            length = 0
        length += int(block[-1] == 0)
    ends = [run << 4 for run in range(15)]
    assert runs[ends].tolist() == wanted[:15].tolist()
    assert wanted[8:].any()
    others = np.setdiff1d(np.arange(257), ends)
    assert np.array_equal(runs[others], plain[others])


def test_counts_of_a_band_ignore_other_coefficients() -> None:
    levels = sparse_levels(np.random.default_rng(5), 12, 9)
    alone = levels.copy()
    alone[..., np.setdiff1d(np.arange(64), ZIGZAG[5:20])] = 0
    found = _core.ac_histogram(levels, eob_runs=True, ss=5, se=19)
    assert np.array_equal(found, _core.ac_histogram(alone, eob_runs=True, ss=5, se=19))
    assert found[EMPTY] == np.count_nonzero(~alone[..., 1:].any(-1))
    assert 0 < found[EMPTY] < 12 * 9
    with pytest.raises(ValueError, match="band"):
        _core.ac_histogram(levels, ss=5, se=4)


def bits_of(histogram: NDArray[np.uint32], runs: bool) -> float:
    """Of the counted symbols under their optimal code."""
    raw = np.arange(256) % 16
    if runs:
        raw[:0xF0:16] = np.arange(15)
    return float(histogram[:256] @ (_core.code_lengths(histogram[:256]).astype(np.int64) + raw))


def dc_bits(component: NDArray[np.int16]) -> float:
    """Of the differences of DC in raster order."""
    differences = np.abs(np.diff(component[..., 0].astype(np.int64).ravel(), prepend=0))
    counts = np.bincount([int(d).bit_length() for d in differences], minlength=256).astype(np.uint32)
    return float(counts @ (_core.code_lengths(counts).astype(np.int64) + np.arange(256) % 16))


def test_learned_costs_are_those_of_the_cheapest_bands() -> None:
    """Many low frequencies and few high ones are cheaper in separate scans."""
    rng = np.random.default_rng(6)
    levels = np.zeros((2, 20, 30, 64), np.int16)
    levels[..., 0] = rng.integers(-300, 300, (2, 20, 30))
    levels[..., ZIGZAG[1:3]] = rng.integers(-9, 10, (2, 20, 30, 2))
    levels[..., ZIGZAG[3:40]] = rng.random((2, 20, 30, 37)) < 0.03
    found, total, header = _core.learn_costs(list(levels), True, unseen_bits=2, threads=2)
    assert len(found) == 2
    wanted = 0.0
    for component, (bands, costs, dc) in zip(levels, found, strict=True):
        assert [bands[0][0], bands[-1][1]] == [1, 63]
        assert len(bands) > 1
        assert all(before[1] + 1 == after[0] for before, after in pairwise(bands))
        counts = [_core.ac_histogram(component, True, *band) for band in bands]
        np.testing.assert_array_equal(costs, [_core.symbol_costs(count, 2) for count in counts])
        wanted += sum(bits_of(count, True) for count in counts) + dc_bits(component)
        assert (np.diff(dc[1:10]) > -6).all()
        assert dc.shape == (12,)
    assert total == wanted
    assert header > 8 * 17 * sum(len(bands) for bands, *_ in found)
    whole, more, _ = _core.learn_costs(list(levels), True, bands=[[(1, 63)]] * 2)
    assert [bands for bands, *_ in whole] == [[(1, 63)]] * 2
    assert more > total


def test_components_of_a_sequential_file_share_a_code() -> None:
    levels = [sparse_levels(np.random.default_rng(seed), 6, 9) for seed in (1, 2, 3)]
    found, total, _ = _core.learn_costs(levels, False)
    assert [bands for bands, *_ in found] == [[(1, 63)]] * 2
    first, *others = (_core.ac_histogram(component) for component in levels)
    chroma = others[0] + others[1]
    np.testing.assert_array_equal(found[1][1][0], _core.symbol_costs(chroma))
    assert total > bits_of(first, False) + bits_of(chroma, False)


def test_counts_of_every_band_equal_those_of_a_walk_over_the_symbols() -> None:
    """Levels of all sizes, runs of zeros beyond 15, and runs of empty blocks beyond 0x7FFF."""
    rng = np.random.default_rng(7)
    levels = np.zeros((5, 8000, 64), np.int16)
    levels[0] = rng.integers(-1023, 1024, (8000, 64)) * (rng.random((8000, 64)) < 0.04)
    (((bands, costs, _),), total, _) = _core.learn_costs([levels], True)
    counts = [_core.ac_histogram(levels, True, *band) for band in bands]
    assert counts[-1][0xE0] > 0  # the longest end-of-band run
    assert sum(count[0xF0] for count in counts) > 0  # sixteen zeros
    np.testing.assert_array_equal(costs, [_core.symbol_costs(count) for count in counts])
    assert total == sum(bits_of(count, True) for count in counts) + dc_bits(levels)


def test_costs_of_symbols_by_hand() -> None:
    histogram = np.zeros(257, np.uint32)
    histogram[[0x00, 0x10, 0x01, 0x21]] = (40, 20, 30, 10)  # ends of bands of one and of two to three blocks
    lengths = _core.code_lengths(histogram[:256])
    costs = _core.symbol_costs(histogram, 2)
    assert costs[0x01] == lengths[0x01] + 1
    assert costs[0x35] == lengths.max() + 2 + 5
    assert costs[0] == pytest.approx((40 * lengths[0] + 20 * (lengths[0x10] + 1)) / 60)
    assert costs[256] == pytest.approx(min(costs[0], 1 / np.log(2)))


@pytest.mark.parametrize("seed", range(12))
def test_dc_path_equals_trying_every_path(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scaled = np.array([3, 30, 900])[seed % 3] * rng.normal(size=(3, 3))
    coefficients = np.zeros((3, 3, 64), np.float32)
    coefficients[..., 0] = scaled * 5
    block_lambda = rng.uniform(0, 0.4, (3, 3)).astype(np.float32)
    costs = np.sort(rng.uniform(1, 14, 12)).astype(np.float32)
    levels = rng.integers(-9, 9, (3, 3, 64)).astype(np.int16)
    ac = levels[..., 1:].copy()
    _core.quantize_dc(coefficients[..., 0], 5, 1.7, block_lambda, costs, levels)
    apart = levels.copy()
    _core.quantize_dc(coefficients[..., 0].copy(), 5, 1.7, block_lambda, costs, apart)
    assert np.array_equal(levels, apart)
    assert np.array_equal(levels[..., 1:], ac)

    def total(path: NDArray[np.int64]) -> float:
        categories = [int(d).bit_length() for d in abs(np.diff(path, prepend=0))]
        error = coefficients[..., 0].ravel().astype(float) / 5 - path
        return float((1.7 * error**2 + block_lambda.ravel() * costs[categories]).sum())

    below = np.floor(coefficients[..., 0].ravel() / 5).clip(-1024, 1022).astype(np.int64)
    best = min(total(below + np.array(choice)) for choice in product((0, 1), repeat=9))
    assert total(levels[..., 0].ravel().astype(np.int64)) == pytest.approx(best, rel=1e-5)


ONES = np.ones(64, np.uint16)
BLOCKS = np.zeros((6, 7, 64), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((BLOCKS, np.zeros(64, np.uint16), *options(1)), ValueError, "step must be in 1..65535, got 0"),
        ((BLOCKS, ONES[:63], *options(1)), ValueError, r"table must have shape \(64,\), got \(63,\)"),
        ((BLOCKS[0], ONES, *options(1)), ValueError, r"coefficients must have shape \(n, n, 64\), got \(7, 64\)"),
        ((BLOCKS, ONES, options(1)[0][1:], *options(1)[1:]), ValueError, r"block_lambda must have shape \(6, 7\)"),
        (
            (BLOCKS, ONES, options(1)[0], options(1)[1][:, :256], options(1)[2]),
            ValueError,
            r"symbol_costs must have shape \(1, 257\), got \(1, 256\)",
        ),
        ((BLOCKS, ONES, *options(1), [(1, 5), (6, 63)]), ValueError, r"symbol_costs must have shape \(2, 257\)"),
        ((BLOCKS, ONES, *options(1), [(1, 62)]), ValueError, "bands must follow each other from 1 to 63"),
        ((BLOCKS, ONES, *options(1), [(0, 63)]), ValueError, "bands must follow each other from 1 to 63"),
        ((BLOCKS, ONES, *options(1)[:2], ONES[:5].astype(np.float32)), ValueError, "sensitivity must have shape"),
        ((BLOCKS.astype(float), ONES, *options(1)), TypeError, "incompatible function arguments"),
        ((BLOCKS, ONES.astype(np.int64), *options(1)), TypeError, "incompatible function arguments"),
    ],
)
def test_bad_arguments_raise(
    arguments: tuple[Floats, NDArray[np.uint16], Floats, Floats, Floats], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        _core.quantize(*arguments)
