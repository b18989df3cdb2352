"""What every rate control takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..codec.jpeg import JpegEncoding
from ..codec.symbol_costs import SymbolCosts

__all__ = ["AtScale", "Encoded", "RateControl"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A file and how it was made.

    Attributes:
        jpeg: the file.
        scale: of its quantization steps.
        lmbda: Lagrange multiplier in squared quantization steps a bit, before the weights.
        passes: of the quantizer that it took, those for other candidates included.
        costs: of symbols that were learned last; a start for other encodings of the same image.
        score: by the metric that was asked for, if any.
    """

    jpeg: bytes
    scale: float
    lmbda: float
    passes: int
    costs: SymbolCosts
    score: float | None = None


class RateControl(Protocol):
    """Chooses the scale, and returns the file that was made there."""

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.

        Raises:
            TargetError: no file meets the target; ``.best`` is the nearest one.
        """
        ...


@dataclass(frozen=True)
class AtScale:
    """Encodes at a given scale."""

    scale: float

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image, see :class:`RateControl`."""
        known = encoding.first_costs(self.scale) if costs is None else costs
        jpeg = encoding.write(encoding.quantize(self.scale, known))
        return Encoded(jpeg, self.scale, encoding.lmbda, 1, known)
