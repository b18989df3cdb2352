"""How near one picture is to another, and how near a saliency map is to where people look.

It may import boxes and errors; rate control, trainings and the evaluation measure by it.

>>> from saliency_jpeg.metrics import ssimulacra2
>>> ssimulacra2(reference, decoded)  # doctest: +SKIP
"""

from __future__ import annotations

from .quality import (
    LOWER_IS_BETTER,
    Butteraugli,
    butteraugli,
    measure,
    ms_ssim,
    ms_ssim_db,
    psnr,
    psnr_hvsm,
    psnr_rgb,
)
from .saliency import auc, auc_judd, cc, f_curve, fixation_density, kl, mae, max_f, nss, share_above, sim
from .ssimulacra2 import Ssimulacra2, ssimulacra2

__all__ = [
    "LOWER_IS_BETTER",
    "Butteraugli",
    "Ssimulacra2",
    "auc",
    "auc_judd",
    "butteraugli",
    "cc",
    "f_curve",
    "fixation_density",
    "kl",
    "mae",
    "max_f",
    "measure",
    "ms_ssim",
    "ms_ssim_db",
    "nss",
    "psnr",
    "psnr_hvsm",
    "psnr_rgb",
    "share_above",
    "sim",
    "ssimulacra2",
]
