"""What a reader restores from files of our own, and its score: what files for such readers are weighed by."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..enhance.decoder import Decoder
from ..rate_control import Judge

__all__ = ["RestoredScore", "Restoring"]

_KEPT: Final = 2  # pictures


class Restoring:
    """Decodes files of our own as :func:`saliency_jpeg.decode` does, as they are stored; keeps the last two pictures.

    Args:
        device: where the network runs; ``None`` for TensorFlow's choice.
    """

    def __init__(self, device: str | None) -> None:
        self._decoder = Decoder(orientation="keep", max_pixels=None, device=device)
        self._kept: dict[bytes, NDArray[np.uint8]] = {}

    def __call__(self, jpeg: bytes) -> NDArray[np.uint8]:
        """Returns the picture of a file."""
        pixels = self._kept.pop(jpeg, None)
        if pixels is None:
            pixels = self._decoder.decode(jpeg)
        self._kept[jpeg] = pixels
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return pixels


class RestoredScore:
    """Points of SSIMULACRA2 of what readers restore from files of one picture; each is judged once.

    Args:
        judge: of pixels against the picture's.
        restored: decodes a file.
    """

    def __init__(self, judge: Judge, restored: Restoring) -> None:
        self._judge, self._restored = judge, restored
        self._known: dict[bytes, float] = {}

    def __call__(self, jpeg: bytes) -> float:
        """Returns the score of a file."""
        if jpeg not in self._known:
            self._known[jpeg] = self._judge.of_pixels(self._restored(jpeg))
        return self._known[jpeg]
