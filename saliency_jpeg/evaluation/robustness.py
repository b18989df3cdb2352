"""Properties of saliency maps that need no human judgement: stability, and the coverage of boxes."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import InputError
from ..image.boxes import Box, fill_boxes
from ..image.resize import scaled_size, shrink
from ..metrics.arrays import Map, Pixels
from ..metrics.saliency import share_above
from .saliency_benchmark import Predictor

__all__ = ["Stability", "judge_boxes", "judge_stability", "read_boxes", "stability"]


class Stability(NamedTuple):
    """Mean absolute difference between the map of an image and that of a changed copy, 0 to 1; 0 is best.

    Attributes:
        mirrored: left and right exchanged.
        halved: half the height and width.
        doubled: twice the height and width.
    """

    mirrored: float
    halved: float
    doubled: float


def stability(rgb: Pixels, predict: Predictor) -> Stability:
    """Measures how much a map changes when the image is mirrored, halved and doubled.

    Args:
        rgb: uint8 (H, W, 3).
        predict: returns the map (H, W) of such an image.
    """
    original = np.asarray(predict(rgb), np.float64)
    mirrored = predict(np.ascontiguousarray(rgb[:, ::-1]))[:, ::-1]
    height, width = rgb.shape[:2]
    double = Image.fromarray(rgb).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    others = (mirrored, predict(shrink(rgb, scaled_size(rgb.shape[:2], 0.5))), predict(np.asarray(double)))
    return Stability(*(float(np.abs(original - _resized(other, original.shape)).mean()) for other in others))


def _resized(saliency: npt.ArrayLike, shape: tuple[int, ...]) -> Map:
    """A map scaled to ``shape`` (height, width)."""
    image = Image.fromarray(np.ascontiguousarray(saliency, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), np.float64)


def judge_stability(
    images: Iterable[Pixels], predictors: Mapping[str, Predictor]
) -> dict[str, tuple[Stability, Stability]]:
    """Measures the stability of several predictors on many images.

    Args:
        images: uint8 (H, W, 3) each.
        predictors: functions from an image to a map (H, W), by name.

    Returns:
        By name: the mean over the images, and for each field the worst image.

    Raises:
        InputError: there is no image.
    """
    values: dict[str, list[Stability]] = {name: [] for name in predictors}
    for rgb in images:
        for name, predict in predictors.items():
            values[name].append(stability(rgb, predict))
    if not all(values.values()):
        raise InputError("measuring stability needs at least one image, got no image")
    return {
        name: (Stability(*np.mean(rows, axis=0).tolist()), Stability(*np.max(rows, axis=0).tolist()))
        for name, rows in values.items()
    }


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """Reads boxes from a CSV file with the columns image, left, top, right, bottom, in pixels.

    Returns:
        Boxes (left, top, right, bottom) by the image's name without suffix.

    Raises:
        InputError: a column is missing or a value is no number.
        OSError: the file cannot be read.
    """
    boxes: dict[str, list[Box]] = defaultdict(list)
    with path.open(newline="") as file:
        try:
            for row in csv.DictReader(file):
                left, top, right, bottom = (float(row[side]) for side in ("left", "top", "right", "bottom"))
                boxes[Path(row["image"]).stem].append((left, top, right, bottom))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} needs the columns image, left, top, right, bottom with numbers: {error}"
            ) from error
    return dict(boxes)


def judge_boxes(
    images: Iterable[tuple[Pixels, Sequence[Box]]], predictors: Mapping[str, Predictor], threshold: float = 0.5
) -> dict[str, float]:
    """Measures which share of the area of all boxes, such as detected faces, the maps mark as salient.

    Args:
        images: uint8 (H, W, 3) each, with its boxes (left, top, right, bottom) in pixels.
        predictors: functions from an image to a map (H, W), by name.
        threshold: smallest value of a salient pixel.

    Returns:
        Shares by name, 0 to 1; NaN if the boxes have no area.
    """
    covered, total = dict.fromkeys(predictors, 0.0), 0
    for rgb, boxes in images:
        region = fill_boxes(boxes, (rgb.shape[0], rgb.shape[1]))
        if area := int(region.sum()):
            total += area
            for name, predict in predictors.items():
                covered[name] += area * share_above(predict(rgb), region, threshold)
    return {name: value / total if total else math.nan for name, value in covered.items()}
