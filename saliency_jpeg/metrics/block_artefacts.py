"""Block artefacts: jumps of luma at the borders of 8x8 blocks, and blocks that kept nothing but their mean.

SSIMULACRA2 sees half of what these show: a background that falls apart into squares. Both are measured over the whole
8x8 blocks of the picture, or over some of them: the background of a saliency map or its edge.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from . import _metrics
from .arrays import BLOCK, Map, as_pair, block_means

__all__ = ["BACKGROUND_SHARE", "EDGE_SLOPE", "background_blocks", "block_jumps", "dc_only_share", "edge_blocks"]

Blocks = npt.NDArray[np.bool_]

#: Share of the blocks that is the background: the least salient ones.
BACKGROUND_SHARE: Final = 0.4
#: Change of the map from one block to the next, on its scale from 0 to 1, from which a block is at the map's edge.
EDGE_SLOPE: Final = 0.1


def block_jumps(reference: npt.ArrayLike, distorted: npt.ArrayLike, blocks: npt.ArrayLike | None = None) -> float:
    """Measures how far luma jumps more at block borders than inside blocks, beyond what the reference does there.

    For each block: the mean absolute difference of adjacent samples across its borders, less that of adjacent samples
    inside it. The same of the reference is subtracted, so that edges of the content at borders do not count.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.
        distorted: uint8 of the same size, decoded from a JPEG file whose blocks begin at the upper left corner.
        blocks: bool (H // 8, W // 8), the blocks that count; ``None`` for all.

    Returns:
        Sample levels of luma (0 to 255), the mean over the blocks. 0 for identical images; negative if the borders
        were smoothed more than the rest. NaN if no block counts, or if there is only one.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted, BLOCK)
    return _mean(_border_excess(_metrics.luma(b)) - _border_excess(_metrics.luma(a)), blocks)


def dc_only_share(levels: npt.ArrayLike, blocks: npt.ArrayLike | None = None) -> float:
    """Measures the share of blocks whose AC levels are all zero.

    Args:
        levels: int (rows, cols, 64), the quantized luma of a JPEG file, as :func:`_core.read_jpeg` returns it.
        blocks: bool (rows, cols), the blocks that count; ``None`` for all.

    Returns:
        A share from 0 to 1; NaN if no block counts. Flat content has such blocks at every quality, so compare files of
        the same picture.

    Raises:
        InputError: the arrays do not fit.
    """
    array = np.asarray(levels)
    if array.ndim != 3 or array.shape[2] != BLOCK**2:
        raise InputError(f"levels must have the shape (rows, cols, {BLOCK**2}), got {array.shape}")
    return _mean((array[..., 1:] == 0).all(2), blocks)


def background_blocks(saliency: Map) -> Blocks:
    """Returns the least salient blocks of a map: :data:`BACKGROUND_SHARE` of them, and more where several are equal.

    Args:
        saliency: real (H, W) in [0, 1].

    Returns:
        bool (H // 8, W // 8), by the mean of the map in each block.
    """
    means = block_means(saliency)
    return np.asarray(means <= np.quantile(means, BACKGROUND_SHARE, method="lower"))


def edge_blocks(saliency: Map) -> Blocks:
    """Returns the blocks at the edge of a map, where it changes by :data:`EDGE_SLOPE` a block or more.

    Args:
        saliency: real (H, W) in [0, 1].

    Returns:
        bool (H // 8, W // 8). The slope is the length of the gradient of the block means, by central differences; no
        block is at the edge of a flat map.
    """
    means = block_means(saliency)
    slopes = [np.gradient(means, axis=axis) if means.shape[axis] > 1 else np.zeros_like(means) for axis in (0, 1)]
    return np.asarray(np.hypot(*slopes) >= EDGE_SLOPE)


def _border_excess(luma: Map) -> Map:
    """(rows, cols): mean jump across the borders of each whole block less that inside it; NaN for a lone block."""
    rows, cols = (side // BLOCK for side in luma.shape)
    whole = luma[: rows * BLOCK, : cols * BLOCK]
    horizontal, vertical = _row_jumps(whole), [jumps.T for jumps in _row_jumps(whole.T)]
    across, inside = (a + b for a, b in zip(horizontal, vertical, strict=True))
    borders = np.add.outer(_neighbours(rows), _neighbours(cols)) * BLOCK
    with np.errstate(invalid="ignore"):
        return np.asarray(across / borders - inside / (2 * BLOCK * (BLOCK - 1)))


def _row_jumps(samples: Map) -> tuple[Map, Map]:
    """(rows, cols) sums of absolute horizontal differences: across the left and right border of a block, and inside."""
    rows, cols = (side // BLOCK for side in samples.shape)
    jumps = np.abs(np.diff(samples, axis=1, append=samples[:, -1:])).reshape(rows, BLOCK, cols, BLOCK).sum(1)
    right = jumps[..., -1]
    left = np.pad(right, ((0, 0), (1, 0)))[:, :-1]
    return left + right, jumps[..., :-1].sum(2)


def _neighbours(count: int) -> npt.NDArray[np.int64]:
    """How many neighbours each of ``count`` blocks in a row has."""
    places = np.arange(count)
    return np.asarray((places > 0).astype(np.int64) + (places < count - 1))


def _mean(values: npt.NDArray[Any], blocks: npt.ArrayLike | None) -> float:
    """Mean over the blocks that count."""
    where = np.ones(values.shape, bool) if blocks is None else np.asarray(blocks, bool)
    if where.shape != values.shape:
        raise InputError(f"blocks must have the shape {values.shape}, one for each 8x8 block, got {where.shape}")
    return float(values[where].mean()) if where.any() else math.nan
