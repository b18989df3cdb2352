"""Files that Pillow has opened or is to open, under this library's limits."""

from __future__ import annotations

import struct
from typing import IO, Any

from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from ..metadata.jpeg_source import JpegSource
from ..metadata.limits import DEFAULT_MAX_PIXELS

__all__ = ["check_lazy_jpeg", "identify", "is_lazy"]


def identify(file: IO[bytes], max_pixels: int | None) -> Image.Image:
    """Reads the header of an image file, as ``Image.open`` does.

    With the default limit ``Image.open`` does it, which knows the application's limit. Another limit of the caller's
    counts instead of that one; Pillow has no other way round it than its registry of formats.

    Args:
        file: at its start.
        max_pixels: as for :func:`.load.load`; the caller checks it.

    Raises:
        UnidentifiedImageError: no format of Pillow's accepts the file.
        Exception: whatever a format raises.
    """
    if max_pixels == DEFAULT_MAX_PIXELS:
        return Image.open(file)
    Image.init()
    prefix = file.read(16)
    for name in Image.ID:
        factory, accepts = Image.OPEN[name]
        accepted = True if accepts is None else accepts(prefix)
        if not accepted or isinstance(accepted, str):  # a string says why not
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise UnidentifiedImageError("cannot identify image file")


def is_lazy(image: Image.Image) -> bool:
    """Returns whether a PIL image is opened, but not decoded yet."""
    return getattr(image, "_im", None) is None


def check_lazy_jpeg(image: Image.Image) -> None:
    """Checks the scans of a JPEG file that Pillow has opened and not decoded yet; other images pass.

    Raises:
        InputError: more scans than encoders write, or the file cannot be read.
    """
    if not is_lazy(image):
        return
    for codec, _, offset, *_ in getattr(image, "tile", ()):
        if codec == "jpeg":
            JpegSource(_read_from(image, offset)).check_scans()


def _read_from(image: Any, offset: int) -> bytes:
    """Returns the bytes of the file of a PIL image from an offset on; its position stays."""
    try:
        position = image.fp.tell()
        image.fp.seek(offset)
        data: bytes = image.fp.read()
        image.fp.seek(position)
    except Exception as error:  # a closed file, or one that cannot be read
        raise InputError(f"cannot decode the image: {error or type(error).__name__}") from error
    return data
