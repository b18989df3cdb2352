"""Scrapy: an image pipeline that writes smaller JPEG files.

Replaces ``scrapy.pipelines.images.ImagesPipeline``. In the project's settings::

    ITEM_PIPELINES = {"saliency_jpeg.integrations.scrapy.SaliencyImagesPipeline": 1}
    IMAGES_STORE = "..."
    SALIENCY_JPEG = {"target_kb": 100, "metadata": "strip"}  # fields of saliency_jpeg.Options

Honours all settings of ``ImagesPipeline``, thumbnails included. The picture is the one that ``ImagesPipeline`` writes,
in RGB whatever the download was. A JPEG file that shows the same as it is (RGB, not rotated, one picture) is encoded
again from its own coefficients, losslessly where there is neither a target nor a quality. Everything else (other
formats, gray and CMYK files, MPO, thumbnails, images with an orientation in EXIF or XMP) is encoded from pixels.

Raises ``OptionError`` for a wrong option when the spider starts. Where no encoding meets the target, ``TargetError``
makes Scrapy count the image as failed.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from ..encoder.encoder import Encoder
from ..image.load import load
from ..metadata.exif import ORIENTATION
from ..metadata.jpeg_source import JpegSource
from ..options import Options
from ._compat import OPTION_NAMES, check_names, missing_dependency
from ._optimizer import is_jpeg, optimize_jpeg

try:
    from scrapy.pipelines.images import ImagesPipeline
except ImportError as error:
    raise missing_dependency("Scrapy") from error

__all__ = ["SaliencyImagesPipeline"]


class SaliencyImagesPipeline(ImagesPipeline):  # type: ignore[misc, unused-ignore]
    """``ImagesPipeline`` with this encoder; the setting ``SALIENCY_JPEG`` holds its options."""

    def __init__(self, store_uri: Any, *arguments: Any, crawler: Any, **keywords: Any) -> None:
        """Creates the pipeline.

        Args:
            store_uri: as for ``ImagesPipeline``.
            *arguments: as for ``ImagesPipeline``.
            crawler: its setting ``SALIENCY_JPEG`` holds fields of :class:`saliency_jpeg.Options`.
            **keywords: as for ``ImagesPipeline``.

        Raises:
            OptionError: an option in ``SALIENCY_JPEG`` is unknown or out of range.
        """
        super().__init__(store_uri, *arguments, crawler=crawler, **keywords)
        options = crawler.settings.getdict("SALIENCY_JPEG")
        check_names("the setting SALIENCY_JPEG", options, OPTION_NAMES)
        self._encoder = Encoder(Options(**options))

    def convert_image(
        self, image: Image.Image, size: tuple[int, int] | None = None, *, response_body: BytesIO
    ) -> tuple[Image.Image, BytesIO]:
        """Encodes a downloaded image, or a thumbnail of it.

        Args:
            image: the decoded image, rotated upright.
            size: largest (width, height) of a thumbnail; None: the whole image.
            response_body: the downloaded file.

        Returns:
            The image and its JPEG file.

        Raises:
            TargetError: no encoding meets the target.
        """
        max_pixels = self._encoder.options.max_pixels
        if size is None and image.mode == "RGB" and _is_plain_jpeg(response_body.getvalue(), max_pixels):
            return image, BytesIO(optimize_jpeg(response_body.getvalue(), self._encoder.options))
        image = _to_rgb(image)
        if size is not None:
            image = image.copy()
            image.thumbnail(size, Image.Resampling.LANCZOS)
        return image, BytesIO(self._encoder.compress(image).jpeg)


def _is_plain_jpeg(data: bytes, max_pixels: int | None) -> bool:
    """Returns whether this is a JPEG file of one picture, without an orientation, which Scrapy would apply."""
    if not is_jpeg(data, max_pixels):
        return False
    source = JpegSource(data)
    return source.metadata.orientation == 1 and source.trailing is None and not _is_turned(data)


def _is_turned(data: bytes) -> bool:
    """Returns whether Pillow turns the picture for Scrapy: it reads XMP too, and other damaged EXIF blocks."""
    with Image.open(BytesIO(data)) as image:
        return image.getexif().get(ORIENTATION) in range(2, 9)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Returns the picture as Scrapy writes it: in RGB, on white where it is transparent, CMYK by Pillow's rule."""
    if image.mode in ("RGB", "CMYK"):
        return image.convert("RGB")
    converted = Image.fromarray(load(image).pixels).convert("RGB")
    converted.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return converted
