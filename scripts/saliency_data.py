"""Annotated images and targets for training the saliency heads.

A :class:`Picture` is an image with its annotations; :func:`variants` cuts, mirrors and recolours one, and
:func:`example` resizes it to the network's input. The scripts take a folder ``DATA`` that holds::

    osie/images osie/fixations.csv                  gaze of 15 viewers
    coco128/images coco128/masks coco128/labels.csv coco128/classes.json    class masks and labels
    caltech101/CLASS                                class labels
    ecssd/{images,masks} duts_classes/{images,masks}/CLASS   object masks: for scoring, or for training with --research
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.metrics.saliency import fixation_density
from saliency_jpeg.saliency.grid import resize, shrink

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Points = NDArray[np.float64]

OSIE_SPLIT: Final = ((190, 30), 4)  # images for training and validation; the seed; the other 80 are for scoring
GAZE_SIGMA: Final = 24 / 800  # of the density of fixations, in widths: one degree for OSIE's viewers
# COCO's panoptic categories. The rest, furniture and buildings among them, may be either subject or background.
_SUBJECTS: Final = {*range(1, 14), *range(16, 62), 72, 73, 75, 76, 77, *range(84, 91)}
_BACKGROUND: Final = {
    *(107, 109, 112, 118, 125, *range(144, 146), *range(147, 150), 151, 154, 155, 159, 161, 168, 171),
    *(*range(175, 179), 180, 181, *range(184, 189), *range(190, 195), 199, 200),
}
_SMALLEST: Final = 0.002  # share of the image below which a subject is ignored


@dataclass(frozen=True)
class Picture:
    """An image with its annotations.

    Attributes:
        rgb: uint8 (H, W, 3).
        objects: float32 (H, W), chance of an object, NaN unknown; None without annotation.
        faces: float32 (H, W), 1 in the boxes of faces, 0 elsewhere, NaN unknown; None without annotation.
        gaze: float64 (n, 2), fixations as (row, column); None without annotation.
        labels: class names.
    """

    rgb: Bytes
    objects: Floats | None = None
    faces: Floats | None = None
    gaze: Points | None = None
    labels: tuple[str, ...] = ()


class Example(NamedTuple):
    """One training example at the size of the network's input, with targets on the head's grid.

    Attributes:
        rgb: uint8 (h, w, 3).
        objects: float32 (rows, cols), NaN unknown.
        faces: float32 (rows, cols), NaN unknown.
        gaze: float32 (rows, cols), density of fixations with a maximum of 1; None without annotation.
    """

    rgb: Bytes
    objects: Floats
    faces: Floats
    gaze: Floats | None


# ---- folders -------------------------------------------------------------------------------------------------------


def read(path: Path, mode: str = "RGB") -> Bytes:
    """Reads the pixels of an image file.

    Args:
        path: of the file.
        mode: of Pillow: ``"RGB"`` gives (H, W, 3), ``"L"`` (H, W).

    Returns:
        uint8 array.
    """
    with Image.open(path) as image:
        return np.asarray(image.convert(mode), np.uint8)


def osie(data: Path) -> list[Picture]:
    """Reads OSIE's images with gaze, in the order of their names, from the folder ``data``."""
    fixations = defaultdict(list)
    with (data / "osie" / "fixations.csv").open() as file:
        for row in csv.DictReader(file):
            fixations[row["image"]].append((float(row["y"]), float(row["x"])))
    pictures = []
    for path in sorted((data / "osie" / "images").glob("*.jpg")):
        rgb = read(path)
        places = np.clip(np.array(fixations[path.name]), 0, np.array(rgb.shape[:2]) - 1e-3)
        pictures.append(Picture(rgb, gaze=places))
    return pictures


def split(pictures: Sequence[Any], counts: tuple[int, ...], seed: int) -> list[list[Any]]:
    """Splits a sequence into disjoint parts at random.

    Args:
        pictures: what to split.
        counts: lengths of the parts.
        seed: draws the parts.

    Returns:
        The parts, each in the order of ``pictures``, then one with the rest.
    """
    order = list(range(len(pictures)))
    random.Random(seed).shuffle(order)
    cuts = [0, *np.cumsum(counts).tolist(), len(pictures)]
    return [[pictures[i] for i in sorted(order[a:b])] for a, b in pairwise(cuts)]


def coco(data: Path) -> list[Picture]:
    """Reads COCO's photographs, most of them with class masks, from the folder ``data``."""
    folder, pictures = data / "coco128", []
    for path in sorted((folder / "images").glob("*/*.jpg")):
        mask = (folder / "masks" / path.relative_to(folder / "images")).with_suffix(".png")
        pictures.append(Picture(read(path), _subjects(read(mask, "L")) if mask.exists() else None))
    return pictures


def _subjects(classes: Bytes) -> Floats:
    objects = np.full(classes.shape, np.nan, np.float32)
    objects[np.isin(classes, list(_BACKGROUND))] = 0
    inside = np.isin(classes, list(_SUBJECTS))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= _SMALLEST * classes.size]
    objects[inside & np.isin(pieces, large)] = 1
    return objects


def coco_labels(data: Path) -> list[Picture]:
    """Reads COCO's photographs with their class names from the folder ``data``."""
    import json

    names = json.loads((data / "coco128" / "classes.json").read_text("utf-8"))["multilabel"]
    with (data / "coco128" / "labels.csv").open() as file:
        rows = [(row["image"], row["class_ids"].split()) for row in csv.DictReader(file)]
    return [
        Picture(read(data / "coco128" / "images" / name), labels=tuple(names[i] for i in ids)) for name, ids in rows
    ]


def caltech(data: Path) -> list[Picture]:
    """Reads Caltech-101's images with one class name each from the folder ``data``."""
    paths = sorted((data / "caltech101").glob("*/*.jpg"))
    return [Picture(read(path), labels=(path.parent.name.replace("_", " "),)) for path in paths]


def first_of_each(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """Returns the first images of each class.

    Args:
        pictures: labelled images.
        count: images of each class.
    """
    by_class = defaultdict(list)
    for picture in pictures:
        by_class[picture.labels].append(picture)
    return [picture for members in by_class.values() for picture in members[:count]]


def masked(images: Path, masks: Path) -> list[Picture]:
    """Reads images with object masks of the same names.

    Args:
        images: folder of .jpg files, with its subfolders.
        masks: folder of .png files, likewise.
    """
    pairs = [
        (read(p), read(masks / p.relative_to(images).with_suffix(".png"), "L")) for p in sorted(images.rglob("*.jpg"))
    ]
    return [Picture(rgb, (mask > 127).astype(np.float32)) for rgb, mask in pairs]


# ---- from images to examples ---------------------------------------------------------------------------------------


def random_window(shape: tuple[int, ...], chooser: random.Random, least: float, most: float) -> tuple[slice, slice]:
    """Draws a window of an image.

    Args:
        shape: of the image, (H, W, ...).
        chooser: draws sides and position.
        least: shortest side, of the image's.
        most: longest side, of the image's.

    Returns:
        Rows and columns.
    """
    sides = [max(8, int(n * chooser.uniform(least, most))) for n in shape[:2]]
    starts = [chooser.randint(0, n - side) for n, side in zip(shape, sides, strict=False)]
    down, across = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return down, across


def crop(picture: Picture, chooser: random.Random, least: float = 0.5) -> Picture:
    """Cuts a random window out of an image; with gaze, one that holds at least 60 % of the fixations.

    Args:
        picture: the image.
        chooser: draws the window.
        least: shortest side of the window, of the image's.

    Returns:
        The window; the whole image if 20 windows held too little gaze.
    """
    for _ in range(20):
        window = random_window(picture.rgb.shape, chooser, least, 1.0)
        gaze = picture.gaze
        if gaze is not None:
            origin = np.array([window[0].start, window[1].start])
            moved = gaze - origin
            gaze = moved[((moved >= 0) & (moved < [s.stop - s.start for s in window])).all(axis=1)]
            if len(gaze) < 0.6 * len(picture.gaze):  # type: ignore[arg-type]
                continue
        return replace(cut(picture, window), gaze=gaze)
    return picture


def cut(picture: Picture, window: tuple[slice, slice]) -> Picture:
    """Cuts a window out of an image and drops the gaze, which belongs to the whole image.

    Args:
        picture: the image.
        window: rows and columns.
    """
    objects, faces = (None if known is None else known[window] for known in (picture.objects, picture.faces))
    return replace(picture, rgb=picture.rgb[window], objects=objects, faces=faces, gaze=None)


def mirror(picture: Picture) -> Picture:
    """Mirrors an image left to right."""
    objects, faces = (None if known is None else known[:, ::-1] for known in (picture.objects, picture.faces))
    gaze = None if picture.gaze is None else picture.gaze * [1, -1] + [0, picture.rgb.shape[1] - 1e-3]
    return replace(picture, rgb=np.ascontiguousarray(picture.rgb[:, ::-1]), objects=objects, faces=faces, gaze=gaze)


def soften(picture: Picture, factor: float) -> Picture:
    """Resizes an image down and back up.

    Args:
        picture: the image.
        factor: by which its sides shrink, below 1.
    """
    height, width = picture.rgb.shape[:2]
    small = resize(picture.rgb, (max(8, round(height * factor)), max(8, round(width * factor))))
    return replace(picture, rgb=resize(small, (height, width)))


def recolour(picture: Picture, chooser: random.Random) -> Picture:
    """Changes white balance, contrast and brightness of an image.

    Args:
        picture: the image.
        chooser: draws the changes.
    """
    gains = np.array([chooser.uniform(0.85, 1.15) for _ in range(3)]) * chooser.uniform(0.75, 1.25)
    levels = np.arange(256)[:, None] * gains + chooser.uniform(-25, 25)
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[None]
    return replace(picture, rgb=np.ascontiguousarray(cv2.LUT(picture.rgb, table)))


def example(picture: Picture, size: tuple[int, int], stride: int = 8) -> Example:
    """Makes an example of an image.

    Args:
        picture: the image.
        size: (height, width) of the network's input, multiples of the stride plus 1.
        stride: of the head.
    """
    cells = tuple((n - 1) // stride + 1 for n in size)
    gaze = None
    if picture.gaze is not None:
        scale = np.array(size) / picture.rgb.shape[:2]
        places = (picture.gaze * scale - 0.5) / stride + 0.5  # a point of the grid is the middle of a pixel
        density = fixation_density(places, (cells[0], cells[1]), GAZE_SIGMA * max(size) / stride)
        gaze = (density / density.max()).astype(np.float32)
    unknown = np.full(cells, np.nan, np.float32)
    objects, faces = (
        unknown if known is None else shrink(known, size, stride) for known in (picture.objects, picture.faces)
    )
    return Example(resize(picture.rgb, size), objects, faces, gaze)


def variants(picture: Picture, count: int, chooser: random.Random, least: float = 0.5) -> Iterator[Picture]:
    """Yields an image, its mirror image, then random windows, some of them mirrored, softened or recoloured.

    Args:
        picture: the image.
        count: variants in all.
        chooser: draws the windows and changes.
        least: shortest side of a window, of the image's.
    """
    yield picture
    if count > 1:
        yield mirror(picture)
    for _ in range(count - 2):
        changed = crop(picture, chooser, least)
        if chooser.random() < 0.5:
            changed = mirror(changed)
        if chooser.random() < 0.3:
            changed = soften(changed, chooser.uniform(0.4, 0.8))
        if chooser.random() < 0.5:
            changed = recolour(changed, chooser)
        yield changed
