"""Files of 8 and 16 bits: read again by Pillow and OpenCV, pixels and metadata."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import cv2
import numpy as np
import pytest
from doors import EXIF, XMP
from exif_blocks import GPS_MARK, MAKER_NOTE, SERIAL, camera_exif, directory, thumbnail
from helpers import photo
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

from saliency_jpeg import InputError
from saliency_jpeg.image.save import SUFFIXES, to_file
from saliency_jpeg.metadata.exif_directory import first_directory
from saliency_jpeg.metadata.model import Metadata

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FULL = Metadata(exif=EXIF, icc=ICC, xmp=XMP, density=(1, 300, 200))


def picture(channels: int, dtype: Any) -> NDArray[Any]:
    """A photograph; with 16 bits, all of them are used."""
    pixels: NDArray[Any] = photo(37, 51)[..., 0] if channels == 1 else photo(37, 51)
    if dtype == np.uint8:
        return pixels
    wide: NDArray[np.uint16] = pixels * np.uint16(256)
    return np.asarray(wide + np.random.default_rng(1).integers(0, 256, pixels.shape, np.uint16))


def by_opencv(file: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return np.asarray(pixels if pixels.ndim == 2 else pixels[..., ::-1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_come_back(suffix: str, channels: int, dtype: Any) -> None:
    pixels = picture(channels, dtype)
    for metadata in (Metadata(), FULL.with_orientation(1)):  # decoders turn TIFF files
        file = to_file(pixels, metadata, suffix)
        found = by_opencv(file)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, pixels)
    with Image.open(io.BytesIO(file)) as image:
        assert image.size == (51, 37)
        if dtype == np.uint8:
            np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_png_holds_all_metadata(channels: int, dtype: Any, capfd: pytest.CaptureFixture[str]) -> None:
    file = to_file(picture(channels, dtype), FULL, ".png")
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        info = image.info
        assert image.getexif()[0x0112] == 6
    assert (info["icc_profile"], info["exif"], info["xmp"]) == (ICC, b"Exif\0\0" + EXIF, XMP)
    assert info["dpi"] == pytest.approx((300, 200), abs=0.02)
    by_opencv(file)
    if channels == 3:  # libpng warns of a profile of RGB in a gray file, which Decoded.metadata never has
        assert "warning" not in capfd.readouterr().err


def opencv_error(code: int) -> cv2.error:
    error = cv2.error("(-4:Insufficient memory)")
    error.code = code
    return error


@pytest.mark.parametrize(
    ("outcome", "raised"),
    [
        ((False, np.empty(0, np.uint8)), InputError),
        (opencv_error(cv2.Error.StsBadArg), InputError),
        (opencv_error(cv2.Error.StsNoMem), MemoryError),
    ],
    ids=["no success", "bad argument", "no memory"],
)
def test_a_png_that_opencv_does_not_write(outcome: Any, raised: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def imencode(*_: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(cv2, "imencode", imencode)
    with pytest.raises(raised, match="PNG file"):
        to_file(picture(3, np.uint16), Metadata(), ".png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_holds_profile_resolution_and_xmp(dtype: Any) -> None:
    with Image.open(io.BytesIO(to_file(picture(3, dtype), FULL, ".tif"))) as image:
        assert image.info["icc_profile"] == ICC
        assert image.info["dpi"] == (300, 200)
        assert image.info["xmp"] == XMP
        assert image.tag_v2[0x0112] == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize(("density", "dpi"), [((1, 72, 96), (72, 96)), ((2, 40, 50), (101.6, 127))])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_units_of_the_resolution(suffix: str, density: tuple[int, int, int], dpi: tuple[float, float]) -> None:
    with Image.open(io.BytesIO(to_file(picture(1, np.uint8), Metadata(density=density), suffix))) as image:
        assert image.info["dpi"] == pytest.approx(dpi, abs=0.02)


def test_the_shape_of_pixels_is_no_resolution() -> None:
    for suffix, key in ((".png", "aspect"), (".tif", "resolution")):
        with Image.open(io.BytesIO(to_file(picture(1, np.uint8), Metadata(density=(0, 4, 3)), suffix))) as image:
            assert "dpi" not in image.info
            assert tuple(image.info[key]) == (4, 3)


# EXIF in TIFF -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_holds_exif_with_its_offsets_and_without_its_thumbnail(dtype: Any, order: str) -> None:
    small = thumbnail(Image.fromarray(photo(60, 80)))
    exif = camera_exif(small, size=(9, 9), orientation=3, order=order, tail=b"X")
    pixels = picture(3, dtype)
    file = to_file(pixels, Metadata(exif=exif, icc=ICC), ".tif")
    with Image.open(io.BytesIO(file)) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert (image.n_frames, image.size) == (1, (37, 51)[::-1])
        assert (image.tag_v2[0x010F], image.tag_v2[0x0112]) == ("Maker", 3)
        tags = image.getexif()
        inner = tags.get_ifd(0x8769)
        assert inner[0x927C] == MAKER_NOTE
        assert inner[0xA431].encode() in SERIAL
        assert tags.get_ifd(0x8825)[0x001D].encode() in GPS_MARK
        assert image.info["icc_profile"] == ICC
    assert file.index(MAKER_NOTE) == exif.index(MAKER_NOTE)
    assert small[:64] not in file
    np.testing.assert_array_equal(by_opencv(file)[::-1, ::-1], pixels)  # OpenCV has turned it


@pytest.mark.parametrize("orientation", [0, 9])
def test_an_orientation_that_is_none_is_left_out(orientation: int) -> None:
    file = to_file(picture(3, np.uint8), Metadata(exif=camera_exif(orientation=orientation)), ".tif")
    with Image.open(io.BytesIO(file)) as image:
        assert image.tag_v2[0x010F] == "Maker"  # type: ignore[attr-defined]
        assert 0x0112 not in image.tag_v2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("density", "resolution", "unit"),
    [
        (None, (300, 300), 2),
        ((0, 1, 1), (300, 300), 2),
        ((0, 4, 3), (4, 3), 1),
        ((1, 96, 72), (96, 72), 2),
    ],
)
def test_resolution_of_exif_where_jfif_says_less(density: Any, resolution: tuple[int, int], unit: int) -> None:
    body = b"MM\0*\0\0\0\x08"
    value = b"\0\0\1\x2c\0\0\0\1"
    entries = [(0x011A, 5, 1, value), (0x011B, 5, 1, value), (0x0128, 3, 1, b"\0\2")]
    exif = body + directory(">", len(body), entries)
    with Image.open(io.BytesIO(to_file(picture(1, np.uint8), Metadata(exif=exif, density=density), ".tif"))) as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        assert (tags[0x011A], tags[0x011B], tags[0x0128]) == (*resolution, unit)


@given(st.data())
def test_damaged_exif_leaves_a_sound_tiff(data: st.DataObject) -> None:
    exif = bytearray(camera_exif(b"\xff\xd8 thumbnail", order=data.draw(st.sampled_from("<>"))))
    for at in data.draw(st.lists(st.integers(0, len(exif) - 1), max_size=12)):
        exif[at] = data.draw(st.integers(0, 255))
    pixels = picture(3, np.uint8)
    metadata = Metadata(exif=bytes(exif[: data.draw(st.integers(0, len(exif)))])).with_orientation(1)
    file = to_file(pixels, metadata, ".tif")
    table = first_directory(file)
    assert table is not None
    tags = [struct.unpack_from(table.order + "H", file, at) for at in range(table.start, table.end, 12)]
    assert tags == sorted(set(tags))
    with Image.open(io.BytesIO(file)) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow tells of damaged values
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert image.n_frames == 1
        np.testing.assert_array_equal(np.asarray(image), pixels)
    np.testing.assert_array_equal(by_opencv(file), pixels)
