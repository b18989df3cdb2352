"""A plugin for imageio's v3 API, and through it for scikit-image.

::

    import imageio.v3 as iio
    import saliency_jpeg.integrations.imageio as saliency_imageio

    iio.imwrite("photo.jpg", array, plugin=saliency_imageio.Plugin, target_kb=50)

    saliency_imageio.register()  # by name, plugin="saliency_jpeg", and first choice for names of JPEG files
    skimage.io.imsave("photo.jpg", array)
    saliency_imageio.unregister()

It only writes.  Keywords and defaults are those of imageio's own Pillow plugin, that is Pillow's, plus the fields of
:class:`saliency_jpeg.Options`; see :mod:`saliency_jpeg.integrations.pillow`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image

from ..errors import InputError, OptionError
from ._optional import missing
from .pillow import encode_as_pillow

try:
    import imageio.config
    from imageio.config.plugins import PluginConfig
    from imageio.core.request import URI_BYTES, InitializationError, IOMode
    from imageio.core.v3_plugin_api import PluginV3
except ImportError as error:
    raise missing("imageio") from error

__all__ = ["NAME", "Plugin", "register", "unregister"]

NAME: Final = "saliency_jpeg"

_EXTENSIONS: Final = (".jpg", ".jpeg", ".jpe", ".jfif")


class Plugin(PluginV3):  # type: ignore[misc, unused-ignore]
    """Writes one picture as a JPEG file."""

    def __init__(self, request: Any) -> None:
        """Takes a request to write; another is left to imageio's other plugins."""
        super().__init__(request)
        extension = request.extension or request.format_hint
        if request.mode.io_mode != IOMode.write or (extension or ".jpg").lower() not in _EXTENSIONS:
            raise InitializationError("saliency_jpeg writes JPEG files and does nothing else")

    def write(
        self, ndimage: Any, *, mode: str | None = None, is_batch: bool | None = None, **keywords: Any
    ) -> bytes | None:
        """The file, which is opened once it is encoded.

        Args:
            ndimage: uint8 or bool (H, W), uint8 (H, W, 3), or with ``background=`` (H, W, 4); or a list of one such.
            mode: Pillow's name of what the channels are.
            is_batch: whether the first axis counts pictures; only one can be written.
            keywords: of Pillow, and fields of ``Options``.

        Returns:
            The file where the target is ``"<bytes>"``.

        Raises:
            InputError: another type or shape.
            OptionError: a keyword is unknown or out of range.
            TargetError: the target is too small for this image.
        """
        jpeg = encode_as_pillow(_image(_picture(ndimage, is_batch), mode), keywords)
        file = self.request.get_file()
        file.write(jpeg)
        return jpeg if self.request._uri_type == URI_BYTES else None

    def read(self, *, index: int = 0) -> Any:
        """Not here."""
        raise NotImplementedError("saliency_jpeg only writes")

    def iter(self) -> Any:
        """Not here."""
        raise NotImplementedError("saliency_jpeg only writes")

    def properties(self, index: int = 0) -> Any:
        """Not here."""
        raise NotImplementedError("saliency_jpeg only writes")

    def metadata(self, index: int = 0, exclude_applied: bool = True) -> Any:
        """Not here."""
        raise NotImplementedError("saliency_jpeg only writes")


def _picture(ndimage: Any, is_batch: bool | None) -> Any:
    """One picture, out of a list or batch of one."""
    if not isinstance(ndimage, list) and not is_batch:
        return np.asarray(ndimage)
    if len(ndimage) != 1:
        raise OptionError(f"one picture fits into a JPEG file, got {len(ndimage)}")
    return np.asarray(ndimage[0])


def _image(array: Any, mode: str | None) -> Image.Image:
    if array.ndim not in (2, 3):
        raise InputError(f"an image must have shape (H, W) or (H, W, 3), got {array.shape}")
    try:
        return Image.fromarray(array) if mode is None else Image.fromarray(array, mode=mode)
    except (TypeError, ValueError) as error:
        raise InputError(f"an image must be uint8 (H, W) or (H, W, 3), got {array.dtype} {array.shape}") from error


def register() -> None:
    """Makes the plugin known by its name, and the first choice for writing ``.jpg``, ``.jpeg``, ``.jpe``, ``.jfif``."""
    unregister()
    imageio.config.known_plugins[NAME] = PluginConfig(NAME, Plugin.__name__, __name__)
    for entry in _file_extensions():
        entry.priority.insert(0, NAME)


def unregister() -> None:
    """Undoes :func:`register`."""
    imageio.config.known_plugins.pop(NAME, None)
    for entry in _file_extensions():
        if NAME in entry.priority:
            entry.priority.remove(NAME)


def _file_extensions() -> list[Any]:
    known = imageio.config.known_extensions
    return [entry for extension in _EXTENSIONS for entry in known.get(extension, [])]
