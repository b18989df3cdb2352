"""Step 4: quality to quantization tables.

A step is ``base(f) * scale ** bend(f)`` with f the radial frequency of its coefficient: the shape at scale 1 is drawn
through a few knots (in the logarithm), and the low frequencies bend, that is they coarsen more slowly than the rest
when the scale grows.  Steps stay real numbers up to the file; the difference between the real step and the integer one
is given to the quantizer as sensitivity, so that size and quality follow the scale without jumps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "TableShape",
    "ideal_steps",
    "quality_to_scale",
    "quantization_tables",
    "scale_to_quality",
    "sensitivity",
]

_KNOTS: Final = (0.0, 1.0, 2.0, 3.5, 5.5, 9.9)  # radial frequency in cycles of half a block; 0 is DC


@dataclass(frozen=True)
class TableShape:
    """One component's table as numbers: steps at the knots for scale 1, and the exponent of the scale at DC."""

    steps: tuple[float, float, float, float, float, float]
    bend: float

    def at(self, scale: float) -> NDArray[np.float64]:
        """(64,) real steps, natural order."""
        rows, cols = np.mgrid[0:8, 0:8]
        frequency = np.hypot(rows, cols).ravel()
        shape: NDArray[np.float64] = np.exp(np.interp(frequency, _KNOTS, np.log(self.steps)))
        exponent = self.bend + (1 - self.bend) * np.minimum(frequency / 3.0, 1.0)
        steps: NDArray[np.float64] = shape * scale**exponent
        return steps


LUMA: Final = TableShape((2.7, 2.6, 4.5, 5.6, 7.2, 8.7), 0.75)
CB: Final = TableShape((2.8, 3.3, 5.2, 8.0, 11.0, 20.0), 0.75)
CR: Final = TableShape((2.4, 2.6, 4.2, 4.6, 5.2, 6.5), 0.75)

_LOW_SCALE: Final = 0.05


def _rounding() -> NDArray[np.float64]:
    """(64,) offsets in (0, 1) before rounding down: a golden-ratio sequence over the pairs of frequencies."""
    row, col = np.divmod(np.arange(64), 8)
    low, high = np.minimum(row, col), np.maximum(row, col)
    pair = high * (high + 1) // 2 + low
    offsets: NDArray[np.float64] = (0.5 + pair * (math.sqrt(5) - 1) / 2) % 1
    return offsets


_ROUNDING: Final = _rounding()


def ideal_steps(scale: float) -> NDArray[np.float64]:
    """Real quantization steps of Y, Cb and Cr at a scale: float64 (3, 64), natural order, in coefficient units."""
    return np.stack([shape.at(scale) for shape in (LUMA, CB, CR)])


def to_table(steps: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Steps as 8-bit JPEG holds them: integers from 1 to 255 (T.81 B.2.4.1, Pq = 0).

    Each frequency rounds up from a fraction of its own, so that the integers of a flat table do not all jump at the
    same scale, and the size of the file with them.
    """
    return np.clip(np.floor(steps + _ROUNDING), 1, 255).astype(np.uint16)


def sensitivity(steps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Cost of one squared integer step of error, (n, 64), where an error of one real step costs 1."""
    return np.square(to_table(steps) / steps).astype(np.float32)


@lru_cache(maxsize=256)
def quality_to_scale(quality: float) -> float:
    """The scale of a quality from 0 to 100."""
    return math.exp(float(np.interp(quality, *_quality_curve())))


def scale_to_quality(scale: float) -> float:
    """The quality from 0 to 100 of a scale; inverse of :func:`quality_to_scale`."""
    quality, log_scale = _quality_curve()
    return float(np.interp(-math.log(scale), -log_scale, quality))


@lru_cache(maxsize=1)
def _quality_curve() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Knots (quality, log scale): quality on libjpeg's scale, the scale falling."""
    quality = np.array([0.0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 98, 100])
    scale = np.array([400, 150, 60, 30, 16, 11, 8.6, 7.2, 6.0, 4.8, 4.2, 3.5, 2.8, 2.0, 1.1, 0.5, _LOW_SCALE])
    return quality, np.log(scale)


def quantization_tables(quality: float) -> NDArray[np.uint16]:
    """The quantization tables of Y, Cb and Cr at a quality.

    Args:
        quality: 0 to 100.

    Returns:
        uint16 (3, 64), natural order, steps from 1 to 255 (T.81 A.3.4, B.2.4.1).
    """
    return to_table(ideal_steps(quality_to_scale(quality)))
