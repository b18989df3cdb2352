"""The limit on pixels, which is checked by the header of a file before anything is decoded."""

from __future__ import annotations

from typing import Final

from ..errors import InputError

__all__ = ["DEFAULT_MAX_PIXELS", "check_pixels"]

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
