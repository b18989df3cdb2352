"""JPEG files that restoration is trained on: the encoders of the web, ours among them, at all qualities.

DATA holds the data sets ``photos_cid22``, ``photos_cid22_more``, ``photos_large``, ``osie`` and ``photos_bsds500``.
Lossless photographs are taken as they are; JPEG photographs are reduced, so that little of their own coding is left.
The photographs that reports are made on are left out: half of ``photos_cid22`` (as in :mod:`tune_encoder`), every other
file of ``photos_large`` and of ``osie``, and all of ``kodak``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tune_encoder import split

from saliency_jpeg import SaliencyModel, compress
from saliency_jpeg.evaluation.codecs import find_codec

Pixels = NDArray[np.uint8]

UNIT: Final = 16  # sides are multiples of an MCU at 4:2:0
TILE: Final = 512  # larger photographs are cut into squares
SEED: Final = 14
_PIXELS_A_FILE: Final = 11_000  # a photograph gives one file for so many of its pixels


@dataclass(frozen=True)
class Original:
    """A photograph, or a part of one.

    Attributes:
        name: of the file, and the part.
        rgb: uint8 (H, W, 3), sides multiples of 16.
    """

    name: str
    rgb: Pixels


@dataclass(frozen=True)
class Coded:
    """An original and its JPEG files.

    Attributes:
        original: what they show.
        files: as (encoder, JPEG).
    """

    original: Original
    files: list[tuple[str, bytes]]


def read_originals(data: Path) -> Iterator[Original]:
    """Yields the photographs to train on."""
    lossless = [*split(data / "photos_cid22")[0], *sorted((data / "photos_cid22_more").glob("*.png"))]
    sources = [(path, 1.0) for path in lossless]
    sources += [(path, 1.0) for path in sorted((data / "photos_large").glob("*.png"))[::2]]
    sources += [(path, 1 / 3) for path in sorted((data / "photos_large").glob("*.jpg"))[::2]]
    sources += [(path, 1 / 2) for path in sorted((data / "osie" / "images").glob("*.jpg"))[::2]]
    sources += [(path, 1 / 2) for path in sorted((data / "photos_bsds500").glob("*.jpg"))]
    for path, scale in sources:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        if scale != 1:
            rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield from _cut(path.stem, rgb)


def _cut(name: str, rgb: Pixels) -> Iterator[Original]:
    for y in range(0, rgb.shape[0], TILE):
        for x in range(0, rgb.shape[1], TILE):
            part = rgb[y : y + TILE, x : x + TILE]
            height, width = (side // UNIT * UNIT for side in part.shape[:2])
            if min(height, width) >= 128:
                yield Original(f"{name}-{y}-{x}", np.ascontiguousarray(part[:height, :width]))


# ---- encoders -----------------------------------------------------------------------------------------------------


def _ours(rgb: Pixels, draw: random.Random, saliency: Any) -> bytes:
    tune: Any = draw.choices(("default", "ssimulacra2", "psnr"), (85, 10, 5))[0]
    sampling: Any = draw.choices(("auto", "4:4:4", "4:2:2"), (80, 15, 5))[0]
    chosen = draw.choice((saliency, None))
    quality = 3 + 92 * draw.random() ** 1.2
    return compress(rgb, quality=quality, saliency=chosen, tune=tune, subsampling=sampling, metadata="strip")


def _pillow(rgb: Pixels, draw: random.Random, saliency: Any = None) -> bytes:
    out = BytesIO()
    sampling = draw.choices(("4:2:0", "4:4:4", "4:2:2"), (70, 20, 10))[0]
    image = Image.fromarray(rgb)
    if draw.random() < 0.08:
        image = image.convert("L")
    image.save(out, "JPEG", quality=draw.randint(5, 95), subsampling=sampling)
    return out.getvalue()


def _mozjpeg(rgb: Pixels, draw: random.Random, saliency: Any = None) -> bytes:
    codec = find_codec(draw.choices(("mozjpeg", "mozjpeg-444"), (75, 25))[0])
    return codec.encode(rgb, draw.uniform(8, 95), None)


def _jpegli(rgb: Pixels, draw: random.Random, saliency: Any = None) -> bytes:
    import ajpegli

    sampling = draw.choices(("420", "444"), (55, 45))[0]
    jpeg: bytes = ajpegli.encode(rgb, distance=2.0 ** draw.uniform(-1.5, 3.8), subsampling=sampling)
    return jpeg


_ENCODERS: Final = {"ours": (_ours, 40), "pillow": (_pillow, 20), "mozjpeg": (_mozjpeg, 20), "jpegli": (_jpegli, 20)}
_TWICE: Final = 0.1  # share of files that were saved once before, on another grid of blocks


def _saved_before(rgb: Pixels, draw: random.Random) -> Pixels:
    """The picture after an encoding whose blocks lie elsewhere."""
    y, x = draw.randrange(8), draw.randrange(8)
    shifted = np.pad(rgb, ((y, 8 - y), (x, 8 - x), (0, 0)), mode="edge")
    out = BytesIO()
    Image.fromarray(shifted).save(out, "JPEG", quality=draw.randint(40, 95))
    decoded = np.asarray(Image.open(out))
    return np.ascontiguousarray(decoded[y : y + rgb.shape[0], x : x + rgb.shape[1]])


def encode(original: Original, saliency: Any, seed: int) -> Coded:
    """Encodes a photograph many times, with encoders and qualities drawn by the seed and its name."""
    draw = random.Random(f"{seed} {original.name}")
    names, counts = list(_ENCODERS), [count for _, count in _ENCODERS.values()]
    files = []
    for _ in range(max(2, original.rgb.shape[0] * original.rgb.shape[1] // _PIXELS_A_FILE)):
        name = draw.choices(names, counts)[0]
        rgb = _saved_before(original.rgb, draw) if draw.random() < _TWICE else original.rgb
        encoder: Callable[..., bytes] = _ENCODERS[name][0]
        files.append((name, encoder(rgb, draw, saliency)))
    return Coded(original, files)


def make(data: Path, seed: int = SEED, count: int | None = None) -> list[Coded]:
    """Encodes the photographs.

    Args:
        data: folder of the data sets.
        seed: of the draws.
        count: take only so many, spread over all; None for all.
    """
    originals = list(read_originals(data))
    if count is not None:
        originals = originals[:: max(1, len(originals) // count)]
    model = SaliencyModel.from_preset("default")
    maps = [model.predict(original.rgb) for original in originals]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:  # TensorFlow does not survive a fork
        return list(pool.map(partial(encode, seed=seed), originals, maps, chunksize=4))
