"""Every kind of input becomes the same pixels and metadata; every bad one is one clear error."""

from __future__ import annotations

import copy
import gzip
import io
import pickle
import random
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded
from jpeg_surgery import splice
from PIL import Image, ImageFile

from saliency_jpeg.errors import InputError, OptionError
from saliency_jpeg.image.load import load
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.metadata import jpeg_metadata
from saliency_jpeg.metadata.limits import MAX_SIDE
from saliency_jpeg.metadata.model import Metadata, minimal_exif

RGB = np.random.default_rng(4).integers(0, 256, (9, 14, 3), np.uint8)
GRAY = RGB[..., 0].copy()
ALPHA = RGB[..., 1].copy()


def png(colour: int, depth: int, width: int, rows: list[bytes], transparent: bytes = b"") -> bytes:
    """A PNG file made by hand, for kinds Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    middle = chunk(b"tRNS", transparent) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + middle + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def stored(picture: Picture) -> bytes | None:
    """The JPEG file that a picture was read from."""
    return None if picture.source is None else picture.source.data


def blended(values: np.ndarray, alpha: np.ndarray, background: object) -> np.ndarray:
    exact = values * (alpha / 255.0) + np.asarray(background) * (1 - alpha / 255.0)
    return np.rint(exact).astype(np.uint8)


def assert_pixels(source: object, expected: np.ndarray, **options: object) -> None:
    pixels = load(source, **options).pixels  # type: ignore[arg-type]
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, expected)


# Sources ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
def test_same_pixels_from_every_source(kind: str, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RGB), kind)
    path = tmp_path / "picture.bin"
    path.write_bytes(data)
    for source in (path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), Image.open(path), RGB):
        assert_pixels(source, RGB)
        assert load(Image.fromarray(RGB)).source is None


def test_file_object_is_read_from_its_position_and_left_open() -> None:
    file = io.BytesIO(b"header" + encoded(Image.fromarray(RGB), "PNG"))
    file.seek(6)
    assert_pixels(file, RGB)
    assert not file.closed
    assert file.read() == b""


def test_jpeg_keeps_its_bytes_and_metadata(tmp_path: Path) -> None:
    wanted = Metadata(
        exif=minimal_exif(6) + bytes(range(256)),
        icc=np.random.default_rng(1).bytes(200_000),
        xmp=b"<x:xmpmeta/>",
        comment=b"two",
        density=(2, 118, 118),
        extra=((0xED, b"Photoshop 3.0\0"), (0xFE, b"one")),
    )
    plain = encoded(Image.fromarray(RGB), "JPEG", quality=90)
    jpeg = splice(plain, jpeg_metadata.build(wanted))
    picture = load(io.BytesIO(jpeg))
    assert stored(picture) == jpeg
    assert picture.metadata == wanted
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(plain))))
    assert picture.pixels.shape == (9, 14, 3)
    assert picture.metadata.orientation == 6
    path = tmp_path / "no extension"
    path.write_bytes(jpeg)
    assert stored(load(path)) == jpeg


def test_gray_jpeg_is_one_component() -> None:
    jpeg = encoded(Image.fromarray(GRAY), "JPEG")
    assert_pixels(jpeg, np.asarray(Image.open(io.BytesIO(jpeg))))
    assert load(jpeg).pixels.ndim == 2


def test_multi_picture_jpeg_is_whole_and_its_directory_is_not_copied() -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    mpo = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    picture = load(mpo)
    assert stored(picture) == mpo
    assert b"MPF\0" in mpo
    assert picture.metadata.extra == ()
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(mpo))))


def test_colour_transform_of_a_jpeg_is_kept() -> None:
    image = Image.fromarray(RGB)
    jpeg = encoded(image, "JPEG", keep_rgb=True, quality=95, comment=b"c")
    assert_pixels(jpeg, np.asarray(Image.open(io.BytesIO(jpeg))))
    assert np.abs(load(jpeg).pixels.astype(int) - RGB).mean() < 5


def test_metadata_of_other_formats_and_of_pil_images() -> None:
    data = encoded(
        Image.fromarray(RGB), "PNG", exif=b"Exif\0\0" + minimal_exif(8), icc_profile=b"p" * 300, dpi=(72, 72)
    )
    for source in (data, Image.open(io.BytesIO(data)), Image.open(io.BytesIO(data)).copy()):
        picture = load(source)
        assert picture.metadata == Metadata(exif=minimal_exif(8), icc=b"p" * 300, density=(1, 72, 72))
        assert picture.source is None
        assert picture.pixels.shape == (9, 14, 3)
    assert load(RGB).metadata == Metadata()


def test_pil_image_from_jpeg_may_be_edited() -> None:
    image = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), "JPEG", comment=b"c", dpi=(90, 90))))
    image.putpixel((0, 0), (1, 2, 3))
    picture = load(image)
    assert picture.source is None
    assert picture.pixels[0, 0].tolist() == [1, 2, 3]
    assert picture.metadata == Metadata(comment=b"c", density=(1, 90, 90))


def test_first_or_current_frame() -> None:
    frames = [Image.new("RGB", (3, 2), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert_pixels(data, np.full((2, 3, 3), (255, 0, 0), np.uint8))
    image = Image.open(io.BytesIO(data))
    image.seek(1)
    assert_pixels(image, np.full((2, 3, 3), (0, 0, 255), np.uint8))


# Arrays -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
@pytest.mark.parametrize("again", [lambda image: pickle.loads(pickle.dumps(image)), copy.deepcopy, copy.copy])
def test_images_that_went_to_another_process(kind: str, again: Callable[[Any], Any]) -> None:
    """Pillow restores their class, without the frame and the tags that its methods ask for."""
    image = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), kind)))
    pixels = load(image).pixels
    for source in (image, Image.open(io.BytesIO(encoded(Image.fromarray(RGB), kind)))):
        assert np.array_equal(load(again(source)).pixels, pixels)


def test_arrays() -> None:
    assert_pixels(GRAY, GRAY)
    assert_pixels(GRAY[..., None], GRAY)
    assert_pixels(RGB[::-1, ::2], RGB[::-1, ::2])
    assert_pixels(np.asfortranarray(RGB), RGB)
    assert_pixels(GRAY.T, GRAY.T)
    assert_pixels(GRAY > 100, (GRAY > 100) * np.uint8(255))
    assert_pixels((GRAY > 100)[..., None], (GRAY > 100) * np.uint8(255))
    assert_pixels(np.dstack([RGB, ALPHA]), blended(RGB, ALPHA[..., None], 255))
    assert np.shares_memory(load(RGB).pixels, RGB)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16", "int64", "int8", "object", "complex64"])
def test_wrong_dtype(dtype: str) -> None:
    with pytest.raises(InputError, match=f"must be uint8.*got {dtype}"):
        load(np.zeros((4, 4, 3), dtype))


@pytest.mark.parametrize("shape", [(), (4,), (4, 4, 2), (4, 4, 5), (4, 4, 0), (1, 4, 4, 3)])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"must have shape \(height, width\)"):
        load(np.zeros(shape, np.uint8))


def test_bool_array_is_gray_only() -> None:
    with pytest.raises(InputError, match="bool array"):
        load(np.zeros((4, 4, 3), bool))


# Modes --------------------------------------------------------------------------------------------------------------


def test_plain_modes() -> None:
    rgb, gray = Image.fromarray(RGB), Image.fromarray(GRAY)
    assert_pixels(gray, GRAY)
    assert_pixels(gray.point(lambda v: 255 * (v > 99), "1"), (GRAY > 99) * np.uint8(255))
    assert_pixels(Image.merge("RGBX", [*rgb.split(), gray]), RGB)
    for mode in ("YCbCr", "HSV"):
        assert_pixels(rgb.convert(mode), np.asarray(rgb.convert(mode).convert("RGB")))


def test_lab() -> None:
    pixels = load(Image.new("LAB", (2, 2), (255, 128, 128))).pixels
    assert pixels.shape == (2, 2, 3)
    assert pixels.min() >= 254


@pytest.mark.parametrize("kind", ["I;16", "I;16L", "I;16B", "I"])
def test_wide_gray_is_scaled_with_rounding(kind: str) -> None:
    wide = np.array([[0, 1, 128, 129, 385, 386, 32767, 32768, 65406, 65407, 65535]])
    dtype = {"I": "<i4", "I;16B": ">u2"}.get(kind, "<u2")
    image = Image.frombytes(kind, (11, 1), wide.astype(dtype).tobytes())
    assert_pixels(image, np.rint(wide / 257).astype(np.uint8))


def test_wide_gray_png_with_a_transparent_value() -> None:
    rows = [struct.pack(">3H", 65535, 0x1234, 0)]
    assert_pixels(png(0, 16, 3, rows), np.array([[255, 18, 0]]))
    assert_pixels(png(0, 16, 3, rows, b"\x12\x34"), np.array([[255, 7, 0]]), background=(7, 7, 7))
    red = [[255] * 3, [200, 0, 0], [0] * 3]
    assert_pixels(png(0, 16, 3, rows, b"\x12\x34"), np.array([red]), background=(200, 0, 0))


@pytest.mark.parametrize("value", [-1, 65536])
def test_mode_i_outside_16_bits(value: int) -> None:
    with pytest.raises(InputError, match="16-bit gray"):
        load(Image.new("I", (2, 2), value))


def test_mode_f_has_no_range() -> None:
    with pytest.raises(InputError, match="mode F"):
        load(Image.new("F", (2, 2), 1.0))


# Alpha --------------------------------------------------------------------------------------------------------------


def test_every_alpha_and_value_rounds_to_nearest() -> None:
    values, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    rgba = np.dstack([values, values, values, alpha])
    for background in ((255, 255, 255), (0, 0, 0), (13, 128, 200)):
        assert_pixels(rgba, blended(rgba[..., :3], alpha[..., None], background), background=background)


def test_alpha_agrees_with_pillow() -> None:
    image = Image.fromarray(np.dstack([RGB, ALPHA]))
    under = Image.new("RGBA", image.size, (10, 90, 200, 255))
    expected = np.asarray(Image.alpha_composite(under, image))[..., :3].astype(int)
    assert np.abs(load(image, background=(10, 90, 200)).pixels - expected).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_alpha_in_files_and_premultiplied(kind: str) -> None:
    image = Image.fromarray(np.dstack([RGB, ALPHA]))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert_pixels(encoded(image, kind, **options), blended(RGB, ALPHA[..., None], 255))
    difference = load(image.convert("RGBa")).pixels.astype(int) - blended(RGB, ALPHA[..., None], 255)
    assert np.abs(difference).max() <= 1


def test_gray_with_alpha_stays_gray_on_gray() -> None:
    image = Image.merge("LA", [Image.fromarray(GRAY), Image.fromarray(ALPHA)])
    assert_pixels(image, blended(GRAY, ALPHA, 255))
    assert_pixels(image, blended(GRAY, ALPHA, 40), background=(40, 40, 40))
    assert_pixels(image, blended(GRAY[..., None], ALPHA[..., None], (9, 0, 90)), background=(9, 0, 90))
    premultiplied = load(image.convert("La")).pixels.astype(int) - blended(GRAY, ALPHA, 255)
    assert premultiplied.ndim == 2
    assert np.abs(premultiplied).max() <= 1


def test_opaque_gray_ignores_a_coloured_background() -> None:
    image = Image.merge("LA", [Image.fromarray(GRAY), Image.new("L", (14, 9), 255)])
    assert_pixels(image, GRAY, background=(255, 0, 0))


def test_transparent_value_in_png() -> None:
    gray = encoded(Image.fromarray(np.array([[5, 6]], np.uint8)), "PNG", transparency=5)
    assert_pixels(gray, np.array([[255, 6]]))
    bits = png(0, 1, 2, [b"\x40"], struct.pack(">H", 1))
    assert_pixels(bits, np.array([[0, 33]]), background=(33, 33, 33))
    rgb = encoded(Image.fromarray(np.array([[[1, 2, 3], [1, 2, 4]]], np.uint8)), "PNG", transparency=(1, 2, 3))
    assert_pixels(rgb, np.array([[[255] * 3, [1, 2, 4]]]))


def palette_image(colours: Sequence[tuple[int, ...]], mode: str = "RGB") -> Image.Image:
    image = Image.new("P", (len(colours), 1))
    image.putpalette([value for colour in colours for value in colour], mode)
    image.putdata(range(len(colours)))
    return image


def test_palettes() -> None:
    colours = [(1, 2, 3), (200, 100, 0), (7, 7, 7)]
    assert_pixels(palette_image(colours), np.array([colours]))
    assert_pixels(palette_image([(9, 9, 9), (0, 0, 0), (255, 255, 255)]), np.array([[9, 0, 255]]))
    one_clear = encoded(palette_image(colours), "PNG", transparency=1)
    assert_pixels(one_clear, np.array([[colours[0], (255, 255, 255), colours[2]]]))
    several = encoded(palette_image(colours), "PNG", transparency=bytes([255, 128, 0]))
    assert_pixels(several, blended(np.array([colours]), np.array([[[255], [128], [0]]]), 255))
    with_alpha = palette_image([(*colours[0], 255), (*colours[1], 0)], "RGBA")
    assert_pixels(with_alpha, np.array([[colours[0], (255, 255, 255)]]))
    grays = encoded(palette_image([(9, 9, 9), (0, 0, 0)]), "PNG", transparency=1)
    assert_pixels(grays, np.array([[9, 255]]))


def test_palette_with_alpha_channel() -> None:
    image = palette_image([(1, 2, 3), (4, 5, 6)]).convert("PA")
    image.putalpha(Image.fromarray(np.array([[255, 0]], np.uint8)))
    assert image.mode == "PA"
    assert_pixels(image, np.array([[[1, 2, 3], [255, 255, 255]]]))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I;16"])
@pytest.mark.parametrize("background", [(255, 255, 255), (200, 10, 90)])
def test_a_large_picture_is_converted_by_bands(
    mode: str, background: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.fromarray(np.dstack([RGB, ALPHA]))
    if mode == "I;16":
        image = Image.fromarray(GRAY.astype(np.uint16) * 257)
    else:
        image = image.quantize(16) if mode in ("P", "PA") else image if mode in ("LA", "RGBA") else image.convert("RGB")
        image = image.convert(mode)
    whole = load(image, background=background).pixels
    for rows in (1, 4, 9):
        monkeypatch.setattr("saliency_jpeg.image.pixels._BAND_PIXELS", rows * image.width)
        assert_pixels(image, whole, background=background)


def test_loading_copies_a_large_picture_once() -> None:
    image = Image.fromarray(np.zeros((1500, 2000, 3), np.uint8))
    tracemalloc.start()
    pixels = load(image).pixels
    _, peak = tracemalloc.get_traced_memory()  # of Python and NumPy; Pillow's own pixels are not counted
    tracemalloc.stop()
    assert pixels.nbytes < peak < 1.3 * pixels.nbytes


@pytest.mark.parametrize("background", [(0, 0), (0, 0, 256), (-1, 0, 0), (0, 0, 0.5), "red", 5, None])
def test_bad_background(background: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match=r"got .+$"):
        load(RGB, background=background)


# Colour -------------------------------------------------------------------------------------------------------------


def test_cmyk_without_profile_follows_pillow() -> None:
    image = Image.fromarray(RGB).convert("CMYK")
    assert_pixels(image, np.asarray(image.convert("RGB")))
    jpeg = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    picture = load(jpeg)
    assert np.abs(picture.pixels.astype(int) - (255, 0, 0)).max() < 6
    assert stored(picture) == jpeg
    assert picture.metadata.extra == ()


def cmyk_profile() -> bytes:
    """An ICC profile (lut8, two grid points) of a press whose cyan ink is red and whose black ink is black."""
    grid = b""
    for index in range(16):  # cyan varies slowest, black fastest; Lab with a and b offset by 128
        cyan, black = index & 8, index & 1
        grid += bytes((0, 128, 128) if black else (136, 208, 195) if cyan else (255, 128, 128))
    ramp = bytes(range(256))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid + ramp * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut))
    head = struct.pack(">I4sI4s4s4s", 144 + len(lut), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ") + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + tags + lut


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", None])
def test_cmyk_goes_through_its_profile(kind: str | None) -> None:
    image = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    image.info["icc_profile"] = cmyk_profile()
    source = encoded(image, kind, icc_profile=cmyk_profile()) if kind else image
    picture = load(source)
    red, green, blue = picture.pixels[4, 4].tolist()
    assert red > 220
    assert green < 60
    assert blue < 60
    assert picture.metadata.icc is None


def test_unusable_cmyk_profile_is_passed_over() -> None:
    image = Image.new("CMYK", (2, 2), (255, 0, 0, 0))
    image.info["icc_profile"] = cmyk_profile()[:200]
    assert_pixels(image, np.asarray(image.convert("RGB")))
    assert load(image).metadata.icc is None


def header_only_profile(space: bytes) -> bytes:
    return bytes(16) + space + bytes(16) + b"acsp" + bytes(100)


@pytest.mark.parametrize(
    ("mode", "space", "kept"),
    [
        ("RGB", b"RGB ", True),
        ("RGB", b"GRAY", False),
        ("RGB", b"CMYK", False),
        ("L", b"GRAY", True),
        ("L", b"RGB ", False),
        ("LA", b"GRAY", True),
        ("CMYK", b"RGB ", False),
        ("LAB", b"Lab ", False),
    ],
)
def test_profile_of_other_pixels_is_not_attached(mode: str, space: bytes, kept: bool) -> None:
    image = Image.new(mode, (4, 4))
    image.info["icc_profile"] = header_only_profile(space)
    assert (load(image).metadata.icc is not None) is kept
    if mode in ("RGB", "L"):
        jpeg = encoded(image, "JPEG", icc_profile=header_only_profile(space))
        assert (load(jpeg).metadata.icc is not None) is kept


def test_gray_palette_with_colour_profile_stays_colour() -> None:
    image = palette_image([(9, 9, 9), (0, 0, 0)])
    image.info["icc_profile"] = header_only_profile(b"RGB ")
    picture = load(image)
    assert picture.pixels.shape == (1, 2, 3)
    assert picture.metadata.icc == header_only_profile(b"RGB ")


# Bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "empty"),
        (io.BytesIO(), "empty"),
        (b"no image at all", "15 bytes"),
        (b"\xff\xd8\xff", "."),
        (io.StringIO("text"), "binary mode"),
        (None, "got NoneType"),
        ([[1, 2], [3, 4]], "got list"),
        (7, "got int"),
        ("a\0b", "not a usable path"),
        (Image.new("RGB", (0, 5)), "no pixels"),
        (Image.new("RGB", (5, 0)), "no pixels"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((5, 0), np.uint8), "no pixels"),
        (np.zeros((1, MAX_SIDE + 1), np.uint8), "65535"),
        (np.zeros((MAX_SIDE + 1, 1, 3), np.uint8), "65535"),
        (Image.new("L", (MAX_SIDE + 1, 1)), "65535"),
        (encoded(Image.new("L", (1, MAX_SIDE + 1)), "PNG"), "65535"),
        (encoded(Image.new("RGB", (4, 4)), "EPS"), "EPS"),
    ],
)
def test_bad_source(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(source)  # type: ignore[arg-type]


def released() -> memoryview:
    view = memoryview(bytearray(b"x"))
    view.release()
    return view


def cut_off() -> Any:
    return gzip.open(io.BytesIO(gzip.compress(encoded(Image.new("L", (40, 40)), "PNG"))[:-20]))


def damaged() -> Any:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1000))
    return zipfile.ZipFile(io.BytesIO(file.getvalue().replace(zlib.compress(bytes(1000))[2:6], b"\xff" * 4))).open("a")


class NeedsSize:
    def read(self, size: int) -> bytes:
        return bytes(size)


@pytest.mark.parametrize("source", [released, cut_off, damaged, NeedsSize])
def test_what_cannot_be_read_to_its_end(source: Callable[[], Any]) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(source())


@pytest.mark.parametrize("kind", [ConnectionResetError, MemoryError])
def test_errors_of_the_machine_stay_what_they_are(kind: type[Exception]) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise kind

    with pytest.raises(kind):
        load(Broken())


@pytest.mark.parametrize(("owner", "name"), [(ImageFile.ImageFile, "load"), (Image.Image, "convert")])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_too_little_memory_is_no_fault_of_the_image(
    owner: type, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.fromarray(RGB).convert("CMYK" if kind == "JPEG" else "P"), kind)

    def fail(*words: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(MemoryError):
        load(data)
    with pytest.raises(MemoryError):
        load(Image.open(io.BytesIO(data)))


def test_largest_side() -> None:
    assert load(np.zeros((1, MAX_SIDE), np.uint8)).pixels.shape == (1, MAX_SIDE)
    assert load(encoded(Image.new("L", (MAX_SIDE, 1)), "PNG")).pixels.shape == (1, MAX_SIDE)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.png")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


def test_closed_pil_image() -> None:
    image = Image.open(io.BytesIO(encoded(Image.fromarray(RGB), "PNG")))
    image.close()
    with pytest.raises(InputError, match="cannot decode"):
        load(image)


def test_decompression_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.fromarray(RGB), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.warns(Image.DecompressionBombWarning):
        load(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(InputError, match="MAX_IMAGE_PIXELS"):
        load(data)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_truncated_files(kind: str, lenient: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    noise = np.random.default_rng(8).integers(0, 256, (60, 80, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert load(data).pixels.shape == (60, 80, 3)
    for share in (0.05, 0.5, 0.9):
        with pytest.raises(InputError):
            load(data[: int(share * len(data))])
    if kind == "JPEG":
        with pytest.raises(InputError, match="truncated"):
            load(data[:-2])


def test_hostile_exif_does_not_matter() -> None:
    entry = struct.pack("<HHII", 0x0112, 3, 1, 6)
    looping = b"II*\0\x08\0\0\0\x01\0" + entry + struct.pack("<I", 8)
    pointing_home = b"MM\0*\0\0\0\x08\0\x02" + struct.pack(">HHII", 0x8769, 4, 1, 8) * 2 + struct.pack(">I", 8)
    huge = b"MM\0*\0\0\0\x08\xff\xff" + struct.pack(">HHII", 0x8769, 4, 0xFFFFFFFF, 8) * 5
    for exif, orientation in ((looping, 6), (pointing_home, 1), (huge, 1)):
        jpeg = splice(encoded(Image.fromarray(RGB), "JPEG"), jpeg_metadata.build(Metadata(exif=exif)))
        metadata = load(jpeg).metadata
        assert metadata.exif == exif
        assert metadata.orientation == orientation


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
def test_mutated_files_raise_input_error_only(kind: str) -> None:
    rng = random.Random(6)
    image = Image.fromarray(RGB)
    options = {} if kind == "GIF" else {"exif": b"Exif\0\0" + minimal_exif(6), "icc_profile": bytes(range(200))}
    whole = encoded(image, kind, **options)
    outcomes = set()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            picture = load(bytes(data[: rng.randrange(len(data) // 2, len(data) * 3 // 2)]))
            assert 1 <= picture.metadata.orientation <= 8
            assert picture.pixels.size
            jpeg_metadata.build(picture.metadata)
            outcomes.add("read")
        except InputError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_masked_pixels_are_refused_and_do_not_show() -> None:
    hidden = np.ma.masked_array(RGB, RGB > 200)
    with pytest.raises(InputError, match="masked pixels; fill them first, got"):
        load(hidden)
    np.testing.assert_array_equal(load(hidden.filled(0)).pixels, np.where(RGB > 200, 0, RGB))
    np.testing.assert_array_equal(load(np.ma.masked_array(RGB)).pixels, RGB)
