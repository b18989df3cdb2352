"""JPEG and PNG files inside an EXIF block that no directory here names: previews in maker notes, further thumbnails.

Nobody documents where maker notes keep a preview, but a file is known by its header. What is found is overwritten in
its place, so nothing moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from ..errors import SegmentError
from . import exif, segments
from .multi_picture import end_of_primary

__all__ = ["embedded", "without_previews"]

_START: Final = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n")
_PNG_END: Final = b"IEND"
_MOST_STARTS: Final = 64  # looked at, so that a crafted block takes no time
_MOST_SEGMENTS: Final = 200  # of each, before and behind its first scan


def embedded(block: bytes) -> Iterator[slice]:
    """Yields where JPEG and PNG files stand in a block, the thumbnail of IFD1 apart.

    Args:
        block: of EXIF.
    """
    own = exif.thumbnail_span(block)
    at = 0
    for _ in range(_MOST_STARTS):
        start = _START.search(block, at)
        if start is None:
            return
        at = start.start()
        if own is not None and own.start <= at < own.stop:
            at = own.stop
            continue
        length = _file_length(block[at : own.start if own is not None and own.start > at else len(block)])
        if length:
            yield slice(at, at + length)
        at += length or len(start[0])


def without_previews(block: bytes) -> bytes:
    """Returns the block with zeros for these files.

    Args:
        block: of EXIF.
    """
    patched = bytearray(block)
    for span in embedded(block):
        patched[span] = bytes(span.stop - span.start)
    return bytes(patched)


def _file_length(data: bytes) -> int:
    """The length of the file at the start, 0 where there is no JPEG file with a scan and no PNG file."""
    if data.startswith(b"\x89"):
        end = data.find(_PNG_END)
        return min(end + 8, len(data)) if end >= 0 else len(data)
    try:
        spans = list(islice(segments.walk(data), _MOST_SEGMENTS))
        return end_of_primary(data, spans, _MOST_SEGMENTS) if spans and spans[-1][0] == segments.SOS else 0
    except SegmentError:
        return 0
