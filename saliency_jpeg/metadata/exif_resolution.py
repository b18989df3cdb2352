"""The resolution that an EXIF block names: XResolution, YResolution and ResolutionUnit of IFD0 (Exif 2.3, 4.6.4)."""

from __future__ import annotations

import struct
from typing import Final

from .density import checked_density
from .exif_directory import RATIONAL, Directory, first_directory

__all__ = ["resolution", "with_swapped_resolution"]

_X, _Y, _UNIT = 0x011A, 0x011B, 0x0128
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
_INCHES: Final = 2.54


def resolution(exif: bytes | None) -> tuple[int, int, int] | None:
    """Returns the resolution as JFIF holds it, ``(unit, x, y)``, or ``None`` where it is absent or out of range.

    Args:
        exif: the block.
    """
    first = first_directory(exif)
    if exif is None or first is None:
        return None
    x, y = _dots(exif, first, _X), _dots(exif, first, _Y)
    unit = first.number(exif, _UNIT)
    if x is None or y is None or unit not in (None, _NO_UNIT, _INCH, _CENTIMETRE):
        return None
    if unit == _CENTIMETRE and (x % 1 or y % 1):  # 300 dpi are 118.11 dots a centimetre, which JFIF cannot hold
        return checked_density(1, x * _INCHES, y * _INCHES)
    return checked_density({_NO_UNIT: 0, _CENTIMETRE: 2}.get(unit or _INCH, 1), x, y)


def with_swapped_resolution(exif: bytes) -> bytes:
    """Returns the block with X and Y resolution exchanged, for a picture that was turned by 90 degrees.

    Args:
        exif: the block.
    """
    first = first_directory(exif)
    places = [_place(exif, first, tag) for tag in (_X, _Y)] if first is not None else []
    if len(places) != 2 or None in places:
        return exif
    x, y = (place for place in places if place is not None)
    if abs(x - y) < 8:
        return exif
    patched = bytearray(exif)
    patched[x : x + 8], patched[y : y + 8] = exif[y : y + 8], exif[x : x + 8]
    return bytes(patched)


def _dots(exif: bytes, first: Directory, tag: int) -> float | None:
    place = _place(exif, first, tag)
    if place is None:
        number = first.number(exif, tag)
        return None if number is None else float(number)
    numerator, denominator = struct.unpack_from(first.order + "II", exif, place)
    return numerator / denominator if denominator else None


def _place(exif: bytes, first: Directory, tag: int) -> int | None:
    """The offset of a value that is one RATIONAL, outside the header and the directory itself."""
    for at in first.find(exif, tag):
        kind, count = struct.unpack_from(first.order + "HI", exif, at + 2)
        place = first.place(exif, at, 8) if kind == RATIONAL and count == 1 else None
        is_outside = place is not None and place >= 8 and not first.start - 10 < place < first.end + 4
        return place if is_outside else None
    return None
