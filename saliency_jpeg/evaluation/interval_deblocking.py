"""Decoding inside the quantization intervals, after knusperli: jumps at block borders become smaller.

A level stands for an interval of coefficients, half a step to each side. knusperli (google/knusperli, Apache-2.0) does
not take its middle but shifts the low frequencies on both sides of a border towards each other, by at most that half
step. This is a new implementation for measuring, in floating point and over whole planes at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..codec import _core
from ..metadata.limits import DEFAULT_MAX_PIXELS

__all__ = ["narrow_jumps", "smooth_jpeg"]

#: DCT of a ramp that rises towards a border, as far as it is used; knusperli drops the four high frequencies.
_RAMP: Final = np.array([318, -285, 81, -32, 0, 0, 0, 0]) / 1024
_EDGE: Final = np.sqrt([1.0, 2, 2, 2, 2, 2, 2, 2])  # of a coefficient at the border of its block
_SIGN: Final = np.array([1.0, -1, 1, -1, 1, -1, 1, -1])  # of a basis function at the far border against the near one
_ROWS: Final = 4  # frequencies along the border that are corrected
_BUSY: Final = 400.0  # weighted energy above which a border is corrected less
_DAMPED: Final = 0.5 ** np.arange(1, 9)  # by how much, for each frequency across it
_SHARE: Final = np.sqrt(0.5) / 2  # each block moves by half, and two directions share a block

_Coefficients = NDArray[np.float64]


def narrow_jumps(levels: NDArray[np.int16], table: NDArray[np.uint16]) -> _Coefficients:
    """Chooses coefficients inside the quantization intervals that make the jumps at block borders smaller.

    Args:
        levels: int16 (rows, cols, 64), natural order.
        table: uint16 (64,) steps, natural order.

    Returns:
        float64 (rows, cols, 64): dequantized coefficients, at most half a step from ``levels * table``.
    """
    steps = table.astype(np.float64)
    middle = (levels * steps).reshape(*levels.shape[:2], 8, 8)
    shift = np.zeros_like(middle)
    _add_shifts(middle, shift)
    _add_shifts(middle.transpose(1, 0, 3, 2), shift.transpose(1, 0, 3, 2))
    half = (steps / 2).reshape(8, 8)
    moved: _Coefficients = middle + np.clip(_SHARE * shift, -half, half)
    return moved.reshape(levels.shape)


def _add_shifts(middle: _Coefficients, shift: _Coefficients) -> None:
    """Adds what closes jumps between horizontal neighbours; blocks are (rows, cols, 8 along the border, 8 across)."""
    left, right = middle[:, :-1, :_ROWS], middle[:, 1:, :_ROWS]
    jump = ((right - _SIGN * left) * _EDGE).sum(-1, keepdims=True)
    busy = ((left**2 + right**2) * np.arange(8) ** 2).sum(-1, keepdims=True) > _BUSY
    ramp = jump * np.where(busy, _DAMPED, 1.0) * _RAMP
    shift[:, :-1, :_ROWS] += ramp
    shift[:, 1:, :_ROWS] -= _SIGN * ramp


def smooth_jpeg(jpeg: bytes) -> bytes:
    """Writes the coefficients of :func:`narrow_jumps` into a JPEG file with steps of 1, for any decoder.

    Args:
        jpeg: the file.

    Returns:
        A file that shows the smoothed picture. Rounding to steps of 1 changes a sample by about a third of a level.

    Raises:
        InputError: it is damaged or of a kind of JPEG that is not read.
    """
    image = _core.read_jpeg(jpeg, DEFAULT_MAX_PIXELS)
    planes = [
        _core.quantize_plain(narrow_jumps(levels, image.tables[index]).astype(np.float32), np.ones(64, np.uint16))
        for levels, index in zip(image.levels, image.component_tables, strict=True)
    ]
    return _core.write_jpeg(
        planes,
        np.ones((1, 64), np.uint16),
        image.size,
        image.sampling,
        progressive=False,
        segments=image.segments,
        component_ids=image.component_ids,
    )
