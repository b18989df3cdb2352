"""Resolutions that an EXIF block names: that of IFD0, and that of the sensor in the Exif IFD (Exif 2.3, 4.6.4, 4.6.5).

FocalPlaneXResolution and FocalPlaneYResolution are pixels of the picture for each unit of the sensor; programs reckon
the field of view from them and the size of the picture.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Final

from .density import checked_density
from .exif_directory import EXIF_IFD, RATIONAL, Directory, first_directory

__all__ = ["resolution", "with_scaled_focal_plane", "with_swapped_resolution"]

_X, _Y, _UNIT = 0x011A, 0x011B, 0x0128
_FOCAL_PLANE: Final = (0xA20E, 0xA20F)
_MOST: Final = 0xFFFFFFFF
_POINTER: Final = 4  # bytes
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
    """Returns the block with X and Y resolutions exchanged, for a picture that was turned by 90 degrees.

    Args:
        exif: the block.
    """
    first = first_directory(exif)
    parts = first.child(exif, EXIF_IFD) if first is not None else None
    patched = bytearray(exif)
    for directory, tags, tail in ((first, (_X, _Y), _POINTER), (parts, _FOCAL_PLANE, 0)):
        x, y = (None if directory is None else _place(exif, directory, tag, tail) for tag in tags)
        if x is not None and y is not None and abs(x - y) >= 8:
            patched[x : x + 8], patched[y : y + 8] = patched[y : y + 8], patched[x : x + 8]
    return bytes(patched)


def with_scaled_focal_plane(exif: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """Returns the block with the resolution of the sensor for a picture that was scaled.

    Args:
        exif: the block.
        old: (height, width) of the picture before.
        new: the same of the scaled one.
    """
    first = first_directory(exif)
    parts = first.child(exif, EXIF_IFD) if first is not None else None
    if parts is None:
        return exif
    patched = bytearray(exif)
    for tag, before, after in zip(_FOCAL_PLANE, old[::-1], new[::-1], strict=True):
        place = _place(exif, parts, tag, 0)
        if place is None:
            continue
        numerator, denominator = struct.unpack_from(parts.order + "II", exif, place)
        value = _as_rational(numerator * after, denominator * before)
        if value is not None:
            struct.pack_into(parts.order + "II", patched, place, *value)
    return bytes(patched)


def _as_rational(numerator: int, denominator: int) -> tuple[int, int] | None:
    """A ratio as near as a RATIONAL comes to it."""
    if not denominator:
        return None
    exact = Fraction(numerator, denominator)
    value = exact.limit_denominator(max(1, int(_MOST / max(Fraction(1), exact))))
    return (value.numerator, value.denominator) if value.numerator <= _MOST else None


def _dots(exif: bytes, first: Directory, tag: int) -> float | None:
    place = _place(exif, first, tag)
    if place is None:
        number = first.number(exif, tag)
        return None if number is None else float(number)
    numerator, denominator = struct.unpack_from(first.order + "II", exif, place)
    return numerator / denominator if denominator else None


def _place(exif: bytes, directory: Directory, tag: int, tail: int = _POINTER) -> int | None:
    """The offset of a value that is one RATIONAL, outside the header and the directory itself.

    Behind the directory there are ``tail`` bytes of a pointer; writers may leave it out behind those of parts.
    """
    for at in directory.find(exif, tag):
        kind, count = struct.unpack_from(directory.order + "HI", exif, at + 2)
        place = directory.place(exif, at, 8) if kind == RATIONAL and count == 1 else None
        is_outside = place is not None and place >= 8 and not directory.start - 10 < place < directory.end + tail
        return place if is_outside else None
    return None
