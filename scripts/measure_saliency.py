#!/usr/bin/env python3
"""Measure how class activations should become a map; the defaults of the preset ``cam`` come from here.

Maps are scored by object masks (ECSSD) and gaze (OSIE), with the metrics of ``saliency_jpeg.evaluation``. Images are
drawn and split into two halves by a seed: alternatives are compared on the first half, and the chosen defaults are
reported on the second. ::

    python scripts/measure_saliency.py DATA [--images 120] [--seed 0]

DATA holds ``ecssd/images``, ``ecssd/masks`` and ``osie/images``, ``osie/fixations.csv`` (image, subject, x, y in pixels
of the image). Takes two minutes on two cores. ``python -m saliency_jpeg.evaluation saliency`` scores whole presets.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_jpeg.evaluation import centred_gaussian, judge_gaze, judge_masks, read_gaze, read_masks
from saliency_jpeg.evaluation.saliency_benchmark import GazeSample, MaskSample
from saliency_jpeg.saliency import Activations, MapOptions, SaliencyModel, network, presets
from saliency_jpeg.saliency.grid import Lattice, enlarge, input_size, resize
from saliency_jpeg.saliency.maps import class_evidence, saliency_grid

Bytes = NDArray[np.uint8]
Reals = NDArray[np.floating]
Maker = Callable[[Bytes], Reals]
Source = Callable[[Bytes], Activations]

PRESET = presets.find("cam")
CONTRAST = PRESET.outputs["classes"]["contrast"]
NORM = MapOptions(contrast=0)  # for evidence on another scale
COLUMNS = ("AUC", "maxF", "MAE", "AUC-Judd", "NSS", "CC", "SIM", "KL")
HEADER = f"{'':34s}" + "".join(f"{name:>9s}" for name in COLUMNS)


@dataclass
class Half:
    """Images with what scores their maps."""

    gaze: list[GazeSample]
    masks: list[MaskSample]

    @property
    def pictures(self) -> list[Bytes]:
        """All images."""
        return [*(s.rgb for s in self.gaze), *(s.rgb for s in self.masks)]

    def judge(self, makers: dict[str, Maker]) -> None:
        """Prints the scores of each way to make a map."""
        print(HEADER)
        by_masks, by_gaze = judge_masks(self.masks, makers), judge_gaze(self.gaze, makers)
        for name in makers:
            print(f"{name:34s}" + "".join(f"{value:9.4f}" for value in (*by_masks[name], *by_gaze[name])))


class Remembered:
    """Activations by a source, computed once for each image, by the identity of its array."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._activations: dict[int, Activations] = {}

    def __call__(self, rgb: Bytes) -> Activations:
        """Returns the activations of an image."""
        if id(rgb) not in self._activations:
            self._activations[id(rgb)] = self._source(rgb)
        return self._activations[id(rgb)]


def maker(source: Source, options: MapOptions, *, offset: float = PRESET.offset) -> Maker:
    """Returns a function that makes the map of an image with the library's code.

    Args:
        source: of the class activations.
        options: of the map.
        offset: of the cells, in pixels of the network's input.
    """

    def make(rgb: Bytes) -> Reals:
        cells = saliency_grid(class_evidence(source(rgb).maps, options.classes), options, contrast=CONTRAST)
        size = rgb.shape[0], rgb.shape[1]
        return enlarge(cells, size, lattice=Lattice.of(network.STRIDE, offset=offset), sigma=options.smoothing)

    return make


def centred(rgb: Bytes) -> Reals:
    """Makes the map that knows nothing of the image: a Gaussian in the centre."""
    return centred_gaussian((rgb.shape[0], rgb.shape[1]))


def feature_network(arrays: network.Arrays) -> Source:
    """Returns a source that gives the Euclidean norm of the last features as the map of a single class."""
    import keras
    import tensorflow as tf

    model: Any = network.load(PRESET.architecture, arrays)
    features = tf.function(keras.Model(model.input, model.get_layer("head_act").output))

    def norm(rgb: Bytes) -> Activations:
        height, width = rgb.shape[:2]
        pixels = resize(rgb, input_size(height, width, PRESET.long_side, network.STRIDE))
        maps = np.linalg.norm(features(pixels[None].astype(np.float32)).numpy()[0], axis=2, keepdims=True)
        return Activations(maps, ("norm",))

    return norm


def load(data: Path, count: int, seed: int) -> tuple[Half, Half]:
    """Reads the two halves.

    Args:
        data: folder of the data sets.
        count: images of each data set.
        seed: of the order; every other image is in the second half.
    """
    chooser = random.Random(seed)
    gaze, masks = list(read_gaze(data / "osie", count=count)), list(read_masks(data / "ecssd", count=count))
    chooser.shuffle(gaze)
    chooser.shuffle(masks)
    return Half(gaze[::2], masks[::2]), Half(gaze[1::2], masks[1::2])


def mirror_agreement(pictures: list[Bytes], model: SaliencyModel) -> dict[int, float]:
    """Measures the correlation of the map with that of the mirrored image; it is highest at the true offset.

    Args:
        pictures: the images.
        model: makes the class activations.

    Returns:
        Mean correlation by horizontal offset, in pixels of the network's input.
    """
    totals: dict[int, list[float]] = defaultdict(list)
    for rgb in pictures:
        both = (rgb, np.ascontiguousarray(rgb[:, ::-1]))
        cells = [
            saliency_grid(class_evidence(model.activations(p).maps), model.options, contrast=CONTRAST) for p in both
        ]
        for offset in range(-4, 17, 2):
            lattice = Lattice.of(network.STRIDE, offset=offset)
            there, back = (enlarge(c, (160, 320), lattice=lattice, sigma=0.6) for c in cells)
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


def references(model: SaliencyModel, source: Source, norm: Source) -> dict[str, Maker]:
    """Returns the defaults and what they are compared with.

    Args:
        model: has the default options.
        source: of the class activations.
        norm: of the norm of the features.
    """

    def strongest(rgb: Bytes) -> Activations:
        return Activations(source(rgb).maps.max(axis=2, keepdims=True), ("strongest",))

    return {
        "defaults": maker(source, model.options),
        "centred Gaussian": centred,
        "feature norm": maker(norm, NORM),
        "strongest class of each cell": maker(strongest, NORM),
    }


THRESHOLDS: dict[str, list[tuple[float, float]]] = {
    "quantile": [(0.0, 0.9), (0.1, 0.9), (0.25, 0.9), (0.25, 1.0), (0.4, 0.9), (0.4, 0.95), (0.5, 0.95), (0.5, 1.0)],
    "mean": [(0.0, 1.5), (0.5, 1.5), (0.75, 1.5), (1.0, 1.5), (0.5, 2.0), (0.5, 2.5)],
    "peak": [(0.0, 0.7), (0.2, 0.7), (0.4, 0.7), (0.2, 0.85), (0.2, 1.0)],
    "fixed": [(0, 1200), (200, 1200), (400, 1200), (200, 1600)],
}


def alternatives(source: Source, base: MapOptions) -> Iterator[tuple[str, Maker]]:
    """Yields name and map of all that is compared with the defaults on the first half.

    Args:
        source: of the class activations.
        base: the default options.
    """
    for classes in (1, 5, 20, 100, 300):
        yield f"{classes} classes by logit", maker(source, replace(base, classes=classes))
    for offset in (-4, 0, 2, 3, 4, 6, 8, 16):
        yield f"offset {offset} px", maker(source, base, offset=offset)
    for smoothing in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0):
        yield f"smoothing {smoothing} cells", maker(source, replace(base, smoothing=smoothing))
    for threshold, pairs in THRESHOLDS.items():
        for low, high in pairs:
            changes: dict[str, Any] = {"threshold": threshold, "low": low, "high": high}
            yield f"threshold {threshold} {low} to {high}", maker(source, replace(base, **changes))
    for contrast in (0, 300, 400, 500, 600, 800):
        yield f"contrast {contrast}", maker(source, replace(base, contrast=contrast))


def report_empty(model: SaliencyModel) -> None:
    """Prints the highest values in the maps of images without a subject."""
    print("largest value in images without a subject:")
    for contrast in (0, 300, 500, 800):
        empty = replace(model.options, contrast=contrast)
        tops = (
            f"{n} {saliency_grid(class_evidence(model.activations(p).maps), empty).max() / 255:.2f}"
            for n, p in empty_pictures().items()
        )
        print(f"  contrast {contrast}: {', '.join(tops)}")


def main() -> None:
    """Prints the comparisons on the first half and the defaults on the second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with ecssd/ and osie/")
    parser.add_argument("--images", type=int, default=120, help="images of each data set (120)")
    parser.add_argument("--seed", type=int, default=0, help="splits the images (0)")
    arguments = parser.parse_args()
    model = SaliencyModel.from_preset("cam", device="cpu")
    source = Remembered(model.activations)
    first, second = load(arguments.data, arguments.images, arguments.seed)
    held = references(model, source, Remembered(feature_network(presets.read_arrays(PRESET))))

    print(f"first half, {len(first.pictures)} images")
    first.judge({**held, **dict(alternatives(source, model.options))})
    agreement = mirror_agreement(first.pictures[::2], model)
    print("mirror agreement by offset:", ", ".join(f"{k} px {v:.4f}" for k, v in agreement.items()))
    report_empty(model)
    print(f"\nsecond half, {len(second.pictures)} images")
    second.judge(held)


if __name__ == "__main__":
    main()
