"""What travels with the pixels: EXIF, ICC profile, XMP, comment, density and other APPn data.

:class:`Metadata` is format-neutral. :mod:`.segments` turns it into JPEG segments and back; :mod:`.pillow_info` collects
it from what Pillow holds.

EXIF is kept byte for byte, maker notes included. :mod:`.exif` reads and changes single tags.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..checks import check_integer
from . import exif as exif_tags
from .exif import EXIF_HEADER
from .exif import minimal as minimal_exif

__all__ = ["EXIF_HEADER", "Metadata", "minimal_exif"]


@dataclass(frozen=True)
class Metadata:
    r"""Metadata of one image; every field may be absent.

    Attributes:
        exif: the TIFF body, from its byte order mark on, without the ``Exif\0\0`` prefix.
        icc: the whole ICC profile.
        xmp: the XMP packet, UTF-8.
        comment: the JPEG or GIF comment.
        density: ``(unit, x, y)`` as in JFIF: unit 0 is a bare aspect ratio, 1 dots per inch, 2 dots per centimetre.
        extra: other segments kept verbatim and in order, each ``(marker, payload)``; the marker is the second byte,
            0xE0 to 0xEF, or 0xFE for comments before the last one.
        notes: a trailer of a phone or a program behind the picture, without images and clips, see
            :mod:`.multi_picture`.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    density: tuple[int, int, int] | None = None
    extra: tuple[tuple[int, bytes], ...] = ()
    notes: bytes | None = None

    @property
    def icc_space(self) -> bytes | None:
        """Colour space of the ICC profile, four bytes such as ``b"RGB "``, ``b"GRAY"`` or ``b"CMYK"`` (ICC.1, 7.2.6).

        ``None`` where there is no profile or it lacks the signature ``acsp`` at byte 36.
        """
        return self.icc[16:20] if self.icc is not None and self.icc[36:40] == b"acsp" else None

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8; 1 where the EXIF block is absent or damaged or the tag is not one SHORT of 1..8."""
        return exif_tags.orientation(self.exif)

    def with_orientation(self, value: int) -> Metadata:
        """Returns the same metadata with another orientation.

        An existing tag is patched in place, so no offset moves and maker notes stay valid. Where the tag is missing and
        ``value`` is not 1, a copy of IFD0 with the tag is appended and the header points to it.

        Args:
            value: orientation, 1 to 8.

        Raises:
            OptionError: ``value`` is not 1 to 8.
            SegmentError: the EXIF block is damaged and ``value`` is not 1.
        """
        check_integer("orientation", value, 1, 8)
        if self.exif is None:
            return self if value == 1 else replace(self, exif=minimal_exif(value))
        exif = exif_tags.with_orientation(self.exif, value)
        return self if exif is self.exif else replace(self, exif=exif)
