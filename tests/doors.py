"""What the tests of the front doors share: a look at a JPEG file, and how near two pictures are."""

from __future__ import annotations

import io
from typing import NamedTuple

from helpers import photo, pillow_pixels, psnr
from PIL import Image

from saliency_jpeg.codec import _core

# An EXIF block with orientation 6, and an ICC profile's header: enough for anything that only looks at those.
EXIF = b"II*\0" + bytes.fromhex("08000000 0100 1201 0300 01000000 06000000 00000000")
ICC = (b"\0" * 12 + b"mntrRGB XYZ ").ljust(36, b"\0") + b"acsp" + bytes(88)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'

PHOTO = photo(120, 88)

pixels, distance = pillow_pixels, psnr


class Look(NamedTuple):
    """What two files of the same call have in common."""

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


def look(jpeg: bytes) -> Look:
    """By Pillow's reader, and by ours for what Pillow does not tell."""
    read = _core.read_jpeg(jpeg)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
        assert image.format == "JPEG"
        info = image.info
        density = (info["jfif_unit"], info["jfif_density"]) if "jfif_unit" in info else None
        return Look(
            image.size,
            image.mode,
            read.sampling if len(read.sampling) > 1 else [],  # of one component it means nothing
            read.progressive,
            read.restart_interval,
            density,
            *(info.get(name) or None for name in ("exif", "icc_profile", "xmp", "comment")),
        )


def tables(jpeg: bytes) -> dict[int, list[int]]:
    """Quantization tables, natural order, as Pillow reads them."""
    with Image.open(io.BytesIO(jpeg)) as image:
        found: dict[int, list[int]] = image.quantization  # type: ignore[attr-defined]
        return found
