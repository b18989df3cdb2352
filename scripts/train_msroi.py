#!/usr/bin/env python3
"""Train the head of the preset ``msroi``: a set of feature maps per class, from image-level labels alone.

Labels are those of COCO (several a picture) and Caltech-101 (one); drawn pictures of nothing have none. No mask, box or
gaze is used: they judge the result, in the table at the end, beside the plain class activation map. ::

    python scripts/train_msroi.py DATA OUT.npz [--cache FOLDER] [--seed 0]

About five minutes on two cores; :mod:`saliency_data` says what DATA holds.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import saliency_data as data
from head_training import Backbone, Item, Source, cached, fit
from judged import print_tables
from numpy.typing import NDArray
from saliency_data import Picture

from saliency_jpeg.saliency import SaliencyModel, heads, presets

LONG_SIDE: Final = 320
_LEAST: Final = 193  # of the sides of training pictures
_SAME: Final = {"airplanes": "airplane", "motorbikes": "motorcycle", "faces": "person"}
_DRAWN: Final = {"coco": (8, 1.0), "caltech": (2, 0.7), "nothing": (1, 1.0)}  # variants, share of an epoch
_RARE: Final = 4.0  # weight of a class that is there against one that is not


def pictures(folder: Path, count: int | None = None) -> dict[str, list[Picture]]:
    """Pictures with labels, by origin."""
    nothing = [*data.textures(120, 0), *data.documents(60, 0)]
    found = {"coco": data.coco_labels(folder), "caltech": data.caltech(folder), "nothing": nothing}
    return {origin: some[:: max(1, len(some) // count) if count else 1] for origin, some in found.items()}


def class_names(by_origin: dict[str, list[Picture]]) -> dict[str, list[str]]:
    """Classes that the labels of an origin tell apart; pictures of nothing hold none of any."""
    found = {
        origin: sorted({_SAME.get(label, label) for picture in by_origin[origin] for label in picture.labels})
        for origin in ("coco", "caltech")
    }
    return {**found, "nothing": sorted({*found["coco"], *found["caltech"]})}


def items(
    backbone: Backbone, given: Sequence[Picture], known: Sequence[str], names: Sequence[str], count: int, seed: int
) -> list[Item]:
    """Features and labels of ``count`` variants of each picture: 1 there, 0 not there, NaN not said."""
    chooser, found = random.Random(seed), []
    for part in (given[i : i + 50] for i in range(0, len(given), 50)):
        changed = [v for picture in part for v in data.variants(picture, count, chooser, 0.7)]
        examples = [data.example(v, backbone.size(v.rgb, _LEAST)).rgb for v in changed]
        labels = [_labels(v, known, names) for v in changed]
        found += [Item(levels, (y,)) for levels, y in zip(backbone(examples), labels, strict=True)]
    return found


def _labels(picture: Picture, known: Sequence[str], names: Sequence[str]) -> NDArray[np.float16]:
    present = {_SAME.get(label, label) for label in picture.labels}
    return np.array([float(n in present) if n in known else np.nan for n in names], np.float16)


def loss(maps: Any, labels: Any) -> list[Any]:
    """Cross entropy of the means of the maps, over the classes that the labels speak of."""
    import tensorflow as tf

    known = tf.cast(tf.math.is_finite(labels), tf.float32)
    truth = tf.where(known > 0, labels, 0.0)
    logits = tf.reduce_mean(maps, axis=[1, 2])
    entropy = tf.nn.weighted_cross_entropy_with_logits(truth, logits, _RARE) * known
    return [10 * tf.reduce_mean(tf.reduce_sum(entropy, axis=1) / tf.reduce_sum(known, axis=1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder for features, for repeated runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
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
    fit(model, sources, loss, (2,), epochs=arguments.epochs, seed=arguments.seed)
    texts = {presets.CLASS_NAMES: np.array(names), presets.PRESET: np.array("msroi")}
    arguments.out.write_bytes(presets.write_arrays({**heads.get_arrays(model), **texts}))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes, {len(names)} classes")
    print_tables(arguments.data, ways(arguments.out), arguments.count)


def ways(weights: Path) -> dict[str, SaliencyModel]:
    """The plain class activation map, and the new one: as the preset makes it, and of the best classes only."""
    own = SaliencyModel.from_file(weights)
    best = {f"msroi, {n} classes": replace(own.options, classes=n) for n in (1, 5, 20)}
    ranked = {name: SaliencyModel.from_file(weights, options=options) for name, options in best.items()}
    return {"cam": SaliencyModel.from_preset("cam"), "msroi": own, **ranked}


if __name__ == "__main__":
    main()
