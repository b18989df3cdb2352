"""Synthetic images for training the saliency heads: windows and drawings without a subject, and composites."""

from __future__ import annotations

import random
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from saliency_data import Picture, Points, random_window

from saliency_jpeg.saliency.grid import resize

_NO_OBJECT: Final = 0.2  # chance of an object below which there is none


# ---- images without a subject --------------------------------------------------------------------------------------


def stuff(pictures: list[Picture], count: int, seed: int) -> list[Picture]:
    """Cuts windows with background only.

    Args:
        pictures: images with objects annotated.
        count: windows in all; fewer if they are hard to find.
        seed: draws the windows.
    """
    chooser, windows = random.Random(seed), []
    for _ in range(count * 200):
        picture = chooser.choice(pictures)
        window = random_window(picture.rgb.shape, chooser, 0.3, 1.0)
        assert picture.objects is not None
        if np.mean(~(picture.objects[window] < _NO_OBJECT)) < 0.01:
            nothing = picture.objects[window] * 0
            windows.append(Picture(picture.rgb[window], nothing, nothing))
        if len(windows) == count:
            break
    return windows


def textures(count: int, seed: int) -> list[Picture]:
    """Draws noise of many scales, gradients and stripes, and cuts the textures that ship with scikit-image.

    Args:
        count: images in all, as many of each kind.
        seed: of the drawings.
    """
    rng = np.random.default_rng(seed)
    kinds = (_noise, _gradient, _stripes, _scan)
    return [_nothing(kinds[i % len(kinds)](rng)) for i in range(count)]


def _nothing(rgb: Any) -> Picture:
    pixels = np.ascontiguousarray(np.clip(rgb, 0, 255).astype(np.uint8))
    nothing = np.zeros(pixels.shape[:2], np.float32)
    return Picture(pixels, nothing, nothing)


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


def line(rng: np.random.Generator, words: int) -> str:
    """Returns a line of so many common words."""
    return " ".join(_WORDS[i] for i in rng.integers(0, len(_WORDS), words))


def documents(count: int, seed: int) -> list[Picture]:
    """Draws pages of text and screens: text all over an image is no subject.

    Args:
        count: images in all, as many of each kind.
        seed: of the drawings.
    """
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
            text, left = line(rng, 40), margin + column * pitch
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
            draw.text((left, y), line(rng, int(rng.integers(2, 16))), ink, font)
    return screen


# ---- composites ----------------------------------------------------------------------------------------------------


def composites(cutouts: list[Picture], backgrounds: list[Picture], count: int, seed: int) -> list[Picture]:
    """Puts one or two cut-out objects on a background, at random places and sizes.

    Args:
        cutouts: from :func:`cut_out`.
        backgrounds: images without a subject.
        count: composites in all.
        seed: draws objects, backgrounds and places.
    """
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
    """Cuts the box around an image's objects.

    Args:
        picture: an image with objects annotated.
        least: smallest area of the objects, of the image's.
        most: largest area of the objects, of the image's.

    Returns:
        The box; None where the objects are too small, too large, or touch the border.
    """
    assert picture.objects is not None
    inside = picture.objects > 0.5
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    if not least < inside.mean() < most or border.mean() > 0.02:
        return None
    rows, cols = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Picture(picture.rgb[window], np.nan_to_num(picture.objects[window]))
