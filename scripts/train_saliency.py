#!/usr/bin/env python3
"""Train the head of the preset ``default`` (or, with ``--research``, of ``research``) on a frozen backbone.

The head learns where people look (OSIE, the training part of a seeded split) and what objects are: COCO's masks, faces
and text that permissively licensed detectors find, objects cut out and put on other backgrounds, pictures of nothing.
A first head marks the objects in Caltech-101's pictures, GrabCut makes them whole, and the second head learns from
those too. ECSSD's and DUTS's masks are looked at only to print the table, unless ``--research`` is given. ::

    python scripts/train_saliency.py DATA OUT.npz [--cache FOLDER] [--research] [--seed 0]

About fifteen minutes on two cores; :mod:`saliency_data` says what DATA holds. The table of the README is printed by
``python -m saliency_jpeg.evaluation saliency``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import saliency_data as data
from head_training import Backbone, Item, Source, cached, fit, outputs
from numpy.typing import NDArray
from pseudo_labels import labelled
from saliency_data import GAZE_SIGMA, Floats, Picture

from saliency_jpeg.evaluation.saliency import fixation_density
from saliency_jpeg.saliency import heads, presets
from saliency_jpeg.saliency.grid import resize

LONG_SIDE: Final = 320
SPLIT: Final = ((190, 30), 4)  # OSIE: training, validation; the seed; the other 80 are for the report
_LEAST: Final = 193  # of the sides of training pictures
_KEPT: Final = 0.6  # of GrabCut's masks: intersection over union with what the head said
_LOOK: Final = 0.3  # density of gaze, peak 1, that a thing must reach somewhere


def items(
    backbone: Backbone, pictures: Sequence[Picture], count: int, *, seed: int = 0, least: float = 0.5
) -> list[Item]:
    """Features and targets of ``count`` variants of each picture."""
    chooser, found = random.Random(seed), []
    for part in (pictures[i : i + 50] for i in range(0, len(pictures), 50)):
        changed = [v for picture in part for v in data.variants(picture, count, chooser, least)]
        examples = [data.example(v, backbone.size(v.rgb, _LEAST)) for v in changed]
        for e, levels in zip(examples, backbone([e.rgb for e in examples]), strict=True):
            gaze = np.zeros(e.objects.shape) if e.gaze is None else e.gaze
            found.append(Item(levels, (e.objects.astype(np.float16), gaze.astype(np.float16))))
    return found


# ---- losses --------------------------------------------------------------------------------------------------------


def losses(logits: Any, objects: Any, gaze: Any) -> list[Any]:
    """Cross entropy and overlap of the objects where they are known; divergence and correlation of the gaze."""
    return [*object_losses(logits[..., 1], objects), *gaze_losses(logits[..., 0], gaze)]


def object_losses(logits: Any, objects: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    known = tf.cast(tf.math.is_finite(objects), tf.float32)
    truth = tf.where(known > 0, objects, 0.0)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth * 0.98 + 0.01, logits) * known
    mean = tf.reduce_sum(entropy, [1, 2]) / tf.maximum(tf.reduce_sum(known, [1, 2]), 1.0)
    chance = tf.sigmoid(logits) * known
    both = tf.reduce_sum(chance * truth, [1, 2])
    either = tf.reduce_sum(chance + truth - chance * truth, [1, 2])
    inside, outside = tf.reduce_sum(truth, [1, 2]), tf.reduce_sum(known - truth, [1, 2])
    counts = tf.cast((inside > 1) & (outside > 1), tf.float32)
    return tf.reduce_mean(mean), 0.5 * tf.reduce_mean(counts * (1 - both / (either + 1e-3)))


def gaze_losses(logits: Any, gaze: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    fixated = tf.cast(tf.reduce_max(gaze, [1, 2]) > 0, tf.float32)
    truth = gaze / (tf.reduce_sum(gaze, [1, 2], keepdims=True) + 1e-6)
    shape = tf.shape(logits)
    logs = tf.reshape(tf.nn.log_softmax(tf.reshape(logits, (shape[0], -1))), shape)
    divergence = tf.reduce_sum(truth * (tf.math.log(truth + 1e-9) - logs), [1, 2])
    correlation = tf.reduce_mean(_standardized(tf.exp(logs)) * _standardized(truth), [1, 2])
    return tf.reduce_mean(fixated * divergence), 0.5 * tf.reduce_mean(fixated * (1 - correlation))


def _standardized(values: Any) -> Any:
    import tensorflow as tf

    centred = values - tf.reduce_mean(values, [1, 2], keepdims=True)
    return centred / (tf.sqrt(tf.reduce_mean(centred**2, [1, 2], keepdims=True)) + 1e-9)


# ---- the second round's labels -------------------------------------------------------------------------------------


def opinions(model: Any, backbone: Backbone, pictures: Sequence[Picture]) -> list[tuple[Floats, Floats]]:
    """The head's opinion of every pixel: the chance of an object and the density of gaze, peak 1, float32 (H, W)."""
    found = []
    for part in (pictures[i : i + 100] for i in range(0, len(pictures), 100)):
        for picture, logits in zip(part, outputs(model, items(backbone, part, 1)), strict=True):
            size = picture.rgb.shape[1::-1]
            chance, density = 1 / (1 + np.exp(-logits[:, :, 1])), np.exp(logits[:, :, 0] - logits[:, :, 0].max())
            found.append((cv2.resize(chance, size), cv2.resize(density, size)))
    return found


def whole_objects(pictures: Sequence[Picture], chances: Sequence[Floats]) -> list[Picture]:
    """Pictures with the objects that GrabCut makes of the head's opinion, where the two agree."""
    found = []
    for picture, chance in zip(pictures, chances, strict=True):
        inside = _grab_cut(picture.rgb, chance)
        if inside is not None:
            found.append(replace(picture, objects=inside))
    return found


def _grab_cut(rgb: NDArray[np.uint8], chance: Floats) -> Floats | None:
    height, width = (max(8, round(n * 256 / max(rgb.shape))) for n in rgb.shape[:2])
    small = cv2.resize(chance, (width, height), interpolation=cv2.INTER_AREA)
    guess = np.select([small > 0.93, small > 0.5, small < 0.06], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_BGD], cv2.GC_PR_BGD)
    labels = guess.astype(np.uint8)
    if not 0.01 < (labels & 1).mean() < 0.95:
        return None
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(resize(rgb, (height, width)), labels, None, models[0], models[1], 3, cv2.GC_INIT_WITH_MASK)
    inside = (labels & 1) > 0
    agreement = (inside & (small > 0.5)).sum() / max(1, (inside | (small > 0.5)).sum())
    if agreement < _KEPT or not 0.02 < inside.mean() < 0.8:
        return None
    large: Floats = cv2.resize(inside.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return large


def looked_at(picture: Picture, chance: Floats) -> Picture:
    """The picture with what the head takes for objects and people looked at, and what is neither."""
    assert picture.objects is not None and picture.gaze is not None
    height, width = chance.shape
    density = fixation_density(picture.gaze / 4, (height // 4, width // 4), 1.5 * GAZE_SIGMA * width / 4)
    gaze = cv2.resize((density / density.max()).astype(np.float32), (width, height))
    known = [(chance > 0.8) & (gaze > 0.3), ((chance < 0.1) & (gaze < 0.1)) | (gaze < 0.02)]
    guess = np.select(known, [1.0, 0.0], np.nan).astype(np.float32)
    return replace(picture, objects=np.where(picture.objects == 1, picture.objects, guess))


def worth_a_look(picture: Picture, density: Floats) -> Picture:
    """The picture without a say on things that would hardly be looked at."""
    assert picture.objects is not None
    objects = picture.objects.copy()
    count, pieces = cv2.connectedComponents((objects == 1).astype(np.uint8))
    for piece in (pieces == i for i in range(1, count)):
        if density[piece].max() < _LOOK:
            objects[piece] = np.nan
    return replace(picture, objects=objects)


# ---- rounds --------------------------------------------------------------------------------------------------------


class Material:
    """Pictures and their features, each made once."""

    def __init__(self, folder: Path, cache: Path | None, seed: int) -> None:
        self.cache, self.seed = cache, seed
        self.folder, self.backbone = folder, Backbone(LONG_SIDE)
        train = data.split(data.osie(folder), *SPLIT)[0]
        self.osie: list[Picture] = cached(cache, "osie", lambda: [labelled(p) for p in train])
        self.coco: list[Picture] = cached(cache, "coco", lambda: [labelled(p) for p in data.coco(folder)])
        self.stuff = data.stuff(self.coco, 120, seed)
        self.cutouts = [c for c in map(data.cut_out, self.coco) if c]

    def source(self, name: str, pictures: Sequence[Picture], count: int, share: float, least: float = 0.5) -> Source:
        """Features of ``count`` variants of the pictures."""
        made = cached(
            self.cache, f"{name}_items", lambda: items(self.backbone, pictures, count, seed=self.seed, least=least)
        )
        return Source(made, share)

    def nothing(self) -> list[Source]:
        """Pictures without a subject."""
        drawn = [*data.textures(120, self.seed), *data.documents(120, self.seed)]
        return [self.source("stuff", self.stuff, 2, 0.5), self.source("drawn", drawn, 1, 0.5)]

    def composites(self, name: str, cutouts: list[Picture], count: int) -> Source:
        """Cut-out objects on pictures of nothing."""
        backgrounds = self.stuff + data.textures(60, self.seed + 1)
        return self.source(name, data.composites(cutouts, backgrounds, count, self.seed), 1, 1.0)

    def first_round(self) -> list[Source]:
        """What needs no head to be labelled."""
        return [
            self.source("osie1", self.osie, 8, 0.5, 0.55),
            self.source("coco1", self.coco, 6, 1.0, 0.4),
            self.composites("composites1", self.cutouts, 400),
            *self.nothing(),
        ]

    def second_round(self, model: Any) -> list[Source]:
        """The same and what the first head found."""
        caltech = data.caltech(self.folder)

        def whole() -> list[Picture]:
            return whole_objects(caltech, [chance for chance, _ in opinions(model, self.backbone, caltech)])

        found = cached(self.cache, "caltech", whole)
        osie, coco = (opinions(model, self.backbone, pictures) for pictures in (self.osie, self.coco))
        seen = [looked_at(p, chance) for p, (chance, _) in zip(self.osie, osie, strict=True)]
        worth = [worth_a_look(p, density) for p, (_, density) in zip(self.coco, coco, strict=True)]
        cutouts = [c for c in map(data.cut_out, found) if c]
        return [
            self.source("osie2", seen, 8, 0.4, 0.55),
            self.source("coco2", worth, 6, 1.0, 0.4),
            self.source("caltech", found, 2, 0.6, 0.6),
            self.composites("composites2", cutouts + 3 * self.cutouts, 900),
            *self.nothing(),
        ]

    def research(self) -> list[Source]:
        """Masks whose terms allow research only."""
        folder = self.folder / "duts_classes"
        return [self.source("duts", data.masked(folder / "images", folder / "masks"), 4, 1.0, 0.6)]


def trained(sources: Sequence[Source], epochs: int, seed: int) -> Any:
    """A fresh head, fitted."""
    import keras

    keras.utils.set_random_seed(seed)
    model = heads.build_head(heads.HeadArchitecture(), (40, 112, 1280))
    fit(model, sources, losses, (3, 3), epochs=epochs, seed=seed)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument(
        "--cache", type=Path, help="folder for pictures and features, some gigabytes, for repeated runs"
    )
    parser.add_argument("--research", action="store_true", help="train on DUTS too: weights for research only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, nargs=2, default=(6, 9), help="of the two rounds (6 9)")
    arguments = parser.parse_args()
    material = Material(arguments.data, arguments.cache, arguments.seed)
    print("first round", flush=True)
    first = trained(material.first_round(), arguments.epochs[0], arguments.seed)
    print("second round", flush=True)
    sources = material.second_round(first) + (material.research() if arguments.research else [])
    second = trained(sources, arguments.epochs[1], arguments.seed)
    arguments.out.write_bytes(presets.write_arrays(heads.get_arrays(second)))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
