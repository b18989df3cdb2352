"""HEIC and AVIF files: which decoder reads them, and what to install where there is none."""

from __future__ import annotations

import threading
from typing import Final

from PIL import features

from ..errors import InputError

__all__ = ["prepare"]

_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})  # ISO 23008-12
_AVIF: Final = frozenset({b"avif", b"avis"})
_MOST_BRANDS: Final = 64
_lock = threading.Lock()


def prepare(data: bytes) -> None:
    """Registers the decoder of pillow-heif with Pillow if a file needs it; files of other formats need nothing.

    Args:
        data: of an image file.

    Raises:
        InputError: it is a HEIC or AVIF file, and nothing that is installed reads it.
    """
    brands = _brands(data)
    if brands & _AVIF:
        if not features.check("avif"):
            raise InputError("this Pillow reads no AVIF files; run pip install --upgrade pillow")
    elif brands & _HEIC:
        with _lock:
            _register()


def _brands(data: bytes) -> set[bytes]:
    """The brands in the file type box (ISO 14496-12, 4.3), with which these formats begin."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), 4 * _MOST_BRANDS)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def _register() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise InputError("HEIC files need pillow-heif; run pip install pillow-heif") from error
    pillow_heif.register_heif_opener(thumbnails=False)
