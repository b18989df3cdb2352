"""Metadata out of what Pillow holds: ``image.info``, and orientations edited through ``image.getexif()``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from . import exif as exif_tags
from .exif import BYTE_ORDERS, EXIF_HEADER
from .jpeg_metadata import checked_density
from .model import Metadata

__all__ = ["from_info", "from_pillow"]


def from_pillow(image: Image.Image) -> Metadata:
    """Returns the metadata of an image that the caller holds.

    As :func:`from_info`, and ``image.getexif()[0x0112] = n`` (or its deletion) counts where the stored EXIF block has
    that tag. Without the tag ``getexif`` may answer from XMP, which viewers ignore, so it is not asked.
    """
    metadata = from_info(image.info)
    if not exif_tags.has_orientation(metadata.exif):
        return metadata
    try:
        value = int(image.getexif().get(exif_tags.ORIENTATION, 1))
    except Exception:  # Pillow's EXIF parser raises many kinds on damaged blocks; the stored bytes then speak
        return metadata
    return metadata.with_orientation(value) if value in range(1, 9) and value != metadata.orientation else metadata


def from_info(info: Mapping[Any, Any]) -> Metadata:
    """Returns the metadata in Pillow's ``image.info``: EXIF, ICC profile, XMP, comment and density; no EXIF is parsed.

    Text chunks of PNG (always ``str``) are no comment; a comment is ``bytes``, as Pillow gives it for JPEG and GIF.
    EXIF must start as a TIFF body does; Pillow lets a PNG text chunk named "exif" through.
    """
    exif = (_as_bytes(info.get("exif")) or b"").removeprefix(EXIF_HEADER)
    return Metadata(
        exif=exif if exif[:4] in BYTE_ORDERS else None,
        icc=_as_bytes(info.get("icc_profile")),
        xmp=_xmp(info),
        comment=_as_bytes(info.get("comment")),
        density=_density(info),
    )


def _as_bytes(value: object) -> bytes | None:
    """Bytes-like values as bytes; anything else (PNG text under the same key, empty values) is None."""
    return bytes(value) or None if isinstance(value, (bytes, bytearray, memoryview)) else None


def _xmp(info: Mapping[Any, Any]) -> bytes | None:
    text = info.get("XML:com.adobe.xmp")
    return _as_bytes(info.get("xmp")) or (text.encode("utf-8", "replace") if isinstance(text, str) and text else None)


def _density(info: Mapping[Any, Any]) -> tuple[int, int, int] | None:
    unit, density = (info.get("jfif_unit"), info["jfif_density"]) if "jfif_density" in info else (1, info.get("dpi"))
    if not isinstance(density, (tuple, list)) or len(density) != 2:
        return None
    return checked_density(unit, density[0], density[1])
