"""Updates metadata after the pixels change: size tags, orientation, embedded thumbnail.

Where the pixels are those of the file, nothing here is called and EXIF stays byte for byte. After turning, scaling or
editing, the size tags are set. Thumbnails would still show the old picture, and what was cropped from it; they are made
again or dropped.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import exif, jpeg_limits, photoshop, pictures, segments
from . import xmp as xmp_text
from .exif_nested import without_nested_pictures
from .exif_previews import embedded, without_previews
from .exif_resolution import with_scaled_focal_plane, with_swapped_resolution
from .exif_subject import has_subject, with_scaled_subject, without_subject
from .model import Metadata
from .pillow_switch import strict_decoding
from .segments import Segment
from .xmp_segments import edit_xmp

__all__ = ["Look", "look", "refresh", "refresh_orientation"]

Pixels = NDArray[np.uint8]

_LARGEST_THUMBNAIL: Final = 1024  # pixels on a side; Exif asks for 160 x 120
_MOST_THUMBNAILS: Final = 16  # of a file, each in an EXIF block of its own; further ones go
_QUALITIES: Final = (80, 60, 40, 20)
_CELL: Final = 8  # thumbnail pixels on a side that are compared as one
_DIFFERENT: Final = 48.0  # of 255: difference of two cells that no camera's own sharpening makes


class Look(NamedTuple):
    """What metadata have to do with pixels.

    Attributes:
        is_stale: a size in EXIF or XMP differs, or EXIF's thumbnail looks different. A thumbnail that looks alike may
            still show what is blurred in the picture.
        has_pictures: there is a thumbnail or another picture of the picture, or something says where in it a face or
            the subject is.
    """

    is_stale: bool
    has_pictures: bool


class _Edit(Protocol):
    """A change of what describes the pixels, or a look at it; each kind of description comes to its method."""

    def exif(self, block: bytes) -> bytes: ...

    def xmp(self, packet: bytes) -> bytes: ...

    def others(self, own: list[Segment]) -> list[Segment]: ...


def refresh(metadata: Metadata, pixels: Pixels, *, scaled_from: tuple[int, int] | None = None) -> Metadata:
    """Returns the metadata with size tags and thumbnails for other pixels than they came with.

    What says where in the picture a face or the subject is follows a change of scale, and is left out otherwise.

    Args:
        metadata: of the old pixels.
        pixels: the new ones, uint8 (H, W) or (H, W, 3).
        scaled_from: (height, width) of the old ones where the new ones are the same at another scale.
    """
    comment = metadata.comment if metadata.comment is None or not pictures.holds_picture(metadata.comment) else None
    return _edited(replace(metadata, comment=comment), _NewPixels(pixels, scaled_from))


def refresh_orientation(metadata: Metadata, applied: int | None = None) -> Metadata:
    """Returns the metadata of a picture that was turned upright: the orientation is 1, in XMP too.

    Args:
        metadata: of the picture before.
        applied: the orientation, 1 to 8, by which it was turned; ``None`` for that of the metadata.

    Raises:
        SegmentError: never for an orientation that was read out of these metadata.
    """
    is_swapped = (metadata.orientation if applied is None else applied) >= 5
    density = metadata.density
    if is_swapped and density is not None:
        density = density[0], density[2], density[1]
    return replace(_edited(metadata, _Upright(is_swapped)), density=density)


def look(metadata: Metadata, pixels: Pixels) -> Look:
    """Looks for what describes another picture than this one, and for pictures of it.

    Args:
        metadata: what came with the picture.
        pixels: uint8 (H, W) or (H, W, 3).
    """
    seen = _Comparison(pixels)
    edited = _edited(metadata, seen)
    is_comment = metadata.comment is not None and pictures.holds_picture(metadata.comment)
    return Look(seen.is_stale, seen.has_pictures or is_comment or edited.extra != metadata.extra)


def _edited(metadata: Metadata, edit: _Edit) -> Metadata:
    """The metadata with every EXIF block, XMP packet and segment of Photoshop's resources edited."""
    own: list[Segment] = []
    if metadata.exif is not None:
        own.append((segments.APP1, exif.EXIF_HEADER + metadata.exif))
    if metadata.xmp is not None:
        own.append((segments.APP1, segments.XMP_HEADER + metadata.xmp))
    first = len(own)
    edited = edit_xmp([*own, *edit.others(list(metadata.extra))], edit.xmp)
    header = len(exif.EXIF_HEADER)
    for number, (marker, payload) in enumerate(edited):
        if marker == segments.APP1 and payload.startswith(exif.EXIF_HEADER):
            edited[number] = marker, exif.EXIF_HEADER + edit.exif(payload[header:])
    new_exif = edited[0][1][header:] if metadata.exif is not None else None
    new_xmp = edited[first - 1][1][len(segments.XMP_HEADER) :] if metadata.xmp is not None else None
    return replace(metadata, exif=new_exif, xmp=new_xmp, extra=tuple(edited[first:]))


# Edits --------------------------------------------------------------------------------------------------------------


class _NewPixels:
    """Size tags and thumbnails of these pixels; other pictures of the old ones go."""

    def __init__(self, pixels: Pixels, scaled_from: tuple[int, int] | None) -> None:
        self._pixels = pixels
        self._size = pixels.shape[0], pixels.shape[1]
        self._scaled_from = scaled_from
        self._thumbnails = 0

    def exif(self, block: bytes) -> bytes:
        old_size = self._scaled_from
        if old_size:
            block = with_scaled_focal_plane(with_scaled_subject(block, old_size, self._size), old_size, self._size)
        else:
            block = without_subject(block)
        block = without_nested_pictures(without_previews(exif.with_size(block, *self._size)))
        old = exif.thumbnail(block)
        self._thumbnails += old is not None
        is_left_out = old is None or self._thumbnails > _MOST_THUMBNAILS
        return exif.with_thumbnail(block, None if is_left_out else _thumbnail(old or b"", self._pixels))

    def xmp(self, packet: bytes) -> bytes:
        alone, old_size = xmp_text.without_pictures(packet), self._scaled_from
        placed = (
            xmp_text.with_scaled_regions(alone, old_size, self._size) if old_size else xmp_text.without_regions(alone)
        )
        return xmp_text.with_size(placed, *self._size)

    def others(self, own: list[Segment]) -> list[Segment]:
        return _without_pictures(own)


class _Upright:
    """Orientation 1; where the picture was turned on its side, the two resolutions change places."""

    def __init__(self, is_swapped: bool) -> None:
        self._is_swapped = is_swapped

    def exif(self, block: bytes) -> bytes:
        upright = exif.with_orientation(block, 1)
        return with_swapped_resolution(upright) if self._is_swapped else upright

    def xmp(self, packet: bytes) -> bytes:
        upright = xmp_text.with_orientation(packet, 1)
        return xmp_text.with_swapped_resolution(upright) if self._is_swapped else upright

    def others(self, own: list[Segment]) -> list[Segment]:
        return [(m, photoshop.with_swapped_resolution(p)) for m, p in own] if self._is_swapped else own


class _Comparison:
    """Changes nothing, and notes what :class:`Look` says."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._thumbnails = 0
        self.is_stale = self.has_pictures = False

    def exif(self, block: bytes) -> bytes:
        size, old = exif.size(block), exif.thumbnail(block)
        self._thumbnails += old is not None
        self.is_stale |= (size is not None and size != self._pixels.shape[:2]) or self._thumbnails > _MOST_THUMBNAILS
        self.is_stale = self.is_stale or (old is not None and not _shows(old, self._pixels))
        self.has_pictures |= exif.has_thumbnail(block) or has_subject(block) or any(True for _ in embedded(block))
        self.has_pictures |= without_nested_pictures(block) != block
        return block

    def xmp(self, packet: bytes) -> bytes:
        self.is_stale |= xmp_text.with_size(packet, *self._pixels.shape[:2]) != packet
        self.has_pictures |= xmp_text.without_pictures(packet) != packet or xmp_text.has_regions(packet)
        return packet

    def others(self, own: list[Segment]) -> list[Segment]:
        return _without_pictures(own)


# Thumbnails ---------------------------------------------------------------------------------------------------------


def _opened(jpeg: bytes) -> Image.Image | None:
    """A thumbnail ready to be decoded; None if it is damaged or of no thumbnail's size."""
    try:
        spans = list(segments.walk(jpeg))
        jpeg_limits.check_scans(jpeg, spans)
        image = Image.open(io.BytesIO(segments.without_metadata(jpeg, spans)), formats=["JPEG"])
    except Exception:  # our own, and whatever Pillow raises, a warning that is an error among it
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


@strict_decoding()
def _shows(old: bytes, pixels: Pixels) -> bool:
    """Whether a thumbnail shows this picture; bars that fill it up to its shape do not count."""
    image = _opened(old)
    if image is None:
        return False
    small = _fitted(pixels, *image.size)
    left, top = (image.width - small.width) // 2, (image.height - small.height) // 2
    try:
        shown = image.convert("RGB").crop((left, top, left + small.width, top + small.height))
    except Exception:  # whatever Pillow raises
        return False
    cells = max(1, small.width // _CELL), max(1, small.height // _CELL)
    a, b = (np.asarray(each.convert("RGB").resize(cells, Image.Resampling.BOX), float) for each in (small, shown))
    return bool(np.abs(a - b).max() < _DIFFERENT)


def _without_pictures(own: list[Segment]) -> list[Segment]:
    """Without previews in Photoshop's resources and in segments of their own."""
    return pictures.without_pictures(photoshop.without_pictures(own))
