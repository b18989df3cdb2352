"""The collage of MS-ROI, the older method that this project improves on, as a peer for the comparison.

A. Prakash, N. Moran, S. Garber, A. DiLillo and J. Storer, "Semantic perceptual image compression using deep
convolution networks", DCC 2017. The method decodes the image at ten JPEG qualities, takes each pixel from a quality
chosen by the map, and encodes the collage again. That makes two lossy generations, with cuts inside DCT blocks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import OptionError
from ..metrics.arrays import Map, Pixels

__all__ = ["Levels", "collage"]

Levels = Literal[3, 6]


def collage(stack: npt.NDArray[np.uint8], saliency: Map, levels: Levels) -> Pixels:
    """Takes each pixel from one of ten decoded qualities, chosen by the map.

    Args:
        stack: uint8 (10, H, W, 3), the image decoded at qualities 10, 20, ..., 100.
        saliency: (H, W).
        levels: the method's model. 3 ranks the pixels by deciles of the map, at qualities 20 to 100; 6 gives the lower
            half of them quality 80 and the upper half 100.

    Returns:
        uint8 (H, W, 3).

    Raises:
        OptionError: ``levels`` is neither 3 nor 6.
    """
    if levels == 3:
        deciles = np.percentile(saliency, range(10, 101, 10))
        level = np.clip(1 + np.searchsorted(deciles, saliency, side="right"), 1, 9)
    elif levels == 6:
        level = np.where(saliency < np.median(saliency), 7, 9)
    else:
        raise OptionError(f"MS-ROI has the models 3 and 6, got {levels}")
    return np.asarray(np.take_along_axis(stack, level[None, ..., None], 0)[0])
