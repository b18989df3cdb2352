"""Step 3: how much an error in each block matters.  The one place that encodes the idea of this library.

The quantizer minimises ``sum(weight_b * distortion_b) + lambda * bits``; the weight of block b is what saliency says of
it times what visual masking says of it, scaled to mean 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["activity", "block_means", "block_weights", "chroma_weights", "masking", "saliency_gain"]

MASKING_EXPONENT: Final = 0.30
MASKING_FLOOR: Final = 20.0  # AC energy, in squared sample units a pixel times 64, below which nothing is masked
FULL_GAIN: Final = 64.0  # weight of the most salient block against the least at strength 1


def block_means(values: NDArray[np.float32], rows: int, cols: int) -> NDArray[np.float32]:
    """Means of a (H, W) map over 8x8 blocks, float32 (rows, cols); the last row and column repeat at the edges."""
    height, width = values.shape
    padded = np.pad(values, ((0, rows * 8 - height), (0, cols * 8 - width)), mode="edge")
    means: NDArray[np.float32] = padded.reshape(rows, 8, cols, 8).mean(axis=(1, 3), dtype=np.float32)
    return means


def activity(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """AC energy of each luma block: float32 (rows, cols) from coefficients (rows, cols, 64)."""
    energy: NDArray[np.float32] = np.einsum("rck,rck->rc", luma[..., 1:], luma[..., 1:])
    return energy


def masking(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weight of each block by what its own texture hides: less, the busier it is; float32 (rows, cols)."""
    return (activity(luma) + np.float32(MASKING_FLOOR)) ** np.float32(-MASKING_EXPONENT)


def saliency_gain(saliency: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Weight of each block by its mean saliency in [0, 1]: from 1 up to ``FULL_GAIN ** strength``."""
    gain: NDArray[np.float32] = np.exp(np.float32(np.log(FULL_GAIN) * strength) * saliency)
    return gain


def block_weights(
    saliency: NDArray[np.float32] | None, luma: NDArray[np.float32], strength: float = 0.5
) -> NDArray[np.float32]:
    """The weight of every luma block.

    Args:
        saliency: float32 (H, W) in [0, 1], as large as the image, or ``None`` where nothing is preferred.
        luma: float32 (rows, cols, 64) DCT coefficients of the luma.
        strength: 0 to 1; the most salient block weighs ``64 ** strength`` times the least, masking aside.

    Returns:
        float32 (rows, cols), mean 1, positive.
    """
    rows, cols = luma.shape[:2]
    weights = masking(luma)
    if saliency is not None and strength > 0:
        weights = weights * saliency_gain(block_means(saliency, rows, cols), strength)
    scaled: NDArray[np.float32] = weights / np.float32(weights.mean(dtype=np.float64))
    return scaled


def chroma_weights(weights: NDArray[np.float32], h: int, v: int, rows: int, cols: int) -> NDArray[np.float32]:
    """Weights of chroma blocks: the mean over the h x v luma blocks that each one covers, float32 (rows, cols)."""
    padded = np.pad(weights, ((0, rows * v - weights.shape[0]), (0, cols * h - weights.shape[1])), mode="edge")
    means: NDArray[np.float32] = padded.reshape(rows, v, cols, h).mean(axis=(1, 3), dtype=np.float32)
    return means
