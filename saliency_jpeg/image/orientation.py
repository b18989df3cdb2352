"""EXIF's orientation 1 to 8 (Exif 2.3, 4.6.4, tag 0x0112), applied to arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stored", "rotate"]

_Scalar = TypeVar("_Scalar", bound=np.generic)


def rotate(values: NDArray[_Scalar], orientation: int, *, back: bool = False) -> NDArray[_Scalar]:
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


@dataclass(frozen=True, eq=False)
class Stored:
    """Pixels as they are stored, and the way between them and the upright image.

    Attributes:
        pixels: uint8 (H, W) or (H, W, 3).
        orientation: EXIF orientation, 1 to 8.
        given_size: (height, width) to which maps and boxes of the caller refer, where that is another one.
    """

    pixels: NDArray[np.uint8]
    orientation: int
    given_size: tuple[int, int] | None = None

    @cached_property
    def upright(self) -> NDArray[np.uint8]:
        """The upright image, C-contiguous."""
        return np.ascontiguousarray(rotate(self.pixels, self.orientation))

    def from_upright(self, values: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Returns values (H, W) of the upright image where its pixels are stored, C-contiguous."""
        return np.ascontiguousarray(rotate(values, self.orientation, back=True))
