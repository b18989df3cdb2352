"""A Gaussian blur of small grids."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["blur"]


def blur(grid: ArrayLike, deviation: float) -> NDArray[np.float64]:
    """Blurs a grid; beyond its edges the outermost values repeat.

    Args:
        grid: real (rows, cols).
        deviation: standard deviation of the Gaussian, in cells, above 0.

    Returns:
        float64 (rows, cols).
    """
    reach = max(1, round(4 * deviation))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    kernel /= kernel.sum()
    values = np.asarray(grid, np.float64)
    for _ in range(2):
        padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
        rows = len(values)
        values = sum(weight * padded[i : i + rows] for i, weight in enumerate(kernel)).T
    return values
