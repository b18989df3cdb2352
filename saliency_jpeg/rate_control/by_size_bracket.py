"""The search for a file size where size follows the scale in no power law: a bracket that closes.

A file that was quantized before hardly shrinks until the scale nears its own, and then falls ever faster. So
:mod:`.by_size`, which follows a slope and spares writing, runs out of passes there; this one writes a file in every
pass and keeps the answer between one that is too large and one that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ..errors import TargetError

__all__ = ["fill"]

_PASSES: Final = 14
_COARSEST: Final = math.log(1e5)  # log(scale) at which nothing but the coarsest DC is left
_ENOUGH: Final = 0.988  # of the budget
_AIM: Final = 0.995
_STRIDE: Final = 0.4  # first step in log(scale) out of an open bracket; each is twice the one before
_INSIDE: Final = 0.1  # of the bracket that an interpolation keeps away from its ends


def fill(encode: Callable[[float], bytes], budget: int, *, start: float, finest: float) -> bytes:
    """The file nearest to ``budget`` bytes that does not exceed it.

    Args:
        encode: makes a file at a scale; size falls with the scale, if not strictly.
        budget: bytes.
        start: the scale to begin with.
        finest: smallest scale that may be used; a file that fits there is the answer.

    Raises:
        TargetError: even the coarsest file is larger; ``.best`` is that file.
    """
    lower, upper = math.log(finest), math.inf  # too large, or as fine as may be; fits
    sizes = {}
    best, x, stride = b"", max(math.log(start), lower), _STRIDE
    for number in range(_PASSES):
        jpeg = encode(math.exp(x))
        sizes[x] = len(jpeg)
        if len(jpeg) > budget:
            if x >= _COARSEST:
                message = f"the smallest encoding takes {len(jpeg)} bytes, more than the target of {budget}"
                raise TargetError(message, jpeg)
            lower = x
        else:
            upper, best = x, max(best, jpeg, key=len)
            if len(best) >= _ENOUGH * budget or x <= lower:
                break
        if upper == math.inf:
            x, stride = min(x + stride, _COARSEST), 2 * stride
        elif lower not in sizes:
            x, stride = max(x - stride, lower), 2 * stride
        elif number % 3 == 0:  # a line through two points far apart may creep
            x = (lower + upper) / 2
        else:
            x = _between((lower, sizes[lower]), (upper, sizes[upper]), _AIM * budget)
    return best


def _between(lower: tuple[float, int], upper: tuple[float, int], size: float) -> float:
    """Where a line through two points in (log scale, log size) has this size; not too near to either."""
    (left, large), (right, small) = lower, upper
    share = math.log(large / size) / math.log(large / small) if large > small else 0.5
    return left + (right - left) * min(max(share, _INSIDE), 1 - _INSIDE)
