"""How far a map can be trusted, read from the map alone.

A map that marks one thing agrees with viewers better than a map that marks a bit of everything: crowds, meadows,
market stalls. Fitted to the correlation of the default map with the gaze in the pictures of OSIE that the network
learned from; ``scripts/measure_confidence.py`` prints how well it predicts the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["confidence"]

_LONGEST: Final = 256  # samples along the longer side
_SCALE: Final = 255  # levels of a map
_CLEAR: Final = 204  # level from which a sample is clearly salient, 0.8
_ENOUGH: Final = 0.05  # share of clearly salient samples beyond which more say nothing
_CONCENTRATED, _CLEARLY = 0.7, 11.0  # fitted


def confidence(saliency: NDArray[np.floating]) -> float:
    """Predicts the correlation of a map with where people look.

    ``(1 - area) * (0.7 + 11 * clear)``: ``area`` is the share of the image over which the map is spread, ``mean(s) ** 2
    / mean(s ** 2)`` (1 for an even map, the marked share for a mask), ``clear`` the share above 0.8, at most 0.05. It
    hardly depends on the resolution of the map; the means of blocks do as well.

    Args:
        saliency: float (rows, cols) in [0, 1].

    Returns:
        0 (even or empty: says nothing) to 1, in steps of 0.01; the same on every processor.
    """
    step = -(-max(saliency.shape) // _LONGEST)
    rows, cols = (slice(min(step, length) // 2, None, step) for length in saliency.shape)
    levels = np.rint(saliency[rows, cols].astype(np.float64) * _SCALE).astype(np.int64)
    total, squares = int(levels.sum()), int((levels**2).sum())
    if total == 0:
        return 0.0
    area = total**2 / (squares * levels.size)
    clear = min(int((levels >= _CLEAR).sum()) / levels.size, _ENOUGH)
    return round(min((1 - area) * (_CONCENTRATED + _CLEARLY * clear), 1.0), 2)
