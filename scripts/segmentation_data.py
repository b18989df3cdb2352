"""Pictures with class masks, for training the head that says what is seen where.

DATA holds ``coco128`` and ``camvid``, whose masks say the class of every pixel, and ``duts_classes`` and
``caltech101``, of which only the subject has a class: inside DUTS' masks, or where the saliency model is sure of an
object. Around such a subject its class alone is known to be absent. Text is drawn on pictures, since no mask here marks
any. Held back are a fifth of COCO's masks and the frames of CamVid's ``val``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import saliency_data
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from saliency_data import random_window, read
from synthetic_images import line

from saliency_jpeg import SaliencyModel
from saliency_jpeg.enhance.semantic_network import CLASSES, STRIDE
from saliency_jpeg.saliency.grid import shrink

__all__ = ["UNKNOWN", "Labelled", "add_text", "read_held_back", "read_labelled", "shares", "variants"]

#: Label of a pixel whose class is not known, and of one that has any class but the subject's.
UNKNOWN: Final = 255
_NOT_SUBJECT: Final = 254

Bytes = NDArray[np.uint8]
_INDEX: Final = {name: index for index, name in enumerate(CLASSES)}


@dataclass(frozen=True)
class Labelled:
    """A picture and the class of its pixels.

    Attributes:
        rgb: uint8 (H, W, 3).
        labels: uint8 (H, W), index of the class, :data:`UNKNOWN`, or 254 where ``subject`` is absent.
        subject: index of the class of a picture with one labelled subject; None where all pixels have labels.
    """

    rgb: Bytes
    labels: Bytes
    subject: int | None = None


# ---- classes of the data sets --------------------------------------------------------------------------------------

_COCO: Final = {  # panoptic categories
    "sky": (187,),
    "vegetation": (119, 184, 193),
    "water": (148, 155, 178),
    "ground": (118, 125, 144, 145, 147, 149, 154, 159, 190, 191, 192, 194, 198),
    "building": (95, 112, 128, 151, 161, 171, 175, 176, 177, 180, 181, 185, 186, 197, 199),
    "person": (1,),
    "animal": tuple(range(16, 26)),
    "vehicle": tuple(range(2, 10)),
    "object": (
        *(10, 11, 13, 14, 15, *range(27, 94), 100, 107, 109, 122, 130, 133, 138, 141, 156, 166, 168),
        *(188, 189, 195, 196, 200),
    ),
}
_CAMVID: Final = (
    *("sky", "building", "object", "ground", "ground", "vegetation"),
    *("object", "building", "vehicle", "person", "person"),
)
_DUTS: Final = {  # those not named here are objects; people wear hats and helmets
    **dict.fromkeys(("minibus", "school_bus", "sports_car"), "vehicle"),
    "ladybug": "animal",
    **dict.fromkeys(("cowboy_hat", "crash_helmet", "football_helmet"), None),
}
_CALTECH: Final = {
    "vehicle": ("airplanes", "ferry", "helicopter", "ketch", "motorbikes"),
    "animal": (
        *("butterfly", "cougar_face", "crab", "dalmatian", "dolphin", "dragonfly", "elephant", "flamingo"),
        *("hawksbill", "ibis", "kangaroo", "leopards", "llama", "starfish"),
    ),
    "person": ("faces",),
    "building": ("minaret",),
    "vegetation": ("bonsai", "lotus", "sunflower"),
    "object": ("chandelier", "electric_guitar", "ewer", "grand_piano", "laptop", "umbrella"),
}


def _table(classes: dict[str, tuple[int, ...]] | Sequence[str]) -> Bytes:
    table = np.full(256, UNKNOWN, np.uint8)
    named = classes.items() if isinstance(classes, dict) else ((name, (i,)) for i, name in enumerate(classes))
    for name, values in named:
        table[list(values)] = _INDEX[name]
    return table


# ---- folders -------------------------------------------------------------------------------------------------------


def _coco(data: Path, *, held_back: bool) -> list[Labelled]:
    masks = sorted((data / "coco128" / "masks").glob("*/*.png"))
    chosen = [path for i, path in enumerate(masks) if (i % 5 == 0) == held_back]
    table, folder = _table(_COCO), data / "coco128"
    images = [(folder / "images" / p.relative_to(folder / "masks")).with_suffix(".jpg") for p in chosen]
    return [Labelled(read(i), table[read(p, "L")]) for i, p in zip(images, chosen, strict=True)]


def _camvid(data: Path, part: str) -> list[Labelled]:
    table, found = _table(_CAMVID), []
    for path in sorted((data / "camvid" / "masks" / part).glob("*.png")):
        (image,) = (data / "camvid" / "images" / part).glob(f"{path.stem}.*")
        found.append(Labelled(read(image), table[read(path, "L")]))
    return found


def _duts(data: Path, count: int) -> list[Labelled]:
    folder, found = data / "duts_classes", []
    for part in sorted((folder / "images").iterdir()):
        if (name := _DUTS.get(part.name, "object")) is not None:
            for path in sorted(part.glob("*.jpg"))[:count]:
                mask = read(folder / "masks" / part.name / f"{path.stem}.png", "L") > 127
                found.append(_subject(read(path), mask.astype(np.float32), name))
    return found


def _caltech(data: Path, count: int) -> list[Labelled]:
    model, found = SaliencyModel.from_preset("objects"), []
    for name, folders in _CALTECH.items():
        for folder in folders:
            for path in sorted((data / "caltech101" / folder).glob("*.jpg"))[:count]:
                rgb = read(path)
                found.append(_subject(rgb, model.predict(rgb), name))
    return found


def _subject(rgb: Bytes, chance: NDArray[np.float32], name: str) -> Labelled:
    """A picture of which the subject alone has a class; where its outline is not sure, nothing is known."""
    near = cv2.dilate((chance > 0.3).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    labels = np.select([chance > 0.75, ~near], [_INDEX[name], _NOT_SUBJECT], UNKNOWN)
    return Labelled(rgb, labels.astype(np.uint8), _INDEX[name])


def read_labelled(data: Path, count: int | None = None) -> dict[str, list[Labelled]]:
    """Reads the pictures to train on, by origin.

    Args:
        data: folder of the data sets.
        count: about how many of each origin; None for all.
    """
    few = count is not None
    found = {
        "coco": _coco(data, held_back=False),
        "camvid": _camvid(data, "train"),
        "duts": _duts(data, 1 if few else 15),
        "caltech": _caltech(data, 1 if few else 12),
    }
    return {name: some[:: max(1, len(some) // count) if count else 1] for name, some in found.items()}


def read_held_back(data: Path, seed: int) -> dict[str, list[Labelled]]:
    """Reads the pictures to measure on, by origin; ``"text"`` are COCO's with text drawn on them.

    Args:
        data: folder of the data sets.
        seed: draws the text.
    """
    coco, chooser = _coco(data, held_back=True), random.Random(seed)
    return {"coco": coco, "camvid": _camvid(data, "val"), "text": [add_text(item, chooser) for item in coco]}


# ---- changes -------------------------------------------------------------------------------------------------------


def add_text(item: Labelled, chooser: random.Random) -> Labelled:
    """Draws one to three blocks of text on a picture.

    Args:
        item: the picture.
        chooser: draws words, places, sizes and colours.
    """
    image, labels, rng = Image.fromarray(item.rgb), item.labels.copy(), np.random.default_rng(chooser.getrandbits(32))
    draw = ImageDraw.Draw(image)
    for _ in range(chooser.randint(1, 3)):
        size = chooser.randint(image.height // 24, image.height // 6)
        font = ImageFont.load_default(size)
        ink = tuple(chooser.choice((0, 255, chooser.randrange(256))) for _ in range(3))
        text = "\n".join(line(rng, chooser.randint(1, 3)) for _ in range(chooser.randint(1, 3)))
        if chooser.random() < 0.5:
            text = text.upper()
        place = chooser.randint(-size, image.width // 2), chooser.randint(0, image.height - size)
        left, top, right, bottom = (round(side) for side in draw.multiline_textbbox(place, text, font))
        if chooser.random() < 0.4:
            paper = tuple(255 - v if chooser.random() < 0.7 else v for v in ink)
            draw.rectangle((left - size // 3, top - size // 3, right + size // 3, bottom + size // 3), paper)
        draw.multiline_text(place, text, ink, font)
        labels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = _INDEX["text"]
    return replace(item, rgb=np.asarray(image), labels=labels)


def variants(item: Labelled, count: int, chooser: random.Random, text: float = 0.1) -> Iterator[Labelled]:
    """Yields a picture, then random windows of it: mirrored, with text, recoloured, saved as JPEG files.

    Args:
        item: the picture.
        count: variants in all.
        chooser: draws the changes.
        text: share of the windows on which text is drawn.
    """
    yield _saved(item, chooser)
    for _ in range(count - 1):
        rows, cols = random_window(item.rgb.shape, chooser, 0.5, 1.0)
        rgb, labels = item.rgb[rows, cols], item.labels[rows, cols]
        if chooser.random() < 0.5:
            rgb, labels = rgb[:, ::-1], labels[:, ::-1]
        changed = replace(item, rgb=np.ascontiguousarray(rgb), labels=labels)
        if chooser.random() < text:
            changed = add_text(changed, chooser)
        if chooser.random() < 0.5:
            recoloured = saliency_data.recolour(saliency_data.Picture(changed.rgb), chooser).rgb
            changed = replace(changed, rgb=recoloured)
        yield _saved(changed, chooser)


def _saved(item: Labelled, chooser: random.Random) -> Labelled:
    """Most pictures are seen after a JPEG encoder: the head reads decoded files."""
    if chooser.random() < 0.3:
        return item
    out = BytesIO()
    Image.fromarray(item.rgb).save(out, "JPEG", quality=chooser.randint(8, 70))
    return replace(item, rgb=np.asarray(Image.open(out)))


def shares(item: Labelled, cells: tuple[int, int]) -> NDArray[np.float16]:
    """Returns how much of each cell is known to show a class, or known not to.

    Args:
        item: the picture.
        cells: (rows, cols) of the network's output.

    Returns:
        float16 (rows, cols, classes): the share of the cell that shows each class, negative where the share is known to
        show another class.
    """
    out = np.zeros((*cells, len(CLASSES)), np.float32)
    height, width = (STRIDE * (count - 1) + 1 for count in cells)
    for index in np.unique(item.labels):
        share = shrink((item.labels == index).astype(np.float32), (height, width), STRIDE)
        if index < len(CLASSES):
            out[..., index] += share
        elif index == _NOT_SUBJECT and item.subject is not None:
            out[..., item.subject] -= share * (out[..., item.subject] == 0)
    return out.astype(np.float16)
