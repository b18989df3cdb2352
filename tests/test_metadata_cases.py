"""Single cases of metadata: odd blocks, odd packets, hostile text, signatures, damaged files, edited pictures."""

from __future__ import annotations

import base64
import io
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pytest
from exif_blocks import MAKER_NOTE, SERIAL, camera_exif, thumbnail
from helpers import encoded, photo
from PIL import Image, ImageFilter, ImageOps, PngImagePlugin, TiffImagePlugin

from saliency_jpeg import InputError, Options, compress, recompress
from saliency_jpeg.image.load import load
from saliency_jpeg.integrations._optimizer import optimize_jpeg
from saliency_jpeg.metadata import exif, segments, xmp
from saliency_jpeg.metadata.jpeg_metadata import build, collect
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metadata.xmp_segments import edit_xmp, split_extended

HEIGHT, WIDTH = 240, 320
PICTURE = Image.fromarray(np.array(photo(HEIGHT, WIDTH)))
BARE = segments.replace_segments(encoded(PICTURE, quality=95), [])
GPS = b"a-place-on-earth"
PRIVATE = bytes(piexif.dump({"0th": {271: b"Maker", 274: 6}, "GPS": {0x1B: GPS}}))
HEAD = b"Exif\0\0"


def jpeg_with(*own: tuple[int, bytes], scans: bytes = BARE) -> bytes:
    return segments.replace_segments(scans, list(own))


def written(source: Any, **options: Any) -> bytes:
    return compress(source, **{"saliency": None, "quality": 60} | options)


def opened(jpeg: bytes) -> Any:
    return Image.open(io.BytesIO(jpeg))


# EXIF ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "format"), [(3, "H2x"), (4, "I"), (8, "h2x"), (9, "i")])
def test_orientation_of_any_integer_type_is_what_pillow_shows(order: str, kind: int, format: str) -> None:
    entry = struct.pack(order + "HHI" + format, 0x0112, kind, 1, 6)
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1) + entry + bytes(4)
    source = jpeg_with((0xE1, HEAD + block))
    assert ImageOps.exif_transpose(opened(source)).size == (HEIGHT, WIDTH)
    assert opened(written(source, orientation="apply")).size == (HEIGHT, WIDTH)
    for mode in ("keep", "safe", "strip"):
        assert ImageOps.exif_transpose(opened(written(source, metadata=mode))).size == (HEIGHT, WIDTH)


def long_block() -> bytes:
    """An EXIF block of 150 kB with its orientation in front and the place at its end."""
    tail = bytes(150_000) + GPS
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x010E, 2, len(tail), 38)
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + tail


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "PIL image"])
@pytest.mark.parametrize("mode", ["keep", "safe"])
def test_exif_over_64_kb(kind: str, mode: str) -> None:
    block = long_block()
    parts = [(0xE1, HEAD + block[at : at + 65_000]) for at in range(0, len(block), 65_000)]
    source: Any = jpeg_with(*parts)
    if kind in ("PNG", "WEBP"):
        source = encoded(PICTURE, kind, exif=HEAD + block)
    elif kind == "PIL image":
        source = opened(source)
    file = written(source, metadata=mode)
    assert opened(file).getexif()[0x0112] == 6
    assert (GPS in file) == (mode == "keep")
    if mode == "keep":
        assert opened(file).info["exif"] == HEAD + block  # Pillow joins the segments as ExifTool does
        own = [p for m, p in segments.parse(file) if m == 0xE1]
        assert len(own) == 3
        assert all(p.startswith(HEAD) for p in own)
        assert opened(written(source, orientation="apply")).getexif()[0x0112] == 1


def test_a_part_of_exif_never_begins_as_a_block_does() -> None:
    block = bytearray(long_block())
    for at in (65_527, 131_054):
        block[at : at + 4] = b"II*\0"
    built = build(Metadata(exif=bytes(block)))
    assert collect(built).exif == bytes(block)


@pytest.mark.parametrize("mode", ["safe", "strip"])
@pytest.mark.parametrize("options", [{"quality": 60}, {"quality": 99}, {"quality": 60, "orientation": "apply"}])
def test_a_second_exif_block_is_removed_too(mode: Any, options: dict[str, Any]) -> None:
    empty = bytes(piexif.dump({"0th": {271: b"Maker"}}))
    packet, guid_parts = segments.XMP_HEADER + b"<x:xmpmeta>%s</x:xmpmeta>" % GPS, split_extended(GPS * 9000)[1]
    own = [(0xE1, empty), (0xE1, PRIVATE), (0xE1, packet), *guid_parts, (0xE4, GPS), (0xFE, GPS)]
    source = jpeg_with(*own, scans=segments.replace_segments(encoded(PICTURE, quality=70), []))
    assert GPS not in written(source, metadata=mode, **options)
    assert GPS not in recompress(source, metadata=mode)
    assert GPS not in written(opened(source), metadata=mode, **options)


def test_the_second_block_follows_the_pixels() -> None:
    second = HEAD + camera_exif(thumbnail(PICTURE, (96, 72)), size=(HEIGHT, WIDTH), orientation=6)
    source = jpeg_with((0xE1, PRIVATE), (0xE1, second))
    turned = [p for m, p in segments.parse(written(source, orientation="apply")) if p.startswith(HEAD)]
    assert [exif.orientation(p[6:]) for p in turned] == [1, 1]
    assert exif.size(turned[1][6:]) == (WIDTH, HEIGHT)
    assert thumbnail(PICTURE, (96, 72)) not in turned[1]


@pytest.mark.parametrize(
    ("unit", "x", "y", "density"),
    [
        (2, (300, 1), (300, 1), (1, 300, 300)),
        (2, (720_000, 10_000), (144, 1), (1, 72, 144)),
        (3, (11811, 100), (11811, 100), (1, 300, 300)),
        (3, (40, 1), (40, 1), (2, 40, 40)),
        (1, (4, 1), (3, 1), (0, 4, 3)),
        (2, (1, 0), (1, 0), (0, 1, 1)),
        (2, (0, 1), (72, 1), (0, 1, 1)),
        (9, (72, 1), (72, 1), (0, 1, 1)),
    ],
)
@pytest.mark.parametrize("quality", [60, 99])
def test_safe_keeps_the_resolution_of_exif(
    unit: int, x: tuple[int, int], y: tuple[int, int], density: tuple[int, int, int], quality: int
) -> None:
    block = bytes(piexif.dump({"0th": {282: x, 283: y, 296: unit}}))
    for own in ([(0xE1, block)], [(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), (0xE1, block)]):
        source = jpeg_with(*own, scans=segments.replace_segments(encoded(PICTURE, quality=70), []))
        file = written(source, metadata="safe", quality=quality)
        info = opened(file).info
        if quality == 99 and density == (0, 1, 1):
            assert info.get("jfif_density", (1, 1)) == (1, 1)
            continue
        assert (info["jfif_unit"], *info["jfif_density"]) == density


def test_a_turn_exchanges_the_resolutions_of_exif() -> None:
    source = jpeg_with((0xE1, bytes(piexif.dump({"0th": {274: 6, 282: (300, 1), 283: (150, 1), 296: 2}}))))
    tags = opened(written(source, orientation="apply")).getexif()
    assert (tags[282], tags[283]) == (150, 300)
    assert opened(written(source, orientation="apply", metadata="safe")).info["dpi"] == (150, 300)


# TIFF ---------------------------------------------------------------------------------------------------------------


def test_piexif_is_loaded_only_where_a_block_is_built() -> None:
    code = "import saliency_jpeg as s, sys, numpy as n; s.compress(n.zeros((8, 8), n.uint8), saliency=None)"
    run = subprocess.run(
        [sys.executable, "-c", code + "; print('piexif' in sys.modules)"], capture_output=True, text=True
    )
    assert run.stdout.strip() == "False"


@pytest.mark.parametrize(("prefix", "mode"), [(b"II", "RGB"), (b"MM", "I;16B")])
def test_tags_of_tiff_become_a_block(prefix: bytes, mode: str) -> None:
    first = {0x010E: b"A quay, XX", 0x8298: b"Studio", 0x9C9B: b"x\0\0\0"}
    parts = {0x9003: b"2020:01:02 03:04:05", 0x829A: (1, 60), 0x927C: b"note", 0x9204: (-1, 3)}
    place = {1: b"N", 2: ((1, 1), (2, 1), (7, 2)), 5: 1}
    tags = Image.Exif()
    tags.load(piexif.dump({"0th": first, "Exif": parts, "GPS": place}))
    tags.get_ifd(0x8769), tags.get_ifd(0x8825)
    source = encoded(Image.new(mode, (40, 30)), "TIFF", exif=tags)
    assert source[:2] == prefix
    source = source.replace(b"XX", "\u00fc".encode())
    for each in (source, opened(source)):
        told = opened(written(each)).getexif()
        assert (told[0x8298], told[0x010E].encode("latin-1").decode()) == ("Studio", "A quay, \u00fc")
        assert told.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
        assert told.get_ifd(0x8769)[0x9204] == -1 / 3
        assert told.get_ifd(0x8825)[2] == (1.0, 2.0, 3.5)
        assert b"Studio" not in written(each, metadata="safe")


def test_plain_tiff_has_no_block() -> None:
    assert load(encoded(PICTURE, "TIFF", dpi=(96, 96))).metadata == Metadata(density=(1, 96, 96))


def test_hostile_tags_of_tiff_cost_nothing() -> None:
    """A huge value, thousands of tags, values of the wrong kinds: what fits is kept, in no time."""
    tags = Image.Exif()
    tags[0x010E], tags[0x013B] = "a" * 3_000_000, "short"
    tags[0x0110] = b"\xff" * 70_000
    for tag in range(0xD000, 0xD800):
        tags[tag] = 7
    started = time.process_time()
    file = written(encoded(PICTURE, "TIFF", exif=tags))
    assert time.process_time() - started < 5
    assert opened(file).getexif()[0x013B] == "short"
    assert len(file) < 120_000


@pytest.mark.parametrize("kind", [7, 4])
def test_iptc_of_tiff(kind: int) -> None:
    iptc = b"\x1c\x02\x78\0\x06quayed\0\0"[:12].ljust(12, b"\0")
    info: Any = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[33723], info[33723] = 7, iptc
    source = encoded(PICTURE, "TIFF", tiffinfo=info)
    entry = struct.pack("<HHI", 33723, 7, len(iptc))
    assert entry in source
    if kind == 4:
        source = source.replace(entry, struct.pack("<HHI", 33723, 4, len(iptc) // 4))
    image = opened(written(source))
    assert image.info["photoshop"][0x0404] == iptc


# PNG ----------------------------------------------------------------------------------------------------------------


def png_with(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name.replace("_", " "), text, zip=True)
    return encoded(PICTURE, "PNG", pnginfo=info)


def raw(name: str, data: bytes, length: int | None = None) -> str:
    digits = data.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\n{name}\n{len(data) if length is None else length:8}\n{lines}\n"


@pytest.mark.parametrize("name", ["exif", "APP1"])
def test_raw_exif_of_png(name: str) -> None:
    source = png_with(**{f"Raw_profile_type_{name}": raw(name, PRIVATE)})
    for each in (source, opened(source), opened(source).copy()):
        tags = opened(written(each)).getexif()
        assert (tags[0x0112], tags.get_ifd(0x8825)[0x1B]) == (6, GPS)
        assert opened(written(each, orientation="apply")).size == (HEIGHT, WIDTH)
        assert GPS not in written(each, metadata="safe")


def test_other_raw_profiles_of_png() -> None:
    packet = b"<x:xmpmeta>title</x:xmpmeta>"
    icc = bytes(16) + b"RGB XYZ " + bytes(12) + b"acsp" + bytes(100)
    caption = b"\x1c\x02\x78\0\x05quays"
    source = png_with(
        Raw_profile_type_xmp=raw("xmp", packet),
        Raw_profile_type_icc=raw("icc", icc),
        Raw_profile_type_iptc=raw("iptc", b"8BIM\x04\x04\0\0\0\0\0\x0a" + caption),
    )
    image = opened(written(source))
    assert (image.info["xmp"], image.info["icc_profile"], image.info["photoshop"][0x0404]) == (packet, icc, caption)
    app1 = png_with(Raw_profile_type_APP1=raw("generic", segments.XMP_HEADER + packet))
    assert opened(written(app1)).info["xmp"] == packet


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\nexif\n",
        "\nexif\n 8\nzz",
        "\nexif\n 9\n4d4d002a00000008",
        "\nexif\n 8\n4d4d002a0000000",
        " " * 900_000,
        "\n" * 900_000,
    ],
)
def test_damaged_raw_profiles_count_as_absent(text: str) -> None:
    image = PICTURE.copy()
    image.info["Raw profile type exif"] = text
    started = time.process_time()
    assert load(image).metadata.exif is None
    assert time.process_time() - started < 2


def test_predefined_text_of_png() -> None:
    source = png_with(Description="A quay", Author="N. N.", Copyright="Studio", Software="scan", Comment="a remark")
    image = opened(written(source))
    assert {tag: image.getexif()[tag] for tag in (0x010E, 0x013B, 0x8298, 0x0131)} == {
        0x010E: "A quay",
        0x013B: "N. N.",
        0x8298: "Studio",
        0x0131: "scan",
    }
    assert image.info["comment"] == b"a remark"
    assert not any(word in written(source, metadata="safe") for word in (b"quay", b"N. N.", b"Studio", b"remark"))


# Edited pictures ----------------------------------------------------------------------------------------------------

SMALL = thumbnail(PICTURE, (96, 72), quality=90)
BOX = (120, 80, 200, 160)


def in_place(change: Callable[[Image.Image], Image.Image]) -> Callable[[Image.Image], Image.Image]:
    def edit(image: Image.Image) -> Image.Image:
        part = image.crop(BOX)
        image.paste(change(part).resize(part.size, Image.Resampling.NEAREST), BOX[:2])
        return image

    return edit


def with_pixel(image: Image.Image) -> Image.Image:
    image.putpixel((150, 120), (1, 2, 3))
    return image


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": in_place(lambda part: part.filter(ImageFilter.GaussianBlur(3))),
    "pixelated": in_place(lambda part: part.resize((10, 10), Image.Resampling.BOX)),
    "blurred as a whole": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "cropped": lambda image: image.crop((10, 10, 300, 230)),
    "cropped by a pixel": lambda image: image.crop((0, 0, WIDTH - 1, HEIGHT)),
    "one pixel": with_pixel,
    "mirrored": ImageOps.mirror,
    "resized": lambda image: image.resize((200, 150)),
}
STRIPS = np.asarray(PICTURE.resize((32, 24))).tobytes()


def strip_thumbnail() -> bytes:
    """An uncompressed thumbnail, as TIFF has them."""
    block = camera_exif(STRIPS, size=(HEIGHT, WIDTH))
    old = struct.pack("<HHI", 0x0201, 4, 1), struct.pack("<HHI", 0x0202, 4, 1)
    return block.replace(old[0], struct.pack("<HHI", 0x0111, 4, 1)).replace(old[1], struct.pack("<HHI", 0x0117, 4, 1))


def maker_note_preview() -> bytes:
    """A preview that only the maker of the camera knows of."""
    block = camera_exif(size=(HEIGHT, WIDTH), tail=b"")
    return block + b"Maker\0" + SMALL + b"more of the note"


BLOCKS: dict[str, tuple[bytes, bytes]] = {  # the block, and what must not stay
    "camera": (camera_exif(SMALL, size=(HEIGHT, WIDTH)), SMALL[-400:]),
    "camera, big-endian": (camera_exif(SMALL, size=(HEIGHT, WIDTH), order=">"), SMALL[-400:]),
    "piexif": (
        bytes(piexif.dump({"0th": {271: b"M"}, "Exif": {0xA431: b"n"}, "1st": {259: 6}, "thumbnail": SMALL}))[6:],
        SMALL[-400:],
    ),
    "strips": (strip_thumbnail(), STRIPS[-400:]),
    "maker note": (maker_note_preview(), SMALL[-400:]),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("block", BLOCKS)
def test_no_old_thumbnail_in_exif(block: str, edit: str) -> None:
    body, old = BLOCKS[block]
    source = jpeg_with((0xE1, HEAD + body))
    image = opened(source)
    assert old in source
    assert old in written(image)  # as it was opened
    assert old in written(image)  # and again
    assert old not in written(EDITS[edit](image))
    assert old not in written(EDITS[edit](opened(encoded(PICTURE, "PNG", exif=HEAD + body))))
    assert SERIAL in written(image) or block == "piexif"


@pytest.mark.parametrize("edit", EDITS)
def test_no_old_thumbnail_elsewhere(edit: str) -> None:
    text = base64.b64encode(SMALL)
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description xmlns:p="http://ns.adobe.com/xap/1.0/"'
        b' xmlns:g="http://ns.adobe.com/xap/1.0/g/img/" dc:title="title"><p:Thumbnails><rdf:Alt><rdf:li g:format="JPEG"'
        b" g:width='96'><g:image>%s</g:image></rdf:li></rdf:Alt></p:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    resource = b"Photoshop 3.0\x008BIM\x04\x0c\0\0" + struct.pack(">I", len(SMALL)) + SMALL + b"\0" * (len(SMALL) % 2)
    guid, parts = split_extended(b'<rdf:RDF GImage:Mime="image/jpeg" GImage:Data="' + text * 30 + b'" a:b="history"/>')
    main = (packet % text).replace(b"dc:title", b'xmpNote:HasExtendedXMP="' + guid + b'" dc:title')
    source = jpeg_with((0xE1, segments.XMP_HEADER + main), *parts, (0xED, resource))
    file = written(EDITS[edit](opened(source)))
    assert SMALL[-400:] not in file
    assert text[40:400] not in file
    assert b'title="title"' in file
    if edit in ("blurred", "pixelated", "one pixel"):  # which stay the image of a file, with its segments
        assert b"history" in file
        packet_out = opened(file).info["xmp"]
        found = [p for m, p in segments.parse(file) if b"xmp/extension" in p[:40]]
        assert len(found) == 1
        assert found[0][35:67] in packet_out
        assert found[0][35:67] != guid


# XMP ----------------------------------------------------------------------------------------------------------------

PANORAMA = (
    b'<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" GPano:FullPanoWidthPixels="8000"'
    b' GPano:FullPanoHeightPixels="4000" GPano:CroppedAreaImageWidthPixels="4000" GPano:CroppedAreaLeftPixels="2000"'
    b" GPano:ProjectionType='equirectangular'>"
    b"<GPano:CroppedAreaImageHeightPixels>2000</GPano:CroppedAreaImageHeightPixels>"
    b"<GPano:CroppedAreaTopPixels> 1000 </GPano:CroppedAreaTopPixels>"
    b"<tiff:ImageWidth>4000</tiff:ImageWidth></rdf:Description>"
)


def test_a_panorama_is_scaled_with_its_picture() -> None:
    half = xmp.with_size(PANORAMA, 1000, 2000)
    for old, new in ((b"8000", b"4000"), (b'"4000"', b'"2000"'), (b">2000<", b">1000<"), (b"> 1000 <", b"> 500 <")):
        assert old in PANORAMA
        assert new in half
    assert b"<tiff:ImageWidth>2000<" in half
    assert half.count(b"GPano:") == PANORAMA.count(b"GPano:")
    assert xmp.with_size(PANORAMA, 2000, 4000) == PANORAMA
    assert b'CroppedAreaImageWidthPixels="1333"' in xmp.with_size(PANORAMA, 667, 1333)


def test_a_part_of_a_panorama_is_none() -> None:
    cropped = xmp.with_size(PANORAMA, 2000, 1000)
    assert b"Pixels" not in cropped
    assert b"equirectangular" in cropped


@pytest.mark.parametrize("prefix", [b"GCamera", b"Camera", b"cam-1"])
def test_names_of_clips_go_whatever_their_prefix(prefix: bytes) -> None:
    packet = (
        b"<rdf:Description xmlns:%b = 'http://ns.google.com/photos/1.0/camera/' %b:MicroVideo='1'"
        b' %b:MicroVideoOffset="9"'
        b' other:MotionPhoto="1"><%b:MotionPhoto >1</%b:MotionPhoto ><dc:title>t</dc:title></rdf:Description>'
    )
    changed = xmp.without_trailing_names(packet % ((prefix,) * 5))
    assert changed.count(prefix + b":") == 0
    assert b'other:MotionPhoto="1"' in changed
    assert b"<dc:title>t</dc:title>" in changed


def test_a_prefix_of_another_namespace_is_left_alone() -> None:
    packet = b'<rdf:Description xmlns:Item="http://example.org/shop/" Item:Price="9"/>'
    assert xmp.without_trailing_names(packet) == packet


def test_extended_xmp_loses_the_names_and_gets_its_new_digest() -> None:
    guid, parts = split_extended(b"<rdf:RDF GCamera:MotionPhoto='1' a='b'>" + b"x" * 140_000 + b"</rdf:RDF>")
    packet = segments.XMP_HEADER + b'<x:xmpmeta xmpNote:HasExtendedXMP="' + guid + b'"/>'
    changed = edit_xmp([(0xE1, packet), *parts], xmp.without_trailing_names)
    new = changed[1][1][35:67]
    assert guid not in changed[0][1]
    assert new in changed[0][1]
    tree = b"".join(p[75:] for _, p in changed[1:])
    assert split_extended(tree) == (new, changed[1:])
    assert b"MotionPhoto" not in tree
    assert edit_xmp([(0xE1, packet), *parts], bytes) == [(0xE1, packet), *parts]
    assert edit_xmp([(0xE1, packet), parts[0]], xmp.without_trailing_names) == [(0xE1, packet)]  # a part is missing


@pytest.mark.parametrize(
    "text",
    [
        b"<Container:Directory>" * 40_000,
        b' GCamera:MotionPhoto="' * 40_000,
        b"xmlns:" * 150_000,
        b" " * 900_000,
        b"<GPano:" * 100_000,
        b"<hdrgm:a '" * 80_000,
        b'xmlns:a="http://ns.google.com/photos/1.0/camera/"' * 15_000,
    ],
)
def test_hostile_packets_take_time_in_proportion(text: bytes) -> None:
    started = time.process_time()
    xmp.with_size(xmp.without_pictures(xmp.without_trailing_names(text)), 5, 5)
    assert time.process_time() - started < 3


# Content Credentials ------------------------------------------------------------------------------------------------


def manifest(signed: int = 12_000) -> list[tuple[int, bytes]]:
    kind = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
    inner = struct.pack(">I4s", 30, b"jumd") + kind + b"\3c2pa\0" + b"signed" * signed
    head = struct.pack(">I4s", len(inner) + 8, b"jumb")
    parts = [inner[at : at + 60_000] for at in range(0, len(inner), 60_000)]
    return [(0xEB, b"JP\0\1" + struct.pack(">I", n) + head + part) for n, part in enumerate(parts, 1)]


OTHER = (
    0xEB,
    b"JP\0\2" + struct.pack(">I", 1) + struct.pack(">I4sI4s16s", 44, b"jumb", 36, b"jumd", b"another kind...."),
)


def test_a_signature_goes_where_a_byte_changes() -> None:
    source = jpeg_with(*manifest(), OTHER, scans=segments.replace_segments(encoded(PICTURE, quality=70), []))
    small = jpeg_with(*manifest(20), scans=segments.replace_segments(encoded(PICTURE, quality=70), []))
    assert written(small, quality=99) == small  # handed back as it is
    for file in (
        written(source, quality=40),
        recompress(source),
        written(opened(source)),
        written(source, restart_interval=3),
    ):
        assert file != source
        assert b"signed" not in file
        assert b"c2pa" not in file
        assert b"another kind" in file
    for mode in ("safe", "strip"):
        assert b"signed" not in written(source, quality=99, metadata=mode)
    for mode in ("keep", "safe", "strip"):
        file = written(source, quality=40, metadata=mode, keep_segments=["APP11"])
        assert [s for s in segments.parse(file) if s[0] == 0xEB] == [*manifest(), OTHER]
    assert b"signed" in recompress(source, keep_segments=["APP11"])


# Damaged files ------------------------------------------------------------------------------------------------------


def between_scans() -> bytes:
    data = encoded(PICTURE, quality=70, progressive=True)
    at = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(PRIVATE) + 2) + PRIVATE + data[at:]


def stray() -> bytes:
    data = encoded(PICTURE, quality=70)
    at = data.index(b"\xff\xdb")
    return data[:at] + GPS + data[at:]


@pytest.mark.parametrize("make", [between_scans, stray])
@pytest.mark.parametrize("mode", ["safe", "strip"])
def test_nothing_is_hidden_between_segments(make: Callable[[], bytes], mode: Any) -> None:
    source = make()
    for file in (written(source, quality=99, metadata=mode), recompress(source, metadata=mode)):
        assert GPS not in file
        np.testing.assert_array_equal(np.asarray(opened(file)), np.asarray(opened(source)))


LOADED = jpeg_with((0xE1, PRIVATE), (0xFE, GPS))
DAMAGED: dict[str, bytes] = {
    "no EOI": LOADED[:-2],
    "cut": LOADED[: len(LOADED) // 2],
    "cut, with another behind": LOADED[: len(LOADED) // 2] + LOADED,
    "arithmetic": LOADED.replace(b"\xff\xc0\0\x11", b"\xff\xc9\0\x11", 1),
    "12 bits": LOADED.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c", 1),
    "no tables": LOADED.replace(b"\xff\xc4", b"\xff\xe9"),
    "cut in the header": LOADED[:30] + LOADED[len(PRIVATE) + 30 :][:0] + PRIVATE,
    "no frame": LOADED[: LOADED.index(b"\xff\xc0")] + b"\xff\xd9" + PRIVATE,
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("mode", ["safe", "strip"])
@pytest.mark.parametrize("more", [{}, {"quality": 50}, {"target_kb": 20, "allow_downscale": True}])
def test_a_door_never_passes_on_what_it_was_to_remove(name: str, mode: Any, more: dict[str, Any]) -> None:
    assert GPS in DAMAGED[name]
    try:
        file = optimize_jpeg(DAMAGED[name], Options(metadata=mode, saliency=None, **more))
    except InputError as error:
        assert name in ("cut in the header", "no frame"), error  # noqa: PT017
        return
    assert GPS not in file
    if name == "no EOI":
        assert opened(file).size == (WIDTH, HEIGHT)
    assert optimize_jpeg(DAMAGED[name], Options(saliency=None, **more)) == DAMAGED[name]


def test_django_stores_no_place(tmp_path: Path) -> None:
    pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        pytest.skip("needs the settings of the Django tests")
    from django.core.files.base import ContentFile

    from saliency_jpeg.integrations.django import SaliencyFileSystemStorage

    storage = SaliencyFileSystemStorage(location=tmp_path, saliency_jpeg={"metadata": "safe", "saliency": None})
    assert GPS not in (tmp_path / storage.save("a.jpg", ContentFile(DAMAGED["no EOI"]))).read_bytes()
    with pytest.raises(InputError):
        storage.save("b.jpg", ContentFile(DAMAGED["no frame"]))
    assert not (tmp_path / "b.jpg").exists()


# PIL images ---------------------------------------------------------------------------------------------------------


def test_what_the_caller_changed_in_info_counts() -> None:
    source = jpeg_with(
        (0xE1, PRIVATE), (0xE1, segments.XMP_HEADER + b"<x:xmpmeta>old</x:xmpmeta>"), (0xFE, b"one"), (0xFE, b"two")
    )
    image = opened(source)
    assert [p for m, p in segments.parse(written(image)) if m == 0xFE] == [b"one", b"two"]
    del image.info["exif"], image.info["xmp"]
    image.info["comment"] = b"three"
    file = written(image)
    assert GPS not in file
    assert b"old" not in file
    assert [p for m, p in segments.parse(file) if m == 0xFE] == [b"three"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("way", ["the pointer", "what it points to", "a tag", "all"])
def test_what_the_caller_removed_through_getexif_is_gone(kind: str, way: str) -> None:
    place = b"a-place-on-earth"
    block = piexif.dump({"0th": {271: b"Maker", 274: 6, 315: place}, "GPS": {0x1B: place}, "Exif": {0x9003: place}})
    image = opened(encoded(Image.new("RGB", (16, 16)), kind, exif=block))
    tags = image.getexif()
    assert place in written(image)
    for number in (315, 0x8769):
        del tags[number]
    if way == "what it points to":
        tags.get_ifd(0x8825).clear()
    elif way == "all":
        tags.clear()
    else:
        del tags[0x8825]
    file = written(image)
    assert place not in file
    assert (b"Maker" in file) == (way != "all")


def test_text_that_is_no_unicode_is_written_all_the_same() -> None:
    image = PICTURE.copy()
    image.info |= {"Description": "a\ud800b", "Comment": "c\udcffd"}
    file = written(image)
    assert opened(file).getexif()[0x010E] == "a?b"
    assert [p for m, p in segments.parse(file) if m == 0xFE] == [b"c?d"]


def test_a_copy_of_a_jpeg_image_keeps_its_iptc() -> None:
    resource = b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x78\0\x05quays"
    image = opened(jpeg_with((0xED, b"Photoshop 3.0\0" + resource)))
    assert opened(written(image.convert("L"))).info["photoshop"][0x0404] == resource[12:]
    assert b"quays" not in written(image.convert("L"), metadata="safe")


def test_camera_blocks_of_unedited_images_stay_byte_for_byte() -> None:
    block = camera_exif(SMALL, size=(HEIGHT, WIDTH))
    image = opened(jpeg_with((0xE1, HEAD + block)))
    assert written(image) == written(image)
    assert block in written(image)
    assert MAKER_NOTE in block
