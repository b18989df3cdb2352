"""The decoder of JPEG as a differentiable function: levels to pixels, derivatives by pixels to those by coefficients.

Everything between dequantization and clipping is linear: the inverse DCT (T.81, A.3.3), the interpolation of averaged
chroma as libjpeg does it, and JFIF's conversion to RGB. So the adjoint takes derivatives back. Samples are not rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..codec import _core

__all__ = ["Decoder", "to_rgb"]

_Plane = NDArray[np.float32]
_Blocks = NDArray[np.float32]

_RED_BY_CR: Final = np.float32(1.402)
_GREEN_BY_CB: Final = np.float32(-0.344136)
_GREEN_BY_CR: Final = np.float32(-0.714136)
_BLUE_BY_CB: Final = np.float32(1.772)
_NEAR, _FAR = np.float32(0.75), np.float32(0.25)


class Decoder:
    """Decodes the files of one image size.

    Args:
        size: (height, width) of the image.
        sampling: luma samples (across, down) for each chroma sample.
    """

    def __init__(self, size: tuple[int, int], sampling: tuple[int, int]) -> None:
        self._size, self._sampling = size, sampling
        across, down = sampling
        self._chroma_size = (-(-size[0] // down), -(-size[1] // across))
        self._interpolates = max(sampling) == 2 and (across == 1 or self._chroma_size[1] > 2)

    def decode(self, levels: Sequence[NDArray[np.int16]], tables: NDArray[np.uint16]) -> _Plane:
        """Decodes levels.

        Args:
            levels: int16 (rows, cols, 64) of one component or three.
            tables: uint16 (components, 64) steps.

        Returns:
            float32 (height, width, 3), sample values of RGB that may leave 0 to 255.
        """
        luma, *others = (_core.inverse_dct(each, table) for each, table in zip(levels, tables, strict=True))
        height, width = self._size
        luma = luma[:height, :width]
        return to_rgb([luma, *map(self._upsample, others)])

    def pull_back(self, gradient: _Plane, components: int) -> list[_Blocks]:
        """Returns derivatives by coefficients.

        Args:
            gradient: float32 (height, width, 3), derivatives by the values that :meth:`decode` returns.
            components: 1 or 3.

        Returns:
            float32 (rows, cols, 64) for each component.
        """
        red, green, blue = (gradient[..., i] for i in range(3))
        luma = _to_blocks(red + green + blue)
        if components == 1:
            return [luma]
        by_cb = _GREEN_BY_CB * green + _BLUE_BY_CB * blue
        by_cr = _RED_BY_CR * red + _GREEN_BY_CR * green
        return [luma, *(_to_blocks(self._average(each)) for each in (by_cb, by_cr))]

    def _upsample(self, plane: _Plane) -> _Plane:
        height, width = self._chroma_size
        return _core.upsample(plane[:height, :width], *self._sampling, self._size)

    def _average(self, gradient: _Plane) -> _Plane:
        """The adjoint of :meth:`_upsample`."""
        for axis, factor in ((1, self._sampling[0]), (0, self._sampling[1])):
            missing = -gradient.shape[axis] % factor
            if missing:
                gradient = np.pad(gradient, [(0, missing if axis == i else 0) for i in range(2)])
            if factor == 2 and self._interpolates:
                gradient = _halve(gradient, axis)
            elif factor > 1:
                gradient = np.sum([_every(gradient, axis, i, factor) for i in range(factor)], axis=0)
        return np.asarray(gradient)


def to_rgb(planes: Sequence[_Plane]) -> _Plane:
    """Converts planes of one resolution by JFIF's matrix, without clipping.

    Args:
        planes: float32 (height, width) of Y, or of Y, Cb and Cr.

    Returns:
        float32 (height, width, 3).
    """
    luma, *chroma = planes
    if not chroma:
        return np.repeat(luma[..., None], 3, axis=2)
    cb, cr = (plane - np.float32(128) for plane in chroma)
    red = luma + _RED_BY_CR * cr
    green = luma + _GREEN_BY_CB * cb + _GREEN_BY_CR * cr
    return np.stack([red, green, luma + _BLUE_BY_CB * cb], axis=-1)


@cache
def _basis() -> NDArray[np.float32]:
    """(8, 8): the basis functions of the DCT, [frequency, sample], orthonormal."""
    place, frequency = np.arange(8), np.arange(8)[:, None]
    line = np.cos((2 * place + 1) * frequency * math.pi / 16) / 2
    line[0] /= math.sqrt(2)
    return np.asarray(line, np.float32)


def _to_blocks(plane: _Plane) -> _Blocks:
    """The adjoint of the inverse DCT: samples beyond the edge have no effect.

    Products of 8x8 matrices: of larger ones, the threads of NumPy's BLAS would go on spinning beside TensorFlow's.
    """
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % 8), (0, -width % 8)))
    rows, cols = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = padded.reshape(rows, 8, cols, 8).swapaxes(1, 2)
    return np.asarray((_basis() @ blocks @ _basis().T).reshape(rows, cols, 64))


def _every(plane: _Plane, axis: int, start: int, step: int = 2) -> _Plane:
    return plane[start::step] if axis == 0 else plane[:, start::step]


def _halve(gradient: _Plane, axis: int) -> _Plane:
    """The adjoint of interpolation: three parts of the nearest sample, one of the next."""
    even, odd = np.moveaxis(_every(gradient, axis, 0), axis, 0), np.moveaxis(_every(gradient, axis, 1), axis, 0)
    out = _NEAR * (even + odd)
    out[:-1] += _FAR * even[1:]
    out[0] += _FAR * even[0]
    out[1:] += _FAR * odd[:-1]
    out[-1] += _FAR * odd[-1]
    return np.moveaxis(out, 0, axis)
