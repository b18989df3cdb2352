"""A decoder for the closed loop that restores: what the file lacks is judged by the picture that ``decode()`` makes.

A correction moves a coefficient by a part of a step and hardly changes with the levels, while a level moves it by whole
steps. So derivatives are taken back as if corrections were constant, by the adjoint of plain decoding. That saves the
way back through the network. For files of half of the resolution the picture is the enlarged one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..perceptual.decoding import Decoder, to_rgb
from .enlarging import resized
from .planes import Factors
from .restoration import Restorer

__all__ = ["EnlargingDecoder", "RestoringDecoder"]


@dataclass(frozen=True, eq=False)
class _Quantized:
    """Levels that are in no file yet, as :class:`.planes.LevelsImage`."""

    size: tuple[int, int]
    levels: Sequence[NDArray[np.int16]]
    tables: NDArray[np.uint16]
    component_tables: Sequence[int]
    sampling: Sequence[Factors]


class RestoringDecoder(Decoder):
    """Decodes and restores the files of one image size.

    Args:
        size: (height, width) of the image.
        sampling: luma samples (across, down) for each chroma sample: 1 or 2.
        restorer: restores them.
    """

    def __init__(self, size: tuple[int, int], sampling: tuple[int, int], restorer: Restorer) -> None:
        super().__init__(size, sampling)
        self._restorer = restorer

    def decode(self, levels: Sequence[NDArray[np.int16]], tables: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Decodes and restores levels; arguments and result are those of :meth:`.decoding.Decoder.decode`."""
        sampling = [self._sampling, (1, 1), (1, 1)] if len(levels) == 3 else [(1, 1)]
        image = _Quantized(self._size, levels, tables, range(len(levels)), sampling)
        return to_rgb(self._shown(self._restorer.restore(image)))

    def _shown(self, planes: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        """What a reader makes of restored planes."""
        return planes


class EnlargingDecoder(RestoringDecoder):
    """Decodes, restores and enlarges files that have half of a picture on each side.

    Args:
        size: (height, width) of the file.
        sampling: as for :class:`RestoringDecoder`.
        restorer: restores them.
        whole: (height, width) of the picture.
    """

    def __init__(
        self, size: tuple[int, int], sampling: tuple[int, int], restorer: Restorer, whole: tuple[int, int]
    ) -> None:
        super().__init__(size, sampling, restorer)
        self._whole = whole

    def _shown(self, planes: Sequence[NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
        return [resized(plane, self._whole) for plane in planes]

    def pull_back(self, gradient: NDArray[np.float32], components: int) -> list[NDArray[np.float32]]:
        """Returns derivatives by coefficients; arguments are those of :meth:`.decoding.Decoder.pull_back`.

        The adjoint of Lanczos' filter to twice the size is that to half of it, times the pixels for each sample.
        """
        share = np.float32(gradient[..., 0].size / (self._size[0] * self._size[1]))
        smaller = [share * resized(gradient[..., i], self._size) for i in range(gradient.shape[2])]
        return super().pull_back(np.stack(smaller, -1), components)
