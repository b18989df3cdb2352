"""Pictures with what is right about them, for judging what machines see in files: classes, objects and text."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..metrics.arrays import Pixels
from .folders import choose_images, read_pixels
from .machine_judges import IMAGENET, OPEN_IMAGES, Box, Word, overlap

__all__ = ["MEASURES", "TASKS", "Case", "Task", "cases", "judge", "score_boxes", "score_class", "score_words"]

Task = Literal["classification", "detection", "text"]
Half = Literal["tune", "report"]
TASKS: Final[tuple[Task, ...]] = ("classification", "detection", "text")
#: What is measured of each task, all between 0 and 1 and better if higher; the first says which encoder is best.
MEASURES: Final[dict[Task, tuple[str, ...]]] = {
    "classification": ("probability", "top1", "top5"),
    "detection": ("ap50", "labels_f1"),
    "text": ("characters",),
}

_SURE: Final = 0.3  # score from which a box counts as the original's object, and a label as given
_SAME: Final = 0.5  # intersection over union of the same object
_PAGE: Final = (480, 320)
_SIZES: Final = (11, 13, 16, 20, 26)  # pixels of letters
_SLOT: Final = 46  # pixels from line to line
_FONTS: Final = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")
_WORDS: Final = [
    "river",
    "amount",
    "garden",
    "letter",
    "market",
    "window",
    "winter",
    "number",
    "street",
    "paper",
    "yellow",
    "silver",
    "engine",
    "ticket",
    "bridge",
    "summer",
    "coffee",
    "station",
    "doctor",
    "island",
    "butter",
    "corner",
    "orange",
    "planet",
    "record",
    "museum",
    "invoice",
    "total",
    "delivery",
    "address",
    "private",
    "open",
    "closed",
    "north",
    "south",
    "exit",
    "platform",
    "harbour",
    "quarter",
    "kitchen",
    "village",
]


@dataclass(frozen=True)
class Case:
    """A picture with its truth.

    Attributes:
        task: what is asked about it.
        name: of the picture.
        load: returns uint8 (H, W, 3).
        truth: class of ImageNet, labels of COCO, or lines of text from the top.
    """

    task: Task
    name: str
    load: Callable[[], Pixels]
    truth: Any


# ---- pictures ----------------------------------------------------------------------------------


def cases(data: Path, half: Half, counts: dict[Task, int]) -> list[Case]:
    """Returns the pictures of one half of the data, chosen and mixed with a fixed seed.

    Args:
        data: folder with ``duts_classes``, ``coco128`` and ``photos_bsds500``.
        half: pictures that tunings are chosen on, or the others.
        counts: most pictures of each task.
    """
    makers = {"classification": _classified, "detection": _labelled, "text": _written}
    chosen: list[Case] = []
    for task in TASKS:
        found = makers[task](data)
        random.Random(0).shuffle(found)
        chosen += found[half == "report" :: 2][: counts[task]]
    random.Random(1).shuffle(chosen)
    return chosen


def _classified(data: Path) -> list[Case]:
    folders = [(name, data / "duts_classes" / "images" / name) for name in IMAGENET]
    return [
        Case("classification", f"{name}/{path.stem}", _reader(path), IMAGENET[name])
        for name, folder in folders
        for path in choose_images(folder, {".jpg"})
    ]


def _labelled(data: Path) -> list[Case]:
    folder = data / "coco128"
    names = json.loads((folder / "classes.json").read_text())["multilabel"]
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    seen = set(OPEN_IMAGES.values())
    return [
        Case(
            "detection",
            Path(row["image"]).stem,
            _reader(folder / "images" / row["image"]),
            frozenset(names[label] for label in row["class_ids"].split()) & seen,
        )
        for row in rows
    ]


def _written(data: Path) -> list[Case]:
    paths = choose_images(data / "photos_bsds500", {".jpg"})
    found = []
    for seed, path in enumerate(paths):
        lines = _lines(random.Random(seed))
        found.append(Case("text", f"text-{seed}", _writer(path, seed, lines), lines))
    return found


def _reader(path: Path) -> Callable[[], Pixels]:
    return lambda: read_pixels(path)


def _lines(chooser: random.Random) -> list[str]:
    lines = []
    for _ in range(_PAGE[1] // _SLOT):
        words = chooser.sample(_WORDS, 2)
        lines.append(f"{words[0].capitalize()} {words[1]} {chooser.randrange(1000)}")
    return lines


def _writer(path: Path, seed: int, lines: Sequence[str]) -> Callable[[], Pixels]:
    """Draws a document of several sizes of letters: of three pictures one is a page, one on a card, one on a photo."""

    def draw() -> Pixels:
        chooser = random.Random(seed)
        photo = Image.fromarray(read_pixels(path))
        photo = photo.rotate(90, expand=True) if photo.height > photo.width else photo
        page = photo.crop((1, 1, 481, 321)).resize(_PAGE)
        paper = tuple(chooser.randrange(215, 250) for _ in range(3))
        pen = ImageDraw.Draw(page)
        if seed % 3 == 0:
            page.paste(Image.blend(page.reduce(32).resize(_PAGE), Image.new("RGB", _PAGE, paper), 0.85))
        for i, line in enumerate(lines):
            font = ImageFont.truetype(chooser.choice(_FONTS), chooser.choice(_SIZES))
            place = (chooser.randrange(8, 90), i * _SLOT + 8)
            ink = tuple(chooser.randrange(70) for _ in range(3))
            if seed % 3 == 1:
                left, top, right, bottom = pen.textbbox(place, line, font)
                pen.rectangle((left - 4, top - 3, right + 4, bottom + 3), fill=paper)
            stroke: dict[str, Any] = {"stroke_width": 2, "stroke_fill": paper} if seed % 3 == 2 else {}
            pen.text(place, line, ink, font, **stroke)
        grain = np.random.default_rng(seed).normal(0, 2.0, (_PAGE[1], _PAGE[0], 1))
        return np.clip(np.rint(np.asarray(page, np.float64) + grain), 0, 255).astype(np.uint8)

    return draw


# ---- judgements --------------------------------------------------------------------------------


def judge(case: Case, answer: Any, reference: Any) -> dict[str, float]:
    """Returns the measures of a case.

    Args:
        case: the picture.
        answer: of the judge about the decoded file.
        reference: the same judge's answer about the original.
    """
    if case.task == "classification":
        return score_class(answer, case.truth)
    if case.task == "detection":
        return score_boxes(answer, reference, case.truth)
    return score_words(answer, case.truth)


def score_class(probabilities: Any, truth: int) -> dict[str, float]:
    """Returns the probability of the right class, and whether it is the first or among the first five."""
    rank = int(np.sum(np.asarray(probabilities) > probabilities[truth]))
    return {"probability": float(probabilities[truth]), "top1": float(rank < 1), "top5": float(rank < 5)}


def score_boxes(found: Sequence[Box], original: Sequence[Box], labels: frozenset[str]) -> dict[str, float]:
    """Compares boxes with those found in the original, and their labels with those of the data set.

    Args:
        found: in the decoded file, the surest first.
        original: in the original picture; those that are sure count as its objects.
        labels: of the picture, of those that the detector knows.

    Returns:
        ``ap50``, the average precision of boxes of the right class at an intersection over union of 0.5, and
        ``labels_f1``; each only where the picture has objects or labels.
    """
    scores = {}
    objects = [box for box in original if box.score >= _SURE]
    if objects:
        scores["ap50"] = _average_precision(found, objects)
    if labels:
        given = {OPEN_IMAGES[box.label] for box in found if box.score >= _SURE and box.label in OPEN_IMAGES}
        scores["labels_f1"] = 2 * len(given & labels) / (len(given) + len(labels))
    return scores


def _average_precision(found: Sequence[Box], objects: Sequence[Box]) -> float:
    """Area under the curve of precision over recall, each precision the best at a higher recall."""
    left, hits, precisions = list(objects), 0, []
    for rank, box in enumerate(found, 1):
        same = [o for o in left if o.label == box.label and overlap(o, box) >= _SAME]
        if same:
            left.remove(max(same, key=lambda o: overlap(o, box)))
            hits += 1
            precisions.append(hits / rank)
    return float(np.sum(np.maximum.accumulate(precisions[::-1]))) / len(objects) if precisions else 0.0


def score_words(words: Sequence[Word], lines: Sequence[str]) -> dict[str, float]:
    """Returns ``characters``, 1 less the character error rate, at least 0; spaces do not count.

    Args:
        words: read pieces of text.
        lines: written lines from the top, evenly spaced.
    """
    errors, written = 0, 0
    for i, line in enumerate(lines):
        here = sorted((w for w in words if min(int(w.y // _SLOT), len(lines) - 1) == i), key=lambda w: w.x)
        read, wanted = "".join("".join(w.text.split()) for w in here), "".join(line.split())
        errors += _edits(read, wanted)
        written += len(wanted)
    return {"characters": max(0.0, 1 - errors / written)}


def _edits(a: str, b: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]
