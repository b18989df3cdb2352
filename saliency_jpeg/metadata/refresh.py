"""Updates metadata after the pixels change: size tags, orientation, embedded thumbnail.

Where the pixels are those of the file, nothing here is called and EXIF stays byte for byte. After turning, scaling or
editing, the size tags are set. Thumbnails would still show the old picture, and what was cropped from it; they are made
again or dropped.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError, SegmentError
from . import exif, jpeg_limits, segments
from .model import Metadata

__all__ = ["is_stale", "refresh", "refresh_orientation"]

Pixels = NDArray[np.uint8]

_LARGEST_THUMBNAIL: Final = 1024  # pixels on a side; Exif asks for 160 x 120
_QUALITIES: Final = (80, 60, 40, 20)
_CELL: Final = 8  # thumbnail pixels on a side that are compared as one
_DIFFERENT: Final = 48.0  # of 255: difference of two cells that no camera's own sharpening makes
_XMP_ORIENTATION: Final = re.compile(rb"(tiff:Orientation(?:\s{0,8}=\s{0,8}[\"']|>\s{0,8}))[2-8](?=\s{0,8}[\"'<])")
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_PHOTOSHOP_THUMBNAILS: Final = (1033, 1036)


def refresh(metadata: Metadata, pixels: Pixels) -> Metadata:
    """Returns the metadata with size tags and thumbnails for other pixels than they came with.

    Args:
        metadata: of the old pixels.
        pixels: the new ones, uint8 (H, W) or (H, W, 3).
    """
    extra = tuple((marker, _without_photoshop_thumbnail(payload)) for marker, payload in metadata.extra)
    if metadata.exif is None:
        return replace(metadata, extra=extra)
    block = exif.with_size(metadata.exif, *pixels.shape[:2])
    old = exif.thumbnail(block)
    block = exif.with_thumbnail(block, None if old is None else _thumbnail(old, pixels))
    return replace(metadata, exif=block, extra=extra)


def refresh_orientation(metadata: Metadata) -> Metadata:
    """Returns the metadata of a picture that was turned upright: the orientation is 1, in XMP too.

    Raises:
        SegmentError: never for an orientation that was read out of these metadata.
    """
    density = metadata.density
    if metadata.orientation >= 5 and density is not None:
        density = density[0], density[2], density[1]
    xmp = metadata.xmp if metadata.xmp is None else _XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp)
    return replace(metadata.with_orientation(1), density=density, xmp=xmp)


def is_stale(metadata: Metadata, pixels: Pixels) -> bool:
    """Whether EXIF describes another picture: its size differs, or its thumbnail looks different.

    Args:
        metadata: what came with the picture.
        pixels: uint8 (H, W) or (H, W, 3).
    """
    if metadata.exif is None:
        return False
    size = exif.size(metadata.exif)
    if size is not None and size != pixels.shape[:2]:
        return True
    old = exif.thumbnail(metadata.exif)
    return old is not None and not _shows(old, pixels)


# Thumbnails ---------------------------------------------------------------------------------------------------------


def _opened(jpeg: bytes) -> Image.Image | None:
    """A thumbnail ready to be decoded; None if it is damaged or of no thumbnail's size."""
    try:
        spans = list(segments.walk(jpeg))
        jpeg_limits.check_scans(jpeg, spans)
        image = Image.open(io.BytesIO(segments.without_metadata(jpeg, spans)), formats=["JPEG"])
    except (InputError, SegmentError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image if max(image.size) <= _LARGEST_THUMBNAIL else None


def _fitted(pixels: Pixels, width: int, height: int) -> Image.Image:
    """The picture scaled down to fit into a box."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return Image.fromarray(pixels).resize(size, Image.Resampling.BOX)


def _thumbnail(old: bytes, pixels: Pixels) -> bytes | None:
    """A baseline JPEG file of the picture, no wider, higher or longer than the old thumbnail, turned if need be."""
    image = _opened(old)
    if image is None:
        return None
    long, short = max(image.size), min(image.size)
    box = (long, short) if pixels.shape[1] >= pixels.shape[0] else (short, long)
    if pixels.shape[1] <= box[0] and pixels.shape[0] <= box[1]:
        return None
    small = _fitted(pixels, *box)
    for quality in _QUALITIES:
        file = io.BytesIO()
        small.save(file, "JPEG", quality=quality, optimize=True)
        jpeg = segments.replace_segments(file.getvalue(), [])  # Exif 2.3, 4.5.8: no APPn in a thumbnail
        if len(jpeg) <= len(old):
            return jpeg
    return None


def _shows(old: bytes, pixels: Pixels) -> bool:
    """Whether a thumbnail shows this picture; bars that fill it up to its shape do not count."""
    image = _opened(old)
    if image is None:
        return False
    small = _fitted(pixels, *image.size)
    left, top = (image.width - small.width) // 2, (image.height - small.height) // 2
    try:
        shown = image.convert("RGB").crop((left, top, left + small.width, top + small.height))
    except (OSError, ValueError, SyntaxError):
        return False
    cells = max(1, small.width // _CELL), max(1, small.height // _CELL)
    a, b = (np.asarray(each.convert("RGB").resize(cells, Image.Resampling.BOX), float) for each in (small, shown))
    return bool(np.abs(a - b).max() < _DIFFERENT)


def _without_photoshop_thumbnail(payload: bytes) -> bytes:
    """An APP13 segment without its thumbnail resources; unchanged if it is another kind or does not parse to its end.

    A resource: "8BIM", number (2 bytes), name (length and text, padded to even), length (4 bytes), data (to even).
    """
    if not payload.startswith(_PHOTOSHOP):
        return payload
    kept, at = [_PHOTOSHOP], len(_PHOTOSHOP)
    while at < len(payload):
        data = at + 6 + (payload[at + 6] + 2) // 2 * 2 if at + 6 < len(payload) else len(payload)
        if payload[at : at + 4] != b"8BIM" or data + 4 > len(payload):
            return payload
        (length,) = struct.unpack_from(">I", payload, data)
        end = data + 4 + (length + 1) // 2 * 2
        if data + 4 + length > len(payload):
            return payload
        if struct.unpack_from(">H", payload, at + 4)[0] not in _PHOTOSHOP_THUMBNAILS:
            kept.append(payload[at:end])
        at = end
    return b"".join(kept)
