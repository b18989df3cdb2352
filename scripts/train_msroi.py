#!/usr/bin/env python3
"""Train the head of the preset ``msroi``: several feature maps per class, from image-level labels alone.

Labels are those of COCO (several a picture) and Caltech-101 (one); drawn pictures of nothing have none. Where the plain
class activation map, which knows labels only too, sees evidence, GrabCut outlines what it may belong to; where the two
agree, the sum of all class activations learns to be high inside and low outside. No mask, box or gaze is used: they
judge the result, in the table at the end, beside the plain class activation map. ::

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
from typing import Any, Final

import cv2
import made_pictures
import numpy as np
import saliency_data as data
from head_training import cached, fit
from judged import print_tables
from numpy.typing import NDArray
from saliency_data import Floats, Picture

from saliency_jpeg.saliency import SaliencyModel, heads, presets
from saliency_jpeg.saliency.grid import resize
from saliency_jpeg.training.loop import Backbone, Item, Source

LONG_SIDE: Final = 320
_LEAST: Final = 193  # of the sides of training pictures
_SAME: Final = {"airplanes": "airplane", "motorbikes": "motorcycle", "faces": "person"}
_DRAWN: Final = {"coco": (6, 1.0), "caltech": (3, 0.6), "nothing": (1, 0.7)}  # variants, share of an epoch
_A_CLASS: Final = 25  # pictures of each class of Caltech-101
_RARE: Final = 4.0  # weight of a class that is there against one that is not
_KEPT: Final = 0.4  # of GrabCut's outlines: intersection over union with the class activation map
_STRIDE: Final = heads.STRIDES["msroi"]


# ---- pictures, labels, outlines ------------------------------------------------------------------------------------


def pictures(folder: Path, count: int | None = None) -> dict[str, list[Picture]]:
    """Pictures with labels, by origin."""
    nothing = [*made_pictures.textures(120, 0), *made_pictures.documents(60, 0)]
    found = {"coco": data.coco_labels(folder), "caltech": data.caltech(folder), "nothing": nothing}
    found["caltech"] = data.some_of_each(found["caltech"], _A_CLASS)
    return {origin: some[:: max(1, len(some) // count) if count else 1] for origin, some in found.items()}


def class_names(by_origin: dict[str, list[Picture]]) -> dict[str, list[str]]:
    """Classes that the labels of an origin tell apart; pictures of nothing hold none of any."""
    found = {
        origin: sorted({_SAME.get(label, label) for picture in by_origin[origin] for label in picture.labels})
        for origin in ("coco", "caltech")
    }
    return {**found, "nothing": sorted({*found["coco"], *found["caltech"]})}


def outlined(given: Sequence[Picture], model: SaliencyModel) -> list[Picture]:
    """The pictures with what GrabCut makes of their class activation map as objects; None where they disagree."""
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
    if agreement < _KEPT or not 0.03 < inside.mean() < 0.85:
        return None
    large: Floats = cv2.resize(inside.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return large


def items(
    backbone: Backbone, given: Sequence[Picture], known: Sequence[str], names: Sequence[str], count: int, seed: int
) -> list[Item]:
    """Features, labels (1 there, 0 not there, NaN not said) and outlines of ``count`` variants of each picture."""
    model = SaliencyModel.from_preset("cam")
    chooser, found = random.Random(seed), []
    for part in (given[i : i + 50] for i in range(0, len(given), 50)):
        changed = [v for picture in outlined(part, model) for v in data.variants(picture, count, chooser, 0.6)]
        examples = [data.example(v, backbone.size(v.rgb, _LEAST), _STRIDE) for v in changed]
        labels = [_labels(v, known, names) for v in changed]
        features = backbone([e.rgb for e in examples])
        found += [Item(f, (y, e.objects)) for f, y, e in zip(features, labels, examples, strict=True)]
    return found


def _labels(picture: Picture, known: Sequence[str], names: Sequence[str]) -> NDArray[np.float16]:
    present = {_SAME.get(label, label) for label in picture.labels}
    return np.array([float(n in present) if n in known else np.nan for n in names], np.float16)


# ---- training ------------------------------------------------------------------------------------------------------


def loss(maps: Any, labels: Any, objects: Any) -> list[Any]:
    """Cross entropy of the means of the maps by the labels, and of the chance of any class at all by the outlines."""
    import tensorflow as tf

    maps = maps[..., 1:]  # the first is the sum of the backbone's classes
    known = tf.cast(tf.math.is_finite(labels), tf.float32)
    truth = tf.where(known > 0, labels, 0.0)
    entropy = tf.nn.weighted_cross_entropy_with_logits(truth, tf.reduce_mean(maps, axis=[1, 2]), _RARE) * known
    by_labels = tf.reduce_mean(tf.reduce_sum(entropy, axis=1) / tf.reduce_sum(known, axis=1))
    drawn = tf.cast(tf.math.is_finite(objects), tf.float32)
    inside = tf.where(drawn > 0, objects, 0.0)
    none = tf.clip_by_value(tf.reduce_sum(tf.nn.softplus(maps), axis=-1), 1e-4, 30.0)  # -log of the chance of none
    cells = (none * (1 - inside) - tf.math.log(-tf.math.expm1(-none)) * inside) * drawn
    by_outlines = tf.reduce_mean(tf.reduce_sum(cells, [1, 2]) / tf.maximum(tf.reduce_sum(drawn, [1, 2]), 1.0))
    return [3 * by_labels, by_outlines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder for features, for repeated runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--count", type=int, help="take at most so many pictures of each kind, to try the script")
    arguments = parser.parse_args()
    import keras

    backbone, by_origin = Backbone(LONG_SIDE), pictures(arguments.data, arguments.count)
    known = class_names(by_origin)
    names = known["nothing"]
    sources = []
    for origin, (variants, share) in _DRAWN.items():
        make = partial(items, backbone, by_origin[origin], known[origin], names, variants, arguments.seed)
        sources.append(Source(cached(arguments.cache, f"msroi_{origin}", make), share))
    keras.utils.set_random_seed(arguments.seed)
    model = heads.build_head(heads.HeadArchitecture("msroi", 96, len(names), 4, 0.3), (40, 112, 1280))
    fit(model, sources, loss, (2, 3), epochs=arguments.epochs, seed=arguments.seed)
    every = [*presets.read_class_names(presets.find("cam")), *names]
    texts = {presets.CLASS_NAMES: np.array(every), presets.PRESET: np.array("msroi")}
    arguments.out.write_bytes(presets.write_arrays({**heads.get_arrays(model), **texts}))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes, {len(names)} further classes", flush=True)
    print_tables(arguments.data, ways(arguments.out), arguments.count)


def ways(weights: Path) -> dict[str, SaliencyModel]:
    """The plain class activation map, and the new one: as the preset makes it, and of the best classes only."""
    own = SaliencyModel.from_file(weights)
    found = {"cam": SaliencyModel.from_preset("cam"), "msroi": own}
    for n in (1, 5, 20):
        found[f"msroi, {n} classes"] = SaliencyModel.from_file(weights, options=replace(own.options, classes=n))
    return found


if __name__ == "__main__":
    main()
