"""The search for a file size by a closing bracket, where size does not follow the scale by a power law.

A file that was quantized before hardly shrinks until the scale nears its own, and then falls ever faster. So
:mod:`.by_size`, which follows a slope and spares writing, runs out of passes there; this one writes a file in every
pass and keeps the answer between one that is too large and one that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..codec import parameters
from ..codec.jpeg import JpegEncoding
from ..codec.symbol_costs import SymbolCosts
from .by_size import too_large
from .protocol import Encoded

__all__ = ["BySizeBracket", "search_bracket"]

_COARSEST: Final = math.log(parameters.COARSEST_SCALE)


@dataclass(frozen=True)
class BySizeBracket:
    """Finds the file nearest to a budget that does not exceed it.

    Attributes:
        budget: bytes.
        start: the scale to begin with.
        finest: smallest scale that may be used; a file that fits there is the answer.
    """

    budget: int
    start: float
    finest: float

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.

        Raises:
            TargetError: even the coarsest file is larger; ``.best`` is that file.
        """
        passes = 0

        def encode(scale: float) -> bytes:
            nonlocal costs, passes
            quantized = encoding.quantize(scale, costs)
            passes += 1
            costs = quantized.costs
            return encoding.write(quantized)

        scale, jpeg = search_bracket(encode, self.budget, start=self.start, finest=self.finest)
        assert costs is not None  # a file was made
        return Encoded(jpeg, scale, encoding.lmbda, passes, costs)


def search_bracket(
    encode: Callable[[float], bytes], budget: int, *, start: float, finest: float
) -> tuple[float, bytes]:
    """Finds the largest file within a budget.

    Args:
        encode: makes a file at a scale; size falls with the scale, if not strictly.
        budget: bytes.
        start: the scale to begin with.
        finest: smallest scale that may be used.

    Returns:
        The scale and the file.

    Raises:
        TargetError: even the coarsest file is larger; ``.best`` is that file.
    """
    lower, upper = math.log(finest), math.inf  # too large, or as fine as may be; fits
    sizes = {}
    best, x, stride = (0.0, b""), max(math.log(start), lower), parameters.BRACKET_STRIDE
    for number in range(parameters.BRACKET_PASSES):
        jpeg = encode(math.exp(x))
        sizes[x] = len(jpeg)
        if len(jpeg) > budget:
            if x >= _COARSEST:
                raise too_large(jpeg, budget)
            lower = x
        else:
            upper, best = x, max(best, (x, jpeg), key=lambda found: len(found[1]))
            if len(best[1]) >= parameters.BRACKET_ENOUGH * budget or x <= lower:
                break
        if upper == math.inf:
            x, stride = min(x + stride, _COARSEST), 2 * stride
        elif lower not in sizes:
            x, stride = max(x - stride, lower), 2 * stride
        elif number % 3 == 0:  # a line through two points far apart may creep
            x = (lower + upper) / 2
        else:
            x = _between((lower, sizes[lower]), (upper, sizes[upper]), parameters.BRACKET_AIM * budget)
    return math.exp(best[0]), best[1]


def _between(lower: tuple[float, int], upper: tuple[float, int], size: float) -> float:
    """Where a line through two points in (log scale, log size) has this size; not too near to either."""
    (left, large), (right, small) = lower, upper
    share = math.log(large / size) / math.log(large / small) if large > small else 0.5
    inside = parameters.BRACKET_INSIDE
    return left + (right - left) * min(max(share, inside), 1 - inside)
