"""The decoder of JPEG in PyTorch, differentiable: inverse DCT, upsampling, intervals of quantization."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Bounds", "bound", "forward_dct", "from_blocks", "inverse_dct", "to_blocks", "upsample"]


def _basis() -> Tensor:
    """(64, 64): the two-dimensional basis functions, [frequency, sample], orthonormal."""
    position, frequency = torch.arange(8.0), torch.arange(8.0)[:, None]
    line = torch.cos((2 * position + 1) * frequency * math.pi / 16) / 2
    line[0] /= math.sqrt(2)
    return torch.einsum("uy,vx->uvyx", line, line).reshape(64, 64)


_BASIS = _basis()


def inverse_dct(coefficients: Tensor) -> Tensor:
    """Computes the samples of blocks (..., 64), without the level shift."""
    return coefficients @ _BASIS


def forward_dct(samples: Tensor) -> Tensor:
    """Computes the coefficients of blocks (..., 64)."""
    return samples @ _BASIS.T


def from_blocks(blocks: Tensor) -> Tensor:
    """Joins blocks (n, rows, cols, 64) to planes (n, 8 rows, 8 cols)."""
    n, rows, cols, _ = blocks.shape
    return blocks.reshape(n, rows, cols, 8, 8).permute(0, 1, 3, 2, 4).reshape(n, 8 * rows, 8 * cols)


def to_blocks(planes: Tensor) -> Tensor:
    """Divides planes (n, 8 rows, 8 cols) into blocks (n, rows, cols, 64)."""
    n, height, width = planes.shape
    return (
        planes.reshape(n, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4).reshape(n, height // 8, width // 8, 64)
    )


class Bounds(NamedTuple):
    """How far a coefficient may be from its level, in steps.

    Attributes:
        zero: where the level is 0, in both directions.
        below: towards 0, where it is not.
        above: away from 0, where it is not.
        dc: of DC, in both directions.
    """

    zero: float
    below: float
    above: float
    dc: float


def bound(correction: Tensor, levels: Tensor, table: Tensor, bounds: Bounds) -> Tensor:
    """Returns the coefficients of a correction, none of which leaves the interval of its level.

    Args:
        correction: planes (n, 8 rows, 8 cols).
        levels: (n, rows, cols, 64).
        table: steps (n, 64).
        bounds: half-widths of the intervals.

    Returns:
        (n, rows, cols, 64).
    """
    steps = table[:, None, None]
    sign = torch.sign(levels)
    high = torch.where(sign == 0, bounds.zero, torch.where(sign > 0, bounds.above, bounds.below))
    low = torch.where(sign == 0, bounds.zero, torch.where(sign > 0, bounds.below, bounds.above))
    high[..., 0] = low[..., 0] = bounds.dc
    return torch.clamp(forward_dct(to_blocks(correction)) / steps, -low, high) * steps


def upsample(plane: Tensor, h: int, v: int) -> Tensor:
    """Interpolates planes (n, height, width) as decoders do: three parts of the nearest sample, one of the next."""
    if v == 2:
        plane = _double(plane.swapaxes(1, 2)).swapaxes(1, 2)
    return _double(plane) if h == 2 else plane


def _double(plane: Tensor) -> Tensor:
    padded = functional.pad(plane, (1, 1), mode="replicate")
    near = 0.75 * plane
    return torch.stack([near + 0.25 * padded[..., :-2], near + 0.25 * padded[..., 2:]], -1).flatten(-2)
