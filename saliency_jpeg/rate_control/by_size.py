"""The search for a file size: which scale of the quantization tables fills a number of bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..codec.jpeg import JpegEncoding
from ..codec.parameters import COARSEST_SCALE, SIZE_SEARCH, STUFFED
from ..codec.quantizer import Quantized
from ..codec.symbol_costs import SymbolCosts
from ..errors import TargetError
from .interpolation import between, bracket, clip
from .protocol import Encoded
from .size_sample import SizeSample

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
    """Bytes of a file from the bytes that the quantizer estimates: ``overhead + ratio * estimate``.

    Args:
        overhead: bytes that do not follow the estimate.
        ratio: bytes written to bytes estimated.
    """

    def __init__(self, overhead: float, ratio: float) -> None:
        self._overhead, self._ratio = overhead, ratio
        self._seen: tuple[float, int] | None = None

    def size(self, estimate: float) -> float:
        """Bytes of a file whose scans were estimated at ``estimate`` bytes."""
        return self._overhead + self._ratio * estimate

    def estimate(self, size: float) -> float:
        """Estimate of the scans of a file of ``size`` bytes."""
        return (size - self._overhead) / self._ratio

    def learn(self, estimate: float, size: int) -> None:
        """Takes note of a file that was written."""
        if self._seen is not None and abs(math.log(estimate / self._seen[0])) > SIZE_SEARCH.apart:
            slope = (size - self._seen[1]) / (estimate - self._seen[0])
            self._overhead = max(size - clip(slope, SIZE_SEARCH.ratios) * estimate, 0.0)
        if size <= self._overhead:
            self._overhead = 0.0
        self._ratio = (size - self._overhead) / estimate
        self._seen = (estimate, size)


class _SizeSearch:
    """A secant search in (log scale, log size) on estimated sizes, corrected by the sizes really written.

    It begins on a sample of the image, which yields the first scale, the slope there, and costs of symbols.
    """

    def __init__(self, encoding: JpegEncoding, costs: SymbolCosts | None, goal: BySize) -> None:
        self._encoding, self._budget = encoding, goal.budget
        self._free = max(goal.budget - goal.overhead, SIZE_SEARCH.least_free * goal.budget)
        self._aim = goal.budget - (1 - SIZE_SEARCH.aim) * self._free
        self._finest = math.log(goal.finest)
        start = max(math.log(typical_scale(8 * goal.budget / encoding.pixels)), self._finest)
        self._sample = SizeSample(encoding, costs, start)
        self._x, self._model = self._begin(start, goal.overhead)
        self._costs = self._used = self._sample.costs
        self._passes = 0
        self._trim = 0.0  # log of the factor on lambda
        self._trials: list[tuple[float, float]] = []  # trims at this scale and log(estimate)
        self._points: list[_Point] = []  # passes with lambda as it is
        self._last_written = b""
        self._best: tuple[float, float, bytes] | None = None  # log(scale), trim, and the largest file in the budget

    def _begin(self, x: float, overhead: int) -> tuple[float, _SizeModel]:
        """The first scale, and what files of the sample say about sizes there."""
        model = _SizeModel(overhead, STUFFED)
        for _ in range(SIZE_SEARCH.sample_files):
            wanted = model.estimate(self._aim)
            x = self._sample.scale_for(wanted, x, self._finest, SIZE_SEARCH.sample_near)
            extra, ratio = self._sample.file_model()
            model = _SizeModel(overhead + extra, ratio)
            if abs(model.estimate(self._aim) - wanted) < SIZE_SEARCH.sample_near * wanted:
                break
        return x, model

    def result(self) -> Encoded:
        """The file that was found; the search has ended."""
        assert self._best is not None  # the search ends with a file or an error
        x, trim, jpeg = self._best
        return Encoded(jpeg, math.exp(x), self._encoding.lmbda * math.exp(trim), self._passes, self._costs)

    def step(self) -> bool:
        """Quantizes once and moves on; returns whether the search is over."""
        encoding = self._encoding.with_lambda(math.exp(self._trim))
        quantized = encoding.quantize(math.exp(self._x), self._used, keep_bands=True)
        self._passes += 1
        self._costs = quantized.costs
        estimate = max(self._costs.total_bytes(), 1.0)
        self._trials.append((self._trim, math.log(estimate)))
        if self._trim == 0:
            self._points.append(_Point(self._x, estimate, self._used))
        if self._is_worth_writing(estimate) and self._keep(quantized, estimate):
            return True
        size = self._model.size(estimate)
        if self._at_finest(size) or (self._passes >= SIZE_SEARCH.passes and self._best is not None):
            return True
        if self._x >= _COARSEST and len(self._last_written) > self._budget:
            raise too_large(self._last_written, self._budget)
        self._move(estimate)
        return False

    def _at_finest(self, size: float) -> bool:
        return self._x <= self._finest and size <= self._aim and self._trim == 0

    def _is_worth_writing(self, estimate: float) -> bool:
        size, slack = self._model.size(estimate), SIZE_SEARCH.slack * self._free
        is_full = self._budget - (1 - SIZE_SEARCH.enough) * self._free - slack <= size <= self._budget + slack
        is_late = self._passes > SIZE_SEARCH.passes - 4
        return is_full or is_late or self._at_finest(size) or self._x >= _COARSEST

    def _keep(self, quantized: Quantized, estimate: float) -> bool:
        """Writes a file; returns whether it is full enough to end the search."""
        jpeg = self._encoding.write(quantized)
        size = len(jpeg)
        self._model.learn(estimate, size)
        self._last_written = jpeg
        if self._budget < size < self._budget + 2 * SIZE_SEARCH.close * self._free:
            self._aim -= SIZE_SEARCH.caution * self._free
        if size <= self._budget and (self._best is None or size > len(self._best[-1])):
            self._best = (self._x, self._trim, jpeg)
        return self._budget - (1 - SIZE_SEARCH.enough) * self._free <= size <= self._budget

    def _move(self, estimate: float) -> None:
        wanted = max(self._model.estimate(self._aim), SIZE_SEARCH.least_fall * estimate)
        if self._best is None and self._passes >= SIZE_SEARCH.passes - 1:
            self._go(*self._surely_fits())
        elif not self._trims(math.log(wanted)):
            x = self._next_x(self._points[-1].estimate, wanted)
            self._go(self._bracketed(x, math.log(wanted)), self._costs)

    def _go(self, x: float, costs: SymbolCosts) -> None:
        self._x, self._used, self._trim, self._trials = x, costs, 0.0, []

    def _surely_fits(self) -> tuple[float, SymbolCosts]:
        """The largest pass that is estimated to fit, else the coarsest tables: rather a file that is not full."""
        fitting = [point for point in self._points if self._model.size(point.estimate) <= self._budget]
        found = max(fitting, key=lambda point: point.estimate, default=_Point(_COARSEST, 0.0, self._costs))
        return found.x, found.costs

    def _next_x(self, estimate: float, wanted: float) -> float:
        """Where the slope leads, and then the sample."""
        step = clip(math.log(wanted / estimate) / self._slope(), (-SIZE_SEARCH.longest, SIZE_SEARCH.longest))
        x = clip(self._x + step, (self._finest, _COARSEST))
        on_sample = wanted * self._sample.estimate_at(self._x) / estimate
        return self._sample.scale_for(on_sample, x, self._finest, SIZE_SEARCH.sample_close)

    def _trims(self, wanted: float) -> bool:
        """Sets lambda so that log(estimate) becomes as wanted at the same tables; returns whether that will do.

        Tables change in steps, and sizes with them by some tenths of a percent; the effect of lambda is smooth.
        """
        change = wanted - self._trials[-1][1]
        if abs(change) > SIZE_SEARCH.trimmed:
            return False
        trim = between(self._trials, wanted)
        if trim is None:
            trim = self._trim + change / self._sample.lambda_slope(self._x, -change)
        if abs(trim) > SIZE_SEARCH.longest_trim:
            return False
        self._trim = trim
        return True

    def _slope(self) -> float:
        """Slope of log(estimate) over log(scale): from the last two passes, or the sample where they are close."""
        if len(self._points) > 1:
            before, last = self._points[-2:]
            if abs(last.x - before.x) > SIZE_SEARCH.far_enough:
                slope = math.log(last.estimate / before.estimate) / (last.x - before.x)
                return clip(slope, SIZE_SEARCH.slopes)
        return self._sample.slope(self._x)

    def _bracketed(self, x: float, wanted: float) -> float:
        """``x``, or where a straight line between the nearest passes on both sides meets the estimate that is wanted.

        Sources that were quantized before have jumps in their sizes, where a secant does not find its way.
        """
        known = [(point.x, math.log(point.estimate)) for point in self._points]
        ends, middle = bracket(known, wanted), between(known, wanted, SIZE_SEARCH.inside)
        return x if ends is None or middle is None or ends[0][0] < x < ends[1][0] else middle


class _Point(NamedTuple):
    """A pass: log(scale), estimated bytes of the scans, and the costs of symbols that it used."""

    x: float
    estimate: float
    costs: SymbolCosts
