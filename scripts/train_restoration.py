#!/usr/bin/env python3
"""Train the networks of ``decode(enhance=...)``: restoration of any JPEG file, bounded by its quantization.

Photographs are encoded by four encoders at all qualities (:mod:`restoration_data`), decoded in PyTorch as a decoder
does, corrected by the network inside the intervals of quantization, and compared with the original. The loss is the
squared error of each plane relative to the plain decoder's, so that every quality counts alike. ::

    python scripts/train_restoration.py DATA OUT.npz --cache FOLDER [--preset restore|restore-fast] [--steps N]

Checkpoints lie in the cache; a run that was ended goes on from the last one. The network is defined in
:mod:`saliency_jpeg.enhance.network`; here it is written in PyTorch as well, because that trains 1.6 times as fast as
Keras on its torch backend, and the script ends with the largest difference between the two.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from head_training import cached
from numpy.typing import NDArray
from restoration_data import SEED, UNIT, Coded, make
from torch import Tensor, nn
from torch.nn import functional
from torch_jpeg import Bounds, bound, from_blocks, inverse_dct, upsample

from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.network import CONDITION, GROUP, OUTPUTS, PLACES, PRESETS, Architecture, build
from saliency_jpeg.enhance.restoration import DEFAULT_WIDTHS
from saliency_jpeg.enhance.tiles import CONTRAST, DETAIL_SCALE, INPUT_SCALE, condition, correction_scale, places
from saliency_jpeg.saliency.network import set_arrays

CROP: Final = 128
BATCH: Final = 12
RATE: Final = 5e-4  # of Adam
KERNEL_RATE: Final = 0.02  # of Muon, for the kernels of the convolutions
WARM_UP: Final = 200  # steps
AVERAGE: Final = 0.999  # of the weights over the steps
CHROMA: Final = 0.35  # weight of the error of Cb and of Cr; luma has 1
FLOOR: Final = 1.0  # squared error below which the plain decoder is good enough, in squared levels
CHECKPOINT: Final = 500  # steps
_DRAWN: Final = {(2, 2): 0.6, (1, 1): 0.28, (2, 1): 0.06, (1, 2): 0.03, None: 0.03}  # sampling; None: gray


# ---- the network in PyTorch ---------------------------------------------------------------------------------------


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
        self.last = nn.Conv2d(width, OUTPUTS, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.blocks = size.blocks

    def forward(self, planes: Tensor, levels: Tensor, places: Tensor, known: Tensor) -> Tensor:
        """Computes the output (n, 80, rows, cols) of inputs with channels second."""
        features = functional.relu(self.levels_in(levels))
        x = functional.relu(self.first(torch.cat([planes, features, places.expand(len(planes), -1, -1, -1)], 1)))
        known = functional.relu(self.known1(functional.relu(self.known0(known))))
        for index in range(self.blocks):
            part = {name: self.get_submodule(f"block{index}{name}") for name in ("a", "b", "scale", "shift")}
            change = part["b"](functional.relu(part["a"](x)))
            x = x + change * part["scale"](known)[:, :, None, None] + part["shift"](known)[:, :, None, None]
        return self.last(x)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights by ``layer/index`` in the layout of Keras."""
        arrays = {}
        for name, layer in self.named_children():
            weight = layer.weight.detach().float().numpy()
            arrays[f"{name}/0"] = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
            arrays[f"{name}/1"] = layer.bias.detach().float().numpy()
        return arrays


# ---- samples ------------------------------------------------------------------------------------------------------


@dataclass
class File:
    """A JPEG file as levels, and what it shows.

    Attributes:
        levels: int16 (rows, cols, 64) of each component.
        tables: float32 (3, 64), ones for a component that is not there.
        sampling: horizontal and vertical factor of luma over chroma; None for gray.
        known: float32 (387,), the condition.
        rgb: of the original.
    """

    levels: list[NDArray[np.int16]]
    tables: NDArray[np.float32]
    sampling: tuple[int, int] | None
    known: NDArray[np.float32]
    rgb: NDArray[np.uint8]


def read(coded: list[Coded]) -> list[File]:
    """Reads the levels of all files."""
    files = []
    for item in coded:
        for _, jpeg in item.files:
            image = _core.read_jpeg(jpeg)
            tables = np.ones((3, 64), np.float32)
            for index, row in enumerate(image.component_tables):
                tables[index] = image.tables[row]
            sampling = image.sampling[0] if len(image.levels) == 3 else None
            files.append(File(list(image.levels), tables, sampling, condition(image), item.original.rgb))
    return files


@dataclass
class Batch:
    """Crops of files of one sampling, as tensors; blocks are (n, rows, cols, 64)."""

    levels: list[Tensor]
    tables: Tensor
    sampling: tuple[int, int] | None
    known: Tensor
    target: Tensor


class Sampler:
    """Draws crops: files by their area, places on the grid of MCUs, mirrored or not.

    Args:
        files: to draw from.
        seed: of the draws.
    """

    def __init__(self, files: list[File], seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self._files: dict[Any, list[File]] = {}
        for file in files:
            self._files.setdefault(file.sampling, []).append(file)
            if file.sampling == (2, 1):
                self._files.setdefault((1, 2), []).append(file)  # turned by a quarter
        self._shares = {key: share for key, share in _DRAWN.items() if key in self._files}
        self._areas = {key: _areas(self._files[key]) for key in self._shares}

    def __call__(self) -> Batch:
        """Returns the next batch."""
        shares = np.array(list(self._shares.values()))
        sampling = list(self._shares)[self._draw.choice(len(shares), p=shares / shares.sum())]
        files = self._files[sampling]
        chosen = [files[i] for i in self._draw.choice(len(files), BATCH, p=self._areas[sampling])]
        turns = sampling == (1, 2)
        crops = [
            self._crop(file, turns or (sampling in ((2, 2), (1, 1)) and self._draw.random() < 0.5)) for file in chosen
        ]
        levels = [torch.from_numpy(np.stack(part)).float() for part in zip(*(crop[0] for crop in crops), strict=True)]
        tables, known, target = (torch.from_numpy(np.stack([crop[i] for crop in crops])) for i in (1, 2, 3))
        return Batch(levels, tables, sampling, known, to_ycbcr(target.float()))

    def _crop(self, file: File, turned: bool) -> tuple[list[NDArray[np.int16]], Any, Any, Any]:
        height, width = file.rgb.shape[:2]
        y, x = (UNIT * self._draw.integers((side - CROP) // UNIT + 1) for side in (height, width))
        h, v = file.sampling or (1, 1)
        factors = [(1, 1), (v, h), (v, h)]
        levels = [_blocks(component, (y, x), factor) for component, factor in zip(file.levels, factors, strict=False)]
        tables, known, rgb = file.tables, file.known, file.rgb[y : y + CROP, x : x + CROP]
        if self._draw.random() < 0.5:
            signs = np.tile(np.array([1, -1] * 4, np.int16), 8)
            levels, rgb = [part[:, ::-1] * signs for part in levels], rgb[:, ::-1]
        if turned:
            turn = np.arange(64).reshape(8, 8).T.ravel()
            levels = [part.swapaxes(0, 1)[..., turn] for part in levels]
            tables, known, rgb = tables[:, turn], _turned(known, turn), rgb.swapaxes(0, 1)
        return levels, np.ascontiguousarray(tables), known, np.ascontiguousarray(rgb)


def _areas(files: list[File]) -> NDArray[np.float64]:
    areas = np.array([file.rgb.size for file in files], np.float64)
    shares: NDArray[np.float64] = areas / areas.sum()
    return shares


def _blocks(levels: NDArray[np.int16], start: tuple[int, int], factor: tuple[int, int]) -> NDArray[np.int16]:
    """The blocks of a crop, of a component with so many pixels (down, across) for a sample."""
    rows, cols = (
        slice(place // (8 * step), (place + CROP) // (8 * step)) for place, step in zip(start, factor, strict=True)
    )
    return np.ascontiguousarray(levels[rows, cols])


def _turned(known: NDArray[np.float32], turn: NDArray[np.int64]) -> NDArray[np.float32]:
    per_coefficient = known[: 6 * 64].reshape(6, 64)[:, turn]
    flags = known[6 * 64 :][[1, 0, 2]]
    return np.concatenate([per_coefficient.ravel(), flags])


def to_ycbcr(rgb: Tensor) -> Tensor:
    """Converts (n, h, w, 3) RGB to JFIF Y, Cb, Cr, (n, 3, h, w)."""
    matrix = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return torch.einsum("nhwc,pc->nphw", rgb, matrix) + torch.tensor([0.0, 128.0, 128.0])[:, None, None]


# ---- one picture through decoder and network ----------------------------------------------------------------------


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
    inputs = (network_planes(planes, scales), levels, where, batch.known)
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


BOUNDS: Final = Bounds(*DEFAULT_WIDTHS)


def losses(restored: Tensor, planes: Tensor, target: Tensor) -> Tensor:
    """Squared error of each plane relative to the plain decoder's, (n, components)."""
    count = restored.shape[1]
    error = (restored - target[:, :count]).square().mean((2, 3))
    return (error + FLOOR / 4) / ((planes[:, :count] - target[:, :count]).square().mean((2, 3)) + FLOOR)


# ---- training -----------------------------------------------------------------------------------------------------


class Optimizer:
    """Muon for the kernels of the convolutions, but for the last, and Adam for the rest.

    With Adam alone the error of luma falls by half as much in the same steps. Muon takes matrices: it gets each kernel
    as (outputs, inputs * 9), in the same memory.
    """

    def __init__(self, model: nn.Module) -> None:
        named = dict(model.named_parameters())
        self._kernels = [part for name, part in named.items() if part.ndim == 4 and name != "last.weight"]
        self._matrices = [nn.Parameter(kernel.detach().view(len(kernel), -1)) for kernel in self._kernels]
        kept = {id(kernel) for kernel in self._kernels}
        rest = [part for part in named.values() if id(part) not in kept]
        self._adam = torch.optim.Adam(rest, lr=RATE, fused=True)
        self._muon = torch.optim.Muon(self._matrices, lr=KERNEL_RATE, weight_decay=0.0, momentum=0.95)

    def step(self, loss: Tensor, part: float) -> None:
        """Takes one step down the gradient of a loss.

        Args:
            loss: a number.
            part: of the learning rates.
        """
        for optimizer, rate in ((self._adam, RATE), (self._muon, KERNEL_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = rate * part
        self._adam.zero_grad()
        for kernel in self._kernels:
            kernel.grad = None
        loss.backward()
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            assert kernel.grad is not None
            matrix.grad = kernel.grad.reshape(matrix.shape)
        self._adam.step()
        self._muon.step()

    def state_dict(self) -> dict[str, Any]:
        """The state, for a checkpoint."""
        return {"adam": self._adam.state_dict(), "muon": self._muon.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes the state of a checkpoint."""
        self._adam.load_state_dict(state["adam"])
        self._muon.load_state_dict(state["muon"])


def schedule(step: int, steps: int) -> float:
    """Part of the learning rates at a step: rises over the first ones, then falls along a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, step / steps))) + 1e-3


def train(files: list[File], size: Architecture, steps: int, seed: int, checkpoint: Path | None) -> Restoration:
    """Trains the network, on from the checkpoint if there is one.

    Returns:
        The network with the averaged weights.
    """
    torch.manual_seed(seed)
    model = Restoration(size)
    average = copy.deepcopy(model)
    optimizer = Optimizer(model)
    first = 0
    if checkpoint is not None and checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    sample, seen, start = Sampler(files, seed + first), np.zeros((0, 3)), time.perf_counter()
    for step in range(first, steps):
        seen = np.concatenate([seen, _step(model, sample(), optimizer, schedule(step, steps))])
        share = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept, new in zip(average.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - share)
        if (step + 1) % CHECKPOINT == 0 or step + 1 == steps:
            gains = " ".join(f"{gain:.3f}" for gain in np.nanmean(seen, 0))
            took = time.perf_counter() - start
            print(
                f"  step {step + 1}/{steps}: error of Y Cb Cr {gains} of the plain decoder's, {took:.0f} s", flush=True
            )
            seen = seen[:0]
            if checkpoint is not None:
                state: dict[str, Any] = {"model": model, "average": average, "optimizer": optimizer}
                kept = {name: part.state_dict() for name, part in state.items()}
                torch.save({**kept, "step": step + 1}, checkpoint.with_suffix(".new"))
                checkpoint.with_suffix(".new").replace(checkpoint)
    return average


def _step(model: nn.Module, batch: Batch, optimizer: Optimizer, part: float) -> NDArray[np.float64]:
    with torch.no_grad():
        coefficients, planes = plain(batch)
    relative = losses(restore(model, batch, coefficients, planes), planes, batch.target)
    weights = torch.tensor([1.0, CHROMA, CHROMA])[: relative.shape[1]]
    loss = (relative * weights).sum(1).mean()
    optimizer.step(loss, part)
    means = relative.detach().mean(0).numpy()
    return np.array([np.pad(means.astype(np.float64), (0, 3 - len(means)), constant_values=np.nan)])


def difference(model: Restoration, size: Architecture) -> float:
    """Returns the largest difference between the outputs in PyTorch and in Keras, for noise."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from keras import ops

    noise = torch.Generator().manual_seed(0)
    shapes = ((2, 96, 16, 12), (2, 64, 8, 6), (2, PLACES, 16, 12), (2, CONDITION))
    inputs = [torch.randn(shape, generator=noise) for shape in shapes]
    other = build(size)
    set_arrays(other, model.arrays())
    with torch.no_grad():
        ours = model(*inputs).permute(0, 2, 3, 1).numpy()
        last = [part.permute(0, 2, 3, 1) if part.ndim == 4 else part for part in inputs]
        theirs = ops.convert_to_numpy(other([ops.convert_to_tensor(part.numpy()) for part in last], training=False))
    return float(np.abs(ours - theirs).max())


def main() -> None:
    """Makes the files, trains, writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="restore", help="which network")
    parser.add_argument("--cache", type=Path, help="folder of the files and the checkpoints")
    parser.add_argument("--steps", type=int, default=45_000)
    parser.add_argument("--count", type=int, help="about how many photographs; all by default")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    files = read(cached(args.cache, f"coded-{args.seed}-{args.count}", lambda: make(args.data, args.seed, args.count)))
    print(f"  {len(files)} files", flush=True)
    checkpoint = args.cache / f"{args.preset}.pt" if args.cache else None
    model = train(files, PRESETS[args.preset], args.steps, args.seed, checkpoint)
    arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in model.arrays().items()}
    np.savez(args.out, **arrays)
    print(f"{args.out}: {args.out.stat().st_size} bytes, sha256 {sha256(args.out.read_bytes()).hexdigest()}")
    print(f"largest difference of the outputs from those of Keras: {difference(model, PRESETS[args.preset]):.1e}")


if __name__ == "__main__":
    main()
