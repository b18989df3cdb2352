"""Pictures of which a file has half on each side, see :class:`saliency_jpeg.codec.layers.SizeLayer`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io import full_package

cv2 = full_package.load("cv2", "files of half the size (not enhance=None, --enhance none)")

__all__ = ["enlarge", "half_size"]


def half_size(size: tuple[int, int]) -> tuple[int, int]:
    """Returns half of a size on each side, rounded up."""
    return -(-size[0] // 2), -(-size[1] // 2)


def enlarge(pixels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[Any]:
    """Scales a picture up by Lanczos' filter, in sRGB as it is stored.

    Args:
        pixels: float32 (h, w) or (h, w, 3), 0 to 1.
        size: (height, width) of the result.

    Returns:
        float32 (height, width) or (height, width, 3), 0 to 1.
    """
    return np.asarray(np.clip(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LANCZOS4), 0, 1), np.float32)
