"""What comes out: each kind of source x each kind of metadata x keep, safe, strip x as it was, turned, scaled, edited.

The sources are made here, with piexif's EXIF blocks; the output is read by Pillow, and searched as bytes for what must
be nowhere. ``TABLE`` is the specification.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pytest
from exif_blocks import thumbnail
from helpers import SOURCES, encoded, photo
from PIL import Image, ImageCms, ImageFilter, PngImagePlugin

from saliency_jpeg import InputError, compress
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.xmp_segments import split_extended

# What becomes of each kind of metadata that a source has.
#   kept     as it was                          applied  the pixels are turned, the tag is gone or 1
#   follows  tells the size of the new picture  remade   shows the new picture and not the old one
#   gone     not a byte of it is in the file
TABLE = """
keep          as it was  turned   scaled   edited
gps           kept       kept     kept     kept
orientation   kept       applied  kept     kept
resolution    kept       kept     kept     kept
thumbnail     kept       remade   remade   remade
exif size     kept       follows  follows  kept
maker note    kept       kept     kept     kept
profile       kept       kept     kept     kept
xmp           kept       kept     kept     kept
xmp size      kept       follows  follows  kept
extended xmp  kept       kept     kept     kept
iptc          kept       kept     kept     kept
comment       kept       kept     kept     kept
old comment   kept       kept     kept     kept

safe          as it was  turned   scaled   edited
gps           gone       gone     gone     gone
orientation   kept       applied  kept     kept
resolution    kept       kept     kept     kept
thumbnail     gone       gone     gone     gone
exif size     gone       gone     gone     gone
maker note    gone       gone     gone     gone
profile       kept       kept     kept     kept
xmp           gone       gone     gone     gone
xmp size      gone       gone     gone     gone
extended xmp  gone       gone     gone     gone
iptc          gone       gone     gone     gone
comment       gone       gone     gone     gone
old comment   gone       gone     gone     gone

strip         as it was  turned   scaled   edited
gps           gone       gone     gone     gone
orientation   kept       applied  kept     kept
resolution    gone       gone     gone     gone
thumbnail     gone       gone     gone     gone
exif size     gone       gone     gone     gone
maker note    gone       gone     gone     gone
profile       kept       kept     kept     kept
xmp           gone       gone     gone     gone
xmp size      gone       gone     gone     gone
extended xmp  gone       gone     gone     gone
iptc          gone       gone     gone     gone
comment       gone       gone     gone     gone
old comment   gone       gone     gone     gone
"""

# What each format can hold. Pillow turns TIFF pictures itself, so theirs have no orientation any more.
HOLDS = {
    "JPEG": "gps, orientation, resolution, thumbnail, exif size, maker note, profile, xmp, xmp size, extended xmp,"
    " iptc, comment, old comment",
    "PNG": "gps, orientation, resolution, thumbnail, exif size, maker note, profile, xmp, xmp size, iptc, comment",
    "WEBP": "gps, orientation, resolution, thumbnail, exif size, maker note, profile, xmp, xmp size",
    "TIFF": "gps, resolution, maker note, profile, xmp, xmp size, iptc",
}

HEIGHT, WIDTH = 240, 320
PICTURE = Image.fromarray(np.array(photo(HEIGHT, WIDTH)))
SECRET = (120, 80, 200, 160)  # the part that is blurred
THUMBNAIL = thumbnail(PICTURE, (96, 72))
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MARKS = {
    "gps": b"a-place-on-earth",
    "maker note": b"a-maker-note" * 4,
    "xmp": b"a-title-in-xmp",
    "extended xmp": b"a-long-history",
    "iptc": b"a-caption-in-iptc",
    "comment": b"the-last-comment",
    "old comment": b"an-earlier-comment",
}
IPTC = b"\x1c\x02\x78" + struct.pack(">H", len(MARKS["iptc"])) + MARKS["iptc"]
RESOURCES = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)


def table() -> dict[tuple[str, str, str], str]:
    """``TABLE`` by (mode, kind, change)."""
    found: dict[tuple[str, str, str], str] = {}
    mode, changes = "", list[str]()
    for line in filter(None, TABLE.splitlines()):
        name, cells = line[:14].strip(), line[14:]
        if "as it was" in cells:
            mode, changes = name, ["as it was", *cells.replace("as it was", "").split()]
            continue
        found |= {(mode, name, change): cell for change, cell in zip(changes, cells.split(), strict=True)}
    return found


# Sources ------------------------------------------------------------------------------------------------------------


def exif(*, with_thumbnail: bool = True) -> bytes:
    first = {271: b"Maker", 274: 6, 282: (300, 1), 283: (300, 1), 296: 2}
    parts = {0x927C: MARKS["maker note"], 0xA002: WIDTH, 0xA003: HEIGHT}
    block = {"0th": first, "Exif": parts, "GPS": {0x1B: MARKS["gps"]}}
    if with_thumbnail:
        block |= {"1st": {259: 6}, "thumbnail": THUMBNAIL}
    return bytes(piexif.dump(block))


def xmp(guid: bytes = b"") -> bytes:
    note = b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"' % guid if guid else b""
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"%s exif:PixelXDimension="%d">'
        b"<exif:PixelYDimension>%d</exif:PixelYDimension><dc:title>%s</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    ) % (note, WIDTH, HEIGHT, MARKS["xmp"])


def jpeg_file() -> bytes:
    guid, parts = split_extended(b"<rdf:RDF>" + MARKS["extended xmp"] * 6000 + b"</rdf:RDF>")
    own = [
        (0xE1, exif()),
        (0xE1, segments.XMP_HEADER + xmp(guid)),
        *parts,
        (0xE2, segments.ICC_HEADER + b"\1\1" + ICC),
        (0xED, b"Photoshop 3.0\0" + RESOURCES),
        (0xFE, MARKS["old comment"]),
        (0xFE, MARKS["comment"]),
    ]
    return segments.replace_segments(encoded(PICTURE, quality=95, subsampling=0), own)


def png_file() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp().decode())
    text.add_text("Comment", MARKS["comment"].decode())
    text.add_text("Raw profile type iptc", f"\niptc\n{len(RESOURCES):8}\n{RESOURCES.hex()}\n", zip=True)
    return encoded(PICTURE, "PNG", exif=exif(), icc_profile=ICC, pnginfo=text, dpi=(300, 300))


def webp_file() -> bytes:
    return encoded(PICTURE, "WEBP", exif=exif(), icc_profile=ICC, xmp=xmp(), quality=95)


def tiff_file() -> bytes:
    tags = Image.Exif()
    tags.load(exif(with_thumbnail=False))
    tags.get_ifd(0x8769), tags.get_ifd(0x8825)
    del tags[274]
    tags[700], tags[33723] = xmp(), IPTC
    return encoded(PICTURE, "TIFF", exif=tags, icc_profile=ICC, dpi=(300, 300))


@cache
def file_of(kind: str) -> bytes:
    return {"JPEG": jpeg_file, "PNG": png_file, "WEBP": webp_file, "TIFF": tiff_file}[kind]()


def edited(image: Image.Image) -> Image.Image:
    """Blurred in one part, in place, so that it stays the image that was opened."""
    image.paste(image.crop(SECRET).filter(ImageFilter.GaussianBlur(8)), SECRET[:2])
    return image


def changed_with(change: str, mode: str, source: Callable[[], Any]) -> bytes:
    options: dict[str, Any] = {"saliency": None, "metadata": mode, "quality": 60}
    if change == "turned":
        return compress(source(), orientation="apply", **options)
    if change == "scaled":
        return compress(source(), max_width=4 * WIDTH // 5, max_height=4 * WIDTH // 5, **options)
    return compress(edited(source()) if change == "edited" else source(), **options)


# What is seen -------------------------------------------------------------------------------------------------------


def seen(jpeg: bytes, kind: str) -> str:
    """What the file says, in the words of ``TABLE``."""
    image = Image.open(io.BytesIO(jpeg))
    if kind in MARKS:
        return ("kept" if _reads(image, jpeg, kind) else "hidden") if MARKS[kind] in jpeg else "gone"
    readers: dict[str, Callable[[Any, bytes], str]] = {
        "orientation": _orientation,
        "resolution": _resolution,
        "thumbnail": _thumbnail,
        "exif size": lambda image, _: _size(image.getexif().get_ifd(0x8769), 0xA002, 0xA003, image.size),
        "profile": lambda image, _: "kept" if image.info.get("icc_profile") == ICC else "gone",
        "xmp size": lambda image, jpeg: _xmp_size(image, jpeg),
    }
    return readers[kind](image, jpeg)


def _reads(image: Any, jpeg: bytes, kind: str) -> bool:
    """Whether Pillow finds a mark where it belongs."""
    tags: Any = image.getexif()
    mark = MARKS[kind]
    if kind == "extended xmp":
        guid = [name for name, data in image.applist if b"xmp/extension" in data[:40]]
        return bool(guid) and image.info["xmp"].count(b"HasExtendedXMP") == 1
    readers: dict[str, Callable[[], Any]] = {
        "gps": lambda: tags.get_ifd(0x8825).get(0x1B),
        "maker note": lambda: tags.get_ifd(0x8769).get(0x927C),
        "xmp": lambda: image.info.get("xmp"),
        "iptc": lambda: image.info.get("photoshop", {}).get(0x0404),
        "comment": lambda: image.info.get("comment"),
        "old comment": lambda: b"".join(data for name, data in image.applist if name == "COM"),
    }
    found = readers[kind]()
    return found is not None and mark in found


def _orientation(image: Any, _: bytes) -> str:
    return {6: "kept", 1: "applied"}.get(image.getexif().get(0x0112, 1), "wrong")


def _resolution(image: Any, jpeg: bytes) -> str:
    unknown = (72, 72)  # Pillow's guess where an EXIF block has none
    return {(300, 300): "kept", unknown: "gone"}.get(image.info.get("dpi", unknown), "wrong")


def _thumbnail(image: Image.Image, jpeg: bytes) -> str:
    if THUMBNAIL in jpeg:
        return "kept"
    block = image.info.get("exif")
    small = piexif.load(block)["thumbnail"] if block else None
    if not small:
        return "gone" if jpeg.count(b"\xff\xd8\xff") == 1 else "hidden"
    shown = Image.open(io.BytesIO(small)).convert("RGB")
    wanted = image.convert("RGB").resize(shown.size, Image.Resampling.BOX)
    return "remade" if np.abs(np.asarray(shown, float) - np.asarray(wanted, float)).mean() < 14 else "wrong"


def _size(tags: Any, x: Any, y: Any, size: tuple[int, int]) -> str:
    found = tags.get(x), tags.get(y)
    if found == (None, None):
        return "gone"
    return "wrong" if found != size else "kept" if size == (WIDTH, HEIGHT) else "follows"


def _xmp_size(image: Image.Image, jpeg: bytes) -> str:
    packet = image.info.get("xmp")
    if packet is None:
        return "hidden" if b"PixelXDimension" in jpeg else "gone"
    found = [
        packet.partition(name)[2][2 if name.endswith(b"X") else 0 :] for name in (b"PixelXDimension", b"PixelYDim")
    ]
    width = int(found[0].split(b'"')[1])
    height = int(found[1].split(b">")[1].split(b"<")[0])
    return "wrong" if (width, height) != image.size else "kept" if image.size == (WIDTH, HEIGHT) else "follows"


# The test -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", HOLDS)
def test_what_comes_out(kind: str, source: str, mode: str, tmp_path: Path) -> None:
    expected, wrong = table(), {}
    for change in ("as it was", "turned", "scaled", "edited"):
        if change == "edited" and source != "PIL image":
            continue  # the others cannot be edited without becoming another file

        def make() -> Any:
            return SOURCES[source](file_of(kind), tmp_path)

        written = changed_with(change, mode, make)
        for each in HOLDS[kind].split(", "):
            wanted = expected[mode, each, change]
            if wanted == "follows" and Image.open(io.BytesIO(written)).size == (WIDTH, HEIGHT):
                wanted = "kept"  # of a TIFF picture there is nothing to turn
            found = seen(written, each)
            if found != wanted:
                wrong[each, change] = f"{found}, not {wanted}"
    assert not wrong


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
def test_an_array_brings_nothing(mode: Any) -> None:
    written = compress(np.asarray(PICTURE), saliency=None, metadata=mode)
    assert [marker for marker, _ in segments.parse(written)] == [0xE0]


# Pixel aspect -------------------------------------------------------------------------------------------------------

# Unit and values of the source, then of JFIF: a bare ratio stays one and is needed to show the picture.
ASPECTS: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "JPEG": (lambda: segments.replace_segments(encoded(PICTURE), [(0xE0, b"JFIF\0\1\1\0\0\3\0\2\0\0")]), (3, 2)),
    "PNG": (lambda: _png_with_aspect(1500, 1000), (3, 2)),
    "TIFF": (lambda: encoded(PICTURE, "TIFF", tiffinfo={282: 60.0, 283: 40.0, 296: 1}), (3, 2)),
}


def _png_with_aspect(x: int, y: int) -> bytes:
    data = encoded(PICTURE, "PNG", dpi=(300, 300))
    at = data.index(b"pHYs")
    body = b"pHYs" + struct.pack(">IIB", x, y, 0)
    from zlib import crc32

    return data[:at] + body + struct.pack(">I", crc32(body)) + data[at + 17 :]


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ASPECTS)
def test_pixel_aspect(kind: str, source: str, mode: str, tmp_path: Path) -> None:
    make, ratio = ASPECTS[kind]
    for change in ("as it was", "scaled"):
        image = Image.open(io.BytesIO(changed_with(change, mode, lambda: SOURCES[source](make(), tmp_path))))
        assert (image.info["jfif_unit"], image.info["jfif_density"]) == (0, ratio)


# Behind the picture -------------------------------------------------------------------------------------------------

CLIP = b"\0\0\0\x18ftypmp42" + np.random.default_rng(4).bytes(300)
MOTION = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
    b' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/" GCamera:MotionPhoto="1"'
    b' GCamera:MotionPhotoVersion="1"'
    b" GCamera:SpecialTypeID='portrait'><dc:title>a title</dc:title><Container:Directory><rdf:Seq><rdf:li"
    b' rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="324"/>'
    b"</rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"
)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + CLIP + b"SEFH" + bytes(20) + b"\x18\0\0\0SEFT"
BEHIND = {  # XMP, and what stands behind EOI
    "a clip that XMP names": (MOTION, CLIP),
    "a clip without XMP": (b"", CLIP),
    "a trailer of Samsung that XMP names": (MOTION, SAMSUNG),
    "a trailer of Samsung without XMP": (b"", SAMSUNG),
}
# With trailing_images="keep", then "drop".
CLIP_TABLE = {
    ("keep", "as it was"): ("kept", "gone"),
    ("keep", "turned"): ("refused", "gone"),
    ("keep", "scaled"): ("refused", "gone"),
    ("safe", "as it was"): ("refused", "gone"),
    ("strip", "as it was"): ("refused", "gone"),
}


@pytest.mark.parametrize(("mode", "change"), CLIP_TABLE)
@pytest.mark.parametrize("behind", BEHIND)
def test_clips(behind: str, mode: str, change: str) -> None:
    packet, tail = BEHIND[behind]
    own = [(0xE1, exif()), *([(0xE1, segments.XMP_HEADER + packet)] if packet else [])]
    source = segments.replace_segments(encoded(PICTURE, quality=95), own) + tail
    options: dict[str, Any] = {"saliency": None, "metadata": mode, "quality": 60}
    if change == "turned":
        options["orientation"] = "apply"
    for trailing, wanted in zip(("keep", "drop"), CLIP_TABLE[mode, change], strict=True):
        options["trailing_images"] = trailing
        if change == "scaled":
            lowest = len(compress(source, **options | {"quality": 4, "target_kb": None, "allow_downscale": False}))
            options |= {"quality": None, "target_kb": lowest / 1000, "allow_downscale": True}
        if wanted == "refused":
            with pytest.raises(InputError, match="trailing_images='drop'"):
                compress(source, **options)
            continue
        written = compress(source, **options)
        assert wanted == ("kept" if written.endswith(tail) else "gone" if b"ftyp" not in written else "cut")
        if wanted == "gone":
            assert not any(name in written for name in (b"MotionPhoto", b"Container", b"Item", b"SEFT"))
            assert (b"a title" in written and b"portrait" in written) == (mode == "keep" and bool(packet))


@pytest.mark.parametrize("behind", BEHIND)
def test_a_pil_image_has_no_clip_and_names_none(behind: str) -> None:
    packet, tail = BEHIND[behind]
    own = [(0xE1, segments.XMP_HEADER + packet)] if packet else []
    image = Image.open(io.BytesIO(segments.replace_segments(encoded(PICTURE, quality=95), own) + tail))
    written = compress(image, saliency=None)
    assert not any(name in written for name in (b"MotionPhoto", b"Container", b"ftyp"))
    assert (b"a title" in written) == bool(packet)
