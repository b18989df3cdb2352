"""Checks of the arrays that the metrics take, in one place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InputError

__all__ = ["Image", "Map", "as_map", "as_pair", "as_rgb", "composite"]

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float64]


def as_rgb(image: npt.ArrayLike) -> Image:
    """``image`` as C-contiguous uint8 (H, W, 3); gray (H, W) is repeated. Raises ``InputError`` on anything else."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise InputError(f"metrics take uint8 images, got {pixels.dtype}")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise InputError(f"metrics take arrays of shape (H, W, 3) or (H, W), got {pixels.shape}")
    return np.ascontiguousarray(pixels)


def as_pair(reference: npt.ArrayLike, distorted: npt.ArrayLike, min_side: int = 1) -> tuple[Image, Image]:
    """Both images as uint8 (H, W, 3) of one size, with at least ``min_side`` rows and columns."""
    pair = as_rgb(reference), as_rgb(distorted)
    if pair[0].shape != pair[1].shape:
        raise InputError(f"the two images differ in size: {pair[0].shape[:2]} and {pair[1].shape[:2]}")
    if min(pair[0].shape[:2]) < min_side:
        raise InputError(f"the metric needs at least {min_side}x{min_side} pixels, got {pair[0].shape[:2]}")
    return pair


def as_map(saliency: npt.ArrayLike, image: Image) -> Map:
    """``saliency`` as float64 (H, W) in [0, 1], of the size of ``image``."""
    weights = np.asarray(saliency, np.float64)
    if weights.shape != image.shape[:2]:
        raise InputError(f"the map has shape {weights.shape}, the image {image.shape[:2]}")
    if not np.all((weights >= 0) & (weights <= 1)):
        raise InputError("the map has values outside [0, 1]")
    return weights


def composite(reference: Image, distorted: Image, saliency: npt.ArrayLike) -> Image:
    """The distorted image where the map is 1, the reference where it is 0, mixed between: salient damage only."""
    weight = as_map(saliency, reference)[..., None]
    return np.rint(weight * distorted + (1 - weight) * reference).astype(np.uint8)
