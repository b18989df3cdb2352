"""The pictures that the benchmarks encode: the repository's photograph or the user's, in any size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"

Pixels = NDArray[np.uint8]


def mirrored(megapixels: float) -> Pixels:
    """Returns the repository's photograph, mirrored and repeated to a 4:3 picture, uint8 (H, W, 3)."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    pair = np.concatenate([photo, photo[:, ::-1]], axis=1)
    period = np.concatenate([pair, pair[::-1]])
    picture = np.resize(np.resize(period, (height, *period.shape[1:])).swapaxes(0, 1), (width, height, 3)).swapaxes(
        0, 1
    )
    random = np.random.default_rng(0)
    for row, line in enumerate(picture):
        gain = np.linspace(0.85, 1.15, width, dtype=np.float32) * np.float32(1.1 - 0.2 * row / height)
        noise = random.normal(0, 0.7, line.shape).astype(np.float32)
        line[...] = np.clip(np.rint(line * gain[:, None] + noise), 0, 255)
    return np.ascontiguousarray(picture)


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


def files(photos: list[Path], count: int = 24) -> list[bytes]:
    """Returns image files for a batch.

    Args:
        photos: paths, used in turn; without any, mirrored crops of the repository's photograph.
        count: number of files.
    """
    if photos:
        return [photos[i % len(photos)].read_bytes() for i in range(count)]
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    pngs = []
    for i in range(count):
        crop = photo[i % 7 * 8 :, i % 5 * 8 :][:: 1 if i % 2 else -1, :: 1 if i % 3 else -1]
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(crop)).save(file, "PNG", compress_level=1)
        pngs.append(file.getvalue())
    return pngs
