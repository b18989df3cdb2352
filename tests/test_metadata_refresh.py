"""Metadata that follow the pixels: orientation applied, resolution lowered, pictures edited; else kept as they are."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from exif_blocks import GPS_MARK, MAKER_NOTE, SERIAL, camera_exif, thumbnail
from helpers import encoded, photo
from PIL import Image, ImageOps

from saliency_jpeg import Encoder, compress
from saliency_jpeg.image.load import load
from saliency_jpeg.image.orientation import rotate
from saliency_jpeg.metadata import exif, jpeg_metadata, segments
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metadata.refresh import look, refresh, refresh_orientation

PIXELS = photo(300, 360, 100, 150)
PICTURE = Image.fromarray(np.array(PIXELS))


def source(orientation: int = 1, metadata: Metadata | None = None, **block: Any) -> bytes:
    """A photograph as a camera writes it, with a thumbnail of itself."""
    full = camera_exif(thumbnail(PICTURE), size=PIXELS.shape[:2], orientation=orientation, **block)
    return segments.replace_segments(encoded(PICTURE, quality=95), jpeg_metadata.build(metadata or Metadata(exif=full)))


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


def block_of(jpeg: bytes) -> bytes:
    return jpeg_metadata.collect(segments.parse(jpeg)).exif or b""


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a.convert("RGB"), float) - np.asarray(b.convert("RGB"), float)).mean())


def test_an_untouched_picture_keeps_exif_byte_for_byte() -> None:
    given = source(6)
    written = compress(given, quality=50, saliency=None)
    assert len(written) < len(given)
    assert block_of(written) == block_of(given)
    assert opened(written).size == PICTURE.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation: int) -> None:
    """What a viewer shows is the same before and after, the tag is 1, and the thumbnail is turned as well."""
    given = source(orientation)
    written = compress(given, quality=90, saliency=None, orientation="apply")
    wanted = ImageOps.exif_transpose(opened(given))
    result = opened(written)
    assert result.size == wanted.size
    assert difference(result, wanted) < 3
    assert result.getexif()[0x0112] == 1
    block = block_of(written)
    assert exif.size(block) == result.size[::-1]
    small = opened(exif.thumbnail(block) or b"")
    assert difference(small, wanted.resize(small.size)) < 12
    assert max(small.size) <= 160
    assert MAKER_NOTE in block
    assert len(block) <= len(block_of(given))
    assert orientation != 1 or block == block_of(given)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_agrees_with_pillow(orientation: int) -> None:
    image = PICTURE.copy()
    image.getexif()[0x0112] = orientation
    wanted = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(rotate(PIXELS, orientation), wanted)
    np.testing.assert_array_equal(rotate(wanted, orientation, back=True), PIXELS)


def test_a_map_is_as_the_source_is_stored_and_turns_with_it() -> None:
    marked = np.zeros(PIXELS.shape[:2], np.float32)
    marked[:100, :40] = 1
    options: dict[str, Any] = {"quality": 40, "strength": 1.0}
    result = Encoder(saliency=marked, orientation="apply", **options).compress(source(6))
    np.testing.assert_array_equal(result.saliency, rotate(marked, 6))
    upright_source = np.ascontiguousarray(rotate(np.asarray(opened(source())), 6))
    wanted = Encoder(saliency=np.ascontiguousarray(rotate(marked, 6)), **options).compress(upright_source)
    np.testing.assert_array_equal(opened(result.jpeg), opened(wanted.jpeg))


def test_density_and_xmp_are_turned_too() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6" a="6"/><tiff:Orientation>8</tiff:Orientation></x:xmpmeta>'
    metadata = refresh_orientation(Metadata(exif=exif.minimal(6), density=(1, 300, 150), xmp=xmp))
    assert metadata.density == (1, 150, 300)
    assert metadata.exif == exif.minimal(1)
    assert metadata.xmp == xmp.replace(b'Orientation="6"', b'Orientation="1"').replace(b">8<", b">1<")
    assert refresh_orientation(Metadata(exif=exif.minimal(3), density=(1, 300, 150))).density == (1, 300, 150)


@pytest.mark.parametrize("mode", ["safe", "strip"])
def test_applied_orientation_leaves_no_tag(mode: Any) -> None:
    written = compress(source(8), saliency=None, orientation="apply", metadata=mode)
    assert block_of(written) == b""
    assert opened(written).size == PICTURE.size[::-1]


def test_lower_resolution_is_told() -> None:
    given = source(6, tail=bytes(3))
    written = compress(given, target_kb=8, saliency=None, allow_downscale=True)
    image, block = opened(written), block_of(written)
    assert image.width < PICTURE.width
    assert len(written) <= 8000
    assert exif.size(block) == image.size[::-1]
    assert exif.orientation(block) == 6
    small = exif.thumbnail(block)
    assert small is not None
    assert small != thumbnail(PICTURE)
    assert MAKER_NOTE in block
    assert SERIAL in block


def test_a_picture_as_small_as_a_thumbnail_needs_none() -> None:
    block = camera_exif(thumbnail(PICTURE))
    followed = refresh(Metadata(exif=block), PIXELS[:100, :120].copy())
    assert exif.thumbnail(followed.exif or b"") is None
    assert exif.thumbnail(refresh(Metadata(exif=camera_exif(b"\xff\xd8damaged")), PIXELS).exif or b"") is None


def test_a_pil_image_that_was_edited_shows_in_no_old_thumbnail() -> None:
    """Cropping away what must not be seen is worth nothing if the thumbnail still shows it."""
    image = Image.open(io.BytesIO(source()))
    assert block_of(compress(image, saliency=None)) == image.info["exif"][6:]
    cropped = image.crop((0, 0, 300, 200))
    block = block_of(compress(cropped, saliency=None))
    assert exif.size(block) == (200, 300)
    small = opened(exif.thumbnail(block) or b"")
    assert difference(small, cropped.resize(small.size)) < 12
    painted = image.copy()
    painted.paste((255, 255, 255), (100, 60, 200, 160))
    block = block_of(compress(painted, saliency=None))
    small = opened(exif.thumbnail(block) or b"")
    assert difference(small, painted.resize(small.size)) < 12


def test_bars_and_noise_do_not_make_a_thumbnail_stale() -> None:
    boxed = ImageOps.pad(PICTURE, (160, 120), color=(0, 0, 0))
    for small in (thumbnail(PICTURE, quality=20), thumbnail(boxed)):
        metadata = Metadata(exif=camera_exif(small, size=PIXELS.shape[:2]))
        assert not look(metadata, PIXELS).is_stale
        assert look(metadata, np.ascontiguousarray(PIXELS[::-1])).is_stale
    assert not look(Metadata(), PIXELS).is_stale
    assert not look(Metadata(exif=exif.minimal(1)), PIXELS).is_stale


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    text = bytes([len(name)]) + name + b"\0" * ((len(name) + 1) % 2)
    return b"8BIM" + struct.pack(">H", number) + text + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


def test_photoshop_keeps_iptc_and_loses_its_stale_thumbnail() -> None:
    iptc, thumb = resource(0x0404, b"\x1c\x02\x05\0\3abc", b"ab"), resource(1036, b"old picture")
    head = b"Photoshop 3.0\0"
    extra = ((0xED, head + thumb + iptc + thumb), (0xED, head + thumb + b"8BI"), (0xED, b"other"), (0xED, head + iptc))
    kept = refresh(Metadata(extra=extra), PIXELS).extra
    assert kept == ((0xED, head + iptc), extra[2], (0xED, head + b"8BI"), extra[3])


def test_safe_drops_place_serial_and_maker_note() -> None:
    given = source(6, Metadata(exif=camera_exif(orientation=6, index=b"R03\0", space=0xFFFF), comment=b"my own name"))
    written = compress(given, quality=50, saliency=None, metadata="safe")
    for private in (GPS_MARK, SERIAL, MAKER_NOTE, b"Maker", b"my own name"):
        assert private in given
        assert private not in written
    assert load(written).metadata.orientation == 6
    assert b"R03\0" in written


def test_everything_else_travels_whole() -> None:
    """Megabytes of profile, XMP with its extension, IPTC, resolution and comments, through an encoding."""
    rng = np.random.default_rng(8)
    icc = bytes(16) + b"RGB XYZ " + bytes(12) + b"acsp" + rng.bytes(3_000_000)
    xmp = b"<x:xmpmeta>" + b"a" * 150_000 + b"</x:xmpmeta>"
    iptc = (0xED, b"Photoshop 3.0\0" + resource(0x0404, b"\x1c\x02\x05\0\3abc"))
    metadata = Metadata(camera_exif(), icc, xmp, b"a remark", (2, 40, 41), (iptc, (0xFE, b"an earlier remark")))
    given = source(metadata=metadata)
    written = compress(given, quality=50, saliency=None)
    assert len(written) < len(given)
    assert sorted(segments.parse(written)) == sorted(segments.parse(given))
    again = jpeg_metadata.collect(segments.parse(written))
    assert (again.icc, again.comment, again.density) == (icc, b"a remark", (2, 40, 41))
    assert sum(marker == 0xE1 and b"xmp/extension" in payload for marker, payload in again.extra) == 3
    assert jpeg_metadata.collect(segments.parse(compress(written, saliency=None, metadata="safe"))).icc == icc


def test_a_resolution_that_lies_in_the_directory_is_left_alone() -> None:
    """YResolution points to the directory's own bytes: exchanged with XResolution, it would write over the tags."""
    entries = [(0x0112, 3, 1, 8 << 16), (0x011A, 5, 1, 50), (0x011B, 5, 1, 8)]
    directory = struct.pack(">H", 3) + b"".join(struct.pack(">HHII", *entry) for entry in entries) + bytes(4)
    block = b"MM\0*" + struct.pack(">I", 8) + directory + struct.pack(">II", 300, 1)
    assert exif.orientation(block) == 8
    upright = refresh_orientation(Metadata(exif=block))
    assert upright.orientation == 1
    assert upright.exif == exif.with_orientation(block, 1)
