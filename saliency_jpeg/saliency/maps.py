"""From the network's output to a saliency grid: evidence, thresholds, levels.

The evidence of a cell is one of two. That of ``"classes"`` is the sum of its positive class activations,
``sum_c max(0, A_c)``: whatever the network knows a name for counts, one object or several, and evidence against a class
counts for nothing. ``"learned"`` evidence comes from a head that was shown where people look and what objects are.

Two thresholds cut the evidence to [0, 1]. The result is rounded to 52 levels while it is still a grid, because
processors differ in the last bits of a convolution: rounding once, coarsely and early, lets nearly every cell have the
same level everywhere, and what follows is exact (:mod:`.grid`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, PresetError
from .activations import Activations

__all__ = ["Evidence", "MapOptions", "class_evidence", "learned_evidence", "saliency_grid"]

Threshold = Literal["quantile", "mean", "peak", "fixed"]
Evidence = Literal["classes", "learned"]
Reals = NDArray[np.float64]

_STEP = 5  # of the grid, in units of 1/255
_PEAK = 10.0  # gaze this many times as dense as in an even spread is as dense as it matters
_ANYWHERE = 0.2  # how much looks count wherever they fall
_FACE = 0.44  # evidence of a face: 0.55 of what the default takes for 1
_UNSURE = (0.1, 0.2)  # chances of a face between which its evidence grows


@dataclass(frozen=True)
class MapOptions:
    """How class activations become a map.

    The defaults are measured by ``scripts/measure_saliency.py`` (gaze and object masks) and on the product: a narrower
    map costs the salient region little and the rest of the picture less.

    Attributes:
        evidence: ``"classes"``, or ``"learned"`` for presets with a head that learned it.
        gaze: weight of the density of gaze against that of the chance of an object in learned evidence, 0 to 1; 0
            gives whole objects.
        threshold: what ``low`` and ``high`` are: ``"quantile"`` of the image's evidence, multiples of its ``"mean"``
            or its ``"peak"``, or ``"fixed"`` values in the network's units.
        low: evidence up to here becomes 0.
        high: evidence from here becomes 1; linear in between.
        contrast: the least difference of evidence, in the network's units, between 0 and 1; None for the preset's. A
            picture with less (sky, a plain wall, noise) gets a flatter map instead of one stretched to full contrast.
            Learned evidence lies in [0, 1] and needs none.
        classes: how many classes count, those with the largest logits first; None for all. The sum is scaled up to
            the evidence of all classes, so that ``contrast`` and fixed thresholds keep their meaning.
        smoothing: standard deviation of the interpolation from grid to pixels, in cells, 0.25 to 4.

    Raises:
        OptionError: a value is out of range.
    """

    threshold: Threshold = "quantile"
    low: float = 0.4
    high: float = 0.95
    contrast: float | None = None
    classes: int | None = None
    smoothing: float = 0.6
    evidence: Evidence = "classes"
    gaze: float = 0.75

    def __post_init__(self) -> None:
        if self.evidence not in get_args(Evidence):
            raise OptionError(f"evidence must be one of {', '.join(get_args(Evidence))}, got {self.evidence!r}")
        _check("gaze", self.gaze, 0, 1)
        if self.threshold not in get_args(Threshold):
            raise OptionError(f"threshold must be one of {', '.join(get_args(Threshold))}, got {self.threshold!r}")
        top = 1.0 if self.threshold in ("quantile", "peak") else math.inf
        _check("low", self.low, 0, top)
        _check("high", self.high, 0, top)
        if self.low >= self.high:
            raise OptionError(f"high must be above low = {self.low}, got {self.high!r}")
        if self.contrast is not None:
            _check("contrast", self.contrast, 0, math.inf)
        _check("smoothing", self.smoothing, 0.25, 4)
        if self.classes is not None and (not isinstance(self.classes, int) or self.classes < 1):
            raise OptionError(f"classes must be None or at least 1, got {self.classes!r}")


def _check(name: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, int | float) or not least <= value <= most or math.isinf(value):
        raise OptionError(f"{name} must be a number from {least} to {most}, got {value!r}")


def saliency_grid(evidence: Reals, options: MapOptions, *, contrast: float = 0.0) -> NDArray[np.uint8]:
    """Saliency of each cell.

    Args:
        evidence: (rows, cols), as :func:`class_evidence` or :func:`learned_evidence` give it.
        options: thresholds.
        contrast: the preset's, where the options name none.

    Returns:
        uint8 (rows, cols), multiples of 5; 255 is salient.

    Raises:
        PresetError: the network gave something that is not a number.
    """
    if not np.isfinite(evidence).all():
        raise PresetError("the network's output is not finite: its weights are damaged")
    low, high = _levels(evidence, options)
    span = max(high - low, contrast if options.contrast is None else options.contrast)
    if span <= 0:
        return np.zeros(evidence.shape, np.uint8)
    saliency = np.clip((evidence - low) / span, 0, 1)
    return (np.rint(saliency * (255 // _STEP)) * _STEP).astype(np.uint8)


def learned_evidence(logits: NDArray[np.float32], gaze: float) -> Reals:
    """Evidence (rows, cols) in [0, 1] from a head's logits (rows, cols, 2 or 3) of gaze, objects and faces.

    Three things are joined as chances are: objects, ``(1 - gaze) * chance``; what of them is looked at, ``gaze *
    (density / 10) ** 2 * chance``; and looks anywhere, ``gaze * 0.2 * (density - 1) / 9`` where that is positive. There
    ``chance`` is that of an object and ``density`` that of gaze, 1 for an even spread and counted up to 10. An object
    is there as a whole, and what is looked at stands out. A face has at least 0.44: people look at the eyes, but all of
    it matters.
    """
    looks, chance = logits[:, :, 0].astype(np.float64), _chance(logits[:, :, 1])
    density = np.exp(looks - looks.max())
    density = np.minimum(density * (density.size / density.sum()), _PEAK)
    object_looks = gaze * (density / _PEAK) ** 2 * chance
    any_looks = gaze * _ANYWHERE * np.maximum(density - 1, 0) / (_PEAK - 1)
    evidence: Reals = 1 - (1 - (1 - gaze) * chance) * (1 - object_looks) * (1 - any_looks)
    return np.maximum(evidence, _face_evidence(logits[:, :, 2])) if logits.shape[2] > 2 else evidence


def _face_evidence(logits: NDArray[np.float32]) -> Reals:
    """What is said of faces: all of it from a chance of 0.2 on, nothing up to 0.1, in a cell or in one beside it."""
    import cv2

    low, high = _UNSURE
    near = cv2.dilate(_chance(logits), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    evidence: Reals = _FACE * np.clip((near - low) / (high - low), 0, 1)
    return evidence


def _chance(logits: NDArray[np.float32]) -> Reals:
    chance: Reals = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -50, 50)))
    return chance


def class_evidence(activations: Activations, classes: int | None = None) -> Reals:
    """Sum of the positive class activations (rows, cols), of all classes or of the ``classes`` with the best logits.

    That of the best is scaled up to the sum of all in the mean, so that thresholds keep their meaning.
    """
    positive = np.maximum(activations.maps, 0)
    total: Reals = positive.sum(axis=2, dtype=np.float64)
    if classes is None:
        return total
    ranked: Reals = positive[:, :, activations.ranked(classes)].sum(axis=2, dtype=np.float64)
    share = ranked.mean() / total.mean() if total.any() else 0.0
    return ranked / share if share > 0 else ranked


def _levels(evidence: Reals, options: MapOptions) -> tuple[float, float]:
    """The two thresholds of an image in the network's units."""
    if options.threshold == "quantile":
        return float(np.quantile(evidence, options.low)), float(np.quantile(evidence, options.high))
    unit = {"mean": evidence.mean(), "peak": evidence.max(), "fixed": 1.0}[options.threshold]
    return float(options.low * unit), float(options.high * unit)
