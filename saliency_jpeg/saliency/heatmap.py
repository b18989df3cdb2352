"""Drawings of saliency maps."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

__all__ = ["gray", "over", "upright"]

_ORIENTATION: Final = 0x0112  # EXIF
_OPACITY: Final = 0.6
# From black over purple, red and orange to pale yellow: brightness rises evenly, so the colours also read in gray.
_KNOTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_COLOURS: Final = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))


def gray(saliency: NDArray[np.float32]) -> Image.Image:
    """Draws a map (H, W) in [0, 1] as a gray image, white where it is salient; read again, it gives the same map."""
    return Image.fromarray(np.rint(saliency * 255).astype(np.uint8))


def over(pixels: NDArray[np.uint8], saliency: NDArray[np.float32], orientation: int = 1) -> Image.Image:
    """Draws a map in heat colours over the image in gray.

    Args:
        pixels: uint8 (H, W) or (H, W, 3), as stored.
        saliency: float32 (H, W) in [0, 1].
        orientation: EXIF orientation of the pixels, 1 to 8.

    Returns:
        The drawing, upright.
    """
    background = Image.fromarray(pixels).convert("L").convert("RGB")
    ramp = [np.interp(np.arange(256) / 255, _KNOTS, channel) for channel in zip(*_COLOURS, strict=True)]
    table = np.rint(np.stack(ramp, axis=1)).astype(np.uint8)
    colours = Image.fromarray(table[np.asarray(gray(saliency))])
    return upright(Image.blend(background, colours, _OPACITY), orientation)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turns an image upright.

    Args:
        image: the pixels as stored.
        orientation: EXIF orientation, 1 to 8.
    """
    image.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(image)
