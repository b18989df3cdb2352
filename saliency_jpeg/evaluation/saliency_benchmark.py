"""Saliency models judged by people, on folders of images.

A gaze set is a folder with ``images/`` and ``fixations.csv`` (columns image, subject, x, y, the place in pixels of the
image); a mask set has ``images/`` and ``masks/`` with a PNG file of the same name for each, in the same sub-folders.
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
from PIL import Image as PilImage

from ..errors import InputError
from ..metrics.arrays import Image, Map
from ..metrics.saliency import Bools, auc, auc_judd, cc, f_curve, fixation_density, kl, mae, nss, sim
from .folders import LOSSLESS, LOSSY, choose

__all__ = [
    "SIGMA",
    "GazeSample",
    "GazeScores",
    "MaskSample",
    "MaskScores",
    "Predictor",
    "ceiling",
    "judge_gaze",
    "judge_masks",
    "read",
    "read_gaze",
    "read_masks",
    "score_gaze",
]

SIGMA = 24.0  # pixels, one degree of the visual field in OSIE
_HALVINGS = 4  # of the viewers, for the ceiling

Predictor: TypeAlias = Callable[[Image], npt.NDArray[np.floating]]


class GazeSample(NamedTuple):
    """An image, uint8 (H, W, 3), and for each viewer the fixations, float64 (n, 2) of (row, column)."""

    name: str
    rgb: Image
    viewers: tuple[Map, ...]


class MaskSample(NamedTuple):
    """An image, uint8 (H, W, 3), and the object in it, bool (H, W)."""

    name: str
    rgb: Image
    mask: Bools


class GazeScores(NamedTuple):
    """Of one map or the mean of many; higher is better but for ``kl``."""

    auc_judd: float
    nss: float
    cc: float
    sim: float
    kl: float


class MaskScores(NamedTuple):
    """Of a data set; ``max_f`` is the maximum of the mean F curve, one threshold for all images."""

    auc: float
    max_f: float
    mae: float


# ---- data sets ---------------------------------------------------------------------------------


def read_gaze(folder: Path, names: Collection[str] | None = None, count: int | None = None) -> Iterator[GazeSample]:
    """The samples of a gaze set; fixations beside the image are left out, images without fixations too.

    Args:
        folder: holds ``images/`` and ``fixations.csv``.
        names: stems of the images to take, ``None`` for all.
        count: take at most so many, drawn with a fixed seed.

    Raises:
        InputError: there is nothing to read, or the table has other columns.
    """
    fixations = _fixations(folder / "fixations.csv")
    seen = {Path(image).stem for image in fixations}
    for path in _images(folder, seen if names is None else seen.intersection(names), count):
        rgb = read(path, "RGB")
        inside = [_inside(points, rgb.shape[:2]) for points in fixations.get(path.name, {}).values()]
        viewers = tuple(points for points in inside if len(points))
        if viewers:
            yield GazeSample(path.stem, rgb, viewers)


def read_masks(folder: Path, names: Collection[str] | None = None, count: int | None = None) -> Iterator[MaskSample]:
    """The samples of a mask set, arguments as for :func:`read_gaze`; masks without object or background are left out.

    Raises:
        InputError: there is nothing to read.
    """
    for path in _images(folder, names, count):
        mask = read((folder / "masks" / path.relative_to(folder / "images")).with_suffix(".png"), "L") > 127
        if mask.any() and not mask.all():
            yield MaskSample(path.stem, read(path, "RGB"), mask)


def _images(folder: Path, names: Collection[str] | None, count: int | None) -> list[Path]:
    chosen = choose(folder / "images", LOSSLESS | LOSSY, names, count)
    if not chosen:
        raise InputError(f"no images to judge by in {folder / 'images'}")
    return chosen


def read(path: Path, mode: str) -> Image:
    """Pixels of a file in Pillow's ``mode``: uint8 (H, W, 3) for "RGB", (H, W) for "L"."""
    with PilImage.open(path) as picture:
        return np.asarray(picture.convert(mode), np.uint8)


def _fixations(path: Path) -> dict[str, dict[str, Map]]:
    """Image, viewer, places."""
    places: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        try:
            for row in csv.DictReader(file):
                places[row["image"]][row["subject"]].append((float(row["y"]), float(row["x"])))
        except (KeyError, ValueError) as error:
            raise InputError(f"{path} needs the columns image, subject, x, y with numbers: {error}") from error
    return {image: {who: np.array(found) for who, found in viewers.items()} for image, viewers in places.items()}


def _inside(points: Map, size: tuple[int, ...]) -> Map:
    return points[((points >= 0) & (points < size)).all(axis=1)]


# ---- judging -----------------------------------------------------------------------------------


def score_gaze(saliency: npt.ArrayLike, fixations: Map, density: Map) -> GazeScores:
    """All the scores of one map, by fixations (n, 2) and their density (H, W)."""
    by_density = (metric(saliency, density) for metric in (cc, sim, kl))
    return GazeScores(auc_judd(saliency, fixations), nss(saliency, fixations), *by_density)


def judge_gaze(
    samples: Iterable[GazeSample], predictors: Mapping[str, Predictor], *, sigma: float = SIGMA
) -> dict[str, GazeScores]:
    """Mean scores of each predictor, a function from uint8 (H, W, 3) to a map (H, W)."""
    scores: dict[str, list[GazeScores]] = {name: [] for name in predictors}
    for sample in samples:
        fixations = np.concatenate(sample.viewers)
        density = fixation_density(fixations, _size(sample.rgb), sigma)
        for name, predict in predictors.items():
            scores[name].append(score_gaze(predict(sample.rgb), fixations, density))
    return {name: _mean(found) for name, found in scores.items()}


def judge_masks(samples: Iterable[MaskSample], predictors: Mapping[str, Predictor]) -> dict[str, MaskScores]:
    """Scores of each predictor, a function from uint8 (H, W, 3) to a map (H, W) in [0, 1]."""
    found: dict[str, list[tuple[float, Map, float]]] = {name: [] for name in predictors}
    for sample in samples:
        for name, predict in predictors.items():
            saliency = predict(sample.rgb)
            scores = auc(saliency, sample.mask), f_curve(saliency, sample.mask), mae(saliency, sample.mask)
            found[name].append(scores)
    return {name: _mask_scores(scores) for name, scores in found.items()}


def ceiling(samples: Iterable[GazeSample], *, sigma: float = SIGMA) -> GazeScores:
    """How well people predict people, with densities of the same ``sigma``; a model can hardly be better.

    AUC-Judd and NSS: each viewer's fixations by the density of all the others, mean over the viewers. CC, SIM and KL:
    the density of one half of the viewers by that of the other half, mean of four random halvings. The two halves are
    both noisier than the density of all, so a very good model can exceed those three. Images with fewer than two
    viewers are left out.

    Raises:
        InputError: no image has two viewers.
    """
    scores = [_ceiling(sample, sigma, random.Random(sample.name)) for sample in samples if len(sample.viewers) > 1]
    if not scores:
        raise InputError("a ceiling needs images with at least two viewers")
    return _mean(scores)


def _ceiling(sample: GazeSample, sigma: float, chooser: random.Random) -> GazeScores:
    own = np.array([fixation_density(points, _size(sample.rgb), sigma) for points in sample.viewers])
    everybody = range(len(own))
    left_out = []
    for i, points in enumerate(sample.viewers):
        others = own[[k for k in everybody if k != i]].sum(axis=0)  # a difference would leave rounding errors
        left_out.append((auc_judd(others, points), nss(others, points)))
    halved = []
    for _ in range(_HALVINGS):
        first = chooser.sample(everybody, len(own) // 2)
        second = [k for k in everybody if k not in first]
        halved.append([metric(own[first].sum(axis=0), own[second].sum(axis=0)) for metric in (cc, sim, kl)])
    return GazeScores(*np.mean(left_out, axis=0).tolist(), *np.mean(halved, axis=0).tolist())


def _size(rgb: Image) -> tuple[int, int]:
    height, width = rgb.shape[:2]
    return height, width


def _mean(scores: list[GazeScores]) -> GazeScores:
    if not scores:
        raise InputError("there is no image with fixations to judge by")
    return GazeScores(*np.mean(scores, axis=0).tolist())


def _mask_scores(scores: list[tuple[float, Map, float]]) -> MaskScores:
    if not scores:
        raise InputError("there is no image with a mask to judge by")
    areas, curves, errors = zip(*scores, strict=True)
    return MaskScores(float(np.mean(areas)), float(np.mean(curves, axis=0).max()), float(np.mean(errors)))
