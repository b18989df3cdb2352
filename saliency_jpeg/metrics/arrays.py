"""Checks and conversions of the arrays that the metrics take."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = [
    "BLOCK",
    "Map",
    "Map32",
    "Pixels",
    "as_map",
    "as_pair",
    "as_rgb",
    "as_samples",
    "block_means",
    "composite",
    "to_ppm",
]

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float64]
Map32 = npt.NDArray[np.float32]

#: Side of a DCT block, in pixels.
BLOCK: Final = 8


def as_rgb(image: npt.ArrayLike) -> Pixels:
    """Returns an image as C-contiguous uint8 (H, W, 3); gray (H, W) is repeated in all three components.

    Raises:
        InputError: another dtype or shape, or no pixels.
    """
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise InputError(f"metrics need uint8 images, got {pixels.dtype}")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise InputError(f"metrics need images of shape (H, W, 3) or (H, W), got {pixels.shape}")
    return np.ascontiguousarray(pixels)


def as_pair(reference: npt.ArrayLike, distorted: npt.ArrayLike, min_side: int = 1) -> tuple[Pixels, Pixels]:
    """Returns two images of the same size as uint8 (H, W, 3).

    Args:
        reference: uint8 (H, W, 3) or (H, W).
        distorted: uint8 of the same height and width.
        min_side: smallest height and width allowed, in pixels.

    Raises:
        InputError: another dtype or shape, two sizes, or images that are too small.
    """
    pair = as_rgb(reference), as_rgb(distorted)
    if pair[0].shape != pair[1].shape:
        raise InputError(f"both images must have the same size, got {pair[0].shape[:2]} and {pair[1].shape[:2]}")
    if min(pair[0].shape[:2]) < min_side:
        raise InputError(f"the metric needs at least {min_side}x{min_side} pixels, got {pair[0].shape[:2]}")
    return pair


def as_samples(distorted: Map32, reference: Pixels) -> Map32:
    """Returns a decoded image before rounding, C-contiguous.

    Args:
        distorted: float32 (H, W, 3), sample values.
        reference: uint8 of the same shape.

    Raises:
        InputError: another dtype or shape.
    """
    if distorted.dtype != np.float32 or distorted.shape != reference.shape:
        raise InputError(
            f"derivatives need float32 samples of shape {reference.shape}, got {distorted.dtype} {distorted.shape}"
        )
    return np.ascontiguousarray(distorted)


def as_map(saliency: npt.ArrayLike, pixels: Pixels) -> Map:
    """Returns a saliency map as float64 (H, W).

    Args:
        saliency: real (H, W) in [0, 1].
        pixels: uint8 (H, W, 3), whose height and width the map must have.

    Raises:
        InputError: another shape, values outside [0, 1] or NaN.
    """
    weights = np.asarray(saliency, np.float64)
    if weights.shape != pixels.shape[:2]:
        raise InputError(f"the saliency map must have the image's shape {pixels.shape[:2]}, got {weights.shape}")
    if not np.all((weights >= 0) & (weights <= 1)):
        raise InputError(f"the saliency map must lie in [0, 1], got {weights.min():g} to {weights.max():g}")
    return weights


def block_means(values: Map) -> Map:
    """Returns the mean of each whole 8x8 block of float64 (H, W), as (H // 8, W // 8)."""
    rows, cols = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    whole = values[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK)
    return np.asarray(whole.mean((1, 3)))


def composite(reference: Pixels, distorted: Pixels, saliency: npt.ArrayLike) -> Pixels:
    """Blends two images so that only salient damage remains.

    Args:
        reference: uint8 (H, W, 3), shown where the map is 0.
        distorted: uint8 (H, W, 3), shown where the map is 1.
        saliency: real (H, W) in [0, 1], the weight of ``distorted``.

    Returns:
        uint8 (H, W, 3).

    Raises:
        InputError: the map does not fit the image.
    """
    weight = as_map(saliency, reference)[..., None]
    return np.rint(weight * distorted + (1 - weight) * reference).astype(np.uint8)


def to_ppm(pixels: Pixels) -> bytes:
    """Returns uint8 (H, W, 3) as a binary PPM file (P6), the format that other encoders and metrics read."""
    return b"P6 %d %d 255\n" % pixels.shape[1::-1] + pixels.tobytes()
