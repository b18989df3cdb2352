"""Metadata out of what Pillow holds: ``image.info``, segments, tags, and orientations edited through ``getexif()``."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, TypeAlias

from PIL import Image

from . import exif as exif_tags
from . import jpeg_metadata, segments
from .density import checked_density
from .exif import BYTE_ORDERS, EXIF_HEADER
from .exif_directory import EXIF_IFD, GPS_IFD
from .model import Metadata
from .multi_picture import without_names
from .photoshop import resource_segments
from .png_profiles import read_profiles
from .segments import Segment
from .tiff_tags import exif_from_text, exif_from_tiff, photoshop_from_tiff

__all__ = ["from_file", "from_info", "from_pillow"]

_Reader: TypeAlias = Callable[[Image.Image, Metadata], Metadata]  # completes what image.info says


def from_pillow(image: Image.Image) -> Metadata:
    """Returns the metadata of an image that the caller holds.

    As :func:`from_file`, and what Pillow knows of the segments of a JPEG file: IPTC, all comments, extended XMP and
    the rest, as far as ``image.info`` still says the same. Data behind the primary image are not in the image, so
    nothing names them. ``image.getexif()[0x0112] = n`` (or its deletion) counts where the EXIF block has that tag, and
    so does the deletion of any tag: the block is then written anew.
    Without the tag ``getexif`` may answer from XMP, which viewers ignore, so it is not asked.
    """
    return _completed(image, _OF_IMAGES)


def from_file(image: Image.Image) -> Metadata:
    """Returns the metadata of an image that was loaded from a file of any kind but JPEG.

    As :func:`from_info`, and what is stored as tags of TIFF or as text of PNG.
    """
    return _completed(image, _OF_FILES)


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


def _completed(image: Image.Image, readers: Iterable[_Reader]) -> Metadata:
    metadata = from_info(image.info)
    for reader in readers:
        metadata = reader(image, metadata)
    return _with_comment_in_parts(metadata)


def _with_comment_in_parts(metadata: Metadata) -> Metadata:
    """With a comment that fits no segment, as GIF may have, in several."""
    comment, most = metadata.comment or b"", segments.MAX_PAYLOAD
    if len(comment) <= most:
        return metadata
    parts = [comment[at : at + most] for at in range(0, len(comment), most)]
    before = ((segments.COM, part) for part in parts[:-1])
    return replace(metadata, comment=parts[-1], extra=(*metadata.extra, *before))


# Kinds of files -----------------------------------------------------------------------------------------------------


def _with_tags(image: Image.Image, metadata: Metadata) -> Metadata:
    """Of TIFF."""
    if not hasattr(image, "tag_v2"):
        return metadata
    return replace(metadata, exif=exif_from_tiff(image), extra=tuple(photoshop_from_tiff(image)))


def _with_text(image: Image.Image, metadata: Metadata) -> Metadata:
    """Of PNG."""
    if hasattr(image, "tag_v2"):
        return metadata
    profiles = read_profiles(image.info)
    exif = metadata.exif or profiles.exif or exif_from_text(image.info)
    text = image.info.get("Comment")
    comment = text.encode("utf-8", "replace")[: segments.MAX_PAYLOAD] if isinstance(text, str) and text else None
    return replace(
        metadata,
        exif=exif,
        icc=metadata.icc or profiles.icc,
        xmp=metadata.xmp or profiles.xmp,
        comment=metadata.comment or comment,
        extra=profiles.extra,
    )


def _with_segments(image: Image.Image, metadata: Metadata) -> Metadata:
    """With those segments of a JPEG file that ``image.info`` does not hold.

    Pillow joins all EXIF blocks into one, and keeps the last XMP packet and the last comment. Where ``image.info`` says
    something else than that, the caller has changed it, and the segments do not count.
    """
    own = _segments(image)
    found = jpeg_metadata.collect(own)
    exif = b"".join(p.removeprefix(EXIF_HEADER) for m, p in own if m == segments.APP1 and p.startswith(EXIF_HEADER))
    packets = [p for m, p in own if m == segments.APP1 and p.startswith(segments.XMP_HEADER)]
    same_exif = exif == (_as_bytes(image.info.get("exif")) or b"").removeprefix(EXIF_HEADER)
    same_xmp, same_comment = (
        [p[len(segments.XMP_HEADER) :] for p in packets[-1:]] == _listed(metadata.xmp),
        _listed(found.comment) == _listed(metadata.comment),
    )
    same_photoshop = "photoshop" in image.info

    def is_kept(segment: Segment) -> bool:
        marker, payload = segment
        if marker == segments.APP1 and payload.startswith(EXIF_HEADER):
            return same_exif
        if marker == segments.APP1 and payload.startswith(b"http://ns.adobe.com/x"):
            return same_xmp
        if marker == segments.COM:
            return same_comment
        is_known_to_info = marker == segments.APP13 and payload.startswith(segments.PHOTOSHOP_HEADER)
        return same_photoshop or not is_known_to_info

    extra = tuple(filter(is_kept, found.extra)) if own else tuple(_photoshop(image.info))
    return replace(
        metadata,
        exif=found.exif if own and same_exif else metadata.exif,
        xmp=found.xmp if own and same_xmp else metadata.xmp,
        extra=(*metadata.extra, *extra),
    )


def _listed(value: bytes | None) -> list[bytes]:
    return [value] if value else []


def _segments(image: Image.Image) -> list[Segment]:
    """The APPn and COM segments of the first picture of the JPEG file that an image was read from."""
    listed = getattr(image, "applist", None)
    if not isinstance(listed, list) or image.tell() != 0:
        return []
    return [(segments.COM if name == "COM" else segments.APP0 + int(name[3:]), bytes(data)) for name, data in listed]


def _photoshop(info: Mapping[Any, Any]) -> list[Segment]:
    """APP13 segments of the resources that a copy of a JPEG image still has."""
    resources = info.get("photoshop")
    if not isinstance(resources, dict):
        return []
    kept = {number: data for number, data in resources.items() if isinstance(data, bytes)}
    try:
        return resource_segments(kept)
    except (struct.error, TypeError):  # numbers that the caller made up
        return []


def _with_nothing_announced(_: Image.Image, metadata: Metadata) -> Metadata:
    """Without what names trailing images, which a PIL image does not hold."""
    packet = [] if metadata.xmp is None else [(segments.APP1, segments.XMP_HEADER + metadata.xmp)]
    own = without_names([*packet, *metadata.extra])
    xmp = own[0][1][len(segments.XMP_HEADER) :] if packet else None
    return replace(metadata, xmp=xmp, extra=tuple(own[len(packet) :]))


def _without_removed_tags(image: Image.Image, metadata: Metadata) -> Metadata:
    """Without the tags that the caller has deleted through ``getexif()``; Pillow writes the block of what is left."""
    if metadata.exif is None or not _is_known_to_getexif(image):
        return metadata
    stored = Image.Exif()
    try:
        stored.load(EXIF_HEADER + metadata.exif)
        left = image.getexif()
        removed = bool(set(stored) - set(left) - {exif_tags.ORIENTATION})
        for number in (EXIF_IFD, GPS_IFD):
            removed = removed or bool(set(stored.get_ifd(number)) - set(left.get_ifd(number)))
    except Exception:  # Pillow's EXIF parser raises many kinds on damaged blocks; the stored bytes then speak
        return metadata
    return replace(metadata, exif=_written(left)) if removed else metadata


def _written(tags: Image.Exif) -> bytes | None:
    try:
        return tags.tobytes().removeprefix(EXIF_HEADER) if len(tags) else None
    except Exception:  # of values that it cannot write; what was removed must not stay
        return None


def _is_known_to_getexif(image: Image.Image) -> bool:
    return "exif" in image.info or "Raw profile type exif" in image.info


def _with_edited_orientation(image: Image.Image, metadata: Metadata) -> Metadata:
    """With the orientation that the caller may have set through ``getexif()``."""
    if not _is_known_to_getexif(image) or not exif_tags.has_orientation(metadata.exif):
        return metadata
    try:
        value = int(image.getexif().get(exif_tags.ORIENTATION, 1))
    except Exception:  # Pillow's EXIF parser raises many kinds on damaged blocks; the stored bytes then speak
        return metadata
    return metadata.with_orientation(value) if value in range(1, 9) and value != metadata.orientation else metadata


_OF_FILES: Final[tuple[_Reader, ...]] = (_with_tags, _with_text)
_OF_IMAGES: Final = (
    *_OF_FILES,
    _with_segments,
    _with_nothing_announced,
    _without_removed_tags,
    _with_edited_orientation,
)


# Values -------------------------------------------------------------------------------------------------------------


def _as_bytes(value: object) -> bytes | None:
    """Bytes-like values as bytes; anything else (PNG text under the same key, empty values) is None."""
    return bytes(value) or None if isinstance(value, (bytes, bytearray, memoryview)) else None


def _xmp(info: Mapping[Any, Any]) -> bytes | None:
    text = info.get("XML:com.adobe.xmp")
    return _as_bytes(info.get("xmp")) or (text.encode("utf-8", "replace") if isinstance(text, str) and text else None)


def _density(info: Mapping[Any, Any]) -> tuple[int, int, int] | None:
    """Resolution of JPEG or of any file, else the pixel aspect: PNG's of pHYs, or TIFF's resolution without a unit."""
    unit, density = (info.get("jfif_unit"), info["jfif_density"]) if "jfif_density" in info else (1, info.get("dpi"))
    if isinstance(density, tuple | list) and len(density) == 2:
        return checked_density(unit, density[0], density[1])
    aspect = info.get("aspect", info.get("resolution"))
    return _aspect(*aspect) if isinstance(aspect, tuple | list) and len(aspect) == 2 else None


def _aspect(x: Any, y: Any) -> tuple[int, int, int] | None:
    """A ratio in whole numbers that JFIF can hold; square pixels need no word."""
    try:
        ratio = Fraction(float(x) / float(y)).limit_denominator(1000)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return None if ratio == 1 else checked_density(0, ratio.numerator, ratio.denominator)
