"""MS-SSIM of luma in PyTorch, differentiable, for training; reported scores come from ``saliency_jpeg.metrics``.

Z. Wang, E. Simoncelli and A. Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
Small crops have fewer scales, whose exponents are scaled to the same sum.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ms_ssim"]

_WINDOW: Final = 11
_SIGMA: Final = 1.5
_EXPONENTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_TINY: Final = 1e-4  # keeps the powers' derivatives finite


@cache
def _kernel() -> Tensor:
    place = torch.arange(float(_WINDOW)) - _WINDOW // 2
    kernel = torch.exp(-(place**2) / (2 * _SIGMA**2))
    return kernel / kernel.sum()


def _blur(planes: Tensor) -> Tensor:
    kernel = _kernel()
    return functional.conv2d(functional.conv2d(planes, kernel[None, None, :, None]), kernel[None, None, None, :])


def _similarities(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Means of structural similarity, and of its part for contrast and structure, (n,)."""
    size = len(a)
    mean_a, mean_b, aa, bb, ab = _blur(torch.cat([a, b, a * a, b * b, a * b])).split(size)
    products = mean_a * mean_b
    squares = mean_a.square() + mean_b.square()
    structure = (2 * (ab - products) + _C2) / (aa + bb - squares + _C2)
    luminance = (2 * products + _C1) / (squares + _C1)
    return (luminance * structure).mean((1, 2, 3)), structure.mean((1, 2, 3))


def ms_ssim(original: Tensor, other: Tensor) -> Tensor:
    """Computes MS-SSIM of luma.

    Args:
        original: luma (n, h, w), 0 to 255, at least 11 samples high and wide.
        other: likewise.

    Returns:
        (n,), 1 for the originals.
    """
    a, b = original[:, None], other[:, None]
    parts = []
    for _ in _EXPONENTS:
        if min(a.shape[2:]) < _WINDOW:
            break
        parts.append(_similarities(a, b))
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    exponents = torch.tensor(_EXPONENTS[: len(parts)])
    exponents = exponents / exponents.sum()
    factors = torch.stack([structure for _, structure in parts[:-1]] + [parts[-1][0]], 1)
    return (factors.clamp_min(_TINY) ** exponents).prod(1)
