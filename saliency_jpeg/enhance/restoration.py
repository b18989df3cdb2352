"""Restoration: a network undoes what quantization and the averaging of chroma did, inside what the file allows.

The network (:mod:`.network`) sees the decoded planes and the levels. Its corrections of a component are transformed to
coefficients, and each is limited to the interval in which the coefficient can have been; so the result never
contradicts the file. Chroma that was stored at half the resolution gets a correction there, and at the resolution of
the image the detail that interpolation does not bring back; no interval is known for that.

An image is restored in tiles, which overlap by more than the network's reach, so that memory does not grow with the
image and no seam shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..errors import InputError, OptionError
from ..io.files import write
from ..saliency import litert
from .network import CONDITION, GROUP, PLACES
from .presets import RestorationPreset, find, read_arrays

__all__ = [
    "DEFAULT_WIDTHS",
    "DETAIL_SCALE",
    "Restorer",
    "Tile",
    "can_restore",
    "condition",
    "correction_scale",
    "places",
]

#: Half-widths of the intervals in steps, for files of any encoder: levels of 0, others towards 0, others away from 0,
#: DC. Encoders that decide by rate and distortion round many coefficients down that are beyond half a step.
DEFAULT_WIDTHS: Final = (1.0, 0.5, 0.6, 0.8)

#: Sample values that an output of 1 stands for in the detail of chroma.
DETAIL_SCALE: Final = 16.0

#: Sample values that count as 1 in the network's planes.
INPUT_SCALE: Final = 64.0

#: Contrast that counts as 1, as a multiple of :func:`correction_scale`.
CONTRAST: Final = 12.0

_MCU: Final = 16  # tiles begin and end between MCUs of 4:2:0
_TILE_PIXELS: Final = 2_000_000  # of a tile without its margin
_TILE_SIDE: Final = 3072  # most of its width

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


def can_restore(image: _core.JpegImage) -> bool:
    """Returns whether a file is of a kind that was trained on: gray, or YCbCr with averaged chroma or not.

    Args:
        image: as :func:`_core.read_jpeg` returns it. Whether its three components are YCbCr is not looked at.
    """
    if len(image.levels) == 1:
        return True
    h, v = image.sampling[0]
    return len(image.levels) == 3 and max(h, v) <= 2 and list(image.sampling[1:]) == [(1, 1), (1, 1)]


class Restorer:
    """The network of a preset, for many images. Safe to call from several threads.

    Args:
        preset: sizes and weights.
        device: where it runs, such as ``"gpu"``; None for TensorFlow's choice.

    Raises:
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing, or the device.
    """

    def __init__(self, preset: RestorationPreset, device: str | None = None) -> None:
        from .runtime import LiteRunner, Runner

        self.preset = preset
        self._runner: LiteRunner | Runner
        if litert.replaces_tensorflow():
            path = litert.find(preset.name)
            self._runner = LiteRunner(litert.unpack(path.read_bytes(), path.name).network, path.name)
        else:
            self._runner = Runner(preset.architecture, read_arrays(preset), device)

    @classmethod
    def from_preset(cls, name: str = "restore", device: str | None = None) -> Restorer:
        """Loads a preset: ``"restore"`` or ``"restore-fast"``."""
        return cls(find(name), device)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Writes the network as a file for LiteRT, which runs it without TensorFlow.

        Args:
            path: of the file; :mod:`saliency_jpeg.saliency.litert` says where it is looked for.

        Raises:
            OptionError: this restorer runs on LiteRT itself.
            OSError: the file cannot be written.
        """
        from .runtime import Runner

        if not isinstance(self._runner, Runner):
            raise OptionError("a network is exported where TensorFlow is installed, got one that runs on LiteRT")
        write(str(Path(path).absolute()), litert.pack(litert.Exported(self._runner.export(), self.preset.name, ())))

    def restore(
        self, image: _core.JpegImage, *, amount: float = 1.0, fidelity: float = 1.0, widths: Floats | None = None
    ) -> list[Floats]:
        """Restores an image.

        Args:
            image: the file, as :func:`_core.read_jpeg` returns it.
            amount: factor of the corrections, 0 for the plain picture.
            fidelity: 1 keeps every coefficient in its interval, half of it doubles the intervals, 0 drops them.
            widths: float32 (components, 4), half-widths of the intervals in steps as :func:`_core.correct_samples`
                takes them; by default those that hold for any encoder.

        Returns:
            float32 (H, W) samples of each component, 0 to 255, not clipped.

        Raises:
            InputError: the file is not gray or YCbCr, or has another sampling than 4:4:4, 4:2:2, 4:4:0 and 4:2:0.
        """
        planes = [np.empty(image.size, np.float32) for _ in image.levels]
        for tile in self.tiles(image, amount=amount, fidelity=fidelity, widths=widths):
            for plane, part in zip(planes, tile.planes, strict=True):
                plane[tile.rows, tile.cols] = part
        return planes

    def tiles(
        self,
        image: _core.JpegImage,
        *,
        amount: float = 1.0,
        fidelity: float = 1.0,
        widths: Floats | None = None,
        tile_size: tuple[int, int] | None = None,
    ) -> Iterator[Tile]:
        """Restores an image in parts, from the top.

        Args:
            image: as for :meth:`restore`.
            amount: as for :meth:`restore`.
            fidelity: as for :meth:`restore`.
            widths: as for :meth:`restore`.
            tile_size: (rows, cols) of pixels of a part, multiples of 16; by default about two million pixels.

        Raises:
            InputError: as :meth:`restore`.
        """
        if not can_restore(image):
            raise InputError(
                "only gray and YCbCr files with whole or halved chroma can be restored; pass enhance=None, got "
                f"{len(image.levels)} components with sampling {list(image.sampling)}"
            )
        file = _File(image, amount, _intervals(len(image.levels), fidelity, widths))
        rows, cols = tile_size or _tile_size(image.size)
        for top in range(0, image.size[0], rows):
            for left in range(0, image.size[1], cols):
                yield self._tile(file, (top, left), (rows, cols))

    def _tile(self, file: _File, start: tuple[int, int], size: tuple[int, int]) -> Tile:
        reach = -(-self.preset.architecture.reach // _MCU) * _MCU + _MCU
        part = _Part.around(file, start, size, reach)
        out = self._runner.run_one(part.inputs(file))
        return part.finish(file, out)


def _tile_size(size: tuple[int, int]) -> tuple[int, int]:
    height, width = (-(-side // _MCU) * _MCU for side in size)
    across = -(-width // _TILE_SIDE)
    cols = -(-width // across // _MCU) * _MCU
    down = -(-height * cols // _TILE_PIXELS)
    return -(-height // down // _MCU) * _MCU, cols


def _intervals(components: int, fidelity: float, widths: Floats | None) -> list[Floats | None]:
    if fidelity == 0:
        return [None] * components
    if widths is None:
        widths = np.tile(np.float32(DEFAULT_WIDTHS), (components, 1))
    return list(np.ascontiguousarray(widths / np.float32(fidelity), np.float32))


# ---- what the network is told -------------------------------------------------------------------------------------


def condition(image: _core.JpegImage) -> Floats:
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
    h, v = image.sampling[0] if len(image.levels) == 3 else (1, 1)
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
    low = tables[:, list(_core.ZIGZAG[1:16])].astype(np.float32)
    return np.clip(low.mean(axis=1) / 8, 0.25, 16).astype(np.float32)


def places(rows: int, cols: int) -> Floats:
    """Returns where each group of 4x4 pixels lies in its block of 8 and its MCU of 16, float32 (rows, cols, 6)."""

    def along(count: int) -> Floats:
        angle = np.arange(count) * np.pi / 2
        return np.stack([np.cos(2 * angle), np.cos(angle), np.sin(angle)], -1).round().astype(np.float32)

    result = np.empty((rows, cols, PLACES), np.float32)
    result[..., :3], result[..., 3:] = along(rows)[:, None], along(cols)
    return result


# ---- one tile -----------------------------------------------------------------------------------------------------


class _File:
    """What all tiles of a file share."""

    def __init__(self, image: _core.JpegImage, amount: float, intervals: Sequence[Floats | None]) -> None:
        self.size, self.levels, self.amount, self.intervals = image.size, list(image.levels), amount, intervals
        self.tables = [np.ascontiguousarray(image.tables[row]) for row in image.component_tables]
        self.input_scales = np.ones(3, np.float32)
        self.input_scales[: len(self.tables)] = correction_scale(np.stack(self.tables))
        self.scales = self.input_scales * np.float32(amount)
        self.condition = condition(image)
        h, v = image.sampling[0] if len(self.levels) == 3 else (1, 1)
        self.factors = [(1, 1), (h, v), (h, v)][: len(self.levels)]


@dataclass(frozen=True)
class _Part:
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
    def around(cls, file: _File, start: tuple[int, int], size: tuple[int, int], reach: int) -> _Part:
        """Returns the tile at a place, with a margin."""
        ends = [min(a + b, side) for a, b, side in zip(start, size, file.size, strict=True)]
        whole = [-(-side // _MCU) * _MCU for side in file.size]
        top, left = (max(0, a - reach) for a in start)
        bottom, right = (min(-(-a // _MCU) * _MCU + reach, side) for a, side in zip(ends, whole, strict=True))
        return cls((start[0], ends[0], start[1], ends[1]), top, bottom, left, right)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def _levels(self, file: _File, index: int) -> NDArray[np.int16]:
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

    def inputs(self, file: _File) -> list[Floats]:
        """Returns the network's inputs, without the axis of the batch."""
        planes = []
        for index, table in enumerate(file.tables):
            plane = _core.inverse_dct(self._levels(file, index), table)
            planes.append(_core.upsample(plane, *file.factors[index], self._shape))
        planes += [np.full(self._shape, 128, np.float32)] * (3 - len(planes))
        rows, cols = self._shape[0] // GROUP, self._shape[1] // GROUP
        joined = np.empty((rows, cols, 6, GROUP, GROUP), np.float32)
        for index, plane in enumerate(planes):
            groups, scale = _to_groups(plane), file.input_scales[index]
            joined[:, :, index] = (groups - 128) / np.float32(INPUT_SCALE)
            joined[:, :, 3 + index] = 1.5 * np.tanh((groups - _surroundings(groups)) / (np.float32(CONTRAST) * scale))
        levels = np.tanh(self._levels(file, 0).astype(np.float32) / 2)
        levels[..., 0] = 0
        return [joined.reshape(rows, cols, -1), levels, places(rows, cols), file.condition]

    def finish(self, file: _File, out: Floats) -> Tile:
        """Corrects the components by the network's output, (rows, cols, 80)."""
        groups = out.reshape(*out.shape[:2], -1, GROUP, GROUP)
        top, bottom, left, right = self.core
        rows, cols = slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)
        planes = []
        for index, table in enumerate(file.tables):
            h, v = file.factors[index]
            correction = _from_groups(groups[:, :, index]) * file.scales[index]
            correction = _average(correction, h, v)
            plane = _core.correct_samples(self._levels(file, index), table, correction, file.intervals[index])
            plane = _core.upsample(plane, h, v, self._shape)
            if (h, v) != (1, 1):
                plane += _from_groups(groups[:, :, index + 2]) * np.float32(DETAIL_SCALE * file.amount)
            planes.append(np.ascontiguousarray(plane[rows, cols]))
        return Tile(slice(top, bottom), slice(left, right), planes)


def _to_groups(plane: Floats) -> Floats:
    """A plane as (rows, cols, 4, 4), a view."""
    height, width = plane.shape
    return plane.reshape(height // GROUP, GROUP, width // GROUP, GROUP).swapaxes(1, 2)


def _surroundings(groups: Floats) -> Floats:
    """Mean of each group and its eight neighbours, as far as there are any, (rows, cols, 1, 1)."""
    means = groups.mean(axis=(2, 3))
    sums = cv2.blur(means, (3, 3), borderType=cv2.BORDER_CONSTANT)
    return (sums / cv2.blur(np.ones_like(means), (3, 3), borderType=cv2.BORDER_CONSTANT))[:, :, None, None]


def _from_groups(groups: Floats) -> Floats:
    rows, cols = groups.shape[:2]
    return np.ascontiguousarray(groups.swapaxes(1, 2)).reshape(rows * GROUP, cols * GROUP)


def _average(plane: Floats, h: int, v: int) -> Floats:
    if (h, v) == (1, 1):
        return plane
    height, width = plane.shape
    return plane.reshape(height // v, v, width // h, h).mean(axis=(1, 3), dtype=np.float32)
