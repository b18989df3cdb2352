"""The collage of the older MS-ROI recipe (Prakash et al. 2017), kept as a peer to measure against.

It decodes the picture at ten JPEG qualities, takes each pixel from a quality chosen by the map, and encodes the
collage once more: two lossy generations, and cuts inside blocks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import OptionError
from ..metrics.arrays import Image, Map

__all__ = ["collage"]


def collage(stack: npt.NDArray[np.uint8], saliency: Map, model: int) -> Image:
    """Pixels of ``stack`` (10, H, W, 3), qualities 10 to 100, picked by ``saliency`` (H, W).

    ``model`` 3 ranks the pixels by deciles of the map, quality 20 to 100; ``model`` 6 gives the lower half of them
    quality 80 and the upper half 100.
    """
    if model == 3:
        deciles = np.percentile(saliency, range(10, 101, 10))
        level = np.clip(1 + np.searchsorted(deciles, saliency, side="right"), 1, 9)
    elif model == 6:
        level = np.where(saliency < np.median(saliency), 7, 9)
    else:
        raise OptionError(f"the model of MS-ROI must be 3 or 6; got {model}")
    return np.asarray(np.take_along_axis(stack, level[None, ..., None], 0)[0])
