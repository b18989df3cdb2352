"""Samples of Netpbm files that go to another value than 255, such as the 16-bit PPM files of raw converters.

Pillow scales them to its own range in Python, at a microsecond each and more. A table gives the same values.
"""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from PIL import Image

__all__ = ["scale_samples"]

_AT_ONCE: Final = 1 << 20


def scale_samples(image: Image.Image, data: bytes) -> None:
    """Lets Pillow decode scaled samples in place of those that it would scale itself; other images are left alone.

    Args:
        image: opened, of any format, and not decoded yet.
        data: its file.
    """
    opened: Any = image
    tiles: Any = getattr(image, "tile", ())
    if len(tiles) != 1 or tiles[0][0] != "ppm":
        return
    offset, (mode, most) = tiles[0][2:]
    raw, stored, kind, highest = (
        ("I;32", ">u2", "<u4", 65535) if image.mode == "I" else (mode, ">u2" if most > 255 else "u1", "u1", 255)
    )
    table = np.minimum(np.rint(np.arange(65536) / most * highest), highest).astype(kind)
    wanted = image.width * image.height * len(image.getbands())
    samples = np.frombuffer(data, stored, min(wanted, (len(data) - offset) // np.dtype(stored).itemsize), offset)
    parts = (table[samples[at : at + _AT_ONCE]].tobytes() for at in range(0, samples.size, _AT_ONCE))
    opened.fp = io.BytesIO(b"".join(parts))
    opened.tile = [tiles[0]._replace(codec_name="raw", offset=0, args=raw)]
