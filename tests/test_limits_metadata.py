"""Metadata that were made to take long: each takes time in proportion to its length."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from bombs import outcome, scan_bomb, segment
from exif_blocks import camera_exif
from helpers import encoded, photo
from PIL import Image

from saliency_jpeg.errors import SegmentError
from saliency_jpeg.metadata import exif, multi_picture, refresh
from saliency_jpeg.metadata.exif_previews import embedded, without_previews
from saliency_jpeg.metadata.jpeg_metadata import build
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metadata.segments import APP1, XMP_EXTENSION_HEADER, XMP_HEADER, Segment, SegmentPattern
from saliency_jpeg.metadata.xmp import with_size, without_pictures
from saliency_jpeg.metadata.xmp_segments import edit_xmp, split_extended

GIMAGE = "http://ns.google.com/photos/1.0/image/"
CALLS = """
from PIL import Image
from saliency_jpeg import *
path = sys.argv[1]
compress(Image.open(path), saliency=None)
edited = Image.open(path)
edited.paste(0, (0, 0, 9, 9))
compress(edited, saliency=None)
compress(path, saliency=None, orientation="apply")
recompress(path, metadata="safe")
print("done")
"""


def many_prefixes(count: int) -> bytes:
    """XMP with as many prefixes for one namespace; each is used once."""
    names = (f"xmlns:p{n}='{GIMAGE}' p{n}:Mime='1'" for n in range(count))
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a {" ".join(names)}/></x:xmpmeta>'.encode()


def extension(guid: int, data: bytes = b" GImage:Data='1'") -> Segment:
    """A part of extended XMP of which others are missing."""
    return APP1, XMP_EXTENSION_HEADER + b"%032d" % guid + struct.pack(">II", 9999, 7) + data


def with_previews(count: int) -> bytes:
    """An EXIF block with as many beginnings of JPEG files before very many segments."""
    return b"II*\0\x08\0\0\0\0\0\0\0\0\0" + b"\xff\xd8\xff" * count + b"\xff\xe0\0\2" * 15_000


def crafted(kind: str) -> list[Segment]:
    if kind == "prefixes":
        packet = many_prefixes(20_000)
        guid, parts = split_extended(packet)
        return [(APP1, XMP_HEADER + b"<x:xmpmeta xmpNote:HasExtendedXMP='" + guid + b"'/>"), *parts]
    if kind == "extensions":
        return [extension(n) for n in range(9000)]
    return [(APP1, exif.EXIF_HEADER + with_previews(60))] * 40


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["prefixes", "extensions", "previews"])
def test_no_call_takes_long(kind: str, tmp_path: Path) -> None:
    jpeg, path = encoded(photo(48, 48)), tmp_path / "crafted.jpg"
    path.write_bytes(jpeg[:2] + b"".join(segment(marker, payload) for marker, payload in crafted(kind)) + jpeg[2:])
    assert outcome(CALLS, str(path)) == "done\n"


def test_all_prefixes_of_a_namespace_count() -> None:
    packet = many_prefixes(300)
    cut = without_pictures(packet)
    assert GIMAGE.encode() in packet
    assert GIMAGE.encode() not in cut
    assert b"Mime" not in cut
    exif_of = f"xmlns:q='http://ns.adobe.com/exif/1.0/' {' '.join(f'q{n}:PixelXDimension=' for n in range(9))}"
    sized = with_size(f"<a {exif_of} q:PixelXDimension='7' r:PixelXDimension='8'/>".encode(), 30, 40)
    assert b"q:PixelXDimension='40' r:PixelXDimension='8'" in sized


def test_several_extensions_change_at_once() -> None:
    """Each is named by its new digest; one of which a part is missing is left out if it held something to cut."""
    trees = [b"<a>%d</a>" % n + b"<GImage:Data>x</GImage:Data>" for n in range(3)]
    guids, parts = zip(*map(split_extended, trees), strict=True)
    packet = APP1, XMP_HEADER + b"".join(b'<b n="' + guid + b'"/>' for guid in guids)
    own = [packet, *(part for each in parts for part in each), extension(5), extension(6, b"nothing")]
    edited = edit_xmp(own, without_pictures)
    expected = [split_extended(b"<a>%d</a>" % n) for n in range(3)]
    assert edited[0] == (APP1, XMP_HEADER + b"".join(b'<b n="' + guid + b'"/>' for guid, _ in expected))
    assert edited[1:] == [extension(6, b"nothing"), *(part for _, each in expected for part in each)]


def test_few_thumbnails_are_made_again() -> None:
    small = encoded(photo(40, 60), quality=95)
    block = camera_exif(small)
    extra = tuple((APP1, exif.EXIF_HEADER + block) for _ in range(200))
    new = refresh.refresh(Metadata(exif=block, extra=extra), photo(300, 400))
    blocks = [new.exif or b"", *(payload[6:] for _, payload in new.extra)]
    assert [exif.thumbnail(each) is not None for each in blocks] == [True] * 16 + [False] * 185
    assert not any(small in each for each in blocks)
    assert refresh.look(Metadata(exif=block, extra=extra), photo(512, 768, 0, 0)).is_stale


def test_a_thumbnail_that_claims_many_pixels_where_warnings_are_errors() -> None:
    """Pillow warns from 89 million pixels on; pytest makes an error of that here."""
    large = scan_bomb(12_000, 8_000, 2)[:400]
    made = refresh.refresh(Metadata(exif=camera_exif(large)), photo(300, 400)).exif
    assert made is not None
    assert exif.thumbnail(made) is None
    assert large not in made


def test_the_first_previews_of_a_block_are_found() -> None:
    jpeg = encoded(Image.new("L", (8, 8)))
    block = b"II*\0\x08\0\0\0\0\0\0\0\0\0" + b"pad" + jpeg + b"pad" + jpeg
    assert [block[span] for span in embedded(block)] == [jpeg, jpeg]
    assert jpeg not in without_previews(block)
    assert list(embedded(with_previews(60))) == []


def test_a_directory_without_room_for_the_orientation() -> None:
    full = b"MM\0*\0\0\0\x08\xff\xff" + bytes(12 * 0xFFFF + 4)
    assert exif.with_orientation(full, 1) == full
    with pytest.raises(SegmentError, match="no room for the orientation, got 65535 entries"):
        exif.with_orientation(full, 6)


def test_segments_that_are_kept_come_once_and_in_order() -> None:
    extra = tuple((0xE0 + n % 3 + 3, b"%d" % (n // 2)) for n in range(9000))
    built = build(Metadata(extra=extra), "strip", [SegmentPattern(0xE3), SegmentPattern(0xE3, b"1")])
    assert built[1:] == [each for each in extra if each[0] == 0xE3]


def test_segments_behind_the_first_scan_are_counted() -> None:
    jpeg = encoded(photo(16, 16), progressive=True)
    at = jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xda") + 2)
    spans = [(0xDA, jpeg.index(b"\xff\xda"), jpeg.index(b"\xff\xda") + 14)]
    assert multi_picture.end_of_primary(jpeg, spans) == len(jpeg)
    with pytest.raises(SegmentError, match="more than 10000 segments behind its first scan"):
        multi_picture.end_of_primary(jpeg[:at] + segment(0xFE) * 10_000 + jpeg[at:], spans)


def test_an_element_that_does_not_end_keeps_no_other() -> None:
    packet = b'<xmp:Thumbnails><GImage:Data a="1"><GImage:Data>x</GImage:Data><GImage:Mime/><b GImage:Data="y"/>'
    assert without_pictures(packet) == b"<xmp:Thumbnails><b />"
    assert without_pictures(b"<GImage:a><GImage:b>x</GImage:b>") == b"<GImage:a>"


def test_many_elements_take_time_in_proportion() -> None:
    packet = b"".join(b"<GImage:a%d>x" % n for n in range(100_000)) + b"<GImage:b>y</GImage:b><c/>"
    assert without_pictures(packet) == packet.removesuffix(b"<GImage:b>y</GImage:b><c/>") + b"<c/>"
