"""The search for a quality: the smallest file that a metric, SSIMULACRA2, finds good enough.

The score grows with the quality but for a little noise, so a bracket is closed by interpolation, with bisection where
that stalls. Every candidate is written, decoded by libjpeg and scored; what comes back was seen to meet the target.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from ..codec import parameters, tables
from ..codec.jpeg import JpegEncoding
from ..codec.parameters import Tuning
from ..codec.symbol_costs import SymbolCosts
from ..errors import InputError, TargetError
from ..metadata import segments
from ..metrics import Ssimulacra2
from .protocol import Encoded

__all__ = ["ByScore", "Judge", "likely_quality"]

_MIN_SIDE: Final = 8  # of the metric
_MAX_SIDE: Final = 65500  # of what libjpeg opens


class Judge:
    """SSIMULACRA2 of JPEG files against one picture, uint8 (H, W, 3) or (H, W).

    A side below 8 pixels is continued to 8.

    Raises:
        InputError: a side is so long that no file of the picture can be decoded, see :meth:`takes`.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        if not self.takes(pixels):
            height, width = pixels.shape[:2]
            raise InputError(f"a score needs a picture of at most {_MAX_SIDE} pixels on a side, got {width}x{height}")
        self._metric = Ssimulacra2(_continued(pixels))

    def __call__(self, jpeg: bytes) -> float:
        """Returns the score of a file of the picture's size."""
        return self._metric.score(_continued(_decoded(jpeg)))

    @staticmethod
    def takes(pixels: NDArray[np.uint8]) -> bool:
        """Whether libjpeg opens files of this picture, so that they can be judged."""
        return max(map(int, pixels.shape[:2])) <= _MAX_SIDE


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    """The pixels of a file of our own, which may be as large as it likes: ``Image.open`` would limit it."""
    with JpegImageFile(io.BytesIO(segments.without_metadata(jpeg))) as image:
        return np.asarray(image)


def _continued(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, its last row and column repeated until the metric takes it."""
    missing = [(0, max(0, _MIN_SIDE - side)) for side in pixels.shape[:2]]
    return np.pad(pixels, [*missing, *[(0, 0)] * (pixels.ndim - 2)], mode="edge")


def likely_quality(score: float) -> float:
    """Returns the quality, 0 to 100, that photographs need for a score."""
    return float(np.interp(score, parameters.SCORES, parameters.SCORE_QUALITIES))


@dataclass(frozen=True, eq=False)
class ByScore:
    """Finds about the smallest file with a score of at least ``target``.

    Attributes:
        target: score.
        judge: the score of a file.
        tuning: what a quality means.
    """

    target: float
    judge: Callable[[bytes], float]
    tuning: Tuning

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image, with about ``SCORE_PASSES`` candidates at most.

        Args:
            encoding: the image.
            costs: of symbols, from another encoding of the same image; ``None`` to learn them first.

        Raises:
            TargetError: quality 100 does not reach the target; ``.best`` is that file.
        """
        search = _ScoreSearch(encoding, costs, self)
        search.attempt(likely_quality(self.target))
        while not search.is_over:
            search.attempt(search.next_quality())
        return search.result()


class _ScoreSearch:
    """A bracket of qualities: the score is too low at ``_low`` and high enough at ``_high``."""

    def __init__(self, encoding: JpegEncoding, costs: SymbolCosts | None, goal: ByScore) -> None:
        self._encoding, self._costs, self._goal = encoding, costs, goal
        self._target = goal.target
        self._low: tuple[float, float] | None = None  # quality, score
        self._high: tuple[float, float] | None = None
        self._passes = 0
        self._best: tuple[float, bytes, float] | None = None  # scale, file, score

    def result(self) -> Encoded:
        """The file that was found; the search has ended."""
        assert self._best is not None  # the search ends with a file or an error
        assert self._costs is not None
        scale, jpeg, score = self._best
        return Encoded(jpeg, scale, self._encoding.lmbda, self._passes, self._costs, score)

    @property
    def is_over(self) -> bool:
        """Whether the best file is near enough to the target, or the passes have run out."""
        if self._best is None or self._high is None:
            return False
        if (
            self._best[2] - self._target <= parameters.SCORE_ENOUGH
            or self._high[0] <= 0
            or self._passes >= parameters.SCORE_PASSES
        ):
            return True
        return self._low is not None and self._high[0] - self._low[0] < parameters.SCORE_NARROW

    def attempt(self, quality: float) -> None:
        """Makes and judges the file at a quality."""
        scale = tables.quality_to_scale(quality, self._goal.tuning)
        self._passes += 1
        quantized = self._encoding.quantize(scale, self._costs)
        self._costs = quantized.costs
        jpeg = self._encoding.write(quantized)
        score = self._goal.judge(jpeg)
        if score < self._target:
            if quality >= 100:
                raise TargetError(f"the finest encoding scores {score:.2f}, less than {self._target:g}", jpeg)
            self._low = (quality, score)
            return
        self._high = (quality, score)
        if self._best is None or len(jpeg) < len(self._best[1]):
            self._best = (scale, jpeg, score)

    def next_quality(self) -> float:
        """The next quality to try: inside the bracket, or beyond its only known end."""
        if self._low is None or self._high is None:
            return self._beyond()
        (low, low_score), (high, high_score) = self._low, self._high
        if self._passes % parameters.SCORE_BISECT == 0:
            return (low + high) / 2
        share = (self._target + parameters.SCORE_ENOUGH / 2 - low_score) / max(high_score - low_score, 1e-9)
        return low + (high - low) * min(max(share, parameters.SCORE_INSIDE), 1 - parameters.SCORE_INSIDE)

    def _beyond(self) -> float:
        """A step from the only point known, as photographs would have it and a little more."""
        quality, score = self._low or self._high or (50.0, self._target)
        expected = likely_quality(self._target) - likely_quality(score)
        step = parameters.SCORE_STRETCH * expected + (1.0 if expected >= 0 else -1.0)
        if self._passes >= 4:
            step = 100.0 if self._low else -100.0
        return min(max(quality + step, 0.0), 100.0)
