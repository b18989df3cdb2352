"""Which integers of a latent are worth their bits: those that mend more than the file would with as many bits more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from .latent_network import MOST, STRIDE

__all__ = ["choose"]

Floats = NDArray[np.float32]

_THRESHOLDS: Final = (0.5, 0.65, 0.85)  # from which a number becomes an integer other than 0: rounded, or less of it
_SHARES: Final = (1.0, 0.4, 0.4)  # of the planes in the error, each relative to what restoration leaves of it
_BOX: Final = 120  # bytes of a layer beside its code
_WORTH: Final = 1.0  # of a bit, as a multiple of what it is worth in the file


def choose(
    numbers: Floats,
    original: Sequence[Floats],
    restored: Sequence[Floats],
    shown: Callable[[NDArray[np.int8]], Sequence[Floats]],
    rate: float,
) -> NDArray[np.int8] | None:
    """Makes integers of what a network computes: of a few ways to round, each without the cells that do not pay.

    At low rates the error of a file falls about as 1 / rate; so a bit is worth the error divided by the rate.

    Args:
        numbers: float32 (channels, rows, cols).
        original: Y, Cb, Cr, each float32 (H, W), 0 to 255.
        restored: likewise.
        shown: makes of integers what the reader will show of them, likewise.
        rate: bits a pixel of the file.

    Returns:
        int8 (channels, rows, cols); None where no layer mends as much as its bytes would in the file.
    """
    pixels = original[0].size
    before = _errors(original, restored)
    weights = [share / max(float(part.sum()), 1.0) for share, part in zip(_SHARES, before, strict=True)]
    bit = _WORTH * sum(_SHARES) / (rate * pixels)

    def cost(levels: NDArray[np.int8]) -> float:
        after = _errors(original, shown(levels))
        error = sum(weight * float(part.sum()) for weight, part in zip(weights, after, strict=True))
        return error + bit * 8 * (_BOX + len(_core.encode_latent(levels)))

    def paying(levels: NDArray[np.int8]) -> NDArray[np.int8]:
        after = _errors(original, shown(levels))
        gained = sum(weight * (a - b) for weight, a, b in zip(weights, before, after, strict=True))
        return levels * (gained > bit * _bits(levels)).astype(np.int8)

    found = [paying(_rounded(numbers, threshold)) for threshold in _THRESHOLDS]
    least, best = min(((cost(levels), levels) for levels in found), key=itemgetter(0))
    return best if least < sum(_SHARES) else None


def _rounded(numbers: Floats, threshold: float) -> NDArray[np.int8]:
    sizes = np.minimum(np.floor(np.abs(numbers) + np.float32(1 - threshold)), MOST)
    return np.asarray(np.copysign(sizes, numbers), np.int8)


def _bits(levels: NDArray[np.int8]) -> NDArray[np.float64]:
    """About what the integers of each cell take beyond zeros, by their counts in the channel, (rows, cols)."""
    bits = np.zeros(levels.shape[1:])
    for channel in levels:
        counts = np.bincount(channel.ravel() + MOST, minlength=2 * MOST + 1) + 0.5
        bits += np.log2(counts[MOST] / counts)[channel + MOST]
    return bits


def _errors(original: Sequence[Floats], planes: Sequence[Floats]) -> list[NDArray[np.float64]]:
    """Squared errors of each plane, summed up for each cell of a latent."""
    return [_by_cell(np.square(a - b)) for a, b in zip(original, planes, strict=True)]


def _by_cell(plane: Floats) -> NDArray[np.float64]:
    height, width = (-(-side // (2 * STRIDE)) * 2 * STRIDE for side in plane.shape)
    whole = np.zeros((height, width))
    whole[: plane.shape[0], : plane.shape[1]] = plane
    sums: NDArray[np.float64] = whole.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE).sum((1, 3))
    return sums
