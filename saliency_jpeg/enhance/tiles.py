"""Tiles of an image: what the network is told of each, and what becomes of its output.

Planes of the network's size are groups of 4x4 samples; tiles overlap by more than the network's reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..io import full_package
from .network import CELL, CONDITION, GROUP, PLACES
from .planes import LevelsImage, sampling_factors

cv2 = full_package.load("cv2", "restoration (not enhance=None, --enhance none)")

__all__ = [
    "CONTRAST",
    "DETAIL_SCALE",
    "INPUT_SCALE",
    "MCU",
    "Part",
    "SharedInputs",
    "Tile",
    "condition",
    "correction_scale",
    "places",
]

#: Tiles begin and end between MCUs of 4:2:0, in pixels.
MCU: Final = 16

#: Sample values that an output of 1 stands for in the detail of chroma.
DETAIL_SCALE: Final = 4.0

#: Sample values that count as 1 in the network's planes.
INPUT_SCALE: Final = 64.0

#: Contrast that counts as 1, as a multiple of :func:`correction_scale`.
CONTRAST: Final = 12.0

_MOST_LEVEL: Final = 24  # levels beyond are squashed to the same number
_SQUASHED: Final = np.tanh(np.arange(-_MOST_LEVEL, _MOST_LEVEL + 1, dtype=np.float32) / 2)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tile:
    """A restored part of an image.

    Attributes:
        rows: of the image.
        cols: of the image.
        planes: float32 samples of each component at the resolution of the image, 0 to 255, not clipped.
    """

    rows: slice
    cols: slice
    planes: list[Floats]


def condition(image: LevelsImage) -> Floats:
    """Returns what the network knows of the whole file: its tables, where its levels are not 0, its sampling.

    Args:
        image: the file.

    Returns:
        float32 (387,).
    """
    known = np.zeros((6, 64), np.float32)
    for index, (levels, row) in enumerate(zip(image.levels, image.component_tables, strict=True)):
        known[index] = np.log2(image.tables[row].astype(np.float32)) / 4 - 1
        known[3 + index] = np.sqrt(np.count_nonzero(levels, axis=(0, 1)) / (levels.size // 64))
    h, v = sampling_factors(image)[-1]
    result = np.concatenate([known.ravel(), np.array([h - 1, v - 1, len(image.levels) == 1], np.float32)])
    assert result.shape == (CONDITION,)
    return result


def correction_scale(tables: NDArray[Any]) -> Floats:
    """Returns the sample values that a correction of 1 stands for.

    Args:
        tables: steps (components, 64), natural order.

    Returns:
        float32 (components,): an eighth of the mean step of the low frequencies, within limits.
    """
    scale: Floats = np.clip(_mean_step(tables) / 8, 0.25, 16)
    return scale


def _share(tables: NDArray[Any]) -> Floats:
    """Share of the corrections that is applied: all from a mean step of 4 on, none at steps of 1.

    Where steps are that fine, the network was hardly trained, and little is to be gained.
    """
    share: Floats = np.clip((_mean_step(tables) - 1) / 3, 0, 1)
    return share


def _mean_step(tables: NDArray[Any]) -> Floats:
    """Mean step of the low frequencies, float32 (components,)."""
    mean: Floats = tables[:, list(_core.ZIGZAG[1:16])].astype(np.float32).mean(axis=1)
    return mean


def places(rows: int, cols: int) -> Floats:
    """Returns where each group of 4x4 pixels lies in its block of 8 and its MCU of 16, float32 (rows, cols, 6)."""

    def along(count: int) -> Floats:
        angle = np.arange(count) * np.pi / 2
        return np.stack([np.cos(2 * angle), np.cos(angle), np.sin(angle)], -1).round().astype(np.float32)

    result = np.empty((rows, cols, PLACES), np.float32)
    result[..., :3], result[..., 3:] = along(rows)[:, None], along(cols)
    return result


# ---- one tile -----------------------------------------------------------------------------------------------------


class SharedInputs:
    """What all tiles of a file share. A colour file without any colour (``is_gray``) stays without.

    Args:
        image: the file.
        amount: factor of the corrections.
        intervals: of each component.
        classes: for a network with classes, what is seen in each cell: chances float32 (rows, cols, classes).
    """

    def __init__(
        self,
        image: LevelsImage,
        amount: float,
        intervals: Sequence[Floats | None],
        classes: Floats | None = None,
    ) -> None:
        self.size, self.levels, self.amount, self.intervals = image.size, list(image.levels), amount, intervals
        self.tables = [np.ascontiguousarray(image.tables[row]) for row in image.component_tables]
        steps = np.stack(self.tables)
        self.input_scales = np.ones(3, np.float32)
        self.input_scales[: len(steps)] = correction_scale(steps)
        self.scales = correction_scale(steps) * _share(steps) * np.float32(amount)
        self.condition, self.classes = condition(image), classes
        self.factors = sampling_factors(image)
        self.is_gray = not any(levels.any() for levels in self.levels[1:])


@dataclass(frozen=True)
class Part:
    """A tile with its margin, in pixels of the image; all but the ends of the image are multiples of 16.

    Attributes:
        core: (top, bottom, left, right) of the tile.
        top: of the tile with its margin.
        bottom: likewise, may be beyond the image.
        left: likewise.
        right: likewise.
    """

    core: tuple[int, int, int, int]
    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, file: SharedInputs, start: tuple[int, int], size: tuple[int, int], reach: int) -> Part:
        """Returns the tile at a place, with a margin."""
        ends = [min(a + b, side) for a, b, side in zip(start, size, file.size, strict=True)]
        whole = [-(-side // MCU) * MCU for side in file.size]
        top, left = (max(0, a - reach) for a in start)
        bottom, right = (min(-(-a // MCU) * MCU + reach, side) for a, side in zip(ends, whole, strict=True))
        return cls((start[0], ends[0], start[1], ends[1]), top, bottom, left, right)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def levels(self, file: SharedInputs, index: int) -> NDArray[np.int16]:
        """The component's levels here, and where the image ends before the part, its last blocks again, AC 0."""
        h, v = file.factors[index]
        rows, cols = self._shape[0] // (8 * v), self._shape[1] // (8 * h)
        row, col = self.top // (8 * v), self.left // (8 * h)
        levels = file.levels[index][row : row + rows, col : col + cols]
        missing = rows - levels.shape[0], cols - levels.shape[1]
        if any(missing):
            padded = np.pad(levels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            padded[levels.shape[0] :, :, 1:] = 0
            padded[:, levels.shape[1] :, 1:] = 0
            return padded
        return np.ascontiguousarray(levels)

    def _repeat_edges(self, file: SharedInputs, index: int, plane: Floats) -> Floats:
        """Replaces the samples beyond the component's own by its last ones, as decoders do before they interpolate."""
        h, v = file.factors[index]
        rows, cols = -(-file.size[0] // v) - self.top // v, -(-file.size[1] // h) - self.left // h
        if rows < plane.shape[0]:
            plane[rows:] = plane[rows - 1]
        if cols < plane.shape[1]:
            plane[:, cols:] = plane[:, cols - 1 : cols]
        return plane

    def inputs(self, file: SharedInputs, components: Sequence[NDArray[np.int16]]) -> list[Floats]:
        """Returns the network's inputs, without the axis of the batch.

        Args:
            file: of this tile.
            components: the levels of each component here, see :meth:`levels`.
        """
        planes = []
        for index, (levels, table) in enumerate(zip(components, file.tables, strict=True)):
            plane = self._repeat_edges(file, index, _core.inverse_dct(levels, table))
            planes.append(_core.upsample(plane, *file.factors[index], self._shape))
        planes += [np.full(self._shape, 128, np.float32) for _ in range(3 - len(planes))]
        rows, cols = self._shape[0] // GROUP, self._shape[1] // GROUP
        joined = np.empty((rows, cols, 6, GROUP, GROUP), np.float32)
        for index, plane in enumerate(planes):
            contrast = plane - _surroundings(plane)
            contrast *= np.float32(1 / (CONTRAST * file.input_scales[index]))
            np.tanh(contrast, out=contrast)
            contrast *= np.float32(1.5)
            plane -= np.float32(128)
            plane *= np.float32(1 / INPUT_SCALE)
            joined[:, :, index], joined[:, :, 3 + index] = _to_groups(plane), _to_groups(contrast)
        squashed = _SQUASHED[np.clip(components[0], -_MOST_LEVEL, _MOST_LEVEL) + _MOST_LEVEL]
        squashed[..., 0] = 0
        inputs = [joined.reshape(rows, cols, -1), squashed, places(rows, cols), file.condition]
        if file.classes is not None:
            inside = slice(self.top // CELL, self.bottom // CELL), slice(self.left // CELL, self.right // CELL)
            inputs.append(cv2.resize(file.classes[inside], (cols, rows), interpolation=cv2.INTER_LINEAR))
        return inputs

    def finish(self, file: SharedInputs, components: Sequence[NDArray[np.int16]], out: Floats) -> Tile:
        """Corrects the components, given as for :meth:`inputs`, by the network's output, (rows, cols, 80)."""
        groups = out.reshape(*out.shape[:2], -1, GROUP, GROUP)
        top, bottom, left, right = self.core
        rows, cols = slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)
        planes = []
        for index, (levels, table) in enumerate(zip(components, file.tables, strict=True)):
            if index and file.is_gray:
                planes.append(np.full((bottom - top, right - left), 128, np.float32))
                continue
            h, v = file.factors[index]
            correction = _from_groups(groups[:, :, index]) * file.scales[index]
            correction = _average(correction, h, v)
            plane = _core.correct_samples(levels, table, correction, file.intervals[index])
            plane = _core.upsample(self._repeat_edges(file, index, plane), h, v, self._shape)
            if (h, v) != (1, 1):
                plane += _from_groups(groups[:, :, index + 2]) * np.float32(DETAIL_SCALE * file.amount)
            planes.append(np.ascontiguousarray(plane[rows, cols]))
        return Tile(slice(top, bottom), slice(left, right), planes)


def _to_groups(plane: Floats) -> Floats:
    """A plane as (rows, cols, 4, 4), a view."""
    height, width = plane.shape
    return plane.reshape(height // GROUP, GROUP, width // GROUP, GROUP).swapaxes(1, 2)


def _surroundings(plane: Floats) -> Floats:
    """For each sample the mean of its group and the eight groups around it, as far as there are any."""
    means = _average(plane, GROUP, GROUP)
    sums = cv2.blur(means, (3, 3), borderType=cv2.BORDER_CONSTANT)
    sums /= cv2.blur(np.ones_like(means), (3, 3), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(sums, plane.shape[::-1], interpolation=cv2.INTER_NEAREST), np.float32)


def _from_groups(groups: Floats) -> Floats:
    rows, cols = groups.shape[:2]
    return np.ascontiguousarray(groups.swapaxes(1, 2)).reshape(rows * GROUP, cols * GROUP)


def _average(plane: Floats, h: int, v: int) -> Floats:
    """Means of v x h samples."""
    if (h, v) == (1, 1):
        return plane
    height, width = plane.shape
    return np.asarray(cv2.resize(plane, (width // h, height // v), interpolation=cv2.INTER_AREA), np.float32)
