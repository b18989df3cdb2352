"""An optimizer for Willow, and so for Wagtail: every JPEG rendition that they save gets smaller.

In Django's settings (or, without Django, in the environment variable ``WILLOW_OPTIMIZERS``)::

    WILLOW_OPTIMIZERS = True  # or a list that holds "saliency-jpeg"

and where the application starts, an ``AppConfig.ready`` say::

    from willow.registry import registry
    from saliency_jpeg.integrations.willow import SaliencyJpeg
    registry.register_optimizer(SaliencyJpeg)

A rendition is a JPEG file already when it comes here, so let Willow write it at a high quality
(``WAGTAILIMAGES_JPEG_QUALITY = 95``) and say here what is wanted, 85 by default. The options are an attribute::

    class Renditions(SaliencyJpeg):
        options = Options(target_kb=60, metadata="safe")
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

from ..errors import SaliencyJpegError
from ..io import write
from ..options import Options
from ._optimize import optimized
from ._optional import missing

try:
    from willow.optimizers.base import OptimizerBase
except ImportError as error:
    raise missing("Willow") from error

__all__ = ["SaliencyJpeg"]

_logger = logging.getLogger("willow")


class SaliencyJpeg(OptimizerBase):  # type: ignore[misc, unused-ignore]
    """Writes a JPEG file again where that makes it smaller.

    Attributes:
        options: how to encode.
    """

    library_name: ClassVar[str] = "saliency-jpeg"
    image_format: ClassVar[str] = "jpeg"
    options: ClassVar[Options] = Options(quality=85)  # which is what Willow asks of jpegoptim

    @classmethod
    def check_library(cls) -> bool:
        """The library is here: this is it."""
        return True

    @classmethod
    def process(cls, file_path: str) -> None:
        """Replaces the file by a smaller one; as Willow's other optimizers do, logs an error and leaves the file."""
        data = Path(file_path).read_bytes()
        try:
            jpeg = optimized(data, cls.options)
        except SaliencyJpegError:
            _logger.exception("Error optimizing %s with the 'saliency-jpeg' library", file_path)
            return
        if jpeg != data:
            write(str(file_path), jpeg)
