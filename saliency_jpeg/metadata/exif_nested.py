"""Pictures in what an EXIF block holds beside its thumbnail: XMP, Photoshop's resources, IPTC, and further directories.

Cameras that write TIFF and raw files put these into JPEG files too. What is found is overwritten in its place, so
nothing moves.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from . import iptc, photoshop, xmp
from .exif_directory import Directory, directory_at, first_directory

__all__ = ["without_nested_pictures"]

_XMP, _PHOTOSHOP, _IPTC, _SUBDIRECTORIES = 0x02BC, 0x8649, 0x83BB, 0x014A
_DATA: Final = ((0x0111, 0x0117), (0x0144, 0x0145), (0x0201, 0x0202))  # offsets and lengths: strips, tiles, a JPEG file
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}  # bytes of a value by its type
_MOST_DIRECTORIES: Final = 8
_HEADER: Final = (0, 8)


def without_nested_pictures(block: bytes) -> bytes:
    """Returns the block with zeros for the pictures in these, and spaces in XMP.

    Args:
        block: of EXIF.
    """
    first = first_directory(block)
    if first is None:
        return block
    patched = bytearray(block)
    for tag, blanked in _EDITS.items():
        for span in _spans(block, first, tag):
            patched[span] = blanked(block[span])
    others = list(islice(_others(block, first), _MOST_DIRECTORIES))
    tables = [_HEADER, *((d.start - 2, d.end) for d in (first, *others))]
    for span in (span for directory in others for span in _pictures(block, directory)):
        if all(stop <= span.start or span.stop <= start for start, stop in tables):
            patched[span] = bytes(span.stop - span.start)
    return bytes(patched)


def _blanked_xmp(packet: bytes) -> bytes:
    return xmp.without_pictures(packet).ljust(len(packet))


_EDITS: Final[dict[int, Callable[[bytes], bytes]]] = {
    _XMP: _blanked_xmp,
    _PHOTOSHOP: photoshop.blanked,
    _IPTC: iptc.blanked,
}


def _spans(block: bytes, directory: Directory, tag: int) -> Iterator[slice]:
    """Where the bytes of the first entry with a tag stand."""
    for at in directory.find(block, tag)[:1]:
        kind, count = struct.unpack_from(directory.order + "HI", block, at + 2)
        size = _SIZES.get(kind, 0) * count
        place = directory.place(block, at, size)
        if place is not None and size > 4:
            yield slice(place, place + size)


def _others(block: bytes, first: Directory) -> Iterator[Directory]:
    """Directories that IFD0 has below itself, and those behind the thumbnail's."""
    for offset in first.numbers(block, _SUBDIRECTORIES)[:_MOST_DIRECTORIES]:
        found = directory_at(block, first.order, offset)
        if found is not None:
            yield found
    following = first.following(block)
    for _ in range(_MOST_DIRECTORIES):
        following = following.following(block) if following is not None else None
        if following is not None:
            yield following


def _pictures(block: bytes, directory: Directory) -> Iterator[slice]:
    for offsets, lengths in _DATA:
        for start, length in zip(directory.numbers(block, offsets), directory.numbers(block, lengths), strict=False):
            if length and start + length <= len(block):
                yield slice(start, start + length)
