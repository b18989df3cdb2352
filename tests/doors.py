"""Shared by the tests of the front doors: a photograph, metadata, and properties of a JPEG file."""

from __future__ import annotations

import io
from typing import NamedTuple

from helpers import photo
from PIL import Image

from saliency_jpeg.codec import _core

# An EXIF block with orientation 6, and the header of an ICC profile, as far as readers check them.
EXIF = b"II*\0" + bytes.fromhex("08000000 0100 1201 0300 01000000 06000000 00000000")
ICC = (b"\0" * 12 + b"mntrRGB XYZ ").ljust(36, b"\0") + b"acsp" + bytes(88)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'

PHOTO = photo(120, 88)


class Description(NamedTuple):
    """The properties that must be equal in the files of two encoders for the same call."""

    size: tuple[int, int]
    mode: str
    sampling: list[tuple[int, int]]
    progressive: bool
    restart_interval: int
    density: tuple[int, tuple[int, int]] | None
    exif: bytes | None
    icc: bytes | None
    xmp: bytes | None
    comment: bytes | None


def describe(jpeg: bytes) -> Description:
    """Reads the properties with Pillow, and with this library what Pillow does not report."""
    read = _core.read_jpeg(jpeg)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
        assert image.format == "JPEG"
        info = image.info
        density = (info["jfif_unit"], info["jfif_density"]) if "jfif_unit" in info else None
        return Description(
            image.size,
            image.mode,
            read.sampling if len(read.sampling) > 1 else [],  # has no meaning for one component
            read.progressive,
            read.restart_interval,
            density,
            *(info.get(name) or None for name in ("exif", "icc_profile", "xmp", "comment")),
        )


def tables(jpeg: bytes) -> dict[int, list[int]]:
    """Returns the quantization tables, natural order, as Pillow reads them."""
    with Image.open(io.BytesIO(jpeg)) as image:
        quantization: dict[int, list[int]] = image.quantization  # type: ignore[attr-defined]
        return quantization
