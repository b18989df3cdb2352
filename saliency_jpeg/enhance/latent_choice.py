"""Ways to make integers of a latent: all, or those alone that mend more than the file would with as many bits more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .latent_network import MOST, STRIDE

__all__ = ["WAYS", "Way", "integers"]

Floats = NDArray[np.float32]

_SHARES: Final = (1.0, 0.4, 0.4)  # of the planes in the error, each relative to what restoration leaves of it


class Way(NamedTuple):
    """A way to make integers.

    Attributes:
        threshold: from which a number becomes an integer other than 0; 0.5 is rounding.
        worth: of a bit, as a multiple of what it is worth in the file; 0 to keep all cells.
    """

    threshold: float
    worth: float


#: From all that the network says to what mends most for its bits.
WAYS: Final = (Way(0.5, 0.0), Way(0.75, 0.0), Way(0.5, 0.4), Way(0.5, 1.0))


def integers(
    way: Way,
    numbers: Floats,
    original: Sequence[Floats],
    restored: Sequence[Floats],
    shown: Callable[[NDArray[np.int8]], Sequence[Floats]],
    rate: float,
) -> NDArray[np.int8]:
    """Makes integers of what a network computes, without the cells that do not pay.

    At low rates the error of a file falls about as 1 / rate; so a bit is worth the error divided by the rate.

    Args:
        way: to do so.
        numbers: float32 (channels, rows, cols).
        original: Y, Cb, Cr, each float32 (H, W), 0 to 255.
        restored: likewise.
        shown: makes of integers what the reader will show of them, likewise.
        rate: bits a pixel of the file.

    Returns:
        int8 (channels, rows, cols).
    """
    levels = _rounded(numbers, way.threshold)
    if way.worth == 0:
        return levels
    before, after = (_errors(original, planes) for planes in (restored, shown(levels)))
    weights = [share / max(float(part.sum()), 1.0) for share, part in zip(_SHARES, before, strict=True)]
    bit = way.worth * sum(_SHARES) / (rate * original[0].size)
    gained = sum(weight * (a - b) for weight, a, b in zip(weights, before, after, strict=True))
    return levels * (gained > bit * _bits(levels)).astype(np.int8)


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
