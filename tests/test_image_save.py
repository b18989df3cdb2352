"""Files of 8 and 16 bits: read again by Pillow and OpenCV, pixels and metadata."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from doors import EXIF, XMP
from helpers import photo
from numpy.typing import NDArray
from PIL import Image, ImageCms

from saliency_jpeg import InputError
from saliency_jpeg.image.save import SUFFIXES, to_file
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
    for metadata in (Metadata(), FULL):
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
        assert 0x0112 not in image.getexif()


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
