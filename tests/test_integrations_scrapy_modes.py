"""Scrapy's pipeline and ours, side by side, for every mode and format that a spider may download."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from jpeg_surgery import splice
from PIL import Image, ImageOps
from processes import needs

needs("scrapy")
pytestmark = pytest.mark.filterwarnings("ignore")

from scrapy.http import Request, Response  # noqa: E402
from scrapy.pipelines.images import ImagesPipeline  # noqa: E402
from scrapy.utils.test import get_crawler  # noqa: E402

from saliency_jpeg.integrations.scrapy import SaliencyImagesPipeline  # noqa: E402
from saliency_jpeg.metadata.segments import XMP_HEADER  # noqa: E402

REQUEST = Request("https://example.org/x")
PHOTO = Image.fromarray(photo(88, 120))


def two_pictures() -> bytes:
    file = io.BytesIO()
    PHOTO.save(file, "MPO", save_all=True, append_images=[PHOTO.rotate(180)], quality=92)
    return file.getvalue()


DOWNLOADS = {
    "CMYK JPEG": encoded(PHOTO.convert("CMYK"), quality=92),
    "CMYK JPEG with a profile": encoded(
        PHOTO.convert("CMYK"), quality=92, icc_profile=bytes(16) + b"CMYK" + bytes(108)
    ),
    "CMYK TIFF": encoded(PHOTO.convert("CMYK"), "TIFF"),
    "gray JPEG": encoded(PHOTO.convert("L"), quality=92),
    "gray PNG": encoded(PHOTO.convert("L"), "PNG"),
    "gray JPEG, turned": encoded(
        PHOTO.convert("L"), exif=b"Exif\0\0II*\0" + bytes.fromhex("08000000010012010300010000000600000000000000")
    ),
    "black and white": encoded(PHOTO.convert("1"), "PNG"),
    "palette": encoded(PHOTO.quantize(64), "PNG"),
    "colour JPEG": encoded(PHOTO, quality=92),
    "MPO": two_pictures(),
}


def files(kind: Any, folder: Path, data: bytes, **options: Any) -> list[bytes]:
    settings = {
        "IMAGES_STORE": str(folder),
        "IMAGES_THUMBS": {"small": (40, 40)},
        "SALIENCY_JPEG": {"saliency": None, **options},
    }
    pipeline = kind.from_crawler(get_crawler(settings_dict=settings))
    found = pipeline.get_images(Response(REQUEST.url, body=data), REQUEST, None)
    return [buffer.getvalue() for _, _, buffer in found]


@pytest.mark.parametrize("name", DOWNLOADS)
@pytest.mark.parametrize("options", [{}, {"quality": 85}, {"target_kb": 8, "metadata": "safe"}])
def test_the_picture_that_scrapy_writes(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    theirs = files(ImagesPipeline, tmp_path, DOWNLOADS[name])
    ours = files(SaliencyImagesPipeline, tmp_path, DOWNLOADS[name], **options)
    assert len(ours) == len(theirs) == 2
    for mine, their in zip(ours, theirs, strict=True):
        with Image.open(io.BytesIO(mine)) as image, Image.open(io.BytesIO(their)) as expected:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", expected.size)
            assert expected.mode == "RGB"
            difference = np.asarray(image).astype(float) - np.asarray(expected)
            assert np.abs(difference).mean() < 8
            assert mine.count(b"\xff\xd8\xff") == 1


TURNED = {
    "XMP": (0xE1, XMP_HEADER + b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'),
    "a table that is cut off": (0xE1, b"Exif\0\0II*\0" + bytes.fromhex("08000000 0900 1201 0300 01000000 06000000")),
}


@pytest.mark.parametrize("mode", ["keep", "safe", "strip"])
@pytest.mark.parametrize("place", TURNED)
def test_what_scrapy_turns_is_turned(place: str, mode: str, tmp_path: Path) -> None:
    """Pillow finds an orientation where others look for none."""
    download = splice(encoded(PHOTO, quality=92), [TURNED[place]])
    theirs = files(ImagesPipeline, tmp_path, download)
    ours = files(SaliencyImagesPipeline, tmp_path, download, metadata=mode)
    for mine, their in zip(ours, theirs, strict=True):
        with Image.open(io.BytesIO(mine)) as image, Image.open(io.BytesIO(their)) as expected:
            shown = ImageOps.exif_transpose(image)
            assert image.size == shown.size == expected.size
            assert np.abs(np.asarray(shown).astype(float) - np.asarray(expected)).mean() < 8
