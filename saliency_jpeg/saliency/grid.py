"""Between the pixels of an image and the cells of the network's output.

The whole image goes into the network, stretched a little: the longer side becomes ``long_side``, the shorter the
nearest multiple of the stride. So there is no crop and no padding, the grid covers the image exactly, and only
``2 * long_side / stride - 1`` input sizes exist.

The way back carries integers in float32, all below 2**24 and therefore exact: equal grids give equal maps to the last
bit, whatever the processor, the BLAS library or the number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["enlarge", "input_size", "resize", "sampling_matrix"]

_ONE = 4096  # sum of a row of the sampling matrix
_WIDE = 4095  # full scale of the half-way result: 4095 * 4096 < 2**24
_STRIP = 64  # rows handled at once, to stay in the cache


def input_size(height: int, width: int, long_side: int, stride: int) -> tuple[int, int]:
    """(height, width) of the network's input for an image of that size; each at least one stride."""
    longest = max(height, width)
    return _multiple(height * long_side / longest, stride), _multiple(width * long_side / longest, stride)


def _multiple(length: float, stride: int) -> int:
    return max(1, int(length / stride + 0.5)) * stride


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGB image of ``size`` (height, width) from (H, W, 3) or gray (H, W): averaged down, interpolated up.

    The two directions are done one after the other, because OpenCV averages areas only where no side grows.
    """
    import cv2

    height, width = size
    across, down = (cv2.INTER_AREA if size[i] < image.shape[i] else cv2.INTER_LINEAR for i in (1, 0))
    if across != down:
        image = cv2.resize(image, (width, image.shape[0]), interpolation=across)
    image = cv2.resize(image, (width, height), interpolation=down)
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def sampling_matrix(length: int, cells: int, *, offset: float, sigma: float) -> NDArray[np.float32]:
    """Gaussian interpolation from ``cells`` cells to ``length`` pixels, as a matrix of whole numbers.

    Args:
        length: number of pixels.
        cells: number of cells that cover them.
        offset: how far behind its middle a cell lies, in cells.
        sigma: standard deviation of the Gaussian, in cells.

    Returns:
        float32 (length, cells); the entries are integers, not negative, and each row sums to 4096. A pixel beyond the
        outermost cells takes the value of the nearest, not darkness.
    """
    pixels = (np.arange(length) + 0.5) * (cells / length)
    centres = np.arange(cells) + 0.5 + offset
    exponent = -0.5 * ((pixels[:, None] - centres) / sigma) ** 2
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    whole: NDArray[np.float64] = np.floor(weights / weights.sum(axis=1, keepdims=True) * _ONE + 0.5)
    whole[np.arange(length), whole.argmax(axis=1)] += _ONE - whole.sum(axis=1)
    return whole.astype(np.float32)


def enlarge(grid: NDArray[np.uint8], size: tuple[int, int], *, offset: float, sigma: float) -> NDArray[np.float32]:
    """Map (H, W) in [0, 1], multiples of 1/255, from a grid of cells (rows, cols), uint8; exact on every machine.

    ``offset`` and ``sigma`` as in :func:`sampling_matrix`.
    """
    down = sampling_matrix(size[0], grid.shape[0], offset=offset, sigma=sigma)
    across = sampling_matrix(size[1], grid.shape[1], offset=offset, sigma=sigma).T.copy()
    half = _scaled(_product(down, grid.astype(np.float32)), _WIDE / (255 * _ONE))
    result = np.empty(size, np.float32)
    for top in range(0, size[0], _STRIP):
        strip = result[top : top + _STRIP]
        _product(half[top : top + _STRIP], across, out=strip)
        np.divide(_scaled(strip, 255 / (_WIDE * _ONE)), np.float32(255), out=strip)
    return result


def _product(
    left: NDArray[np.float32], right: NDArray[np.float32], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Matrix product without BLAS, whose threads go on spinning and take the network's cores: three times the time."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", left, right, out=out)
    return product


def _scaled(values: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """``values`` times ``factor``, rounded to whole numbers, in place."""
    np.multiply(values, np.float32(factor), out=values)
    return np.rint(values, out=values)
