"""From measurements to statements: BD-rates and bootstrap intervals over images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..metrics.quality import LOWER_IS_BETTER
from .comparison import Measurement

__all__ = ["BdRate", "Interval", "bd_rate", "bd_rates", "bootstrap", "codec_names", "gains", "metric_names", "select"]

_RESAMPLES = 2000
_GRID = 200
_FEWEST_POINTS = 3


class Interval(NamedTuple):
    """A mean over images and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class BdRate(NamedTuple):
    """Size change in percent at equal quality, negative is smaller: over images, and the image that fares worst."""

    percent: Interval
    worst: float
    worst_image: str
    images: int


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Mean of ``values`` and its 95 % interval from 2000 resamples with replacement."""
    x = np.asarray(values, np.float64)
    means = np.random.default_rng(seed).choice(x, (_RESAMPLES, len(x))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(x.mean()), float(low), float(high))


def bd_rate(anchor: Iterable[Measurement], test: Iterable[Measurement], metric: str) -> float:
    """Percent of size that ``test`` needs more than ``anchor`` at equal quality, for the files of one image.

    After G. Bjontegaard (VCEG-M33, 2001) with PCHIP in place of the cubic: the mean difference of log bits per pixel
    over the qualities that both reach. NaN where they share none or one has fewer than three files.
    """
    from scipy.interpolate import PchipInterpolator

    (quality_a, rate_a), (quality_b, rate_b) = _curve(anchor, metric), _curve(test, metric)
    if min(len(quality_a), len(quality_b)) < _FEWEST_POINTS:
        return math.nan
    low, high = max(quality_a[0], quality_b[0]), min(quality_a[-1], quality_b[-1])
    if high <= low:
        return math.nan
    grid = np.linspace(low, high, _GRID)
    difference = PchipInterpolator(quality_b, rate_b)(grid) - PchipInterpolator(quality_a, rate_a)(grid)
    return 100.0 * math.expm1(float(np.mean(difference)))


def bd_rates(measured: Sequence[Measurement], anchor: str, metric: str) -> dict[str, BdRate]:
    """BD-rate of every other codec against ``anchor``; codecs without a comparable image are left out."""
    found: dict[str, BdRate] = {}
    for codec in codec_names(measured):
        per_image = _per_image(measured, anchor, codec, metric) if codec != anchor else {}
        if per_image:
            worst = max(per_image, key=lambda image: per_image[image])
            values = list(per_image.values())
            found[codec] = BdRate(bootstrap(values), per_image[worst], worst, len(values))
    return found


def gains(measured: Sequence[Measurement], codec: str, rival: str, metric: str, target_bpp: float) -> list[float]:
    """By how much ``codec`` is better than ``rival`` at one size, image by image; negative where it is worse."""
    theirs = {m.image: m.quality.get(metric, math.nan) for m in select(measured, codec=rival, target_bpp=target_bpp)}
    ours = {m.image: m.quality.get(metric, math.nan) for m in select(measured, codec=codec, target_bpp=target_bpp)}
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    differences = [sign * (ours[image] - theirs[image]) for image in sorted(ours.keys() & theirs.keys())]
    return [value for value in differences if math.isfinite(value)]


def select(
    measured: Iterable[Measurement],
    *,
    codec: str | None = None,
    image: str | None = None,
    target_bpp: float | None = None,
) -> list[Measurement]:
    """The measurements that match everything given."""
    wanted = (codec, image, target_bpp)
    return [
        m
        for m in measured
        if all(w in (None, v) for w, v in zip(wanted, (m.codec, m.image, m.target_bpp), strict=True))
    ]


def codec_names(measured: Iterable[Measurement]) -> list[str]:
    """Codecs in the order of their first measurement."""
    return list(dict.fromkeys(m.codec for m in measured))


def metric_names(measured: Iterable[Measurement]) -> list[str]:
    """Metrics in the order of their first value."""
    return list(dict.fromkeys(name for m in measured for name in m.quality))


def _per_image(measured: Sequence[Measurement], anchor: str, codec: str, metric: str) -> dict[str, float]:
    rates: dict[str, float] = {}
    for image in sorted({m.image for m in measured if metric in m.quality}):
        rate = bd_rate(select(measured, codec=anchor, image=image), select(measured, codec=codec, image=image), metric)
        if math.isfinite(rate):
            rates[image] = rate
    return rates


def _curve(measured: Iterable[Measurement], metric: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quality, rising, and log bits per pixel, made monotonic."""
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    points = sorted(
        (sign * m.quality[metric], math.log(m.bits_per_pixel))
        for m in measured
        if math.isfinite(m.quality.get(metric, math.nan))
    )
    quality, rate = np.array(points, np.float64).reshape(-1, 2).T
    rises = np.diff(quality, prepend=-np.inf) > 1e-9
    return quality[rises], np.maximum.accumulate(rate[rises])
