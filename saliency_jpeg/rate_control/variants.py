"""High effort: the picture is encoded in several ways of about the same size, and a metric picks the best.

The ways differ by how the steps of the tables are rounded to integers, and by how much is left to the tables and how
much to the trellis. None is better than the others on the mean of many pictures; each is on some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from ..codec.effort import Variant
from ..codec.quantizer import Quantizer
from ..errors import TargetError
from .by_size import Coded, Write

__all__ = ["best_of", "encode_like"]

_CLOSE: Final = 0.004  # of the size that is wanted
_TRIES: Final = 3
_SLOPE: Final = -0.85  # d log(size) / d log(scale) of photographs
_MOST_SAVED: Final = 0.02  # in the logarithm of the size, that counts; more is a search gone astray
_WORTH: Final = 25.0  # SSIMULACRA2 that the logarithm of the size is worth, on photographs at about a bit a pixel


def best_of(
    first: Coded,
    quantizer: Quantizer,
    variants: Sequence[Variant],
    encode: Callable[[Quantizer], Coded],
    judge: Callable[[bytes], float],
    *,
    counts_bytes: bool,
) -> Coded:
    """The best of a file and of those that variants of its quantizer make.

    Args:
        first: what the quantizer made as it is.
        quantizer: the image; its ``passes`` grow by those of the variants.
        variants: what to try.
        encode: makes a file of about the size of ``first``; a variant that meets no target is passed over.
        judge: SSIMULACRA2 of a file.
        counts_bytes: whether few bytes are worth something too; not where all files fill the same target.
    """

    def merit(coded: Coded) -> float:
        saved = math.log(len(first.jpeg) / len(coded.jpeg)) if counts_bytes else 0.0
        return judge(coded.jpeg) + _WORTH * min(saved, _MOST_SAVED)

    best, highest = first, merit(first)
    for variant in variants:
        other = quantizer.varied(variant)
        try:
            coded = encode(other)
        except TargetError:
            continue
        finally:
            quantizer.passes += other.passes
        value = merit(coded)
        if value > highest:
            best, highest = coded, value
    return best


def encode_like(quantizer: Quantizer, write: Write, scale: float, size: int) -> Coded:
    """Encodes to about ``size`` bytes; ``scale`` is where that may be."""
    found: list[Coded] = []
    for _ in range(_TRIES):
        levels = quantizer.at(scale)
        found.append(Coded(write(levels), scale))
        error = math.log(len(found[-1].jpeg) / size)
        if abs(error) < _CLOSE:
            break
        quantizer.learn(levels)
        scale *= math.exp(-error / _SLOPE)
    return min(found, key=lambda coded: abs(math.log(len(coded.jpeg) / size)))
