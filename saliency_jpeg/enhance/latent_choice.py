"""Ways to make integers of a latent: all, or those alone that mend more than the file would with as many bits more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .latent_network import MOST, STRIDE

__all__ = ["WAYS", "Way", "gains", "rounded", "thinned"]

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


def rounded(numbers: Floats, threshold: float) -> NDArray[np.int8]:
    """Makes integers of what a network computes, float32 (channels, rows, cols)."""
    sizes = np.minimum(np.floor(np.abs(numbers) + np.float32(1 - threshold)), MOST)
    return np.asarray(np.copysign(sizes, numbers), np.int8)


def gains(original: Sequence[Floats], restored: Sequence[Floats], shown: Sequence[Floats]) -> NDArray[np.float64]:
    """Computes what a latent mends in each of its cells: of the squared error of restoration, relative to that.

    Args:
        original: Y, Cb, Cr, each float32 (H, W), 0 to 255.
        restored: likewise.
        shown: likewise, with the latent's help.

    Returns:
        float64 (rows, cols).
    """
    gained: NDArray[np.float64] = np.zeros(1)
    for share, target, before, after in zip(_SHARES, original, restored, shown, strict=True):
        errors = [_by_cell(np.square(target - plane)) for plane in (before, after)]
        gained = gained + share / max(float(errors[0].sum()), 1.0) * (errors[0] - errors[1])
    return gained


def thinned(levels: NDArray[np.int8], gained: NDArray[np.float64], worth: float, bits: float) -> NDArray[np.int8]:
    """Drops the integers of the cells that mend less than the file would with as many bits more.

    At low rates the error of a file falls about as 1 / rate; so a bit is worth the error divided by the bits.

    Args:
        levels: integers, int8 (channels, rows, cols).
        gained: as by :func:`gains`.
        worth: of a bit, as :attr:`Way.worth`.
        bits: of the file.
    """
    return levels * (gained > worth * sum(_SHARES) / bits * _bits(levels)).astype(np.int8)


def _bits(levels: NDArray[np.int8]) -> NDArray[np.float64]:
    """About what the integers of each cell take beyond zeros, by their counts in the channel, (rows, cols)."""
    bits = np.zeros(levels.shape[1:])
    for channel in levels:
        counts = np.bincount(channel.ravel() + MOST, minlength=2 * MOST + 1) + 0.5
        bits += np.log2(counts[MOST] / counts)[channel + MOST]
    return bits


def _by_cell(plane: Floats) -> NDArray[np.float64]:
    height, width = (-(-side // (2 * STRIDE)) * 2 * STRIDE for side in plane.shape)
    whole = np.zeros((height, width))
    whole[: plane.shape[0], : plane.shape[1]] = plane
    sums: NDArray[np.float64] = whole.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE).sum((1, 3))
    return sums
