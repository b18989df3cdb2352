"""Step 1: every kind of input becomes 8-bit RGB or gray pixels plus metadata, by the same rules.

- Gray stays gray, one component: modes 1, L, LA, I;16 and I, a palette of grays, arrays with one channel, bool masks.
- 16-bit gray is scaled to 8 bits with rounding, 65535 to 255. Mode I is taken as 16-bit gray, as Pillow uses it; values
  outside 0..65535, and mode F, have no defined range and are refused.
- Alpha is flattened on a background colour, in the stored values as Pillow's ``alpha_composite`` does, rounded to
  nearest. Gray with alpha stays gray on a gray background.
- CMYK with an ICC profile goes to sRGB through that profile, without one by Pillow's plain rule; the profile is dropped
  either way. A profile made for another kind of pixels (a gray profile on RGB and the like) is dropped too.
- Pixels are not turned: the EXIF orientation stays a tag. (TIFF is the exception: Pillow turns it while loading.)
- A PIL image may have been edited since it was opened: where sizes or thumbnails in its metadata no longer fit the
  pixels, they are updated. Where its pixels may have changed since they were read, thumbnails are made again. Every
  other EXIF block is kept byte for byte.
- Of several frames the current one is taken, the first in a file.
- The size in the header of a file, and the scans of a JPEG file, are checked before anything is decoded.
- A JPEG keeps its own bytes and, byte for byte, its metadata; see :func:`saliency_jpeg.metadata.jpeg_metadata.collect`.
"""

from __future__ import annotations

import io
import operator
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import InputError, OptionError
from ..metadata import refresh
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.limits import DEFAULT_MAX_PIXELS, check_pixels
from ..metadata.model import Metadata
from ..metadata.multi_picture import TrailingImages
from ..metadata.pillow_info import from_file, from_pillow
from ..metadata.pillow_switch import strict_decoding
from .orientation import rotate
from .pillow_file import check_lazy_jpeg, identify, is_lazy
from .unedited import is_described, is_unread

__all__ = ["MAX_SIDE", "HeldSource", "ImageSource", "Picture", "hold", "load", "load_jpeg", "read_bytes"]

MAX_SIDE = 65535  # T.81, B.2.2: X and Y are 16 bits

ImageSource: TypeAlias = Union[
    str, "os.PathLike[str]", bytes, bytearray, memoryview, IO[bytes], Image.Image, "NDArray[np.uint8]"
]

_GRAY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
_ALPHA_MODES = (*_GRAY_MODES, "P", "PA", "RGB", "RGBA", "RGBa")  # those in which transparency means something


class Picture(NamedTuple):
    """A loaded image.

    Attributes:
        pixels: uint8, (height, width, 3) RGB or (height, width) gray, C-contiguous. They may share the memory of a
            NumPy source, so they must not be written to.
        metadata: EXIF, ICC profile and so on.
        source: the file where the input was a JPEG file (path, bytes or file object), else ``None``.
        subsampling: luma samples (across, down) for each chroma sample, where the input was a colour JPEG file.
    """

    pixels: NDArray[np.uint8]
    metadata: Metadata
    source: JpegSource | None = None
    subsampling: tuple[int, int] | None = None

    @property
    def trailing(self) -> TrailingImages | None:
        """Images and clips behind the picture in its file."""
        return None if self.source is None else self.source.trailing

    def upright(self, saliency: NDArray[np.float32] | None = None) -> tuple[Picture, NDArray[np.float32] | None]:
        """Returns the picture rotated as its orientation asks, with updated metadata, and its map likewise."""
        if self.metadata.orientation == 1:
            return self, saliency
        pixels = np.ascontiguousarray(rotate(self.pixels, self.metadata.orientation))
        if saliency is not None:
            saliency = np.ascontiguousarray(rotate(saliency, self.metadata.orientation))
        swapped = self.subsampling[::-1] if self.subsampling and self.metadata.orientation >= 5 else self.subsampling
        metadata = refresh.refresh(refresh.refresh_orientation(self.metadata), pixels)
        return Picture(pixels, metadata, None, swapped), saliency

    def with_pixels(self, pixels: NDArray[np.uint8]) -> Picture:
        """Returns the picture with other pixels, uint8 (H, W) or (H, W, 3), and updated metadata."""
        return Picture(pixels, refresh.refresh(self.metadata, pixels), None, self.subsampling)

    def without_trailing(self) -> Picture:
        """Returns the picture without images and clips behind it in its file."""
        if self.trailing is None or self.source is None:
            return self
        alone = self.source.primary()
        return self._replace(source=alone, metadata=replace(alone.metadata, icc=self.metadata.icc))


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
            :func:`open`; or reading the file object failed.
    """
    colour = _checked_background(background)
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return Picture(_from_array(source, colour), Metadata())
    if isinstance(source, Image.Image):
        was_unread = is_unread(source)
        limit = max_pixels if is_lazy(source) else None
        check_lazy_jpeg(source)
        _load_frame(source, limit)
        picture = _picture(source, from_pillow(source), colour)
        is_whole = is_described(source, picture.metadata, picture.pixels, was_unread=was_unread)
        return picture if is_whole else picture.with_pixels(picture.pixels)
    data = read_bytes(source)
    if is_jpeg(data):
        jpeg = JpegSource(data)
        return load_jpeg(jpeg, background=background, max_pixels=max_pixels)
    image = _open(data, max_pixels)
    return _picture(image, from_file(image), colour)


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
    picture = _picture(_open(source.decodable, max_pixels), source.metadata, colour)
    return picture._replace(source=source, subsampling=source.subsampling)


def _checked_background(background: Sequence[int]) -> NDArray[np.uint16]:
    try:
        values = [operator.index(value) for value in background]
    except TypeError:
        values = []
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise OptionError(f"background must be three integers from 0 to 255, got {background!r}")
    return np.array(values, np.uint16)


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"the image has no pixels: width {width}, height {height}")
    if max(width, height) > MAX_SIDE:
        raise InputError(f"width {width}, height {height}: a JPEG has at most {MAX_SIDE} pixels on a side")


# Sources ------------------------------------------------------------------------------------------------------------


def read_bytes(source: object) -> bytes:
    """Returns the bytes of a path, a bytes-like object or a binary file object; errors as :func:`load`."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        return _read_path(source)
    reader = getattr(source, "read", None)
    if not callable(reader):
        kinds = "a path, bytes, a binary file object, a PIL image or a NumPy array"
        raise InputError(f"an image must be {kinds}, got {type(source).__name__}")
    try:
        data = reader()
    except ValueError as error:  # of a closed file
        raise InputError(f"the file object cannot be read: {error}") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InputError(f"the file object must be opened in binary mode; its read() gave {type(data).__name__}")
    return bytes(data)


def _read_path(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except ValueError as error:  # a null character or an unpaired surrogate in the name
        raise InputError(f"not a usable path: {path!r}") from error


def _open(data: bytes, max_pixels: int | None) -> Image.Image:
    """Decode a file's first frame."""
    if not data:
        raise InputError("the image data is empty")
    try:
        with strict_decoding():
            image = identify(io.BytesIO(data), max_pixels)
    except Exception as error:
        raise _input_error(error, len(data)) from error
    if image.format == "EPS":
        raise InputError("EPS is not accepted: decoding it would run another program")
    _load_frame(image, max_pixels)
    return image


def _load_frame(image: Image.Image, max_pixels: int | None) -> None:
    """Decode the current frame; Pillow raises whatever a decoder met, so all of it is caught."""
    _check_size(*image.size)
    check_pixels(*image.size, max_pixels)
    try:
        with strict_decoding():
            image.load()
    except Exception as error:
        raise _input_error(error) from error
    _check_size(*image.size)
    check_pixels(*image.size, max_pixels)  # an icon may hold a larger picture than it says


def _input_error(error: Exception, size: int = 0) -> InputError:
    if isinstance(error, UnidentifiedImageError):
        return InputError(f"the data ({size} bytes) is not an image that Pillow can read")
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return InputError(
            f"{error} For images that you trust pass max_pixels (--max-pixels), which counts instead of "
            "PIL.Image.MAX_IMAGE_PIXELS, or a decoded array."
        )
    return InputError(f"cannot decode the image: {error or type(error).__name__}")


def _from_array(array: NDArray[np.generic], background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    shapes = "(height, width), (height, width, 1), (height, width, 3) or (height, width, 4)"
    if array.dtype not in (np.uint8, np.bool_):
        raise InputError(f"an image array must be uint8, or bool for a gray mask, got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image array must have shape {shapes}, got {array.shape}")
    _check_size(array.shape[1], array.shape[0])
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype == np.bool_ and channels != 1:
        raise InputError(f"a bool array must have shape (height, width), got {array.shape}")
    values = np.asarray(array)
    pixels = values * np.uint8(255) if values.dtype == np.bool_ else values.astype(np.uint8, copy=False)
    if channels == 4:
        return _flatten(pixels[..., :3], pixels[..., 3], background)
    return np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels)


# Pixels -------------------------------------------------------------------------------------------------------------


def _picture(image: Image.Image, metadata: Metadata, background: NDArray[np.uint16]) -> Picture:
    try:
        pixels = _pixels(image, metadata, background)
    except InputError:
        raise
    except Exception as error:  # a damaged palette or transparency entry
        raise InputError(f"cannot convert mode {image.mode} to 8-bit RGB or gray: {error}") from error
    if not _icc_fits(metadata, image.mode, pixels.ndim):
        metadata = replace(metadata, icc=None)
    return Picture(pixels, metadata)


def _icc_fits(metadata: Metadata, mode: str, ndim: int) -> bool:
    """Whether a profile describes the pixels made; one without a readable header is kept as it is."""
    return mode != "CMYK" and metadata.icc_space in (None, b"GRAY" if ndim == 2 else b"RGB ")


def _pixels(image: Image.Image, metadata: Metadata, background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """uint8 (height, width, 3) or (height, width) from a loaded PIL image of any mode."""
    mode = image.mode
    if mode == "I" or mode.startswith("I;16"):
        return _from_wide_gray(image, background)
    if mode not in _GRAY_MODES + _COLOUR_MODES:
        raise InputError(f"mode {mode} is not supported: its values have no defined range; convert to L or RGB first")
    gray = mode in _GRAY_MODES or (mode in ("P", "PA") and metadata.icc_space != b"RGB " and _has_gray_palette(image))
    if mode in _ALPHA_MODES and image.has_transparency_data:
        values = np.asarray(_converted(image, "LA" if gray else "RGBA"))
        return _flatten(values[..., :-1], values[..., -1], background)
    if mode == "CMYK" and metadata.icc_space == b"CMYK":
        image = _cmyk_to_srgb(image, metadata.icc or b"")
    return np.ascontiguousarray(np.asarray(_converted(image, "L" if gray else "RGB")))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _has_gray_palette(image: Image.Image) -> bool:
    palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _from_wide_gray(image: Image.Image, background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16-bit gray scaled to 8; the value named by PNG's tRNS chunk is transparent."""
    wide = np.asarray(image)
    if image.mode == "I" and (int(wide.min()) < 0 or int(wide.max()) > 65535):
        raise InputError(f"mode I is read as 16-bit gray, 0 to 65535; got {wide.min()} to {wide.max()}")
    gray = ((wide.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return gray
    return _flatten(gray[..., None], np.where(wide == key, 0, 255).astype(np.uint8), background)


def _cmyk_to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Relative colorimetric with black point compensation; the image unchanged if the profile cannot be used."""
    from PIL import ImageCms

    try:
        converted = ImageCms.profileToProfile(
            image,
            io.BytesIO(icc),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError):
        return image
    return converted or image


def _flatten(values: NDArray[np.uint8], alpha: NDArray[np.uint8], background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Blend (height, width, 1 or 3) over the background; one channel stays one unless a colour shows through."""
    if (alpha == 255).all():
        blended = values
    else:
        if values.shape[2] == 1 and (background == background[0]).all():
            background = background[:1]
        opacity = alpha[..., None].astype(np.uint16)
        # At most 255 * 255 + 127, inside 16 bits; no exact halves, since 255 is odd.
        total = values * opacity + background * (255 - opacity)
        total += 127
        total //= 255
        blended = total.astype(np.uint8)
    return np.ascontiguousarray(blended[..., 0] if blended.shape[2] == 1 else blended)
