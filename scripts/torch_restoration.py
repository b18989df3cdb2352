"""The network of :mod:`saliency_jpeg.enhance.network` in PyTorch, and a picture on its way through decoder and network.

Written twice because it trains 1.6 times as fast as Keras on its torch backend; :func:`difference` compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from restoration_samples import CROP, Batch
from torch import Tensor, nn
from torch.nn import functional
from torch_jpeg import Bounds, bound, from_blocks, inverse_dct, upsample

from saliency_jpeg.enhance.network import CELL, CONDITION, GROUP, OUTPUTS, PLACES, Architecture, build
from saliency_jpeg.enhance.restoration import DEFAULT_WIDTHS
from saliency_jpeg.enhance.tiles import CONTRAST, DETAIL_SCALE, INPUT_SCALE, correction_scale, places
from saliency_jpeg.saliency.network import set_arrays

__all__ = ["Restoration", "difference", "losses", "plain", "restore"]

FLOOR: Final = 1.0  # squared error below which the plain decoder is good enough, in squared levels
BOUNDS: Final = Bounds(*DEFAULT_WIDTHS)


class Restoration(nn.Module):  # type: ignore[misc, unused-ignore]  # where PyTorch is not installed
    """The layers of :func:`saliency_jpeg.enhance.network.build`, by the same names."""

    def __init__(self, size: Architecture) -> None:
        super().__init__()
        width, planes = size.width, 6 * GROUP * GROUP
        self.levels_in = nn.ConvTranspose2d(64, size.features, 2, stride=2)
        self.first = nn.Conv2d(planes + size.features + PLACES, width, 3, padding=1)
        self.known0, self.known1 = nn.Linear(CONDITION, 128), nn.Linear(128, 64)
        for index in range(size.blocks):
            for name in ("a", "b"):
                self.add_module(f"block{index}{name}", nn.Conv2d(width, width, 3, padding=1))
            for name, start in (("scale", 0.3), ("shift", 0.0)):
                layer = nn.Linear(64, width)
                nn.init.zeros_(layer.weight)
                nn.init.constant_(layer.bias, start)
                self.add_module(f"block{index}{name}", layer)
                if size.classes:
                    layer = nn.Conv2d(size.classes, width, 1, bias=False)
                    nn.init.zeros_(layer.weight)
                    self.add_module(f"block{index}{name}_class", layer)
        self.last = nn.Conv2d(width, OUTPUTS, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.blocks, self.classes = size.blocks, size.classes

    def forward(
        self, planes: Tensor, levels: Tensor, places: Tensor, known: Tensor, classes: Tensor | None = None
    ) -> Tensor:
        """Computes the output (n, 80, rows, cols) of inputs with channels second."""
        features = functional.relu(self.levels_in(levels))
        x = functional.relu(self.first(torch.cat([planes, features, places.expand(len(planes), -1, -1, -1)], 1)))
        known = functional.relu(self.known1(functional.relu(self.known0(known))))
        for index in range(self.blocks):
            part = {name: self.get_submodule(f"block{index}{name}") for name in ("a", "b", "scale", "shift")}
            change = part["b"](functional.relu(part["a"](x)))
            scale, shift = (part[name](known)[:, :, None, None] for name in ("scale", "shift"))
            if self.classes:
                scale = scale + self.get_submodule(f"block{index}scale_class")(classes)
                shift = shift + self.get_submodule(f"block{index}shift_class")(classes)
            x = x + change * scale + shift
        return self.last(x)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights by ``layer/index`` in the layout of Keras."""
        arrays = {}
        for name, layer in self.named_children():
            weight = layer.weight.detach().float().numpy()
            arrays[f"{name}/0"] = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
            if layer.bias is not None:
                arrays[f"{name}/1"] = layer.bias.detach().float().numpy()
        return arrays

    def fill(self, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """Takes weights as :meth:`arrays` returns them, of a network that may lack classes or the last blocks.

        What it lacks changes nothing at first.
        """
        with torch.no_grad():
            for name, layer in self.named_children():
                if name.startswith("block") and f"{name}/0" not in arrays:
                    if name.endswith("b"):
                        nn.init.zeros_(layer.weight)
                        nn.init.zeros_(layer.bias)
                    continue
                weight = np.asarray(arrays[f"{name}/0"], np.float32)
                layer.weight.copy_(torch.from_numpy(weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.T))
                if layer.bias is not None:
                    layer.bias.copy_(torch.from_numpy(np.asarray(arrays[f"{name}/1"], np.float32)))


def plain(batch: Batch) -> tuple[list[Tensor], Tensor]:
    """Decodes a batch.

    Returns:
        The coefficients of each component, and the planes at full resolution, (n, 3, h, w).
    """
    coefficients = [part * batch.tables[:, i, None, None] for i, part in enumerate(batch.levels)]
    planes = [from_blocks(inverse_dct(part)) + 128 for part in coefficients]
    h, v = batch.sampling or (1, 1)
    if batch.sampling is None:
        planes += [torch.full_like(planes[0], 128.0)] * 2
    return coefficients, torch.stack([planes[0], *(upsample(plane, h, v) for plane in planes[1:])], 1)


def network_planes(planes: Tensor, scales: Tensor) -> Tensor:
    """The planes as the network gets them, (n, 96, h / 4, w / 4): whole, and their contrast in steps."""
    means = functional.avg_pool2d(functional.avg_pool2d(planes, GROUP), 3, 1, 1, count_include_pad=False)
    contrast = (planes - functional.interpolate(means, scale_factor=GROUP)) / (CONTRAST * scales[:, :, None, None])
    return functional.pixel_unshuffle(torch.cat([(planes - 128) / INPUT_SCALE, 1.5 * torch.tanh(contrast)], 1), GROUP)


def restore(model: nn.Module, batch: Batch, coefficients: list[Tensor], planes: Tensor) -> Tensor:
    """Restores a batch: the network's corrections, bounded, and the detail of chroma."""
    levels = torch.tanh(batch.levels[0] / 2).permute(0, 3, 1, 2)
    levels[:, 0] = 0
    size = CROP // GROUP
    where = torch.from_numpy(places(size, size)).permute(2, 0, 1)[None]
    scales = torch.from_numpy(np.stack([correction_scale(t) for t in batch.tables.numpy()]))
    inputs = [network_planes(planes, scales), levels, where, batch.known]
    if batch.classes is not None:
        inputs.append(functional.interpolate(batch.classes, scale_factor=CELL // GROUP, mode="bilinear"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(
            *(part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part for part in inputs)
        )
    out = functional.pixel_shuffle(out.float(), GROUP)  # 5 planes
    h, v = batch.sampling or (1, 1)
    restored = []
    for i, part in enumerate(coefficients):
        correction = out[:, i] * scales[:, i, None, None]
        if i and (h, v) != (1, 1):
            correction = functional.avg_pool2d(correction[:, None], (v, h))[:, 0]
        plane = from_blocks(inverse_dct(part + bound(correction, batch.levels[i], batch.tables[:, i], BOUNDS))) + 128
        if i and (h, v) != (1, 1):
            plane = upsample(plane, h, v) + DETAIL_SCALE * out[:, i + 2]
        restored.append(plane)
    return torch.stack(restored, 1)


def losses(restored: Tensor, planes: Tensor, target: Tensor) -> Tensor:
    """Squared error of each plane relative to the plain decoder's, (n, components)."""
    count = restored.shape[1]
    error = (restored - target[:, :count]).square().mean((2, 3))
    return (error + FLOOR / 4) / ((planes[:, :count] - target[:, :count]).square().mean((2, 3)) + FLOOR)


def difference(model: Restoration, size: Architecture) -> float:
    """Returns the largest difference between the outputs in PyTorch and in Keras, for noise."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from keras import ops

    noise = torch.Generator().manual_seed(0)
    shapes: tuple[tuple[int, ...], ...] = ((2, 96, 16, 12), (2, 64, 8, 6), (2, PLACES, 16, 12), (2, CONDITION))
    if size.classes:
        shapes = (*shapes, (2, size.classes, 16, 12))
    inputs = [torch.randn(shape, generator=noise) for shape in shapes]
    other = build(size)
    set_arrays(other, model.arrays())
    with torch.no_grad():
        ours = model(*inputs).permute(0, 2, 3, 1).numpy()
        last = [part.permute(0, 2, 3, 1) if part.ndim == 4 else part for part in inputs]
        theirs = ops.convert_to_numpy(other([ops.convert_to_tensor(part.numpy()) for part in last], training=False))
    return float(np.abs(ours - theirs).max())
