"""Between the pixels of an image and the cells of the network's output.

The whole image goes into the network, stretched a little: the longer side becomes ``long_side``, the shorter the
nearest multiple of the stride (and both a ``margin`` more). So there is no crop and no padding, the grid covers the
image exactly, and only ``2 * long_side / stride - 1`` input sizes exist.

The way back carries integers: sums of products below 2**24, exact in float32, then OpenCV's bit-exact interpolation.
Equal grids give equal maps to the last bit, whatever the processor, the BLAS library or the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lattice", "enlarge", "input_size", "resize", "sampling_matrix", "shrink"]

_ONE = 4096  # sum of a row of the sampling matrix
_WIDE = 4095  # full scale of the half-way result: 4095 * 4096 < 2**24
_FINE = 16  # samples a cell, between which the interpolation is linear


class Lattice(NamedTuple):
    """Where the cells of an output lie: cell 0 ``first`` cells from the border of an image ``cells + excess`` long."""

    first: float
    excess: float

    @classmethod
    def of(cls, stride: int, *, margin: int = 0, offset: float = 0.0) -> Lattice:
        """The lattice of an output with a stride, for inputs of a multiple of the network's stride and ``margin``.

        Without a margin cells lie in the middle of ``stride`` pixels, or ``offset`` pixels behind it; with one, on
        every ``stride``-th pixel from the first to the last.
        """
        return cls(0.5 / stride, 1 / stride - 1) if margin else cls(0.5 + offset / stride, 0.0)


def input_size(height: int, width: int, long_side: int, stride: int, *, margin: int = 0) -> tuple[int, int]:
    """(height, width) of the network's input for an image of that size: multiples of the stride, at least one, and
    ``margin`` more."""
    longest = max(height, width)
    rows, cols = (_multiple(n * long_side / longest, stride) + margin for n in (height, width))
    return rows, cols


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


def sampling_matrix(length: int, cells: int, *, lattice: Lattice, sigma: float) -> NDArray[np.float32]:
    """Gaussian interpolation from ``cells`` cells to ``length`` pixels, as a matrix of whole numbers.

    Args:
        length: number of pixels.
        cells: number of cells that cover them.
        lattice: where the cells lie.
        sigma: standard deviation of the Gaussian, in cells.

    Returns:
        float32 (length, cells); the entries are integers, not negative, and each row sums to 4096. A pixel beyond the
        outermost cells takes the value of the nearest, not darkness.
    """
    pixels = (np.arange(length) + 0.5) * ((cells + lattice.excess) / length)
    centres = np.arange(cells) + lattice.first
    exponent = -0.5 * ((pixels[:, None] - centres) / sigma) ** 2
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    whole: NDArray[np.float64] = np.floor(weights / weights.sum(axis=1, keepdims=True) * _ONE + 0.5)
    whole[np.arange(length), whole.argmax(axis=1)] += _ONE - whole.sum(axis=1)
    return whole.astype(np.float32)


def enlarge(grid: NDArray[np.uint8], size: tuple[int, int], *, lattice: Lattice, sigma: float) -> NDArray[np.float32]:
    """Map (H, W) in [0, 1], multiples of 1/255, from a grid of cells (rows, cols), uint8; exact on every machine.

    ``lattice`` and ``sigma`` as in :func:`sampling_matrix`. Where a cell covers more than 16 pixels, every 16th of a
    cell is computed and the rest interpolated between them.
    """
    import cv2

    height, width = (min(pixels, cells * _FINE) for pixels, cells in zip(size, grid.shape, strict=True))
    down = sampling_matrix(height, grid.shape[0], lattice=lattice, sigma=sigma)
    across = sampling_matrix(width, grid.shape[1], lattice=lattice, sigma=sigma)
    half = _scaled(_product(down, grid.astype(np.float32)), _WIDE / (255 * _ONE))
    fine = _scaled(_product(half, across.T.copy()), 255 / (_WIDE * _ONE)).astype(np.uint8)
    if (height, width) != tuple(size):
        fine = cv2.resize(fine, size[::-1], interpolation=cv2.INTER_LINEAR_EXACT).reshape(size)
    result: NDArray[np.float32] = cv2.LUT(fine, np.arange(256, dtype=np.float32) / np.float32(255)).reshape(size)
    return result


def shrink(values: NDArray[np.float32], size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """What a head is to learn from a map: its means around the points of an aligned grid.

    Args:
        values: float32 (H, W), NaN where nothing is known.
        size: (height, width) of the network's input, multiples of the stride and 1 more.
        stride: pixels of the input per cell.

    Returns:
        float32 ((height - 1) / stride + 1, (width - 1) / stride + 1); NaN where more than half is unknown.
    """
    import cv2

    known = np.isfinite(values).astype(np.float32)
    planes = [cv2.resize(p, size[::-1], interpolation=cv2.INTER_AREA) for p in (np.nan_to_num(values), known)]
    inside, weight = (
        cv2.blur(p, (stride + 1, stride + 1), borderType=cv2.BORDER_REPLICATE)[::stride, ::stride] for p in planes
    )
    return np.where(weight > 0.5, inside / np.maximum(weight, 1e-6), np.nan).astype(np.float32)


def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix product without BLAS, whose threads go on spinning and take the network's cores: three times the time."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", left, right)
    return product


def _scaled(values: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """``values`` times ``factor``, rounded to whole numbers, in place."""
    np.multiply(values, np.float32(factor), out=values)
    return np.rint(values, out=values)
