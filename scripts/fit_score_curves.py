"""Prints the tables of ``rate_control/score_curves.py``: scores by quality, and how they follow map and chroma.

::

    python scripts/fit_score_curves.py DATA

encodes photographs that are tuned on, with their maps and without, at ``SCORE_QUALITIES`` of the same module.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tune_encoder import split

from saliency_jpeg import Encoder, SaliencyModel
from saliency_jpeg.codec.subsampling import Subsampling
from saliency_jpeg.evaluation.folders import read_pixels
from saliency_jpeg.rate_control.by_score import SALIENT_METRICS, Judge
from saliency_jpeg.rate_control.score_curves import SCORE_QUALITIES
from saliency_jpeg.rate_control.score_model import TargetMetric

METRICS: Final[tuple[TargetMetric, ...]] = ("ssimulacra2", "perceptual", "ssimulacra2_s", "perceptual_s")

SAMPLINGS: Final[tuple[Subsampling, ...]] = ("4:4:4", "4:2:0")

Floats = NDArray[np.floating]


def scores(
    rgb: NDArray[np.uint8],
    saliency: NDArray[np.float32] | None,
    metrics: tuple[TargetMetric, ...],
    subsampling: Subsampling = "auto",
) -> Floats:
    """Scores of the encodings of a photograph, (metrics, qualities)."""
    judges = [Judge(rgb, metric, saliency) for metric in metrics]
    files = [
        Encoder(quality=quality, saliency=saliency, subsampling=subsampling).compress(rgb).jpeg
        for quality in SCORE_QUALITIES
    ]
    return np.array([[judge(jpeg) for jpeg in files] for judge in judges])


def print_coverage(curves: list[Floats], coverages: list[float], metric: TargetMetric) -> None:
    """Prints by how much the logarithm of what is missing to 100 grows with that of the mean of the map."""
    lacks, places = np.log(100 - np.minimum(curves, 99.7)), np.log(coverages)
    slopes = np.polyfit(places, lacks, 1)[0]
    print(f'    "{metric}": {row(slopes, 2)}  # around {places.mean():.2f}', flush=True)


def print_gains(pictures: list[NDArray[np.uint8]], model: SaliencyModel) -> None:
    """Prints by how much whole chroma is above averaged chroma at the same quality."""
    gains = []
    for rgb in pictures:
        saliency = model.predict(rgb)
        whole, averaged = (scores(rgb, saliency, METRICS, sampling) for sampling in SAMPLINGS)
        gains.append(whole - averaged)
    for metric, values in zip(METRICS, np.mean(gains, 0), strict=True):
        print(f'    "{metric}": {row(values)}', flush=True)


def row(values: Floats, digits: int = 1) -> str:
    return f"({', '.join(f'{value:.{digits}f}' for value in values)}),"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    paths = sorted(split(data / "photos_cid22")[0])[::3]
    paths += sorted((data / "photos_cid22_more").glob("*.png"))[::6]
    paths += sorted((data / "photos_bsds500").glob("*.jpg"))[::15]
    model = SaliencyModel.from_preset("default")
    found: dict[TargetMetric, list[Floats]] = {metric: [] for metric in METRICS}
    coverages = []
    for path in paths:
        rgb = read_pixels(path)
        saliency = model.predict(rgb)
        coverages.append(float(saliency.mean()))
        plain = tuple(metric for metric in METRICS if metric not in SALIENT_METRICS)
        for used, metrics in ((None, plain), (saliency, METRICS)):
            for metric, values in zip(metrics, scores(rgb, used, metrics), strict=True):
                found[metric].append(values)
    for metric, curves in found.items():
        print(f'    "{metric}": {row(np.mean(curves, 0))}')
    for metric in SALIENT_METRICS:
        print_coverage(found[metric], coverages, metric)
    print_gains([read_pixels(path) for path in paths[::3]], model)


if __name__ == "__main__":
    main()
