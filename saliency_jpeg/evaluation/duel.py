"""Blind pairs: two encoders' files of one picture at equal bytes, on sides that a seed draws.

The pairs and the key that says which side is whose are made here; :mod:`.preferences` turns answers into win rates.
docs/duel.md describes the protocol.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..errors import InputError, OptionError
from ..metrics.arrays import Pixels
from .codecs import decode, find_codec
from .comparison import TOLERANCE, find_images, load, match_size

__all__ = ["Duel", "DuelPlan", "Side", "draw_sheet", "largest_difference", "make_duels", "make_key"]

_FARTHEST: Final = 0.05  # from the size, as a share of it, that a rival's file may be
_GRAY: Final = (119, 119, 119)  # about the middle of lightness
_BAND: Final = 32  # height of the letters' band, in pixels
_GAP: Final = 24  # around the pictures, in pixels


class Side(NamedTuple):
    """One of the two files: the codec's name and the JPEG file."""

    codec: str
    jpeg: bytes

    @property
    def pixels(self) -> Pixels:
        """What the file shows, uint8 (H, W, 3), decoded with libjpeg-turbo."""
        return decode(self.jpeg)


@dataclass(frozen=True)
class Duel:
    """A pair to judge.

    Attributes:
        image: the picture's path below its folder.
        target_bpp: size of both files in bits per pixel.
        left: the file that is shown on the left, as A.
        right: the file that is shown on the right, as B.
        load_original: returns uint8 (H, W, 3).
    """

    image: str
    target_bpp: float
    left: Side
    right: Side
    load_original: Callable[[], Pixels]


@dataclass(frozen=True)
class DuelPlan:
    """What to make pairs of.

    Attributes:
        images: folder of pictures, with its subfolders.
        codecs: names; the first one meets each of the others.
        targets_bpp: sizes in bits per pixel.
        count: pairs for each rival and size, of as many different pictures.
        seed: draws pictures, sides and order.
        maps: folder with saliency maps, for codecs that need them.
        halve: whether to halve the pictures; takes JPEG files too.

    Raises:
        OptionError: there are fewer than two codecs, one of them is unknown or named twice, or a number is not above 0.
    """

    images: Path
    codecs: Sequence[str]
    targets_bpp: Sequence[float]
    count: int
    seed: int = 0
    maps: Path | None = None
    halve: bool = False

    def __post_init__(self) -> None:
        if len(self.codecs) < 2 or len(set(self.codecs)) < len(self.codecs):
            raise OptionError(f"codecs must be two or more different ones, got {','.join(self.codecs)!r}")
        if not self.targets_bpp or not all(bpp > 0 for bpp in self.targets_bpp):
            raise OptionError(f"sizes in bits per pixel must be above 0, got {list(self.targets_bpp)}")
        if self.count < 1:
            raise OptionError(f"count must be 1 or more, got {self.count}")

    @property
    def cells(self) -> list[tuple[str, float]]:
        """Rival and size of each group of ``count`` pairs."""
        return list(product(self.codecs[1:], self.targets_bpp))


def make_duels(
    plan: DuelPlan,
    on_pair: Callable[[], None] = lambda: None,
    on_passed: Callable[[str, str, float], None] = lambda image, rival, bpp: None,
) -> list[Duel]:
    """Encodes the pairs of a plan.

    Each rival and size gets its own pictures, drawn by the seed. The rival's file is brought as near to the size as its
    setting allows, then the first codec's file to the bytes of the rival's. A picture for which the first misses the
    size by more than 5 percent, or the second by more than half a percent, is passed over for the next one.

    Args:
        plan: what to make pairs of.
        on_pair: called after each pair.
        on_passed: called with image, rival and size where a picture is passed over.

    Returns:
        The pairs in a random order; the same for the same plan, pictures and encoders.

    Raises:
        InputError: there are too few pictures that both codecs bring to a size.
        OptionError, ImportError, FileNotFoundError: as :func:`.codecs.find_codec`.
    """
    paths = find_images(plan.images, halve=plan.halve)
    duels = []
    for rival, bpp in plan.cells:
        random.Random(f"{plan.seed} pictures {rival} {bpp:g}").shuffle(drawn := paths.copy())
        made = 0
        for path in drawn:
            if made == plan.count:
                break
            duel = _make_duel(plan, path, rival, bpp)
            if duel is None:
                on_passed(path.relative_to(plan.images).as_posix(), rival, bpp)
                continue
            duels.append(duel)
            made += 1
            on_pair()
        if made < plan.count:
            few = f"{made} of {len(paths)} pictures in {plan.images} can be coded at {bpp:g} bpp"
            raise InputError(f"{few} by both {plan.codecs[0]} and {rival}; give more pictures, got count {plan.count}")
    rng = random.Random(f"{plan.seed} sides")
    rng.shuffle(duels)
    return [Duel(d.image, d.target_bpp, d.right, d.left, d.load_original) if rng.random() < 0.5 else d for d in duels]


def _make_duel(plan: DuelPlan, path: Path, rival: str, bpp: float) -> Duel | None:
    """The pair of one picture, the first codec on the left; ``None`` if the files miss the size."""
    rgb, saliency = load(path, plan.maps, halve=plan.halve)
    size = bpp * rgb.shape[0] * rgb.shape[1] / 8
    theirs = match_size(find_codec(rival), rgb, size, saliency).jpeg
    if abs(len(theirs) / size - 1) > _FARTHEST:
        return None
    ours = match_size(find_codec(plan.codecs[0]), rgb, len(theirs), saliency).jpeg
    if abs(len(ours) / len(theirs) - 1) > TOLERANCE:
        return None
    name = path.relative_to(plan.images).as_posix()
    original = partial(_load_original, path, plan.halve)
    return Duel(name, bpp, Side(plan.codecs[0], ours), Side(rival, theirs), original)


def _load_original(path: Path, halve: bool) -> Pixels:
    return load(path, halve=halve)[0]


def make_key(plan: DuelPlan, duels: Sequence[Duel]) -> dict[str, Any]:
    """Returns the key as JSON data: who made which side of each pair.

    Args:
        plan: that the pairs were made of.
        duels: the pairs, whose numbers count from 1.

    Returns:
        ``set`` names this set of pairs and stands in the answers too; it says nothing about the sides.
    """
    pairs = [
        {
            "pair": number,
            "image": duel.image,
            "bpp": duel.target_bpp,
            "left": duel.left.codec,
            "right": duel.right.codec,
            "bytes": [len(duel.left.jpeg), len(duel.right.jpeg)],
        }
        for number, duel in enumerate(duels, 1)
    ]
    content = {"codecs": list(plan.codecs), "seed": plan.seed, "pairs": pairs}
    files = b"".join(side.jpeg for duel in duels for side in (duel.left, duel.right))
    digest = hashlib.sha256(json.dumps(content).encode() + files).hexdigest()
    return {"set": digest[:16], **content}


def draw_sheet(duel: Duel) -> Image.Image:
    """Draws both pictures of a pair side by side, pixel for pixel, as A and B on gray."""
    left, right = Image.fromarray(duel.left.pixels), Image.fromarray(duel.right.pixels)
    sheet = Image.new("RGB", (2 * left.width + 3 * _GAP, left.height + _BAND + _GAP), _GRAY)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for letter, picture, x in (("A", left, _GAP), ("B", right, left.width + 2 * _GAP)):
        sheet.paste(picture, (x, _BAND))
        draw.text((x + picture.width // 2, _BAND // 2), letter, (255, 255, 255), font, anchor="mm")
    return sheet


def largest_difference(duels: Sequence[Duel]) -> float:
    """Returns the largest relative difference in bytes between the two files of a pair."""
    sizes = np.array([(len(duel.left.jpeg), len(duel.right.jpeg)) for duel in duels], np.float64)
    return float(np.max(sizes.max(1) / sizes.min(1)) - 1)
