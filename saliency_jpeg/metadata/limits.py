"""The limits on sizes, which are checked by the header of a file before anything is decoded."""

from __future__ import annotations

from typing import Final

from ..errors import InputError

__all__ = ["DEFAULT_MAX_PIXELS", "MAX_SIDE", "check_pixels", "check_size"]

MAX_SIDE: Final = 65535  # T.81, B.2.2: X and Y are 16 bits

#: Pixels of an image from a file, unless ``max_pixels`` says otherwise: where Pillow raises ``DecompressionBombError``.
DEFAULT_MAX_PIXELS: Final = 178_956_970


def check_pixels(width: int, height: int, max_pixels: int | None) -> None:
    """Checks the size of an image that is not decoded yet.

    Args:
        width: in pixels.
        height: in pixels.
        max_pixels: most pixels; ``None`` for no limit.

    Raises:
        InputError: there are more.
    """
    if max_pixels is not None and width * height > max_pixels:
        raise InputError(
            f"the image has more than {max_pixels} pixels; for images that you trust raise max_pixels (--max-pixels), "
            f"got width {width}, height {height}"
        )


def check_size(width: int, height: int, max_pixels: int | None) -> None:
    """Checks the size of an image that is to become a JPEG file.

    Args:
        width: in pixels.
        height: in pixels.
        max_pixels: most pixels; ``None`` for no limit.

    Raises:
        InputError: it has no pixels, too many, or more on a side than a JPEG file can have.
    """
    if width < 1 or height < 1:
        raise InputError(f"the image has no pixels: width {width}, height {height}")
    if max(width, height) > MAX_SIDE:
        raise InputError(f"width {width}, height {height}: a JPEG has at most {MAX_SIDE} pixels on a side")
    check_pixels(width, height, max_pixels)
