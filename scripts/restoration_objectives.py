"""What restoration is trained for, beside the squared error: distances by metrics, relative to the plain decoder's.

``joint`` is the objective of Y. Patel, S. Appalaraju and R. Manmatha, "Deep Perceptual Compression", 2019: a deep
perceptual metric and MS-SSIM together. ``looks`` is that of the preset ``fine``, beside an adversary. The others are
for comparison: each metric alone, and SSIMULACRA2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import torch
import torch_perceptual
import torch_ssimulacra2
from torch import Tensor
from torch.nn import functional
from torch_ms_ssim import ms_ssim

__all__ = ["OBJECTIVES", "Term", "relative_distance"]


class Term(NamedTuple):
    """A metric in the loss.

    Attributes:
        name: of the metric.
        weight: of the relative distance; the relative squared error of luma has 1.
        distance: of JFIF Y, Cb, Cr (n, 3, h, w), 0 to 255, from the originals, (n,).
        floor: added to the plain decoder's distance, so that files without visible damage do not count most.
    """

    name: str
    weight: float
    distance: Callable[[Tensor, Tensor], Tensor]
    floor: float


def _by_ssimulacra2(original: Tensor, other: Tensor) -> Tensor:
    return torch_ssimulacra2.distance(*map(torch_ssimulacra2.to_linear_rgb, (original, other)))


def _by_ms_ssim(original: Tensor, other: Tensor) -> Tensor:
    return 1 - ms_ssim(original[:, 0], other[:, 0])


@cache
def _metric() -> torch_perceptual.Perceptual:
    return torch_perceptual.load()


def _by_features(original: Tensor, other: Tensor) -> Tensor:
    return 100 - _metric().score(_to_rgb(original), _to_rgb(other))


def _by_contrast(original: Tensor, other: Tensor) -> Tensor:
    """How far the strength of detail is off, in samples of luma: octaves, each in windows of 8 of its own pixels.

    It asks for as much detail as there was, not for the same: nothing else says so but an adversary.
    """
    total, pair = torch.zeros(len(original)), [original[:, :1], other[:, :1]]
    for _ in range(_OCTAVES):
        halved = [functional.avg_pool2d(x, 2) for x in pair]
        detail = [x - functional.interpolate(h, scale_factor=2) for x, h in zip(pair, halved, strict=True)]
        a, b = ((functional.avg_pool2d(x.square(), 8, 4) + 0.25).sqrt() for x in detail)
        total, pair = total + (a - b).abs().mean((1, 2, 3)), halved
    return total / _OCTAVES


def _to_rgb(planes: Tensor) -> Tensor:
    y, cb, cr = planes[:, 0], planes[:, 1] - 128, planes[:, 2] - 128
    rgb = torch.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], 1) / 255
    return rgb.clamp(0, 1)


_OCTAVES: Final = 3
_CONTRAST: Final = 0.2  # samples of luma
_POINTS: Final = 2.0  # of 100
_SIMILARITY: Final = 0.002  # MS-SSIM of about 27 dB
#: Terms by the name of the objective. Their weights add to 1.
OBJECTIVES: Final[dict[str, tuple[Term, ...]]] = {
    "ssimulacra2": (Term("SSIMULACRA2", 1.0, _by_ssimulacra2, _POINTS),),
    "ms-ssim": (Term("MS-SSIM", 1.0, _by_ms_ssim, _SIMILARITY),),
    "deep": (Term("deep", 1.0, _by_features, _POINTS),),
    "joint": (Term("MS-SSIM", 0.5, _by_ms_ssim, _SIMILARITY), Term("deep", 0.5, _by_features, _POINTS)),
    "all": (
        Term("SSIMULACRA2", 0.6, _by_ssimulacra2, _POINTS),
        Term("MS-SSIM", 0.2, _by_ms_ssim, _SIMILARITY),
        Term("deep", 0.2, _by_features, _POINTS),
    ),
    "looks": (
        Term("SSIMULACRA2", 0.25, _by_ssimulacra2, _POINTS),
        Term("MS-SSIM", 0.12, _by_ms_ssim, _SIMILARITY),
        Term("deep", 0.25, _by_features, _POINTS),
        Term("contrast", 0.38, _by_contrast, _CONTRAST),
    ),
}


def relative_distance(term: Term, restored: Tensor, planes: Tensor, target: Tensor) -> Tensor:
    """Computes the mean distance of restored pictures from the originals, relative to the plain decoder's.

    Args:
        term: the metric.
        restored: Y, Cb, Cr (n, 3, h, w), 0 to 255.
        planes: of the plain decoder, likewise.
        target: the originals, likewise.
    """
    with torch.no_grad():
        before = term.distance(target, planes)
    return (term.distance(target, restored) / (before + term.floor)).mean()
