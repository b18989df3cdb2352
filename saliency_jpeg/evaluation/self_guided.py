"""AV1's self-guided restoration filter, applied to a decoded JPEG picture.

AV1 bitstream specification, 7.17.3 (box filter process): two smoothed versions of a plane, which follow its edges and
even out what varies less than a noise parameter, are mixed into the plane by two weights. An AV1 encoder sends
parameters and weights; a JPEG file has none, so they are looked up by the file's mean step, as fitted by
``scripts/fit_self_guided.py``. This is a new implementation for measuring, in floating point.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ..codec import _core
from ..io import full_package
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..metrics.arrays import Map

__all__ = ["PASSES", "Strength", "filter_plane", "mean_log_step", "smoothed", "strengths"]

#: (radius, noise variance) of both passes, by number of the parameter set; radius 0 leaves a pass out (Sgr_Params).
PASSES: Final = (
    *(((2, 12), (1, 4)), ((2, 15), (1, 6)), ((2, 18), (1, 8)), ((2, 21), (1, 9))),
    *(((2, 24), (1, 10)), ((2, 29), (1, 11)), ((2, 36), (1, 12)), ((2, 45), (1, 13))),
    *(((2, 56), (1, 14)), ((2, 68), (1, 15)), ((0, 0), (1, 5)), ((0, 0), (1, 8))),
    *(((0, 0), (1, 11)), ((0, 0), (1, 14)), ((2, 30), (0, 0)), ((2, 75), (0, 0))),
)


class Strength(NamedTuple):
    """A parameter set of :data:`PASSES` and the weights of its two passes; (0, 0, 0) changes nothing."""

    number: int
    first: float
    second: float


#: Strengths for Y and for Cb and Cr, by whether a file is progressive (mozjpeg's, jpegli's, this library's) or not
#: (Pillow's), and by the mean log2 of its luma steps.
_FITTED: Final[dict[bool, dict[float, tuple[Strength, Strength]]]] = {
    False: {
        7.45: (Strength(14, 2.828, 0.0), Strength(2, 4.045, -3.147)),
        6.81: (Strength(12, 0.0, 2.708), Strength(0, 1.753, -0.217)),
        6.23: (Strength(2, -0.336, 3.082), Strength(0, 0.424, 1.417)),
        5.83: (Strength(1, -0.251, 2.935), Strength(0, -0.202, 2.108)),
        5.50: (Strength(4, -0.365, 1.757), Strength(10, 0.0, 1.442)),
        4.51: (Strength(3, -0.704, 2.29), Strength(9, -1.825, 3.736)),
        3.17: (Strength(4, -0.376, 0.945), Strength(9, -2.373, 4.228)),
        2.16: (Strength(2, -0.449, 1.008), Strength(9, -2.496, 4.025)),
    },
    True: {
        6.41: (Strength(1, -0.278, 2.915), Strength(10, 0.0, 1.733)),
        5.65: (Strength(6, -0.427, 1.726), Strength(10, 0.0, 1.434)),
        4.18: (Strength(1, -0.345, 1.548), Strength(0, -1.109, 3.132)),
    },
}


def filter_plane(plane: Map, strength: Strength) -> Map:
    """Filters one plane.

    Args:
        plane: float64 (H, W), samples from 0 to 255.
        strength: what to do.

    Returns:
        float64 (H, W), not rounded.
    """
    first, second = smoothed(plane, strength.number)
    return plane + strength.first * (first - plane) + strength.second * (second - plane)


def smoothed(plane: Map, number: int) -> list[Map]:
    """Returns the two smoothed versions of a plane, each float64 (H, W); the plane itself where a pass is left out.

    Args:
        plane: float64 (H, W), samples from 0 to 255.
        number: of the parameter set.
    """
    return [
        _one_pass(plane, radius, variance, alternate=index == 0) if radius else plane
        for index, (radius, variance) in enumerate(PASSES[number])
    ]


def _one_pass(plane: Map, radius: int, variance: float, *, alternate: bool) -> Map:
    cv2 = full_package.load("cv2", "the self-guided filter")

    def box(values: Map) -> Map:
        side = 2 * radius + 1
        return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE))

    mean = box(plane)
    local = np.maximum(box(plane**2) - mean**2, 0.0)
    gain = local / (local + variance)
    average = _average_by_rows if alternate else _average
    return average(gain) * plane + average((1.0 - gain) * mean)


def _average(values: Map) -> Map:
    """Weights 4 for the pixel and its neighbours across and down, 3 for the others, of 32."""
    around = np.pad(values, 1, mode="edge")
    cross = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] + values
    corners = around[:-2, :-2] + around[:-2, 2:] + around[2:, :-2] + around[2:, 2:]
    return (4 * cross + 3 * corners) / 32


def _average_by_rows(values: Map) -> Map:
    """Weights 5, 6, 5 along rows of odd number; even rows take the mean of the two rows next to them."""
    around = np.pad(values, 1, mode="edge")
    rows = (5 * around[:, :-2] + 6 * around[:, 1:-1] + 5 * around[:, 2:]) / 16
    result = rows[1:-1]
    result[::2] = ((rows[:-2] + rows[2:]) / 2)[::2]
    return result


def strengths(jpeg: bytes) -> tuple[Strength, Strength]:
    """Returns the strengths for Y and for Cb and Cr that suit the steps of a file.

    Args:
        jpeg: the file.

    Raises:
        InputError: it is damaged or of a kind of JPEG that is not read.
    """
    image = _core.read_jpeg(jpeg, DEFAULT_MAX_PIXELS)
    fitted = _FITTED[image.progressive]
    return fitted[min(fitted, key=lambda step: abs(step - mean_log_step(image)))]


def mean_log_step(image: _core.JpegImage) -> float:
    """Returns the mean log2 of the 64 luma steps of a file that was read."""
    return float(np.log2(image.tables[image.component_tables[0]]).mean())
