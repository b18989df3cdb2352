"""Component planes: decoded from levels, and made into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..codec import _core
from ..errors import InputError

__all__ = ["Factors", "LevelsImage", "OutputForm", "Plane", "decode_planes", "sampling_factors"]

Plane = NDArray[np.float32]
Factors = tuple[int, int]


class LevelsImage(Protocol):
    """What decoding needs of a file: the properties of :class:`_core.JpegImage` by the same names."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""

    @property
    def levels(self) -> Sequence[NDArray[np.int16]]:
        """(rows, cols, 64) of each component."""

    @property
    def tables(self) -> NDArray[np.uint16]:
        """(n, 64) quantization tables, natural order."""

    @property
    def component_tables(self) -> Sequence[int]:
        """Row of ``tables`` for each component."""

    @property
    def sampling(self) -> Sequence[Factors]:
        """(h, v) of each component."""


def sampling_factors(image: LevelsImage) -> list[Factors]:
    """Returns the pixels (across, down) for which a sample of each component stands.

    Raises:
        InputError: a ratio is not an integer, which no decoder based on libjpeg reads either.
    """
    most_h, most_v = (max(factors) for factors in zip(*image.sampling, strict=True))
    if any(most_h % h or most_v % v for h, v in image.sampling):
        raise InputError(f"sampling factors whose ratios are no integers are not supported, got {image.sampling}")
    return [(most_h // h, most_v // v) for h, v in image.sampling]


def decode_planes(image: LevelsImage) -> list[Plane]:
    """Decodes the components of a file by the inverse DCT in float.

    Returns:
        float32 (height, width) of each component, 0 to 255, at its own resolution.

    Raises:
        InputError: as :func:`sampling_factors`.
    """
    height, width = image.size
    return [
        _core.inverse_dct(levels, image.tables[table], clip=True)[: -(-height // v), : -(-width // h)]
        for levels, table, (h, v) in zip(image.levels, image.component_tables, sampling_factors(image), strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class OutputForm:
    """What pixels are made of component planes.

    Attributes:
        is_ycc: the components are YCbCr (JFIF), else gray or RGB.
        luma: take the first of them alone.
        dtype: uint8, uint16 or float32, as for :class:`.options.DecodeOptions`.
    """

    is_ycc: bool
    luma: bool
    dtype: DTypeLike

    def empty(self, size: tuple[int, ...], components: int) -> NDArray[Any]:
        """Returns an array for a picture, (H, W) or (H, W, 3).

        Args:
            size: (height, width).
            components: of the file, 1 or 3.
        """
        is_single = components == 1 or self.luma
        return np.empty(size if is_single else (*size, 3), self.dtype)

    def pixels(self, planes: Sequence[Plane], factors: Sequence[Factors], size: tuple[int, ...]) -> NDArray[Any]:
        """Makes pixels, upsampled as libjpeg-turbo does ("fancy upsampling").

        Args:
            planes: float32 of one component or three, 0 to 255.
            factors: pixels (across, down) for a sample of each.
            size: (height, width) of the picture.

        Returns:
            (H, W) or (H, W, 3) RGB.
        """
        count = 1 if self.luma else len(planes)
        out = self.empty(size, len(planes))
        _core.to_pixels(planes[:count], factors[:count], self.is_ycc and count == 3, out)
        return out
