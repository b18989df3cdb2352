"""Lower resolution: pictures in linear light, maps as they are.

Light adds, sRGB values do not: averaged as they are stored, fine bright detail on dark ground comes out too dark. So
values are decoded by the curve of sRGB (IEC 61966-2-1), scaled, and encoded again. Every other profile is treated the
same way: the curves of Display P3 and of cameras' profiles are this one or nearly so, and an error in the curve matters
only between neighbours that differ.

Pillow resamples, in floating point; its sums are in double precision. They are rounded to 16 bits of linear light,
which a table takes to 8 bits of sRGB, so another order of a sum cannot show in the result.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["fitted_size", "scaled_size", "shrink", "shrink_map"]

_FILTER: Final = Image.Resampling.LANCZOS
_SUPPORT: Final = 3  # of the filter, in pixels of the smaller image on each side
_BAND_PIXELS: Final = 2_000_000  # of the larger image that are in floating point at a time
_LEVELS: Final = 65535  # of linear light; the first step of sRGB is 20 of them


def _to_linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decodes sRGB, all values from 0 to 1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Encodes linear light, all values from 0 to 1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


_LINEAR: Final = (_LEVELS * _to_linear(np.arange(256) / 255)).astype(np.float32)
_SRGB: Final = np.rint(255 * _to_srgb(np.arange(_LEVELS + 1) / _LEVELS)).astype(np.uint8)


def scaled_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Returns a size (height, width) scaled, in whole pixels, at least one on each side."""
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def fitted_size(size: tuple[int, int], highest: int | None, widest: int | None) -> tuple[int, int]:
    """Returns the size at which a picture keeps two limits and its shape; never a larger one.

    Args:
        size: (height, width) of the picture.
        highest: most rows; ``None`` for no limit.
        widest: most columns; ``None`` for no limit.
    """
    limits = min(highest or size[0], size[0]), min(widest or size[1], size[1])
    scaled = scaled_size(size, min(limits[0] / size[0], limits[1] / size[1]))
    return min(scaled[0], limits[0]), min(scaled[1], limits[1])


def shrink(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scales a picture down in linear light, by Lanczos' filter.

    Args:
        pixels: uint8 (H, W) or (H, W, 3), sRGB.
        size: (height, width) of the result, each from 1 to that of the picture.

    Returns:
        uint8 (height, width) or (height, width, 3), C-contiguous.
    """
    result = np.empty((*size, *pixels.shape[2:]), np.uint8)
    ratio = pixels.shape[0] / size[0]
    rows = max(1, int(_BAND_PIXELS / pixels.shape[1] / ratio))
    for top in range(0, size[0], rows):
        bottom = min(top + rows, size[0])
        first = max(0, math.floor((top - _SUPPORT) * ratio) - 1)
        last = min(pixels.shape[0], math.ceil((bottom + _SUPPORT) * ratio) + 1)
        edges = top * ratio - first, min(bottom * ratio, pixels.shape[0]) - first
        result[top:bottom] = _shrink_band(pixels[first:last], edges, (bottom - top, size[1]))
    return result


def _shrink_band(band: NDArray[np.uint8], edges: tuple[float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scales the rows between two edges of a band; those outside are seen by the filter only."""
    box = (0, edges[0], band.shape[1], edges[1])
    planes = band[..., None] if band.ndim == 2 else band
    scaled = [_shrink_plane(planes[..., number], box, size) for number in range(planes.shape[2])]
    return scaled[0] if band.ndim == 2 else np.stack(scaled, axis=2)


def _shrink_plane(
    plane: NDArray[np.uint8], box: tuple[float, float, float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    image = Image.fromarray(_LINEAR[plane]).resize(size[::-1], _FILTER, box=box)
    levels = np.rint(np.asarray(image).clip(0, _LEVELS)).astype(np.uint16)
    coded: NDArray[np.uint8] = _SRGB[levels]
    return coded


def shrink_map(saliency: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Scales a map down; each value is an average of those around it, so nothing rings at the edges of a mask.

    Args:
        saliency: float32 (H, W) in [0, 1].
        size: (height, width) of the result.

    Returns:
        float32 (height, width) in [0, 1].
    """
    image = Image.fromarray(saliency).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image).clip(0, 1)
