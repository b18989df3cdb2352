"""SSIMULACRA2, compiled, in agreement with the metric's reference program.

J. Sneyers, version 2.1 of April 2023. Scores: 100 identical, 90 visually lossless, 70 high, 50 medium, 30 low quality;
very bad images score below 0.

The reference program blurs with a recursive filter in single precision, and its rounding errors change the score at
high quality. This implementation repeats that arithmetic step by step and agrees to the last printed digit; an exact
Gaussian would differ by up to a point. One thread takes about 25 ms a megapixel on a CPU with AVX2, with derivatives
80 ms. CPUs without fused multiply-add are slower and may differ in the sixth digit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from . import _metrics
from .arrays import Map32, Pixels, as_pair, as_rgb, as_samples, composite

__all__ = ["Ssimulacra2", "ssimulacra2"]

_MIN_SIDE = 8


class Ssimulacra2:
    """SSIMULACRA2 against one reference, whose half of the work is done once and kept (about 48 bytes a pixel).

    ``score`` releases the GIL and may be called from several threads at once.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.

    Raises:
        InputError: another array, or an image that is too small.
    """

    def __init__(self, reference: npt.ArrayLike) -> None:
        rgb = as_rgb(reference)
        if min(rgb.shape[:2]) < _MIN_SIDE:
            raise InputError(f"SSIMULACRA2 needs at least 8x8 pixels, got {rgb.shape[0]}x{rgb.shape[1]}")
        self._reference = rgb
        self._metric = _metrics.Ssimulacra2(rgb)

    def score(self, distorted: npt.ArrayLike) -> float:
        """Returns the score of an image of the reference's size.

        Raises:
            InputError: another array or size.
        """
        return self._metric.score(self._checked(distorted))

    def norms(self, distorted: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Returns the error norms behind the score.

        Returns:
            float64 (components, scales, norms, maps) = (3, up to 6, 2, 3). Components X, Y, B - Y; scales 1:1 to 1:32;
            the mean and the 4-norm; of structure lost (SSIM), edges added (ringing, blocks) and edges lost (blur).

        Raises:
            InputError: another array or size.
        """
        return np.array(self._metric.norms(self._checked(distorted))).reshape(3, -1, 2, 3)

    def gradient(self, distorted: Map32, *, threads: int = 1) -> tuple[float, Map32]:
        """Returns the score of a decoded image before rounding, and its derivatives.

        Args:
            distorted: float32 (H, W, 3), sample values that may leave 0 to 255; beyond, derivatives are 0.
            threads: that share the work; the result does not depend on it.

        Returns:
            The score, and float32 (H, W, 3), its derivatives by the sample values.

        Raises:
            InputError: another array or size.
        """
        return self._metric.gradient(as_samples(distorted, self._reference), threads)

    def _checked(self, distorted: npt.ArrayLike) -> Pixels:
        rgb = as_rgb(distorted)
        if rgb.shape[:2] != self._metric.size:
            raise InputError(f"both images must have the same size, got {self._metric.size} and {rgb.shape[:2]}")
        return rgb


def ssimulacra2(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """Measures SSIMULACRA2 of one image against another.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]; only the damage where it is high counts. The score is then that of a composite
            that shows the reference elsewhere.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted)
    return Ssimulacra2(a).score(b if saliency is None else composite(a, b, saliency))
