"""Lower resolution, for targets that the picture's own size cannot meet."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["downscale"]


_Scalar = TypeVar("_Scalar", np.uint8, np.float32)


def downscale(values: NDArray[_Scalar], factor: float) -> NDArray[_Scalar]:
    """Scales an image or a map down by Lanczos' filter.

    Args:
        values: uint8 (H, W) or (H, W, 3), or a float32 map (H, W).
        factor: of the sides, below 1; each side stays at least 1.
    """
    height, width = (max(1, round(n * factor)) for n in values.shape[:2])
    image = Image.fromarray(values).resize((width, height), Image.Resampling.LANCZOS)
    result: NDArray[_Scalar] = np.asarray(image)
    return result.clip(0, 1) if values.dtype == np.float32 else result
