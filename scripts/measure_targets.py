"""Measures how near ``target_score`` comes, on photographs that nothing was fitted to.

::

    python scripts/measure_targets.py DATA

prints for every metric and score, over Kodak 1 to 12 and pictures of CID22's report half: the share of files that are
at most half a point above the score after at most four candidates, with a 95 % interval, how far above they are, and
how many candidates it took. A map is used where the metric is of the salient part. Pictures whose file of quality 0 is
better than was asked have no such file; they are counted apart.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tune_encoder import split

from saliency_jpeg import Encoder, SaliencyModel, TargetError
from saliency_jpeg.evaluation.folders import read_pixels
from saliency_jpeg.evaluation.preferences import wilson
from saliency_jpeg.rate_control.by_score import SALIENT_METRICS
from saliency_jpeg.rate_control.score_model import TargetMetric

METRICS: Final[tuple[TargetMetric, ...]] = ("ssimulacra2", "perceptual", "ssimulacra2_s", "perceptual_s")
SCORES: Final = (50.0, 65.0, 75.0, 85.0, 90.0)
NEAR: Final = 0.5
CANDIDATES: Final = 4


class Found(NamedTuple):
    """One file.

    Attributes:
        beyond: how far it is above the score; NaN where none reaches it.
        candidates: that it took.
        is_coarsest: whether quality 0 is better than was asked.
    """

    beyond: float
    candidates: int
    is_coarsest: bool


def encode(rgb: NDArray[np.uint8], saliency: NDArray[np.float32], metric: TargetMetric, score: float) -> Found:
    used = saliency if metric in SALIENT_METRICS else None
    try:
        result = Encoder(target_score=score, target_metric=metric, saliency=used).compress(rgb)
    except TargetError:
        return Found(float("nan"), 0, False)
    assert result.score is not None
    return Found(result.score - score, result.passes, result.quality < 0.05 and result.score - score > NEAR)


def line(name: str, found: list[Found]) -> str:
    reached = [one for one in found if np.isfinite(one.beyond) and not one.is_coarsest]
    coarsest = sum(one.is_coarsest for one in found)
    good = sum(one.beyond <= NEAR and one.candidates <= CANDIDATES for one in reached)
    share, low, high = (100 * value for value in wilson(good, len(reached)))
    beyond, passes = np.array([one.beyond for one in reached]), [one.candidates for one in reached]
    return (
        f"| {name} | {len(reached)} of {len(found)} | {coarsest} | {share:.1f} [{low:.1f}, {high:.1f}] | "
        f"{beyond.mean():.2f} | "
        f"{np.quantile(beyond, 0.95):.2f} | {beyond.max():.2f} | {np.mean(passes):.1f} | {max(passes)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--count", type=int, default=24, help="of CID22's pictures")
    arguments = parser.parse_args()
    report_half = sorted(split(arguments.data / "photos_cid22")[1])
    paths = [*sorted((arguments.data / "kodak").glob("*.png")), *random.Random(0).sample(report_half, arguments.count)]
    model = SaliencyModel.from_preset("default")
    pictures = [read_pixels(path) for path in paths]
    maps = [model.predict(rgb) for rgb in pictures]
    print("| score | reached | 0 is better | within 0.5 by 4, % | above, mean | 95 % | worst | candidates | most |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for metric in METRICS:
        every = []
        for score in SCORES:
            found = [encode(rgb, saliency, metric, score) for rgb, saliency in zip(pictures, maps, strict=True)]
            print(line(f"{metric} {score:g}", found), flush=True)
            every += found
        print(line(f"{metric}, all", every), flush=True)


if __name__ == "__main__":
    main()
