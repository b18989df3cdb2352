"""imageio: a plugin for the v3 API, which scikit-image uses too.

Replaces ``imageio.v3.imwrite`` and ``skimage.io.imsave`` for JPEG files::

    import imageio.v3 as iio
    import saliency_jpeg.integrations.imageio as saliency_imageio
    iio.imwrite("photo.jpg", array, plugin=saliency_imageio.Plugin, target_kb=50)

or by name, as the first choice for the extensions of JPEG files::

    saliency_imageio.register()
    skimage.io.imsave("photo.jpg", array)
    saliency_imageio.unregister()

Honours the keywords and defaults of imageio's Pillow plugin, which are Pillow's, and the fields of
:class:`saliency_jpeg.Options`; see :mod:`saliency_jpeg.integrations.pillow`.

Raises ``OptionError`` for an unknown keyword or more than one image, and ``InputError`` for an array that is not uint8
or bool. Reading is not supported and left to imageio's other plugins.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError, OptionError
from ._compat import missing_dependency
from .pillow import encode_as_pillow

try:
    import imageio.config
    from imageio.config.plugins import PluginConfig
    from imageio.core.request import URI_BYTES, InitializationError, IOMode
    from imageio.core.v3_plugin_api import PluginV3
except ImportError as error:
    raise missing_dependency("imageio") from error

__all__ = ["NAME", "Plugin", "register", "unregister"]

NAME: Final = "saliency_jpeg"

_EXTENSIONS: Final = (".jpg", ".jpeg", ".jpe", ".jfif")
_WRITE_ONLY: Final = "saliency_jpeg only writes JPEG files"


class Plugin(PluginV3):  # type: ignore[misc, unused-ignore]
    """Writes one image as a JPEG file."""

    def __init__(self, request: Any) -> None:
        """Accepts a request to write a JPEG file.

        Raises:
            InitializationError: another request; imageio then tries its other plugins.
        """
        super().__init__(request)
        extension = request.extension or request.format_hint
        if request.mode.io_mode != IOMode.write or (extension or ".jpg").lower() not in _EXTENSIONS:
            raise InitializationError(f"{_WRITE_ONLY}, got mode {request.mode.io_mode} and extension {extension!r}")

    def write(
        self, ndimage: Any, *, mode: str | None = None, is_batch: bool | None = None, **keywords: Any
    ) -> bytes | None:
        """Encodes an image and writes it; a file is opened only once encoding has succeeded.

        Args:
            ndimage: uint8 or bool (H, W), uint8 (H, W, 3), or with ``background=`` (H, W, 4); or a list of one such.
            mode: Pillow's name for the meaning of the channels.
            is_batch: whether the first axis counts images; it must have length 1.
            **keywords: Pillow's JPEG save options and the fields of :class:`saliency_jpeg.Options`.

        Returns:
            The file where the target is ``"<bytes>"``, else None.

        Raises:
            InputError: another dtype or shape.
            OptionError: a keyword is unknown or out of range, or there are several images.
            TargetError: no encoding meets the target.
        """
        jpeg = encode_as_pillow(_to_pillow(_take_single(ndimage, is_batch), mode), keywords)
        file = self.request.get_file()
        file.write(jpeg)
        return jpeg if self.request._uri_type == URI_BYTES else None

    def read(self, *, index: int = 0) -> Any:
        """Raises ``NotImplementedError``: this plugin only writes."""
        raise NotImplementedError(_WRITE_ONLY)

    def iter(self) -> Any:
        """Raises ``NotImplementedError``: this plugin only writes."""
        raise NotImplementedError(_WRITE_ONLY)

    def properties(self, index: int = 0) -> Any:
        """Raises ``NotImplementedError``: this plugin only writes."""
        raise NotImplementedError(_WRITE_ONLY)

    def metadata(self, index: int = 0, exclude_applied: bool = True) -> Any:
        """Raises ``NotImplementedError``: this plugin only writes."""
        raise NotImplementedError(_WRITE_ONLY)


def _take_single(ndimage: Any, is_batch: bool | None) -> NDArray[Any]:
    """Returns the image as an array, taken out of a list or batch of one."""
    if not isinstance(ndimage, list) and not is_batch:
        return np.asarray(ndimage)
    if len(ndimage) != 1:
        raise OptionError(f"a JPEG file holds one image, got {len(ndimage)}")
    return np.asarray(ndimage[0])


def _to_pillow(array: NDArray[Any], mode: str | None) -> Image.Image:
    if array.ndim not in (2, 3):
        raise InputError(f"an image must have shape (H, W) or (H, W, 3), got {array.shape}")
    try:
        return Image.fromarray(array) if mode is None else Image.fromarray(array, mode=mode)
    except (TypeError, ValueError) as error:
        raise InputError(f"an image must be uint8 (H, W) or (H, W, 3), got {array.dtype} {array.shape}") from error


def register() -> None:
    """Registers the plugin by name, and as first choice to write ``.jpg``, ``.jpeg``, ``.jpe`` and ``.jfif`` files."""
    unregister()
    imageio.config.known_plugins[NAME] = PluginConfig(NAME, Plugin.__name__, __name__)
    for entry in _jpeg_extensions():
        entry.priority.insert(0, NAME)


def unregister() -> None:
    """Undoes :func:`register`."""
    imageio.config.known_plugins.pop(NAME, None)
    for entry in _jpeg_extensions():
        if NAME in entry.priority:
            entry.priority.remove(NAME)


def _jpeg_extensions() -> list[Any]:
    """Returns imageio's entries for the extensions of JPEG files."""
    known = imageio.config.known_extensions
    return [entry for extension in _EXTENSIONS for entry in known.get(extension, [])]
