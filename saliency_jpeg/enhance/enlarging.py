"""Pictures of which a file has half on each side, see :class:`saliency_jpeg.codec.layers.SizeLayer`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["enlarge", "half_size", "resized"]


def half_size(size: tuple[int, int]) -> tuple[int, int]:
    """Returns half of a size on each side, rounded up."""
    return -(-size[0] // 2), -(-size[1] // 2)


def enlarge(pixels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Scales a picture up by Lanczos' filter, in sRGB as it is stored.

    Args:
        pixels: float32 (h, w) or (h, w, 3), 0 to 1.
        size: (height, width) of the result.

    Returns:
        float32 (height, width) or (height, width, 3), 0 to 1.
    """
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    larger = np.empty((*size, planes.shape[2]), np.float32)
    for i in range(planes.shape[2]):
        larger[..., i] = resized(planes[..., i], size)
    return np.clip(larger, 0, 1, out=larger).reshape((*size, *pixels.shape[2:]))


def resized(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Scales one plane, float32 (h, w), to a size by Lanczos' filter, without limits to its values."""
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize(size[::-1], Image.Resampling.LANCZOS))
