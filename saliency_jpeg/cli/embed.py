"""Pictures for a page: files as they are where browsers show them, and small ones for what is only looked at."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..encoder.encoder import compress
from .html_page import EmbeddedImage, is_browser_format

__all__ = ["PAGE_BYTES", "embed", "overlay"]

#: What a page should take, in bytes.
PAGE_BYTES: Final = 2_000_000
_TEXT: Final = 20_000  # bytes of the page without pictures
_BASE64: Final = 0.75  # bytes of a file for each byte of the page
_WIDEST_OVERLAY: Final = 1280
_WEBP_SIDE: Final = 16383
_NEAR_LOSSLESS: Final = (95, 90, 80)  # qualities of WebP, tried in turn


def embed(name: str, file: bytes, pixels: NDArray[np.uint8], others: int = 0) -> EmbeddedImage:
    """Returns a picture for a page: a JPEG file itself, others without loss where the page stays small enough.

    Args:
        name: of the file.
        file: its bytes.
        pixels: uint8 (H, W, 3) or (H, W), upright.
        others: bytes of the other pictures on the page.
    """
    room = int((PAGE_BYTES - _TEXT) * _BASE64) - others
    if file.startswith(b"\xff\xd8\xff") or (is_browser_format(file) and len(file) <= room):
        return EmbeddedImage(name, file)
    image = Image.fromarray(pixels)
    if max(image.size) > _WEBP_SIDE:
        return EmbeddedImage(name, file if is_browser_format(file) else _encode(image, format="PNG"))
    shown = _encode(image, format="WEBP", lossless=True, quality=50, method=2)
    note = ""
    for quality in _NEAR_LOSSLESS:
        if len(shown) <= room:
            break
        shown = _encode(image, format="WEBP", quality=quality, method=4)
        note = f"shown as WebP at quality {quality} to keep this page small; the scores are of the file itself"
    return EmbeddedImage(name, shown, note)


def _encode(image: Image.Image, **settings: object) -> bytes:
    file = io.BytesIO()
    image.save(file, **settings)  # type: ignore[arg-type]
    return file.getvalue()


def overlay(image: Image.Image) -> bytes:
    """Returns a heat map over a picture as a small JPEG file; the page stretches it."""
    return compress(np.asarray(image), quality=70, saliency=None, max_width=_WIDEST_OVERLAY)
