"""JPEG files inside an EXIF block that no directory here names: previews in maker notes, further thumbnails.

Nobody documents where maker notes keep a preview, but a JPEG file is known by its header. What is found is overwritten
in its place, so nothing moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from ..errors import SegmentError
from . import exif, segments
from .multi_picture import end_of_primary

__all__ = ["embedded", "without_previews"]

_START: Final = b"\xff\xd8\xff"
_MOST_STARTS: Final = 64  # looked at, so that a crafted block takes no time
_MOST_SEGMENTS: Final = 200  # of each, before and behind its first scan


def embedded(block: bytes) -> Iterator[slice]:
    """Yields where JPEG files stand in a block, the thumbnail of IFD1 apart.

    Args:
        block: of EXIF.
    """
    own = exif.thumbnail_span(block)
    at = 0
    for _ in range(_MOST_STARTS):
        at = block.find(_START, at)
        if at < 0:
            return
        if own is not None and own.start <= at < own.stop:
            at = own.stop
            continue
        length = _file_length(block[at : own.start if own is not None and own.start > at else len(block)])
        if length:
            yield slice(at, at + length)
        at += length or len(_START)


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
    """The length of the JPEG file at the start, 0 where there is none with a scan."""
    try:
        spans = list(islice(segments.walk(data), _MOST_SEGMENTS))
        return end_of_primary(data, spans, _MOST_SEGMENTS) if spans and spans[-1][0] == segments.SOS else 0
    except SegmentError:
        return 0
