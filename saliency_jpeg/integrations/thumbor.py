"""An optimizer for thumbor that honours ``max_bytes``.

In ``thumbor.conf``::

    OPTIMIZERS = ["saliency_jpeg.integrations.thumbor"]
    SALIENCY_JPEG_OPTIONS = {"strength": 0.5}  # fields of saliency_jpeg.Options

It takes the pixels from thumbor's engine, before any JPEG file was made of them, so that there is no second generation
of loss; metadata and chroma sampling are those of thumbor's own file. The quality is the request's or ``QUALITY``,
``PROGRESSIVE_JPEG`` counts, and the filter ``max_bytes(N)`` is a limit that is kept and filled. (thumbor itself lowers
the quality by quarters and, where 10 is not low enough, sends the large file.) Where even the coarsest file is larger
than that, the smallest one is sent and a warning logged, unless ``SALIENCY_JPEG_OPTIONS`` allows to downscale. Without
a limit the smaller of thumbor's file and this library's is sent. A ``target_score`` takes the place of the quality.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..encoder.encoder import Encoder
from ..errors import InputError, TargetError
from ..image.load import Picture, load
from ..options import BYTES_PER_KB, Options
from ._optional import missing

try:
    from thumbor.config import Config
    from thumbor.optimizers import BaseOptimizer
    from thumbor.utils import logger
except ImportError as error:
    raise missing("thumbor") from error

__all__ = ["Optimizer"]

Config.define("SALIENCY_JPEG_OPTIONS", {}, "Fields of saliency_jpeg.Options", "Optimizers")


class Optimizer(BaseOptimizer):  # type: ignore[misc, unused-ignore]
    """Encodes the engine's picture again, with more bytes where people look."""

    def should_run(self, image_extension: str, buffer: bytes) -> bool:
        """Whether the result is a JPEG file."""
        return image_extension in (".jpg", ".jpeg")

    def run_optimizer(self, image_extension: str, buffer: bytes) -> bytes:
        """The file to send instead of thumbor's ``buffer``, which may be ``buffer`` itself.

        Raises:
            OptionError: ``SALIENCY_JPEG_OPTIONS`` is not right.
        """
        if not self.should_run(image_extension, buffer):
            return buffer
        options = self._options()
        try:
            jpeg = Encoder(options).compress_picture(self._picture(buffer)).jpeg
        except TargetError as error:
            logger.warning("saliency_jpeg: %s", error)
            jpeg = error.best
        except InputError as error:
            logger.warning("saliency_jpeg leaves thumbor's file: %s", error)
            return buffer
        fits = options.target_bytes is not None and len(jpeg) <= options.target_bytes
        return jpeg if fits or len(jpeg) < len(buffer) else buffer

    def _options(self) -> Options:
        config, request = self.context.config, self.context.request
        quality = request.quality if request.quality is not None else config.QUALITY
        wanted: dict[str, Any] = {"progressive": bool(config.PROGRESSIVE_JPEG)}
        if isinstance(quality, int | float):
            wanted["quality"] = min(max(quality, 0), 100)
        wanted |= config.SALIENCY_JPEG_OPTIONS
        if wanted.get("target_score") is not None:
            del wanted["quality" if request.max_bytes is None else "target_score"]
        if request.max_bytes is not None:
            limits = [request.max_bytes / BYTES_PER_KB, wanted.get("target_kb")]
            wanted["target_kb"] = min(limit for limit in limits if limit is not None)
        return Options(**wanted)

    def _picture(self, buffer: bytes) -> Picture:
        """The engine's pixels with the metadata of thumbor's file, or that file where the engine has no such pixels."""
        written = load(buffer)
        image = getattr(self.context.request.engine, "image", None)
        shape = written.pixels.shape
        if not isinstance(image, Image.Image) or image.mode != ("L" if len(shape) == 2 else "RGB"):
            return written
        if (image.height, image.width) != shape[:2]:
            return written
        return written._replace(pixels=np.ascontiguousarray(image), source=None)
