"""Willow: an optimizer that makes JPEG renditions smaller, Wagtail's included.

Replaces Willow's ``jpegoptim`` optimizer. In Django's settings, or without Django in the environment variable
``WILLOW_OPTIMIZERS``::

    WILLOW_OPTIMIZERS = True  # or a list that contains "saliency-jpeg"

and where the application starts, such as in ``AppConfig.ready``::

    from willow.registry import registry
    from saliency_jpeg.integrations.willow import SaliencyJpeg
    registry.register_optimizer(SaliencyJpeg)

Willow has already written the rendition as a JPEG file when an optimizer runs. Let it use a high quality
(``WAGTAILIMAGES_JPEG_QUALITY = 95``), and set the final quality here; the default is 85. To change options, derive a
class::

    class Renditions(SaliencyJpeg):
        options = Options(target_kb=60, metadata="safe")

Honours all fields of :class:`saliency_jpeg.Options`.

``Renditions.warm_up()`` in ``AppConfig.ready`` loads the network before the first request; without it the first
rendition waits for that. Where worker processes are forked afterwards, call it in each.

Raises nothing for an image that cannot be encoded as asked, whatever the error is: like Willow's own optimizers, it
logs the error and leaves the file unchanged, save that metadata go where ``metadata`` is ``"safe"`` or ``"strip"``.
Where that cannot be done it raises ``InputError``, or ``OSError`` where the file cannot be written.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import ClassVar

from ..io import FileChangedError, version, write
from ..options import Options
from ._compat import missing_dependency
from ._optimizer import optimize_jpeg, remove_metadata, warm_up

try:
    from willow.optimizers.base import OptimizerBase
except ImportError as error:
    raise missing_dependency("Willow") from error

__all__ = ["SaliencyJpeg"]

_logger = logging.getLogger("willow")


class SaliencyJpeg(OptimizerBase):  # type: ignore[misc, unused-ignore]
    """Replaces a JPEG file by a smaller one, if there is one.

    Attributes:
        options: how to encode.
    """

    library_name: ClassVar[str] = "saliency-jpeg"
    image_format: ClassVar[str] = "jpeg"
    options: ClassVar[Options] = Options(quality=85)  # Willow's setting for jpegoptim

    @classmethod
    def check_library(cls) -> bool:
        """Returns True: the library is installed."""
        return True

    @classmethod
    def warm_up(cls) -> None:
        """Loads what the first rendition would load, such as the network."""
        warm_up(cls.options)

    @classmethod
    def process(cls, file_path: str) -> None:
        """Makes a JPEG file smaller in place; logs an error and leaves the picture unchanged where that fails.

        Args:
            file_path: of the file.

        Raises:
            InputError: the file is too damaged to remove the metadata that are to be removed.
            OSError: the file cannot be read, or metadata are to be removed and it cannot be written.
        """
        before = version(str(file_path))
        data = Path(file_path).read_bytes()
        try:
            jpeg = optimize_jpeg(data, cls.options)
        except Exception:  # the host's own file is better than none
            _logger.exception("Error optimizing %s with the 'saliency-jpeg' library", file_path)
            jpeg = remove_metadata(data, cls.options)
        if jpeg != data:
            try:
                write(str(file_path), jpeg, unless_changed=before)
            except OSError as error:
                if cls.options.metadata != "keep" and not isinstance(error, FileChangedError):
                    raise
                _logger.exception("Error optimizing %s with the 'saliency-jpeg' library", file_path)
