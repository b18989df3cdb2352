"""Step 4: quality to quantization tables.

A step is ``base(f) * scale ** bend(f)`` with f the radial frequency of its coefficient: the shape at scale 1 is drawn
through a few knots (in the logarithm), and the low frequencies bend, that is they coarsen more slowly than the rest
when the scale grows.  Steps stay real numbers up to the file; the difference between the real step and the integer one
is given to the quantizer as sensitivity, so that size and quality follow the scale without jumps.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import parameters
from .parameters import QUALITY_KNOTS, TUNINGS, TableShape, Tuning

__all__ = [
    "for_sampling",
    "ideal_steps",
    "quality_to_scale",
    "quantization_tables",
    "scale_to_quality",
    "sensitivity",
    "to_table",
]

_FREQUENCY: Final[NDArray[np.float64]] = np.hypot(*np.mgrid[0:8, 0:8]).ravel()


def _obliqueness() -> NDArray[np.float64]:
    """(64,) how far a frequency lies off the axes: -1/2 on them, 1/2 on the diagonal, 0 at DC."""
    rows, cols = np.mgrid[0:8, 0:8].astype(np.float64).reshape(2, 64)
    sine = 2 * rows * cols / np.maximum(np.square(_FREQUENCY), 1)  # of twice the angle
    oblique: NDArray[np.float64] = np.where(_FREQUENCY > 0, np.square(sine) - 0.5, 0.0)
    return oblique


_OBLIQUENESS: Final = _obliqueness()


def _rounding() -> NDArray[np.float64]:
    """(64,) offsets in (0, 1) before rounding down: a golden-ratio sequence over the pairs of frequencies."""
    row, col = np.divmod(np.arange(64), 8)
    low, high = np.minimum(row, col), np.maximum(row, col)
    pair = high * (high + 1) // 2 + low
    offsets: NDArray[np.float64] = (0.5 + pair * (math.sqrt(5) - 1) / 2) % 1
    return offsets


_ROUNDING: Final = _rounding()


def _steps(shape: TableShape, scale: float) -> NDArray[np.float64]:
    """(64,) real steps of one component, natural order."""
    base, exponent = _base_and_exponent(shape)
    steps: NDArray[np.float64] = base * scale**exponent
    return steps


@lru_cache(maxsize=64)
def _base_and_exponent(shape: TableShape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(64,) steps at scale 1, and the power of the scale that each is multiplied by; they are not to be changed."""
    diagonal = np.interp(_FREQUENCY, (0.0, parameters.FREQUENCY_KNOTS[-1]), shape.diagonal)
    base = np.exp(np.interp(_FREQUENCY, parameters.FREQUENCY_KNOTS, np.log(shape.steps)) + diagonal * _OBLIQUENESS)
    return base, shape.bend + (1 - shape.bend) * np.minimum(_FREQUENCY / parameters.BENT_BELOW, 1.0)


def ideal_steps(scale: float, tuning: Tuning) -> NDArray[np.float64]:
    """Returns the real quantization steps of Y, Cb and Cr at a scale.

    Args:
        scale: above 0; 1 gives the steps of the tuning.
        tuning: shape of the tables.

    Returns:
        float64 (3, 64), natural order, in coefficient units.
    """
    return np.stack([_steps(shape, scale) for shape in (tuning.luma, tuning.cb, tuning.cr)])


def for_sampling(tuning: Tuning, sampling: tuple[int, int]) -> Tuning:
    """Returns the tuning with the chroma steps that suit a chroma subsampling.

    Args:
        tuning: for 4:2:0.
        sampling: luma samples (across, down) for each chroma sample.
    """
    factor = tuning.whole_chroma ** (1 - math.log2(sampling[0] * sampling[1]) / 2)

    def scaled(shape: TableShape) -> TableShape:
        return replace(shape, steps=tuple(step * factor for step in shape.steps))

    return replace(tuning, cb=scaled(tuning.cb), cr=scaled(tuning.cr))


def to_table(steps: NDArray[np.float64], rounding: float = 0.0) -> NDArray[np.uint16]:
    """Returns steps as 8-bit JPEG holds them: integers from 1 to 255 (T.81 B.2.4.1, Pq = 0).

    Each frequency rounds up from a fraction of its own, so that the integers of a flat table do not all jump at the
    same scale, and the size of the file with them.

    Args:
        steps: float64 (n, 64), natural order.
        rounding: 0 to 1, added to these fractions.
    """
    return np.clip(np.floor(steps + (_ROUNDING + rounding) % 1), 1, 255).astype(np.uint16)


def sensitivity(steps: NDArray[np.float64], tuning: Tuning, table: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Returns the cost of one squared step of error in the file's tables.

    An error of one real step costs 1 at the middle frequency and ``exp(tilt)`` six cycles above it.

    Args:
        steps: float64 (n, 64), the real steps.
        tuning: tilts.
        table: uint16 (n, 64), the integer steps.

    Returns:
        float32 (n, 64).
    """
    tilt = np.array([tuning.luma_tilt, tuning.chroma_tilt, tuning.chroma_tilt])[: len(steps), None]
    tilted = np.exp(tilt * (_FREQUENCY - parameters.TILT_MIDDLE) / parameters.TILT_SPAN)
    return (tilted * np.square(table / steps)).astype(np.float32)


def quality_to_scale(quality: float, tuning: Tuning) -> float:
    """Returns the scale of a quality.

    Args:
        quality: 0 to 100.
        tuning: meaning of the quality.
    """
    return math.exp(float(np.interp(quality, QUALITY_KNOTS, np.log(tuning.scales))))


def scale_to_quality(scale: float, tuning: Tuning) -> float:
    """Returns the quality, 0 to 100, of a scale; inverse of :func:`quality_to_scale`.

    Args:
        scale: above 0.
        tuning: meaning of the quality.
    """
    return float(np.interp(-math.log(scale), -np.log(tuning.scales), QUALITY_KNOTS))


def quantization_tables(quality: float, tuning: Tuning = TUNINGS["default"]) -> NDArray[np.uint16]:
    """Returns the quantization tables of Y, Cb and Cr at a quality.

    Args:
        quality: 0 to 100.
        tuning: shape of the tables and meaning of the quality.

    Returns:
        uint16 (3, 64), natural order, steps from 1 to 255 (T.81 A.3.4, B.2.4.1).
    """
    return to_table(ideal_steps(quality_to_scale(quality, tuning), tuning))
