"""The table of full-reference metrics: what is measured, under which name, in which unit and direction.

To add a metric, write its function ``(reference, distorted, saliency) -> float`` and add an entry to :data:`METRICS`.
:func:`measure`, ``saliency-jpeg compare``, ``saliency-jpeg bench`` and the BD-rates all read this table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy.typing as npt

from .arrays import Map, as_map, as_pair
from .butteraugli import butteraugli
from .quality import MS_SSIM_MIN_SIDE, ms_ssim_db, psnr, psnr_hvsm, psnr_rgb
from .ssimulacra2 import ssimulacra2

__all__ = ["METRICS", "Metric", "Region", "is_lower_better", "measure"]

Region = Literal["image", "salient", "background"]


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    Attributes:
        function: takes (reference, distorted) and, unless the region is the whole image, a map. Returns a float, a
            NamedTuple of floats, or ``None`` if it cannot run here because a program or package is missing.
        label: name for people.
        unit: "dB", or "" for a plain number.
        lower_is_better: the direction; a distance is better when lower.
        region: the part that counts: the whole image, what the saliency map marks, or the rest.
        field: which value to take from the function's NamedTuple; "" if it returns one float.
        min_side: smallest height and width in pixels; smaller images have the value NaN.
    """

    function: Callable[..., Any]
    label: str
    unit: str = ""
    lower_is_better: bool = False
    region: Region = "image"
    field: str = ""
    min_side: int = 1

    @property
    def title(self) -> str:
        """Label, region and unit, such as "PSNR-HVS-M, salient, dB"."""
        parts = (self.label, "" if self.region == "image" else self.region, self.unit)
        return ", ".join(part for part in parts if part)


#: All metrics by name, in the order in which they are printed.
METRICS: Final[dict[str, Metric]] = {
    "ssimulacra2": Metric(ssimulacra2, "SSIMULACRA2"),
    "butteraugli3": Metric(butteraugli, "Butteraugli, 3-norm", lower_is_better=True, field="norm3"),
    "butteraugli_max": Metric(butteraugli, "Butteraugli, maximum", lower_is_better=True, field="maximum"),
    "psnr_hvsm": Metric(psnr_hvsm, "PSNR-HVS-M", "dB"),
    "ms_ssim_db": Metric(ms_ssim_db, "MS-SSIM", "dB", min_side=MS_SSIM_MIN_SIDE),
    "psnr_y": Metric(psnr, "PSNR of Y", "dB"),
    "psnr_rgb": Metric(psnr_rgb, "PSNR of RGB", "dB"),
    "ssimulacra2_s": Metric(ssimulacra2, "SSIMULACRA2", region="salient"),
    "butteraugli3_s": Metric(butteraugli, "Butteraugli, 3-norm", "", True, "salient", "norm3"),
    "hvsm_s": Metric(psnr_hvsm, "PSNR-HVS-M", "dB", region="salient"),
    "ms_ssim_db_s": Metric(ms_ssim_db, "MS-SSIM", "dB", region="salient", min_side=MS_SSIM_MIN_SIDE),
    "psnr_s": Metric(psnr, "PSNR of Y", "dB", region="salient"),
    "psnr_s_bg": Metric(psnr, "PSNR of Y", "dB", region="background"),
}


def is_lower_better(name: str) -> bool:
    """Returns the direction of a metric by name; higher is better for a name that is not in the table."""
    return name in METRICS and METRICS[name].lower_is_better


def measure(
    reference: npt.ArrayLike,
    distorted: npt.ArrayLike,
    saliency: npt.ArrayLike | None = None,
    *,
    with_butteraugli: bool = True,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, float]:
    """Measures two images by every metric of a table.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]. Without it the metrics of the salient region and the background are left out.
        with_butteraugli: also run Butteraugli, which is slow.
        metrics: the table; that of :mod:`saliency_jpeg.perceptual` has a slow metric more.

    Returns:
        Values by name in the order of the table. A metric that cannot run here is missing; MS-SSIM is NaN for images
        that are too small for it.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted)
    maps: dict[Region, tuple[Map, ...]] = {"image": ()}
    if saliency is not None:
        salient = as_map(saliency, a)
        maps |= {"salient": (salient,), "background": (1 - salient,)}
    results: dict[tuple[Callable[..., Any], Region], Any] = {}  # two rows may share one run of a function
    values = {}
    for name, metric in metrics.items():
        if metric.region not in maps or (metric.function is butteraugli and not with_butteraugli):
            continue
        if min(a.shape[:2]) < metric.min_side:
            values[name] = math.nan
            continue
        key = metric.function, metric.region
        if key not in results:
            results[key] = metric.function(a, b, *maps[metric.region])
        if results[key] is not None:
            values[name] = float(getattr(results[key], metric.field) if metric.field else results[key])
    return values
