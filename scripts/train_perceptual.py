"""Fits the perceptual metric to the files of :mod:`perceptual_data`.

::

    python scripts/train_perceptual.py CACHE -o weights/perceptual.npz

Each file's norms are computed once and kept beside it (``.norms.npy``): the fit of the heads then takes minutes.

- Targets: 62 % SSIMULACRA2, 23 % Butteraugli's 3-norm and 15 % LPIPS, both on SSIMULACRA2's scale by a cubic in the
  logarithm.
- Main loss: which of two versions of a picture the target prefers, logistic, one point being odds of 2.7.
- Pairs of equal SSIMULACRA2: the better one by at least a margin.
- A Huber loss of the score keeps its scale.

Every tenth crop is held back; the last line printed is about those.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional
from torch_perceptual import Perceptual

from saliency_jpeg.perceptual.network import HEADS, POWERS

SEED: Final = 16
SHARES: Final = (0.62, 0.23, 0.15)  # of the target
KINDS: Final = {"colour": 1.0, "mosaic": 1.0, "bleeding": 0.4}
_BATCH: Final = 13
_SCALED_ON: Final = 64  # crops
_PAIRS_A_CROP: Final = 200
_HELD_BACK: Final = 10
_LEAST_SCORE: Final = 0.0  # below it SSIMULACRA2 does not tell how the other metrics' scales go
_WINDOW: Final = 4


def _images(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]  # where PyTorch is not installed
def fit_scales(metric: Perceptual, paths: list[Path]) -> None:
    """Sets the factors that make the local variance of photographs 1 in each channel."""
    found: list[list[Tensor]] = [[] for _ in metric.scales]
    for path in paths[:_SCALED_ON]:
        with np.load(path) as file:
            levels = metric.levels(_images(file["reference"][None]))
        for kept, level in zip(found, levels, strict=True):
            means = functional.avg_pool2d(level, _WINDOW, 2)
            kept.append((functional.avg_pool2d(level.square(), _WINDOW, 2) - means.square()).mean((0, 2, 3)))
    for scale, kept in zip(metric.scales, found, strict=True):
        scale.copy_(1 / torch.stack(kept).mean(0).clamp_min(1e-12).sqrt())


@torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]  # where PyTorch is not installed
def read_norms(metric: Perceptual, path: Path) -> NDArray[np.float16]:
    """Returns the norms of a crop's versions, float16 (n, HEADS), computed once."""
    kept = path.with_suffix(".norms.npy")
    if not kept.exists():
        with np.load(path) as file:
            versions = file["distorted"]
            reference = metric.features(_images(file["reference"][None]))
        parts = [
            metric.norms(reference, metric.features(_images(versions[i : i + _BATCH])))
            for i in range(0, len(versions), _BATCH)
        ]
        np.save(kept, torch.cat(parts).half().numpy())
    norms: NDArray[np.float16] = np.load(kept)
    return norms


@dataclass
class Samples:
    """All versions of all crops.

    Attributes:
        norms: (n, HEADS).
        scores: (n, 3): SSIMULACRA2, Butteraugli, LPIPS.
        targets: (n,).
        crops: (n,), which crop a version is of.
        pairs: (k, 2), the better and the worse.
        kinds: (k,).
    """

    norms: Tensor
    scores: NDArray[np.float32]
    targets: Tensor
    crops: NDArray[np.int64]
    pairs: NDArray[np.int64]
    kinds: NDArray[np.str_]

    @property
    def held_back(self) -> NDArray[np.bool_]:
        held: NDArray[np.bool_] = self.crops % _HELD_BACK == _HELD_BACK - 1
        return held


def combine(scores: NDArray[np.float32], coded: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the targets (n,) of scores (n, 3); those of files are distributed as their SSIMULACRA2.

    Args:
        scores: SSIMULACRA2, Butteraugli, LPIPS.
        coded: whether a version is that of a file.
    """
    first = scores[:, 0].astype(np.float64)
    total = SHARES[0] * first.clip(-40)
    usual = first > _LEAST_SCORE
    for share, values, least in zip(SHARES[1:], scores[:, 1:].T, (0.02, 1e-5), strict=True):
        logarithms = np.log(values.astype(np.float64).clip(least))
        total += share * np.polynomial.Polynomial.fit(logarithms[usual], first[usual], 3)(logarithms)
    ranks = np.linspace(0.002, 0.998, 60)
    found, wanted = (np.quantile(values[usual & coded], ranks) for values in (total, first))
    return total + np.interp(total, found, wanted - found)


def read(metric: Perceptual, paths: list[Path]) -> Samples:
    """Reads all crops."""
    norms, scores, coded, crops, pairs, kinds, offset = [], [], [], [], [], [], 0
    for index, path in enumerate(paths):
        norms.append(read_norms(metric, path))
        with np.load(path) as file:
            scores.append(file["scores"])
            coded.append(np.isfinite(file["bpp"]))
            pairs.append(file["pairs"].astype(np.int64) + offset)
            kinds.append(file["kinds"])
        crops.append(np.full(len(norms[-1]), index))
        offset += len(norms[-1])
    joined = np.concatenate(scores)
    targets = torch.from_numpy(combine(joined, np.concatenate(coded))).float()
    return Samples(
        torch.from_numpy(np.concatenate(norms)).float(), joined, targets,
        np.concatenate(crops), np.concatenate(pairs), np.concatenate(kinds),
    )  # fmt: skip


def _draw_pairs(samples: Samples, rng: np.random.Generator) -> Tensor:
    """Pairs of versions of one crop that is not held back, (k, 2)."""
    drawn = []
    for crop in np.unique(samples.crops[~samples.held_back]):
        members = np.nonzero(samples.crops == crop)[0]
        drawn.append(rng.choice(members, (_PAIRS_A_CROP, 2)))
    pairs = np.concatenate(drawn)
    return torch.from_numpy(pairs[pairs[:, 0] != pairs[:, 1]])


def fit(metric: Perceptual, samples: Samples, options: argparse.Namespace) -> None:
    """Fits heads and calibration."""
    rng = np.random.default_rng(SEED)
    seen = torch.from_numpy(~samples.held_back)
    means = samples.norms[seen].mean(0).clamp_min(1e-6)  # so that all weights move alike
    norms = samples.norms / means
    chosen = ~samples.held_back[samples.pairs[:, 0]]
    better, worse = torch.from_numpy(samples.pairs[chosen]).unbind(1)
    counts = torch.tensor([KINDS[kind] for kind in samples.kinds[chosen]])
    calibration = torch.tensor([5.0, 20.0, 10.0, 2.0]).sqrt()
    with torch.no_grad():
        metric.calibration.copy_(calibration)
        metric.heads.fill_(HEADS**-0.5)
    rates = (options.rate, 15 * options.rate)
    groups: list[dict[str, Any]] = [{"params": [metric.heads]}, {"params": [metric.calibration]}]
    optimizer = torch.optim.Adam(groups, lr=options.rate)
    targets = samples.targets
    for step in range(options.steps):
        if step % 100 == 0:
            pairs = _draw_pairs(samples, rng)
            labels = torch.sigmoid(targets[pairs[:, 0]] - targets[pairs[:, 1]])
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1 - step / options.steps)
        scores = metric.score_of(metric.distance_of(norms))
        rankings = functional.binary_cross_entropy_with_logits(scores[pairs[:, 0]] - scores[pairs[:, 1]], labels)
        scale = functional.huber_loss(scores[seen], targets[seen], delta=5.0)
        margins = functional.softplus(options.margin - scores[better] + scores[worse])
        forced = (margins * counts).mean()
        sparse = metric.heads.square().sum()
        loss = rankings + options.scale * scale + options.pairs * forced + options.sparse * sparse
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 250 == 0:
            print(
                f"{step}: rankings {float(rankings):.4f}, scale {float(scale):.3f}, pairs {float(forced):.3f}",
                flush=True,
            )
    with torch.no_grad():
        metric.heads.div_(means.sqrt())
    calibrate(metric, samples)


@torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]  # where PyTorch is not installed
def calibrate(metric: Perceptual, samples: Samples) -> None:
    """Fits the calibration alone by least squares, errors at high scores counting more."""
    usual = torch.from_numpy(~samples.held_back & (samples.scores[:, 0] > _LEAST_SCORE))
    distances, targets = metric.distance_of(samples.norms)[usual], samples.targets[usual]
    powers = torch.stack([(distances + 1e-6) ** power - 1e-6**power for power in POWERS], -1)
    weights = 1 / (2 + 0.15 * (100 - targets))
    found, _ = nnls((powers * weights[:, None]).double().numpy(), ((100 - targets) * weights).double().numpy())
    metric.calibration.copy_(torch.from_numpy(found).sqrt())


@torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]  # where PyTorch is not installed
def report(metric: Perceptual, samples: Samples, held_back: bool) -> str:
    """One line about the crops that were fitted to, or held back."""
    scores = metric.score_of(metric.distance_of(samples.norms)).numpy()
    mask = samples.held_back == held_back
    ranks = []
    for crop in np.unique(samples.crops[mask]):
        members = samples.crops == crop
        ranks.append([abs(spearmanr(scores[members], samples.scores[members, i])[0]) for i in range(3)])
    known = mask[samples.pairs[:, 0]]
    right = scores[samples.pairs[:, 0]] > scores[samples.pairs[:, 1]]
    shares = [f"{kind} {100 * right[known & (samples.kinds == kind)].mean():.1f} %" for kind in KINDS]
    usual = mask & (samples.scores[:, 0] > _LEAST_SCORE)
    error = np.sqrt(np.mean((scores - samples.targets.numpy())[usual] ** 2))
    return f"rank correlation {np.round(np.mean(ranks, 0), 4).tolist()}, {', '.join(shares)}, RMS error {error:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="folder that perceptual_data.py wrote")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--scale", type=float, default=0.02, help="weight of the Huber loss")
    parser.add_argument("--pairs", type=float, default=0.2, help="weight of the pairs of equal SSIMULACRA2")
    parser.add_argument("--margin", type=float, default=1.5, help="of those pairs, in points")
    parser.add_argument("--sparse", type=float, default=1e-3, help="weight of the sum of the heads")
    options = parser.parse_args()
    torch.set_num_threads(1)
    metric = Perceptual()
    paths = sorted(path for path in options.cache.glob("*.npz") if ".part" not in path.name)
    kept = options.cache / "scales.npy"
    if not kept.exists():
        fit_scales(metric, paths)
        np.save(kept, torch.cat(list(metric.scales)).numpy())
    sizes = [len(scale) for scale in metric.scales]
    with torch.no_grad():
        for scale, values in zip(metric.scales, torch.from_numpy(np.load(kept)).split(sizes), strict=True):
            scale.copy_(values)
    samples = read(metric, paths)
    fit(metric, samples, options)
    print("fitted to:", report(metric, samples, False))
    print("held back:", report(metric, samples, True))
    arrays: dict[str, Any] = metric.arrays()
    np.savez(options.output, **arrays)


if __name__ == "__main__":
    main()
