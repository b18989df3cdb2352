"""The pictures that the benchmarks encode: photographs of the user's or the repository's one, in any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.evaluation.folders import EVALUATED_SUFFIXES, choose_images

PHOTO: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"

Pixels = NDArray[np.uint8]

_NEAR: Final = 1.3  # a photograph of up to so many times the pixels stays as it is


def found(paths: Sequence[Path]) -> list[Path]:
    """Returns image files: those that are named and those in the folders that are named."""
    return [file for path in paths for file in (choose_images(path, EVALUATED_SUFFIXES) if path.is_dir() else [path])]


def photographs(paths: Sequence[Path], megapixels: float, count: int) -> list[Pixels]:
    """Returns photographs of about one size, uint8 (H, W, 3) each; larger ones are shrunk.

    Args:
        paths: image files; those with too few pixels are left out. Without any: the repository's photograph, mirrored.
        megapixels: of each.
        count: at most so many, spread over the list.
    """
    large = [path for path in paths if _pixels(path) > megapixels * 1e6 / _NEAR]
    if not large:
        return [mirrored(megapixels)]
    return [shrunk(path, megapixels) for path in large[:: -(-len(large) // count)]]


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height


def shrunk(path: Path, megapixels: float) -> Pixels:
    """Returns a photograph at about a number of megapixels, or at its own where it has fewer, uint8 (H, W, 3)."""
    with Image.open(path) as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = round(image.width * factor), round(image.height * factor)
        rgb = image.convert("RGB")
        is_near = factor > _NEAR**-0.5
        return np.asarray(rgb if is_near else rgb.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def parts(photos: Sequence[Pixels], megapixels: float, count: int) -> list[Pixels]:
    """Returns different parts of photographs, uint8 (H, W, 3) each.

    Args:
        photos: uint8 (H, W, 3), larger than the parts.
        megapixels: of each part, 4:3.
        count: of the parts.
    """
    random = np.random.default_rng(0)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    cut = []
    for number in range(count):
        photo = photos[number % len(photos)]
        top, left = (
            int(random.integers(max(1, whole - part)))
            for whole, part in zip(photo.shape, (height, width), strict=False)
        )
        cut.append(np.ascontiguousarray(photo[top : top + height, left : left + width]))
    return cut


def extended(photo: Pixels, megapixels: float) -> Pixels:
    """Returns a photograph with mirror images of it around, or a part of it, uint8 (H, W, 3), 4:3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = height, round(height * 4 / 3)
    below, right = (max(0, side - have) for side, have in zip(size, photo.shape, strict=False))
    return np.pad(photo[: size[0], : size[1]], ((0, below), (0, right), (0, 0)), "symmetric")


def mirrored(megapixels: float) -> Pixels:
    """Returns the repository's photograph, mirrored and repeated to a 4:3 picture, uint8 (H, W, 3).

    A gain that drifts from 0.85 to 1.15 and a little noise make every repetition different.
    """
    with Image.open(PHOTO) as image:
        picture = extended(np.asarray(image.convert("RGB")), megapixels)
    height, width = picture.shape[:2]
    random = np.random.default_rng(0)
    for row, line in enumerate(picture):
        gain = np.linspace(0.85, 1.15, width, dtype=np.float32) * np.float32(1.1 - 0.2 * row / height)
        noise = random.normal(0, 0.7, line.shape).astype(np.float32)
        line[...] = np.clip(np.rint(line * gain[:, None] + noise), 0, 255)
    return picture


def mosaic(paths: list[Path], megapixels: float) -> Pixels:
    """Returns photographs side by side, uint8 (H, W, 3).

    Args:
        paths: of the photographs, which are cropped to a common size and repeated.
        megapixels: approximate size of the result.
    """
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    height, width = (min(photo.shape[i] for photo in photos) for i in (0, 1))
    count = max(1, round(megapixels * 1e6 / (height * width)))
    columns = max(1, round((count * height / width * 4 / 3) ** 0.5))
    cut = [photos[i % len(photos)][:height, :width] for i in range(columns * max(1, count // columns))]
    return np.concatenate([np.concatenate(cut[i : i + columns], axis=1) for i in range(0, len(cut), columns)])
