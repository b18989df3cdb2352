"""The highest effort: an encoding is improved at the scale that was found, and encoded again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..codec.jpeg import JpegEncoding
from ..codec.quantizer import Quantizer
from ..codec.symbol_costs import SymbolCosts
from ..errors import TargetError
from .protocol import Encoded, RateControl
from .variants import NearSize

__all__ = ["Refined", "Reused"]


@dataclass(frozen=True, eq=False)
class Refined:
    """Encodes an image and an improved encoding of it, and returns the better file.

    Attributes:
        control: for both encodings.
        refine: improves an encoding at a scale, with the costs of symbols there.
        distance: of a file from the original, in the logarithm of the bytes that would make up for it.
        is_free: no target limits the size: the improved file is about as large as the plain one.
    """

    control: RateControl
    refine: Callable[[JpegEncoding, float, SymbolCosts], JpegEncoding]
    distance: Callable[[bytes], float]
    is_free: bool = False

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.

        Raises:
            TargetError: the plain encoding meets no target.
        """
        plain = self.control(encoding, costs)
        improved = self.refine(encoding, plain.scale, plain.costs)
        control = self.control
        if self.is_free:
            control = NearSize(plain.scale, len(plain.jpeg), encoding.header.level_bytes)
        try:
            candidate = control(improved, plain.costs)
        except TargetError:
            return plain
        best = candidate if self._merit(candidate) > self._merit(plain) else plain
        return replace(best, passes=plain.passes + candidate.passes)

    def _merit(self, encoded: Encoded) -> float:
        return -self.distance(encoded.jpeg) - math.log(len(encoded.jpeg))


@dataclass(frozen=True, eq=False)
class Reused:
    """Encodes an image as an earlier file of it was improved; as it is where that cannot be made small enough.

    Attributes:
        control: for the encoding.
        quantizer: of the improved encoding.
    """

    control: RateControl
    quantizer: Quantizer

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image; arguments and errors are those of :class:`Refined`."""
        try:
            return self.control(replace(encoding, quantizer=self.quantizer), costs)
        except TargetError:
            return self.control(encoding, costs)
