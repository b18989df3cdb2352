"""The search for a quality: the smallest file that a metric finds good enough.

Scores of photographs grow with the quality along similar curves, and every candidate tells more of a picture's own
(:mod:`.score_model`). Steps of quantization are integers, so the score jumps by up to a point where many of them change
at once; near the target the Lagrange multiplier is varied instead, which changes the score smoothly. Every candidate is
written, decoded by libjpeg and scored; what comes back was seen to meet the target.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

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
from ..metrics.arrays import as_rgb, composite
from ..perceptual import Perceptual
from .protocol import Encoded
from .score_model import ScoreModel, TargetMetric

__all__ = ["SALIENT_METRICS", "ByScore", "Judge", "TargetMetric", "decode_own", "likely_quality"]

#: Metrics that need a map.
SALIENT_METRICS: Final = ("ssimulacra2_s", "perceptual_s")

_METRICS: Final[dict[str, Any]] = {"ssimulacra2": Ssimulacra2, "perceptual": Perceptual}
_Sample = TypeVar("_Sample", bound=np.generic)
Floats = NDArray[np.float64]

_MIN_SIDE: Final = 8  # of the metric
_MAX_SIDE: Final = 65500  # of what libjpeg opens


class Judge:
    """The score of JPEG files against one picture.

    A side below 8 pixels is continued to 8.

    Args:
        pixels: uint8 (H, W, 3) or (H, W).
        metric: the score.
        saliency: float (H, W) in [0, 1], for a metric of the salient part. One that is 0 everywhere counts as 1.
        decode: of files, to uint8 (H, W, 3) or (H, W); by default as other programs do.

    Raises:
        InputError: a side is so long that no file of the picture can be decoded, see :meth:`takes`.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        metric: TargetMetric = "ssimulacra2",
        saliency: NDArray[np.float32] | None = None,
        decode: Callable[[bytes], NDArray[np.uint8]] | None = None,
    ) -> None:
        self._decode = decode or decode_own
        if not self.takes(pixels):
            height, width = pixels.shape[:2]
            raise InputError(f"a score needs a picture of at most {_MAX_SIDE} pixels on a side, got {width}x{height}")
        self._reference = as_rgb(_continued(pixels))
        self._metric = _METRICS[metric.removesuffix("_s")](self._reference)
        self._saliency: NDArray[np.float32] | None = None
        if metric in SALIENT_METRICS and saliency is not None and saliency.any():
            self._saliency = _continued(saliency)

    def __call__(self, jpeg: bytes) -> float:
        """Returns the score of a file of the picture's size."""
        return self.of_pixels(self._decode(jpeg))

    def of_pixels(self, pixels: NDArray[np.uint8]) -> float:
        """Returns the score of a decoded file, uint8 (H, W, 3) or (H, W)."""
        pixels = _continued(pixels)
        if self._saliency is not None:
            pixels = composite(self._reference, as_rgb(pixels), self._saliency)
        return float(self._metric.score(pixels))

    @property
    def coverage(self) -> float | None:
        """The mean of the map, if one is used."""
        return None if self._saliency is None else float(self._saliency.mean())

    @staticmethod
    def takes(pixels: NDArray[np.uint8]) -> bool:
        """Whether libjpeg opens files of this picture, so that they can be judged."""
        return max(map(int, pixels.shape[:2])) <= _MAX_SIDE


def decode_own(jpeg: bytes) -> NDArray[np.uint8]:
    """Returns the pixels of a file of our own, however large it is: ``Image.open`` would limit it."""
    with JpegImageFile(io.BytesIO(segments.without_metadata(jpeg))) as image:
        return np.asarray(image)


def _continued(pixels: NDArray[_Sample]) -> NDArray[_Sample]:
    """The picture, its last row and column repeated until the metric takes it."""
    missing = [(0, max(0, _MIN_SIDE - side)) for side in pixels.shape[:2]]
    continued: NDArray[_Sample] = np.pad(pixels, [*missing, *[(0, 0)] * (pixels.ndim - 2)], mode="edge")
    return continued


def likely_quality(score: float, metric: TargetMetric = "ssimulacra2") -> float:
    """Returns the quality, 0 to 100, that a photograph needs for a score."""
    return ScoreModel(metric).quality(score)


@dataclass(frozen=True, eq=False)
class ByScore:
    """Finds about the smallest file with a score of at least ``target``.

    Attributes:
        target: score.
        judge: the score of a file.
        tuning: what a quality means.
        metric: of the score.
        coverage: mean of the map, for a metric of the salient part.
    """

    target: float
    judge: Callable[[bytes], float]
    tuning: Tuning
    metric: TargetMetric = "ssimulacra2"
    coverage: float | None = None

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        """Encodes an image, with ``SCORE_PASSES`` candidates unless none of them is near the target.

        Args:
            encoding: the image.
            costs: not used; costs from elsewhere would make the score depend on them, so each candidate learns its own.

        Raises:
            TargetError: quality 100 does not reach the target; ``.best`` is that file.
        """
        search = _ScoreSearch(encoding, self)
        while not search.is_over:
            search.attempt(*search.next())
        return search.result()


class _Candidate(NamedTuple):
    """A file that was scored.

    Attributes:
        quality: of its tables.
        tilt: logarithm of the factor of the Lagrange multiplier.
        score: of the file.
        size: of its scans, about, in bytes; metadata and layers do not count.
    """

    quality: float
    tilt: float
    score: float
    size: float


class _ScoreSearch:
    """The candidates that were scored, and the best file."""

    def __init__(self, encoding: JpegEncoding, goal: ByScore) -> None:
        self._encoding, self._goal = encoding, goal
        self._target = goal.target
        self._model = ScoreModel(goal.metric, encoding.sampling, goal.coverage)
        self._scored: list[_Candidate] = []
        self._best: Encoded | None = None

    def result(self) -> Encoded:
        """The file that was found; the search has ended."""
        assert self._best is not None  # the search ends with a file or an error
        return replace(self._best, passes=len(self._scored))

    @property
    def is_over(self) -> bool:
        """Whether the best file is near enough to the target, or the passes have run out."""
        if self._best is None or self._best.score is None:
            return False
        beyond, passes = self._best.score - self._target, len(self._scored)
        is_near = beyond <= parameters.SCORE_ENOUGH
        is_enough = passes >= parameters.SCORE_PASSES and beyond <= parameters.SCORE_TOLERATED
        is_coarsest = any(quality <= 0 and score >= self._target for quality, _, score, _ in self._scored)
        return is_near or is_enough or is_coarsest or passes >= parameters.SCORE_MOST_PASSES

    def attempt(self, quality: float, tilt: float = 0.0) -> None:
        """Makes and judges the file at a quality, with another multiplier if ``tilt`` is not 0."""
        scale = tables.quality_to_scale(quality, self._goal.tuning)
        encoding = self._encoding.with_lambda(math.exp(tilt))
        quantized = encoding.quantize(scale)
        jpeg = encoding.write(quantized)
        score = self._goal.judge(jpeg)
        self._scored.append(_Candidate(quality, tilt, score, quantized.costs.total_bytes()))
        if score < self._target:
            if quality >= 100 and tilt <= 0:
                raise TargetError(f"the finest encoding scores {score:.2f}, less than {self._target:g}", jpeg)
        elif self._best is None or len(jpeg) < len(self._best.jpeg):
            self._best = Encoded(jpeg, scale, encoding.lmbda, 0, quantized.costs, score)

    def next(self) -> tuple[float, float]:
        """The next quality and tilt to try."""
        if not self._scored:
            return self._model.quality(self._target), 0.0
        late = len(self._scored) + 1 - parameters.SCORE_PASSES
        if self._best is None and late > parameters.SCORE_PASSES:
            return 100.0, 0.0  # a picture whose score hardly follows the quality
        is_open = self._best is None or (self._best.score or 0.0) - self._target > parameters.SCORE_NEAR
        aim = self._target + (parameters.SCORE_OPEN_AIM * max(late + 1, 1) if is_open else parameters.SCORE_AIM)
        if self._goal.metric in SALIENT_METRICS and aim > parameters.SCORE_SALIENT_TILTS:
            return self._quality_for(aim), 0.0  # the multiplier would change the rest of the picture
        margin = parameters.SCORE_MARGIN * (100 - aim) if self._goal.metric in SALIENT_METRICS else 0.0
        return self._tilted(aim) or (self._quality_for(aim + margin), 0.0)

    def _tilted(self, aim: float) -> tuple[float, float] | None:
        """The quality of a candidate and the tilt of it that meets a score, if one is near enough."""
        found, (least, most), (straight, square) = [], self._bend_range, self._bends
        for candidate in self._scored:
            missing = aim - candidate.score
            bend = self._bend(candidate.tilt) + missing / self._slope(candidate, aim)
            if not least <= bend <= most:
                continue
            tilt = (math.sqrt(straight**2 + 4 * square * bend) - straight) / (2 * square)
            if all(c.quality != candidate.quality or abs(c.tilt - tilt) > 1e-3 for c in self._scored):
                found.append((abs(missing), candidate.quality, tilt))
        return min(found)[1:] if found else None

    def _bend(self, tilt: float) -> float:
        """What the score follows in a straight line: larger multipliers cost more than smaller ones gain."""
        straight, square = self._bends
        return straight * tilt + square * tilt**2

    @property
    def _bends(self) -> tuple[float, float]:
        return parameters.SCORE_SALIENT_BEND if self._goal.metric in SALIENT_METRICS else parameters.SCORE_BEND

    @property
    def _bend_range(self) -> tuple[float, float]:
        return parameters.SCORE_SALIENT_RANGE if self._goal.metric in SALIENT_METRICS else parameters.SCORE_RANGE

    def _slope(self, candidate: _Candidate, aim: float) -> float:
        """Points by which the score changes with the bend at a candidate's quality; negative."""
        usual = self._usual_slope(candidate)
        same = [other for other in self._scored if other.quality == candidate.quality and other.tilt != candidate.tilt]
        if not same:
            return usual
        across = [other for other in same if (other.score < aim) != (candidate.score < aim)]
        other = min(across or same, key=lambda each: abs(each.tilt - candidate.tilt))
        slope = (other.score - candidate.score) / (self._bend(other.tilt) - self._bend(candidate.tilt))
        return min(max(slope, 3 * usual), usual / 4)

    def _usual_slope(self, candidate: _Candidate) -> float:
        """The same for photographs, and by what bytes were worth between two qualities of this picture."""
        usual = parameters.SCORE_TILT_SLOPE * math.pow(max(100 - candidate.score, 1.0), parameters.SCORE_TILT_POWER)
        others = [c for c in self._scored if c.quality != candidate.quality and c.size != candidate.size]
        if not others or self._goal.metric in SALIENT_METRICS:
            return -usual
        other = min(others, key=lambda each: abs(each.score - candidate.score))
        worth = (candidate.score - other.score) / math.log(candidate.size / other.size)
        return -min(max(parameters.SCORE_TILT_BYTES * worth, usual / 2), 2 * usual)

    def _quality_for(self, aim: float) -> float:
        """The quality that meets a score, inside the bracket of those that were tried."""
        plain = list({candidate.quality: candidate for candidate in self._scored if candidate.tilt == 0}.values())
        return self._inside(self._model.quality(aim, [(each.quality, each.score) for each in plain]), plain)

    def _inside(self, quality: float, plain: list[_Candidate]) -> float:
        """The quality, moved into the bracket; its middle where candidates were used up, as in no photograph."""
        low = max((c.quality for c in plain if c.score < self._target), default=0.0)
        high = min((c.quality for c in plain if c.score >= self._target and c.quality > low), default=100.0)
        tried, passes = {c.quality for c in plain}, len(self._scored)
        margin = parameters.SCORE_INSIDE * (high - low)
        quality = min(max(quality, low + margin * (low in tried)), high - margin * (high in tried))
        is_late = passes >= parameters.SCORE_PASSES and high - low > 1 and passes % 2 == 0
        return (low + high) / 2 if is_late or quality in tried else quality
