"""The network of :mod:`saliency_jpeg.perceptual.network` in PyTorch, for training it and for training with it.

Written twice because PyTorch computes the features, channels first, faster than Keras on its torch backend;
:func:`difference` compares the two.

>>> metric = load()  # the weights that ship  # doctest: +SKIP
>>> loss = metric.distance(reference, distorted).mean()  # RGB (n, 3, h, w), 0 to 1  # doctest: +SKIP
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from saliency_jpeg.perceptual.network import CHANNELS, HEADS, LEAST_SIDE, MULTIPLE, POWERS
from saliency_jpeg.saliency.network import fold

__all__ = ["Levels", "Perceptual", "difference", "load"]

_ROOT: Final = Path(__file__).resolve().parent.parent
_WINDOW, _STEP, _TINY, _STRUCTURE, _CONTRAST, _SCALES = 4, 2, 1e-6, 0.05, 0.2, 5
_BIAS: Final = 0.0037930732552754493
_ABSORBANCE: Final = (
    (0.30, 1 - 0.078 - 0.30, 0.078),
    (0.23, 1 - 0.078 - 0.23, 0.078),
    (0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821),
)
#: Blocks of EfficientNet-Lite0 up to stride 16: kernel, stride, whether it expands and whether it adds its input.
_BLOCKS: Final = (
    (3, 1, False, False), (3, 2, True, False), (3, 1, True, True), (5, 2, True, False),
    (5, 1, True, True), (3, 2, True, False), (3, 1, True, True), (3, 1, True, True),
)  # fmt: skip
_COMPARED: Final = (0, 2, 4, 7)


class Levels(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """The features of one image: the backbone's at strides 2 to 16 and opponent colours at five scales."""

    def __init__(self) -> None:
        super().__init__()
        with np.load(_ROOT / "weights" / "efficientnet_lite0.npz") as file:
            arrays = fold({key: file[key] for key in file.files if "/" in key})
        self.weights = nn.ParameterDict()
        for key, array in arrays.items():
            layer = key.split("/")[0]
            number = int(layer.split("_")[0].removeprefix("block")) if layer.startswith("block") else -1
            if layer in ("cam", "head") or number >= len(_BLOCKS):
                continue
            if array.ndim == 4:
                array = array.transpose((2, 3, 0, 1) if layer.endswith("_dw") else (3, 2, 0, 1))
            value = torch.from_numpy(np.ascontiguousarray(array))
            self.weights[key.replace("/", "_")] = nn.Parameter(value, requires_grad=False)
        self.register_buffer("absorbance", torch.tensor(_ABSORBANCE))

    def _convolve(self, x: Tensor, layer: str, kernel: int = 1, stride: int = 1) -> Tensor:
        """Convolves with TensorFlow's padding "same"."""
        weight, bias = self.weights[f"{layer}_0"], self.weights[f"{layer}_1"]
        pads = [max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in x.shape[:1:-1]]
        x = functional.pad(x, [part for pad in pads for part in (pad // 2, pad - pad // 2)]) if any(pads) else x
        return functional.conv2d(x, weight, bias, stride, groups=weight.shape[0] if layer.endswith("_dw") else 1)

    def _deep(self, rgb: Tensor) -> list[Tensor]:
        x = self._convolve(rgb * (255 / 128) - 127 / 128, "stem", 3, 2).clamp(0, 6)
        found = [x]
        for number, (kernel, stride, expands, adds) in enumerate(_BLOCKS):
            name, y = f"block{number}", x
            if expands:
                y = self._convolve(y, f"{name}_expand").clamp(0, 6)
            y = self._convolve(y, f"{name}_dw", kernel, stride).clamp(0, 6)
            y = self._convolve(y, f"{name}_project")
            x = x + y if adds else y
            if number in _COMPARED:
                found.append(x)
        return found

    def _shallow(self, rgb: Tensor) -> list[Tensor]:
        linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
        cones = (torch.einsum("ij,njhw->nihw", self.absorbance, linear) + _BIAS).clamp_min(1e-5)
        long, middle, short = (cones ** (1 / 3) - _BIAS ** (1 / 3)).unbind(1)
        levels = [torch.stack([long - middle, (long + middle) / 2, short - middle], 1)]
        for _ in range(_SCALES - 1):
            levels.append(functional.avg_pool2d(levels[-1], 2))
        return levels

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Computes the levels of RGB (n, 3, h, w), 0 to 1, of sides that the network takes; not yet scaled."""
        return self._deep(rgb) + self._shallow(rgb)


def _maps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    def average(x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, _WINDOW, _STEP)

    mean_a, mean_b = average(a), average(b)
    variance_a = (average(a * a) - mean_a * mean_a).relu()
    variance_b = (average(b * b) - mean_b * mean_b).relu()
    covariance = average(a * b) - mean_a * mean_b
    structure = 1 - (2 * covariance + _STRUCTURE) / (variance_a + variance_b + _STRUCTURE)
    deviation_a, deviation_b = (variance_a + _TINY).sqrt(), (variance_b + _TINY).sqrt()
    change = (deviation_b - deviation_a) / (_CONTRAST + deviation_a)
    difference = ((mean_a - mean_b).square() + _TINY).sqrt() - _TINY**0.5
    return structure.relu(), change.relu(), (-change).relu(), difference


def continued(rgb: Tensor) -> Tensor:
    """The images, their last rows and columns repeated until the network takes them."""
    height, width = (max(LEAST_SIDE, math.ceil(side / MULTIPLE) * MULTIPLE) for side in rgb.shape[2:])
    pads = (0, width - rgb.shape[3], 0, height - rgb.shape[2])
    return functional.pad(rgb, pads, mode="replicate") if any(pads) else rgb


class Perceptual(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """The whole metric. Weights are kept as squares of parameters, so that they stay non-negative.

    Attributes:
        scales: factors of each level.
        heads: roots of the weights of the norms.
        calibration: roots of the weights of the distance's powers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.levels = Levels()
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(c), requires_grad=False) for c in CHANNELS)
        self.heads = nn.Parameter(torch.full((HEADS,), HEADS**-0.5))
        self.calibration = nn.Parameter(torch.ones(len(POWERS)))

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Computes the scaled levels of RGB (n, 3, h, w), 0 to 1, of any size."""
        levels = self.levels(continued(rgb))
        return [level * scale[:, None, None] for level, scale in zip(levels, self.scales, strict=True)]

    def norms(self, reference: list[Tensor], distorted: list[Tensor]) -> Tensor:
        """Computes the norms (n, HEADS) of the error maps of two images' features: means, then 4-norms."""
        maps = [part for a, b in zip(reference, distorted, strict=True) for part in _maps(a, b)]
        fourth = torch.cat([part.square().square().mean((2, 3)) for part in maps], 1)
        return torch.cat([*(part.mean((2, 3)) for part in maps), (fourth + _TINY**2) ** 0.25 - _TINY**0.5], 1)

    def distance_of(self, norms: Tensor) -> Tensor:
        """Computes the distances (n,) of norms."""
        return norms @ self.heads.square()

    def score_of(self, distances: Tensor) -> Tensor:
        """Computes the scores (n,) of distances."""
        powers = torch.stack([(distances + _TINY) ** p - _TINY**p for p in POWERS], -1)
        return 100 - powers @ self.calibration.square()

    def distance(self, reference: Tensor, distorted: Tensor) -> Tensor:
        """Computes how far images are from their references, (n,); 0 for identical ones.

        Args:
            reference: RGB (n, 3, h, w) or (1, 3, h, w), 0 to 1, of any size.
            distorted: RGB (n, 3, h, w), 0 to 1.
        """
        return self.distance_of(self.norms(self.features(reference), self.features(distorted)))

    def score(self, reference: Tensor, distorted: Tensor) -> Tensor:
        """Computes the scores (n,), 100 for identical images; arguments as of :meth:`distance`."""
        return self.score_of(self.distance(reference, distorted))

    forward = score

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights that ship, by ``layer/index`` in the layout of Keras."""
        arrays = {f"scales/{i}": scale.detach().numpy() for i, scale in enumerate(self.scales)}
        for name in ("heads", "calibration"):
            arrays[f"{name}/0"] = getattr(self, name).detach().square().numpy()[:, None]
        return arrays

    def fill(self, arrays: Any) -> None:
        """Takes weights as :meth:`arrays` returns them."""
        with torch.no_grad():
            for i, scale in enumerate(self.scales):
                scale.copy_(torch.from_numpy(np.asarray(arrays[f"scales/{i}"], np.float32)))
            for name in ("heads", "calibration"):
                root = np.sqrt(np.asarray(arrays[f"{name}/0"], np.float32)[:, 0])
                getattr(self, name).copy_(torch.from_numpy(root))


def load(path: str | Path = _ROOT / "weights" / "perceptual.npz") -> Perceptual:
    """Returns the metric with the weights of a file; by default those that ship. Nothing in it is trained further."""
    metric = Perceptual()
    with np.load(path) as file:
        metric.fill(file)
    metric.requires_grad_(False)
    metric.eval()
    return metric


def difference(metric: Perceptual) -> float:
    """Returns the largest relative difference between the distances in PyTorch and in Keras, for noise."""
    from keras import ops

    from saliency_jpeg.perceptual import network
    from saliency_jpeg.saliency import presets

    noise = torch.Generator().manual_seed(0)
    first = torch.rand((2, 3, 96, 128), generator=noise)
    second = (first + 0.1 * torch.randn(first.shape, generator=noise)).clamp(0, 1)
    preset = presets.find("cam")
    arrays = metric.arrays()
    scales = [arrays.pop(f"scales/{i}") for i in range(len(CHANNELS))]
    moments, head = network.build(preset.architecture, presets.read_arrays(preset), scales), network.build_head()
    network.fill(head, arrays)
    images = [255 * image.permute(0, 2, 3, 1).numpy() for image in (first, second)]
    theirs = ops.convert_to_numpy(head(moments(images, training=False), training=False)[0])[:, 0]
    with torch.no_grad():
        ours = metric.distance(first, second).numpy()
    return float(np.abs(theirs / ours - 1).max())
