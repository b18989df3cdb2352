"""The directories of an EXIF block: a TIFF body's tables of 12-byte entries (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["BYTE_ORDERS", "EXIF_HEADER", "EXIF_IFD", "GPS_IFD", "Directory", "directory_at", "first_directory"]

EXIF_HEADER = b"Exif\0\0"
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
ASCII, SHORT, LONG, RATIONAL = 2, 3, 4, 5
_FORMATS = {SHORT: "H", LONG: "I"}


class Directory(NamedTuple):
    """An IFD of a TIFF body (TIFF 6.0, section 2).

    Attributes:
        order: byte order as a ``struct`` prefix.
        start: offset of the first entry.
        entries: number of entries, 12 bytes each.
    """

    order: str
    start: int
    entries: int

    @property
    def end(self) -> int:
        """Offset after the last entry, where the offset of the next directory stands."""
        return self.start + 12 * self.entries

    def find(self, exif: bytes | bytearray, tag: int) -> list[int]:
        """Returns the offsets of the entries with a tag.

        Args:
            exif: the block that holds this directory.
            tag: number of the tag.
        """
        pattern = struct.pack(self.order + "H", tag)
        return [at for at in range(self.start, self.end, 12) if exif[at : at + 2] == pattern]

    def number(self, exif: bytes, tag: int) -> int | None:
        """Returns the value of the first entry with a tag if it is one SHORT or LONG, else ``None``.

        Args:
            exif: the block that holds this directory.
            tag: number of the tag.
        """
        for at in self.find(exif, tag):
            kind, count = struct.unpack_from(self.order + "HI", exif, at + 2)
            if kind in _FORMATS and count == 1:
                return int(struct.unpack_from(self.order + _FORMATS[kind], exif, at + 8)[0])
            return None
        return None

    def numbers(self, exif: bytes, tag: int) -> list[int]:
        """Returns the values of the first entry with a tag, SHORTs or LONGs, wherever they stand; else nothing.

        Args:
            exif: the block that holds this directory.
            tag: number of the tag.
        """
        for at in self.find(exif, tag):
            kind, count = struct.unpack_from(self.order + "HI", exif, at + 2)
            place = self.place(exif, at, {SHORT: 2, LONG: 4}.get(kind, 0) * count)
            if kind not in _FORMATS or place is None:
                return []
            return list(struct.unpack_from(f"{self.order}{count}{_FORMATS[kind]}", exif, place))
        return []

    def place(self, exif: bytes, entry: int, size: int) -> int | None:
        """Returns the offset of the value of an entry, or ``None`` where it reaches beyond the data.

        Args:
            exif: the block that holds this directory.
            entry: offset of the entry.
            size: of the value in bytes; up to 4 stand in the entry.
        """
        place = entry + 8
        if size > 4:
            (place,) = struct.unpack_from(self.order + "I", exif, place)
        return place if place + size <= len(exif) else None

    def put(self, exif: bytearray, tag: int, value: int) -> None:
        """Overwrites the value of every entry with a tag that is one SHORT or LONG.

        Args:
            exif: the block that holds this directory.
            tag: number of the tag.
            value: new value.
        """
        for at in self.find(exif, tag):
            kind, count = struct.unpack_from(self.order + "HI", exif, at + 2)
            if kind in _FORMATS and count == 1:
                struct.pack_into(self.order + _FORMATS[kind], exif, at + 8, value)

    def without(self, exif: bytearray, tag: int) -> Directory:
        """Takes the first entry with a tag out of the table, the last of its chain; values stay where they are.

        Args:
            exif: the block that holds this directory; changed in place.
            tag: number of the tag.

        Returns:
            The shorter directory.
        """
        for at in self.find(exif, tag)[:1]:
            exif[at : self.end] = exif[at + 12 : self.end] + bytes(12)
            struct.pack_into(self.order + "H", exif, self.start - 2, self.entries - 1)
            return self._replace(entries=self.entries - 1)
        return self

    def child(self, exif: bytes, tag: int) -> Directory | None:
        """Returns the directory that a tag points to, or ``None``.

        Args:
            exif: the block that holds this directory.
            tag: number of the tag.
        """
        offset = self.number(exif, tag)
        return None if offset is None else directory_at(exif, self.order, offset)

    def following(self, exif: bytes) -> Directory | None:
        """Returns the next directory in the chain, or ``None``; after IFD0 that is IFD1, the thumbnail's."""
        if self.end + 4 > len(exif):
            return None
        return directory_at(exif, self.order, *struct.unpack_from(self.order + "I", exif, self.end))


def directory_at(exif: bytes, order: str, offset: int) -> Directory | None:
    """Returns the directory at an offset if its whole table lies inside the data, else ``None``.

    Args:
        exif: the block.
        order: byte order as a ``struct`` prefix.
        offset: of the directory's number of entries.
    """
    if offset < 8 or offset + 2 > len(exif):
        return None
    directory = Directory(order, offset + 2, *struct.unpack_from(order + "H", exif, offset))
    return directory if directory.end <= len(exif) else None


def first_directory(exif: bytes | None, *, may_be_cut: bool = False) -> Directory | None:
    """Returns IFD0 if the header is TIFF's and the whole table lies inside the data, else ``None``.

    Args:
        exif: the block.
        may_be_cut: take of a table that reaches beyond the data the entries inside.
    """
    if exif is None or len(exif) < 8 or exif[:4] not in BYTE_ORDERS:
        return None
    order = BYTE_ORDERS[bytes(exif[:4])]
    (offset,) = struct.unpack_from(order + "I", exif, 4)
    directory = directory_at(exif, order, offset)
    if directory is None and may_be_cut and 8 <= offset <= len(exif) - 2:
        return Directory(order, offset + 2, (len(exif) - offset - 2) // 12)
    return directory
