#!/usr/bin/env python3
"""Train the head of the preset ``gaze``, the default, with a tail of its own (``--research``: one for research).

The head learns where people look (OSIE, the training part of a seeded split and the part that choices were made by),
what objects are and where faces: what U2-Net's small variant, a face and a text detector find in the pictures of OSIE,
COCO and Caltech-101, in windows of them and in close-ups of faces, objects cut out of them and put on other
backgrounds, pictures of nothing. ECSSD's and DUTS's masks are looked at only to print the table at the end,
unless ``--research`` is given. ::

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

import made_pictures
import numpy as np
import saliency_data as data
from head_training import cached, fit
from judged import print_tables
from pseudo_labels import close_ups, labelled, windows
from saliency_data import Picture

from saliency_jpeg.saliency import SaliencyModel, heads, presets
from saliency_jpeg.training.loop import CHANNELS, Backbone, Item, Source, losses

LONG_SIDE: Final = 320
HEAD: Final = heads.HeadArchitecture(width=128, outputs=3, dropout=0.25, tail=True)
EPOCHS: Final = 10
_LEAST: Final = 193  # of the sides of training pictures
_A_CLASS: Final = 30  # pictures of each class of Caltech-101


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
            found.append(Item(levels, tuple(t.astype(np.float16) for t in (e.objects, gaze, e.faces))))
    return found


# ---- what to learn from --------------------------------------------------------------------------------------------


class Material:
    """Pictures with their labels and their features, each made once."""

    def __init__(self, folder: Path, cache: Path | None, seed: int, count: int | None = None) -> None:
        self.folder, self.cache, self.seed, self.count = folder, cache, seed, count
        self.backbone = Backbone(LONG_SIDE)
        self.osie = self._labelled("osie", lambda: [*chain(*data.split(data.osie(folder), *data.OSIE_SPLIT)[:2])])
        self.coco = self._labelled("coco", lambda: data.coco(folder))
        self.caltech = self._labelled("caltech", lambda: data.some_of_each(data.caltech(folder), _A_CLASS))
        self.stuff = made_pictures.stuff(self.coco, 120, seed)

    def _labelled(self, name: str, read: Callable[[], list[Picture]]) -> list[Picture]:
        pictures: list[Picture] = cached(self.cache, name, lambda: [labelled(p) for p in read()[: self.count]])
        return pictures

    def source(self, name: str, pictures: Sequence[Picture], variants: int, share: float, least: float = 0.5) -> Source:
        """Features of variants of the pictures."""
        made = cached(
            self.cache,
            f"{name}_items",
            lambda: items(self.backbone, pictures, variants, seed=self.seed, least=least),
        )
        return Source(made, share)

    def sources(self, *, research: bool = False) -> list[Source]:
        """Everything that the head learns from, and how much of it an epoch draws."""
        drawn = [*made_pictures.textures(120, self.seed), *made_pictures.documents(120, self.seed)][: self.count]
        found = [
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
            found.append(self.source("duts", masked, 4, 1.0, 0.6))
        return found

    def windows(self) -> list[Picture]:
        """Parts of pictures, and what stands out in those."""

        def make() -> list[Picture]:
            chooser = random.Random(self.seed)
            return [*windows(self.osie, 10, chooser), *windows(self.coco, 5, chooser)]

        made: list[Picture] = cached(self.cache, "windows", make)
        return made

    def close_ups(self) -> list[Picture]:
        """Faces from near."""

        def make() -> list[Picture]:
            portraits = [p for p in self.caltech if p.labels == ("faces",)]
            return close_ups([*self.osie, *self.coco, *portraits], 4, random.Random(self.seed))

        made: list[Picture] = cached(self.cache, "close_ups", make)
        return made

    def composites(self, count: int) -> list[Picture]:
        """Cut-out objects on pictures of nothing."""
        cutouts = [c for c in map(made_pictures.cut_out, [*self.caltech, *self.coco, *self.osie]) if c]
        backgrounds = self.stuff + made_pictures.textures(60, self.seed + 1)
        return made_pictures.composites(cutouts, backgrounds, min(count, self.count or count), self.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder for labels and features, some gigabytes, for repeated runs")
    parser.add_argument("--research", action="store_true", help="train on DUTS too: weights for research only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="fewer to try the script")
    parser.add_argument("--count", type=int, help="take at most so many pictures of each kind, to try the script")
    arguments = parser.parse_args()
    import keras

    material = Material(arguments.data, arguments.cache, arguments.seed, arguments.count)
    sources = material.sources(research=arguments.research)
    keras.utils.set_random_seed(arguments.seed)
    model = heads.build_head(HEAD, CHANNELS[:3])
    heads.set_tail(model, presets.read_arrays(presets.find("cam")))
    fit(model, sources, losses, (3, 3, 3), epochs=arguments.epochs, seed=arguments.seed)
    arguments.out.write_bytes(presets.write_arrays(heads.get_arrays(model)))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes")
    own = SaliencyModel.from_file(arguments.out, preset="gaze")
    print_tables(arguments.data, {"this": own, "cam": SaliencyModel.from_preset("cam")}, arguments.count)


if __name__ == "__main__":
    main()
