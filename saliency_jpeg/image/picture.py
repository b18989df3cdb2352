"""A loaded image: pixels, metadata, and the file they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metadata import refresh
from ..metadata.jpeg_metadata import MetadataMode
from ..metadata.jpeg_source import JpegSource
from ..metadata.model import Metadata
from ..metadata.multi_picture import TrailingImages
from ..metadata.segments import SegmentPattern
from .orientation import rotate
from .resize import fitted_size, shrink

__all__ = ["Picture"]


class Picture(NamedTuple):
    """A loaded image.

    Attributes:
        pixels: uint8, (height, width, 3) RGB or (height, width) gray, C-contiguous. They may share the memory of a
            NumPy source, so they must not be written to.
        metadata: EXIF, ICC profile and so on.
        source: the file where the input was a JPEG file (path, bytes or file object), else ``None``.
        subsampling: luma samples (across, down) for each chroma sample, where the input was a colour JPEG file.
        given_size: (height, width) to which maps, masks and boxes of the caller refer, where the picture was shrunk
            since; else ``None``.
    """

    pixels: NDArray[np.uint8]
    metadata: Metadata
    source: JpegSource | None = None
    subsampling: tuple[int, int] | None = None
    given_size: tuple[int, int] | None = None

    @property
    def trailing(self) -> TrailingImages | None:
        """Images and clips behind the picture in its file."""
        return None if self.source is None else self.source.trailing

    def behind(self, mode: MetadataMode) -> TrailingImages | None:
        """Returns what goes behind the picture: images and clips, or a phone's notes where metadata are kept."""
        if self.trailing is not None or mode != "keep" or self.metadata.notes is None:
            return self.trailing
        return TrailingImages(self.metadata.notes, None, 0, 0)

    def upright(self) -> Picture:
        """Returns the picture rotated as its orientation asks, with updated metadata."""
        if self.metadata.orientation == 1:
            return self
        pixels = np.ascontiguousarray(rotate(self.pixels, self.metadata.orientation))
        swapped = self.subsampling[::-1] if self.subsampling and self.metadata.orientation >= 5 else self.subsampling
        metadata = refresh.refresh(refresh.refresh_orientation(self.metadata), pixels)
        return Picture(pixels, metadata, None, swapped)

    def as_turned(self, applied: int) -> Picture:
        """Returns the picture with updated metadata where its decoder applied an orientation, 1 to 8, to the pixels."""
        if applied == 1:
            return self
        metadata = refresh.refresh_orientation(self.metadata, applied)
        return self._replace(metadata=refresh.refresh(metadata, self.pixels))

    def with_pixels(self, pixels: NDArray[np.uint8]) -> Picture:
        """Returns the picture with other pixels, uint8 (H, W) or (H, W, 3), and updated metadata."""
        return Picture(pixels, refresh.refresh(self.metadata, pixels), None, self.subsampling)

    def exceeds(self, max_width: int | None, max_height: int | None) -> bool:
        """Returns whether the picture, as a viewer shows it, is wider or higher than two limits, ``None`` for none."""
        return self._size_within(max_width, max_height) != self.pixels.shape[:2]

    def within(self, max_width: int | None, max_height: int | None) -> Picture:
        """Returns the picture shrunk to two limits, see :meth:`exceeds`, or itself where it keeps them."""
        if not self.exceeds(max_width, max_height):
            return self
        return self.shrunk(self._size_within(max_width, max_height))

    def shrunk(self, size: tuple[int, int]) -> Picture:
        """Returns the picture at a lower resolution, (height, width) as stored, with updated metadata.

        How its chroma was sampled in a JPEG file says nothing of the new pixels.
        """
        height, width = self.given_size or self.pixels.shape[:2]
        pixels, (old_height, old_width) = shrink(self.pixels, size), self.pixels.shape[:2]
        metadata = refresh.refresh(self.metadata, pixels, scaled_from=(old_height, old_width))
        return Picture(pixels, metadata, given_size=(height, width))

    def _size_within(self, max_width: int | None, max_height: int | None) -> tuple[int, int]:
        height, width = self.pixels.shape[:2]
        is_sideways = self.metadata.orientation >= 5
        limits = (max_width, max_height) if is_sideways else (max_height, max_width)
        return fitted_size((height, width), *limits)

    def without_trailing(self, keep: Sequence[SegmentPattern] = ()) -> Picture:
        """Returns the picture without what stands behind it in its file.

        Args:
            keep: as for :meth:`.JpegSource.primary`.
        """
        alone = None if self.source is None else self.source.primary(keep)
        if alone is None or alone is self.source:
            return self
        return self._replace(source=alone, metadata=replace(alone.metadata, icc=self.metadata.icc))
