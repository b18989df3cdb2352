"""Where the subject is, in pixels: SubjectArea and SubjectLocation of an EXIF block (Exif 2.3, 4.6.5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from .exif_directory import EXIF_IFD, SHORT, Directory, first_directory

__all__ = ["has_subject", "with_scaled_subject", "without_subject"]

_TAGS: Final = (0x9214, 0xA214)  # SubjectArea: a point, a circle or a rectangle; SubjectLocation: a point
_MOST: Final = 0xFFFF  # of a SHORT


def has_subject(exif: bytes) -> bool:
    """Whether a block says where the subject is.

    Args:
        exif: the block.
    """
    return any(directory.find(exif, tag) for directory in _parts(exif) for tag in _TAGS)


def without_subject(exif: bytes) -> bytes:
    """Returns the block without the place of the subject, for pixels that may lie elsewhere.

    Args:
        exif: the block.
    """
    patched = bytearray(exif)
    for directory in _parts(exif):
        for tag in _TAGS:
            while directory.find(patched, tag):
                directory = directory.without(patched, tag)
    return bytes(patched)


def with_scaled_subject(exif: bytes, old: tuple[int, int], new: tuple[int, int]) -> bytes:
    """Returns the block with the place of the subject scaled; a value of another kind than Exif's is left out.

    Args:
        exif: the block.
        old: (height, width) of the picture before.
        new: the same of the scaled one.
    """
    down, across = new[0] / old[0], new[1] / old[1]
    ratios = {2: (across, down), 3: (across, down, (across * down) ** 0.5), 4: (across, down, across, down)}
    patched = bytearray(exif)
    for directory in _parts(exif):
        for tag in _TAGS:
            for at in directory.find(exif, tag):
                kind, count = struct.unpack_from(directory.order + "HI", exif, at + 2)
                place = directory.place(exif, at, 2 * count) if kind == SHORT and count in ratios else None
                if place is None:
                    return without_subject(exif)
                form = f"{directory.order}{count}H"
                values = zip(struct.unpack_from(form, exif, place), ratios[count], strict=True)
                struct.pack_into(form, patched, place, *(min(_MOST, round(value * ratio)) for value, ratio in values))
    return bytes(patched)


def _parts(exif: bytes) -> Iterator[Directory]:
    """The Exif IFD, if there is one."""
    first = first_directory(exif)
    parts = first.child(exif, EXIF_IFD) if first is not None else None
    if parts is not None:
        yield parts
