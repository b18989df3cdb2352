"""Class maps of JPEG files, for training: computed as a reader computes them, from the decoded picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from restoration_data import Coded

from saliency_jpeg import decode
from saliency_jpeg.enhance.semantic import Segmenter

__all__ = ["class_maps"]


def class_maps(coded: Sequence[Coded]) -> list[NDArray[np.uint8]]:
    """Computes the class map of every file, in order, from the plainly decoded picture.

    Returns:
        uint8 (rows, cols) in cells of 16 pixels.
    """
    segmenter = Segmenter.from_preset()
    maps = []
    for item in coded:
        for _, jpeg in item.files:
            rgb = decode(jpeg, enhance=None)
            maps.append(segmenter.predict(np.repeat(rgb[..., None], 3, 2) if rgb.ndim == 2 else rgb))
    return maps
