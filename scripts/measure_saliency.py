#!/usr/bin/env python3
"""Measure how class activations should become a map; the defaults of the preset ``cam`` come from here.

Human judges: object masks (ECSSD: AUC, maxF, MAE) and gaze (OSIE: AUC-Judd, NSS, CC). Images are drawn and split into
two halves by a seed: alternatives are compared on the first half, the chosen defaults are reported on the second. ::

    python scripts/measure_saliency.py DATA [--images 120] [--seed 0]

DATA holds ``ecssd/images``, ``ecssd/masks`` and ``osie/images``, ``osie/maps`` (gaze density), ``osie/fixations.csv``
(image, subject, x, y in pixels of the image). Takes about half a minute on two cores.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.saliency import Activations, MapOptions, SaliencyModel, network, presets
from saliency_jpeg.saliency.grid import enlarge, input_size, resize
from saliency_jpeg.saliency.maps import saliency_grid

Bytes = NDArray[np.uint8]
Reals = NDArray[np.float64]
Maker = Callable[["Sample", tuple[int, int]], Bytes]

PRESET = presets.find("cam")
NORM = MapOptions(contrast=0)  # for evidence on another scale


@dataclass
class Sample:
    """An image with its judge: an object mask, or fixations (rows, cols) and their density."""

    rgb: Bytes
    activations: Activations
    feature_norm: Activations
    mask: NDArray[np.bool_] | None = None
    fixations: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    density: Reals | None = None


class Scores(NamedTuple):
    auc: float
    max_f: float
    mae: float
    auc_judd: float
    nss: float
    cc: float

    def row(self, name: str) -> str:
        return f"{name:34s}" + "".join(f"{value:9.4f}" for value in self)


HEADER = f"{'':34s}" + "".join(f"{name:>9s}" for name in ("AUC", "maxF", "MAE", "AUC-Judd", "NSS", "CC"))


def area(positive: Bytes, negative: Bytes) -> float:
    """Area under the ROC curve of values from 0 to 255, ties counted half."""
    hits, alarms = (np.r_[0, np.bincount(v, minlength=256)[::-1].cumsum()] / v.size for v in (positive, negative))
    return float(((hits[1:] + hits[:-1]) / 2 * np.diff(alarms)).sum())


def f_curve(values: Bytes, mask: NDArray[np.bool_]) -> Reals:
    """F-measure (beta squared 0.3) at each of the 256 thresholds, highest threshold first."""
    found = np.bincount(values[mask], minlength=256)[::-1].cumsum()
    marked = np.bincount(values.ravel(), minlength=256)[::-1].cumsum()
    precision, recall = found / np.maximum(marked, 1), found / mask.sum()
    curve: Reals = 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-9)
    return curve


def judge_gaze(values: Bytes, sample: Sample) -> tuple[float, float, float]:
    """AUC-Judd, NSS and CC of one map."""
    assert sample.fixations is not None and sample.density is not None
    scaled = values - values.mean()
    scaled /= scaled.std() or 1.0
    at_fixations = values[sample.fixations], scaled[sample.fixations]
    density = (sample.density - sample.density.mean()) / sample.density.std()
    return area(at_fixations[0], values.ravel()), float(at_fixations[1].mean()), float((scaled * density).mean())


def evaluate(samples: list[Sample], make: Maker) -> Scores:
    """Mean scores; maxF is the maximum of the mean F curve, one threshold for all images."""
    masks, gazes = [], []
    for sample in samples:
        if sample.mask is not None:
            values = make(sample, sample.mask.shape)
            error = float(np.abs(values / 255 - sample.mask).mean())
            masks.append((area(values[sample.mask], values[~sample.mask]), f_curve(values, sample.mask), error))
        elif sample.density is not None:
            gazes.append(judge_gaze(make(sample, sample.density.shape), sample))
    auc, curves, mae = zip(*masks, strict=True)
    gaze = np.mean(gazes, axis=0)
    return Scores(float(np.mean(auc)), float(np.mean(curves, axis=0).max()), float(np.mean(mae)), *map(float, gaze))


def maker(
    options: MapOptions, *, offset: float = PRESET.offset, source: Callable[[Sample], Activations] | None = None
) -> Maker:
    """A way to make a map of a sample, in the library's own code."""

    def make(sample: Sample, size: tuple[int, int]) -> Bytes:
        cells = saliency_grid(source(sample) if source else sample.activations, options)
        saliency = enlarge(cells, size, offset=offset / network.STRIDE, sigma=options.smoothing)
        return np.rint(saliency * 255).astype(np.uint8)

    return make


def strongest(sample: Sample) -> Activations:
    """The strongest class of each cell as the evidence."""
    return Activations(sample.activations.maps.max(axis=2, keepdims=True), ("strongest",))


def centred(_: Sample, size: tuple[int, int]) -> Bytes:
    """A Gaussian in the middle, a quarter of the sides wide: what knowing nothing is worth."""
    rows, cols = (np.exp(-8 * ((np.arange(n) + 0.5) / n - 0.5) ** 2) for n in size)
    values: Reals = 255 * np.outer(rows, cols)
    return np.rint(values).astype(np.uint8)


def read(path: Path, mode: str) -> Bytes:
    """Pixels in Pillow's ``mode``: "RGB" (H, W, 3) or "L" (H, W)."""
    with Image.open(path) as image:
        return np.asarray(image.convert(mode), np.uint8)


def feature_network(arrays: network.Arrays) -> Callable[[Bytes], Activations]:
    """The Euclidean norm of the last features of an image, as if it were the map of one class."""
    import keras
    import tensorflow as tf

    model: Any = network.build(network.Architecture(), folded=True)
    network.set_arrays(model, network.fold(arrays))
    features = tf.function(keras.Model(model.input, model.get_layer("head_act").output))

    def norm(rgb: Bytes) -> Activations:
        height, width = rgb.shape[:2]
        pixels = resize(rgb, input_size(height, width, PRESET.long_side, network.STRIDE))
        maps = np.linalg.norm(features(pixels[None].astype(np.float32)).numpy()[0], axis=2, keepdims=True)
        return Activations(maps, ("norm",))

    return norm


def load(data: Path, count: int, seed: int, model: SaliencyModel) -> Iterator[Sample]:
    """``count`` images of each data set in random order, with their judges."""
    norm = feature_network(presets.read_arrays(PRESET))
    chooser = random.Random(seed)
    fixations = defaultdict(list)
    with (data / "osie" / "fixations.csv").open() as file:
        for row in csv.DictReader(file):
            fixations[row["image"]].append((float(row["y"]), float(row["x"])))
    for folder in ("ecssd", "osie"):
        paths = sorted((data / folder / "images").glob("*.jpg"))
        for path in chooser.sample(paths, min(count, len(paths))):
            rgb = read(path, "RGB")
            sample = Sample(rgb, model.activations(rgb), norm(rgb))
            if folder == "ecssd":
                sample.mask = read(data / folder / "masks" / f"{path.stem}.png", "L") > 127
            else:
                sample.density = read(data / folder / "maps" / f"{path.stem}.png", "L").astype(np.float64)
                sample.fixations = _places(fixations[path.name], rgb.shape[:2], sample.density.shape)
            yield sample


def _places(
    points: list[tuple[float, float]], image: tuple[int, ...], size: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    scaled = np.array(points) * np.array(size) / np.array(image)
    rows, cols = np.clip(scaled.astype(np.intp), 0, np.array(size) - 1).T
    return rows, cols


def mirror_agreement(samples: list[Sample], model: SaliencyModel) -> dict[int, float]:
    """Correlation of the map with that of the mirrored image, by horizontal offset: its peak is the true offset."""
    totals: dict[int, list[float]] = defaultdict(list)
    for sample in samples:
        mirrored = model.activations(np.ascontiguousarray(sample.rgb[:, ::-1]))
        cells = [saliency_grid(a, model.options) for a in (sample.activations, mirrored)]
        for offset in range(-4, 17, 2):
            there, back = (enlarge(c, (160, 320), offset=offset / network.STRIDE, sigma=0.6) for c in cells)
            inner = there[:, 24:-24].ravel(), back[:, ::-1][:, 24:-24].ravel()
            totals[offset].append(float(np.corrcoef(*inner)[0, 1]))
    return {offset: float(np.mean(values)) for offset, values in totals.items()}


def empty_pictures() -> dict[str, Bytes]:
    """Pictures without a subject."""
    ramp = np.broadcast_to(np.linspace(0, 255, 480).astype(np.uint8)[None, :, None], (320, 480, 3))
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), dtype=np.uint8)
    plain = {
        name: np.full((320, 480, 3), value, np.uint8) for name, value in (("black", 0), ("gray", 128), ("white", 255))
    }
    return {**plain, "ramp": np.ascontiguousarray(ramp), "noise": noise}


def alternatives(base: MapOptions) -> Iterator[tuple[str, Maker]]:
    """Everything that is compared on the first half, each against the defaults."""
    yield "defaults", maker(base)
    yield "centred Gaussian", centred
    yield "feature norm", maker(NORM, source=lambda sample: sample.feature_norm)
    yield "strongest class of each cell", maker(NORM, source=strongest)
    for classes in (1, 5, 20, 100, 300):
        yield f"{classes} classes by logit", maker(replace(base, classes=classes))
    for offset in (-4, 0, 2, 3, 4, 6, 8, 16):
        yield f"offset {offset} px", maker(base, offset=offset)
    for smoothing in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0):
        yield f"smoothing {smoothing} cells", maker(replace(base, smoothing=smoothing))
    levels: dict[Any, list[tuple[float, float]]] = {
        "quantile": [
            (0.0, 0.9),
            (0.1, 0.9),
            (0.25, 0.9),
            (0.25, 1.0),
            (0.4, 0.9),
            (0.4, 0.95),
            (0.5, 0.95),
            (0.5, 1.0),
        ],
        "mean": [(0.0, 1.5), (0.5, 1.5), (0.75, 1.5), (1.0, 1.5), (0.5, 2.0), (0.5, 2.5)],
        "peak": [(0.0, 0.7), (0.2, 0.7), (0.4, 0.7), (0.2, 0.85), (0.2, 1.0)],
        "fixed": [(0, 1200), (200, 1200), (400, 1200), (200, 1600)],
    }
    for threshold, pairs in levels.items():
        for low, high in pairs:
            changed = replace(base, threshold=threshold, low=low, high=high)
            yield f"threshold {threshold} {low} to {high}", maker(changed)
    for contrast in (0, 300, 400, 500, 600, 800):
        yield f"contrast {contrast}", maker(replace(base, contrast=contrast))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ecssd/ and osie/")
    parser.add_argument("--images", type=int, default=120, help="images of each data set (120)")
    parser.add_argument("--seed", type=int, default=0, help="draws and splits the images (0)")
    arguments = parser.parse_args()
    model = SaliencyModel.from_preset("cam", device="cpu")
    samples = list(load(arguments.data, arguments.images, arguments.seed, model))
    first, second = samples[::2], samples[1::2]

    print(f"first half, {len(first)} images\n{HEADER}")
    for name, make in alternatives(model.options):
        print(evaluate(first, make).row(name), flush=True)
    agreement = mirror_agreement(first[::2], model)
    print("mirror agreement by offset:", ", ".join(f"{k} px {v:.4f}" for k, v in agreement.items()))
    print("largest value in pictures without a subject:")
    for contrast in (0, 300, 500, 800):
        empty = replace(model.options, contrast=contrast)
        tops = (
            f"{n} {saliency_grid(model.activations(p), empty).max() / 255:.2f}" for n, p in empty_pictures().items()
        )
        print(f"  contrast {contrast}: {', '.join(tops)}")
    print(f"\nsecond half, {len(second)} images\n{HEADER}")
    for name, make in list(alternatives(model.options))[:4]:
        print(evaluate(second, make).row(name), flush=True)


if __name__ == "__main__":
    main()
