"""Step 1: every kind of input becomes 8-bit RGB or gray pixels plus metadata, by the same rules.

- Gray stays gray, one component: modes 1, L, LA, I;16 and I, a palette of grays, arrays with one channel, bool masks.
- 16-bit gray is scaled to 8 bits with rounding, 65535 to 255. Mode I is taken as 16-bit gray, as Pillow uses it; values
  outside 0..65535, and mode F, have no defined range and are refused.
- Alpha is flattened on a background colour, in the stored values as Pillow's ``alpha_composite`` does, rounded to
  nearest. Gray with alpha stays gray on a gray background.
- CMYK with an ICC profile goes to sRGB through that profile, without one by Pillow's plain rule; the profile is dropped
  either way. A profile made for another kind of pixels (a gray profile on RGB and the like) is dropped too.
- Pixels are not turned: the EXIF orientation stays a tag. TIFF and HEIC are the exceptions: their decoders turn them,
  and what describes the stored pixels follows.
- A PIL image may have been edited since it was opened: where sizes or thumbnails in its metadata no longer fit the
  pixels, they are updated. Where its pixels may have changed since they were read, thumbnails are made again. Every
  other EXIF block is kept byte for byte.
- Of several frames the current one is taken, the first in a file.
- The size in the header of a file, and the scans of a JPEG file, are checked before anything is decoded.
- A JPEG keeps its own bytes and, byte for byte, its metadata; see :func:`saliency_jpeg.metadata.jpeg_metadata.collect`.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import IO, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..checks import shown
from ..errors import OptionError
from ..metadata.containers import complete, read_container
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..metadata.model import Metadata
from ..metadata.pillow_info import from_file, from_pillow
from . import pixels
from .picture import Picture
from .pillow_file import container_metadata, decode, open_decoded
from .read import read_bytes
from .turned import applied_orientation
from .unedited import is_described, is_unread

__all__ = ["HeldSource", "ImageSource", "hold", "icc_fits", "load", "load_jpeg"]


ImageSource: TypeAlias = Union[
    str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes], Image.Image, "NDArray[np.uint8]"
]


#: What :func:`hold` returns.
HeldSource: TypeAlias = Union[bytes, "NDArray[np.uint8]", Picture]


def hold(
    source: ImageSource,
    *,
    background: Sequence[int] = (255, 255, 255),
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> HeldSource:
    """Returns an image as it is now, for :func:`load` later and in another thread; arguments and errors are the same.

    Files are read but not decoded, arrays are copied. A PIL image is loaded, because only its owner's thread may use
    its file, its current frame and its metadata.
    """
    if isinstance(source, np.ndarray):
        return source.copy()
    if isinstance(source, Image.Image):
        return load(source, background=background, max_pixels=max_pixels)
    return read_bytes(source)


def load(
    source: ImageSource | Picture,
    *,
    background: Sequence[int] = (255, 255, 255),
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> Picture:
    """Loads an image, by the rules of this module.

    Args:
        source: a path, the bytes of an image file, a binary file object (read from its position to the end, left
            open), a PIL image, or an array: uint8 (height, width), (height, width, 1), (height, width, 3) RGB or
            (height, width, 4) RGBA, or bool (height, width). Arrays carry no metadata. A loaded picture is returned.
        background: RGB, 0 to 255 each, that shows through where the image is transparent.
        max_pixels: most pixels of an image that is not decoded yet; ``None`` for no limit. Arrays and PIL images that
            are loaded already have no limit. With the default, a lower limit of the application in
            ``PIL.Image.MAX_IMAGE_PIXELS`` holds too (Pillow warns from there on, and refuses twice as many).

    Raises:
        InputError: the source is no image, empty, damaged or truncated (also where Pillow is set to accept that), of an
            unsupported kind, without pixels, over 65535 on a side, over ``max_pixels``, or a JPEG file of more scans
            than encoders write.
        OptionError: ``background`` is not three integers from 0 to 255.
        OSError: the path cannot be read (``FileNotFoundError``, ``IsADirectoryError``, ``PermissionError``), as from
            :func:`open`; or reading the file object raised it (whatever else it raises becomes an ``InputError``).
        MemoryError: there is not enough memory for the picture.
    """
    colour = _checked_background(background)
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return Picture(pixels.from_array(source, colour), Metadata())
    if isinstance(source, Image.Image):
        was_unread, found = is_unread(source), container_metadata(source)
        decode(source, max_pixels)
        picture = _picture(source, complete(from_pillow(source), found), colour)
        turn = applied_orientation(source)
        is_whole = is_described(source, picture.metadata, picture.pixels, was_unread=was_unread)
        return picture.as_turned(turn) if turn != 1 or is_whole else picture.with_pixels(picture.pixels)
    data = read_bytes(source)
    if is_jpeg(data):
        jpeg = JpegSource(data)
        return load_jpeg(jpeg, background=background, max_pixels=max_pixels)
    image = open_decoded(data, max_pixels)
    metadata = complete(from_file(image), read_container(data))
    return _picture(image, metadata, colour).as_turned(applied_orientation(image))


def load_jpeg(
    source: JpegSource,
    *,
    background: Sequence[int] = (255, 255, 255),
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> Picture:
    """Decodes a JPEG file; its metadata are read by our own parsers, Pillow sees only what it needs to decode.

    Args:
        source: the file; of several images the primary one is decoded.
        background: as for :func:`load`.
        max_pixels: as for :func:`load`.

    Raises:
        InputError: the file is damaged, truncated, or over a limit.
        OptionError: ``background`` is not three integers from 0 to 255.
    """
    colour = _checked_background(background)
    source.check_limits(max_pixels)
    picture = _picture(open_decoded(source.decodable, max_pixels), source.metadata, colour)
    return picture._replace(source=source, subsampling=source.subsampling)


def _checked_background(background: Sequence[int]) -> NDArray[np.uint16]:
    try:
        values = [operator.index(value) for value in background]
    except TypeError:
        values = []
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise OptionError(f"background must be three integers from 0 to 255, got {shown(background)}")
    return np.array(values, np.uint16)


def _picture(image: Image.Image, metadata: Metadata, background: NDArray[np.uint16]) -> Picture:
    values = pixels.from_image(image, metadata, background)
    if not icc_fits(metadata, image.mode, values.ndim):
        metadata = replace(metadata, icc=None)
    return Picture(values, metadata)


def icc_fits(metadata: Metadata, mode: str, ndim: int) -> bool:
    """Whether a profile describes the pixels made; one without a readable header is kept as it is."""
    return mode != "CMYK" and metadata.icc_space in (None, b"GRAY" if ndim == 2 else b"RGB ")
