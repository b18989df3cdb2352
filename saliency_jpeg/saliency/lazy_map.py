"""A saliency map that is enlarged to the pixels of its image when they are asked for.

A network makes a map of some fifty by thirty cells. The encoder needs one number for each block of 8x8 pixels, which
follows from the cells at once; at 24 megapixels the map itself takes 96 MB and longer than the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.orientation import rotate
from ..image.resize import shrink_map
from .grid import Lattice, block_means, enlarge, enlarge_to_blocks

__all__ = ["Cells", "SaliencyMap"]

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """What a network says of an image, before it is enlarged.

    Attributes:
        values: uint8 (rows, cols); 255 is salient.
        down: positions of the rows.
        across: positions of the columns.
        sigma: standard deviation of the interpolation from cells to pixels, in cells.
        is_swapped: whether the image was rotated by a quarter since. The interpolation rounds between its two steps, so
            which axis comes first shows in the result.
    """

    values: NDArray[np.uint8]
    down: Lattice
    across: Lattice
    sigma: float
    is_swapped: bool = False

    def rotated(self, orientation: int, *, back: bool) -> Cells:
        """Returns the cells of the rotated image; arguments as of :func:`.image.orientation.rotate`."""
        corner = rotate(np.arange(4).reshape(2, 2), orientation, back=back)  # tells which axes are reversed and swapped
        down = self.down.mirrored() if corner[0, 0] >= 2 else self.down
        across = self.across.mirrored() if corner[0, 0] % 2 else self.across
        values = np.ascontiguousarray(rotate(self.values, orientation, back=back))
        if abs(corner[0, 1] - corner[0, 0]) == 2:
            return Cells(values, across, down, self.sigma, not self.is_swapped)
        return Cells(values, down, across, self.sigma, self.is_swapped)

    def enlarged(self, size: tuple[int, int]) -> Map:
        """Returns the map of an image of a size, float32 (height, width) in [0, 1], multiples of 1/255."""
        if self.is_swapped:
            return np.ascontiguousarray(self._swapped().enlarged(size[::-1]).T)
        return enlarge(self.values, size, lattice=self.down, across=self.across, sigma=self.sigma)

    def block_means(self, size: tuple[int, int], blocks: tuple[int, int]) -> NDArray[np.float64]:
        """Returns the means of that map over 8x8 pixels, float64 (rows, cols)."""
        if self.is_swapped:
            return np.ascontiguousarray(self._swapped().block_means(size[::-1], blocks[::-1]).T)
        return enlarge_to_blocks(self.values, size, blocks, lattice=self.down, across=self.across, sigma=self.sigma)

    def _swapped(self) -> Cells:
        return Cells(self.values.T, self.across, self.down, self.sigma)


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """The saliency of every pixel of an image, from the cells of a network or as the caller gave it.

    Attributes:
        size: (height, width) of the image.
        source: the cells, or float32 (H, W) in [0, 1].
    """

    size: tuple[int, int]
    source: Cells | Map

    @classmethod
    def of(cls, values: SaliencyMap | Map) -> SaliencyMap:
        """Returns a map as it is, or that of an array float32 (H, W) in [0, 1]."""
        return values if isinstance(values, SaliencyMap) else cls((values.shape[0], values.shape[1]), values)

    @cached_property
    def pixels(self) -> Map:
        """The saliency of each pixel, float32 (H, W) in [0, 1], multiples of 1/255."""
        return self.source.enlarged(self.size) if isinstance(self.source, Cells) else self.source

    def block_means(self, rows: int, cols: int) -> NDArray[np.float64]:
        """Returns the means over 8x8 pixels, float64 (rows, cols); the last row and column repeat at the edges."""
        if isinstance(self.source, Cells):
            return self.source.block_means(self.size, (rows, cols))
        return block_means(self.source, rows, cols)

    def rotated(self, orientation: int, *, back: bool = False) -> SaliencyMap:
        """Returns the map of the rotated image; arguments as of :func:`.image.orientation.rotate`."""
        if orientation == 1:
            return self
        size = self.size[::-1] if orientation >= 5 else self.size
        if isinstance(self.source, Cells):
            return SaliencyMap(size, self.source.rotated(orientation, back=back))
        return SaliencyMap(size, np.ascontiguousarray(rotate(self.source, orientation, back=back)))

    def shrunk(self, size: tuple[int, int]) -> SaliencyMap:
        """Returns the map of the image at a lower resolution (height, width)."""
        if isinstance(self.source, Cells):
            return replace(self, size=size)
        return SaliencyMap(size, shrink_map(self.source, size))

    def __getstate__(self) -> dict[str, Any]:
        return {"size": self.size, "source": self.source}
