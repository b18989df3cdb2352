"""Files that Pillow has opened or is to open, under this library's limits."""

from __future__ import annotations

import contextlib
import io
import struct
from typing import IO, Any, Final

from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from ..metadata.containers import FORMATS, read_container
from ..metadata.jpeg_source import JpegSource
from ..metadata.limits import DEFAULT_MAX_PIXELS, check_size
from ..metadata.model import Metadata
from ..metadata.pillow_switch import strict_decoding
from . import heif
from .embedded import check_embedded, check_kind
from .netpbm import scale_samples
from .turned import note_orientation

__all__ = ["container_metadata", "decode", "open_decoded"]

_MARK: Final = "_saliency_jpeg_container"
_INTEROPERABILITY_IFD: Final = 0xA005


def open_decoded(data: bytes, max_pixels: int | None) -> Image.Image:
    """Opens an image file and decodes its first frame.

    Args:
        data: of the file.
        max_pixels: as for :func:`.load.load`.

    Raises:
        InputError: it is no image, damaged, truncated, over a limit, or of a kind that another program would decode.
    """
    if not data:
        raise InputError("the image data is empty")
    check_embedded(data, max_pixels)
    try:
        heif.prepare(data)
        with strict_decoding():
            image = _identify(io.BytesIO(data), max_pixels)
    except InputError:
        raise
    except Exception as error:
        raise _input_error(error, len(data)) from error
    check_kind(image, max_pixels)
    note_orientation(image, ignore_xmp=True)
    check_size(*image.size, max_pixels)
    scale_samples(image, data)
    _decode_frame(image, max_pixels)
    return image


def decode(image: Image.Image, max_pixels: int | None) -> None:
    """Decodes the current frame of an image that the caller holds, if that is still to be done.

    Args:
        image: as the caller holds it; one that is decoded already has no limit.
        max_pixels: as for :func:`.load.load`.

    Raises:
        InputError: as for :func:`open_decoded`.
    """
    is_lazy = getattr(image, "_im", None) is None  # opened, and not decoded yet
    if is_lazy:
        check_kind(image, max_pixels)
        _check_lazy_jpeg(image)
        if image.format == "BLP":
            check_embedded(_read_from(image, 0), max_pixels)
        note_orientation(image)
        _read_directories(image)
    _decode_frame(image, max_pixels if is_lazy else None)


def _read_directories(image: Image.Image) -> None:
    """Lets Pillow read a directory of a TIFF file that it can no longer read once the picture is decoded."""
    if hasattr(image, "tag_v2"):
        with contextlib.suppress(Exception):  # Pillow's EXIF parser raises many kinds
            image.getexif().get_ifd(_INTEROPERABILITY_IFD)


def container_metadata(image: Image.Image) -> Metadata:
    """Returns what Pillow does not read of the file of an image, noted in the image for the next time.

    Args:
        image: as the caller holds it. Once Pillow has closed its file, nothing more is found.
    """
    if image.format not in FORMATS:
        return Metadata()
    if not hasattr(image, _MARK) and getattr(image, "fp", None) is not None:
        try:
            setattr(image, _MARK, read_container(_read_from(image, 0)))
        except InputError:  # decoding says what is wrong
            return Metadata()
    found: Metadata = getattr(image, _MARK, Metadata())
    return found


def _decode_frame(image: Image.Image, max_pixels: int | None) -> None:
    """Decodes the current frame; Pillow raises whatever a decoder met, so all of it is caught."""
    check_size(*image.size, max_pixels)
    try:
        with strict_decoding():
            image.load()
    except MemoryError:  # the size is checked: the picture is sound, and the memory short
        raise
    except Exception as error:
        raise _input_error(error) from error
    check_size(*image.size, max_pixels)  # an icon may hold a larger picture than it says


def _input_error(error: Exception, size: int = 0) -> InputError:
    if isinstance(error, UnidentifiedImageError):
        return InputError(f"the data ({size} bytes) is not an image that Pillow can read")
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return InputError(
            f"{error} For images that you trust pass max_pixels (--max-pixels), which counts instead of "
            "PIL.Image.MAX_IMAGE_PIXELS, or a decoded array."
        )
    return InputError(f"cannot decode the image: {error or type(error).__name__}")


def _identify(file: IO[bytes], max_pixels: int | None) -> Image.Image:
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


def _check_lazy_jpeg(image: Image.Image) -> None:
    """Checks the scans of a JPEG file that Pillow has opened and not decoded yet; other images pass.

    Raises:
        InputError: more scans than encoders write, or the file cannot be read.
    """
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
