#!/usr/bin/env python3
"""Train the head of the preset ``msroi``: several feature maps per class, from image-level labels alone.

Labels are those of COCO (several per image) and Caltech-101 (one); synthetic images without a subject have none. Where
the plain class activation map, which was also trained by labels only, has evidence, GrabCut outlines the object; where
the two agree, the sum of all class activations learns to be high inside and low outside. No mask, box or gaze is used
for training: they score the result, beside the plain class activation map, in the tables at the end. ::

    python scripts/train_msroi.py DATA OUT.npz [--cache FOLDER] [--seed 0] [--count N]

About fifteen minutes on two cores; :mod:`saliency_data` says what DATA holds.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import saliency_data as data
import synthetic_images
from head_training import cached, fit
from numpy.typing import NDArray
from saliency_data import Floats, Picture
from score_tables import print_tables

from saliency_jpeg.saliency import SaliencyModel, network, presets, weights_file
from saliency_jpeg.saliency.grid import resize
from saliency_jpeg.saliency.heads import MsRoi
from saliency_jpeg.saliency.weights_file import WeightsFile
from saliency_jpeg.training.loop import CHANNELS, Backbone, Item, Source

LONG_SIDE: Final = 320
_LEAST: Final = 193  # of the sides of training pictures
_SAME: Final = {"airplanes": "airplane", "motorbikes": "motorcycle", "faces": "person"}
_DRAWN: Final = {"coco": (6, 1.0), "caltech": (3, 0.6), "nothing": (1, 0.7)}  # variants, share of an epoch
_A_CLASS: Final = 25  # pictures of each class of Caltech-101
_AGREEMENT: Final = 0.4  # least intersection over union of GrabCut's outline and the class activation map


# ---- images, labels, outlines -------------------------------------------------------------------------------------


def read_pictures(folder: Path, count: int | None = None) -> dict[str, list[Picture]]:
    """Reads the images with their labels.

    Args:
        folder: of the data sets.
        count: about how many of each origin; None for all.

    Returns:
        Images by origin.
    """
    nothing = [*synthetic_images.textures(120, 0), *synthetic_images.documents(60, 0)]
    by_origin = {"coco": data.coco_labels(folder), "caltech": data.caltech(folder), "nothing": nothing}
    by_origin["caltech"] = data.first_of_each(by_origin["caltech"], _A_CLASS)
    return {origin: some[:: max(1, len(some) // count) if count else 1] for origin, some in by_origin.items()}


def class_names(by_origin: dict[str, list[Picture]]) -> dict[str, list[str]]:
    """Returns the classes that the labels of each origin distinguish; all of them are absent from images of nothing."""
    names = {
        origin: sorted({_SAME.get(label, label) for picture in by_origin[origin] for label in picture.labels})
        for origin in ("coco", "caltech")
    }
    return {**names, "nothing": sorted({*names["coco"], *names["caltech"]})}


def add_outlines(given: Sequence[Picture], model: SaliencyModel) -> list[Picture]:
    """Adds outlines as objects: GrabCut's, started from the class activation map; None where the two disagree.

    Args:
        given: the images; those with objects stay as they are.
        model: makes the class activation maps.
    """
    return [p if p.objects is not None else replace(p, objects=_outline(p.rgb, model.predict(p.rgb))) for p in given]


def _outline(rgb: NDArray[np.uint8], saliency: Floats) -> Floats | None:
    height, width = (max(8, round(n * 192 / max(rgb.shape))) for n in rgb.shape[:2])
    seen = cv2.resize(saliency, (width, height), interpolation=cv2.INTER_AREA)
    guess = np.select([seen > 0.85, seen > 0.5, seen < 0.01], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_BGD], cv2.GC_PR_BGD)
    labels = guess.astype(np.uint8)
    if len(np.unique(labels & 1)) < 2:
        return None
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(resize(rgb, (height, width)), labels, None, models[0], models[1], 3, cv2.GC_INIT_WITH_MASK)
    inside = (labels & 1) > 0
    agreement = (inside & (seen > 0.5)).sum() / (inside | (seen > 0.5)).sum()
    if agreement < _AGREEMENT or not 0.03 < inside.mean() < 0.85:
        return None
    large: Floats = cv2.resize(inside.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return large


def make_items(
    backbone: Backbone, given: Sequence[Picture], known: Sequence[str], names: Sequence[str], count: int, seed: int
) -> list[Item]:
    """Computes features, labels (1 present, 0 absent, NaN unknown) and outlines.

    Args:
        backbone: gives the features.
        given: the images.
        known: classes that their labels distinguish.
        names: all classes, in the order of the labels.
        count: variants of each image.
        seed: draws the variants.
    """
    model = SaliencyModel.from_preset("cam")
    chooser, made = random.Random(seed), []
    for part in (given[i : i + 50] for i in range(0, len(given), 50)):
        changed = [v for picture in add_outlines(part, model) for v in data.variants(picture, count, chooser, 0.6)]
        examples = [data.example(v, backbone.size(v.rgb, _LEAST), MsRoi.stride) for v in changed]
        labels = [_labels(v, known, names) for v in changed]
        features = backbone([e.rgb for e in examples])
        for levels, known_labels, e in zip(features, labels, examples, strict=True):
            made.append(Item(levels, {"labels": known_labels, "outlines": e.objects}))
    return made


def _labels(picture: Picture, known: Sequence[str], names: Sequence[str]) -> NDArray[np.float16]:
    present = {_SAME.get(label, label) for label in picture.labels}
    return np.array([float(n in present) if n in known else np.nan for n in names], np.float16)


# ---- training ------------------------------------------------------------------------------------------------------


def main() -> None:
    """Trains, writes the weights and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder for features, for repeated runs")
    parser.add_argument("--seed", type=int, default=0, help="of variants, weights and order (0)")
    parser.add_argument("--epochs", type=int, default=7, help="fewer to try the script (7)")
    parser.add_argument("--count", type=int, help="most images of each kind, to try the script")
    arguments = parser.parse_args()
    import keras

    backbone, by_origin = Backbone(LONG_SIDE), read_pictures(arguments.data, arguments.count)
    known = class_names(by_origin)
    names = known["nothing"]
    sources = []
    for origin, (variants, share) in _DRAWN.items():
        make = partial(make_items, backbone, by_origin[origin], known[origin], names, variants, arguments.seed)
        sources.append(Source(cached(arguments.cache, f"msroi_{origin}", make), share))
    keras.utils.set_random_seed(arguments.seed)
    head = MsRoi(outputs=presets.find("msroi").outputs, classes=len(names))
    model = head.build(CHANNELS[:3])
    fit(model, head, sources, epochs=arguments.epochs, seed=arguments.seed)
    every = [*presets.read_class_names(presets.find("cam")), *names]
    file = WeightsFile(network.get_arrays(model), np.array(every), "msroi")
    arguments.out.write_bytes(weights_file.pack(file))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes, {len(names)} further classes", flush=True)
    print_tables(arguments.data, compared(arguments.out), arguments.count)


def compared(weights: Path) -> dict[str, SaliencyModel]:
    """Returns the plain class activation map and the new maps: as the preset makes them, and of the best classes."""
    model = SaliencyModel.from_file(weights)
    models = {"cam": SaliencyModel.from_preset("cam"), "msroi": model}
    for n in (1, 5, 20):
        models[f"msroi, {n} classes"] = SaliencyModel.from_file(weights, options=replace(model.options, classes=n))
    return models


if __name__ == "__main__":
    main()
