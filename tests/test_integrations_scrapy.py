"""Scrapy's pipeline, called with responses as its downloader creates them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doors import PHOTO, describe
from helpers import encoded, pillow_pixels
from PIL import Image
from processes import needs

needs("scrapy")
pytestmark = pytest.mark.filterwarnings("ignore")

from scrapy.http import Request, Response  # noqa: E402
from scrapy.pipelines.images import ImagesPipeline  # noqa: E402
from scrapy.utils.test import get_crawler  # noqa: E402

from saliency_jpeg import OptionError, TargetError, compress  # noqa: E402
from saliency_jpeg.integrations.scrapy import SaliencyImagesPipeline  # noqa: E402

REQUEST = Request("https://example.org/x")


def body(image: Any = PHOTO, format: str = "PNG", **keywords: Any) -> bytes:
    return encoded(image, format, **keywords)


def pipeline(kind: Any, folder: Path, **options: Any) -> Any:
    settings = {
        "IMAGES_STORE": str(folder),
        "IMAGES_THUMBS": {"small": (40, 40)},
        "SALIENCY_JPEG": {"saliency": None, **options},
    }
    return kind.from_crawler(get_crawler(settings_dict=settings))


def files(kind: Any, folder: Path, data: bytes, **options: Any) -> list[bytes]:
    found = pipeline(kind, folder, **options).get_images(Response(REQUEST.url, body=data), REQUEST, None)
    return [buffer.getvalue() for _, _, buffer in found]


CASES = {
    "PNG": body(),
    "palette": body(Image.fromarray(PHOTO).quantize(64)),
    "JPEG": body(format="JPEG", quality=90),
    "turned": body(
        format="JPEG",
        quality=90,
        exif=b"Exif\0\0II*\0" + bytes.fromhex("0800000001001201030001000000060000000000000000"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_pictures_as_scrapy(case: str, tmp_path: Path) -> None:
    options = {"quality": 75, "metadata": "strip", "subsampling": "4:2:0", "progressive": False}
    theirs = files(ImagesPipeline, tmp_path, CASES[case])
    ours = files(SaliencyImagesPipeline, tmp_path, CASES[case], **options)
    assert len(ours) == len(theirs) == 2
    for mine, their in zip(ours, theirs, strict=True):
        assert describe(mine) == describe(their)._replace(density=(0, (1, 1)))
        assert np.abs(pillow_pixels(mine).astype(float) - pillow_pixels(their)).mean() < 8  # turned the wrong way: 30
        assert len(mine) < len(their)


def test_transparency_shows_white(tmp_path: Path) -> None:
    clear = body(np.dstack([PHOTO, np.zeros_like(PHOTO[..., 0])]))
    for jpeg in files(SaliencyImagesPipeline, tmp_path, clear):
        assert pillow_pixels(jpeg).min() >= 253


def test_targets_and_small_files(tmp_path: Path) -> None:
    full, small = files(SaliencyImagesPipeline, tmp_path, CASES["PNG"], target_kb=2.5)
    assert 2300 < len(full) <= 2500
    assert len(small) <= 2500
    tiny = compress(PHOTO, quality=10, saliency=None)
    assert len(files(SaliencyImagesPipeline, tmp_path, tiny)[0]) <= len(tiny)


def test_stored_by_scrapy(tmp_path: Path) -> None:
    pipe = pipeline(SaliencyImagesPipeline, tmp_path, target_kb=2.5)
    stored: list[tuple[str, int]] = []

    class Store:
        def persist_file(self, path: str, buffer: Any, *arguments: Any, **keywords: Any) -> None:
            stored.append((path, len(buffer.getvalue())))

    pipe.store = Store()
    checksum = asyncio.run(pipe.image_downloaded(Response(REQUEST.url, body=CASES["PNG"]), REQUEST, None))
    assert len(checksum) == 32
    assert [path.split("/")[0] for path, _ in stored] == ["full", "thumbs"]
    assert max(n for _, n in stored) <= 2500


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"SALIENCY_JPEG .*'strenght'"):
        pipeline(SaliencyImagesPipeline, tmp_path, strenght=0.5)
    with pytest.raises(OptionError, match="strength"):
        pipeline(SaliencyImagesPipeline, tmp_path, strength=5)
    with pytest.raises(TargetError):
        files(SaliencyImagesPipeline, tmp_path, CASES["PNG"], target_kb=0.1)
