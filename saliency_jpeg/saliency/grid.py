"""Between the pixels of an image and the cells of the network's output.

The whole image is resized to the network's input: the longer side becomes ``long_side``, the shorter the nearest
multiple of the stride (and both a ``margin`` more). Nothing is cropped or padded, the grid covers the image exactly,
and only ``2 * long_side / stride - 1`` input sizes exist.

Grids are enlarged with integers: sums of products below 2**24, exact in float32, then OpenCV's bit-exact interpolation.
Equal grids give equal maps to the last bit, whatever the processor, the BLAS library or the number of threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lattice", "enlarge", "group_equal", "input_size", "resize", "sampling_matrix", "shrink"]

_ROW_SUM = 4096  # of the sampling matrix
_WIDE = 4095  # full scale of the intermediate result: 4095 * 4096 < 2**24
_SAMPLES = 16  # per cell; the interpolation between them is linear


class Lattice(NamedTuple):
    """Position of an output's cells relative to the image.

    Attributes:
        first: position of cell 0, in cells from the border of the image.
        excess: length of the image minus the number of cells, in cells.
    """

    first: float
    excess: float

    @classmethod
    def of(cls, stride: int, *, margin: int = 0, offset: float = 0.0) -> Lattice:
        """Returns the lattice of an output.

        Args:
            stride: pixels of the input per cell.
            margin: pixels that the input is longer than a multiple of the network's stride. Without a margin a cell
                lies in the middle of ``stride`` pixels; with one, on every ``stride``-th pixel from the first to the
                last.
            offset: how far beyond the middle a cell looks, in pixels of the input; only without a margin.
        """
        return cls(0.5 / stride, 1 / stride - 1) if margin else cls(0.5 + offset / stride, 0.0)


def input_size(height: int, width: int, long_side: int, stride: int, *, margin: int = 0) -> tuple[int, int]:
    """Returns the size of the network's input for an image.

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        long_side: longer side of the input, a multiple of the stride.
        stride: of the network.
        margin: pixels added to both sides.

    Returns:
        (height, width): multiples of the stride, at least one, plus the margin.
    """
    longest = max(height, width)
    rows, cols = (_multiple(n * long_side / longest, stride) + margin for n in (height, width))
    return rows, cols


def group_equal(keys: Iterable[Hashable]) -> list[list[int]]:
    """Returns the indices of equal keys, such as input sizes: images of one size share a batch."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        groups[key].append(i)
    return list(groups.values())


def _multiple(length: float, stride: int) -> int:
    return max(1, int(length / stride + 0.5)) * stride


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resizes an image: averages where it shrinks, interpolates where it grows.

    Width and height are resized one after the other if only one of them grows, because OpenCV averages areas only where
    no side grows.

    Args:
        image: uint8 (H, W, 3) or gray (H, W).
        size: (height, width) of the result.

    Returns:
        RGB, uint8 (height, width, 3).
    """
    import cv2

    height, width = size
    across, down = (cv2.INTER_AREA if size[i] < image.shape[i] else cv2.INTER_LINEAR for i in (1, 0))
    if across != down:
        image = cv2.resize(image, (width, image.shape[0]), interpolation=across)
    image = cv2.resize(image, (width, height), interpolation=down)
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def sampling_matrix(length: int, cells: int, *, lattice: Lattice, sigma: float) -> NDArray[np.float32]:
    """Computes the matrix of a Gaussian interpolation from cells to pixels, in integers.

    Args:
        length: number of pixels.
        cells: number of cells that cover them.
        lattice: positions of the cells.
        sigma: standard deviation of the Gaussian, in cells.

    Returns:
        float32 (length, cells) of non-negative integers; each row sums to 4096. A pixel beyond the outermost cells
        takes the value of the nearest cell.
    """
    pixels = (np.arange(length) + 0.5) * ((cells + lattice.excess) / length)
    centres = np.arange(cells) + lattice.first
    exponent = -0.5 * ((pixels[:, None] - centres) / sigma) ** 2
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    whole: NDArray[np.float64] = np.floor(weights / weights.sum(axis=1, keepdims=True) * _ROW_SUM + 0.5)
    whole[np.arange(length), whole.argmax(axis=1)] += _ROW_SUM - whole.sum(axis=1)
    return whole.astype(np.float32)


def enlarge(grid: NDArray[np.uint8], size: tuple[int, int], *, lattice: Lattice, sigma: float) -> NDArray[np.float32]:
    """Enlarges a grid to a map, with the same result on every machine.

    Where a cell covers more than 16 pixels, 16 samples per cell are computed and interpolated linearly.

    Args:
        grid: uint8 (rows, cols).
        size: (height, width) of the map, in pixels.
        lattice: positions of the cells.
        sigma: standard deviation of the Gaussian interpolation, in cells.

    Returns:
        float32 (height, width) in [0, 1], multiples of 1/255.
    """
    import cv2

    height, width = (min(pixels, cells * _SAMPLES) for pixels, cells in zip(size, grid.shape, strict=True))
    down = sampling_matrix(height, grid.shape[0], lattice=lattice, sigma=sigma)
    across = sampling_matrix(width, grid.shape[1], lattice=lattice, sigma=sigma)
    half = _scale(_product(down, grid.astype(np.float32)), _WIDE / (255 * _ROW_SUM))
    fine = _scale(_product(half, across.T.copy()), 255 / (_WIDE * _ROW_SUM)).astype(np.uint8)
    if (height, width) != tuple(size):
        fine = cv2.resize(fine, size[::-1], interpolation=cv2.INTER_LINEAR_EXACT).reshape(size)
    result: NDArray[np.float32] = cv2.LUT(fine, np.arange(256, dtype=np.float32) / np.float32(255)).reshape(size)
    return result


def shrink(values: NDArray[np.float32], size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """Averages a map around the points of a grid whose outermost cells lie on the border, as a target for a head.

    Args:
        values: float32 (H, W), NaN where nothing is known.
        size: (height, width) of the network's input, multiples of the stride plus 1.
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
    """Multiplies matrices without BLAS, whose threads keep spinning on the network's cores: three times the time."""
    product: NDArray[np.float32] = np.einsum("ij,jk->ik", left, right)
    return product


def _scale(values: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Multiplies by ``factor`` and rounds to integers, in place."""
    np.multiply(values, np.float32(factor), out=values)
    return np.rint(values, out=values)
