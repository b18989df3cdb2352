"""From class activations to a saliency grid: clip, sum, threshold, quantize.

The evidence of a cell is the sum of its positive class activations, ``sum_c max(0, A_c)``: whatever the network knows a
name for counts, one object or several, and evidence against a class counts for nothing. Two thresholds cut it to
[0, 1]. The result is rounded to 52 levels while it is still a grid of about 70 cells, because processors differ in the
last bits of a convolution: rounding once, coarsely and early, lets nearly every picture have the same grid everywhere,
and what follows is exact (:mod:`.grid`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from .classes import Activations

__all__ = ["MapOptions", "saliency_grid"]

Threshold = Literal["quantile", "mean", "peak", "fixed"]

_STEP = 5  # of the grid, in units of 1/255


@dataclass(frozen=True)
class MapOptions:
    """How class activations become a map.

    The defaults are measured by ``scripts/measure_saliency.py`` (gaze and object masks) and on the product: a narrower
    map costs the salient region little and the rest of the picture less.

    Attributes:
        threshold: what ``low`` and ``high`` are: ``"quantile"`` of the image's evidence, multiples of its ``"mean"``
            or its ``"peak"``, or ``"fixed"`` values in the network's units.
        low: evidence up to here becomes 0.
        high: evidence from here becomes 1; linear in between.
        contrast: the least difference of evidence, in the network's units, between 0 and 1. A picture with less (sky,
            a plain wall, noise) gets a flatter map instead of one stretched to full contrast.
        classes: how many classes count, those with the largest logits first; None for all. The sum is scaled up to
            the evidence of all classes, so that ``contrast`` and fixed thresholds keep their meaning.
        smoothing: standard deviation of the interpolation from grid to pixels, in cells, 0.25 to 4.

    Raises:
        OptionError: a value is out of range.
    """

    threshold: Threshold = "quantile"
    low: float = 0.4
    high: float = 0.95
    contrast: float = 500.0
    classes: int | None = None
    smoothing: float = 0.6

    def __post_init__(self) -> None:
        if self.threshold not in get_args(Threshold):
            raise OptionError(f"threshold must be one of {', '.join(get_args(Threshold))}, got {self.threshold!r}")
        top = 1.0 if self.threshold in ("quantile", "peak") else math.inf
        _check("low", self.low, 0, top)
        _check("high", self.high, 0, top)
        if self.low >= self.high:
            raise OptionError(f"high must be above low = {self.low}, got {self.high!r}")
        _check("contrast", self.contrast, 0, math.inf)
        _check("smoothing", self.smoothing, 0.25, 4)
        if self.classes is not None and (not isinstance(self.classes, int) or self.classes < 1):
            raise OptionError(f"classes must be None or at least 1, got {self.classes!r}")


def _check(name: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, int | float) or not least <= value <= most or math.isinf(value):
        raise OptionError(f"{name} must be a number from {least} to {most}, got {value!r}")


def saliency_grid(activations: Activations, options: MapOptions) -> NDArray[np.uint8]:
    """Saliency of each cell of the network's output.

    Args:
        activations: maps (rows, cols, classes).
        options: thresholds and classes.

    Returns:
        uint8 (rows, cols), multiples of 5; 255 is salient.

    Raises:
        PresetError: the network gave something that is not a number.
    """
    evidence = _evidence(activations, options.classes)
    if not np.isfinite(evidence).all():
        raise PresetError("the network's output is not finite: its weights are damaged")
    low, high = _levels(evidence, options)
    span = max(high - low, options.contrast)
    if span <= 0:
        return np.zeros(evidence.shape, np.uint8)
    saliency = np.clip((evidence - low) / span, 0, 1)
    return (np.rint(saliency * (255 // _STEP)) * _STEP).astype(np.uint8)


def _evidence(activations: Activations, classes: int | None) -> NDArray[np.float64]:
    positive = np.maximum(activations.maps, 0)
    total: NDArray[np.float64] = positive.sum(axis=2, dtype=np.float64)
    if classes is None:
        return total
    ranked: NDArray[np.float64] = positive[:, :, activations.ranked(classes)].sum(axis=2, dtype=np.float64)
    share = ranked.mean() / total.mean() if total.any() else 0.0
    return ranked / share if share > 0 else ranked


def _levels(evidence: NDArray[np.float64], options: MapOptions) -> tuple[float, float]:
    """The two thresholds of an image in the network's units."""
    if options.threshold == "quantile":
        return float(np.quantile(evidence, options.low)), float(np.quantile(evidence, options.high))
    unit = {"mean": evidence.mean(), "peak": evidence.max(), "fixed": 1.0}[options.threshold]
    return float(options.low * unit), float(options.high * unit)
