"""A sample of the blocks of an image, for decisions that do not need all of them.

Rows of blocks are a poor sample of a wide picture, which has few of them for a given number of blocks, and of one that
differs from top to bottom. So a sample is made of short runs of neighbouring MCUs, spread over the whole image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockSample"]

_RUN: Final = 8  # MCUs
_TURN: Final = 0.382  # of a row of runs, from one to the next; the golden section meets no pattern of the picture


@dataclass(frozen=True, eq=False)
class BlockSample:
    """Runs of neighbouring MCUs, one below the other like a narrow image of their own.

    Attributes:
        rows: of MCUs, int64 (runs,): where each run is.
        cols: column of MCUs where each run begins.
        length: MCUs of a run.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    length: int

    @classmethod
    def spread(cls, mcus: tuple[int, int], count: int) -> BlockSample | None:
        """Chooses evenly spread runs; ``None`` where the image has hardly more MCUs than are wanted.

        Args:
            mcus: (rows, cols) of complete MCUs.
            count: about how many MCUs to take.
        """
        length = min(_RUN, mcus[1])
        across = mcus[1] // length if length else 0
        runs = mcus[0] * across
        taken = max(1, round(count / max(length, 1)))
        if 3 * runs < 4 * taken:
            return None
        chosen = (2 * np.arange(taken) + 1) * runs // (2 * taken)
        rows, places = np.divmod(chosen, across)
        return cls(rows, (places + rows * round(_TURN * across)) % across * length, length)

    def take(self, array: NDArray[Any], across: int = 1, down: int = 1) -> NDArray[Any]:
        """Returns the part of an array that belongs to the sample, C-contiguous.

        Args:
            array: (rows, cols, ...), of blocks or of pixels.
            across: columns of the array in an MCU.
            down: rows of the array in an MCU.
        """
        width = self.length * across
        places = zip((self.rows * down).tolist(), (self.cols * across).tolist(), strict=True)
        return np.concatenate([array[row : row + down, col : col + width] for row, col in places])
