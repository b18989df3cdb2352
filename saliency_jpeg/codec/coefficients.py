"""Step 5: pixels, or the levels of a file, as DCT coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from .parameters import BT601_LUMA

__all__ = ["Blocks", "Coefficients"]

Blocks = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The DCT coefficients of an image.

    Attributes:
        components: float32 (rows, cols, 64) of one or three components, natural order.
        luma: the same of the luma, by which blocks are weighted; the first component of gray and YCbCr.
        sampling: luma samples (across, down) for each chroma sample.
        pixels: uint8 (H, W, 3) RGB that the components were made from, where the luma may make up for what the chroma
            loses; else ``None``.
    """

    components: list[Blocks]
    luma: Blocks
    sampling: tuple[int, int]
    pixels: NDArray[np.uint8] | None = None

    @classmethod
    def from_pixels(cls, pixels: NDArray[np.uint8], sampling: tuple[int, int] = (1, 1)) -> Coefficients:
        """Transforms an image, RGB by way of YCbCr.

        Args:
            pixels: uint8 (H, W, 3) RGB or (H, W) gray.
            sampling: luma samples (across, down) for each chroma sample.
        """
        components = _core.forward_dct(pixels, *sampling)
        return cls(components, components[0], sampling, pixels if pixels.ndim == 3 else None)

    @classmethod
    def from_rgb(cls, pixels: NDArray[np.uint8]) -> Coefficients:
        """Transforms red, green and blue, uint8 (H, W, 3), as they are."""
        planes = [_core.forward_dct(np.ascontiguousarray(pixels[..., i]))[0] for i in range(3)]
        luma = sum((np.float32(share) * plane for share, plane in zip(BT601_LUMA, planes, strict=True)), np.float32(0))
        return cls(planes, np.asarray(luma, np.float32), (1, 1))

    @classmethod
    def from_levels(
        cls, levels: Sequence[NDArray[np.int16]], tables: NDArray[np.uint16], sampling: tuple[int, int]
    ) -> Coefficients:
        """Multiplies the levels of a file by its tables.

        Args:
            levels: int16 (rows, cols, 64) of each component.
            tables: uint16 (components, 64).
            sampling: luma samples (across, down) for each chroma sample.
        """
        components = [each * table.astype(np.float32) for each, table in zip(levels, tables, strict=True)]
        return cls(components, components[0], sampling)
