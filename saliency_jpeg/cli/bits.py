"""The bits of each block of a JPEG file as a heat map over its picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from ..codec.inspect import Inspection, block_bits
from ..image.picture import Picture
from ..saliency import heatmap

__all__ = ["draw_bits"]

_BRIGHTEST: Final = 99.5  # percentile of the bits of a block that has the brightest colour


def draw_bits(picture: Picture, inspection: Inspection) -> Image.Image:
    """Returns the bits of each block as a heat map over the image, turned upright."""
    height, width = inspection.image.size
    bits = block_bits(inspection.image, 1.0)
    brightest = float(np.percentile(bits, _BRIGHTEST)) or 1.0
    heat = np.repeat(np.repeat(np.clip(bits / brightest, 0, 1), 8, axis=0), 8, axis=1)[:height, :width]
    return heatmap.over(picture.pixels, heat, picture.metadata.orientation)
