"""The score of the picture that a reader restores: what files for such readers are weighed by."""

from __future__ import annotations

from ..enhance.decoder import Decoder
from ..rate_control import Judge

__all__ = ["RestoredScore", "own_decoder"]


def own_decoder(device: str | None) -> Decoder:
    """Returns a decoder of files of our own, as large as they are and as they are stored.

    Args:
        device: where the network runs; ``None`` for TensorFlow's choice.
    """
    return Decoder(orientation="keep", max_pixels=None, device=device)


class RestoredScore:
    """Points of SSIMULACRA2 of what :func:`saliency_jpeg.decode` makes of files of one picture; each is decoded once.

    Args:
        judge: of pixels against the picture's.
        device: where the network runs; ``None`` for TensorFlow's choice.
    """

    def __init__(self, judge: Judge, device: str | None) -> None:
        self._judge, self._decoder = judge, own_decoder(device)
        self._known: dict[bytes, float] = {}

    def __call__(self, jpeg: bytes) -> float:
        """Returns the score of a file."""
        if jpeg not in self._known:
            self._known[jpeg] = self._judge.of_pixels(self._decoder.decode(jpeg))
        return self._known[jpeg]
