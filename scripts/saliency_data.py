"""Pictures and targets for training the saliency heads: real ones, pseudo-labels, composites, and pictures of nothing.

A :class:`Picture` is an image with what is known about it; :func:`example` cuts, mirrors and shrinks one to the size
the network takes. Nothing here knows about layers. Folders, as the scripts take them in ``DATA``::

    osie/images osie/fixations.csv                  gaze of 15 viewers
    coco128/images coco128/masks coco128/labels.csv class masks and labels
    caltech101/CLASS caltech101_background          class labels
    ecssd/{images,masks} duts_classes/{images,masks}/CLASS   object masks: judges, or training of ``research``
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
from PIL import Image, ImageDraw, ImageFont

from saliency_jpeg.evaluation.saliency import fixation_density
from saliency_jpeg.saliency.grid import resize, shrink

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Points = NDArray[np.float64]

OSIE_SPLIT: Final = ((190, 30), 4)  # training, validation; the seed; the other 80 pictures are for the report
GAZE_SIGMA: Final = 24 / 800  # of the density of fixations, in widths: one degree for OSIE's viewers
# COCO's panoptic categories. The rest, furniture and buildings among them, may be either subject or background.
_SUBJECTS: Final = {*range(1, 14), *range(16, 62), 72, 73, 75, 76, 77, *range(84, 91)}
_BACKGROUND: Final = {
    *(
        107,
        109,
        112,
        118,
        125,
        144,
        145,
        147,
        148,
        149,
        151,
        154,
        155,
        159,
        161,
        168,
        171,
        175,
        176,
        177,
        178,
        180,
        181,
    ),
    *(184, 185, 186, 187, 188, 190, 191, 192, 193, 194, 199, 200),
}
_BARELY: Final = 0.2  # chance of an object below which there is none
_SMALLEST: Final = 0.002  # share of the picture below which a thing is neither


@dataclass(frozen=True)
class Picture:
    """An image and what is known of it.

    Attributes:
        rgb: uint8 (H, W, 3).
        objects: float32 (H, W), chance of an object, NaN unknown; None where nothing is known.
        gaze: float64 (n, 2), fixations as (row, column); None where nobody looked.
        labels: class names.
    """

    rgb: Bytes
    objects: Floats | None = None
    gaze: Points | None = None
    labels: tuple[str, ...] = ()


class Example(NamedTuple):
    """One training example at the size of the network's input; targets on its grid of stride 8, corners aligned."""

    rgb: Bytes
    objects: Floats  # NaN where unknown
    gaze: Floats | None  # peak 1
    fixated: bool


# ---- folders -------------------------------------------------------------------------------------------------------


def read(path: Path, mode: str = "RGB") -> Bytes:
    """Pixels in Pillow's ``mode``: "RGB" (H, W, 3) or "L" (H, W)."""
    with Image.open(path) as image:
        return np.asarray(image.convert(mode), np.uint8)


def osie(data: Path) -> list[Picture]:
    """Pictures with gaze, in the order of their names."""
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
    """Disjoint parts of the given sizes, drawn by the seed, in order; the last part takes what is left."""
    order = list(range(len(pictures)))
    random.Random(seed).shuffle(order)
    cuts = [0, *np.cumsum(counts).tolist(), len(pictures)]
    return [[pictures[i] for i in sorted(order[a:b])] for a, b in pairwise(cuts)]


def coco(data: Path) -> list[Picture]:
    """Photographs with class masks."""
    pictures = []
    for path in sorted((data / "coco128" / "masks").glob("*/*.png")):
        image = data / "coco128" / "images" / path.parent.name / f"{path.stem}.jpg"
        pictures.append(Picture(read(image), _subjects(read(path, "L"))))
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
    """All photographs with their class names."""
    import json

    names = json.loads((data / "coco128" / "classes.json").read_text("utf-8"))["multilabel"]
    with (data / "coco128" / "labels.csv").open() as file:
        rows = [(row["image"], row["class_ids"].split()) for row in csv.DictReader(file)]
    return [
        Picture(read(data / "coco128" / "images" / name), labels=tuple(names[i] for i in ids)) for name, ids in rows
    ]


def caltech(data: Path) -> list[Picture]:
    """Pictures with one class name each."""
    paths = sorted((data / "caltech101").glob("*/*.jpg"))
    return [Picture(read(path), labels=(path.parent.name.replace("_", " "),)) for path in paths]


def some_of_each(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """The first ``count`` pictures of each class."""
    by_class = defaultdict(list)
    for picture in pictures:
        by_class[picture.labels].append(picture)
    return [picture for found in by_class.values() for picture in found[:count]]


def masked(images: Path, masks: Path) -> list[Picture]:
    """Pictures with object masks, by equal names in two folders."""
    pairs = [
        (read(p), read(masks / p.relative_to(images).with_suffix(".png"), "L")) for p in sorted(images.rglob("*.jpg"))
    ]
    return [Picture(rgb, (mask > 127).astype(np.float32)) for rgb, mask in pairs]


# ---- pictures of nothing -------------------------------------------------------------------------------------------


def stuff(pictures: list[Picture], count: int, seed: int) -> list[Picture]:
    """Windows of photographs in which there is background only."""
    chooser, found = random.Random(seed), []
    for _ in range(count * 200):
        picture = chooser.choice(pictures)
        window = _window(picture.rgb.shape, chooser, 0.3, 1.0)
        assert picture.objects is not None
        if np.mean(~(picture.objects[window] < _BARELY)) < 0.01:
            found.append(Picture(picture.rgb[window], picture.objects[window] * 0))
        if len(found) == count:
            break
    return found


def _window(shape: tuple[int, ...], chooser: random.Random, least: float, most: float) -> tuple[slice, slice]:
    sides = [max(8, int(n * chooser.uniform(least, most))) for n in shape[:2]]
    starts = [chooser.randint(0, n - side) for n, side in zip(shape, sides, strict=False)]
    down, across = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return down, across


def textures(count: int, seed: int) -> list[Picture]:
    """Noise of many scales, gradients, stripes, and the textures that come with scikit-image."""
    rng = np.random.default_rng(seed)
    kinds = (_noise, _gradient, _stripes, _scan)
    return [_nothing(kinds[i % len(kinds)](rng)) for i in range(count)]


def _nothing(rgb: Any) -> Picture:
    pixels = np.ascontiguousarray(np.clip(rgb, 0, 255).astype(np.uint8))
    return Picture(pixels, np.zeros(pixels.shape[:2], np.float32))


def _colours(rng: np.random.Generator) -> tuple[Points, Points]:
    return rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)


def _noise(rng: np.random.Generator) -> Any:
    layers = np.zeros((300, 400))
    for power in range(7):
        grain = rng.normal(size=(max(2, 300 >> power), max(2, 400 >> power)))
        layers += rng.uniform() * cv2.resize(grain, (400, 300), interpolation=cv2.INTER_CUBIC)
    first, second = _colours(rng)
    share = (0.5 + layers / (4 * layers.std()))[:, :, None]
    return first * (1 - share) + second * share


def _gradient(rng: np.random.Generator) -> Any:
    angle, (first, second) = rng.uniform(0, 6.3), _colours(rng)
    rows, cols = np.mgrid[-1:1:300j, -1:1:400j]
    share = (0.5 + 0.4 * (rows * np.sin(angle) + cols * np.cos(angle)))[:, :, None]
    plain = first * (1 - share) + second * share
    return plain + rng.normal(0, rng.uniform(0, 6), (300, 400, 1))


def _stripes(rng: np.random.Generator) -> Any:
    angles, periods = rng.uniform(0, 6.3, 2), rng.uniform(6, 60, 2)
    rows, cols = np.mgrid[:300, :400]
    waves = [np.sin(6.28 * (rows * np.sin(a) + cols * np.cos(a)) / p) for a, p in zip(angles, periods, strict=True)]
    share = 0.5 + 0.5 * (waves[0] if rng.uniform() < 0.5 else np.sign(waves[0] * waves[1]))[:, :, None]
    first, second = _colours(rng)
    return first * (1 - share) + second * share + rng.normal(0, 5, (300, 400, 1))


def _scan(rng: np.random.Generator) -> Any:
    from skimage import data as samples

    surface = getattr(samples, ("brick", "grass", "gravel")[int(rng.integers(3))])()
    side = int(rng.integers(200, 500))
    top, left = rng.integers(0, 513 - side, 2)
    part = cv2.resize(surface[top : top + side, left : left + side], (400, 300), interpolation=cv2.INTER_AREA)
    return np.clip(part[:, :, None] * rng.uniform(0.6, 1.2, 3), 0, 255)


_WORDS: Final = """
the of and to in a is that it was for on are as with his they at be this from have or by one had not but what all were
when we there can an your which their said if do will each about how up out them then she many some so these would other
""".split()  # noqa: SIM905


def _line(rng: np.random.Generator, words: int) -> str:
    return " ".join(_WORDS[i] for i in rng.integers(0, len(_WORDS), words))


def documents(count: int, seed: int) -> list[Picture]:
    """Pages of text and drawn screens: text everywhere is no subject."""
    rng = np.random.default_rng(seed)
    return [_nothing(np.asarray((_page if i % 2 else _screen)(rng))) for i in range(count)]


def _page(rng: np.random.Generator) -> Image.Image:
    paper = tuple(int(v) for v in rng.integers(225, 256, 3))
    page = Image.new("RGB", (700, 900) if rng.uniform() < 0.6 else (900, 640), paper)
    draw, size = ImageDraw.Draw(page), int(rng.integers(11, 22))
    font, margin = ImageFont.load_default(size), int(rng.integers(20, 90))
    columns = int(rng.integers(1, 3))
    pitch = (page.width - margin) // columns
    for column in range(columns):
        y = margin
        while y < page.height - margin:
            text, left = _line(rng, 40), margin + column * pitch
            while draw.textlength(text, font) > pitch - margin:
                text = text.rpartition(" ")[0]
            if rng.uniform() < 0.93:
                draw.text((left, y), text, (20, 20, 20), font)
            y += int(size * 1.5)
    return page


def _screen(rng: np.random.Generator) -> Image.Image:
    dark = rng.uniform() < 0.4
    low, high = (20, 70) if dark else (205, 256)
    screen = Image.new("RGB", (960, 600), tuple(int(v) for v in rng.integers(low, high, 3)))
    draw = ImageDraw.Draw(screen)
    ink = (225, 225, 225) if dark else (30, 30, 30)
    for _ in range(int(rng.integers(3, 8))):
        left, top = int(rng.integers(0, 800)), int(rng.integers(0, 500))
        box = (left, top, left + int(rng.integers(80, 500)), top + int(rng.integers(40, 300)))
        draw.rectangle(box, tuple(int(v) for v in rng.integers(low, high, 3)), ink if rng.uniform() < 0.5 else None)
    font = ImageFont.load_default(int(rng.integers(11, 17)))
    for y in range(8, 600, int(rng.integers(18, 30))):
        if rng.uniform() < 0.9:
            left = int(rng.integers(0, 3)) * 240 + 12
            draw.text((left, y), _line(rng, int(rng.integers(2, 16))), ink, font)
    return screen


# ---- composites ----------------------------------------------------------------------------------------------------


def composites(cutouts: list[Picture], backgrounds: list[Picture], count: int, seed: int) -> list[Picture]:
    """One or two cut-out objects on a background without any, at random places and sizes."""
    chooser = random.Random(seed)
    return [_composite(cutouts, chooser.choice(backgrounds), chooser) for _ in range(count)]


def _composite(cutouts: list[Picture], background: Picture, chooser: random.Random) -> Picture:
    portrait = chooser.random() < 0.3
    height, width = (400, 300) if portrait else (300, 400)
    rgb = resize(background.rgb, (height, width)).astype(np.float32)
    objects = np.zeros((height, width), np.float32)
    for _ in range(1 if chooser.random() < 0.7 else 2):
        cutout = chooser.choice(cutouts)
        assert cutout.objects is not None
        scale = chooser.uniform(0.25, 0.95) * min(height, width) / max(cutout.rgb.shape[:2])
        size = [max(8, round(n * scale)) for n in cutout.rgb.shape[:2]]
        alpha = cv2.resize(cutout.objects, size[::-1], interpolation=cv2.INTER_AREA)
        pixels = resize(cutout.rgb, (size[0], size[1])).astype(np.float32)
        if chooser.random() < 0.5:
            alpha, pixels = alpha[:, ::-1], pixels[:, ::-1]
        top, left = chooser.randint(0, height - size[0]), chooser.randint(0, width - size[1])
        window = np.s_[top : top + size[0], left : left + size[1]]
        soft = cv2.GaussianBlur(np.ascontiguousarray(alpha), (0, 0), 0.8)[:, :, None]
        rgb[window] = rgb[window] * (1 - soft) + pixels * soft
        objects[window] = np.maximum(objects[window], alpha > 0.5)
    return Picture(np.clip(rgb, 0, 255).astype(np.uint8), objects)


def cut_out(picture: Picture, least: float = 0.02, most: float = 0.7) -> Picture | None:
    """The box around a picture's objects, or None where they are too small, too large or cut by the border."""
    assert picture.objects is not None
    inside = picture.objects > 0.5
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    if not least < inside.mean() < most or border.mean() > 0.02:
        return None
    rows, cols = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Picture(picture.rgb[window], np.nan_to_num(picture.objects[window]))


# ---- from pictures to examples -------------------------------------------------------------------------------------


def cropped(picture: Picture, chooser: random.Random, least: float = 0.5) -> Picture:
    """A random window of the picture; of one that people looked at, one that holds most of what they saw."""
    for _ in range(20):
        window = _window(picture.rgb.shape, chooser, least, 1.0)
        gaze = picture.gaze
        if gaze is not None:
            origin = np.array([window[0].start, window[1].start])
            moved = gaze - origin
            gaze = moved[((moved >= 0) & (moved < [s.stop - s.start for s in window])).all(axis=1)]
            if len(gaze) < 0.6 * len(picture.gaze):  # type: ignore[arg-type]
                continue
        objects = None if picture.objects is None else picture.objects[window]
        return replace(picture, rgb=picture.rgb[window], objects=objects, gaze=gaze)
    return picture


def mirrored(picture: Picture) -> Picture:
    """The picture as a mirror shows it."""
    objects = None if picture.objects is None else picture.objects[:, ::-1]
    gaze = None if picture.gaze is None else picture.gaze * [1, -1] + [0, picture.rgb.shape[1] - 1e-3]
    return replace(picture, rgb=np.ascontiguousarray(picture.rgb[:, ::-1]), objects=objects, gaze=gaze)


def softened(picture: Picture, factor: float) -> Picture:
    """The picture as it looks after it was made smaller by ``factor`` and larger again."""
    height, width = picture.rgb.shape[:2]
    small = resize(picture.rgb, (max(8, round(height * factor)), max(8, round(width * factor))))
    return replace(picture, rgb=resize(small, (height, width)))


def example(picture: Picture, size: tuple[int, int], stride: int = 8) -> Example:
    """The picture at the network's input size (height, width), each a multiple of the stride and 1 more."""
    cells = tuple((n - 1) // stride + 1 for n in size)
    gaze = None
    if picture.gaze is not None:
        scale = np.array(size) / picture.rgb.shape[:2]
        places = (picture.gaze * scale - 0.5) / stride + 0.5  # a point of the grid is the middle of a pixel
        density = fixation_density(places, (cells[0], cells[1]), GAZE_SIGMA * max(size) / stride)
        gaze = (density / density.max()).astype(np.float32)
    objects = np.full(cells, np.nan, np.float32)
    if picture.objects is not None:
        objects = shrink(picture.objects, size, stride)
    return Example(resize(picture.rgb, size), objects, gaze, gaze is not None)


def variants(picture: Picture, count: int, chooser: random.Random, least: float = 0.5) -> Iterator[Picture]:
    """The picture and its mirror image, then ``count - 2`` random windows, some of them mirrored or softened."""
    yield picture
    if count > 1:
        yield mirrored(picture)
    for _ in range(count - 2):
        changed = cropped(picture, chooser, least)
        if chooser.random() < 0.5:
            changed = mirrored(changed)
        if chooser.random() < 0.3:
            changed = softened(changed, chooser.uniform(0.4, 0.8))
        yield changed
