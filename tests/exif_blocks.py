"""EXIF blocks as cameras write them: four directories, maker notes, GPS, a serial number, a thumbnail."""

from __future__ import annotations

import struct

from helpers import encoded
from PIL import Image

MAKER_NOTE = bytes(range(256)) * 3
SERIAL = b"SN-0123456789\0\0"
GPS_MARK = b"52.5200 N\0\0\0"


def thumbnail(image: Image.Image, size: tuple[int, int] = (160, 120), quality: int = 75) -> bytes:
    """A JPEG file of at most this size, without APPn."""
    small = image.convert("RGB").copy()
    small.thumbnail(size)
    jpeg = encoded(small, quality=quality)
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big") :]


def directory(order: str, at: int, entries: list[tuple[int, int, int, bytes]], following: int = 0) -> bytes:
    """An IFD to stand at an offset, its long values behind it; each entry is (tag, type, count, value)."""
    table, values = b"", b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(order + "I", behind + len(values))
            values += value + b"\0" * (len(value) % 2)
        table += struct.pack(order + "HHI", tag, kind, count) + field
    return struct.pack(order + "H", len(entries)) + table + struct.pack(order + "I", following) + values


def camera_exif(
    jpeg: bytes | None = None,
    *,
    size: tuple[int, int] = (512, 768),
    orientation: int = 1,
    order: str = "<",
    index: bytes = b"R98\0",
    space: int = 1,
    tail: bytes = b"",
) -> bytes:
    """A TIFF body: IFD0, Exif, interoperability and GPS directories, and IFD1 with a thumbnail.

    Args:
        jpeg: the thumbnail, if there is to be one.
        size: (height, width) for the tags.
        orientation: 1 to 8.
        order: byte order.
        index: interoperability index.
        space: ColorSpace.
        tail: bytes behind the thumbnail.
    """

    def short(value: int) -> bytes:
        return struct.pack(order + "H", value)

    def long(value: int) -> bytes:
        return struct.pack(order + "I", value)

    height, width = size
    parts, body = {"exif": 0, "gps": 0, "interop": 0, "ifd1": 0, "jpeg": 0}, b""
    for _ in range(2):  # once to learn the offsets, once to write them
        body = (b"II*\0" if order == "<" else b"MM\0*") + long(8)
        first = [
            (0x0100, 3, 1, short(width)),
            (0x0101, 4, 1, long(height)),
            (0x010F, 2, 6, b"Maker\0"),
            (0x0112, 3, 1, short(orientation)),
            (0x8769, 4, 1, long(parts["exif"])),
            (0x8825, 4, 1, long(parts["gps"])),
        ]
        body += directory(order, len(body), first, parts["ifd1"])
        parts["exif"] = len(body)
        inner = [
            (0x927C, 7, len(MAKER_NOTE), MAKER_NOTE),
            (0xA001, 3, 1, short(space)),
            (0xA002, 4, 1, long(width)),
            (0xA003, 3, 1, short(height)),
            (0xA005, 4, 1, long(parts["interop"])),
            (0xA431, 2, len(SERIAL), SERIAL),
        ]
        body += directory(order, len(body), inner)
        parts["interop"] = len(body)
        body += directory(order, len(body), [(0x0001, 2, 4, index)])
        parts["gps"] = len(body)
        body += directory(order, len(body), [(0x001D, 2, len(GPS_MARK), GPS_MARK)])
        parts["ifd1"] = len(body) if jpeg is not None else 0
        if jpeg is not None:
            pointers = [
                (0x0103, 3, 1, short(6)),
                (0x0112, 3, 1, short(orientation)),
                (0x0201, 4, 1, long(parts["jpeg"])),
                (0x0202, 4, 1, long(len(jpeg))),
            ]
            body += directory(order, len(body), pointers)
            parts["jpeg"] = len(body)
            body += jpeg
    return body + tail
