"""Between the pixels of an image and the cells of the network's output.

The whole image is resized to the network's input: the longer side becomes ``long_side``, the shorter the nearest
multiple of the stride (and both a ``margin`` more). Nothing is cropped or padded, the grid covers the image exactly,
and only ``2 * long_side / stride - 1`` input sizes exist.

Grids are enlarged with integers: sums of products below 2**24, exact in float32, then an interpolation in integers.
Equal grids give equal maps to the last bit, whatever the processor, the BLAS library or the number of threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..image import _raster
from ..io import full_package

__all__ = [
    "Lattice",
    "block_means",
    "enlarge",
    "enlarge_to_blocks",
    "group_equal",
    "input_size",
    "resize",
    "sampling_matrix",
    "shrink",
]

_ROW_SUM = 4096  # of the sampling matrix
_WIDE = 4095  # full scale of the intermediate result: 4095 * 4096 < 2**24
_SAMPLES = 16  # per cell; the interpolation between them is linear
_BLOCK = 8  # pixels of a block of the codec on each side
_LEAST_RATIO = 2  # of the sides of an image to those of the input, after it was reduced
_SHARES = np.arange(256, dtype=np.float32) / np.float32(255)


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

    def mirrored(self) -> Lattice:
        """Returns the lattice of the cells in reverse order."""
        return Lattice(1 + self.excess - self.first, self.excess)


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


def resize(image: NDArray[np.uint8], size: tuple[int, int], *, mirrored: bool = False) -> NDArray[np.uint8]:
    """Resizes an image: averages where it shrinks, interpolates where it grows.

    Width and height are resized one after the other if only one of them grows, because areas are averaged only where no
    side grows. A large image is reduced by 2 and 4 first, which takes less time than averages of other areas.

    Args:
        image: uint8 (H, W, 3) or gray (H, W).
        size: (height, width) of the result.
        mirrored: resize the mirror image. Of a mirrored image that gives the same values as the image itself.

    Returns:
        RGB, uint8 (height, width, 3).
    """
    image = _reduce(np.ascontiguousarray(image), size, mirrored)
    if mirrored:  # before areas are averaged: they are rounded differently from left and right
        image = np.ascontiguousarray(image[:, ::-1])
    height, width = size
    across, down = (_raster.resize_area if size[i] < image.shape[i] else _raster.resize_linear for i in (1, 0))
    if across != down:
        image = across(image, (image.shape[0], width))
    image = down(image, (height, width))
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def _reduce(image: NDArray[np.uint8], size: tuple[int, int], mirrored: bool) -> NDArray[np.uint8]:
    """Divides both sides by 2 or 4 as often as they stay at least twice as long as those of a size.

    A pixel becomes the mean of four: of 2x2, or of the middle of 4x4. Of a remainder half is left out on each side; an
    odd pixel on the right, of an image that will be mirrored on the left.
    """
    ratio = min(image.shape[0] / size[0], image.shape[1] / size[1])
    while ratio >= 2 * _LEAST_RATIO:
        divisor = 4 if ratio >= 4 * _LEAST_RATIO else 2
        top, left = image.shape[0] % divisor // 2, (image.shape[1] % divisor + mirrored) // 2
        image = _raster.mean_of_four(image, divisor, (top, left))
        ratio /= divisor
    return image


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
    return _to_integers(_gaussian(np.arange(length, dtype=np.float64) + 0.5, length, cells, lattice, sigma))


def _gaussian(
    pixels: NDArray[np.float64], length: int, cells: int, lattice: Lattice, sigma: float
) -> NDArray[np.float64]:
    """Computes the weights (pixels, cells) of all cells at positions in pixels; those of a position sum to 1."""
    centres = np.arange(cells) + lattice.first
    exponent = -0.5 * ((pixels[:, None] * ((cells + lattice.excess) / length) - centres) / sigma) ** 2
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    normalized: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalized


def _to_integers(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rounds weights to multiples of 1/4096, in this unit; rows keep their sum, by their largest weight."""
    whole: NDArray[np.float64] = np.floor(weights * _ROW_SUM + 0.5)
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += _ROW_SUM - whole.sum(axis=1)
    return whole.astype(np.float32)


def enlarge(
    grid: NDArray[np.uint8],
    size: tuple[int, int],
    *,
    lattice: Lattice,
    sigma: float,
    across: Lattice | None = None,
) -> NDArray[np.float32]:
    """Enlarges a grid to a map, with the same result on every machine.

    Where a cell covers more than 16 pixels, 16 samples per cell are computed and interpolated linearly.

    Args:
        grid: uint8 (rows, cols).
        size: (height, width) of the map, in pixels.
        lattice: positions of the cells.
        sigma: standard deviation of the Gaussian interpolation, in cells.
        across: positions of the columns, where they are other ones than those of the rows.

    Returns:
        float32 (height, width) in [0, 1], multiples of 1/255.
    """
    height, width = (min(pixels, cells * _SAMPLES) for pixels, cells in zip(size, grid.shape, strict=True))
    by_row = sampling_matrix(height, grid.shape[0], lattice=lattice, sigma=sigma)
    by_col = sampling_matrix(width, grid.shape[1], lattice=across or lattice, sigma=sigma)
    fine = _scale(_interpolate(grid, by_row, by_col), 255 / (_WIDE * _ROW_SUM)).astype(np.uint8)
    return _SHARES[fine] if (height, width) == tuple(size) else _raster.enlarge_exact(fine, size, _SHARES)


def enlarge_to_blocks(
    grid: NDArray[np.uint8],
    size: tuple[int, int],
    blocks: tuple[int, int],
    *,
    lattice: Lattice,
    sigma: float,
    across: Lattice | None = None,
) -> NDArray[np.float64]:
    """Computes the means of an enlarged grid over blocks of 8x8 pixels without enlarging it.

    They differ from the means of :func:`enlarge`, which rounds, by less than 1/255, and by 1/1275 on average.

    Args:
        grid: as for :func:`enlarge`.
        size: as for :func:`enlarge`.
        blocks: (rows, cols) of blocks, which may reach beyond the map; its last row and column repeat there.
        lattice: as for :func:`enlarge`.
        sigma: as for :func:`enlarge`.
        across: as for :func:`enlarge`.

    Returns:
        float64 (rows, cols) in [0, 1], the same on every machine.
    """
    by_row = _block_matrix(size[0], blocks[0], grid.shape[0], lattice, sigma)
    by_col = _block_matrix(size[1], blocks[1], grid.shape[1], across or lattice, sigma)
    return _interpolate(grid, by_row, by_col).astype(np.float64) / (_WIDE * _ROW_SUM)


def _block_matrix(length: int, blocks: int, cells: int, lattice: Lattice, sigma: float) -> NDArray[np.float32]:
    """Computes the sampling matrix of blocks: means over eight pixels, or over fewer samples where cells are large."""
    samples = min(_BLOCK, -(-_SAMPLES * cells // blocks))
    pixels = np.minimum((np.arange(blocks * samples) + 0.5) * (_BLOCK / samples), length - 0.5)
    weights = _gaussian(pixels, length, cells, lattice, sigma)
    return _to_integers(weights.reshape(blocks, samples, cells).mean(axis=1))


def _interpolate(
    grid: NDArray[np.uint8], by_row: NDArray[np.float32], by_col: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Interpolates between cells by two sampling matrices; returns integers, of which 4095 * 4096 is full scale."""
    half = _scale(_product(by_row, grid.astype(np.float32)), _WIDE / (255 * _ROW_SUM))
    return _product(half, by_col.T.copy())


def block_means(values: NDArray[np.float32], rows: int, cols: int) -> NDArray[np.float64]:
    """Returns the means of a map over 8x8 blocks; the last row and column repeat at the edges.

    Args:
        values: float32 (H, W).
        rows: of blocks.
        cols: the same across.

    Returns:
        float64 (rows, cols).
    """
    height, width = values.shape
    if (height, width) != (rows * _BLOCK, cols * _BLOCK):
        values = np.pad(values, ((0, rows * _BLOCK - height), (0, cols * _BLOCK - width)), mode="edge")
    of_rows = values.reshape(rows, _BLOCK, -1).sum(axis=1)
    means: NDArray[np.float64] = of_rows.reshape(rows, cols, _BLOCK).mean(axis=2, dtype=np.float64) / _BLOCK
    return means


def shrink(values: NDArray[np.float32], size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """Averages a map around the points of a grid whose outermost cells lie on the border, as a target for a head.

    Args:
        values: float32 (H, W), NaN where nothing is known.
        size: (height, width) of the network's input, multiples of the stride plus 1.
        stride: pixels of the input per cell.

    Returns:
        float32 ((height - 1) / stride + 1, (width - 1) / stride + 1); NaN where more than half is unknown.
    """
    cv2 = full_package.load("cv2", "training")
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
