"""The bits of each block of a JPEG file as a heat map over its picture."""

from __future__ import annotations

from PIL import Image

from ..codec.inspect import Inspection, bits_map
from ..image.picture import Picture
from ..saliency import heatmap

__all__ = ["draw_bits"]


def draw_bits(picture: Picture, inspection: Inspection) -> Image.Image:
    """Returns the bits of each block as a heat map over the image, turned upright."""
    return heatmap.over(picture.pixels, bits_map(inspection.image), picture.metadata.orientation)
