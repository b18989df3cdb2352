"""SSIMULACRA2 in PyTorch, differentiable, for training; scores that are reported come from ``saliency_jpeg.metrics``.

The blur is an exact Gaussian with zeros outside the image, and small crops have fewer scales, so that the values are
near those of the metric but not the same.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from saliency_jpeg.metrics._metrics import SSIMULACRA2_WEIGHTS

__all__ = ["distance", "to_linear_rgb"]

_SIGMA: Final = 1.5
_SCALES: Final = 6
_LEAST_SIDE: Final = 8
_C2: Final = 0.0009
_BIAS: Final = 0.0037930732552754493
_TINY: Final = 1e-18  # keeps the roots' derivatives finite
_ABSORBANCE: Final = (
    (0.30, 1 - 0.078 - 0.30, 0.078),
    (0.23, 1 - 0.078 - 0.23, 0.078),
    (0.24342268924547819, 0.20476744424496821, 1 - 0.24342268924547819 - 0.20476744424496821),
)
_WEIGHTS: Final = torch.tensor(SSIMULACRA2_WEIGHTS).reshape(3, _SCALES, 2, 3)


def to_linear_rgb(planes: Tensor) -> Tensor:
    """Converts JFIF Y, Cb, Cr (n, 3, h, w), 0 to 255, to linear RGB, 0 to 1."""
    y, cb, cr = planes[:, 0], planes[:, 1] - 128, planes[:, 2] - 128
    rgb = torch.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], 1) / 255
    rgb = rgb.clamp(0, 1)
    return torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp_min(1e-3) ** 2.4, rgb / 12.92)


def distance(original: Tensor, other: Tensor) -> Tensor:
    """Computes how far images are from their originals: 100 less the score.

    Args:
        original: linear RGB (n, 3, h, w).
        other: likewise.

    Returns:
        (n,), 0 for the originals.
    """
    error = torch.zeros(len(original))
    for scale in range(_SCALES):
        if min(original.shape[2:]) < _LEAST_SIDE:
            break
        error = error + (_norms(_to_xyb(original), _to_xyb(other)) * _WEIGHTS[:, scale]).sum((1, 2, 3))
        original, other = functional.avg_pool2d(original, 2), functional.avg_pool2d(other, 2)
    error = 0.9562382616834844 * error
    error = ((6.248496625763138e-05 * error - 0.020884521182843837) * error + 2.326765642916932) * error
    return 10 * error.clamp_min(1e-3) ** 0.6276336467831387


def _to_xyb(linear: Tensor) -> Tensor:
    absorbed = torch.einsum("nchw,lc->nlhw", linear, torch.tensor(_ABSORBANCE)) + _BIAS
    long, middle, short = ((absorbed ** (1 / 3)) - _BIAS ** (1 / 3)).unbind(1)
    luma = (long + middle) / 2
    return torch.stack([(long - middle) * 7 + 0.42, luma + 0.01, short - luma + 0.55], 1)


@cache
def _blurring(size: int) -> Tensor:
    place = torch.arange(float(size))
    matrix = torch.exp(-((place[:, None] - place) ** 2) / (2 * _SIGMA**2))
    return matrix / matrix[size // 2].sum()


def _blur(planes: Tensor) -> Tensor:
    height, width = planes.shape[2:]
    return _blurring(height) @ planes @ _blurring(width)


def _norms(a: Tensor, b: Tensor) -> Tensor:
    """Means and 4-norms of the three error maps, (n, components, norms, maps)."""
    mean_a, mean_b = _blur(a), _blur(b)
    covariance = 2 * (_blur(a * b) - mean_a * mean_b) + _C2
    variances = _blur(a * a) - mean_a**2 + _blur(b * b) - mean_b**2 + _C2
    structure = (1 - (1 - (mean_a - mean_b) ** 2) * covariance / variances).clamp_min(0)
    edge_a, edge_b = (a - mean_a).abs(), (b - mean_b).abs()
    change = (edge_b - edge_a) / (1 + edge_a)
    maps = torch.stack([structure, change.clamp_min(0), (-change).clamp_min(0)], -1)
    return torch.stack([maps.mean((2, 3)), ((maps**4).mean((2, 3)) + _TINY) ** 0.25], 2)
