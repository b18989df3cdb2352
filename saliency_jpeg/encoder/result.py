"""What an encoder returns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import io
from ..saliency.lazy_map import SaliencyMap

__all__ = ["Compressed"]


@dataclass(frozen=True, eq=False, repr=False)
class Compressed:
    """A JPEG file and how it was made.

    Where a JPEG source was returned with its own levels (see ``Options.never_enlarge``), ``passed_through`` is true:
    ``passes`` and ``lmbda`` are 0, ``quality`` is estimated from its luma table, and there is a map only if one was
    needed to find that out.

    Attributes:
        jpeg: the file.
        width: of the picture in the file, in pixels.
        height: the same.
        quality: 0 to 100, what ``quality=`` would have asked for.
        lmbda: Lagrange multiplier in squared quantization steps a bit, before the block weights.
        passes: of the quantizer over the image.
        saliency_map: that was used, rotated as the pixels were, or ``None``.
        score: of the file against its source by ``target_metric``, where a ``target_score`` was asked for.
        warnings: what :class:`saliency_jpeg.LowRateWarning` said of it.
    """

    jpeg: bytes
    width: int
    height: int
    quality: float
    lmbda: float
    passes: int
    saliency_map: SaliencyMap | None
    score: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def saliency(self) -> NDArray[np.float32] | None:
        """The map that was used, float32 (H, W) in [0, 1], rotated as the pixels were, or ``None``.

        The encoder needs no map of all pixels; it is made when it is first asked for.
        """
        return None if self.saliency_map is None else self.saliency_map.pixels

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the whole file, metadata included, for each pixel."""
        return 8 * len(self.jpeg) / (self.width * self.height)

    @property
    def passed_through(self) -> bool:
        """Whether the levels are those of the source, a JPEG file: unchanged, with other metadata, or rewritten."""
        return self.passes == 0

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, whole or not at all; an existing file is replaced and hands on its permissions.

        Raises:
            OSError: it cannot be written; nothing is left behind.
        """
        io.write(str(Path(path).absolute()), self.jpeg)

    def __repr__(self) -> str:
        made = "passed through" if self.passed_through else f"{self.passes} passes"
        score = "" if self.score is None else f", score {self.score:.2f}"
        return (
            f"<Compressed {self.width}x{self.height}, {len(self.jpeg)} bytes, {self.bits_per_pixel:.2f} bpp,"
            f" quality {self.quality:.1f}{score}, {made}>"
        )

    def _repr_jpeg_(self) -> bytes:
        """The picture, as notebooks show it."""
        return self.jpeg
