"""An edited, turned or scaled picture keeps no picture of what it was, wherever in the metadata one stands."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable

import piexif
import pytest
from exif_blocks import directory, thumbnail
from helpers import encoded, photo
from PIL import Image, ImageFilter

from saliency_jpeg import compress, recompress
from saliency_jpeg.metadata import jumbf, photoshop, segments
from saliency_jpeg.metadata.segments import Segment

PICTURE = Image.fromarray(photo(240, 320))
OLD = thumbnail(PICTURE, (96, 72))
PNG = encoded(PICTURE.resize((64, 48)), "PNG")
SAMPLES = PICTURE.resize((32, 24)).tobytes()
MARKS = (OLD[-200:-100], PNG[200:280], SAMPLES[300:400], base64.b64encode(OLD[300:])[:80])


def exif(*entries: tuple[int, bytes], behind: bytes = b"", pointers: tuple[tuple[int, int], ...] = ()) -> Segment:
    """A block of undefined values, and LONGs that point to what stands behind them."""
    table = [(271, 2, 6, b"Maker\0"), *((tag, 7, len(value), value) for tag, value in entries)]
    length = len(directory("<", 8, [*table, *((tag, 4, 1, b"") for tag, _ in pointers)])) + 8
    table += [(tag, 4, 1, struct.pack("<I", length + at)) for tag, at in pointers]
    return 0xE1, b"Exif\0\0II*\0\x08\0\0\0" + directory("<", 8, table) + behind


def subdirectory(entries: Callable[[int], list[tuple[int, int]]], data: bytes) -> Segment:
    """A block whose IFD0 has a further directory with a picture behind it."""
    head = len(exif(pointers=((0x14A, 0),))[1]) - len(b"Exif\0\0")
    size = len(directory("<", 0, [(tag, 4, 1, bytes(4)) for tag, _ in entries(0)]))
    table = [(tag, 4, 1, struct.pack("<I", value)) for tag, value in entries(head + size)]
    return exif(pointers=((0x14A, 0),), behind=directory("<", head, table) + data)


def resource(number: int, data: bytes, signature: bytes = b"8BIM") -> bytes:
    return signature + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


def dataset(record: int, number: int, value: bytes) -> bytes:
    return struct.pack(">BBBHI", 0x1C, record, number, 0x8004, len(value)) + value


def packet(inner: bytes) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="">' + inner + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


TEXT = base64.b64encode(OLD)
THUMBNAILS = packet(b"<xmp:Thumbnails><xmpGImg:image>" + TEXT + b"</xmpGImg:image></xmp:Thumbnails>")
IN_RESOURCES = resource(1036, bytes(28) + OLD)
RAW = resource(1033, struct.pack(">IIIIIIHH", 0, 32, 24, 96, len(SAMPLES), len(SAMPLES), 24, 1) + SAMPLES)
JUMBF = jumbf.split(1, jumbf.description(bytes(16), b"preview"), jumbf.box(b"bidb", OLD))

CASES: dict[str, list[Segment]] = {
    "thumbnail": [(0xE1, piexif.dump({"0th": {271: b"M"}, "1st": {259: 6}, "thumbnail": OLD}))],
    "second EXIF": [exif(), (0xE1, piexif.dump({"0th": {271: b"N"}, "1st": {259: 6}, "thumbnail": OLD}))],
    "JPEG in a value": [exif((0xC634, b"abc" + OLD))],
    "PNG in a value": [exif((0xC634, b"abc" + PNG))],
    "XMP in EXIF": [exif((700, THUMBNAILS))],
    "resources in EXIF": [exif((34377, IN_RESOURCES))],
    "samples in resources in EXIF": [exif((34377, RAW))],
    "IPTC in EXIF": [exif((33723, dataset(2, 202, OLD)))],
    "JPEG of a further directory": [subdirectory(lambda at: [(0x201, at), (0x202, len(OLD))], OLD)],
    "samples of a further directory": [subdirectory(lambda at: [(0x111, at), (0x117, len(SAMPLES))], SAMPLES)],
    "XMP": [(0xE1, segments.XMP_HEADER + THUMBNAILS)],
    "XMP of a property that nobody knows": [(0xE1, segments.XMP_HEADER + packet(b"<a:b>" + TEXT + b"</a:b>"))],
    "resources": [(0xED, segments.PHOTOSHOP_HEADER + IN_RESOURCES)],
    "resources of an old version": [(0xED, b"Adobe_Photoshop2.5:" + IN_RESOURCES)],
    "resources of another program": [(0xED, segments.PHOTOSHOP_HEADER + resource(1036, OLD, b"AgHg"))],
    "resources in two segments": [
        (0xED, segments.PHOTOSHOP_HEADER + IN_RESOURCES[:900]),
        (0xED, segments.PHOTOSHOP_HEADER + IN_RESOURCES[900:]),
    ],
    "resources that are cut off": [(0xED, segments.PHOTOSHOP_HEADER + IN_RESOURCES[:-9])],
    "IPTC preview": [(0xED, segments.PHOTOSHOP_HEADER + resource(photoshop.IPTC, dataset(2, 202, SAMPLES)))],
    "IPTC object": [(0xED, segments.PHOTOSHOP_HEADER + resource(photoshop.IPTC, dataset(8, 10, OLD)))],
    "segment": [(0xE3, OLD)],
    "segment with a name": [(0xE4, b"Scalado\0" + OLD)],
    "two segments": [(0xE3, OLD[:900]), (0xE3, OLD[900:])],
    "FlashPix": [(0xE2, b"FPXR\0\0\1" + SAMPLES)],
    "thermal picture": [(0xE1, b"FLIR\0\1\0\0" + SAMPLES)],
    "residual of JPEG-HDR": [(0xEB, b"HDR_RI ver=11\0" + SAMPLES)],
    "residual of JPEG XT": [(0xEB, b"JP\0\1\0\0\0\1" + struct.pack(">I4s", 8 + len(SAMPLES), b"RESI") + SAMPLES)],
    "JUMBF": JUMBF,
    "JFXX": [(0xE0, b"JFXX\0\x10" + OLD)],
    "comment": [(0xFE, OLD)],
    "comment in base64": [(0xFE, TEXT)],
    "earlier comment": [(0xFE, OLD), (0xFE, b"a comment")],
}


def source(own: list[Segment]) -> bytes:
    jfif = (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    marked = [jfif, *own, (0xEC, b"Ducky\0kept-segment")]
    return segments.replace_segments(encoded(PICTURE, quality=92), marked)


def edited(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    box = (100, 60, 200, 160)
    image.paste(image.crop(box).filter(ImageFilter.GaussianBlur(9)), box[:2])
    return image


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "edited": lambda jpeg: compress(edited(jpeg), saliency=None, quality=60),
    "scaled": lambda jpeg: compress(jpeg, saliency=None, quality=60, max_width=200),
    "safe": lambda jpeg: compress(jpeg, saliency=None, quality=60, metadata="safe"),
    "strip, lossless": lambda jpeg: recompress(jpeg, metadata="strip"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("place", CASES)
def test_no_picture_of_the_old_one(place: str, change: str) -> None:
    jpeg = source(CASES[place])
    assert any(mark in jpeg for mark in MARKS), "the case holds a picture"
    written = CHANGES[change](jpeg)
    assert [mark for mark in MARKS if mark in written] == []
    assert (b"kept-segment" in written) == (change in ("edited", "scaled"))


@pytest.mark.parametrize("place", [place for place in CASES if place != "JFXX"])
def test_all_of_it_stays_while_no_pixel_moves(place: str) -> None:
    jpeg = source(CASES[place])
    for given in (jpeg, Image.open(io.BytesIO(jpeg))):
        written = compress(given, saliency=None, quality=60)
        assert all(payload in written for _, payload in CASES[place])


def test_what_stands_beside_a_picture_stays() -> None:
    caption = b"\x1c\x02\x78\0\7caption"
    block = resource(photoshop.IPTC, caption + dataset(2, 202, OLD)) + IN_RESOURCES + resource(1034, b"\1")
    own = [(0xED, segments.PHOTOSHOP_HEADER + block), (0xE3, b"Meta\0\0numbers"), (0xE3, OLD), (0xE4, b"text")]
    left = segments.parse(CHANGES["edited"](source(own)))
    resources = [payload for marker, payload in left if marker == 0xED]
    assert resources == [segments.PHOTOSHOP_HEADER + resource(photoshop.IPTC, caption) + resource(1034, b"\1")]
    assert [payload for marker, payload in left if marker in (0xE3, 0xE4)] == [b"Meta\0\0numbers", b"text"]


def test_nothing_moves_in_exif() -> None:
    own = exif((700, THUMBNAILS), (34377, IN_RESOURCES + resource(1034, b"\1")))
    (left,) = [p for m, p in segments.parse(CHANGES["edited"](source([own]))) if m == 0xE1]
    assert len(left) == len(own[1])
    assert left[:100] == own[1][:100]
    assert left.endswith(resource(1034, b"\1"))
    assert left.count(b"<xmp:Thumbnails") == 0
