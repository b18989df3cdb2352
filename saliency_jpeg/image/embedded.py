"""Pictures inside files of other formats, which Pillow's readers decode: their limits, checked by their headers.

Icons (ICO, CUR, ICNS) hold PNG, JPEG 2000 and bitmap files, and Pillow decodes them as it opens them. Textures of BLP
hold JPEG files. A tile of a TIFF file may be larger than its picture. The outer header says nothing of these sizes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image

from ..errors import InputError
from ..metadata.jpeg_source import JpegSource
from ..metadata.limits import DEFAULT_MAX_PIXELS, check_pixels
from .turned import tag

__all__ = ["check_embedded", "check_kind"]

#: Most pixels for Pillow's decoders in Python that go through each of them, unless ``max_pixels`` is above its default:
#: a tenth of a microsecond a pixel, or up to two.
_MOST_IF_SLOW: Final = {
    **{"fits_gzip": 1 << 24, "bmp_rle": 1 << 24, "qoi": 1 << 23, "dds_rgb": 1 << 23},
    **{"BLP1": 1 << 22, "BLP2": 1 << 22, "ppm_plain": 1 << 21, "xpm": 1 << 21},
}
#: Of these the kinds, by their first option, that Pillow decodes quickly: a JPEG file in a texture, and two colours.
_QUICK: Final = (("BLP1", 0), ("ppm_plain", "1"))
_REFUSED: Final = {"EPS": "would run another program", "IPTC": "would open a file of any kind, and EPS may be in it"}
_MOST_IN_A_TILE: Final = 1 << 24  # pixels, where the picture has fewer
_TILE_WIDTH, _TILE_LENGTH = 0x0142, 0x0143

_PNG_FILE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS: Final = 1 << 18  # of a PNG file; most are of 8 kB or more
_MOST_PROFILES: Final = 16  # of a PNG file, of which Pillow inflates each up to 1 MB; one is allowed
_ICON, _CURSOR, _APPLE_ICON, _BLP, _PSD = b"\0\0\1\0", b"\0\0\2\0", b"icns", b"BLP1", b"8BPS"
_PNG: Final = re.compile(rb"\x89PNG\r\n\x1a\n....IHDR(.{8})", re.DOTALL)
_JPEG_2000: Final = re.compile(rb"\xff\x4f\xff\x51....(.{8})", re.DOTALL)  # SOC, SIZ, Lsiz, Rsiz, Xsiz and Ysiz
_ICON_ENTRY: Final = 16  # bytes, of which the last four are the offset
_BITMAP_HEADER: Final = 20  # bytes up to the kind of compression
_RUN_LENGTHS: Final = (1, 2)  # kinds of compression of a bitmap
_PSD_HEAD: Final = 26  # bytes up to the length of the colour table
_MOST_RESOURCES: Final = 10_000  # of a PSD file; Photoshop writes some dozens
_BLP_TABLES, _BLP_HEADER = 28, 156  # offsets: 16 offsets and 16 lengths; the length of the JPEG files' common header


def check_kind(image: Image.Image, max_pixels: int | None) -> None:
    """Refuses formats whose decoders do more than decode, or take far more time or memory than pixels need.

    Args:
        image: opened, not decoded yet.
        max_pixels: as for :func:`.load.load`.

    Raises:
        InputError: it is one of these.
    """
    if image.format in _REFUSED:
        raise InputError(f"{image.format} is not accepted: decoding it {_REFUSED[image.format]}")
    width, length = tag(image, _TILE_WIDTH), tag(image, _TILE_LENGTH)
    if max_pixels is not None and isinstance(width, int) and isinstance(length, int):
        check_pixels(width, length, max(_MOST_IN_A_TILE, image.width * image.height))
    for codec, *_, options in getattr(image, "tile", ()):
        _check_slow(codec, options, *image.size, max_pixels)


def _check_slow(codec: str, options: Any, width: int, height: int, max_pixels: int | None) -> None:
    is_quick = bool(options) and (codec, options[0]) in _QUICK
    if max_pixels is not None and max_pixels <= DEFAULT_MAX_PIXELS and not is_quick:
        check_pixels(width, height, _MOST_IF_SLOW.get(codec))


def check_embedded(data: bytes, max_pixels: int | None) -> None:
    """Checks the pictures inside a file, the resources of a PSD file, and the chunks of a PNG file.

    Args:
        data: the file, of any format.
        max_pixels: as for :func:`.load.load`.

    Raises:
        InputError: one of them is over a limit, or there are too many.
    """
    if data.startswith((_ICON, _CURSOR, _APPLE_ICON)):
        for codec, width, height in _pictures_of_icons(data):
            check_pixels(width, height, max_pixels)
            _check_slow(codec, None, width, height, max_pixels)
    elif data.startswith(_BLP) and data[4:8] == bytes(4) and len(data) >= _BLP_HEADER + 4:
        JpegSource(_jpeg_of_blp(data)).check_limits(max_pixels)
    elif data.startswith(_PSD):
        _check_resources(data)
    elif data.startswith(_PNG_FILE):
        _check_chunks(data)


def _check_chunks(data: bytes) -> None:
    """Pillow comes to each chunk of a PNG file in Python, and inflates every profile."""
    at, profiles = len(_PNG_FILE), 0
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        profiles += kind == b"iCCP"
        if profiles > _MOST_PROFILES:
            raise InputError(f"a PNG file with more than {_MOST_PROFILES} ICC profiles is not supported")
        at += 12 + length  # with its checksum
    raise InputError(f"a PNG file with more than {_MOST_CHUNKS} chunks is not supported")


def _check_resources(data: bytes) -> None:
    """Pillow makes a list of all resources of a PSD file, 12 bytes each or more, as it opens the file."""
    at = _PSD_HEAD + 4 + int.from_bytes(data[_PSD_HEAD : _PSD_HEAD + 4], "big")
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    at += 4
    for _ in range(_MOST_RESOURCES):
        if at + 7 > min(end, len(data)):
            return
        at += 6 + (data[at + 6] + 2) // 2 * 2  # signature and number, name with its length
        length = int.from_bytes(data[at : at + 4], "big")
        at += 4 + length + length % 2
    raise InputError(f"a PSD file with more than {_MOST_RESOURCES} resources is not supported")


def _pictures_of_icons(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Pillow's name of the decoder where it is a slow one, width and height."""
    for pattern in (_PNG, _JPEG_2000):
        for found in pattern.finditer(data):
            yield "", *struct.unpack(">II", found[1])
    if data.startswith(_APPLE_ICON) or len(data) < 6:
        return
    (count,) = struct.unpack_from("<H", data, 4)
    for at in range(18, min(6 + _ICON_ENTRY * count, len(data)) - 3, _ICON_ENTRY):
        (start,) = struct.unpack_from("<I", data, at)
        if start + _BITMAP_HEADER <= len(data) and not data.startswith(b"\x89PNG", start):
            width, height, compression = struct.unpack_from("<ii4xI", data, start + 4)
            codec = "bmp_rle" if compression in _RUN_LENGTHS else ""
            yield codec, abs(width), abs(height) // 2  # its mask is counted too


def _jpeg_of_blp(data: bytes) -> bytes:
    """The largest picture of a BLP file, as Pillow joins it of a header and data."""
    first, length = (struct.unpack_from("<I", data, _BLP_TABLES + skipped)[0] for skipped in (0, 64))
    (header,) = struct.unpack_from("<I", data, _BLP_HEADER)
    start = _BLP_HEADER + 4
    body = max(first, start + header)
    return data[start : start + header] + data[body : body + length]
