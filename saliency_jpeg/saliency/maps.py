"""From evidence to a saliency grid: options, thresholds, levels.

Evidence is one number per cell. ``"classes"`` is the sum of the positive class activations, ``sum_c max(0, A_c)``:
every class the network knows counts, and evidence against a class counts nothing. ``"learned"`` evidence comes from a
head that was trained with gaze and objects (:mod:`.heads`).

Two thresholds cut the evidence to [0, 1]. The result is rounded to 52 levels while it is still a grid, because
processors differ in the last bits of a convolution: rounding once, coarsely and early, gives nearly every cell the same
level everywhere, and all later steps are exact (:mod:`.grid`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..checks import check_number, check_one_of, is_integer, shown
from ..errors import OptionError, PresetError
from .activations import rank_classes

__all__ = ["Evidence", "MapOptions", "Reals", "class_evidence", "saliency_grid"]

Threshold = Literal["quantile", "mean", "peak", "fixed"]
Evidence = Literal["classes", "learned"]
Reals = NDArray[np.float64]

_STEP = 5  # of the grid, in units of 1/255


@dataclass(frozen=True)
class MapOptions:
    """How the network's output becomes a map.

    The defaults were measured by ``scripts/measure_saliency.py`` (gaze and object masks) and on encoded images: a
    narrower map costs the salient region little, and leaves more bytes for the rest of the image.

    Attributes:
        threshold: what ``low`` and ``high`` are: ``"quantile"`` of the image's evidence, multiples of its ``"mean"``
            or its ``"peak"``, or ``"fixed"`` values in the network's units.
        low: evidence up to here becomes 0.
        high: evidence from here becomes 1; linear in between.
        contrast: least difference of evidence, in the network's units, between 0 and 1; None for the preset's. An
            image with less (sky, a plain wall, noise) gets a flatter map instead of one stretched to full contrast.
            Learned evidence lies in [0, 1] and needs none.
        classes: how many classes count, those with the largest logits first; None for all. The sum is scaled to the
            evidence of all classes, so that ``contrast`` and fixed thresholds keep their meaning. Class evidence only.
        smoothing: standard deviation of the interpolation from grid to pixels, in cells, 0.25 to 4.
        evidence: ``"classes"``, or ``"learned"`` for presets whose head learned it.
        gaze: weight of the density of gaze against the chance of an object in learned evidence, 0 to 1; 0 gives whole
            objects.

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
        check_one_of("evidence", self.evidence, get_args(Evidence))
        check_number("gaze", self.gaze, 0, 1)
        check_one_of("threshold", self.threshold, get_args(Threshold))
        top = 1.0 if self.threshold in ("quantile", "peak") else math.inf
        check_number("low", self.low, 0, top)
        check_number("high", self.high, 0, top)
        if self.low >= self.high:
            raise OptionError(f"high must be above low = {self.low}, got {self.high!r}")
        if self.contrast is not None:
            check_number("contrast", self.contrast, 0, math.inf)
        check_number("smoothing", self.smoothing, 0.25, 4)
        if self.classes is not None and not is_integer(self.classes, 1, math.inf):
            raise OptionError(f"classes must be None or at least 1, got {shown(self.classes)}")


def saliency_grid(evidence: Reals, options: MapOptions, *, contrast: float = 0.0) -> NDArray[np.uint8]:
    """Computes the saliency of each cell.

    Args:
        evidence: float64 (rows, cols), from :func:`class_evidence` or :meth:`.heads.Head.to_evidence`.
        options: thresholds.
        contrast: the preset's, used where ``options.contrast`` is None.

    Returns:
        uint8 (rows, cols), multiples of 5; 255 is salient.

    Raises:
        PresetError: the evidence is not finite.
    """
    if not np.isfinite(evidence).all():
        raise PresetError("the network's output is not finite: its weights are damaged")
    low, high = _levels(evidence, options)
    span = max(high - low, contrast if options.contrast is None else options.contrast)
    if span <= 0:
        return np.zeros(evidence.shape, np.uint8)
    saliency = np.clip((evidence - low) / span, 0, 1)
    return (np.rint(saliency * (255 // _STEP)) * _STEP).astype(np.uint8)


def class_evidence(maps: NDArray[np.float32], classes: int | None = None) -> Reals:
    """Sums the positive class activations of each cell.

    Args:
        maps: float32 (rows, cols, classes), class activations.
        classes: how many classes count, those with the largest logits first; None for all. Their sum is scaled so that
            its mean is that of all classes.

    Returns:
        float64 (rows, cols), in the network's units.

    Raises:
        OptionError: ``classes`` is below 1.
    """
    positive = np.maximum(maps, 0)
    total: Reals = positive.sum(axis=2, dtype=np.float64)
    if classes is None:
        return total
    ranked: Reals = positive[:, :, rank_classes(maps, classes)].sum(axis=2, dtype=np.float64)
    share = ranked.mean() / total.mean() if total.any() else 0.0
    return ranked / share if share > 0 else ranked


def _levels(evidence: Reals, options: MapOptions) -> tuple[float, float]:
    """Returns the two thresholds of an image in the network's units."""
    if options.threshold == "quantile":
        return float(np.quantile(evidence, options.low)), float(np.quantile(evidence, options.high))
    unit = {"mean": evidence.mean(), "peak": evidence.max(), "fixed": 1.0}[options.threshold]
    return float(options.low * unit), float(options.high * unit)
