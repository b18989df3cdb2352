"""Pictures in metadata that show what the image was before it was edited: previews in segments of their own.

Cameras and programs keep previews, thermal pictures and residuals of the picture in APPn segments of many names, in
comments, and in boxes. Nobody lists them all, but a picture file is known by how it begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .exif_directory import EXIF_HEADER
from .segments import APP1, APP2, APP13, COM, XMP_EXTENSION_HEADER, XMP_HEADER, Segment

__all__ = ["IN_TEXT", "holds_picture", "without_pictures"]

_APP11: Final = 0xEB
_START: Final = re.compile(
    rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n\x1a\n|RIFF....WEBP|GIF8[79]a|\xff\x4f\xff\x51\0"
    rb"|\0\0\0\x0c(?:jP  |JXL )\r\n\x87\n|\0\0\0[\x08-\xff]ftyp",
    re.DOTALL,
)
#: JPEG, PNG, WebP and GIF files in base64, by how they begin.
IN_TEXT: Final = re.compile(rb"(?:/9j/|iVBORw0KGgo|UklGR|R0lGOD)[A-Za-z0-9+/=\s&#;]{64,}")
#: Segments that are a picture, whatever they begin with: FlashPix, thermal data of FLIR, the residual of JPEG-HDR.
_ALWAYS: Final = ((APP2, b"FPXR\0"), (APP1, b"FLIR\0"), (_APP11, b"HDR_RI"))
_OWN: Final = ((APP1, EXIF_HEADER), (APP1, XMP_HEADER), (APP1, XMP_EXTENSION_HEADER), (APP13, b""))
_RESIDUAL: Final = re.compile(rb"JP.{10}(?!jumb)", re.DOTALL)  # boxes of JPEG XT (ISO/IEC 18477-3), unlike JUMBF's


def holds_picture(data: bytes) -> bool:
    """Whether a picture file or a clip begins somewhere in these bytes, as it is or in base64.

    Args:
        data: of any kind.
    """
    return _START.search(data) is not None or IN_TEXT.search(data) is not None


def without_pictures(own: Sequence[Segment]) -> list[Segment]:
    """Returns the segments without those that hold a picture, and without the segments that go on with it.

    EXIF, XMP and Photoshop's resources stay: their pictures are cut out of them elsewhere.

    Args:
        own: segments of a file, in order.
    """
    kept: list[Segment] = []
    going_on: int | None = None  # marker of the picture that the last segment held a part of
    for segment in own:
        marker = segment[0]
        if _is_one_of(segment, _OWN) or not (marker == going_on or _is_picture(segment)):
            kept.append(segment)
            going_on = None
        else:
            going_on = marker if marker != COM else None
    return kept


def _is_picture(segment: Segment) -> bool:
    marker, payload = segment
    is_residual = marker == _APP11 and _RESIDUAL.match(payload) is not None
    return is_residual or _is_one_of(segment, _ALWAYS) or holds_picture(payload)


def _is_one_of(segment: Segment, kinds: Sequence[Segment]) -> bool:
    return any(segment[0] == marker and segment[1].startswith(start) for marker, start in kinds)
