"""How the size of an image follows the scale, measured on a sample of its blocks.

A pass over the sample takes a fraction of one over the image. The sizes are off by some percent, the same on both
sides of a step, so one pass over the image says how far, and the slope leads to the budget.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ..codec.jpeg import JpegEncoding
from ..codec.parameters import COARSEST_SCALE, HEADER_BYTES, SIZE_SEARCH, STUFFED, TRELLIS_SHARE
from ..codec.quantizer import Quantized
from ..codec.symbol_costs import SymbolCosts
from ..metadata import segments
from .interpolation import between, clip

__all__ = ["SizeSample"]

_COARSEST: Final = math.log(COARSEST_SCALE)
_DHT: Final = 0xC4
_REFINEMENT: Final = re.compile(rb"\xff\xda\x00\x08\x01.{4}[^\x00]", re.DOTALL)  # SOS of one component, Ah Al not 0


class SizeSample:
    """A sample of an image and what passes over it have shown.

    Args:
        encoding: the image.
        costs: of symbols, from another encoding of the same image; ``None`` to learn them first.
        x: log(scale) to begin with.

    Attributes:
        costs: of symbols, as the last pass has taught them.
    """

    def __init__(self, encoding: JpegEncoding, costs: SymbolCosts | None, x: float) -> None:
        least, most = SIZE_SEARCH.sample_blocks
        count = min(max(encoding.pixels / 64 * SIZE_SEARCH.sample_share, least), most)
        self._encoding = encoding.sample(round(count))
        self._share = encoding.times_as_large(self._encoding, math.exp(x))
        self._points: list[tuple[float, float]] = []  # log(scale) and log(estimate)
        self._last: Quantized | None = None
        self._guess: tuple[float, float] | None = None  # log(scale) and log(estimate) before the first pass
        self._learned_at = x
        if costs is None:
            costs = self._encoding.rounded_costs(math.exp(x))
            self._guess = (x, self._log_estimate(costs) + math.log(TRELLIS_SHARE))
        self.costs = costs

    def scale_for(self, estimate: float, x: float, finest: float, near: float) -> float:
        """Returns about the log(scale) at which the image is estimated at so many bytes.

        Args:
            estimate: bytes of the scans of the image.
            x: a first guess.
            finest: the smallest log(scale) that may be used.
            near: largest difference in the logarithm that will do.
        """
        wanted = math.log(max(estimate, 1.0))
        if self._guess is not None:
            x = clip(x + (wanted - self._guess[1]) / SIZE_SEARCH.slope, (finest, _COARSEST))
            self._guess = None
        for _ in range(SIZE_SEARCH.sample_passes):
            if abs(self._measure(x) - wanted) < near:
                break
            step = clip(self._step(wanted, x), (finest, _COARSEST))
            if abs(step - x) < SIZE_SEARCH.sample_step:
                break
            x = step
        return x

    def slope(self, x: float) -> float:
        """Returns d log(estimate) / d log(scale) about a log(scale)."""
        near = sorted(self._points, key=lambda point: abs(point[0] - x))
        for x1, y1 in near[1:]:
            if abs(x1 - near[0][0]) > SIZE_SEARCH.sample_apart:
                return clip((y1 - near[0][1]) / (x1 - near[0][0]), SIZE_SEARCH.slopes)
        return SIZE_SEARCH.slope

    def lambda_slope(self, x: float, log_factor: float) -> float:
        """Returns d log(estimate) / d log(lambda) at a log(scale), from 0 to about ``log_factor``."""
        y = self._points[-1][1] if self._points[-1][0] == x else self._measure(x)
        step = math.copysign(SIZE_SEARCH.lambda_step, log_factor)
        trimmed = self._encoding.with_lambda(math.exp(step)).quantize(math.exp(x), self.costs, keep_bands=True)
        return clip((self._log_estimate(trimmed.costs) - y) / step, SIZE_SEARCH.lambda_slopes)

    def estimate_at(self, x: float) -> float:
        """Returns about the bytes of the scans of the image at a log(scale)."""
        near, value = min(self._points, key=lambda point: abs(point[0] - x))
        return math.exp(value + self.slope(x) * (x - near))

    def file_model(self) -> tuple[float, float]:
        """Writes the sample; returns by what a file differs from its estimate.

        Returns:
            Bytes beside ``HEADER_BYTES`` that do not follow the estimate, and the factor on the estimate.
        """
        if self._last is None:
            return 0.0, STUFFED
        jpeg, estimate = self._encoding.write(self._last), self._last.costs.total_bytes()
        fixed = 2 + next(start for marker, start, _ in segments.walk(jpeg) if marker == _DHT)
        coded = len(jpeg) - fixed
        if self._encoding.header.restart_interval:
            return fixed - HEADER_BYTES + self._share * (coded - STUFFED * estimate), STUFFED
        if coded > STUFFED * estimate or _REFINEMENT.search(jpeg):  # successive approximation
            return fixed - HEADER_BYTES, coded / estimate
        return fixed - HEADER_BYTES + coded - STUFFED * estimate, STUFFED  # scans share tables

    def _measure(self, x: float) -> float:
        keeps = bool(self._points) and abs(x - self._learned_at) < SIZE_SEARCH.same_bands
        if not keeps:
            self._learned_at = x
        self._last = self._encoding.quantize(math.exp(x), self.costs, keep_bands=keeps)
        self.costs = self._last.costs
        self._points.append((x, self._log_estimate(self.costs)))
        return self._points[-1][1]

    def _log_estimate(self, costs: SymbolCosts) -> float:
        """Estimated bytes of the scans of the whole image, in the logarithm."""
        return math.log(max(costs.total_bytes(self._share), 1.0))

    def _step(self, wanted: float, x: float) -> float:
        """Where the estimate is expected to be as wanted: between two points, or along the slope from the last one."""
        middle = between(self._points, wanted)
        if middle is not None:
            return middle
        step = (wanted - self._points[-1][1]) / self.slope(x)
        return x + clip(step, (-SIZE_SEARCH.longest, SIZE_SEARCH.longest))
