"""SSIMULACRA2, compiled, in agreement with the metric's reference program.

Sneyers, version 2.1 of April 2023. Scores: 100 identical, 90 visually lossless, 70 high, 50 medium, 30 low quality;
very bad images fall below 0.

The reference blurs with a recursive filter in single precision whose rounding errors the metric can see at high
quality. This implementation repeats its arithmetic step by step, so it agrees to the last printed digit where an
exact Gaussian is off by up to a point. One thread takes about 25 ms a megapixel on a CPU with AVX2; CPUs without fused
multiply-add are slower and may differ in the sixth digit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from . import _metrics
from .arrays import Image, as_pair, as_rgb, composite

__all__ = ["Ssimulacra2", "ssimulacra2"]

_MIN_SIDE = 8


class Ssimulacra2:
    """SSIMULACRA2 against one reference; holds its half of the work, about 48 bytes a pixel.

    ``score`` releases the GIL and may be called from several threads at once.
    """

    def __init__(self, reference: npt.ArrayLike) -> None:
        """``reference``: uint8 (H, W, 3) sRGB or (H, W) gray, both sides at least 8 pixels; else ``InputError``."""
        rgb = as_rgb(reference)
        if min(rgb.shape[:2]) < _MIN_SIDE:
            raise InputError(f"SSIMULACRA2 needs at least 8x8 pixels, got {rgb.shape[0]}x{rgb.shape[1]}")
        self._metric = _metrics.Ssimulacra2(rgb)

    def score(self, distorted: npt.ArrayLike) -> float:
        """The score of ``distorted``, an image of the reference's size."""
        return self._metric.score(self._checked(distorted))

    def norms(self, distorted: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The numbers behind the score, float64 (components, scales, norms, maps) = (3, up to 6, 2, 3).

        Components X, Y, B - Y; scales 1:1 to 1:32; the mean and the 4-norm; of structure lost (SSIM), edges added
        (ringing, blocks) and edges lost (blur).
        """
        return np.array(self._metric.norms(self._checked(distorted))).reshape(3, -1, 2, 3)

    def _checked(self, distorted: npt.ArrayLike) -> Image:
        rgb = as_rgb(distorted)
        if rgb.shape[:2] != self._metric.size:
            raise InputError(f"the two images differ in size: {self._metric.size} and {rgb.shape[:2]}")
        return rgb


def ssimulacra2(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """SSIMULACRA2 of ``distorted`` (uint8 (H, W, 3) sRGB or (H, W) gray) against ``reference`` of the same size.

    With ``saliency``, a float map (H, W) in [0, 1], only the damage where the map is high counts: the score is that of
    a composite which shows the reference elsewhere. Raises ``InputError`` for other arrays, different sizes and sides
    under 8 pixels.
    """
    a, b = as_pair(reference, distorted)
    return Ssimulacra2(a).score(b if saliency is None else composite(a, b, saliency))
