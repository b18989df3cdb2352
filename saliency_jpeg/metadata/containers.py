"""Metadata that Pillow does not read of other formats: GIF's extensions, JPEG 2000's boxes, Photoshop's resources.

Work is bounded by the length of a file and by the number of blocks that are looked at; what is damaged counts as
absent. Places and identifiers are those of the formats' own standards and of ExifTool's tables.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from .density import checked_density
from .exif_directory import BYTE_ORDERS, EXIF_HEADER
from .model import Metadata
from .photoshop import IPTC, parse_resources, resource_segments

__all__ = ["FORMATS", "complete", "read_container"]

#: Pillow's names of the formats.
FORMATS: Final = frozenset({"GIF", "JPEG2000", "PSD"})

_MOST_BOXES: Final = 1000
_MOST_BLOCKS: Final = 100_000  # of an extension of GIF, 255 bytes each


def read_container(data: bytes) -> Metadata:
    """Reads what Pillow leaves out; empty for files of other formats.

    Args:
        data: of an image file.
    """
    for start, read in _READERS.items():
        if data.startswith(start):
            return read(data)
    return Metadata()


def complete(metadata: Metadata, found: Metadata) -> Metadata:
    """Returns the metadata that Pillow read, with what :func:`read_container` found where they lack it."""
    return replace(
        metadata,
        exif=metadata.exif or found.exif,
        icc=metadata.icc or found.icc,
        xmp=metadata.xmp or found.xmp,
        density=metadata.density or found.density,
        extra=(*metadata.extra, *found.extra),
    )


def _exif(data: bytes) -> bytes | None:
    """A block that begins as a TIFF body does."""
    body = data.removeprefix(EXIF_HEADER)
    return body if body[:4] in BYTE_ORDERS else None


# GIF ----------------------------------------------------------------------------------------------------------------

_XMP_EXTENSION: Final = b"\x21\xff\x0bXMP DataXMP"
_XMP_END: Final = b"\x01\xff\xfe\xfd\xfc"  # of 258 bytes that make the packet, taken for blocks, come to an end
_ICC_EXTENSION: Final = b"\x21\xff\x0bICCRGBG1012"


def _of_gif(data: bytes) -> Metadata:
    """XMP stands in its extension as it is (XMP part 3, 1.1.2), a profile in blocks with their lengths."""
    xmp = _between(data, _XMP_EXTENSION, _XMP_END)
    at = data.find(_ICC_EXTENSION)
    icc = b"".join(islice(_blocks(data, at + len(_ICC_EXTENSION)), _MOST_BLOCKS)) if at >= 0 else b""
    return Metadata(xmp=xmp or None, icc=icc or None)


def _between(data: bytes, start: bytes, end: bytes) -> bytes:
    first = data.find(start)
    last = data.find(end, first + len(start)) if first >= 0 else -1
    return data[first + len(start) : last] if last >= 0 else b""


def _blocks(data: bytes, at: int) -> Iterator[bytes]:
    while at < len(data) and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


# JPEG 2000 ----------------------------------------------------------------------------------------------------------

_BOX: Final = struct.Struct(">I4s")
_COLOUR_HEAD: Final = 3  # bytes of a colour box in front of a profile: method, precedence, approximation
_PROFILE_METHODS: Final = (2, 3)  # restricted and any ICC profile (ISO/IEC 15444-1, I.5.3.3, and 15444-2, M.11.7.3)
_EXIF_UUIDS: Final = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_IPTC_UUIDS: Final = (
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"),
    bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"),
)
_PHOTOSHOP_UUID: Final = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")


def _of_jpeg_2000(data: bytes) -> Metadata:
    found, resources, icc = dict[bytes, bytes](), dict[int, bytes](), b""
    for kind, content in islice(_boxes(data), _MOST_BOXES):
        if kind == b"uuid":
            found.setdefault(content[:16], content[16:])
        elif kind == b"jp2h":
            icc = icc or _profile(content)
    resources = parse_resources(found.get(_PHOTOSHOP_UUID, b""))
    iptc = next((found[name] for name in _IPTC_UUIDS if name in found), b"")
    if iptc:
        resources[IPTC] = iptc
    return Metadata(
        exif=next(filter(None, (_exif(found.get(name, b"")) for name in _EXIF_UUIDS)), None),
        xmp=found.get(_XMP_UUID) or None,
        icc=icc or None,
        extra=tuple(resource_segments(resources)),
    )


def _profile(header: bytes) -> bytes:
    colours = (content for kind, content in islice(_boxes(header), _MOST_BOXES) if kind == b"colr")
    return next((each[_COLOUR_HEAD:] for each in colours if each[:1] and each[0] in _PROFILE_METHODS), b"")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each box; the last may be cut off (ISO/IEC 15444-1, I.4)."""
    at = 0
    while at + _BOX.size <= len(data):
        length, kind = _BOX.unpack_from(data, at)
        start = at + _BOX.size
        if length == 1 and start + 8 <= len(data):
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)
        if end < start:
            return
        yield kind, data[start:end] if kind in (b"uuid", b"jp2h", b"colr") else b""
        at = end


# Photoshop ----------------------------------------------------------------------------------------------------------

_HEAD_OF_PSD: Final = 26  # bytes up to the length of the colour table
_RESOLUTION, _COPYRIGHT_FLAG, _URL, _EXIF, _XMP, _DIGEST = 1005, 1034, 1035, 1058, 1060, 1061
_ABOUT: Final = (IPTC, _RESOLUTION, _COPYRIGHT_FLAG, _URL, _DIGEST)  # others say how the document is edited


def _of_photoshop(data: bytes) -> Metadata:
    """All but the profile, which Pillow reads."""
    resources = parse_resources(_section(data, _HEAD_OF_PSD + 4 + len(_section(data, _HEAD_OF_PSD))))
    return Metadata(
        exif=_exif(resources.get(_EXIF, b"")),
        xmp=resources.get(_XMP) or None,
        density=_density(resources.get(_RESOLUTION, b"")),
        extra=tuple(resource_segments({number: resources[number] for number in _ABOUT if number in resources})),
    )


def _section(data: bytes, at: int) -> bytes:
    if at + 4 > len(data):
        return b""
    return data[at + 4 : at + 4 + int.from_bytes(data[at : at + 4], "big")]


def _density(resolution: bytes) -> tuple[int, int, int] | None:
    """Dots per inch: fixed point with 16 bits behind the point, whatever unit the program shows."""
    if len(resolution) < 12:
        return None
    across, down = struct.unpack(">I4xI", resolution[:12])
    return checked_density(1, across / 65536, down / 65536)


_READERS: Final[dict[bytes, Callable[[bytes], Metadata]]] = {
    b"GIF8": _of_gif,
    b"\0\0\0\x0cjP  \r\n\x87\n": _of_jpeg_2000,
    b"8BPS": _of_photoshop,
}
