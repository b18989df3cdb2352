#!/usr/bin/env python3
"""Measure how well ``saliency_jpeg.saliency.confidence`` predicts that a map agrees with where people look.

Prints, for the images of OSIE that the network learned from (by which the constants were fitted) and for the others,
the correlation of the confidence with CC, with NSS and with the logarithm of the gain (the map's mean at the fixations
over its mean), and CC and NSS by quarters of the confidence. ::

    python scripts/measure_confidence.py DATA [--preset NAME]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from saliency_data import GAZE_SIGMA
from score_tables import report_names

from saliency_jpeg.evaluation import read_gaze
from saliency_jpeg.evaluation.saliency_benchmark import GazeSample
from saliency_jpeg.metrics.saliency import cc, fixation_density, nss
from saliency_jpeg.saliency import SaliencyModel
from saliency_jpeg.saliency.confidence import confidence

_LEAST_MEAN: Final = 0.02


def measure(sample: GazeSample, model: SaliencyModel) -> tuple[float, float, float, float]:
    """Returns confidence, CC, NSS and the logarithm of the gain of an image."""
    saliency = model.predict(sample.rgb)
    fixations = np.concatenate(sample.viewers)
    density = fixation_density(fixations, saliency.shape, GAZE_SIGMA * saliency.shape[1])
    rows, cols = fixations.astype(int).T
    gain = saliency[rows, cols].mean() / max(saliency.mean(), _LEAST_MEAN)
    return confidence(saliency), cc(saliency, density), nss(saliency, fixations), float(np.log(max(gain, 1e-3)))


def report(title: str, rows: NDArray[np.float64]) -> None:
    """Prints correlations and quarters; ``rows`` is float64 (images, 4), from :func:`measure`."""
    by_confidence, *scores = rows.T
    names = ("CC", "NSS", "log gain")
    r = [float(np.corrcoef(by_confidence, score)[0, 1]) for score in scores]
    print(f"{title}, {len(rows)} images: r with " + ", ".join(f"{n} {v:.2f}" for n, v in zip(names, r, strict=True)))
    print(f"  confidence less CC: {(by_confidence - scores[0]).mean():+.3f} on average")
    for quarter in np.array_split(rows[np.argsort(by_confidence, kind="stable")], 4):
        mean = quarter.mean(axis=0)
        print(f"  confidence {mean[0]:.2f}: CC {mean[1]:.2f}, NSS {mean[2]:.2f}")


def main() -> None:
    """Prints both parts of OSIE."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with osie/")
    parser.add_argument("--preset", default="default", help="preset that makes the maps (default)")
    arguments = parser.parse_args()
    model = SaliencyModel.from_preset(arguments.preset)
    held_back = set(report_names(arguments.data))
    samples = read_gaze(arguments.data / "osie")
    by_part: dict[bool, list[tuple[float, ...]]] = {False: [], True: []}
    for sample in samples:
        by_part[sample.name in held_back].append(measure(sample, model))
    report("learned from", np.array(by_part[False]))
    report("held back", np.array(by_part[True]))


if __name__ == "__main__":
    main()
