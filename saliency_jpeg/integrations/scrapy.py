"""Scrapy's image pipeline, with this encoder for what it writes.

In the project's settings::

    ITEM_PIPELINES = {"saliency_jpeg.integrations.scrapy.SaliencyImagesPipeline": 1}
    IMAGES_STORE = "..."
    SALIENCY_JPEG = {"target_kb": 100, "metadata": "strip"}  # fields of saliency_jpeg.Options

Other formats, thumbnails and pictures that have to be turned are encoded from the pixels. Other JPEG files are made
smaller on their own coefficients, without loss where there is neither a target nor a quality.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from ..encoder.encoder import Encoder
from ..image.load import load
from ..metadata import segments
from ..options import Options
from ._optimize import is_jpeg, optimized
from ._optional import missing

try:
    from scrapy.pipelines.images import ImagesPipeline
except ImportError as error:
    raise missing("Scrapy") from error

__all__ = ["SaliencyImagesPipeline"]


class SaliencyImagesPipeline(ImagesPipeline):  # type: ignore[misc, unused-ignore]
    """``ImagesPipeline`` with another encoder; ``SALIENCY_JPEG`` in the settings holds its options."""

    def __init__(self, store_uri: Any, *arguments: Any, crawler: Any, **keywords: Any) -> None:
        """As ``ImagesPipeline``.

        Raises:
            OptionError: ``SALIENCY_JPEG`` holds a wrong option.
        """
        super().__init__(store_uri, *arguments, crawler=crawler, **keywords)
        self._encoder = Encoder(Options(**crawler.settings.getdict("SALIENCY_JPEG")))

    def convert_image(
        self, image: Image.Image, size: tuple[int, int] | None = None, *, response_body: BytesIO
    ) -> tuple[Image.Image, BytesIO]:
        """The picture and its file.

        Raises:
            TargetError: the target is too small; Scrapy counts the image as failed.
        """
        if size is None and _is_upright(response_body.getvalue()):
            return image, BytesIO(optimized(response_body.getvalue(), self._encoder.options))
        if size is not None:
            image = _reduced(image, size)
        return image, BytesIO(self._encoder.compress(image).jpeg)


def _is_upright(data: bytes) -> bool:
    """Whether a JPEG file shows the picture as Scrapy does, which turns it by its EXIF orientation."""
    return is_jpeg(data) and segments.collect(segments.parse(data)).orientation == 1


def _reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A thumbnail in gray or RGB; palettes and transparency cannot be interpolated."""
    smaller = Image.fromarray(load(image).pixels)
    smaller.info = dict(image.info)
    smaller.thumbnail(size, Image.Resampling.LANCZOS)
    return smaller
