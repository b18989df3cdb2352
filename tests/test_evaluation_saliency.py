"""Saliency metrics against the published formulas, written out slowly, and against values worked out by hand."""

# mypy: disable-error-code="comparison-overlap"
from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from saliency_jpeg import metrics
from saliency_jpeg.errors import InputError, OptionError
from saliency_jpeg.evaluation import centred_gaussian, spectral_residual
from saliency_jpeg.metrics import auc, auc_judd, cc, f_curve, fixation_density, kl, mae, max_f, nss, share_above, sim

Floats = npt.NDArray[np.float64]

RAMP = np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


def scene(rng: np.random.Generator, levels: int) -> tuple[Floats, Floats, Floats]:
    """A map of a few levels, fixations that follow it a little, and their density."""
    saliency = rng.integers(0, levels + 1, (20, 30)) / levels
    points = np.column_stack([rng.uniform(0, 20, 25), rng.uniform(0, 30, 25)])
    liked = points[saliency[tuple(points.astype(int).T)] > 0.4]
    points = np.concatenate([points, liked, liked[:3]])  # some places twice
    return saliency, points, fixation_density(points, (20, 30), 3.0)


# ---- gaze --------------------------------------------------------------------------------------


def pairs_won(positive: list[float], negative: list[float]) -> float:
    return sum((p > n) + 0.5 * (p == n) for p in positive for n in negative) / (len(positive) * len(negative))


def reference_judd(saliency: Floats, places: list[tuple[int, int]]) -> float:
    """The procedure of the benchmark's program, step by step; the map must have no ties."""
    at_fixations = sorted((saliency[p] for p in places), reverse=True)
    hits, alarms = [0.0], [0.0]
    for i, threshold in enumerate(at_fixations):
        above = int((saliency >= threshold).sum())
        hits.append((i + 1) / len(places))
        alarms.append((above - i - 1) / (saliency.size - len(places)))
    hits, alarms = [*hits, 1.0], [*alarms, 1.0]
    steps = zip(hits, hits[1:], alarms, alarms[1:], strict=False)
    return sum((a + b) / 2 * (right - left) for a, b, left, right in steps)


@pytest.mark.parametrize("levels", [3, 10, 10**9])
def test_auc_judd_counts_pairs(rng: np.random.Generator, levels: int) -> None:
    saliency, points, _ = scene(rng, levels)
    places = [(int(y), int(x)) for y, x in points]
    unseen = [float(saliency[i, j]) for i in range(20) for j in range(30) if (i, j) not in places]
    wanted = pairs_won([float(saliency[p]) for p in places], unseen)
    assert auc_judd(saliency, points) == pytest.approx(wanted, abs=1e-12)


def test_auc_judd_is_the_benchmarks_but_for_the_straight_lines(rng: np.random.Generator) -> None:
    saliency = rng.permutation(600).reshape(20, 30) / 600
    for count in (5, 20, 100):
        chosen = rng.choice(600, count, replace=False, p=saliency.ravel() / saliency.sum())
        places = [divmod(int(k), 30) for k in chosen]
        ours = auc_judd(saliency, np.array(places) + 0.5)
        assert 0 < reference_judd(saliency, places) - ours <= 1 / (2 * count)
        marked = np.zeros((20, 30), bool)
        marked.ravel()[chosen] = True
        assert auc_judd(saliency, marked) == pytest.approx(ours)


def test_auc_judd_by_hand() -> None:
    assert auc_judd(RAMP, [[1.5, 2.9]]) == 1.0
    assert auc_judd(RAMP, [[0, 0]]) == 0.0
    assert auc_judd(RAMP, [[0.0, 2.0], [1.0, 1.0]]) == pytest.approx((2 + 3) / 8)  # 0.4 and 0.8 against 0 0.2 0.6 1
    assert auc_judd(np.full((2, 3), 0.3), [[0, 0]]) == 0.5


def test_nss_by_hand(rng: np.random.Generator) -> None:
    deviation = math.sqrt((0.5**2 + 0.3**2 + 0.1**2) / 3)
    assert nss(RAMP, [[1, 2]]) == pytest.approx(0.5 / deviation)
    assert nss(RAMP, [[1, 2], [0, 0]]) == pytest.approx(0)
    assert nss(RAMP, [[1, 2], [1, 2], [0, 0]]) == pytest.approx(0.5 / deviation / 3)
    saliency, points, _ = scene(rng, 50)
    assert nss(7 * saliency - 3, points) == pytest.approx(nss(saliency, points))
    assert nss(np.full((2, 3), 0.1), [[1, 1]]) == 0


def test_cc_sim_and_kl_against_loops(rng: np.random.Generator) -> None:
    saliency, _, density = scene(rng, 40)
    assert cc(saliency, density) == pytest.approx(np.corrcoef(saliency.ravel(), density.ravel())[0, 1])
    shared = divergence = 0.0
    eps = 2.0**-52
    for p, q in zip(saliency.ravel() / saliency.sum(), density.ravel() / density.sum(), strict=True):
        shared += min(p, q)
        divergence += q * math.log(eps + q / (eps + p))
    assert sim(saliency, density) == pytest.approx(shared)
    assert kl(saliency, density) == pytest.approx(divergence)
    assert divergence > 1  # the map has zeros where people look


def test_cc_sim_and_kl_by_hand() -> None:
    left, right = np.array([[1.0, 0.0]]), np.array([[0.0, 5.0]])
    assert (cc(left, right), sim(left, right)) == (pytest.approx(-1), 0)
    assert kl(left, right) == pytest.approx(52 * math.log(2))
    assert (cc(left, 3 * left), sim(left, 3 * left), kl(left, 3 * left)) == (1, 1, pytest.approx(0))
    quarter = np.array([[1.0, 3.0]])
    assert sim(quarter, left) == 0.25
    assert kl(quarter, left) == pytest.approx(math.log(4))
    for flat in (np.zeros((1, 2)), np.full((1, 2), 0.7)):
        assert (cc(flat, left), sim(flat, left)) == (0, 0.5)
        assert kl(flat, left) == pytest.approx(math.log(2))


def test_density_is_the_sum_of_the_gaussians() -> None:
    density = fixation_density([[3.5, 4.5], [0.0, 2.0]], (6, 8), 2.0)
    for i in range(6):
        for j in range(8):
            near = math.exp(-((i - 3) ** 2 + (j - 4) ** 2) / 8)
            edge = math.exp(-((i + 0.5) ** 2 + (j - 1.5) ** 2) / 8)
            assert density[i, j] == pytest.approx(near + edge)


# ---- masks -------------------------------------------------------------------------------------


def test_mask_metrics_against_loops(rng: np.random.Generator) -> None:
    saliency, _, density = scene(rng, 51)
    mask = density > np.median(density) * 1.2
    inside, outside = saliency[mask].tolist(), saliency[~mask].tolist()
    assert auc(saliency, mask) == pytest.approx(pairs_won(inside, outside), abs=1e-12)
    assert auc(saliency, ~mask) == pytest.approx(1 - pairs_won(inside, outside), abs=1e-12)
    curve = f_curve(saliency, mask)
    for k in range(256):
        marked = np.rint(saliency * 255) >= k
        hits = int((marked & mask).sum())
        precision, recall = hits / max(1, int(marked.sum())), hits / int(mask.sum())
        wanted = 1.3 * precision * recall / (0.3 * precision + recall) if hits else 0
        assert curve[k] == pytest.approx(wanted)
    assert max_f(saliency, mask) == curve.max()
    assert mae(saliency, mask) == pytest.approx(sum(1 - v for v in inside) / 600 + sum(outside) / 600)


def test_mask_metrics_by_hand() -> None:
    mask = np.array([[False, False, True], [False, True, True]])
    assert auc(RAMP, mask) == pytest.approx(8 / 9)  # of 9 pairs one is lost: 0.4 against 0.6
    assert max_f(RAMP, mask) == pytest.approx(1.3 * 1 * (2 / 3) / (0.3 + 2 / 3))  # from 0.8 on, precision 1
    assert f_curve(RAMP, mask)[0] == pytest.approx(1.3 * 0.5 / (0.15 + 1))
    assert mae(RAMP, mask) == pytest.approx((0 + 0.2 + 0.6 + 0.6 + 0.2 + 0) / 6)
    assert (auc(mask, mask), max_f(mask, mask), mae(mask, mask)) == (1, pytest.approx(1), 0)
    for same in (mask.astype(np.uint8) * 255, mask.astype(np.float32)):
        assert mae(RAMP, same) == mae(RAMP, mask)
    assert f_curve(np.zeros((2, 3)), mask)[1:].tolist() == [0] * 255


def test_share_above_counts_the_region() -> None:
    assert share_above(RAMP, RAMP > 0.1) == pytest.approx(3 / 5)
    assert share_above(RAMP, [(0, 0, 1, 2), (-5, 1, 2, 9)]) == pytest.approx(2 / 3)
    assert share_above(RAMP, [(1, 0, 2, 1)], threshold=0.2) == 1
    assert math.isnan(share_above(RAMP, []))
    assert math.isnan(share_above(RAMP, [(10, 10, 12, 12)]))
    with pytest.raises(OptionError, match="got "):
        share_above(RAMP, [(2, 0, 1, 1)])
    with pytest.raises(InputError, match="region"):
        share_above(RAMP, np.ones((3, 2), bool))


# ---- what is refused ---------------------------------------------------------------------------

BAD_MAPS = {"NaN": RAMP * np.nan, "one axis": RAMP[0], "complex": RAMP + 0j, "empty": np.zeros((0, 3))}


@pytest.mark.parametrize("bad", BAD_MAPS.values(), ids=BAD_MAPS)
def test_a_map_that_is_none_is_refused_by_all(bad: npt.NDArray[np.generic]) -> None:
    by: dict[Callable[..., object], object] = {metric: [[0, 0]] for metric in (auc_judd, nss)}
    by |= dict.fromkeys((cc, sim, kl), RAMP) | dict.fromkeys((auc, f_curve, mae), RAMP > 0.5)
    for metric, judge in by.items():
        with pytest.raises(InputError):
            metric(bad, judge)


@pytest.mark.parametrize(
    ("metric", "judge"),
    [
        ("auc_judd", [[0, 3]]),
        ("auc_judd", [[-0.1, 0]]),
        ("nss", np.zeros((0, 2))),
        ("nss", [[0, 0, 0]]),
        ("nss", [[math.nan, 0]]),
        ("nss", np.zeros((2, 3), bool)),
        ("nss", np.ones((3, 2), bool)),
        ("auc_judd", np.ones((2, 3), bool)),
        ("cc", np.ones((3, 2))),
        ("sim", np.zeros((2, 3))),
        ("kl", -RAMP),
        ("auc", np.ones((2, 3), bool)),
        ("f_curve", np.zeros((2, 3), bool)),
        ("mae", np.ones((2, 2), bool)),
    ],
)
def test_a_judge_that_is_none_is_refused(metric: str, judge: object) -> None:
    with pytest.raises(InputError):
        getattr(metrics, metric)(RAMP, judge)


def test_f_and_mae_want_maps_up_to_one() -> None:
    for metric in (f_curve, mae):
        with pytest.raises(InputError, match=r"\[0, 1\]"):
            metric(RAMP * 2, RAMP > 0.5)


# ---- baselines ---------------------------------------------------------------------------------


def test_the_centred_gaussian_is_a_quarter_wide() -> None:
    blob = centred_gaussian((101, 201))
    assert blob.shape == (101, 201)
    assert blob.max() == blob[50, 100] == pytest.approx(1)
    assert np.allclose(blob, blob[::-1, ::-1])
    offset = 0.25 * 201
    assert blob[50, 100 + round(offset)] == pytest.approx(math.exp(-0.5 * (50 / offset) ** 2))


def test_spectral_residual_finds_what_stands_out() -> None:
    picture = np.random.default_rng(2).integers(100, 140, (96, 128, 1), dtype=np.uint8).repeat(3, axis=2)
    picture[60:72, 90:102] = (200, 40, 40)
    found = spectral_residual(picture)
    assert found.shape == (96, 128)
    assert found.min() == 0
    assert found.max() == 1
    top, left = np.unravel_index(found.argmax(), found.shape)
    assert 50 <= top < 82
    assert 80 <= left < 112
    assert spectral_residual(np.full((9, 300), 7, np.uint8)).shape == (9, 300)
    with pytest.raises(InputError):
        spectral_residual(picture / 255)
