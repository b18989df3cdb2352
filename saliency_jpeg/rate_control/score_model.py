"""What a picture scores at each quality, as far as candidates tell: a Gaussian process around photographs' mean curve.

What scores lack to 100 varies among photographs by a factor that depends little on the quality, so the process is one
of the logarithm of 100 less the score. Near qualities deviate from the mean alike. A score also jumps from one quality
to the next, where steps of quantization change together; that is noise to the process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..codec import parameters
from .score_curves import (
    SCORE_COVERAGE,
    SCORE_CURVES,
    SCORE_MEAN_COVERAGE,
    SCORE_QUALITIES,
    SCORE_STEPS,
    SCORE_WHOLE_CHROMA,
)

__all__ = ["ScoreModel", "TargetMetric"]

#: Metrics that a score may be of, by their names in the tables; those in ``_s`` are of the salient part.
TargetMetric = Literal["ssimulacra2", "perceptual", "ssimulacra2_s", "perceptual_s"]

Floats = NDArray[np.float64]

# Of the process, in the logarithm of 100 less the score (fitted to photographs that are tuned on).
_COMMON: Final = 0.1  # standard deviation of what all qualities of a picture share
_LOCAL: Final = 0.13  # of what near qualities share
_REACH: Final = 0.7  # how far that reaches, along the mean curve
_NOISE: Final = 0.02  # of jumps
_MOST_SLOPE: Final = 10.0  # times as much, or as little, as photographs change at most, between two candidates
_LEAST_LACK: Final = 0.3  # to 100
_MOST_SHIFT: Final = 1.5  # logarithms of the map's mean, from photographs' mean, that count


class ScoreModel:
    """The scores of one picture.

    Args:
        metric: of the scores.
        sampling: luma samples (across, down) for each chroma sample; ``None`` for what the encoder chooses, whole
            chroma at the finest qualities.
        coverage: mean of the map, for a metric of the salient part; ``None`` for that of photographs.
    """

    def __init__(
        self, metric: TargetMetric, sampling: tuple[int, int] | None = None, coverage: float | None = None
    ) -> None:
        self._mean = _mean(metric, sampling)
        if coverage and metric in SCORE_COVERAGE:
            shift = np.clip(math.log(coverage) - SCORE_MEAN_COVERAGE, -_MOST_SHIFT, _MOST_SHIFT)
            self._mean = self._mean + shift * np.interp(SCORE_STEPS, SCORE_QUALITIES, SCORE_COVERAGE[metric])

    def quality(self, score: float, known: Sequence[tuple[float, float]] = ()) -> float:
        """Returns the least quality, 0 to 100, at which the picture is likely to have a score.

        Args:
            score: wanted.
            known: qualities that were tried and their scores.
        """
        below = max((each for each in known if each[1] < score), key=lambda each: each[1], default=None)
        above = min((each for each in known if each[1] >= score), key=lambda each: each[1], default=None)
        if below is None or above is None:
            expected = self._expected(known)
        else:
            sides = [each[1] < score for each in known[-2:]]
            near, far = (below, above) if sides[-1] else (above, below)
            expected = self._between(near, far, score, halved=sides[0] == sides[1])
        scores = np.maximum.accumulate(100 - np.exp(expected))
        return float(np.interp(score, scores, SCORE_STEPS))

    def _between(self, near: tuple[float, float], far: tuple[float, float], score: float, halved: bool) -> Floats:
        """The mean curve, moved so that it goes through two candidates.

        Where two candidates in a row were on one side, half of what the other one is away counts (the Illinois method).
        """
        qualities, scores = np.array([near, far]).T
        places = np.interp(qualities, SCORE_STEPS, self._mean)
        lacks, aim = np.log(np.maximum(100 - scores, _LEAST_LACK)), math.log(max(100 - score, _LEAST_LACK))
        lacks[1] = (aim + lacks[1]) / 2 if halved else lacks[1]
        slope = np.clip((lacks[0] - lacks[1]) / (places[0] - places[1] or 1.0), 1 / _MOST_SLOPE, _MOST_SLOPE)
        moved: Floats = lacks[0] + slope * (self._mean - places[0])
        return moved

    def _expected(self, known: Sequence[tuple[float, float]]) -> Floats:
        if not known:
            return self._mean
        qualities, scores = np.array(known).T
        places = np.interp(qualities, SCORE_STEPS, self._mean)
        deviations = np.log(np.maximum(100 - scores, _LEAST_LACK)) - places
        between = _covariance(places, places) + _NOISE**2 * np.eye(len(known))
        expected: Floats = self._mean + _covariance(self._mean, places) @ np.linalg.solve(between, deviations)
        return expected


def _covariance(a: Floats, b: Floats) -> Floats:
    return np.asarray(_COMMON**2 + _LOCAL**2 * np.exp(-((a[:, None] - b) ** 2) / (2 * _REACH**2)))


@cache
def _mean(metric: TargetMetric, sampling: tuple[int, int] | None) -> Floats:
    """The mean curve at all steps of the quality."""
    scores = np.array(SCORE_CURVES[metric])
    if sampling is not None:
        is_whole = np.array(SCORE_QUALITIES) >= parameters.FINE_QUALITY
        gains = np.array(SCORE_WHOLE_CHROMA[metric])
        scores = scores + gains * ~is_whole if sampling == (1, 1) else scores - gains * is_whole
    lacks = np.log(np.maximum(100 - scores, _LEAST_LACK))
    return np.asarray(np.interp(SCORE_STEPS, SCORE_QUALITIES, lacks))
