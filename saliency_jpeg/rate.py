"""The search for a file size: which scale of the quantization tables fills a number of bytes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .errors import TargetError
from .quantizer import Levels, Quantizer

__all__ = ["Coded", "encode_at", "search"]

MAX_PASSES: Final = 8
_COARSEST: Final = math.log(1e5)  # log(scale) at which nothing but the coarsest DC is left
_AIM: Final = 0.996  # of the budget; what lies between aim and budget absorbs the estimate's error
_ENOUGH: Final = 0.985  # a file this full ends the search
_CLOSE: Final = 0.008  # an estimate this near to the aim (in the logarithm) is worth writing
_NEAR: Final = 0.15  # the same before any file was written, to learn how far estimates are off
_CAUTION: Final = 0.004  # by which the aim falls for each file that came out too large
_FAR_ENOUGH: Final = 0.1  # change of log(scale) from which two points say something about the slope
_RATIO: Final = 1.05  # bytes written to bytes estimated, before it is known
_HASTE: Final = 0.25  # shortest step in the logarithm of the scale when the passes run out
_LONGEST: Final = 3.0  # step in the logarithm of the scale
_TYPICAL_SCALE: Final = 3.0  # of a photograph at one bit a pixel
_TYPICAL_SLOPE: Final = -1.1  # d log(scale) / d log(size) over photographs
_SLOPE: Final = -0.9  # d log(size) / d log(scale) before two points are known

Write = Callable[[Levels], bytes]


@dataclass(frozen=True)
class Coded:
    """A written file and the scale it was made at."""

    jpeg: bytes
    scale: float


def encode_at(quantizer: Quantizer, write: Write, scale: float) -> Coded:
    """Encodes at one scale: a pass that learns the prices, then the one that counts."""
    quantizer.at(scale)
    return Coded(write(quantizer.at(scale)), scale)


class _Search:
    """A secant search in (log scale, log size) on estimated sizes, corrected by the sizes really written."""

    def __init__(self, quantizer: Quantizer, write: Write, budget: int, finest: float) -> None:
        self._quantizer, self._write, self._budget = quantizer, write, budget
        start = _TYPICAL_SCALE * (8 * budget / quantizer.pixels) ** _TYPICAL_SLOPE
        self._x = max(math.log(start), math.log(finest))
        self._finest = math.log(finest)
        self._slope = _SLOPE
        self._last: tuple[float, float] | None = None
        self._ratio: float | None = None  # bytes written to bytes estimated
        self._aim = _AIM * budget
        self._last_written = b""
        self.best: Coded | None = None

    def step(self, must_write: bool) -> bool:
        """Quantizes once and moves on; True when the search is over."""
        levels = self._quantizer.at(math.exp(self._x))
        estimate = levels.bits / 8
        error = self._error(estimate)
        near = _NEAR if self._ratio is None else _CLOSE
        if abs(error) < near or must_write or self._at_finest(error) or self._x >= _COARSEST:
            if self._keep(Coded(self._write(levels), math.exp(self._x)), estimate):
                return True
            error = self._error(estimate)
        if self._at_finest(error):
            return True
        if self._x >= _COARSEST and error > 0:
            raise TargetError(
                f"the smallest encoding takes {len(self._last_written)} bytes, more than the target of {self._budget}",
                self._last_written,
            )
        self._move(math.log(estimate), error)
        return False

    def _error(self, estimate: float) -> float:
        """How far the size is from the aim, in the logarithm; above zero: too large."""
        return math.log(estimate * (self._ratio or _RATIO) / self._aim)

    def _at_finest(self, error: float) -> bool:
        return self._x <= self._finest and error <= 0

    def _keep(self, coded: Coded, estimate: float) -> bool:
        size = len(coded.jpeg)
        self._ratio = size / estimate
        self._last_written = coded.jpeg
        if self._budget < size < self._budget * (1 + 2 * _CLOSE):
            self._aim -= _CAUTION * self._budget
        if size <= self._budget and (self.best is None or size > len(self.best.jpeg)):
            self.best = coded
        return _ENOUGH * self._budget <= size <= self._budget

    def _move(self, log_size: float, error: float) -> None:
        if self._last is not None and abs(self._x - self._last[0]) > _FAR_ENOUGH:
            slope = (log_size - self._last[1]) / (self._x - self._last[0])
            self._slope = min(max(slope, -2.5), -0.1)
        self._last = (self._x, log_size)
        step = min(max(-error / self._slope, -_LONGEST), _LONGEST)
        if self.best is None and self._quantizer.passes >= MAX_PASSES - 2:
            step = max(step, _HASTE)  # rather a file that is not full than none
        self._x = min(max(self._x + step, self._finest), _COARSEST)


def search(quantizer: Quantizer, write: Write, budget: int, *, finest: float) -> Coded:
    """Finds the file that fills ``budget`` bytes best without exceeding it.

    Args:
        quantizer: the image.
        write: makes the file out of levels.
        budget: bytes.
        finest: smallest scale that may be used.

    Raises:
        TargetError: even the coarsest tables take more bytes; ``.best`` is that file.
    """
    hunt = _Search(quantizer, write, budget, finest)
    while not hunt.step(must_write=quantizer.passes >= MAX_PASSES - 4):
        if quantizer.passes >= MAX_PASSES and hunt.best is not None:
            break
    assert hunt.best is not None
    return hunt.best
