"""The shape of heads: from the chance of a face in each cell to the evidence of faces.

The network learned boxes. A box reaches into the wall beside a face and ends above the hair, so each box becomes the
upright ellipse of a head with its hair: its size follows from the spread of the chance, its proportions are given.
Faces that touch are told apart by the maxima of the distance from the edge of their region (a morphological
reconstruction); a region that no ellipse fits, such as a crowd, keeps its own shape. Chances are rounded first, and no
later step jumps where a chance changes little, so that processors and mirror images agree.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...image import _raster
from ..maps import Reals

__all__ = ["Ellipse", "HeadShape", "face_evidence", "find_heads"]

_LEVELS: Final = 50  # to which a chance is rounded
_NOTCH: Final = 0.3  # cells by which the distance from the edge falls between two faces in one region
_BEYOND: Final = 8  # cells by which a face at the border of the image is thought to continue
_SHARED: Final = 0.25  # difference of relative distances from two faces up to which a cell belongs to both
_FILLED: Final = (0.5, 0.7)  # mean chance in an ellipse: below it does not fit, above it does
_UPRIGHT: Final = (0.85, 1.0)  # height by width of a region, likewise
_TELLS: Final = (2.0, 3.0)  # half of the height in cells: below it a region has no shape to speak of
_WHOLE: Final = 0.2  # chance from which a cell of a region without an ellipse counts fully


class HeadShape(NamedTuple):
    """How a region of faces becomes ellipses, and ellipses evidence.

    Attributes:
        level: evidence inside.
        border: evidence on the outline.
        slope: change of the evidence across the outline, per cell.
        unlikely: chance above which a cell counts.
        likely: largest chance from which a face has the whole evidence.
        size: half of a head's height for a region whose standard deviation is 1 cell, in cells.
        power: of the standard deviation, to which the height is proportional.
        aspect: height by width.
        rise: how far the middle of the head lies above the middle of the region, in halves of the height.
        smallest: least half of the height, in cells.
    """

    level: float
    border: float
    slope: float
    unlikely: float
    likely: float
    size: float
    power: float
    aspect: float
    rise: float
    smallest: float


class Ellipse(NamedTuple):
    """The outline of a head, in cells; cell 0 lies at 0.

    Attributes:
        row: of the middle.
        col: of the middle.
        tall: half of the height.
        wide: half of the width.
        fit: how well it fits its region, 0 to 1.
    """

    row: float
    col: float
    tall: float
    wide: float
    fit: float


def face_evidence(chance: Reals, shape: HeadShape) -> Reals:
    """Computes the evidence of faces; loads scikit-image where there may be one.

    Args:
        chance: float64 (rows, cols), of a face in each cell.
        shape: of heads.

    Returns:
        float64 (rows, cols), 0 to ``shape.level``.
    """
    evidence: Reals = np.zeros(chance.shape)
    for head, weights in find_heads(chance, shape):
        inside = np.clip(shape.border + shape.slope * _depth(head, chance.shape), 0, shape.level)
        region = shape.level * np.minimum(weights / _WHOLE, 1)
        sure = min((weights.max() - shape.unlikely) / (shape.likely - shape.unlikely), 1)
        evidence = np.maximum(evidence, sure * (head.fit * inside + (1 - head.fit) * region))
    return evidence


def find_heads(chance: Reals, shape: HeadShape) -> list[tuple[Ellipse, Reals]]:
    """Fits an ellipse to each face.

    Args:
        chance: float64 (rows, cols), of a face in each cell.
        shape: of heads.

    Returns:
        Ellipses, each with the chance (rows, cols) that it was fitted to: that in the cells of its face, 0 elsewhere.
    """
    rounded = np.rint(chance * _LEVELS) / _LEVELS
    inside = rounded > shape.unlikely
    faces = [share * rounded for share in _split(inside)] if inside.any() else []
    return [(_fit(weights, shape), weights) for weights in faces]


def _split(inside: NDArray[np.bool_]) -> Reals:
    """Tells faces apart; returns the share (faces, rows, cols) of each cell that belongs to each face."""
    _, regions = _raster.label_parts(inside.astype(np.uint8))
    beyond = np.pad(np.pad(inside, _BEYOND, mode="edge"), 1).astype(np.uint8)
    inner = slice(_BEYOND + 1, -_BEYOND - 1)
    depth = _raster.distance_to_zero(beyond)[inner, inner].astype(np.float64)
    maxima = _high_maxima(np.pad(depth, 1), _NOTCH)[1:-1, 1:-1]
    count, peaks = _raster.label_parts(np.ascontiguousarray(maxima, np.uint8))
    rows, cols = np.ogrid[: inside.shape[0], : inside.shape[1]]
    distances = np.full((count, *inside.shape), np.inf)
    for i in range(count):
        peak = peaks == i + 1
        same = regions == regions[peak].max()
        middle = np.argwhere(peak).mean(axis=0)
        away = np.hypot(rows - middle[0], cols - middle[1]) / depth[peak].max()
        distances[i] = np.where(same, away, np.inf)
    nearest = np.where(inside, distances.min(axis=0), 0)
    shares = np.clip(1 - (distances - nearest) / _SHARED, 0, 1) * inside
    total: Reals = shares / np.maximum(shares.sum(axis=0), 1e-9)
    return total


def _high_maxima(values: Reals, height: float) -> NDArray[np.uint8]:
    """Marks the maxima that rise by ``height`` above the way to any higher one (rows, cols).

    By scikit-image, and by the same definition in a few lines where that is not installed. Nothing but the order of
    numbers decides, so both mark the same cells.
    """
    try:
        from skimage.morphology import h_maxima
    except ImportError:
        return _maxima_by_reconstruction(values, height)
    marked: NDArray[np.uint8] = h_maxima(values, height)
    return marked


def _maxima_by_reconstruction(values: Reals, height: float) -> NDArray[np.uint8]:
    """Dilates the lowered values under the values until nothing changes (morphological reconstruction)."""
    if height > np.ptp(values):
        return np.zeros(values.shape, np.uint8)
    grown, before = values - height - 2 * np.finfo(np.float64).resolution * np.abs(values), None
    while before is None or not np.array_equal(grown, before):
        before = grown
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(grown, 1, constant_values=-np.inf), (3, 3))
        grown = np.minimum(windows.max(axis=(2, 3)), values)
    return (values - grown >= height).astype(np.uint8)


def _fit(weights: Reals, shape: HeadShape) -> Ellipse:
    """Fits the ellipse of a head to the weights (rows, cols) of a face's cells."""
    (row, down), (col, across) = (_mean_and_variance(weights.sum(axis=1 - axis)) for axis in (0, 1))
    tall = max(shape.smallest, shape.size * (down * across) ** (shape.power / 4))
    ellipse = Ellipse(row - shape.rise * tall, col, tall, tall / shape.aspect, 1.0)
    covered = np.clip(0.5 + _depth(ellipse, weights.shape), 0, 1)
    filled = float((weights * covered).sum() / max(covered.sum(), 1)) / float(weights.max())
    fit = _rise(filled, *_FILLED) * _rise((down / across) ** 0.5, *_UPRIGHT)
    return ellipse._replace(fit=max(fit, 1 - _rise(tall, *_TELLS)))


def _mean_and_variance(weights: Reals) -> tuple[float, float]:
    """Returns mean and variance of the position, that inside a cell included."""
    places = np.arange(weights.size)
    mean = float(np.average(places, weights=weights))
    return mean, float(np.average((places - mean) ** 2, weights=weights)) + 1 / 12


def _rise(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _depth(head: Ellipse, size: tuple[int, ...]) -> Reals:
    """Approximates the distance (rows, cols) from the outline in cells, positive inside."""
    rows, cols = np.ogrid[: size[0], : size[1]]
    down, across = (rows - head.row) / head.tall, (cols - head.col) / head.wide
    radius = np.maximum(np.hypot(down, across), 1e-6)
    slope = np.maximum(np.hypot(down / head.tall, across / head.wide), 1e-6 / head.tall)
    depth: Reals = (1 - radius) * radius / slope
    return np.minimum(depth, head.wide)
