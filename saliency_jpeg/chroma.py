"""Which chroma subsampling an image gets when the caller leaves it to us."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .options import SUBSAMPLINGS, Options

__all__ = ["choose_subsampling"]

_SHARP: Final = 96  # spread of red or blue less green in a 2x2 box that marks a coloured edge
_SHARE: Final = 0.02  # of coloured edges in the picture from which full chroma pays
_LOW_QUALITY: Final = 40.0  # below, the bytes are needed for the luma
_LOW_RATE: Final = 0.5  # the same in bits a pixel, for a target
_LOW_SHARE: Final = 0.3  # of coloured edges from which full chroma pays even so
_HIGH_QUALITY: Final = 97.0  # from here on the chroma is kept whole
_HIGH_RATE: Final = 4.5  # the same in bits a pixel, for a target


def choose_subsampling(
    options: Options, pixels: NDArray[np.uint8], quality: float, source: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Luma sampling factors (H, V) for these pixels, (H, W) or (H, W, 3); those of a JPEG source are kept."""
    if pixels.ndim == 2:
        return 1, 1
    if options.subsampling != "auto":
        return SUBSAMPLINGS[options.subsampling]
    if source is not None:
        return source
    target = options.target_bytes
    if target is not None and options.quality is None:
        rate = 8 * target / (pixels.shape[0] * pixels.shape[1])
        low, high = rate < _LOW_RATE, rate >= _HIGH_RATE
    else:
        low, high = quality < _LOW_QUALITY, quality >= _HIGH_QUALITY
    whole = high or coloured_edges(pixels) > (_LOW_SHARE if low else _SHARE)
    return SUBSAMPLINGS["4:4:4" if whole else "4:2:0"]


def coloured_edges(pixels: NDArray[np.uint8]) -> float:
    """Share of 2x2 pixel boxes whose chroma varies so much that its mean would be seen, 0 to 1."""
    height, width = (n // 2 * 2 for n in pixels.shape[:2])
    if height == 0 or width == 0:
        return 0.0
    red, green, blue = (pixels[:height, :width, i].astype(np.int16) for i in range(3))
    spread = np.maximum(_box_spread(red - green), _box_spread(blue - green))  # chroma up to scale
    return float(np.mean(spread > _SHARP))


def _box_spread(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Largest less smallest value of each 2x2 box: (H / 2, W / 2) of (H, W), sides even."""
    upper, lower = values[::2], values[1::2]
    highest, lowest = np.maximum(upper, lower), np.minimum(upper, lower)
    spread: NDArray[np.int16] = np.maximum(highest[:, ::2], highest[:, 1::2])
    spread -= np.minimum(lowest[:, ::2], lowest[:, 1::2])
    return spread
