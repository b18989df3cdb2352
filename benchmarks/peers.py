"""Encoders side by side: this library's settings and, at equal size, the other encoders that are installed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sized
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from pictures import Pixels

from saliency_jpeg import SaliencyModel, compress
from saliency_jpeg.evaluation.codecs import find_codec
from saliency_jpeg.evaluation.comparison import match_size
from saliency_jpeg.evaluation.mozjpeg import find_cjpeg
from saliency_jpeg.metrics.arrays import to_ppm
from saliency_jpeg.options import BYTES_PER_KB

QUALITY: Final = 75.0
TURBO: Final = "libjpeg-turbo, optimised progressive"

#: Names of the codecs in :mod:`saliency_jpeg.evaluation.codecs`, by row. mozjpeg comes first: it is what counts as 1.
PEERS: Final = {"mozjpeg": "mozjpeg", "jpegli": "jpegli", "libjpeg-turbo, baseline": "pillow-base", TURBO: "pillow"}

_TOLERANCE: Final = 0.05  # the search over qualities stops at a fifth of it

Encode = Callable[[], Sized]


def peers(pixels: Pixels, size: int, folder: Path, names: dict[str, str] = PEERS) -> dict[str, Encode]:
    """Returns the other encoders as functions, by row, their 4:2:0 files about as large as asked for.

    Args:
        pixels: uint8 (H, W, 3).
        size: of the files, in bytes.
        folder: for a file that the program cjpeg reads.
        names: of the codecs, by row; those that are missing are left out, with a message.
    """
    rows: dict[str, Encode] = {}
    for row, name in names.items():
        try:
            codec = find_codec(name)
        except (ImportError, FileNotFoundError) as error:
            print(error)
            continue
        knob = match_size(codec, pixels, size, tolerance=_TOLERANCE).knob or 0.0
        rows[row] = mozjpeg(pixels, knob, folder) if name == "mozjpeg" else partial(codec.encode, pixels, knob, None)
    return rows


def mozjpeg(pixels: Pixels, quality: float, folder: Path) -> Encode:
    """Returns a start of mozjpeg's program that reads a file, as its users start it.

    Args:
        pixels: uint8 (H, W, 3).
        quality: 0 to 100.
        folder: for that file.
    """
    file = folder / f"{pixels.shape[1]}x{pixels.shape[0]}.ppm"
    file.write_bytes(to_ppm(pixels))
    command = [find_cjpeg(), "-quality", f"{quality:.4f}", "-sample", "2x2", str(file)]
    return lambda: subprocess.run(command, capture_output=True, check=True).stdout


def start_of_mozjpeg(folder: Path) -> dict[str, Encode]:
    """Returns the program on 16 x 16 pixels, which is its start and next to nothing else; nothing if it is missing."""
    with suppress(FileNotFoundError):
        return {"start of mozjpeg": mozjpeg(np.zeros((16, 16, 3), np.uint8), QUALITY, folder)}
    return {}


def ours(pixels: Pixels, size: int, model: SaliencyModel | None) -> dict[str, Encode]:
    """Returns this library's settings as functions, by row.

    Args:
        pixels: uint8 (H, W, 3).
        size: target of the size search, in bytes.
        model: of the map; ``None`` for the rows without a map alone.
    """
    rows: dict[str, Encode] = {
        "quality 75, no map": partial(compress, pixels, quality=QUALITY, saliency=None),
        "effort 1, no map": partial(compress, pixels, quality=QUALITY, saliency=None, effort=1),
        "`target_kb`, no map": partial(compress, pixels, target_kb=size / BYTES_PER_KB, saliency=None),
    }
    if model is not None:
        rows["`target_kb`, map"] = partial(compress, pixels, target_kb=size / BYTES_PER_KB, saliency=model)
        rows["quality 75, map"] = partial(compress, pixels, quality=QUALITY, saliency=model)
        rows["the map alone"] = partial(model.predict, pixels)
    return rows


def find_model(name: str) -> SaliencyModel | None:
    """Returns the network of a preset or in a weights file; ``None`` for the name "none"."""
    if name == "none":
        return None
    return SaliencyModel.from_file(name) if Path(name).suffix else SaliencyModel.from_preset(name)
