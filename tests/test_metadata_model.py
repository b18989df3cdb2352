"""Metadata: orientation out of EXIF, its patching, and what Pillow holds."""

from __future__ import annotations

import io
import random
import struct

import pytest
from helpers import encoded
from PIL import Image, ImageOps, PngImagePlugin

from saliency_jpeg.errors import OptionError, SegmentError
from saliency_jpeg.metadata.jpeg_metadata import checked_density
from saliency_jpeg.metadata.model import Metadata, minimal_exif
from saliency_jpeg.metadata.pillow_info import from_pillow

MAKER_NOTE = bytes(range(256)) * 3


def tiff(order: str, entries: list[tuple[int, int, int, bytes]], tail: bytes = b"", following: int = 0) -> bytes:
    """A TIFF body with one directory; each entry is (tag, type, count, four value bytes)."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    table = b"".join(struct.pack(order + "HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    head = mark + struct.pack(order + "IH", 8, len(entries))
    return head + table + struct.pack(order + "I", following) + tail


def oriented(order: str, value: int, kind: int = 3, count: int = 1) -> bytes:
    maker = 8 + 2 + 3 * 12 + 4
    entries = [
        (0x010E, 2, 4, b"abc\0"),
        (0x0112, kind, count, struct.pack(order + "HH", value, 0)),
        (0x927C, 7, len(MAKER_NOTE), struct.pack(order + "I", maker)),
    ]
    return tiff(order, entries, MAKER_NOTE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_agrees_with_pillow(order: str, value: int) -> None:
    exif = oriented(order, value)
    reader = Image.Exif()
    reader.load(b"Exif\0\0" + exif)
    assert Metadata(exif=exif).orientation == reader[0x0112] == value


@pytest.mark.parametrize(
    "exif",
    [
        None,
        b"",
        b"II*\0",
        b"XX*\0" + bytes(40),
        oriented("<", 0),
        oriented("<", 9),
        oriented(">", 6, kind=4),
        oriented(">", 6, kind=2),
        oriented(">", 6, count=2),
        oriented(">", 6, count=0xFFFFFFFF),
        oriented("<", 6)[:30],
        b"II*\0" + struct.pack("<I", 0xFFFFFFF0) + oriented("<", 6)[8:],
        b"II*\0" + struct.pack("<I", 0) + oriented("<", 6)[8:],
        b"II*\0" + struct.pack("<I", 2) + bytes(8) + struct.pack("<HHII", 0x0112, 3, 1, 6) + bytes(600),
    ],
)
def test_orientation_of_absent_or_damaged_exif_is_1(exif: bytes | None) -> None:
    assert Metadata(exif=exif).orientation == 1


def test_hostile_directory_ends_at_once() -> None:
    looping = tiff("<", [(0x0112, 3, 1, b"\x06\0\0\0")], following=8)
    assert Metadata(exif=looping).orientation == 6
    huge_count = b"MM\0*" + struct.pack(">IH", 8, 0xFFFF) + b"\x01\x12\0\3\0\0\0\1\0\6\0\0" * 5
    assert len(huge_count) < 100
    assert Metadata(exif=huge_count).orientation == 6  # of the entries that are there, as in Pillow
    every_entry = tiff(">", [(0x8769, 4, 0xFFFFFFFF, b"\0\0\0\x08")] * 65535, following=8)
    assert Metadata(exif=every_entry).orientation == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_with_orientation_changes_the_tag_only(order: str) -> None:
    before = oriented(order, 6)
    after = Metadata(exif=before, comment=b"c").with_orientation(1)
    assert after.exif == oriented(order, 1)
    assert after.comment == b"c"
    changed = [i for i, (a, b) in enumerate(zip(before, after.exif or b"", strict=True)) if a != b]
    assert len(changed) == 1
    assert (after.exif or b"").endswith(MAKER_NOTE)


def test_with_orientation_makes_an_odd_entry_regular() -> None:
    turned = Metadata(exif=oriented("<", 6, kind=4)).with_orientation(8)
    assert turned.exif == oriented("<", 8)


def test_with_orientation_appends_a_directory_where_the_tag_is_missing() -> None:
    entries = [(0x010E, 2, 4, b"abc\0"), (0x0131, 2, 4, b"xyz\0")]
    before = tiff(">", entries, b"odd", following=8)
    after = Metadata(exif=before).with_orientation(3).exif or b""
    added = (0x0112, 3, 1, b"\0\3\0\0")
    assert after.endswith(tiff(">", [entries[0], added, entries[1]], following=8)[8:])
    assert after[8 : len(before)] == before[8:]
    reader = Image.Exif()
    reader.load(b"Exif\0\0" + after)
    assert dict(reader) == {0x010E: "abc", 0x0112: 3, 0x0131: "xyz"}
    assert Metadata(exif=after).orientation == 3


def test_with_orientation_without_usable_exif() -> None:
    assert Metadata().with_orientation(1) == Metadata()
    assert Metadata().with_orientation(5) == Metadata(exif=minimal_exif(5))
    damaged = Metadata(exif=b"damaged")
    assert damaged.with_orientation(1) is damaged
    with pytest.raises(SegmentError, match="EXIF"):
        damaged.with_orientation(2)
    plain = Metadata(exif=tiff("<", []))
    assert plain.with_orientation(1) == plain


@pytest.mark.parametrize("value", [0, 9, -1, "6", None, 1.5, 6.0])
def test_with_orientation_refuses_other_values(value: int) -> None:
    with pytest.raises(OptionError, match=r"got \S+$"):
        Metadata().with_orientation(value)


def test_minimal_exif_is_read_by_pillow() -> None:
    reader = Image.Exif()
    reader.load(b"Exif\0\0" + minimal_exif(7))
    assert dict(reader) == {0x0112: 7}
    assert len(minimal_exif(7)) == 26


def test_mutated_exif_never_raises_anything_else() -> None:
    rng = random.Random(5)
    for round_ in range(300):
        exif = bytearray(oriented("<>"[round_ % 2], 6))
        for _ in range(rng.randrange(1, 6)):
            exif[rng.randrange(60)] = rng.randrange(256)
        metadata = Metadata(exif=bytes(exif[: rng.randrange(len(exif) + 1)]))
        assert 1 <= metadata.orientation <= 8
        try:
            assert metadata.with_orientation(8).orientation == 8
        except SegmentError:
            assert metadata.orientation == 1


def test_icc_space() -> None:
    profile = bytes(16) + b"CMYK" + bytes(16) + b"acsp" + bytes(88)
    assert Metadata(icc=profile).icc_space == b"CMYK"
    assert all(Metadata(icc=icc).icc_space is None for icc in (bytes(128), b"", None))


@pytest.mark.parametrize(
    ("given", "density"),
    [
        ((1, 300, 300), (1, 300, 300)),
        ((0, 1, 65535), (0, 1, 65535)),
        ((1, 71.99, 72.4), (1, 72, 72)),
        ((3, 1, 1), None),
        ((1, 0, 72), None),
        ((1, 65536, 72), None),
        ((1, float("nan"), 72), None),
        ((1, float("inf"), 72), None),
        ((1, "x", 72), None),
        ((None, 72, 72), None),
    ],
)
def test_checked_density(given: tuple[int, int, int], density: tuple[int, int, int] | None) -> None:
    assert checked_density(*given) == density


def reopened(image: Image.Image, kind: str, **options: object) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, kind, **options)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_from_pillow_reads_files_of_several_kinds(kind: str) -> None:
    exif = oriented(">", 6)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    options = {"pnginfo": text} if kind == "PNG" else {"xmp": xmp}
    image = reopened(Image.new("RGB", (8, 8)), kind, exif=b"Exif\0\0" + exif, icc_profile=b"p" * 200, **options)
    metadata = from_pillow(image)
    assert (metadata.exif, metadata.icc, metadata.xmp, metadata.orientation) == (exif, b"p" * 200, xmp, 6)


def test_from_pillow_density_and_comment() -> None:
    image = Image.new("RGB", (8, 8))
    assert from_pillow(image) == Metadata()
    jpeg = from_pillow(reopened(image, "JPEG", dpi=(300, 150), comment=b"hello"))
    assert jpeg.density == (1, 300, 150)
    assert jpeg.comment == b"hello"
    assert from_pillow(reopened(image, "PNG", dpi=(300, 300))).density == (1, 300, 300)
    assert from_pillow(reopened(image, "TIFF", dpi=(96, 96))).density == (1, 96, 96)
    assert from_pillow(reopened(image, "GIF", comment=b"gif")).comment == b"gif"


def test_png_text_is_no_metadata() -> None:
    text = PngImagePlugin.PngInfo()
    for key in ("comment", "exif", "icc_profile", "xmp", "dpi"):
        text.add_text(key, "not what it looks like")
    assert from_pillow(reopened(Image.new("RGB", (8, 8)), "PNG", pnginfo=text)) == Metadata()


def test_xmp_as_text() -> None:
    image = Image.new("RGB", (8, 8))
    image.info["XML:com.adobe.xmp"] = "<x:xmpmeta>\u00fc</x:xmpmeta>"
    assert from_pillow(image).xmp == "<x:xmpmeta>\u00fc</x:xmpmeta>".encode()


def test_turned_pictures_are_not_turned_twice() -> None:
    image = reopened(Image.new("RGB", (8, 4)), "JPEG", exif=b"Exif\0\0" + oriented("<", 6))
    assert from_pillow(image).orientation == 6
    assert from_pillow(image.copy()).orientation == 6
    assert from_pillow(ImageOps.exif_transpose(image)).orientation == 1
    ImageOps.exif_transpose(image, in_place=True)
    assert image.size == (4, 8)
    assert from_pillow(image).orientation == 1


def test_orientation_edited_through_getexif() -> None:
    image = reopened(Image.new("RGB", (8, 4)), "JPEG", exif=b"Exif\0\0" + oriented("<", 6))
    image.getexif()[0x0112] = 3
    assert from_pillow(image).exif == oriented("<", 3)
    image.getexif()[0x0112] = 99
    assert from_pillow(image).exif == oriented("<", 6)
    del image.getexif()[0x0112]
    assert from_pillow(image).exif == oriented("<", 1)
