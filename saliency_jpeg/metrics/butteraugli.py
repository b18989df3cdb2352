"""Butteraugli, compiled, in agreement with the program of libjxl 0.7.

J. Alakuijala et al., libjxl. Distances: 0 identical, 1 just visible, lower is better. One thread takes about 0.15 s a
megapixel, with derivatives 0.3 s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _metrics
from .arrays import Map32, as_pair, as_samples, composite

__all__ = ["Butteraugli", "ButteraugliDistance", "butteraugli"]

_MIN_SIDE = 8


class ButteraugliDistance(NamedTuple):
    """Butteraugli distances; lower is better, 1 is just visible.

    Attributes:
        maximum: largest distance of all pixels.
        norm3: 3-norm of the distances, as libjxl has it: the mean of the norms of order 3, 6 and 12.
    """

    maximum: float
    norm3: float


class Butteraugli:
    """Butteraugli against one reference, whose half of the work is done once and kept (about 90 bytes a pixel).

    Methods release the GIL and may be called from several threads at once.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.

    Raises:
        InputError: another array, or an image that is too small.
    """

    def __init__(self, reference: npt.ArrayLike) -> None:
        self._reference, _ = as_pair(reference, reference, _MIN_SIDE)
        self._metric = _metrics.Butteraugli(self._reference)

    def score(self, distorted: npt.ArrayLike, *, threads: int = 1) -> ButteraugliDistance:
        """Returns the distances of an image of the reference's size.

        Args:
            distorted: uint8 (H, W, 3) or (H, W).
            threads: that share the work; the result does not depend on it.

        Raises:
            InputError: another array or size.
        """
        _, pixels = as_pair(self._reference, distorted)
        return ButteraugliDistance(*self._metric.score(pixels.astype(np.float32), threads))

    def gradient(self, distorted: Map32, *, threads: int = 1) -> tuple[float, Map32]:
        """Returns the 3-norm of a decoded image before rounding, and its derivatives.

        Args:
            distorted: float32 (H, W, 3), sample values that may leave 0 to 255; beyond, derivatives are 0.
            threads: that share the work; the result does not depend on it.

        Returns:
            The 3-norm, and float32 (H, W, 3), its derivatives by the sample values.

        Raises:
            InputError: another array or size.
        """
        return self._metric.gradient(as_samples(distorted, self._reference), threads)


def butteraugli(
    reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None
) -> ButteraugliDistance:
    """Measures the Butteraugli distance of one image from another.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]; only the damage where it is high counts. The distance is then that of a
            composite that shows the reference elsewhere.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted, _MIN_SIDE)
    return Butteraugli(a).score(b if saliency is None else composite(a, b, saliency))
