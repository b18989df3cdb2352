"""Pictures for a page: files as they are where browsers show them, and small ones for what is only looked at."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image

from ..encoder.encoder import compress
from ..metrics.arrays import Pixels
from .html_page import EmbeddedImage, is_browser_format

__all__ = ["PAGE_BYTES", "embed", "embed_pair", "overlay"]

#: What a page should take, in bytes.
PAGE_BYTES: Final = 2_000_000
_TEXT: Final = 20_000  # bytes of the page without pictures
_BASE64: Final = 0.75  # bytes of a file for each byte of the page
_WIDEST_OVERLAY: Final = 1280
_WEBP_SIDE: Final = 16383
_NEAR_LOSSLESS: Final = (95, 90, 80)  # qualities of WebP, tried in turn
_SCALED_QUALITY: Final = 92  # of WebP, for pictures that had to be made smaller
_SMALLER: Final = 0.85  # scale of the next attempt
_LEAST_SIDE: Final = 320


def embed_pair(
    first: tuple[str, bytes], second: tuple[str, bytes], pixels: tuple[Pixels, Pixels], others: int
) -> tuple[EmbeddedImage, EmbeddedImage, tuple[int, int]]:
    """Returns two pictures of one size for a page, made smaller together where the page would be too large.

    Args:
        first: name and bytes of the reference.
        second: name and bytes of the picture that is compared with it.
        pixels: of both, uint8 (H, W, 3) or (H, W), upright.
        others: bytes of the other pictures on the page.

    Returns:
        Both, and (height, width) of what the page shows.
    """
    shown = embed(*second, pixels[1], others + len(first[1]) // 2)
    original = embed(*first, pixels[0], others + len(shown.file))
    height, width = pixels[0].shape[:2]
    room = _room(others)
    taken = len(original.file) + len(shown.file)
    if taken <= room:
        return original, shown, (height, width)
    scale = min(1.0, _WEBP_SIDE / max(height, width), (room / taken) ** 0.5 if room > 0 else _SMALLER**8)
    while True:
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        files = [_scaled(image, size) for image in pixels]
        if sum(map(len, files)) <= room or max(size) <= _LEAST_SIDE:
            break
        scale *= _SMALLER
    note = (
        f"shown at {100 * scale:.0f} % of its size, {size[0]} x {size[1]} pixels, as WebP at quality "
        f"{_SCALED_QUALITY} to keep this page small; the scores are of the file itself. For single pixels compare crops"
    )
    found = [EmbeddedImage(name, file, note) for (name, _), file in zip((first, second), files, strict=True)]
    return found[0], found[1], size[::-1]


def _scaled(pixels: Pixels, size: tuple[int, int]) -> bytes:
    smaller = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    return _encode(smaller, format="WEBP", quality=_SCALED_QUALITY, method=4)


def _room(others: int) -> int:
    """Bytes of files that the page has room for."""
    return int((PAGE_BYTES - _TEXT) * _BASE64) - others


def embed(name: str, file: bytes, pixels: Pixels, others: int = 0) -> EmbeddedImage:
    """Returns a picture for a page: a JPEG file itself, others without loss where the page stays small enough.

    Args:
        name: of the file.
        file: its bytes.
        pixels: uint8 (H, W, 3) or (H, W), upright.
        others: bytes of the other pictures on the page.
    """
    room = _room(others)
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
