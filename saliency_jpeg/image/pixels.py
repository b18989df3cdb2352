"""Pixels of every kind as 8-bit RGB or gray, by the rules of :mod:`.load`."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..metadata.limits import check_size
from ..metadata.model import Metadata

__all__ = ["from_array", "from_image"]

_GRAY_MODES = ("1", "L", "LA", "La")
_COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
_ALPHA_MODES = (*_GRAY_MODES, "P", "PA", "RGB", "RGBA", "RGBa")  # those in which transparency means something

_BAND_PIXELS: Final = 125_000  # converted at a time


def from_array(array: NDArray[np.generic], background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Returns the pixels of an array, uint8 (height, width, 3) or (height, width), C-contiguous.

    Args:
        array: as for :func:`.load.load`.
        background: RGB, 0 to 255 each, for what is transparent.

    Raises:
        InputError: another shape or dtype, or a size that no JPEG file can have.
    """
    shapes = "(height, width), (height, width, 1), (height, width, 3) or (height, width, 4)"
    if array.dtype not in (np.uint8, np.bool_):
        raise InputError(f"an image array must be uint8, or bool for a gray mask, got {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image array must have shape {shapes}, got {array.shape}")
    check_size(array.shape[1], array.shape[0], None)
    if np.ma.is_masked(array):  # what lies below the mask is not meant to be seen
        raise InputError(
            f"an image array must have no masked pixels; fill them first, got {np.ma.getmaskarray(array).sum()}"
        )
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype == np.bool_ and channels != 1:
        raise InputError(f"a bool array must have shape (height, width), got {array.shape}")
    values = np.asarray(array)
    pixels = values * np.uint8(255) if values.dtype == np.bool_ else values.astype(np.uint8, copy=False)
    if channels == 4:
        return _flatten(pixels[..., :3], pixels[..., 3], background)
    return np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels)


def from_image(image: Image.Image, metadata: Metadata, background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Returns the pixels of a decoded PIL image of any mode, uint8 (height, width, 3) or (height, width).

    Args:
        image: decoded.
        metadata: of the image; its ICC profile says what the values of CMYK and of a palette mean.
        background: RGB, 0 to 255 each, for what is transparent.

    Raises:
        InputError: a mode whose values have no defined range, or a damaged palette or transparency entry.
        MemoryError: there is not enough memory.
    """
    try:
        return _converted_by_mode(image, metadata, background)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"cannot convert mode {image.mode} to 8-bit RGB or gray: {error}") from error


def _converted_by_mode(image: Image.Image, metadata: Metadata, background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    mode = image.mode
    if mode in ("P", "PA") and image.palette is None:  # of an Apple icon; Pillow's core has it, and so has a copy
        image = image.copy()
    if mode == "I" or mode.startswith("I;16"):
        return _from_wide_gray(image, background)
    if mode not in _GRAY_MODES + _COLOUR_MODES:
        raise InputError(f"mode {mode} is not supported: its values have no defined range; convert to L or RGB first")
    gray = mode in _GRAY_MODES or (mode in ("P", "PA") and metadata.icc_space != b"RGB " and _has_gray_palette(image))
    if mode in _ALPHA_MODES and image.has_transparency_data:
        return _flattened(_converted(image, "LA" if gray else "RGBA"), background)
    if mode == "CMYK" and metadata.icc_space == b"CMYK":
        image = _cmyk_to_srgb(image, metadata.icc or b"")
    return _by_bands(image, partial(_values, mode="L" if gray else "RGB"))


def _by_bands(image: Image.Image, convert: Callable[[Image.Image], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Converts an image by bands of rows: Pillow holds 4 bytes a pixel, and an array in one piece is copied twice.

    Args:
        image: decoded.
        convert: of a band to its values, which depend on no other pixel.

    Returns:
        uint8 (height, width, 3) or (height, width), C-contiguous.
    """
    rows = max(1, _BAND_PIXELS // image.width)
    if rows >= image.height:
        return np.ascontiguousarray(convert(image))
    values: NDArray[np.uint8] | None = None
    for top in range(0, image.height, rows):
        band = convert(image.crop((0, top, image.width, min(top + rows, image.height))))
        if values is None:
            values = np.empty((image.height, *band.shape[1:]), np.uint8)
        values[top : top + rows] = band
    assert values is not None  # a decoded image has a row
    return values


def _values(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    return np.asarray(_converted(image, mode))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _flattened(image: Image.Image, background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """An image of mode LA or RGBA over the background."""
    if image.getchannel("A").getextrema() == (255, 255):
        return _by_bands(image, partial(_values, mode=image.mode.removesuffix("A")))
    return _by_bands(image, lambda band: _blended(np.asarray(band)[..., :-1], np.asarray(band)[..., -1], background))


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
    """Blends (height, width, 1 or 3) over the background; one channel stays one unless a colour shows through."""
    flat = _squeezed(values) if (alpha == 255).all() else _blended(values, alpha, background)
    return np.ascontiguousarray(flat)


def _blended(values: NDArray[np.uint8], alpha: NDArray[np.uint8], background: NDArray[np.uint16]) -> NDArray[np.uint8]:
    if values.shape[2] == 1 and (background == background[0]).all():
        background = background[:1]
    opacity = alpha[..., None].astype(np.uint16)
    # At most 255 * 255 + 127, inside 16 bits; no exact halves, since 255 is odd.
    total = values * opacity + background * (255 - opacity)
    total += 127
    total //= 255
    return _squeezed(total.astype(np.uint8))


def _squeezed(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view of (height, width, 1) as (height, width); three channels stay."""
    return values[..., 0] if values.shape[2] == 1 else values
