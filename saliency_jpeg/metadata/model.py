"""What travels with the pixels: EXIF, ICC profile, XMP, comment, density and other APPn data.

:class:`Metadata` is format-neutral. :mod:`saliency_jpeg.metadata.segments` turns it into JPEG segments and back;
:func:`from_pillow` collects it from an image that Pillow holds.

EXIF is kept byte for byte, maker notes included. :mod:`.exif` reads and changes single tags.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from . import exif as exif_tags
from .exif import BYTE_ORDERS, EXIF_HEADER
from .exif import minimal as minimal_exif

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

__all__ = ["EXIF_HEADER", "Metadata", "checked_density", "from_info", "from_pillow", "icc_space", "minimal_exif"]

_ORIENTATION = exif_tags.ORIENTATION


@dataclass(frozen=True)
class Metadata:
    """Metadata of one image; every field may be absent.

    Attributes:
        exif: the TIFF body, from its byte order mark on, without the ``Exif\\0\\0`` prefix.
        icc: the whole ICC profile.
        xmp: the XMP packet, UTF-8.
        comment: the JPEG or GIF comment.
        density: ``(unit, x, y)`` as in JFIF: unit 0 is a bare aspect ratio, 1 dots per inch, 2 dots per centimetre.
        extra: other segments kept verbatim and in order, each ``(marker, payload)``; the marker is the second byte,
            0xE0 to 0xEF, or 0xFE for comments before the last one.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    density: tuple[int, int, int] | None = None
    extra: tuple[tuple[int, bytes], ...] = ()

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8; 1 where the EXIF block is absent or damaged or the tag is not one SHORT of 1..8."""
        return exif_tags.orientation(self.exif)

    def with_orientation(self, value: int) -> Metadata:
        """The same metadata with another orientation.

        An existing tag is patched in place, all other bytes stay; so no offset moves and maker notes stay valid. Where
        the tag is missing and ``value`` is not 1, a copy of IFD0 with the tag is appended and the header points to it.

        Raises:
            OptionError: ``value`` is not 1 to 8.
            SegmentError: the EXIF block is damaged and ``value`` is not 1.
        """
        if not isinstance(value, int) or value not in range(1, 9):
            raise OptionError(f"orientation must be an integer from 1 to 8, got {value!r}")
        if self.exif is None:
            return self if value == 1 else replace(self, exif=minimal_exif(value))
        exif = exif_tags.with_orientation(self.exif, value)
        return self if exif is self.exif else replace(self, exif=exif)


def icc_space(icc: bytes | None) -> bytes | None:
    """Colour space of an ICC profile, four bytes such as ``b"RGB "``, ``b"GRAY"`` or ``b"CMYK"`` (ICC.1, 7.2.6).

    None where there is no profile or it lacks the signature ``acsp`` at byte 36.
    """
    return icc[16:20] if icc is not None and icc[36:40] == b"acsp" else None


def checked_density(unit: Any, x: Any, y: Any) -> tuple[int, int, int] | None:
    """``(unit, x, y)`` in whole dots if JFIF can hold it (unit 0 to 2, x and y 1 to 65535), else None."""
    try:
        density = int(unit), round(float(x)), round(float(y))
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return None
    valid = 0 <= density[0] <= 2 and all(1 <= dots <= 65535 for dots in density[1:])
    return density if valid else None


def from_pillow(image: Image.Image) -> Metadata:
    """The metadata of an image the caller holds: as :func:`from_info`, with orientations edited through ``getexif``.

    ``image.getexif()[0x0112] = n`` (or its deletion) counts where the stored EXIF block has that tag. Without the tag
    ``getexif`` may answer from XMP, which viewers ignore, so it is not asked.
    """
    metadata = from_info(image.info)
    if not exif_tags.has_orientation(metadata.exif):
        return metadata
    try:
        value = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # Pillow's EXIF parser raises many kinds on damaged blocks; the stored bytes then speak
        return metadata
    return metadata.with_orientation(value) if value in range(1, 9) and value != metadata.orientation else metadata


def from_info(info: Mapping[Any, Any]) -> Metadata:
    """The metadata in Pillow's ``image.info``: EXIF, ICC profile, XMP, comment and density; no EXIF is parsed.

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
