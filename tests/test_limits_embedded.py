"""Pictures inside files of other formats keep the limits, and decoders that do more than decode are not run."""

from __future__ import annotations

import gzip
import io
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from bombs import scan_bomb
from helpers import encoded, photo
from PIL import Image

from saliency_jpeg import InputError, compress
from saliency_jpeg.image.load import load
from saliency_jpeg.metadata.limits import DEFAULT_MAX_PIXELS

HEIGHT, WIDTH = 60, 80
PICTURE = Image.fromarray(np.array(photo(HEIGHT, WIDTH)))


def written(source: Any, **options: Any) -> bytes:
    return compress(source, saliency=None, **options)


def held(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def blp(jpeg: bytes, size: tuple[int, int], header: int = 0) -> bytes:
    """A texture of World of Warcraft; its JPEG files share the first bytes, and their place is told."""
    start = 160 + header + 8
    offsets = struct.pack("<16I", start, *bytes(15)) + struct.pack("<16I", len(jpeg) - header, *bytes(15))
    head = b"BLP1" + struct.pack("<iIIIII", 0, 0, *size, 4, 0) + offsets + struct.pack("<I", header)
    return head + jpeg[:header] + b"between." + jpeg[header:]


def icon(picture: bytes, kind: int = 1) -> bytes:
    return struct.pack("<HHH4BHHII", 0, kind, 1, 16, 16, 0, 0, 1, 32, len(picture), 22) + picture


def apple_icon(picture: bytes) -> bytes:
    return b"icns" + struct.pack(">I4sI", 16 + len(picture), b"ic07", 8 + len(picture)) + picture


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def bitmap(width: int, height: int) -> bytes:
    return struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, 8, 1, 0, 0, 0, 0, 0)


def tiled(tile: int, stored: int) -> bytes:
    """A gray TIFF file of one pixel and one square tile, of which some bytes are stored."""
    data = zlib.compress(bytes(stored))
    entries = {256: 1, 257: 1, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile, 324: 8 + 2 + 12 * 10 + 4}
    entries[325] = len(data)
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + data


def fits(width: int, height: int) -> bytes:
    """A compressed FITS file of zeros (FITS 4.0, section 10), as far as Pillow reads its headers."""

    def header(*cards: str) -> bytes:
        text = "".join(card.ljust(80) for card in (*cards, "END")).encode()
        return text.ljust(-(-len(text) // 2880) * 2880)

    sizes = {"NAXIS1": 8, "NAXIS2": 1, "PCOUNT": 0, "ZBITPIX": 8, "ZNAXIS": 2, "ZNAXIS1": width, "ZNAXIS2": height}
    numbers = [f"{name:8}= {value:20}" for name, value in sizes.items()]
    first = header("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0")
    kind = ("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "ZIMAGE  = T", "ZCMPTYPE= 'GZIP_1  '")
    data = bytes(8) + gzip.compress(bytes(4 * width * height))
    return first + header(*kind, *numbers) + data.ljust(2880, b"\0")


def iptc(picture: bytes, size: tuple[int, int]) -> bytes:
    fields = [(60, b"\3\1"), (20, struct.pack(">H", size[0])), (30, struct.pack(">H", size[1])), (65, b"\1")]
    head = b"".join(struct.pack(">BBBH", 0x1C, 3, number, len(value)) + value for number, value in fields)
    return head + b"\x1c\3\x78\0\1\5" + struct.pack(">BBBH", 0x1C, 8, 10, len(picture)) + picture


@pytest.mark.parametrize("header", [0, 100, 623])
def test_a_jpeg_file_in_a_texture_is_read(header: int) -> None:
    assert held(written(blp(encoded(PICTURE, quality=95), (WIDTH, HEIGHT), header))).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("source", [bytes, held])
@pytest.mark.parametrize("header", [0, 100])
def test_a_jpeg_file_in_a_texture_keeps_the_limits(source: Any, header: int) -> None:
    """The header of the texture says 8 x 8."""
    with pytest.raises(InputError, match="more than 256 scans"):
        written(source(blp(scan_bomb(64, 64, 257), (8, 8), header)))
    with pytest.raises(InputError, match="max_pixels"):
        written(source(blp(encoded(PICTURE), (8, 8), header)), max_pixels=WIDTH * HEIGHT - 1)


@pytest.mark.parametrize(
    "data",
    [
        icon(png(4000, 3000)),
        icon(png(4000, 3000), kind=2),
        icon(bitmap(4000, 3000)),
        apple_icon(png(4000, 3000)),
        apple_icon(b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">II", 4000, 3000)),
    ],
)
def test_a_picture_in_an_icon_keeps_the_limits(data: bytes) -> None:
    """Pillow decodes icons as it opens them, so the check comes before."""
    with pytest.raises(InputError, match="width 4000, height 3000"):
        written(data, max_pixels=4000 * 3000 - 1)


def test_icons_are_read() -> None:
    file = io.BytesIO()
    PICTURE.resize((64, 64)).save(file, "ICO", sizes=[(64, 64)])
    assert held(written(file.getvalue(), max_pixels=64 * 64)).size == (64, 64)


def test_apple_icons_of_256_colours_are_read() -> None:
    """Pillow leaves such an image without its palette."""
    inner = Image.fromarray(np.array(photo(128, 128))).quantize()
    data = apple_icon(encoded(inner, "PNG"))
    for source in (data, held(data)):
        assert np.array_equal(load(source).pixels, np.asarray(inner.convert("RGB")))


@pytest.mark.parametrize("source", [bytes, held])
def test_a_tile_larger_than_its_picture(source: Any) -> None:
    with pytest.raises(InputError, match="width 5000, height 5000"):
        written(source(tiled(5000, 5000)))


def test_a_tile_of_ordinary_size_is_read() -> None:
    assert held(written(tiled(256, 256 * 256))).size == (1, 1)


@pytest.mark.parametrize("kind", [2, 5, 7, 12])
@pytest.mark.parametrize("number", [322, 274])
def test_tags_of_another_kind_raise_nothing_else(kind: int, number: int) -> None:
    """A width of a tile or an orientation as text, a fraction, bytes or a float."""
    tags = struct.pack("<HHII", 322, 4, 1, 256)
    data = tiled(256, 256 * 256).replace(tags, struct.pack("<HHII", number, kind, 1, 256))
    with pytest.raises(InputError, match=r"cannot decode|is not an image"):
        written(data)


@pytest.mark.parametrize("source", [bytes, held])
def test_a_decoder_in_python_gets_fewer_pixels(source: Any) -> None:
    data = fits(40, 30)
    assert held(written(source(data))).size == (40, 30)
    large = data.replace(f"{40:20}".encode(), f"{5000:20}".encode()).replace(f"{30:20}".encode(), f"{4000:20}".encode())
    for limit in (DEFAULT_MAX_PIXELS, 20_000_000):
        with pytest.raises(InputError, match=r"16777216 pixels.*width 5000, height 4000"):
            written(source(large), max_pixels=limit)


@pytest.mark.parametrize("source", [bytes, held])
@pytest.mark.parametrize("inner", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", encoded(PICTURE)])
def test_a_file_of_any_kind_in_another_is_not_opened(source: Any, inner: bytes) -> None:
    """Pillow would run Ghostscript for the first one."""
    with pytest.raises(InputError, match="IPTC is not accepted"):
        written(source(iptc(inner, (WIDTH, HEIGHT))))


def qoi(width: int, height: int) -> bytes:
    """One pixel and a run that is cut off."""
    return b"qoif" + struct.pack(">IIBB", width, height, 3, 0) + b"\xfe\1\2\3\xfd" + bytes(7) + b"\1"


def dds(width: int, height: int) -> bytes:
    """A texture of 32 bits a pixel without its pixels."""
    masks = struct.pack("<II4s5I", 32, 0x40, bytes(4), 32, 0xFF0000, 0xFF00, 0xFF, 0)
    return b"DDS " + struct.pack("<7I", 124, 0x1007, height, width, 0, 0, 0) + bytes(44) + masks + bytes(20)


def run_lengths(width: int, height: int) -> bytes:
    """A bitmap of 256 colours whose first row ends at once; so did each row of 13 kB that took 42 seconds."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + 1024) + head + bytes(1024) + b"\0\0\0\1"


def texture(width: int, height: int) -> bytes:
    """A texture of two bits a pixel without its pixels."""
    return b"BLP2" + struct.pack("<i4bII", 1, 2, 0, 0, 0, width, height) + struct.pack("<I", 1172) + bytes(1148)


def palette(width: int, height: int) -> bytes:
    """A texture of 256 colours without its pixels."""
    return b"BLP1" + struct.pack("<iIIIII", 1, 0, width, height, 4, 0) + bytes(128 + 1024)


def plain(width: int, height: int) -> bytes:
    return b"P3 %d %d 255 1 2 3" % (width, height)


def xpm(width: int, height: int) -> bytes:
    return b'/* XPM */\n"%d %d 1 1",\n"x c #123456",\n"x"' % (width, height)


@pytest.mark.parametrize(
    ("make", "most"),
    [(qoi, 23), (dds, 23), (run_lengths, 24), (texture, 22), (palette, 22), (plain, 21), (xpm, 21)],
)
def test_decoders_in_python_have_a_limit_of_their_own(make: Any, most: int) -> None:
    width = (1 << most) // 2048
    for source in (make(width, 2049), held(make(width, 2049))):
        with pytest.raises(InputError, match=f"more than {1 << most} pixels"):
            written(source)
    for options in ({}, {"max_pixels": None}):
        size = (width, 2048) if not options else (width, 2049)
        try:
            written(make(*size), **options)  # Pillow 12 takes what is missing of a texture for zeros
        except InputError as error:
            assert str(error).startswith("cannot decode")  # noqa: PT017, any other error fails


def test_a_bitmap_with_run_lengths_in_an_icon() -> None:
    inner = run_lengths(8192, 2 * 2049)[14:]
    for data in (icon(inner), icon(inner, kind=2)):
        with pytest.raises(InputError, match="more than 16777216 pixels"):
            written(data)


def test_quick_kinds_of_slow_formats_are_read() -> None:
    """A JPEG file in a texture, and two colours in plain text."""
    jpeg = encoded(Image.new("L", (2049, 2048)))
    assert held(written(blp(jpeg, (2049, 2048)))).size == (2049, 2048)
    assert held(written(b"P1 2049 1024 " + b"1" * (2049 * 1024))).size == (2049, 1024)


@pytest.mark.parametrize("most", [1, 7, 254, 256, 4095, 65534, 65535])
@pytest.mark.parametrize(("magic", "bands"), [(b"P5", 1), (b"P6", 3)])
def test_samples_that_go_to_another_value_are_pillows(magic: bytes, bands: int, most: int) -> None:
    stored = np.dtype(">u2" if most > 255 else "u1")
    samples = np.random.default_rng(most).integers(0, np.iinfo(stored).max, 90 * bands, endpoint=True).astype(stored)
    data = magic + b" 10 9 %d " % most + samples.tobytes()
    assert np.array_equal(load(data).pixels, load(held(data)).pixels)
    with pytest.raises(InputError, match="truncated"):
        written(data[:-1])


def test_samples_are_scaled_at_once() -> None:
    """Pillow takes 3 microseconds a pixel."""
    data = b"P6 2000 1000 65534 " + bytes(12_000_000)
    started = time.process_time()
    load(data)
    assert time.process_time() - started < 2


def psd(resources: int) -> bytes:
    own = (b"8BIM" + struct.pack(">HHI", 2000, 0, 0)) * resources
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 4, 4, 8, 3) + bytes(4)
    return head + struct.pack(">I", len(own)) + own + bytes(4) + b"\0\0" + bytes(48)


def test_a_psd_file_of_many_resources() -> None:
    assert written(psd(9_999))
    for source in (psd(10_001), psd(10_001)[:-60]):
        with pytest.raises(InputError, match="more than 10000 resources"):
            written(source)


@pytest.mark.parametrize("kind", [b"prVt", b"tIME", b"IDAT"])
def test_a_png_file_of_a_million_chunks(kind: bytes) -> None:
    data = encoded(PICTURE, "PNG")
    started = time.process_time()
    with pytest.raises(InputError, match="more than 262144 chunks"):
        written(data[:33] + 1_000_000 * chunk(kind) + data[33:])
    assert time.process_time() - started < 1
    assert written(data[:33] + 1000 * chunk(kind) + data[33:]) == written(data)


def test_a_png_file_of_many_profiles() -> None:
    """Each may be inflated to 1 MB; one of 2 MB took 6 seconds."""
    data, profile = encoded(PICTURE, "PNG"), chunk(b"iCCP", b"a\0\0" + zlib.compress(b"a profile"))
    assert written(data[:33] + 16 * profile + data[33:])
    with pytest.raises(InputError, match="more than 16 ICC profiles"):
        written(data[:33] + 17 * profile + data[33:])
