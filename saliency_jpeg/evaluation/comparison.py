"""Size-matched measurement: every codec at the same bytes, image by image.

A codec's knob is bisected per image until the file lies within half a percent of the target, so no quality scale is
trusted; the miss that remains is reported.
"""

from __future__ import annotations

import glob
import multiprocessing
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as PilImage

from ..errors import InputError
from ..metrics.arrays import Image, Map
from ..metrics.quality import measure
from .codecs import Codec, decode, find_codec
from .folders import LOSSLESS, LOSSY, choose

__all__ = ["Job", "Matched", "Measurement", "compare", "find_images", "load", "match_size", "measure_image"]

TOLERANCE = 0.005
_STEPS = 14
_NEIGHBOURS = np.linspace(-0.008, 0.008, 9)  # of the knob's range


class Matched(NamedTuple):
    """A file near the wanted size and the knob that gave it (``None`` where the codec found it itself)."""

    jpeg: bytes
    knob: float | None


@dataclass(frozen=True)
class Measurement:
    """One file: what was asked for, what came out, and its quality by metric name."""

    image: str
    codec: str
    target_bpp: float
    knob: float | None
    size: int
    bits_per_pixel: float
    quality: dict[str, float]

    @property
    def size_error(self) -> float:
        """Relative miss of the target."""
        return self.bits_per_pixel / self.target_bpp - 1.0


@dataclass(frozen=True)
class Job:
    """One image against several codecs and targets; picklable, so that processes can share the work."""

    path: Path
    codecs: tuple[str, ...]
    targets_bpp: tuple[float, ...]
    maps: Path | None = None
    halve: bool = False
    with_butteraugli: bool = True


def match_size(
    codec: Codec, rgb: Image, size: float, saliency: Map | None = None, tolerance: float = TOLERANCE
) -> Matched:
    """The file of ``codec`` closest to ``size`` bytes; stops early well inside ``tolerance``."""
    if codec.encode_to_size:
        return Matched(codec.encode_to_size(rgb, size, saliency), None)
    search = _Search(codec, rgb, size, saliency)
    low, high = codec.low, codec.high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if search.attempt(middle) < size else (low, middle)
        if search.error <= tolerance / 5:
            break
    if search.error > tolerance:  # the size does not grow evenly with the knob: look around
        for knob in search.best_knob + (codec.high - codec.low) * _NEIGHBOURS:
            if codec.low <= knob <= codec.high:
                search.attempt(float(knob))
    return Matched(search.best_jpeg, search.best_knob)


class _Search:
    """Keeps the file whose size is closest to the target; of equal ones that with the lower knob."""

    def __init__(self, codec: Codec, rgb: Image, size: float, saliency: Map | None) -> None:
        self._codec, self._rgb, self._size, self._saliency = codec, rgb, size, saliency
        self.error, self.best_knob, self.best_jpeg = float("inf"), codec.low, b""

    def attempt(self, knob: float) -> int:
        jpeg = self._codec.encode(self._rgb, knob, self._saliency)
        error = abs(len(jpeg) / self._size - 1.0)
        if (error, knob) < (self.error, self.best_knob):
            self.error, self.best_knob, self.best_jpeg = error, knob, jpeg
        return len(jpeg)


def find_images(
    folder: Path, *, halve: bool = False, names: Collection[str] | None = None, count: int | None = None
) -> list[Path]:
    """Lossless images of a folder and its sub-folders; with ``halve`` JPEG files too.

    ``names``, the stems to take, and ``count``, how many of them, as in :func:`.folders.choose`. Raises ``InputError``
    if there are none.
    """
    found = choose(folder, LOSSLESS | LOSSY if halve else LOSSLESS, names, count)
    if not found:
        raise InputError(f"no {'' if halve else 'lossless '}images in {folder}")
    return found


def load(path: Path, maps: Path | None = None, *, halve: bool = False) -> tuple[Image, Map | None]:
    """The image as uint8 (H, W, 3) and the map of the same stem in ``maps``, resized to it, in [0, 1].

    ``halve`` averages 2x2 pixels, which makes clean originals of JPEG files: their own artefacts would be measured.
    """
    picture = PilImage.open(path).convert("RGB")
    if halve:
        picture = picture.reduce(2)
    found = _map_of(path, maps) if maps else None
    if not found:
        return np.asarray(picture), None
    gray = PilImage.open(found).convert("L").resize(picture.size, PilImage.Resampling.BILINEAR)
    return np.asarray(picture), np.asarray(gray, np.float64) / 255


def _map_of(path: Path, maps: Path) -> Path | None:
    """The map of the same stem; of several the one in a folder called as the image's, as in sets sorted by class."""
    found = sorted(maps.rglob(f"{glob.escape(path.stem)}.*"))
    return min(found, key=lambda p: p.parent.name != path.parent.name, default=None)


def measure_image(job: Job) -> list[Measurement]:
    """Every codec of a job at every target."""
    rgb, saliency = load(job.path, job.maps, halve=job.halve)
    pixels = rgb.shape[0] * rgb.shape[1]
    measured = []
    for name in job.codecs:
        for target in job.targets_bpp:
            jpeg, knob = match_size(find_codec(name), rgb, target * pixels / 8, saliency)
            quality = measure(rgb, decode(jpeg), saliency, with_butteraugli=job.with_butteraugli)
            size, bits = len(jpeg), 8 * len(jpeg) / pixels
            measured.append(Measurement(job.path.stem, name, target, knob, size, bits, quality))
    return measured


def compare(jobs: Sequence[Job], processes: int = 1) -> Iterable[list[Measurement]]:
    """Measurements job by job, in order, as they are done."""
    if processes == 1:
        yield from map(measure_image, jobs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(measure_image, jobs)
