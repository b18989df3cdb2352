"""IPTC data: datasets, each 0x1C, record, number, length, and value (IIM 4.2, 1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .pictures import holds_picture

__all__ = ["blanked", "without_pictures"]

_MARK: Final = 0x1C
_PREVIEW: Final = ((2, 200), (2, 201), (2, 202))  # format, version and data of the preview
_OBJECT: Final = (7, 8, 9)  # records of a picture itself


def without_pictures(data: bytes) -> bytes:
    """Returns the data without the preview and other pictures; unchanged where there is none.

    Args:
        data: datasets, one behind the other.
    """
    kept, end = [], 0
    for kind, start, _, end in _datasets(data):
        if not _is_picture(kind, data[start:end]):
            kept.append(data[start:end])
    rest = data[end:]
    return b"".join(kept) + (b"" if holds_picture(rest) else rest)


def blanked(data: bytes) -> bytes:
    """Returns the data with zeros for the bytes of pictures; nothing moves.

    Args:
        data: datasets, one behind the other.
    """
    patched = bytearray(data)
    end = 0
    for kind, start, value, end in _datasets(data):
        if _is_picture(kind, data[start:end]):
            patched[value:end] = bytes(end - value)
    if holds_picture(data[end:]):
        patched[end:] = bytes(len(data) - end)
    return bytes(patched)


def _is_picture(kind: tuple[int, int], dataset: bytes) -> bool:
    return kind in _PREVIEW or kind[0] in _OBJECT or holds_picture(dataset)


def _datasets(data: bytes) -> Iterator[tuple[tuple[int, int], int, int, int]]:
    """Record and number, offset, offset of the value and offset behind it, up to the first that is damaged."""
    at = 0
    while at + 5 <= len(data) and data[at] == _MARK:
        value, length = at + 5, int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:  # an extended dataset: the length of the length
            value += length & 0x7FFF
            length = int.from_bytes(data[at + 5 : value], "big") if value - at <= 13 else len(data)
        if value + length > len(data):
            return
        yield (data[at + 1], data[at + 2]), at, value, value + length
        at = value + length
