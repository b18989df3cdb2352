"""thumbor: an optimizer that encodes the engine's pixels and honours ``max_bytes``.

Replaces thumbor's ``jpegtran`` optimizer. In ``thumbor.conf``::

    OPTIMIZERS = ["saliency_jpeg.integrations.thumbor"]
    APP_CLASS = "saliency_jpeg.integrations.thumbor.ServiceApp"
    SALIENCY_JPEG_OPTIONS = {"strength": 0.5}  # fields of saliency_jpeg.Options

The pixels come from thumbor's engine, so that there is no second lossy generation. Metadata and chroma subsampling are
those of the file that thumbor wrote.

``ServiceApp`` checks the options and loads the network where thumbor starts; without it the first request waits. The
event loop is not blocked: with this optimizer thumbor's ``ENGINE_THREADPOOL_SIZE`` is the number of processors, unless
the configuration says otherwise, and thumbor runs its engine and optimizers in those threads.

Honours:

- the request's quality or ``QUALITY``, and ``PROGRESSIVE_JPEG``. A ``target_score`` replaces the quality.
- the filter ``max_bytes(N)`` as a limit that is kept and filled. (thumbor itself lowers the quality by quarters and,
  where 10 is not low enough, sends the large file.) Where even the smallest encoding exceeds the limit, that encoding
  is sent and a warning is logged, unless ``SALIENCY_JPEG_OPTIONS`` allows downscaling.
- Without a limit, the smaller of thumbor's file and this encoder's is sent.

Raises ``OptionError`` for a wrong option in ``SALIENCY_JPEG_OPTIONS``. An image that cannot be encoded, whatever the
error is, is logged, and thumbor's own file is sent, without the metadata that ``metadata="safe"`` or ``"strip"``
removes. Raises ``InputError`` where that cannot be done.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image

from ..encoder.encoder import Encoder
from ..errors import TargetError
from ..image.load import load
from ..image.picture import Picture
from ..io import available_cpus
from ..options import BYTES_PER_KB, Options
from ..saliency import litert
from ._compat import OPTION_NAMES, check_names, missing_dependency
from ._optimizer import remove_metadata

try:
    from thumbor.app import ThumborServiceApp
    from thumbor.config import Config
    from thumbor.optimizers import BaseOptimizer
    from thumbor.utils import logger
except ImportError as error:
    raise missing_dependency("thumbor") from error

__all__ = ["Optimizer", "ServiceApp"]

_MOST_BYTES: Final = 10**12  # larger limits limit nothing, and Options refuses them

Config.define("SALIENCY_JPEG_OPTIONS", {}, "Fields of saliency_jpeg.Options", "Optimizers")
Config.define("ENGINE_THREADPOOL_SIZE", available_cpus(), "Threads of engine and optimizers; 0: none", "Imaging")


class Optimizer(BaseOptimizer):  # type: ignore[misc, unused-ignore]
    """Encodes the engine's image again with this encoder."""

    def should_run(self, image_extension: str, buffer: bytes) -> bool:
        """Returns whether thumbor's result is a JPEG file.

        Args:
            image_extension: of the result, such as ``".jpg"``.
            buffer: the file that thumbor wrote.
        """
        return image_extension in (".jpg", ".jpeg")

    def run_optimizer(self, image_extension: str, buffer: bytes) -> bytes:
        """Returns the file to send.

        Args:
            image_extension: of the result, such as ``".jpg"``.
            buffer: the file that thumbor wrote.

        Returns:
            This encoder's file, or ``buffer`` where that is smaller and there is no limit to keep.

        Raises:
            OptionError: an option in ``SALIENCY_JPEG_OPTIONS`` is unknown or out of range.
            InputError: thumbor's file is too damaged to remove the metadata that are to be removed.
        """
        if not self.should_run(image_extension, buffer):
            return buffer
        options = self._build_options()
        is_needed = False
        try:
            picture = self._load_picture(buffer, options)
            is_needed = picture.exceeds(options.max_width, options.max_height)
            jpeg = Encoder(options).compress_picture(picture).jpeg
        except TargetError as error:
            logger.warning("saliency_jpeg: %s", error)
            jpeg = error.best
        except Exception:  # the host's own file is better than none
            logger.exception("saliency_jpeg: thumbor's own file is sent")
            return remove_metadata(buffer, options)
        own = remove_metadata(buffer, options)
        fits = options.target_bytes is not None and len(jpeg) <= options.target_bytes
        return jpeg if is_needed or fits or len(jpeg) < len(own) else own

    def _build_options(self) -> Options:
        """Returns the configured options with the quality and the byte limit of the request."""
        config, request = self.context.config, self.context.request
        check_names("the setting SALIENCY_JPEG_OPTIONS", config.SALIENCY_JPEG_OPTIONS, OPTION_NAMES)
        quality = request.quality if request.quality is not None else config.QUALITY
        fields: dict[str, Any] = {"progressive": bool(config.PROGRESSIVE_JPEG)}
        if isinstance(quality, int | float):
            fields["quality"] = min(max(quality, 0), 100)
        fields |= config.SALIENCY_JPEG_OPTIONS
        if fields.get("target_score") is not None:
            if request.max_bytes is None:
                fields.pop("quality", None)
            else:
                del fields["target_score"]
                fields.pop("target_metric", None)
        if request.max_bytes is not None:
            limits = [min(max(request.max_bytes, 1), _MOST_BYTES) / BYTES_PER_KB, fields.get("target_kb")]
            fields["target_kb"] = min(limit for limit in limits if limit is not None)
        return Options(**fields)

    def _load_picture(self, buffer: bytes, options: Options) -> Picture:
        """Loads thumbor's file, and takes the pixels from the engine where they match it in size and mode."""
        picture = load(buffer, max_pixels=options.max_pixels)
        image = getattr(self.context.request.engine, "image", None)
        shape = picture.pixels.shape
        if not isinstance(image, Image.Image) or image.mode != ("L" if len(shape) == 2 else "RGB"):
            return picture
        if (image.height, image.width) != shape[:2]:
            return picture
        return picture.without_trailing(options.kept_segments).with_pixels(np.ascontiguousarray(image))


class ServiceApp(ThumborServiceApp):  # type: ignore[misc, unused-ignore]
    """thumbor's application, with the options checked and the network loaded before the first request.

    Raises:
        OptionError: an option in ``SALIENCY_JPEG_OPTIONS`` is unknown or out of range.
        PresetError: the saliency preset is unknown or damaged.
    """

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        if not context.config.ENGINE_THREADPOOL_SIZE:
            logger.warning("saliency_jpeg: with ENGINE_THREADPOOL_SIZE = 0 every picture blocks the event loop")
        given = context.config.SALIENCY_JPEG_OPTIONS
        check_names("the setting SALIENCY_JPEG_OPTIONS", given, OPTION_NAMES)
        encoder = Encoder(Options(**given))
        # Behind this thumbor may fork its processes, which TensorFlow does not survive.
        if litert.is_installed() or getattr(context.server, "processes", 1) in (None, 1):
            encoder.warm_up()
