"""Size-matched measurement: every codec at the same number of bytes, image by image.

The knob of a codec is bisected for each image until the file is within half a percent of the target size, so no
codec's quality scale has to be trusted. The remaining size error is reported.
"""

from __future__ import annotations

import glob
import multiprocessing
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..errors import InputError
from ..io import LOSSLESS_SUFFIXES
from ..metrics import METRICS as FAST_METRICS
from ..metrics.arrays import Map, Pixels
from ..metrics.table import measure
from ..perceptual import METRICS
from .artefacts import measure_artefacts
from .codecs import Codec, decode, find_codec
from .folders import EVALUATED_SUFFIXES, choose_images, open_image

__all__ = ["Job", "Matched", "Measurement", "compare", "find_images", "load", "match_size", "measure_image"]

TOLERANCE = 0.005
_STEPS = 14
_NEIGHBOURS = np.linspace(-0.008, 0.008, 9)  # as a share of the knob's range


class Matched(NamedTuple):
    """A file close to the target size.

    Attributes:
        jpeg: the file.
        knob: the setting that made it; ``None`` if the codec has a rate control of its own.
    """

    jpeg: bytes
    knob: float | None


@dataclass(frozen=True)
class Measurement:
    """One file of one codec.

    Attributes:
        image: name of the image.
        codec: name of the codec.
        target_bpp: target size in bits per pixel.
        knob: the codec's setting; ``None`` if it has a rate control of its own.
        size: bytes of the file.
        bits_per_pixel: of the file.
        quality: values by metric name, and those of the block artefacts.
    """

    image: str
    codec: str
    target_bpp: float
    knob: float | None
    size: int
    bits_per_pixel: float
    quality: dict[str, float]

    @property
    def size_error(self) -> float:
        """Relative deviation from the target size."""
        return self.bits_per_pixel / self.target_bpp - 1.0


@dataclass(frozen=True)
class Job:
    """The measurements of one image; picklable, so that processes can share the work.

    Attributes:
        path: of the image.
        codecs: names of the codecs.
        targets_bpp: target sizes in bits per pixel.
        maps: folder with saliency maps, if there are any.
        halve: whether to measure at half height and width.
        with_slow: whether to run the slow metrics, Butteraugli and that of :mod:`saliency_jpeg.perceptual`.
    """

    path: Path
    codecs: tuple[str, ...]
    targets_bpp: tuple[float, ...]
    maps: Path | None = None
    halve: bool = False
    with_slow: bool = True


def match_size(
    codec: Codec, rgb: Pixels, size: float, saliency: Map | None = None, tolerance: float = TOLERANCE
) -> Matched:
    """Finds the codec's file that is closest to a size.

    Args:
        codec: to encode with.
        rgb: uint8 (H, W, 3).
        size: target in bytes.
        saliency: float64 (H, W) in [0, 1], for codecs that take a map.
        tolerance: relative size error that is good enough. The bisection stops at a fifth of it; if it ends above, the
            neighbouring knobs are tried as well, because the size of some codecs does not grow steadily.
    """
    if codec.encode_to_size:
        return Matched(codec.encode_to_size(rgb, size, saliency), None)
    closest = _ClosestFile(codec, rgb, size, saliency)
    low, high = codec.low, codec.high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if closest.try_knob(middle) < size else (low, middle)
        if closest.error <= tolerance / 5:
            break
    if closest.error > tolerance:
        for knob in closest.knob + (codec.high - codec.low) * _NEIGHBOURS:
            if codec.low <= knob <= codec.high:
                closest.try_knob(float(knob))
    return Matched(closest.jpeg, closest.knob)


class _ClosestFile:
    """The file whose size is closest to the target; of equally close ones that with the lower knob."""

    def __init__(self, codec: Codec, rgb: Pixels, size: float, saliency: Map | None) -> None:
        self._codec, self._rgb, self._size, self._saliency = codec, rgb, size, saliency
        self.error, self.knob, self.jpeg = float("inf"), codec.low, b""

    def try_knob(self, knob: float) -> int:
        """Encodes once, keeps the file if it is closer, and returns its size."""
        jpeg = self._codec.encode(self._rgb, knob, self._saliency)
        error = abs(len(jpeg) / self._size - 1.0)
        if (error, knob) < (self.error, self.knob):
            self.error, self.knob, self.jpeg = error, knob, jpeg
        return len(jpeg)


def find_images(
    folder: Path, *, halve: bool = False, names: Collection[str] | None = None, count: int | None = None
) -> list[Path]:
    """Returns the lossless images of a folder and its subfolders, sorted.

    Args:
        folder: where to look.
        halve: take JPEG files too, since they will be measured at half size.
        names: file names without suffix to take; ``None`` for all.
        count: take at most this many, chosen with a fixed seed.

    Raises:
        InputError: there are none.
    """
    images = choose_images(folder, EVALUATED_SUFFIXES if halve else LOSSLESS_SUFFIXES, names, count)
    if not images:
        raise InputError(f"there are no {'' if halve else 'lossless '}images in {folder}")
    return images


def load(path: Path, maps: Path | None = None, *, halve: bool = False) -> tuple[Pixels, Map | None]:
    """Loads an image and its saliency map.

    Args:
        path: of the image.
        maps: folder with gray images of the same names, white where the image is salient.
        halve: average 2x2 pixels. A JPEG file becomes a clean original that way: its artefacts are averaged out.

    Returns:
        uint8 (H, W, 3), and float64 (H, W) in [0, 1], or ``None`` if there is no map.

    Raises:
        InputError, OSError: as :func:`.folders.open_image`.
    """
    image = open_image(path).convert("RGB")
    if halve:
        image = image.reduce(2)
    map_path = _map_of(path, maps) if maps else None
    if not map_path:
        return np.asarray(image), None
    gray = open_image(map_path).convert("L").resize(image.size, Image.Resampling.BILINEAR)
    return np.asarray(image), np.asarray(gray, np.float64) / 255


def _map_of(path: Path, maps: Path) -> Path | None:
    """The map of the same name, if possible in a folder of the same name as the image's."""
    candidates = sorted(maps.rglob(f"{glob.escape(path.stem)}.*"))
    return min(candidates, key=lambda p: p.parent.name != path.parent.name, default=None)


def measure_image(job: Job) -> list[Measurement]:
    """Returns the measurements of every codec of a job at every target size."""
    rgb, saliency = load(job.path, job.maps, halve=job.halve)
    pixels = rgb.shape[0] * rgb.shape[1]
    measured = []
    for name in job.codecs:
        for target in job.targets_bpp:
            jpeg, knob = match_size(find_codec(name), rgb, target * pixels / 8, saliency)
            decoded = decode(jpeg)
            table = METRICS if job.with_slow else FAST_METRICS
            quality = measure(rgb, decoded, saliency, with_butteraugli=job.with_slow, metrics=table)
            quality |= measure_artefacts(rgb, decoded, jpeg, saliency)
            size, bits = len(jpeg), 8 * len(jpeg) / pixels
            measured.append(Measurement(job.path.stem, name, target, knob, size, bits, quality))
    return measured


def compare(
    jobs: Sequence[Job], processes: int = 1, prepare: Callable[[], object] | None = None
) -> Iterable[list[Measurement]]:
    """Runs jobs and yields the measurements of each, in order.

    Args:
        jobs: one for each image.
        processes: number of processes; 1 for this one.
        prepare: is called in each of these processes before its first job.
    """
    if processes == 1:
        if prepare is not None:
            prepare()
        yield from map(measure_image, jobs)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), prepare) as pool:
        yield from pool.map(measure_image, jobs)
