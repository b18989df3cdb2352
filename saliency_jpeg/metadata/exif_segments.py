"""EXIF over one segment: several APP1 segments that follow one another, as ExifTool and cameras write them.

A segment whose data do not begin as a TIFF body does continues the EXIF segment right before it. ExifTool and Pillow
join them; most other readers stop after the first, which holds IFD0 with the orientation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..errors import SegmentError
from .exif import BYTE_ORDERS, EXIF_HEADER

__all__ = ["MAX_EXIF_PART", "check_one_segment", "join_exif", "split_exif"]

MAX_EXIF_PART: Final = 65533 - len(EXIF_HEADER)
_APP1: Final = 0xE1


def check_one_segment(exif: bytes) -> None:
    """Raises an error where a block does not fit one segment, for calls of libraries that do not split it.

    Args:
        exif: TIFF body.

    Raises:
        SegmentError: it is longer.
    """
    if len(exif) > MAX_EXIF_PART:
        raise SegmentError(f"EXIF of {len(exif)} bytes does not fit one segment, at most {MAX_EXIF_PART}")


def join_exif(segments: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Returns the segments with every EXIF block in one, which may then be longer than a segment can be.

    Args:
        segments: of a file, in order, each ``(marker, payload)``.
    """
    joined: list[tuple[int, list[bytes]]] = []
    is_exif = False
    for marker, payload in segments:
        was_exif, is_exif = is_exif, marker == _APP1 and payload.startswith(EXIF_HEADER)
        if was_exif and is_exif and payload[6:10] not in BYTE_ORDERS:
            joined[-1][1].append(payload[len(EXIF_HEADER) :])
        else:
            joined.append((marker, [payload]))
    return [(marker, b"".join(parts)) for marker, parts in joined]


def split_exif(exif: bytes) -> list[tuple[int, bytes]]:
    """Returns the segments of an EXIF block.

    Args:
        exif: TIFF body.

    Raises:
        SegmentError: longer than one segment and no TIFF body, so that readers could not join the parts.
    """
    if exif[:4] not in BYTE_ORDERS:
        check_one_segment(exif)
    parts, at = [], 0
    while at < len(exif):
        end = at + MAX_EXIF_PART
        while exif[end : end + 4] in BYTE_ORDERS:  # a part that begins so would be a block of its own
            end -= 1
        parts.append((_APP1, EXIF_HEADER + exif[at:end]))
        at = end
    return parts
