"""Chooses the images of a folder that are measured."""

from __future__ import annotations

import io
import random
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import Image

from ..io import JPEG_SUFFIXES, LOSSLESS_SUFFIXES, read
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..metrics.arrays import Pixels

__all__ = ["EVALUATED_SUFFIXES", "choose_images", "open_image", "read_names", "read_pixels"]

#: Suffixes of the images that saliency maps are scored on; these need not be lossless.
EVALUATED_SUFFIXES: Final = LOSSLESS_SUFFIXES | JPEG_SUFFIXES


def choose_images(
    folder: Path, suffixes: Collection[str], names: Collection[str] | None = None, count: int | None = None
) -> list[Path]:
    """Returns images in a folder and its subfolders, sorted.

    Args:
        folder: where to look; a folder that does not exist has no images.
        suffixes: to take, in lower case with the dot.
        names: file names without suffix to take; ``None`` for all.
        count: take at most this many, chosen with a fixed seed.
    """
    images = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    chosen = [path for path in images if names is None or path.stem in names]
    return chosen if count is None else sorted(random.Random(0).sample(chosen, min(count, len(chosen))))


def read_names(path: Path | None) -> set[str] | None:
    """Returns the names in a text file, one a line; ``None`` without a file.

    Raises:
        OSError: the file cannot be read.
    """
    return None if path is None else {line.strip() for line in read(str(path)).decode().splitlines() if line.strip()}


def open_image(path: Path) -> Image.Image:
    """Opens an image file with Pillow, under the limits that hold by default.

    Raises:
        InputError: it is a JPEG file with a damaged header or over a limit.
        OSError: the file cannot be read or is no image.
    """
    data = read(str(path))
    if is_jpeg(data):
        JpegSource(data).check_limits(DEFAULT_MAX_PIXELS)
    return Image.open(io.BytesIO(data))


def read_pixels(path: Path, mode: Literal["RGB", "L"] = "RGB") -> Pixels:
    """Returns the pixels of an image file, as stored.

    Args:
        path: of the file.
        mode: Pillow's mode.

    Returns:
        uint8, (H, W, 3) for "RGB" and (H, W) for "L".

    Raises:
        InputError, OSError: as :func:`open_image`.
    """
    with open_image(path) as image:
        return np.asarray(image.convert(mode), np.uint8)
