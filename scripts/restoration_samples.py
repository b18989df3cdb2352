"""Crops of JPEG files as levels, for training: which file, where, mirrored or turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from restoration_data import UNIT, Coded
from torch import Tensor
from torch.nn import functional

from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.network import CELL
from saliency_jpeg.enhance.semantic_network import CLASSES
from saliency_jpeg.enhance.tiles import condition

__all__ = ["CROP", "Batch", "File", "Sampler", "read"]

CROP: Final = 128
BATCH: Final = 12
_DRAWN: Final = {(2, 2): 0.6, (1, 1): 0.28, (2, 1): 0.06, (1, 2): 0.03, None: 0.03}  # sampling; None: gray


@dataclass
class File:
    """A JPEG file as levels, and what it shows.

    Attributes:
        levels: int16 (rows, cols, 64) of each component.
        tables: float32 (3, 64), ones for a component that is not there.
        sampling: horizontal and vertical factor of luma over chroma; None for gray.
        known: float32 (387,), the condition.
        rgb: of the original.
        classes: uint8 (rows, cols), what the decoded picture shows in cells of 16 pixels; None without a class map.
        bpp: bits a pixel of the whole file.
    """

    levels: list[NDArray[np.int16]]
    tables: NDArray[np.float32]
    sampling: tuple[int, int] | None
    known: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    classes: NDArray[np.uint8] | None = None
    bpp: float = 0.0


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
            rgb = item.original.rgb
            bpp = 8 * len(jpeg) / (rgb.shape[0] * rgb.shape[1])
            files.append(File(list(image.levels), tables, sampling, condition(image), rgb, bpp=bpp))
    return files


@dataclass
class Batch:
    """Crops of files of one sampling, as tensors; blocks are (n, rows, cols, 64), classes one-hot, (n, 10, 8, 8).

    ``bpp`` is that of the whole files, (n,).
    """

    levels: list[Tensor]
    tables: Tensor
    sampling: tuple[int, int] | None
    known: Tensor
    target: Tensor
    bpp: Tensor
    classes: Tensor | None = None


class Sampler:
    """Draws crops: files by their area, places on the grid of MCUs, mirrored or not.

    Args:
        files: to draw from.
        seed: of the draws.
        batch: how many crops to draw at a time.
    """

    def __init__(self, files: list[File], seed: int, batch: int = BATCH) -> None:
        self._batch = batch
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
        chosen = [files[i] for i in self._draw.choice(len(files), self._batch, p=self._areas[sampling])]
        may_turn = sampling in ((2, 2), (1, 1))
        crops = [
            self._crop(file, file.sampling != sampling or (may_turn and self._draw.random() < 0.5)) for file in chosen
        ]
        levels = [torch.from_numpy(np.stack(part)).float() for part in zip(*(crop[0] for crop in crops), strict=True)]
        tables, known, target = (torch.from_numpy(np.stack([crop[i] for crop in crops])) for i in (1, 2, 3))
        bpp = torch.tensor([file.bpp for file in chosen])
        batch = Batch(levels, tables, sampling, known, to_ycbcr(target.float()), bpp)
        if all(file.classes is not None for file in chosen):
            labels = torch.from_numpy(np.stack([crop[4] for crop in crops])).long()
            batch.classes = functional.one_hot(labels, len(CLASSES)).permute(0, 3, 1, 2).float()
        return batch

    def _crop(self, file: File, turned: bool) -> tuple[list[NDArray[np.int16]], Any, Any, Any, Any]:
        height, width = file.rgb.shape[:2]
        y, x = (UNIT * self._draw.integers((side - CROP) // UNIT + 1) for side in (height, width))
        h, v = file.sampling or (1, 1)
        factors = [(1, 1), (v, h), (v, h)]
        levels = [_blocks(component, (y, x), factor) for component, factor in zip(file.levels, factors, strict=False)]
        tables, known, rgb = file.tables, file.known, file.rgb[y : y + CROP, x : x + CROP]
        classes = np.zeros((0, 0), np.uint8) if file.classes is None else file.classes
        classes = classes[y // CELL : (y + CROP) // CELL, x // CELL : (x + CROP) // CELL]
        if self._draw.random() < 0.5:
            signs = np.tile(np.array([1, -1] * 4, np.int16), 8)
            levels, rgb, classes = [part[:, ::-1] * signs for part in levels], rgb[:, ::-1], classes[:, ::-1]
        if turned:
            turn = np.arange(64).reshape(8, 8).T.ravel()
            levels = [part.swapaxes(0, 1)[..., turn] for part in levels]
            tables, known, rgb, classes = tables[:, turn], _turned(known, turn), rgb.swapaxes(0, 1), classes.T
        return levels, np.ascontiguousarray(tables), known, np.ascontiguousarray(rgb), np.ascontiguousarray(classes)


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
