"""Metadata that Pillow leaves in files of other formats: GIF, JPEG 2000, PSD, and PNG's profiles of two words."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pytest
from helpers import SOURCES, encoded, photo
from PIL import Image, ImageCms

from saliency_jpeg import compress
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.containers import read_container

PICTURE = Image.fromarray(photo(48, 64))
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = piexif.dump({"0th": {271: b"a-maker"}, "Exif": {0xA002: 64, 0xA003: 48}, "GPS": {0x1B: b"a-place"}})[6:]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>a-title</dc:title></x:xmpmeta>'
IPTC = b"\x1c\x02\x78\0\x09a-caption"
MARKS = (b"a-maker", b"a-place", b"a-title", b"a-caption")


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def gif_file() -> bytes:
    data = encoded(PICTURE, "GIF")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)  # behind the table of colours
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    parts = [ICC[at : at + 255] for at in range(0, len(ICC), 255)]
    profile = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    own = b"\x21\xff\x0bXMP DataXMP" + XMP + trailer + b"\x21\xff\x0bICCRGBG1012" + profile
    return data[:at] + own + data[at:]


def jpeg_2000_file() -> bytes:
    data = encoded(PICTURE, "JPEG2000", irreversible=False)
    at = data.index(b"colr") - 4
    colour = box(b"colr", b"\2\0\0" + ICC)
    header = data.index(b"jp2h") - 4
    length = struct.unpack_from(">I", data, header)[0] + len(colour) - 15
    data = data[:header] + struct.pack(">I", length) + data[header + 4 : at] + colour + data[at + 15 :]
    uuids = {
        b"JpgTiffExif->JP2": EXIF,
        bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): XMP,
        bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): IPTC,
    }
    return data + b"".join(box(b"uuid", name + content) for name, content in uuids.items())


def psd_file() -> bytes:
    resolution = struct.pack(">IHHIHH", 240 << 16, 1, 1, 240 << 16, 1, 1)
    own = {1005: resolution, 1028: IPTC, 1036: bytes(28), 1039: ICC, 1058: EXIF, 1060: XMP, 1069: b"layers"}
    resources = b"".join(resource(number, data) for number, data in own.items())
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, PICTURE.height, PICTURE.width, 8, 3)
    planes = np.asarray(PICTURE).transpose(2, 0, 1).tobytes()
    return head + bytes(4) + struct.pack(">I", len(resources)) + resources + bytes(4) + b"\0\0" + planes


def png_file() -> bytes:
    """As ExifTool writes it, whose profile has a name of two words."""
    block = resource(1028, IPTC)
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\nIPTC profile\n{len(block):8}\n{lines}\n".encode()
    content = b"zTXt" + b"Raw profile type iptc\0\0" + zlib.compress(text)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    data = encoded(PICTURE, "PNG", exif=b"Exif\0\0" + EXIF, icc_profile=ICC)
    return data[:33] + chunk + data[33:]


FILES: dict[str, tuple[Callable[[], bytes], tuple[bytes, ...]]] = {
    "GIF": (gif_file, (b"a-title",)),
    "JPEG 2000": (jpeg_2000_file, MARKS),
    "PSD": (psd_file, MARKS),
    "PNG": (png_file, (b"a-maker", b"a-place", b"a-caption")),
}


@pytest.mark.parametrize("source", sorted(SOURCES.keys() - {"file object"}))  # which is read once
@pytest.mark.parametrize("kind", FILES)
def test_what_exiftool_shows_of_the_source_is_in_the_file(kind: str, source: str, tmp_path: Path) -> None:
    make, marks = FILES[kind]
    given = SOURCES[source](make(), tmp_path)
    for _ in range(2):  # a PIL image has closed its file by then
        jpeg = compress(given, saliency=None)
        assert [mark for mark in marks if mark not in jpeg] == []
        image = Image.open(io.BytesIO(jpeg))
        assert image.info["icc_profile"] == ICC
        if kind == "PSD":
            assert image.info["dpi"] == (240, 240)
            assert b"layers" not in jpeg
    if b"a-caption" in marks:
        assert image.info["photoshop"][0x0404] == IPTC


@pytest.mark.parametrize("mode", ["safe", "strip"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", FILES)
def test_nothing_of_it_stays_where_it_is_to_go(kind: str, source: str, mode: Any, tmp_path: Path) -> None:
    jpeg = compress(SOURCES[source](FILES[kind][0](), tmp_path), saliency=None, metadata=mode)
    assert [mark for mark in MARKS if mark in jpeg] == []
    assert [marker for marker, _ in segments.parse(jpeg)] == [0xE0, 0xE2]


@pytest.mark.parametrize("kind", ["JPEG 2000", "PSD"])
def test_sizes_follow(kind: str) -> None:
    image = Image.open(io.BytesIO(compress(FILES[kind][0](), saliency=None, max_width=32)))
    tags = image.getexif().get_ifd(0x8769)
    assert (tags[0xA002], tags[0xA003]) == image.size == (32, 24)


@pytest.mark.parametrize("kind", ["GIF", "JPEG 2000", "PSD"])
def test_of_a_file_that_is_cut_off_the_beginning_is_read(kind: str) -> None:
    data = FILES[kind][0]()
    for length in range(0, len(data), 37):
        found = read_container(data[:length])
        for value, whole in ((found.exif, EXIF), (found.xmp, XMP), (found.icc, ICC)):
            assert whole.startswith(value or b"")


def test_a_comment_of_any_length_stays() -> None:
    text = bytes(97 + number % 26 for number in range(70_000))
    data = encoded(PICTURE, "GIF", comment=text)
    for given in (data, Image.open(io.BytesIO(data))):
        own = segments.parse(compress(given, saliency=None))
        assert b"".join(payload for marker, payload in own if marker == 0xFE) == text


@pytest.mark.parametrize("name", ["x:xmpmeta", "x:xapmeta", "any:xmpmeta", "rdf:RDF"])
def test_long_xmp_of_any_prefix_stays(name: str) -> None:
    packet = f'<?xpacket?><{name} xmlns:x="adobe:ns:meta/">{"a-title " * 9000}</{name}>'.encode()
    jpeg = compress(encoded(PICTURE, "WEBP", xmp=packet), saliency=None)
    assert jpeg.count(b"a-title") > 8990


@pytest.mark.parametrize("kind", FILES)
def test_what_a_caller_takes_out_of_info_does_not_come_back(kind: str) -> None:
    image = Image.open(io.BytesIO(FILES[kind][0]()))
    image.info.clear()
    own = segments.parse(compress(image, saliency=None))
    assert any(payload.startswith(segments.ICC_HEADER) for _, payload in own) == (kind in ("GIF", "JPEG 2000"))
