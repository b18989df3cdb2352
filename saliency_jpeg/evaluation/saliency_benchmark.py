"""Scores of saliency models on folders of images, against recorded gaze and against masks of objects.

A gaze set is a folder with ``images/`` and ``fixations.csv``, whose columns image, subject, x, y give the position of
each fixation in pixels. A mask set has ``images/`` and ``masks/``, with a PNG file of the same name for each image, in
the same subfolders.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..metrics.arrays import Map, Pixels
from ..metrics.saliency import Bools, auc, auc_judd, cc, f_curve, fixation_density, kl, mae, nss, sim
from .folders import EVALUATED_SUFFIXES, choose_images, read_pixels

__all__ = [
    "SIGMA",
    "GazeSample",
    "GazeScores",
    "MaskSample",
    "MaskScores",
    "Predictor",
    "inter_observer",
    "judge_gaze",
    "judge_masks",
    "read_gaze",
    "read_masks",
    "score_gaze",
]

SIGMA = 24.0  # pixels, one degree of the visual field in the data set OSIE
_HALVINGS = 4  # random splits of the viewers into two halves

#: A saliency model as a function: uint8 (H, W, 3) to a map (H, W).
Predictor: TypeAlias = Callable[[Pixels], npt.NDArray[np.floating]]


class GazeSample(NamedTuple):
    """An image with recorded gaze.

    Attributes:
        name: file name without suffix.
        rgb: uint8 (H, W, 3).
        viewers: the fixations of each viewer, float64 (n, 2) of (row, column).
    """

    name: str
    rgb: Pixels
    viewers: tuple[Map, ...]


class MaskSample(NamedTuple):
    """An image with the mask of its salient object.

    Attributes:
        name: file name without suffix.
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), true on the object.
    """

    name: str
    rgb: Pixels
    mask: Bools


class GazeScores(NamedTuple):
    """Scores of one map, or means over many; see :mod:`saliency_jpeg.metrics.saliency`. Lower is better for ``kl``."""

    auc_judd: float
    nss: float
    cc: float
    sim: float
    kl: float


class MaskScores(NamedTuple):
    """Scores over a mask set.

    Attributes:
        auc: mean area under the ROC curve.
        max_f: maximum of the mean F curve: one threshold for all images.
        mae: mean absolute error; lower is better.
    """

    auc: float
    max_f: float
    mae: float


# ---- data sets ---------------------------------------------------------------------------------


def read_gaze(folder: Path, names: Collection[str] | None = None, count: int | None = None) -> Iterator[GazeSample]:
    """Reads a gaze set, without fixations that lie outside the image and without images that have none.

    Args:
        folder: holds ``images/`` and ``fixations.csv``.
        names: file names without suffix to take; ``None`` for all.
        count: take at most this many, chosen with a fixed seed.

    Raises:
        InputError: there are no images, or a column of the table is missing.
        OSError: a file cannot be read.
    """
    fixations = _fixations(folder / "fixations.csv")
    seen = {Path(image).stem for image in fixations}
    for path in _images(folder, seen if names is None else seen.intersection(names), count):
        rgb = read_pixels(path)
        inside = [_inside(points, rgb.shape[:2]) for points in fixations.get(path.name, {}).values()]
        viewers = tuple(points for points in inside if len(points))
        if viewers:
            yield GazeSample(path.stem, rgb, viewers)


def read_masks(folder: Path, names: Collection[str] | None = None, count: int | None = None) -> Iterator[MaskSample]:
    """Reads a mask set, without images whose mask has no object or no background.

    Args:
        folder: holds ``images/`` and ``masks/``.
        names: file names without suffix to take; ``None`` for all.
        count: take at most this many, chosen with a fixed seed.

    Raises:
        InputError: there are no images.
        OSError: a file cannot be read.
    """
    for path in _images(folder, names, count):
        mask = read_pixels((folder / "masks" / path.relative_to(folder / "images")).with_suffix(".png"), "L") > 127
        if mask.any() and not mask.all():
            yield MaskSample(path.stem, read_pixels(path), mask)


def _images(folder: Path, names: Collection[str] | None, count: int | None) -> list[Path]:
    chosen = choose_images(folder / "images", EVALUATED_SUFFIXES, names, count)
    if not chosen:
        raise InputError(f"there are no images to evaluate on in {folder / 'images'}")
    return chosen


def _fixations(path: Path) -> dict[str, dict[str, Map]]:
    """Fixations, float64 (n, 2) of (row, column), by image and viewer."""
    points: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        try:
            for row in csv.DictReader(file):
                points[row["image"]][row["subject"]].append((float(row["y"]), float(row["x"])))
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} needs the columns image, subject, x, y with numbers: {error}") from error
    return {image: {who: np.array(rows) for who, rows in viewers.items()} for image, viewers in points.items()}


def _inside(points: Map, size: tuple[int, ...]) -> Map:
    return points[((points >= 0) & (points < size)).all(axis=1)]


# ---- scores ------------------------------------------------------------------------------------


def score_gaze(saliency: npt.ArrayLike, fixations: Map, density: Map) -> GazeScores:
    """Returns all gaze scores of one map.

    Args:
        saliency: (H, W).
        fixations: float64 (n, 2) of (row, column).
        density: of the fixations, float64 (H, W).

    Raises:
        InputError: an array does not fit.
    """
    by_density = (metric(saliency, density) for metric in (cc, sim, kl))
    return GazeScores(auc_judd(saliency, fixations), nss(saliency, fixations), *by_density)


def judge_gaze(
    samples: Iterable[GazeSample], predictors: Mapping[str, Predictor], *, sigma: float = SIGMA
) -> dict[str, GazeScores]:
    """Scores predictors on a gaze set.

    Args:
        samples: as :func:`read_gaze` yields them.
        predictors: functions from uint8 (H, W, 3) to a map (H, W), by name.
        sigma: of the Gaussians of the fixation density, in pixels.

    Returns:
        Mean scores by name.

    Raises:
        InputError: there are no samples, or a map does not fit.
    """
    scores: dict[str, list[GazeScores]] = {name: [] for name in predictors}
    for sample in samples:
        fixations = np.concatenate(sample.viewers)
        density = fixation_density(fixations, _size(sample.rgb), sigma)
        for name, predict in predictors.items():
            scores[name].append(score_gaze(predict(sample.rgb), fixations, density))
    return {name: _mean(rows) for name, rows in scores.items()}


def judge_masks(samples: Iterable[MaskSample], predictors: Mapping[str, Predictor]) -> dict[str, MaskScores]:
    """Scores predictors on a mask set.

    Args:
        samples: as :func:`read_masks` yields them.
        predictors: functions from uint8 (H, W, 3) to a map (H, W) in [0, 1], by name.

    Returns:
        Scores by name.

    Raises:
        InputError: there are no samples, or a map does not fit.
    """
    scores: dict[str, list[tuple[float, Map, float]]] = {name: [] for name in predictors}
    for sample in samples:
        for name, predict in predictors.items():
            saliency = predict(sample.rgb)
            scores[name].append(
                (auc(saliency, sample.mask), f_curve(saliency, sample.mask), mae(saliency, sample.mask))
            )
    return {name: _mask_scores(rows) for name, rows in scores.items()}


def inter_observer(samples: Iterable[GazeSample], *, sigma: float = SIGMA) -> GazeScores:
    """Scores viewers against each other: how well people predict people, the practical upper bound of a model.

    AUC-Judd and NSS score each viewer's fixations by the density of all other viewers, and are means over the viewers.
    CC, SIM and KL compare the density of one half of the viewers with that of the other half, and are means of four
    random halvings. Both halves are noisier than the density of all viewers, so a very good model can exceed those
    three. Images with fewer than two viewers are left out.

    Args:
        samples: as :func:`read_gaze` yields them.
        sigma: of the Gaussians of the fixation density, in pixels.

    Raises:
        InputError: no image has two viewers.
    """
    scores = [
        _inter_observer(sample, sigma, random.Random(sample.name)) for sample in samples if len(sample.viewers) > 1
    ]
    if not scores:
        raise InputError("inter-observer scores need an image with at least two viewers, got none")
    return _mean(scores)


def _inter_observer(sample: GazeSample, sigma: float, chooser: random.Random) -> GazeScores:
    densities = np.array([fixation_density(points, _size(sample.rgb), sigma) for points in sample.viewers])
    everybody = range(len(densities))
    left_out = []
    for i, points in enumerate(sample.viewers):
        others = densities[[k for k in everybody if k != i]].sum(axis=0)  # subtracting would leave rounding errors
        left_out.append((auc_judd(others, points), nss(others, points)))
    halved = []
    for _ in range(_HALVINGS):
        first = chooser.sample(everybody, len(densities) // 2)
        second = [k for k in everybody if k not in first]
        halved.append([metric(densities[first].sum(axis=0), densities[second].sum(axis=0)) for metric in (cc, sim, kl)])
    return GazeScores(*np.mean(left_out, axis=0).tolist(), *np.mean(halved, axis=0).tolist())


def _size(rgb: Pixels) -> tuple[int, int]:
    height, width = rgb.shape[:2]
    return height, width


def _mean(scores: list[GazeScores]) -> GazeScores:
    if not scores:
        raise InputError("gaze scores need an image with fixations, got no image with fixations")
    return GazeScores(*np.mean(scores, axis=0).tolist())


def _mask_scores(scores: list[tuple[float, Map, float]]) -> MaskScores:
    if not scores:
        raise InputError("mask scores need an image with a mask, got no image with a mask")
    areas, curves, errors = zip(*scores, strict=True)
    return MaskScores(float(np.mean(areas)), float(np.mean(curves, axis=0).max()), float(np.mean(errors)))
