"""Block artefacts of a JPEG file, in the whole picture, in the background of a saliency map and at the map's edge.

Lower is better for all of them. They stand beside the scores of :mod:`saliency_jpeg.metrics` and are no measure of
quality on their own: a blurred picture has no jumps at its block borders either.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..codec import _core
from ..errors import InputError
from ..metrics.arrays import BLOCK, Map, Pixels, as_map
from ..metrics.block_artefacts import background_blocks, block_jumps, dc_only_share, edge_blocks

__all__ = ["ARTEFACTS", "luma_levels", "measure_artefacts"]

_REGIONS: Final = ("", "_bg", "_edge")

#: Names of the measures, in the order in which they are printed. Jumps are in sample levels, dc_only is a share.
ARTEFACTS: Final = tuple(f"{measure}{region}" for measure in ("block_jumps", "dc_only") for region in _REGIONS)


def measure_artefacts(rgb: Pixels, decoded: Pixels, jpeg: bytes, saliency: Map | None = None) -> dict[str, float]:
    """Measures the block artefacts of a JPEG file of any encoder.

    Args:
        rgb: uint8 (H, W, 3), the original, at least 8 pixels high and wide.
        decoded: uint8 (H, W, 3), what the file shows.
        jpeg: the file; the levels are read from it.
        saliency: real (H, W) in [0, 1]; without it the background and the edge are left out.

    Returns:
        Values by name, in the order of :data:`ARTEFACTS`; NaN where the map has no edge.

    Raises:
        InputError: the arrays do not fit or are too small, or the file cannot be read.
    """
    regions: dict[str, npt.NDArray[np.bool_] | None] = {"": None}
    if saliency is not None:
        weights = as_map(saliency, rgb)
        regions |= {"_bg": background_blocks(weights), "_edge": edge_blocks(weights)}
    levels = luma_levels(jpeg)[: rgb.shape[0] // BLOCK, : rgb.shape[1] // BLOCK]
    jumps = {f"block_jumps{name}": block_jumps(rgb, decoded, blocks) for name, blocks in regions.items()}
    return jumps | {f"dc_only{name}": dc_only_share(levels, blocks) for name, blocks in regions.items()}


def luma_levels(jpeg: bytes) -> npt.NDArray[np.int16]:
    """Returns the quantized levels of the luma, int16 (rows, cols, 64), of which the last rows may be padding.

    Raises:
        InputError: the file cannot be read, or its first component is subsampled.
    """
    image = _core.read_jpeg(jpeg)
    if image.sampling[0] != tuple(np.max(image.sampling, axis=0)):
        raise InputError(f"the first component must be at full resolution, got the factors {image.sampling}")
    return image.levels[0]
