"""What may be asked of a saliency map without anyone's judgement: that it is steady, and that it covers faces."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as PilImage

from ..errors import InputError
from ..image.boxes import Box, fill_boxes
from ..image.resize import resized
from ..metrics.arrays import Image, Map
from ..metrics.saliency import share_above
from .saliency_benchmark import Predictor

__all__ = ["Steadiness", "judge_boxes", "judge_steadiness", "read_boxes", "steadiness"]


class Steadiness(NamedTuple):
    """Mean absolute difference of a map, 0 to 1, from that of the mirrored, halved and doubled picture; 0 is best."""

    mirrored: float
    halved: float
    doubled: float


def steadiness(rgb: Image, predict: Predictor) -> Steadiness:
    """How much the map of uint8 (H, W, 3) changes with what ought to make no difference."""
    here = np.asarray(predict(rgb), np.float64)
    mirrored = predict(np.ascontiguousarray(rgb[:, ::-1]))[:, ::-1]
    height, width = rgb.shape[:2]
    double = PilImage.fromarray(rgb).resize((2 * width, 2 * height), PilImage.Resampling.BICUBIC)
    others = (mirrored, predict(resized(rgb, 0.5)), predict(np.asarray(double)))
    return Steadiness(*(float(np.abs(here - _fitted(other, here.shape)).mean()) for other in others))


def _fitted(saliency: object, shape: tuple[int, ...]) -> Map:
    """A map at another size."""
    picture = PilImage.fromarray(np.ascontiguousarray(saliency, np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), PilImage.Resampling.BILINEAR), np.float64)


def judge_steadiness(
    images: Iterable[Image], predictors: Mapping[str, Predictor]
) -> dict[str, tuple[Steadiness, Steadiness]]:
    """Of each predictor the mean over the images and the worst image, field by field.

    Raises:
        InputError: there is no image.
    """
    found: dict[str, list[Steadiness]] = {name: [] for name in predictors}
    for rgb in images:
        for name, predict in predictors.items():
            found[name].append(steadiness(rgb, predict))
    if not all(found.values()):
        raise InputError("there is no image to try the map on")
    return {
        name: (Steadiness(*np.mean(rows, axis=0).tolist()), Steadiness(*np.max(rows, axis=0).tolist()))
        for name, rows in found.items()
    }


def read_boxes(path: Path) -> dict[str, list[Box]]:
    """Boxes by the image's stem, from a table with the columns image, left, top, right, bottom in pixels.

    Raises:
        InputError: there are other columns, or something else than numbers.
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
    pictures: Iterable[tuple[Image, Sequence[Box]]], predictors: Mapping[str, Predictor], threshold: float = 0.5
) -> dict[str, float]:
    """Share of the area of all boxes, such as faces that a detector found, where the map is at least ``threshold``.

    NaN without any area. Boxes are (left, top, right, bottom) in pixels of their picture.
    """
    covered, total = dict.fromkeys(predictors, 0.0), 0
    for rgb, boxes in pictures:
        region = fill_boxes(boxes, (rgb.shape[0], rgb.shape[1]))
        if area := int(region.sum()):
            total += area
            for name, predict in predictors.items():
                covered[name] += area * share_above(predict(rgb), region, threshold)
    return {name: value / total if total else math.nan for name, value in covered.items()}
