#!/usr/bin/env python3
"""Train the head of the preset ``gaze``, the default, with its tail.

The head learns where people look from OSIE (the training and the validation part of a seeded split). It learns where
objects and faces are from what U2-Net's small variant, a face detector and a text detector find in the images of OSIE,
COCO and Caltech-101, in windows of them and in close-ups of faces; from objects cut out of them and put on other
backgrounds; and from images without a subject. The masks of ECSSD and DUTS serve only for the tables at the end, unless
``--research`` is given, which trains on DUTS too. ::

    python scripts/train_saliency.py DATA OUT.npz [--cache FOLDER] [--research] [--seed 0] [--count N]

About 40 minutes on two cores, half of it for the labels; :mod:`saliency_data` says what DATA holds. The table
of the README is printed by ``python -m saliency_jpeg.evaluation saliency``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import saliency_data as data
import synthetic_images
from head_training import cached, fit
from pseudo_labels import close_ups, label, windows
from saliency_data import Picture
from score_tables import print_tables

from saliency_jpeg.saliency import SaliencyModel, network, presets, weights_file
from saliency_jpeg.saliency.heads.pyramid import Pyramid, fill_tail
from saliency_jpeg.saliency.weights_file import WeightsFile
from saliency_jpeg.training.loop import CHANNELS, Backbone, Item, Source

LONG_SIDE: Final = 320
HEAD: Final = Pyramid(width=128, dropout=0.25, tail=True)
EPOCHS: Final = 10
_LEAST: Final = 193  # of the sides of training pictures
_A_CLASS: Final = 30  # pictures of each class of Caltech-101


def make_items(
    backbone: Backbone, pictures: Sequence[Picture], count: int, *, seed: int = 0, least: float = 0.5
) -> list[Item]:
    """Computes features and targets.

    Args:
        backbone: gives the features.
        pictures: images with what is known of them.
        count: variants of each.
        seed: draws the variants.
        least: shortest side of a window, of the image's.
    """
    chooser, made = random.Random(seed), []
    for part in (pictures[i : i + 50] for i in range(0, len(pictures), 50)):
        changed = [v for picture in part for v in data.variants(picture, count, chooser, least)]
        examples = [data.example(v, backbone.size(v.rgb, _LEAST)) for v in changed]
        for e, levels in zip(examples, backbone([e.rgb for e in examples]), strict=True):
            gaze = np.zeros(e.objects.shape) if e.gaze is None else e.gaze
            targets = {"objects": e.objects, "gaze": gaze, "faces": e.faces}
            made.append(Item(levels, {name: target.astype(np.float16) for name, target in targets.items()}))
    return made


# ---- training material ---------------------------------------------------------------------------------------------


class Material:
    """Images with their labels and their features, each computed once.

    Args:
        folder: of the data sets.
        cache: folder for labels and features; None keeps nothing.
        seed: draws windows, variants and synthetic images.
        count: most images of each kind; None for all.
    """

    def __init__(self, folder: Path, cache: Path | None, seed: int, count: int | None = None) -> None:
        self.folder, self.cache, self.seed, self.count = folder, cache, seed, count
        self.backbone = Backbone(LONG_SIDE)
        self.osie = self._label("osie", lambda: [*chain(*data.split(data.osie(folder), *data.OSIE_SPLIT)[:2])])
        self.coco = self._label("coco", lambda: data.coco(folder))
        self.caltech = self._label("caltech", lambda: data.first_of_each(data.caltech(folder), _A_CLASS))
        self.stuff = synthetic_images.stuff(self.coco, 120, seed)

    def _label(self, name: str, read: Callable[[], list[Picture]]) -> list[Picture]:
        pictures: list[Picture] = cached(self.cache, name, lambda: [label(p) for p in read()[: self.count]])
        return pictures

    def source(self, name: str, pictures: Sequence[Picture], variants: int, share: float, least: float = 0.5) -> Source:
        """Returns variants of images as a source.

        Args:
            name: of the cached file.
            pictures: the images.
            variants: of each image.
            share: of the variants that an epoch draws.
            least: shortest side of a window, of the image's.
        """
        made = cached(
            self.cache,
            f"{name}_items",
            lambda: make_items(self.backbone, pictures, variants, seed=self.seed, least=least),
        )
        return Source(made, share)

    def sources(self, *, research: bool = False) -> list[Source]:
        """Returns everything that the head learns from, and how much of it an epoch draws."""
        drawn = [*synthetic_images.textures(120, self.seed), *synthetic_images.documents(120, self.seed)][: self.count]
        sources = [
            self.source("osie", self.osie, 10, 0.4, 0.55),
            self.source("coco", self.coco, 6, 0.7, 0.4),
            self.source("caltech", self.caltech, 2, 0.5, 0.6),
            self.source("windows", self.windows(), 1, 1.0),
            self.source("close_ups", self.close_ups(), 2, 0.8, 0.8),
            self.source("composites", self.composites(1200), 1, 0.7),
            self.source("stuff", self.stuff, 2, 0.5),
            self.source("drawn", drawn, 1, 0.6),
        ]
        if research:
            folder = self.folder / "duts_classes"
            masked = data.masked(folder / "images", folder / "masks")[: self.count]
            sources.append(self.source("duts", masked, 4, 1.0, 0.6))
        return sources

    def windows(self) -> list[Picture]:
        """Returns windows of images, labelled anew."""

        def make() -> list[Picture]:
            chooser = random.Random(self.seed)
            return [*windows(self.osie, 10, chooser), *windows(self.coco, 5, chooser)]

        made: list[Picture] = cached(self.cache, "windows", make)
        return made

    def close_ups(self) -> list[Picture]:
        """Returns close-ups of faces."""

        def make() -> list[Picture]:
            portraits = [p for p in self.caltech if p.labels == ("faces",)]
            return close_ups([*self.osie, *self.coco, *portraits], 4, random.Random(self.seed))

        made: list[Picture] = cached(self.cache, "close_ups", make)
        return made

    def composites(self, count: int) -> list[Picture]:
        """Returns cut-out objects on images without a subject."""
        cutouts = [c for c in map(synthetic_images.cut_out, [*self.caltech, *self.coco, *self.osie]) if c]
        backgrounds = self.stuff + synthetic_images.textures(60, self.seed + 1)
        return synthetic_images.composites(cutouts, backgrounds, min(count, self.count or count), self.seed)


def main() -> None:
    """Trains, writes the weights and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder for labels and features, some gigabytes, for repeated runs")
    parser.add_argument("--research", action="store_true", help="train on DUTS too: weights for research only")
    parser.add_argument("--seed", type=int, default=0, help="of variants, weights and order (0)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"fewer to try the script ({EPOCHS})")
    parser.add_argument("--count", type=int, help="most images of each kind, to try the script")
    arguments = parser.parse_args()
    import keras

    material = Material(arguments.data, arguments.cache, arguments.seed, arguments.count)
    sources = material.sources(research=arguments.research)
    keras.utils.set_random_seed(arguments.seed)
    model = HEAD.build(CHANNELS[:3])
    fill_tail(model, presets.read_arrays(presets.find("cam")))
    fit(model, HEAD, sources, epochs=arguments.epochs, seed=arguments.seed)
    arguments.out.write_bytes(weights_file.pack(WeightsFile(network.get_arrays(model))))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes")
    trained = SaliencyModel.from_file(arguments.out, preset="gaze")
    print_tables(arguments.data, {"this": trained, "cam": SaliencyModel.from_preset("cam")}, arguments.count)


if __name__ == "__main__":
    main()
