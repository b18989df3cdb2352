"""Metrics of saliency maps, against recorded gaze and against masks of objects.

Gaze: Z. Bylinskii, T. Judd, A. Oliva, A. Torralba and F. Durand, "What do different evaluation metrics tell us about
saliency models?", TPAMI 2019. Masks: R. Achanta, S. Hemami, F. Estrada and S. Susstrunk, "Frequency-tuned salient
region detection", CVPR 2009, and A. Borji, M.-M. Cheng, H. Jiang and J. Li, "Salient object detection: a benchmark",
TIP 2015.

Conventions of all functions:

- ``saliency`` is (H, W), real or bool, finite. It is measured as given: nothing is scaled or blurred first.
- ``fixations`` are real (n, 2), rows of (row, column); pixel i spans i to i + 1 and a repeated place counts twice.
  Or a bool map (H, W), where each place counts once.
- ``density`` is (H, W), at least 0, of any scale, such as :func:`fixation_density` returns.
- ``mask`` is (H, W): bool, uint8 where 128 and more mark the object, or float where values above 0.5 do.
- Ties count half, so a constant map has an AUC of 0.5. It also has an NSS and a CC of 0, and is a uniform density.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..image.boxes import fill_boxes
from .arrays import Map

__all__ = [
    "auc",
    "auc_judd",
    "cc",
    "f_curve",
    "fixation_density",
    "kl",
    "mae",
    "max_f",
    "nss",
    "share_above",
    "sim",
]

BETA_SQUARED = 0.3  # of the F-measure, after Achanta et al.
_EPSILON = float(np.finfo(np.float64).eps)  # of the reference's KL
Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


# ---- gaze --------------------------------------------------------------------------------------


def auc_judd(saliency: npt.ArrayLike, fixations: npt.ArrayLike) -> float:
    """Measures AUC-Judd: the probability that a fixated pixel is more salient than one that nobody looked at.

    This is the area under the complete ROC curve, 0.5 for chance. The authors' program samples the curve only at the
    values of the fixations and joins the samples with straight lines, which reads up to 1 / (2 n) higher for n
    fixations.

    Args:
        saliency: (H, W).
        fixations: (n, 2) of (row, column), or bool (H, W).

    Raises:
        InputError: another shape, NaN, no fixation, or one outside the map, or every pixel is fixated.
    """
    values = _values(saliency)
    places = _places(fixations, values.shape)
    unseen = np.ones(values.shape, np.bool_)
    unseen[places] = False
    if not unseen.any():
        raise InputError("AUC-Judd needs a pixel without fixation, but every pixel is fixated")
    return _area(values[places], values[unseen])


def nss(saliency: npt.ArrayLike, fixations: npt.ArrayLike) -> float:
    """Measures NSS, normalized scanpath saliency: the mean at the fixations of the standardized map.

    Args:
        saliency: (H, W).
        fixations: (n, 2) of (row, column), or bool (H, W).

    Raises:
        InputError: another shape, NaN, no fixation, or one outside the map.
    """
    values = _values(saliency)
    return float(_standardized(values)[_places(fixations, values.shape)].mean())


def cc(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Measures CC, Pearson's correlation of map and density, -1 to 1.

    Args:
        saliency: (H, W).
        density: (H, W), at least 0.

    Raises:
        InputError: another shape, NaN, a negative value, or a density of 0 everywhere.
    """
    values = _values(saliency)
    return float((_standardized(values) * _standardized(_values(density, values.shape))).mean())


def sim(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Measures SIM, the similarity ``sum(min(P, Q))`` of two densities that each sum to 1; 0 to 1.

    Args:
        saliency: (H, W).
        density: (H, W), at least 0.

    Raises:
        InputError: another shape, NaN, a negative value, or a density of 0 everywhere.
    """
    predicted, seen = _distributions(saliency, density)
    return float(np.minimum(predicted, seen).sum())


def kl(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Measures the Kullback-Leibler divergence of the map P from the density Q, both of sum 1, in nats; 0 is best.

    ``sum(Q log(eps + Q / (eps + P)))`` with the machine epsilon of double precision, as in the authors' program. A map
    that is 0 where people look scores badly.

    Args:
        saliency: (H, W).
        density: (H, W), at least 0.

    Raises:
        InputError: another shape, NaN, a negative value, or a density of 0 everywhere.
    """
    predicted, seen = _distributions(saliency, density)
    return float((seen * np.log(_EPSILON + seen / (_EPSILON + predicted))).sum())


def fixation_density(fixations: npt.ArrayLike, size: tuple[int, int], sigma: float) -> Map:
    """Returns the density of fixations: a Gaussian of height 1 on each.

    Densities are not normalized, so they can be added.

    Args:
        fixations: (n, 2) of (row, column).
        size: (height, width) of the image in pixels.
        sigma: of the Gaussians, in pixels; usually one degree of the visual field.

    Returns:
        float64 (height, width).

    Raises:
        InputError: another shape, NaN, or no fixation.
    """
    points = _points(fixations)
    down, across = (
        np.exp(-0.5 * ((np.arange(length) + 0.5 - points[:, axis, None]) / sigma) ** 2)
        for axis, length in enumerate(size)
    )
    return np.asarray(down.T @ across)


# ---- masks -------------------------------------------------------------------------------------


def auc(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """Measures the area under the ROC curve: the probability that an object pixel is more salient than another one.

    Args:
        saliency: (H, W).
        mask: (H, W), see the conventions of this module.

    Raises:
        InputError: another shape, NaN, or a mask without object or without background.
    """
    values, inside = _pair(saliency, mask)
    return _area(values[inside], values[~inside])


def f_curve(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> Map:
    """Measures the F-measure at 256 thresholds; entry k takes pixels of at least k / 255 as the object.

    ``F = (1 + b) precision recall / (b precision + recall)`` with b = beta squared = 0.3; 0 where no pixel is found.
    The map is rounded to multiples of 1/255. The maxF of a data set is the maximum of the mean of its images' curves:
    one threshold for all.

    Args:
        saliency: (H, W) in [0, 1].
        mask: (H, W), see the conventions of this module.

    Returns:
        float64 (256,).

    Raises:
        InputError: another shape, a map outside [0, 1], or a mask without object or without background.
    """
    values, inside = _pair(saliency, mask, bounded=True)
    levels = np.rint(values * 255).astype(np.intp)
    found, marked = (np.bincount(v, minlength=256)[::-1].cumsum()[::-1] for v in (levels[inside], levels.ravel()))
    precision, recall = found / np.maximum(marked, 1), found / np.count_nonzero(inside)
    weighted = BETA_SQUARED * precision + recall
    return np.asarray((1 + BETA_SQUARED) * precision * recall / np.where(weighted > 0, weighted, 1))


def max_f(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """Measures the largest F-measure of one image over all thresholds of :func:`f_curve`, 0 to 1.

    Args:
        saliency: (H, W) in [0, 1].
        mask: (H, W), see the conventions of this module.

    Raises:
        InputError: another shape, a map outside [0, 1], or a mask without object or without background.
    """
    return float(f_curve(saliency, mask).max())


def mae(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """Measures the mean absolute difference of map and mask, 0 to 1; lower is better.

    Args:
        saliency: (H, W) in [0, 1].
        mask: (H, W), see the conventions of this module.

    Raises:
        InputError: another shape, a map outside [0, 1], or a mask without object or without background.
    """
    values, inside = _pair(saliency, mask, bounded=True)
    return float(np.abs(values - inside).mean())


def share_above(saliency: npt.ArrayLike, region: Bools | Iterable[Any], threshold: float = 0.5) -> float:
    """Measures the share of a region, such as the faces in an image, where the map reaches a threshold.

    Args:
        saliency: (H, W).
        region: bool array (H, W), or boxes (left, top, right, bottom) in pixels, clipped to the image.
        threshold: in the map's units.

    Returns:
        0 to 1, or NaN for a region without pixels.

    Raises:
        InputError: the region has another shape than the map.
        OptionError: a box is not four numbers with left < right and top < bottom.
    """
    values = _values(saliency)
    is_mask = getattr(region, "dtype", None) == np.bool_
    inside = np.asarray(region) if is_mask else fill_boxes(region, values.shape)
    if inside.shape != values.shape:
        raise InputError(f"the region must have the map's shape {values.shape}, got {inside.shape}")
    return float((values[inside] >= threshold).mean()) if inside.any() else float("nan")


# ---- shared ------------------------------------------------------------------------------------


def _area(positive: Map, negative: Map) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney); ties count half."""
    if positive.size > negative.size:
        return 1.0 - _area(negative, positive)
    ranked = np.sort(negative)
    below = np.searchsorted(ranked, positive, "left") + np.searchsorted(ranked, positive, "right")
    return float(below.mean() / (2 * negative.size))


def _standardized(values: Map) -> Map:
    centred = values - values.mean()
    deviation = float(centred.std())
    flat = deviation <= _EPSILON * float(np.abs(values).max(initial=0))
    return np.zeros_like(centred) if flat else np.asarray(centred / deviation)


def _distributions(saliency: npt.ArrayLike, density: npt.ArrayLike) -> tuple[Map, Map]:
    predicted = _values(saliency)
    seen = _values(density, predicted.shape)
    if min(predicted.min(), seen.min()) < 0:
        raise InputError(f"a density must not be negative, got {min(predicted.min(), seen.min()):g}")
    if not seen.any():
        raise InputError("the density of fixations must not be 0 everywhere")
    total = float(predicted.sum())
    return predicted / total if total else np.full(predicted.shape, 1 / predicted.size), seen / seen.sum()


def _values(values: npt.ArrayLike, shape: tuple[int, int] | None = None) -> Map:
    checked = np.asarray(values)
    if checked.ndim != 2 or not checked.size or checked.dtype.kind not in "biuf":
        raise InputError(f"a saliency map must be a real array (H, W), got {checked.dtype} {checked.shape}")
    if shape not in (None, checked.shape):
        raise InputError(f"the density or mask must have the map's shape {shape}, got {checked.shape}")
    if not np.isfinite(checked).all():
        raise InputError("a saliency map must be finite, got NaN or infinity")
    return checked.astype(np.float64)


def _pair(saliency: npt.ArrayLike, mask: npt.ArrayLike, *, bounded: bool = False) -> tuple[Map, Bools]:
    values = _values(saliency)
    if bounded and not (values.min() >= 0 and values.max() <= 1):
        raise InputError(f"the saliency map must lie in [0, 1], got {values.min():g} to {values.max():g}")
    inside = _values(mask, values.shape) > (127.5 if np.asarray(mask).dtype == np.uint8 else 0.5)
    if inside.all() or not inside.any():
        raise InputError("a mask needs both an object and a background, got only one of them")
    return values, inside


def _points(fixations: npt.ArrayLike) -> Map:
    points = np.asarray(fixations, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not points.size or not np.isfinite(points).all():
        raise InputError(f"fixations must be finite (n, 2) of (row, column) with n >= 1, got shape {points.shape}")
    return points


def _places(fixations: npt.ArrayLike, shape: tuple[int, ...]) -> Places:
    if np.asarray(fixations).dtype == np.bool_:
        marked = np.asarray(fixations)
        if marked.shape != shape or not marked.any():
            raise InputError(f"a bool map of fixations must have shape {shape} and mark a pixel, got {marked.shape}")
        rows, columns = np.nonzero(marked)
        return rows, columns
    points = np.floor(_points(fixations))
    if not ((points >= 0) & (points < shape)).all():
        raise InputError(f"fixations must lie inside the map of shape {shape}")
    rows, columns = points.astype(np.intp).T
    return rows, columns
