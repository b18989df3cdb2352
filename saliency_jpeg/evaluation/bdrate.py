"""BD-rates, gains and bootstrap intervals over images, computed from measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..io import full_package
from ..metrics.table import is_lower_better
from .artefacts import ARTEFACTS
from .comparison import Measurement

__all__ = ["BdRate", "Interval", "bd_rate", "bd_rates", "bootstrap", "codec_names", "gains", "metric_names", "select"]

_RESAMPLES = 2000
_GRID = 200  # qualities at which two curves are compared
_FEWEST_POINTS = 3


class Interval(NamedTuple):
    """A mean over images and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class BdRate(NamedTuple):
    """The BD-rate of a codec over a set of images: size change in percent at equal quality, negative is smaller.

    Attributes:
        percent: mean over the images.
        worst: largest value of an image.
        worst_image: name of that image.
        images: number of images with a BD-rate.
    """

    percent: Interval
    worst: float
    worst_image: str
    images: int


def bootstrap(values: Sequence[float], seed: int = 0) -> Interval:
    """Returns the mean of values and its 95 % interval from 2000 resamples with replacement.

    Args:
        values: one for each image.
        seed: of the resampling.
    """
    x = np.asarray(values, np.float64)
    means = np.random.default_rng(seed).choice(x, (_RESAMPLES, len(x))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(x.mean()), float(low), float(high))


def bd_rate(anchor: Iterable[Measurement], test: Iterable[Measurement], metric: str) -> float:
    """Returns the BD-rate of one codec against another on one image.

    G. Bjontegaard, VCEG-M33, 2001, with PCHIP interpolation in place of the cubic: the mean difference of log bits per
    pixel over the qualities that both codecs reach.

    Args:
        anchor: measurements of the codec to compare with, of one image.
        test: measurements of the other codec, of the same image.
        metric: name of the metric that measures quality.

    Returns:
        Percent of size that ``test`` needs more than ``anchor`` at equal quality. NaN if the curves share no quality or
        have fewer than three points.
    """
    fit = full_package.load("scipy.interpolate", "a BD-rate").PchipInterpolator

    (quality_a, rate_a), (quality_b, rate_b) = _curve(anchor, metric), _curve(test, metric)
    if min(len(quality_a), len(quality_b)) < _FEWEST_POINTS:
        return math.nan
    low, high = max(quality_a[0], quality_b[0]), min(quality_a[-1], quality_b[-1])
    if high <= low:
        return math.nan
    grid = np.linspace(low, high, _GRID)
    difference = fit(quality_b, rate_b)(grid) - fit(quality_a, rate_a)(grid)
    return 100.0 * math.expm1(float(np.mean(difference)))


def bd_rates(measured: Sequence[Measurement], anchor: str, metric: str) -> dict[str, BdRate]:
    """Returns the BD-rates of all codecs against one of them.

    Args:
        measured: of all codecs and images.
        anchor: name of the codec to compare with.
        metric: name of the metric that measures quality.

    Returns:
        By codec name, without the anchor and without codecs that have no comparable image.
    """
    rates: dict[str, BdRate] = {}
    for codec in codec_names(measured):
        per_image = _per_image(measured, anchor, codec, metric) if codec != anchor else {}
        if per_image:
            worst = max(per_image, key=lambda image: per_image[image])
            values = list(per_image.values())
            rates[codec] = BdRate(bootstrap(values), per_image[worst], worst, len(values))
    return rates


def gains(measured: Sequence[Measurement], codec: str, rival: str, metric: str, target_bpp: float) -> list[float]:
    """Returns by how much one codec is better than another at one size, image by image.

    Args:
        measured: of all codecs and images.
        codec: name of the codec.
        rival: name of the codec to compare with.
        metric: name of the metric.
        target_bpp: the size, in bits per pixel.

    Returns:
        Differences in the metric's unit, in the order of the image names; negative where ``codec`` is worse.
    """
    theirs = {m.image: m.quality.get(metric, math.nan) for m in select(measured, codec=rival, target_bpp=target_bpp)}
    ours = {m.image: m.quality.get(metric, math.nan) for m in select(measured, codec=codec, target_bpp=target_bpp)}
    sign = _sign(metric)
    differences = [sign * (ours[image] - theirs[image]) for image in sorted(ours.keys() & theirs.keys())]
    return [value for value in differences if math.isfinite(value)]


def select(
    measured: Iterable[Measurement],
    *,
    codec: str | None = None,
    image: str | None = None,
    target_bpp: float | None = None,
) -> list[Measurement]:
    """Returns the measurements of a codec, an image and a size.

    Args:
        measured: to choose from.
        codec: name; ``None`` for any.
        image: name; ``None`` for any.
        target_bpp: bits per pixel; ``None`` for any.
    """
    wanted = (codec, image, target_bpp)
    return [
        m
        for m in measured
        if all(w in (None, v) for w, v in zip(wanted, (m.codec, m.image, m.target_bpp), strict=True))
    ]


def codec_names(measured: Iterable[Measurement]) -> list[str]:
    """Returns the names of the codecs, in the order of their first measurement."""
    return list(dict.fromkeys(m.codec for m in measured))


def metric_names(measured: Iterable[Measurement]) -> list[str]:
    """Returns the names of the metrics, in the order of their first value."""
    return list(dict.fromkeys(name for m in measured for name in m.quality))


def _per_image(measured: Sequence[Measurement], anchor: str, codec: str, metric: str) -> dict[str, float]:
    """Finite BD-rates by image name."""
    rates: dict[str, float] = {}
    for image in sorted({m.image for m in measured if metric in m.quality}):
        rate = bd_rate(select(measured, codec=anchor, image=image), select(measured, codec=codec, image=image), metric)
        if math.isfinite(rate):
            rates[image] = rate
    return rates


def _curve(measured: Iterable[Measurement], metric: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quality in rising order, and log bits per pixel, made monotonic."""
    sign = _sign(metric)
    points = sorted(
        (sign * m.quality[metric], math.log(m.bits_per_pixel))
        for m in measured
        if math.isfinite(m.quality.get(metric, math.nan))
    )
    quality, rate = np.array(points, np.float64).reshape(-1, 2).T
    rises = np.diff(quality, prepend=-np.inf) > 1e-9
    return quality[rises], np.maximum.accumulate(rate[rises])


def _sign(metric: str) -> float:
    return -1.0 if metric in ARTEFACTS or is_lower_better(metric) else 1.0
