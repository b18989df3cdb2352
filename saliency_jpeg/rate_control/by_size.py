"""The search for a file size: which scale of the quantization tables fills a number of bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ..codec.jpeg import JpegEncoding
from ..codec.parameters import COARSEST_SCALE, SIZE_SEARCH
from ..codec.quantizer import Quantized
from ..codec.symbol_costs import SymbolCosts
from ..errors import TargetError
from .protocol import Encoded

__all__ = ["BySize", "likely_scale", "too_large", "typical_scale"]

_COARSEST: Final = math.log(COARSEST_SCALE)


def typical_scale(bits_per_pixel: float) -> float:
    """Returns the scale at which photographs take about so many bits a pixel."""
    rate = min(max(bits_per_pixel, 0.01), 24.0)
    return float(SIZE_SEARCH.typical_scale * rate**SIZE_SEARCH.typical_slope)


def likely_scale(target: int, metadata: int, size: tuple[int, int], finest: float = 0.0) -> float:
    """Returns about the scale of a file of a given size.

    Args:
        target: bytes of the file.
        metadata: bytes of metadata in it.
        size: (height, width) of the image.
        finest: smallest scale that may be used.
    """
    return max(typical_scale(8 * max(target - metadata, 0) / (size[0] * size[1])), finest)


def too_large(jpeg: bytes, budget: int) -> TargetError:
    """Returns the error for a target that no encoding meets.

    Args:
        jpeg: the smallest encoding.
        budget: bytes of the target.
    """
    return TargetError(f"the smallest encoding takes {len(jpeg)} bytes, more than the target of {budget}", jpeg)


@dataclass(frozen=True)
class BySize:
    """Finds the file that fills a budget best without exceeding it.

    Attributes:
        budget: bytes.
        finest: smallest scale that may be used.
        overhead: bytes that do not depend on the levels, metadata above all; a guess will do.
    """

    budget: int
    finest: float
    overhead: int

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image in at most ``SIZE_SEARCH.passes`` passes.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.

        Raises:
            TargetError: even the coarsest tables take more bytes; ``.best`` is that file.
        """
        search = _SizeSearch(encoding, costs, self)
        while not search.step():
            pass
        return search.result()


class _SizeModel:
    """Bytes of a file from the bits that the quantizer estimates: ``overhead + ratio * estimate``."""

    def __init__(self, overhead: int) -> None:
        self._overhead = float(overhead)
        self._ratio = SIZE_SEARCH.ratio
        self._seen: tuple[float, int] | None = None

    @property
    def known(self) -> bool:
        """Whether a file has been written yet."""
        return self._seen is not None

    def size(self, estimate: float) -> float:
        """Bytes of a file whose coded levels were estimated at ``estimate`` bytes."""
        return self._overhead + self._ratio * estimate

    def learn(self, estimate: float, size: int) -> None:
        """Takes note of a file that was written."""
        if self._seen is not None and abs(math.log(estimate / self._seen[0])) > SIZE_SEARCH.apart:
            slope = (size - self._seen[1]) / (estimate - self._seen[0])
            self._overhead = max(size - _clip(slope, SIZE_SEARCH.ratios) * estimate, 0.0)
        if size <= self._overhead:
            self._overhead = 0.0
        self._ratio = (size - self._overhead) / estimate
        self._seen = (estimate, size)


class _SizeSearch:
    """A secant search in (log scale, log size) on estimated sizes, corrected by the sizes really written."""

    def __init__(self, encoding: JpegEncoding, costs: SymbolCosts | None, goal: BySize) -> None:
        self._encoding, self._costs, self._budget = encoding, costs, goal.budget
        self._passes = 0
        self._finest = math.log(goal.finest)
        self._x = max(math.log(typical_scale(8 * goal.budget / encoding.pixels)), self._finest)
        self._slope = SIZE_SEARCH.slope
        self._last: tuple[float, float] | None = None
        self._model = _SizeModel(goal.overhead)
        self._free = max(
            goal.budget - goal.overhead, SIZE_SEARCH.least_free * goal.budget
        )  # bytes that the levels may fill
        self._aim = goal.budget - (1 - SIZE_SEARCH.aim) * self._free
        self._last_written = b""
        self._over: tuple[float, int] | None = None  # log(scale) and size of the smallest file that was too large
        self._best: tuple[float, bytes] | None = None  # log(scale) and the largest file within the budget

    def result(self) -> Encoded:
        """The file that was found; the search has ended."""
        assert self._best is not None  # the search ends with a file or an error
        assert self._costs is not None
        x, jpeg = self._best
        return Encoded(jpeg, math.exp(x), self._encoding.lmbda, self._passes, self._costs)

    def step(self) -> bool:
        """Quantizes once and moves on; returns whether the search is over."""
        quantized = self._encoding.quantize(math.exp(self._x), self._costs)
        self._passes += 1
        self._costs = quantized.costs
        estimate = max(self._costs.total_bits / 8, 1.0)
        error = self._error(estimate)
        if self._is_worth_writing(estimate, error):
            if self._keep(quantized, estimate):
                return True
            error = self._error(estimate)
        if self._at_finest(error) or (self._passes >= SIZE_SEARCH.passes and self._best is not None):
            return True
        if self._x >= _COARSEST and len(self._last_written) > self._budget:
            raise too_large(self._last_written, self._budget)
        self._move(math.log(estimate), error)
        return False

    def _error(self, estimate: float) -> float:
        """How far the size is from the aim, in the logarithm; above zero: too large."""
        return math.log(self._model.size(estimate) / self._aim)

    def _at_finest(self, error: float) -> bool:
        return self._x <= self._finest and error <= 0

    def _is_worth_writing(self, estimate: float, error: float) -> bool:
        near = (SIZE_SEARCH.close if self._model.known else SIZE_SEARCH.near) * self._free
        is_near = abs(self._model.size(estimate) - self._aim) < near
        is_late = self._passes > SIZE_SEARCH.passes - 4
        return is_near or is_late or self._at_finest(error) or self._x >= _COARSEST

    def _keep(self, quantized: Quantized, estimate: float) -> bool:
        """Writes a file; returns whether it is full enough to end the search."""
        jpeg = self._encoding.write(quantized)
        size = len(jpeg)
        self._model.learn(estimate, size)
        self._last_written = jpeg
        if self._budget < size < self._budget + 2 * SIZE_SEARCH.close * self._free:
            self._aim -= SIZE_SEARCH.caution * self._free
        if size <= self._budget and (self._best is None or size > len(self._best[1])):
            self._best = (self._x, jpeg)
        if size > self._budget and (self._over is None or size < self._over[1]):
            self._over = (self._x, size)
        return self._budget - (1 - SIZE_SEARCH.enough) * self._free <= size <= self._budget

    def _move(self, log_estimate: float, error: float) -> None:
        if self._last is not None and abs(self._x - self._last[0]) > SIZE_SEARCH.far_enough:
            slope = (log_estimate - self._last[1]) / (self._x - self._last[0])
            self._slope = _clip(slope, SIZE_SEARCH.slopes)
        self._last = (self._x, log_estimate)
        longest = SIZE_SEARCH.longest
        step = min(max(-self._fall(log_estimate, error) / self._slope, -longest), longest)
        if self._best is None and self._passes >= SIZE_SEARCH.passes - 2:
            step = max(step, SIZE_SEARCH.haste)  # a file that is not full rather than none
        self._x = min(max(self._x + step, self._finest), _COARSEST)
        if self._passes >= SIZE_SEARCH.passes - 2:
            self._x = self._bracketed(self._x)
        if self._best is None and self._passes == SIZE_SEARCH.passes - 1:
            self._x = _COARSEST

    def _bracketed(self, x: float) -> float:
        """``x``, or where a straight line between the files on both sides of the budget meets the aim.

        Sources that were quantized before have jumps in their sizes, where a secant does not find its way.
        """
        if self._best is None or self._over is None or self._best[0] <= self._over[0]:
            return x
        fine, coarse = (math.log(size) for size in (self._over[1], len(self._best[1])))
        share = (fine - math.log(self._aim)) / (fine - coarse)
        return self._over[0] + _clip(share, SIZE_SEARCH.inside) * (self._best[0] - self._over[0])

    def _fall(self, log_estimate: float, error: float) -> float:
        """How far the estimate, in the logarithm, has to fall for the size to reach the aim."""
        size = self._model.size(math.exp(log_estimate))
        share = (size - self._model.size(0.0)) / size  # of the bytes that follow the estimate
        fall = 1 - (1 - math.exp(-error)) / max(share, SIZE_SEARCH.least_share)
        return -math.log(fall) if fall > SIZE_SEARCH.least_fall else SIZE_SEARCH.longest


def _clip(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
