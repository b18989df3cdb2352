"""The scans of a JPEG file on their own: between other segments, and without what else stands among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from . import segments
from .segments import Segment, Span

__all__ = ["with_only"]

_SOI: Final = 0xD8
#: Frames, tables and scans (T.81, table B.1); JPG, 0xC8, is reserved.
_NEEDED: Final = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xE0))) - {0xC8}


def with_only(jpeg: bytes, spans: Sequence[Span], own: Sequence[Segment]) -> bytes:
    """Returns the scans of a file with these APPn and COM segments and nothing else that is not needed to decode it.

    Other such segments go, those between scans too, and so do those of reserved markers, stray bytes between segments
    and all that follows EOI. A second SOI ends a file whose EOI is missing.

    Args:
        jpeg: the file.
        spans: as :func:`.segments.walk` yields them for it.
        own: the segments, which go behind SOI.

    Raises:
        SegmentError: a segment behind the first scan is damaged.
    """
    tables = [jpeg[start:end] for marker, start, end in spans if marker in _NEEDED]
    scans = _scans(jpeg, spans[-1][2]) if spans and spans[-1][0] == segments.SOS else [b"\xff\xd9"]
    return b"".join([segments.replace_segments(b"\xff\xd8", own, []), *tables, *scans])


def _scans(jpeg: bytes, at: int) -> Iterator[bytes]:
    """What follows the header of the first scan, to EOI."""
    is_scan = True
    while (start := segments.scan_end(jpeg, at)) >= 0:
        marker = jpeg[start + 1]
        if is_scan:
            yield jpeg[at:start]
        if marker in (segments.EOI, _SOI):
            yield b"\xff\xd9"
            return
        at = segments.segment_end(jpeg, start + 2)
        is_scan = marker == segments.SOS or (is_scan and marker not in _NEEDED)
        if marker in _NEEDED:
            yield jpeg[start:at]
    if is_scan:
        yield jpeg[at:]
