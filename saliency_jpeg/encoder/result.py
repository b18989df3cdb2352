"""What an encoder gives back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..image.load import Picture
from ..metadata.jpeg_header import read_frame

__all__ = ["Compressed", "passed_through"]


class Compressed(NamedTuple):
    """A JPEG file and how it came to be.

    Attributes:
        jpeg: the file.
        bits_per_pixel: of the whole file.
        quality: 0 to 100, what ``quality=`` would have asked for.
        lmbda: Lagrange multiplier in squared quantization steps a bit, before the weights.
        passes: of the quantizer over the image.
        saliency: float32 (H, W) in [0, 1] that was used, turned as the pixels were, or ``None``.
        score: SSIMULACRA2 of the file against its source, where a ``target_score`` was asked for.

    Where a JPEG source came back with its own scans (see ``Options.never_enlarge``), ``passed_through`` is true:
    ``passes`` and ``lmbda`` are 0, ``quality`` is estimated from its luma table, and there is a map only if one was
    needed to find that out.
    """

    jpeg: bytes
    bits_per_pixel: float
    quality: float
    lmbda: float
    passes: int
    saliency: NDArray[np.float32] | None
    score: float | None = None

    @property
    def passed_through(self) -> bool:
        """Whether the scans are those of the source, which was a JPEG file."""
        return self.passes == 0


def passed_through(jpeg: bytes, picture: Picture, saliency: NDArray[np.float32] | None) -> Compressed:
    """A result that holds the source's own scans."""
    frame = read_frame(jpeg)
    height, width = picture.pixels.shape[:2]
    quality = 0.0 if frame is None else frame.quality
    return Compressed(jpeg, 8 * len(jpeg) / (height * width), quality, 0.0, 0, saliency)
