"""EXIF's orientation 1 to 8 (Exif 2.3, 4.6.4, tag 0x0112), applied to arrays."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["turned"]

_Scalar = TypeVar("_Scalar", bound=np.generic)


def turned(values: NDArray[_Scalar], orientation: int, *, back: bool = False) -> NDArray[_Scalar]:
    """Rotates and mirrors stored pixels upright, or upright ones back to how they are stored.

    Args:
        values: (H, W) or (H, W, n).
        orientation: EXIF orientation, 1 to 8.
        back: from upright to stored.

    Returns:
        A view.
    """
    if orientation in (5, 7):  # mirrored at a diagonal: their own inverses up to the axes swapped
        swapped = values.swapaxes(0, 1)
        return swapped if orientation == 5 else swapped[::-1, ::-1]
    turns = {3: 2, 4: 2, 6: -1, 8: 1}.get(orientation, 0)
    result = np.rot90(values, -turns if back else turns)
    return result[:, ::-1] if orientation in (2, 4) else result
