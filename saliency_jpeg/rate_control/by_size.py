"""The search for a file size: which scale of the quantization tables fills a number of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..codec.quantizer import Levels, Quantizer
from ..errors import TargetError

__all__ = ["Coded", "encode_at", "likely_scale", "search", "typical_scale"]

MAX_PASSES: Final = 8
_COARSEST: Final = math.log(1e5)  # log(scale) at which nothing but the coarsest DC is left
_AIM: Final = 0.996  # of the bytes that are not fixed; what lies between aim and budget absorbs the estimate's error
_ENOUGH: Final = 0.985  # of the same; a file this full ends the search
_CLOSE: Final = 0.008  # of the same; an estimate this near to the aim is worth writing
_NEAR: Final = 0.15  # the same before any file was written, to learn how far estimates are off
_CAUTION: Final = 0.004  # by which the aim falls for each file that came out too large
_FAR_ENOUGH: Final = 0.1  # change of log(scale) from which two points say something about the slope
_APART: Final = 0.03  # difference of log(estimate) from which two files say how much of them is fixed
_RATIO: Final = 1.05  # bytes written to bytes estimated, before it is known
_HASTE: Final = 0.25  # shortest step in the logarithm of the scale when the passes run out
_LONGEST: Final = 3.0  # step in the logarithm of the scale
_TYPICAL_SCALE: Final = 3.0  # of a photograph at one bit a pixel
_TYPICAL_SLOPE: Final = -1.1  # d log(scale) / d log(size) over photographs
_SLOPE: Final = -0.9  # d log(size) / d log(scale) before two points are known

Write = Callable[[Levels], bytes]


def typical_scale(bits_per_pixel: float) -> float:
    """The scale at which photographs take about so many bits a pixel."""
    return float(_TYPICAL_SCALE * min(max(bits_per_pixel, 0.01), 24.0) ** _TYPICAL_SLOPE)


def likely_scale(target: int, metadata: int, size: tuple[int, int], finest: float = 0.0) -> float:
    """About the scale, not below ``finest``, of a file of ``target`` bytes, of which so many are metadata."""
    return max(typical_scale(8 * max(target - metadata, 0) / (size[0] * size[1])), finest)


@dataclass(frozen=True)
class Coded:
    """A written file and the scale it was made at."""

    jpeg: bytes
    scale: float


def encode_at(quantizer: Quantizer, write: Write, scale: float) -> Coded:
    """Encodes at one scale: learns the prices, then makes the pass that counts."""
    quantizer.prepare(scale)
    return Coded(write(quantizer.at(scale)), scale)


class _Sizes:
    """Bytes of a file from the bits that the quantizer estimates: ``overhead + ratio * estimate``."""

    def __init__(self, overhead: int) -> None:
        self._overhead = float(overhead)
        self._ratio = _RATIO
        self._seen: tuple[float, int] | None = None

    @property
    def known(self) -> bool:
        """Whether a file has been written yet."""
        return self._seen is not None

    def of(self, estimate: float) -> float:
        """Bytes of a file whose coded levels were estimated at ``estimate`` bytes."""
        return self._overhead + self._ratio * estimate

    def learn(self, estimate: float, size: int) -> None:
        """Takes note of a file that was written."""
        if self._seen is not None and abs(math.log(estimate / self._seen[0])) > _APART:
            slope = (size - self._seen[1]) / (estimate - self._seen[0])
            self._overhead = max(size - min(max(slope, 0.5), 2.0) * estimate, 0.0)
        if size <= self._overhead:
            self._overhead = 0.0
        self._ratio = (size - self._overhead) / estimate
        self._seen = (estimate, size)


class _Search:
    """A secant search in (log scale, log size) on estimated sizes, corrected by the sizes really written."""

    def __init__(self, quantizer: Quantizer, write: Write, budget: int, finest: float, overhead: int) -> None:
        self._quantizer, self._write, self._budget = quantizer, write, budget
        self._finest = math.log(finest)
        self._x = max(math.log(typical_scale(8 * budget / quantizer.pixels)), self._finest)
        self._slope = _SLOPE
        self._last: tuple[float, float] | None = None
        self._sizes = _Sizes(overhead)
        self._free = max(budget - overhead, 0.1 * budget)  # bytes that the levels may fill
        self._aim = budget - (1 - _AIM) * self._free
        self._last_written = b""
        self._over: tuple[float, int] | None = None  # log(scale) and size of the smallest file that was too large
        self.best: Coded | None = None

    def step(self) -> bool:
        """Quantizes once and moves on; True when the search is over."""
        levels = self._quantizer.at(math.exp(self._x))
        estimate = max(self._quantizer.learn(levels) / 8, 1.0)
        error = self._error(estimate)
        near = (_CLOSE if self._sizes.known else _NEAR) * self._free
        is_near = abs(self._sizes.of(estimate) - self._aim) < near
        late = self._quantizer.passes > MAX_PASSES - 4
        if is_near or late or self._at_finest(error) or self._x >= _COARSEST:
            if self._keep(Coded(self._write(levels), math.exp(self._x)), estimate):
                return True
            error = self._error(estimate)
        if self._at_finest(error) or (self._quantizer.passes >= MAX_PASSES and self.best is not None):
            return True
        if self._x >= _COARSEST and len(self._last_written) > self._budget:
            raise TargetError(
                f"the smallest encoding takes {len(self._last_written)} bytes, more than the target of {self._budget}",
                self._last_written,
            )
        self._move(math.log(estimate), error)
        return False

    def _error(self, estimate: float) -> float:
        """How far the size is from the aim, in the logarithm; above zero: too large."""
        return math.log(self._sizes.of(estimate) / self._aim)

    def _at_finest(self, error: float) -> bool:
        return self._x <= self._finest and error <= 0

    def _keep(self, coded: Coded, estimate: float) -> bool:
        size = len(coded.jpeg)
        self._sizes.learn(estimate, size)
        self._last_written = coded.jpeg
        if self._budget < size < self._budget + 2 * _CLOSE * self._free:
            self._aim -= _CAUTION * self._free
        if size <= self._budget and (self.best is None or size > len(self.best.jpeg)):
            self.best = coded
        if size > self._budget and (self._over is None or size < self._over[1]):
            self._over = (self._x, size)
        return self._budget - (1 - _ENOUGH) * self._free <= size <= self._budget

    def _move(self, log_estimate: float, error: float) -> None:
        if self._last is not None and abs(self._x - self._last[0]) > _FAR_ENOUGH:
            slope = (log_estimate - self._last[1]) / (self._x - self._last[0])
            self._slope = min(max(slope, -2.5), -0.1)
        self._last = (self._x, log_estimate)
        step = min(max(-self._wanted(log_estimate, error) / self._slope, -_LONGEST), _LONGEST)
        if self.best is None and self._quantizer.passes >= MAX_PASSES - 2:
            step = max(step, _HASTE)  # rather a file that is not full than none
        self._x = min(max(self._x + step, self._finest), _COARSEST)
        if self._quantizer.passes >= MAX_PASSES - 2:
            self._x = self._bracketed(self._x)
        if self.best is None and self._quantizer.passes == MAX_PASSES - 1:
            self._x = _COARSEST

    def _bracketed(self, x: float) -> float:
        """``x``, or where a straight line between the files on both sides of the budget meets the aim.

        Sources that were quantized before have jumps in their sizes, where a secant does not find its way.
        """
        if self.best is None or self._over is None or math.log(self.best.scale) <= self._over[0]:
            return x
        fine, coarse = (math.log(size) for size in (self._over[1], len(self.best.jpeg)))
        share = (fine - math.log(self._aim)) / (fine - coarse)
        return self._over[0] + min(max(share, 0.2), 0.8) * (math.log(self.best.scale) - self._over[0])

    def _wanted(self, log_estimate: float, error: float) -> float:
        """How far the estimate, in the logarithm, has to fall for the size to reach the aim."""
        size = self._sizes.of(math.exp(log_estimate))
        share = (size - self._sizes.of(0.0)) / size  # of the bytes that follow the estimate
        fall = 1 - (1 - math.exp(-error)) / max(share, 0.01)
        return -math.log(fall) if fall > 0.05 else _LONGEST


def search(quantizer: Quantizer, write: Write, budget: int, *, finest: float, overhead: int) -> Coded:
    """Finds the file that fills ``budget`` bytes best without exceeding it, in at most ``MAX_PASSES`` passes.

    Args:
        quantizer: the image.
        write: makes the file out of levels.
        budget: bytes.
        finest: smallest scale that may be used.
        overhead: bytes that do not depend on the levels, metadata above all; a guess will do.

    Raises:
        TargetError: even the coarsest tables take more bytes; ``.best`` is that file.
    """
    hunt = _Search(quantizer, write, budget, finest, overhead)
    while not hunt.step():
        pass
    assert hunt.best is not None  # the loop ends with a file or an error
    return hunt.best
