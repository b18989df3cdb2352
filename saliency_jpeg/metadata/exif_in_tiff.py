"""An EXIF block in a TIFF file, which begins with the block and takes the block's tags into its own first directory.

An EXIF block is a TIFF body, so where the file begins with it all its offsets hold, those of maker notes too. Nothing
points to the block's IFD0 any more; IFD1, the thumbnail's, would be a second page and is cut off.
"""

from __future__ import annotations

import struct
from typing import Final

from .exif import ORIENTATION, with_thumbnail
from .exif_directory import BYTE_ORDERS, EXIF_IFD, GPS_IFD, Directory, first_directory
from .tiff_tags import DESCRIPTIVE

__all__ = ["beginning", "with_directory"]

_EMPTY: Final = b"II*\0" + bytes(4)
_CHILDREN: Final = (EXIF_IFD, GPS_IFD)
_WANTED: Final = DESCRIPTIVE | {ORIENTATION, *_CHILDREN}
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of a value by type


def beginning(exif: bytes | None) -> tuple[bytes, dict[int, bytes]]:
    """Returns what a TIFF file begins with, and entries for its first directory.

    Args:
        exif: the block; without one, or with one that holds nothing to take, the beginning is a TIFF header alone.

    Returns:
        An even number of bytes for :func:`with_directory`, and the 12 bytes of each tag that describes the picture; not
        of tags of how samples are stored, and of values that reach beyond the data.
    """
    block = with_thumbnail(exif, None) if exif is not None else b""
    first = first_directory(block)
    if first is None:
        return _EMPTY, {}
    entries: dict[int, bytes] = {}
    for at in range(first.start, first.end, 12):
        (tag,) = struct.unpack_from(first.order + "H", block, at)
        if tag in _WANTED and _is_sound(block, first, tag, at):
            entries.setdefault(tag, block[at : at + 12])
    return (block + bytes(len(block) % 2), entries) if entries else (_EMPTY, {})


def _is_sound(block: bytes, first: Directory, tag: int, at: int) -> bool:
    """Whether the value of an entry, or the directory that it points to, lies inside the data and means something."""
    if tag in _CHILDREN:
        return first.child(block, tag) is not None
    if tag == ORIENTATION:
        return first.number(block, tag) in range(1, 9)  # libtiff complains of others
    kind, count = struct.unpack_from(first.order + "HI", block, at + 2)
    return kind in _SIZES and first.place(block, at, _SIZES[kind] * count) is not None


def with_directory(begin: bytes, table: bytes, entries: dict[int, bytes]) -> bytes:
    """Returns the beginning of a file and, behind it, its first directory.

    Args:
        begin: what the file begins with, see :func:`beginning`.
        table: a directory with its values behind it, which lie 12 bytes further for each of ``entries``.
        entries: to take into it, 12 bytes each; of tags that it does not have.
    """
    order = BYTE_ORDERS[begin[:4]]
    (count,) = struct.unpack_from(order + "H", table)
    end = 2 + 12 * count
    rows = [*entries.values(), *(table[at : at + 12] for at in range(2, end, 12))]
    rows.sort(key=lambda row: int(struct.unpack_from(order + "H", row)[0]))  # as TIFF 6.0 asks
    header = begin[:4] + struct.pack(order + "I", len(begin)) + begin[8:]
    return b"".join([header, struct.pack(order + "H", len(rows)), *rows, table[end:]])
