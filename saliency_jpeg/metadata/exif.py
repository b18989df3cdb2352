"""A few tags of an EXIF block, read and changed where they stand.

EXIF is a TIFF body: directories of 12-byte entries, tied together by offsets (TIFF 6.0, section 2; Exif 2.3, 4.5).
Maker notes hold offsets of their own that nobody documents, so nothing here ever moves a byte: a tag is overwritten in
its place, a thumbnail by one that is no longer than it was.

At most four directories are looked at, each reached by one pointer from its parent, and every offset is checked against
the length of the data. So a crafted block can neither make this loop nor allocate; what is damaged counts as absent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

from ..errors import SegmentError
from .exif_directory import (
    ASCII,
    BYTE_ORDERS,
    EXIF_HEADER,
    EXIF_IFD,
    LONG,
    SHORT,
    Directory,
    directory_at,
    first_directory,
)

__all__ = [
    "BYTE_ORDERS",
    "EXIF_HEADER",
    "ORIENTATION",
    "Directory",
    "directory_at",
    "first_directory",
    "has_orientation",
    "has_thumbnail",
    "minimal",
    "orientation",
    "shown",
    "size",
    "thumbnail",
    "thumbnail_span",
    "with_orientation",
    "with_size",
    "with_thumbnail",
]

ORIENTATION = 0x0112
_IMAGE_SIZE, _PIXEL_DIMENSIONS = (0x0100, 0x0101), (0xA002, 0xA003)  # of IFD0 and of the Exif IFD; width, height
_RELATED_SIZE = (0x1001, 0x1002)  # of the interoperability IFD
_COLOR_SPACE, _INTEROPERABILITY_IFD, _INTEROPERABILITY_INDEX = 0xA001, 0xA005, 0x0001
_STRIP_OFFSETS, _STRIP_LENGTHS = 0x0111, 0x0117
_JPEG_OFFSET, _JPEG_LENGTH = 0x0201, 0x0202
_UNCALIBRATED, _ADOBE_RGB = 0xFFFF, b"R03\0"
_MOST_ENTRIES = 0xFFFF  # of a directory, whose count has 16 bits
_INTEGERS = {SHORT: "H", LONG: "I", 8: "h", 9: "i"}  # SSHORT, SLONG


# Orientation --------------------------------------------------------------------------------------------------------


def has_orientation(exif: bytes | None) -> bool:
    """Whether there is an orientation tag, valid or not."""
    directory = first_directory(exif, may_be_cut=True)
    return directory is not None and bool(directory.find(exif or b"", ORIENTATION))


def orientation(exif: bytes | None) -> int:
    """Returns the orientation, 1 to 8.

    It is 1 where the block is absent or damaged, or where the first such tag is not one integer of 1 to 8. Exif asks
    for a SHORT; some cameras write a LONG, and Pillow and ExifTool take signed integers as well. Pillow and browsers
    read a first directory that is cut off as far as it goes.
    """
    directory = first_directory(exif, may_be_cut=True)
    if exif is None or directory is None:
        return 1
    for entry in directory.find(exif, ORIENTATION):
        kind, count = struct.unpack_from(directory.order + "HI", exif, entry + 2)
        if kind not in _INTEGERS or count != 1:
            return 1
        (value,) = struct.unpack_from(directory.order + _INTEGERS[kind], exif, entry + 8)
        return int(value) if 1 <= value <= 8 else 1
    return 1


def with_orientation(exif: bytes, value: int) -> bytes:
    """Returns the block with its orientation tags set, all other bytes as they are.

    Where the tag is missing and ``value`` is not 1, a copy of IFD0 with it is appended and the header points there.

    Args:
        exif: the block.
        value: orientation, 1 to 8.

    Raises:
        SegmentError: ``value`` is not 1 and the block is damaged, or the tag is missing and IFD0 has no room for it.
    """
    directory = first_directory(exif, may_be_cut=True)
    places = directory.find(exif, ORIENTATION) if directory is not None else []
    if not places and value == 1:
        return exif
    if directory is None or (not places and first_directory(exif) is None):
        raise SegmentError("the EXIF block has no readable first directory; the orientation cannot be set in it")
    entry = struct.pack(directory.order + "HHIHH", ORIENTATION, SHORT, 1, value, 0)
    if not places:
        return _append_directory(exif, directory, entry)
    patched = bytearray(exif)
    for at in places:
        patched[at : at + 12] = entry
    return bytes(patched)


def _append_directory(exif: bytes, directory: Directory, entry: bytes) -> bytes:
    """Copy IFD0 with one entry more to the end, sorted by tag as TIFF 6.0 asks, and point the header to it."""
    order = directory.order
    if directory.entries >= _MOST_ENTRIES:
        raise SegmentError(f"IFD0 of the EXIF block has no room for the orientation, got {directory.entries} entries")
    entries = [exif[at : at + 12] for at in range(directory.start, directory.end, 12)]
    entries = sorted([*entries, entry], key=lambda e: int(struct.unpack_from(order + "H", e)[0]))
    following = exif[directory.end : directory.end + 4].ljust(4, b"\0")
    padded = exif + b"\0" * (len(exif) % 2)
    table = struct.pack(order + "H", len(entries)) + b"".join(entries) + following
    return padded[:4] + struct.pack(order + "I", len(padded)) + padded[8:] + table


# Size ---------------------------------------------------------------------------------------------------------------


def size(exif: bytes) -> tuple[int, int] | None:
    """Returns (height, width) from the Exif IFD (PixelYDimension, PixelXDimension), or ``None``."""
    first = first_directory(exif)
    found = first.child(exif, EXIF_IFD) if first is not None else None
    if found is None:
        return None
    width, height = (found.number(exif, tag) for tag in _PIXEL_DIMENSIONS)
    return None if width is None or height is None else (height, width)


def with_size(exif: bytes, height: int, width: int) -> bytes:
    """Returns the block with its size tags, where it has them, set to at most 65535 each.

    Args:
        exif: the block.
        height: of the image in pixels.
        width: the same.
    """
    first = first_directory(exif)
    if first is None:
        return exif
    patched = bytearray(exif)
    parts = first.child(exif, EXIF_IFD)
    related = parts.child(exif, _INTEROPERABILITY_IFD) if parts is not None else None
    for directory, tags in ((first, _IMAGE_SIZE), (parts, _PIXEL_DIMENSIONS), (related, _RELATED_SIZE)):
        if directory is not None:
            directory.put(patched, tags[0], width)
            directory.put(patched, tags[1], height)
    return bytes(patched)


# Thumbnail ----------------------------------------------------------------------------------------------------------


def _directories(exif: bytes, first: Directory) -> Iterator[Directory]:
    parts = first.child(exif, EXIF_IFD)
    for directory in (first, first.following(exif), parts, parts and parts.child(exif, _INTEROPERABILITY_IFD)):
        if directory is not None:
            yield directory


def _directory_spans(exif: bytes, first: Directory) -> list[tuple[int, int]]:
    """The header and the tables; some writers leave the pointer to a next table out behind those of parts."""
    tables = [(d.start - 2, d.end) for d in _directories(exif, first)]
    return [(0, 8), (first.start - 2, first.end + 4), *tables[1:]]


def _thumbnail_spans(exif: bytes, first: Directory) -> list[tuple[int, int]]:
    """What IFD1 says of where the thumbnail's data lie, JPEG or strips of samples, whether that can be or not."""
    directory = first.following(exif)
    if directory is None:
        return []
    found: list[tuple[int, int]] = []
    for offsets, lengths in ((_JPEG_OFFSET, _JPEG_LENGTH), (_STRIP_OFFSETS, _STRIP_LENGTHS)):
        found += zip(directory.numbers(exif, offsets), directory.numbers(exif, lengths), strict=False)
    return [(start, start + length) for start, length in found if length]


def _thumbnail_parts(exif: bytes, first: Directory) -> list[slice]:
    """Where the thumbnail's data lie; none if they overlap a directory or each other."""
    parts = _thumbnail_spans(exif, first)
    taken = sorted([*parts, *_directory_spans(exif, first)])
    apart = all(before[1] <= after[0] for before, after in pairwise(taken))
    return [slice(*part) for part in parts] if apart and all(stop <= len(exif) for _, stop in parts) else []


def has_thumbnail(exif: bytes) -> bool:
    """Whether IFD1 names data of a thumbnail, of whatever kind and wherever they are said to be."""
    first = first_directory(exif)
    return first is not None and bool(_thumbnail_spans(exif, first))


def thumbnail_span(exif: bytes) -> slice | None:
    """Returns where the embedded JPEG thumbnail stands, or ``None``."""
    first = first_directory(exif)
    parts = _thumbnail_parts(exif, first) if first is not None else []
    return parts[0] if len(parts) == 1 and exif[parts[0]][:2] == b"\xff\xd8" else None


def thumbnail(exif: bytes) -> bytes | None:
    """Returns the embedded JPEG thumbnail, or ``None``."""
    span = thumbnail_span(exif)
    return None if span is None else bytes(exif[span])


def with_thumbnail(exif: bytes, jpeg: bytes | None) -> bytes:
    """Returns the block with its thumbnail replaced or removed; a removed one is overwritten with zeros.

    Args:
        exif: the block.
        jpeg: file to put in the place of a JPEG thumbnail, at most as long as that; ``None`` to remove it.
    """
    first = first_directory(exif)
    directory = first.following(exif) if first is not None else None
    if first is None or directory is None:
        return exif
    patched = bytearray(exif)
    parts = _thumbnail_parts(exif, first)
    for part in parts:
        patched[part] = bytes(part.stop - part.start)
    old = thumbnail(exif)
    if jpeg is None or old is None or len(jpeg) > len(old):
        struct.pack_into(first.order + "I", patched, first.end, 0)
        used = max((part.start for part in parts if part.stop == len(exif)), default=len(exif))
        return bytes(patched[:used])
    start = parts[0].start
    patched[start : start + len(jpeg)] = jpeg
    directory.put(patched, _JPEG_LENGTH, len(jpeg))
    directory.put(patched, ORIENTATION, orientation(exif))
    return bytes(patched[: start + len(jpeg)] if parts[0].stop == len(exif) else patched)


# What showing the picture needs -------------------------------------------------------------------------------------


def minimal(turn: int) -> bytes:
    """Returns a 26-byte EXIF body (big-endian TIFF) that holds only an orientation, 1 to 8."""
    return b"MM\0*\0\0\0\x08" + _table([struct.pack(">HHIHH", ORIENTATION, SHORT, 1, turn, 0)])


def shown(exif: bytes | None) -> bytes | None:
    """Returns a new block with the tags that decide how the picture looks, or ``None`` where all are default.

    These are an orientation other than 1, and Adobe RGB as cameras mark it without a profile: ColorSpace 0xFFFF and the
    interoperability index R03 (DCF 2.0, 3.2.4).
    """
    turn = orientation(exif)
    if not _is_adobe_rgb(exif):
        return minimal(turn) if turn != 1 else None
    entries = [struct.pack(">HHIHH", ORIENTATION, SHORT, 1, turn, 0), struct.pack(">HHII", EXIF_IFD, LONG, 1, 38)]
    color = [
        struct.pack(">HHIHH", _COLOR_SPACE, SHORT, 1, _UNCALIBRATED, 0),
        struct.pack(">HHII", _INTEROPERABILITY_IFD, LONG, 1, 68),
    ]
    index = [struct.pack(">HHI4s", _INTEROPERABILITY_INDEX, ASCII, 4, _ADOBE_RGB)]
    return b"MM\0*\0\0\0\x08" + _table(entries) + _table(color) + _table(index)


def _table(entries: list[bytes]) -> bytes:
    """A directory that is the last of its chain: 6 bytes and 12 for each entry."""
    return struct.pack(">H", len(entries)) + b"".join(entries) + bytes(4)


def _is_adobe_rgb(exif: bytes | None) -> bool:
    first = first_directory(exif)
    if exif is None or first is None:
        return False
    parts = first.child(exif, EXIF_IFD)
    if parts is None or parts.number(exif, _COLOR_SPACE) != _UNCALIBRATED:
        return False
    index = parts.child(exif, _INTEROPERABILITY_IFD)
    wanted = struct.pack(parts.order + "HI4s", ASCII, 4, _ADOBE_RGB)
    places = index.find(exif, _INTEROPERABILITY_INDEX) if index is not None else []
    return any(exif[at + 2 : at + 12] == wanted for at in places)
