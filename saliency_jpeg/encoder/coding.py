"""Ways of coding beyond the public options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..allocation import BlockWeights, saliency_and_masking
from ..codec.jpeg import LevelSegments
from ..errors import OptionError
from ..options import Options

__all__ = ["Coding"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Coding:
    """Ways of coding beyond :class:`saliency_jpeg.Options`, for front doors and for code that plugs into the encoder.

    Attributes:
        tables: uint16 (1 to 4, 64), natural order, steps from 1: written as they are, or with a target coarser by one
            factor. A component without a table of its own uses the last. ``None``: this library's tables.
        rounded: with ``tables``, coefficients are rounded and nothing is traded for bits.
        keep_rgb: red, green and blue are coded without conversion to YCbCr.
        block_weights: how much an error in each block matters.
        level_segments: makers of segments that are computed from the levels, see :class:`.jpeg.JpegHeaderPolicy`.
        whole_size: (height, width) of a picture of which this is half on each side, to be kept in a layer.
        whole_pixels: uint8 (H, W, 3) or (H, W) of that picture, for files that are judged by it; by default they are
            judged by their own.
    """

    tables: NDArray[np.uint16] | None = None
    rounded: bool = False
    keep_rgb: bool = False
    block_weights: BlockWeights = saliency_and_masking
    level_segments: Sequence[LevelSegments] = ()
    whole_size: tuple[int, int] | None = None
    whole_pixels: NDArray[np.uint8] | None = None

    def check(self, options: Options) -> None:
        """Refuses what cannot be combined.

        Raises:
            OptionError: a quality beside tables, which are meant as they are; rounding to tables of this library; or
                ``tune="restore"`` beside tables or RGB.
        """
        if self.tables is not None and options.quality is not None:
            raise OptionError(f"quality does not go with tables of your own, got {options.quality!r}")
        if self.rounded and self.tables is None:
            raise OptionError("rounded needs tables of your own, got tables=None")
        if options.tune == "restore" and (self.tables is not None or self.keep_rgb):
            raise OptionError("tune='restore' goes neither with tables of your own nor with keep_rgb, got 'restore'")

    @property
    def changes_file(self) -> bool:
        """Whether files differ in kind from those without it, so that a JPEG source cannot stand for one."""
        return self.tables is not None or self.keep_rgb or bool(self.level_segments)
