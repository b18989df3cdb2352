"""What the closed loop lowers: perceptual metrics, in units of the logarithm of bytes that their errors are worth.

Three metrics see different things. SSIMULACRA2 and the 3-norm of butteraugli are averages of errors that grow smoothly
with the errors themselves, so their derivatives tell blocks and frequencies apart: they guide weights and tables. The
deep metric sees texture and colour, but what it says of a single block is noisy: it moves coefficients alone.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import Butteraugli, Ssimulacra2
from .metric import Perceptual

__all__ = ["LEAST_SIDE", "Derivatives", "Objective"]

#: Smallest height and width of images that all metrics take, in pixels.
LEAST_SIDE: Final = 8

_Image = NDArray[np.float32]

# By how much the logarithms of distances grow where a file takes 1 / e of the bytes, on photographs. A distance is 100
# less a score, or a norm.
_BY_SCORE: Final = 0.7
_BY_NORM: Final = 0.65

# Shares of the metrics.
_GUIDING_SSIMULACRA2: Final = 0.5
_GUIDING_BUTTERAUGLI: Final = 1.0
_MOVING_SSIMULACRA2: Final = 0.5
_MOVING_PERCEPTUAL: Final = 0.6

# Far below what is seen.
_LEAST_SCORE_DISTANCE: Final = 0.5
_LEAST_NORM: Final = 1e-3


class Derivatives(NamedTuple):
    """Derivatives by the sample values of a decoded image.

    Attributes:
        guiding: float32 (H, W, 3), of the metrics that weights, tables and moves follow.
        moving: float32 (H, W, 3), of those that only move coefficients.
    """

    guiding: _Image
    moving: _Image


class Objective:
    """The objective for one image.

    Args:
        pixels: uint8 (H, W, 3) sRGB or (H, W) gray, sides at least 8.
        threads: that the metrics may use.
    """

    def __init__(self, pixels: NDArray[np.uint8], threads: int = 1) -> None:
        self._ssimulacra2 = Ssimulacra2(pixels)
        self._butteraugli = Butteraugli(pixels)
        self._perceptual = Perceptual(pixels)
        self._threads = threads

    def value(self, decoded: NDArray[np.uint8]) -> float:
        """Returns the objective of a decoded image, uint8 as the original.

        Where it is lower by ``x``, another file needs about ``exp(x)`` times the bytes to be as good.
        """
        values = (
            (_GUIDING_SSIMULACRA2 + _MOVING_SSIMULACRA2, _log_distance(self._ssimulacra2.score(decoded)) / _BY_SCORE),
            (_GUIDING_BUTTERAUGLI, math.log(max(self._butteraugli.score(decoded).norm3, _LEAST_NORM)) / _BY_NORM),
            (_MOVING_PERCEPTUAL, _log_distance(self._perceptual.score(decoded)) / _BY_SCORE),
        )
        return sum(share * value for share, value in values) / sum(share for share, _ in values)

    def derivatives(self, decoded: _Image) -> Derivatives:
        """Computes the derivatives at a decoded image.

        Args:
            decoded: float32 (H, W, 3), sample values that may leave 0 to 255.
        """
        score, by_ssimulacra2 = self._ssimulacra2.gradient(decoded, threads=self._threads)
        norm, by_butteraugli = self._butteraugli.gradient(decoded, threads=self._threads)
        deep, by_perceptual = self._perceptual.gradient(decoded)
        by_ssimulacra2 *= np.float32(_slope(score))
        guiding = np.float32(_GUIDING_SSIMULACRA2) * by_ssimulacra2
        guiding += np.float32(_GUIDING_BUTTERAUGLI / (_BY_NORM * max(norm, _LEAST_NORM))) * by_butteraugli
        moving = np.float32(_MOVING_SSIMULACRA2) * by_ssimulacra2
        moving += np.float32(_MOVING_PERCEPTUAL * _slope(deep)) * by_perceptual
        return Derivatives(guiding, moving)


def _log_distance(score: float) -> float:
    return math.log(max(100 - score, _LEAST_SCORE_DISTANCE))


def _slope(score: float) -> float:
    """The derivative, by the score, of the logarithm of the bytes that a distance is worth."""
    return -1 / (_BY_SCORE * max(100 - score, _LEAST_SCORE_DISTANCE))
