"""High effort: the image is encoded in several ways of about the same size, and a metric picks the best.

The ways differ by how the steps of the tables are rounded to integers, and by how much is left to the tables and how
much to the trellis. None is better than the others on the mean of many pictures; each is on some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..codec import parameters
from ..codec.effort import Variant
from ..codec.jpeg import JpegEncoding
from ..codec.symbol_costs import SymbolCosts
from ..errors import TargetError
from .protocol import Encoded, RateControl

__all__ = ["BestOf", "NearSize"]


@dataclass(frozen=True, eq=False)
class BestOf:
    """Encodes an image and variants of it, and returns the best file.

    Attributes:
        control: for the plain encoding, and for variants that meet the same target. One that cannot is passed over.
        variants: the other ways.
        judge: SSIMULACRA2 of a file.
        is_free: no target limits the size: variants aim at the size of the plain file, and fewer bytes count too.
    """

    control: RateControl
    variants: Sequence[Variant]
    judge: Callable[[bytes], float]
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
        size, fixed = len(plain.jpeg), encoding.header.level_bytes
        other = NearSize(plain.scale, size, fixed) if self.is_free else self.control
        best, highest, passes = plain, self._merit(plain, size, fixed), plain.passes
        for variant in self.variants:
            try:
                candidate = other(encoding.varied(variant), plain.costs)
            except TargetError:
                continue
            passes += candidate.passes
            merit = self._merit(candidate, size, fixed)
            if merit > highest:
                best, highest = candidate, merit
        return replace(best, passes=passes)

    def _merit(self, candidate: Encoded, size: int, fixed: int) -> float:
        saved = math.log((size - fixed) / (len(candidate.jpeg) - fixed)) if self.is_free else 0.0
        return self.judge(candidate.jpeg) + parameters.VARIANT_WORTH * min(saved, parameters.VARIANT_MOST_SAVED)


@dataclass(frozen=True)
class NearSize:
    """Finds a file of about a size, above or below it.

    Attributes:
        scale: where it may be.
        size: bytes.
        fixed: bytes in it that are the same in all files and do not count, so that they do not change the choice.
    """

    scale: float
    size: int
    fixed: int = 0

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image in at most ``VARIANT_PASSES`` passes.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.
        """
        scale, found = self.scale, list[Encoded]()
        costs = encoding.first_costs(scale) if costs is None else costs
        for passes in range(1, parameters.VARIANT_PASSES + 1):
            quantized = encoding.quantize(scale, costs)
            found.append(Encoded(encoding.write(quantized), scale, encoding.lmbda, passes, costs))
            error = self._error(found[-1])
            if abs(error) < parameters.VARIANT_CLOSE:
                break
            costs = quantized.costs
            scale *= math.exp(-error / parameters.VARIANT_SLOPE)
        return replace(min(found, key=lambda each: abs(self._error(each))), passes=len(found))

    def _error(self, encoded: Encoded) -> float:
        return math.log((len(encoded.jpeg) - self.fixed) / (self.size - self.fixed))
