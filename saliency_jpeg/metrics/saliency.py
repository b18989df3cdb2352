"""Saliency maps judged by people: by where they look, and by the objects they outline.

Gaze: Z. Bylinskii, T. Judd, A. Oliva, A. Torralba and F. Durand, "What do different evaluation metrics tell us about
saliency models?", TPAMI 2019. Masks: R. Achanta, S. Hemami, F. Estrada and S. Susstrunk, "Frequency-tuned salient
region detection", CVPR 2009, and A. Borji, M.-M. Cheng, H. Jiang and J. Li, "Salient object detection: a benchmark",
TIP 2015.

Conventions, the same everywhere:

- ``saliency`` is (H, W), real or bool, finite, judged as it is: nothing is stretched or blurred before.
- ``fixations`` are real (n, 2), rows of (row, column) with pixel i reaching from i to i + 1, a place twice where two
  looked; or a bool map (H, W), each place once.
- ``density`` is (H, W), at least 0, of any scale: where many looked, such as :func:`fixation_density` gives.
- ``mask`` is (H, W): bool, uint8 of which 128 and more are the object, or floats of which those above 0.5 are.
- Ties count half, so a flat map has an AUC of 0.5. It also has an NSS and a CC of 0, and counts as a uniform density.
- All raise ``InputError`` on other shapes, NaN, no fixation, an empty density, a mask without object or background.
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
    """AUC-Judd: the chance that a fixated pixel is more salient than one that nobody looked at, 0.5 for guessing.

    The area under the whole ROC curve. The authors' program samples that curve at the values of the fixations only and
    joins the samples with straight lines, which reads up to 1 / (2 n) higher for n fixations.
    """
    values = _values(saliency)
    places = _places(fixations, values.shape)
    unseen = np.ones(values.shape, np.bool_)
    unseen[places] = False
    if not unseen.any():
        raise InputError("every pixel is fixated")
    return _area(values[places], values[unseen])


def nss(saliency: npt.ArrayLike, fixations: npt.ArrayLike) -> float:
    """Normalized scanpath saliency: mean at the fixations of the map scaled to mean 0 and standard deviation 1."""
    values = _values(saliency)
    return float(_standardized(values)[_places(fixations, values.shape)].mean())


def cc(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Pearson's correlation of map and density, -1 to 1."""
    values = _values(saliency)
    return float((_standardized(values) * _standardized(_values(density, values.shape))).mean())


def sim(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Similarity, 0 to 1: what two densities of sum 1 have in common, ``sum(min(P, Q))``."""
    predicted, seen = _distributions(saliency, density)
    return float(np.minimum(predicted, seen).sum())


def kl(saliency: npt.ArrayLike, density: npt.ArrayLike) -> float:
    """Kullback-Leibler divergence of the map P from the density Q, both of sum 1, in nats; 0 is best.

    ``sum(Q log(eps + Q / (eps + P)))`` with the machine epsilon of double precision, as in the authors' program: a map
    that is 0 where people look pays dearly.
    """
    predicted, seen = _distributions(saliency, density)
    return float((seen * np.log(_EPSILON + seen / (_EPSILON + predicted))).sum())


def fixation_density(fixations: npt.ArrayLike, size: tuple[int, int], sigma: float) -> Map:
    """Where people look as float64 ``size`` (height, width): a Gaussian of ``sigma`` pixels, 1 high, on each fixation.

    The usual ``sigma`` is one degree of the visual field. Not scaled, so that densities add up.
    """
    points = _points(fixations)
    down, across = (
        np.exp(-0.5 * ((np.arange(length) + 0.5 - points[:, axis, None]) / sigma) ** 2)
        for axis, length in enumerate(size)
    )
    return np.asarray(down.T @ across)


# ---- masks -------------------------------------------------------------------------------------


def auc(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a pixel of the object is more salient than one beside it."""
    values, inside = _pair(saliency, mask)
    return _area(values[inside], values[~inside])


def f_curve(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> Map:
    """F-measure at 256 thresholds, float64 (256,): entry k takes pixels of at least k / 255 for the object.

    ``F = (1 + b) precision recall / (b precision + recall)`` with b = beta squared = 0.3; 0 where nothing is found.
    The map must lie in [0, 1] and is rounded to multiples of 1/255. The maxF of a data set is the maximum of the mean
    of its images' curves: one threshold for all.
    """
    values, inside = _pair(saliency, mask, bounded=True)
    levels = np.rint(values * 255).astype(np.intp)
    found, marked = (np.bincount(v, minlength=256)[::-1].cumsum()[::-1] for v in (levels[inside], levels.ravel()))
    precision, recall = found / np.maximum(marked, 1), found / np.count_nonzero(inside)
    weighted = BETA_SQUARED * precision + recall
    return np.asarray((1 + BETA_SQUARED) * precision * recall / np.where(weighted > 0, weighted, 1))


def max_f(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """The largest F-measure of one image over all thresholds of :func:`f_curve`, 0 to 1."""
    return float(f_curve(saliency, mask).max())


def mae(saliency: npt.ArrayLike, mask: npt.ArrayLike) -> float:
    """Mean absolute difference of a map in [0, 1] and the mask, 0 to 1, less is better."""
    values, inside = _pair(saliency, mask, bounded=True)
    return float(np.abs(values - inside).mean())


def share_above(saliency: npt.ArrayLike, region: Bools | Iterable[Any], threshold: float = 0.5) -> float:
    """Share of a region, such as the faces in a picture, where the map is at least ``threshold``; NaN without any area.

    Args:
        saliency: (H, W).
        region: bool array (H, W), or boxes (left, top, right, bottom) in pixels, cut off at the border.
        threshold: in the map's units.

    Raises:
        InputError: map and region do not fit.
        OptionError: a box is not one.
    """
    values = _values(saliency)
    is_mask = getattr(region, "dtype", None) == np.bool_
    inside = np.asarray(region) if is_mask else fill_boxes(region, values.shape)
    if inside.shape != values.shape:
        raise InputError(f"the region has shape {inside.shape}, the map {values.shape}")
    return float((values[inside] >= threshold).mean()) if inside.any() else float("nan")


# ---- what they share ---------------------------------------------------------------------------


def _area(positive: Map, negative: Map) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney), ties half."""
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
        raise InputError("a density must not be negative")
    if not seen.any():
        raise InputError("the density of fixations is 0 everywhere")
    total = float(predicted.sum())
    return predicted / total if total else np.full(predicted.shape, 1 / predicted.size), seen / seen.sum()


def _values(values: npt.ArrayLike, shape: tuple[int, int] | None = None) -> Map:
    checked = np.asarray(values)
    if checked.ndim != 2 or not checked.size or checked.dtype.kind not in "biuf":
        raise InputError(f"a map must be real (H, W), got {checked.dtype} {checked.shape}")
    if shape not in (None, checked.shape):
        raise InputError(f"the density or mask has shape {checked.shape}, the map {shape}")
    if not np.isfinite(checked).all():
        raise InputError("a map must not hold NaN or infinity")
    return checked.astype(np.float64)


def _pair(saliency: npt.ArrayLike, mask: npt.ArrayLike, *, bounded: bool = False) -> tuple[Map, Bools]:
    values = _values(saliency)
    if bounded and not (values.min() >= 0 and values.max() <= 1):
        raise InputError(f"the map must lie in [0, 1], got {values.min():g} to {values.max():g}")
    inside = _values(mask, values.shape) > (127.5 if np.asarray(mask).dtype == np.uint8 else 0.5)
    if inside.all() or not inside.any():
        raise InputError("a mask needs both an object and a background")
    return values, inside


def _points(fixations: npt.ArrayLike) -> Map:
    points = np.asarray(fixations, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not points.size or not np.isfinite(points).all():
        raise InputError(f"fixations must be (n, 2) of (row, column), n at least 1, got shape {points.shape}")
    return points


def _places(fixations: npt.ArrayLike, shape: tuple[int, ...]) -> Places:
    if np.asarray(fixations).dtype == np.bool_:
        marked = np.asarray(fixations)
        if marked.shape != shape or not marked.any():
            raise InputError(f"a map of fixations must have the map's shape {shape} and hold some, got {marked.shape}")
        rows, columns = np.nonzero(marked)
        return rows, columns
    points = np.floor(_points(fixations))
    if not ((points >= 0) & (points < shape)).all():
        raise InputError(f"a fixation lies outside the map of shape {shape}")
    rows, columns = points.astype(np.intp).T
    return rows, columns
