"""A JPEG file that is an input, with its header parsed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from ..errors import InputError, SegmentError
from . import jpeg_limits, jpeg_metadata, multi_picture, scans, segments
from .content_credentials import without_credentials
from .jpeg_header import JpegHeader, parse_header
from .limits import check_pixels
from .model import Metadata
from .multi_picture import TrailingImages
from .segments import Segment, SegmentPattern

__all__ = ["JpegSource", "is_jpeg"]


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes begin as a JPEG file does; the first segment may follow on stray bytes."""
    return data.startswith(b"\xff\xd8")


class JpegSource:
    """A JPEG file whose segments were walked once; what is asked of them is worked out on first use and kept.

    Args:
        data: the file.

    Attributes:
        data: the file, without stray bytes behind SOI, since many programs know a JPEG file by three bytes.
        rewrites: the file in other forms, by what was asked for, kept by whoever makes them.

    Raises:
        InputError: the header is damaged or cut off.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data if data[2:3] == b"\xff" else _without_stray_bytes(data)
        try:
            self._spans = list(segments.walk(self.data))
        except SegmentError as error:
            raise InputError(f"cannot decode the image: {error}") from error
        self.rewrites: dict[object, bytes | None] = {}

    def check_limits(self, max_pixels: int | None) -> None:
        """Checks the size in the frame header and the scans, before anything is decoded.

        Args:
            max_pixels: most pixels; ``None`` for no limit. The limits on scans hold in any case.

        Raises:
            InputError: more pixels, or more scans than encoders write; see :func:`.jpeg_limits.check_scans`.
        """
        for width, height in jpeg_limits.frame_sizes(self.data, self._spans):
            check_pixels(width, height, max_pixels)
        self.check_scans()

    def check_scans(self) -> None:
        """Checks the scans alone; see :meth:`check_limits`."""
        jpeg_limits.check_scans(self.data, self._spans)

    @cached_property
    def segments(self) -> list[Segment]:
        """The APPn and COM segments before the first scan, in file order."""
        return segments.payloads(self.data, self._spans)

    @cached_property
    def metadata(self) -> Metadata:
        """The metadata in these segments, and behind the picture."""
        notes = multi_picture.find_notes(self.data, self._spans)
        return replace(jpeg_metadata.collect(self.segments), notes=notes)

    @cached_property
    def header(self) -> JpegHeader | None:
        """The header of the primary image; ``None`` where it is damaged or has no frame header."""
        return parse_header(self.data, self._spans)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) by the first frame header; ``None`` where there is none."""
        return next((size[::-1] for size in jpeg_limits.frame_sizes(self.data, self._spans)), None)

    @cached_property
    def trailing(self) -> TrailingImages | None:
        """Images and clips behind the primary image."""
        return multi_picture.find_trailing(self.data, self._spans)

    @cached_property
    def trailing_bytes(self) -> TrailingImages | None:
        """All that follows the primary image, previews and unknown bytes too."""
        return multi_picture.find_trailing(self.data, self._spans, everything=True)

    @property
    def subsampling(self) -> tuple[int, int] | None:
        """Luma samples across and down for each chroma sample of a YCbCr file that the encoder can match."""
        return self.header.subsampling if self.header is not None and self.header.colour == "ycc" else None

    @property
    def decodable(self) -> bytes:
        """The file without segments that decoding does not need."""
        return segments.without_metadata(self.data, self._spans)

    def with_segments(self, own: list[Segment]) -> bytes:
        """Returns the primary image alone, its scans as they are, with these APPn and COM segments and no others.

        Raises:
            SegmentError: a segment behind the first scan is damaged.
        """
        return scans.with_only(self.data, self._spans, own)

    def primary(self, keep: Sequence[SegmentPattern] = ()) -> JpegSource:
        """Returns the primary image alone as a source of its own, whose metadata announce nothing behind it.

        Args:
            keep: names segments that stay though they sign the bytes of the whole file.
        """
        behind = self.trailing_bytes
        if behind is None:
            return self
        own = without_credentials(multi_picture.without_names(self.segments), keep)
        return JpegSource(segments.replace_segments(self.data[: behind.end], own, self._spans))


def _without_stray_bytes(data: bytes) -> bytes:
    """The file without the bytes between SOI and the first marker."""
    return data[:2] + data[max(2, segments.next_marker(data, 2)) :]
