"""Quality metrics, saliency metrics, and the size-matched comparison of encoders.

>>> from saliency_jpeg.evaluation import ssimulacra2
>>> ssimulacra2(reference, decoded)  # doctest: +SKIP

``python -m saliency_jpeg.evaluation --help`` compares encoders on a folder of images,
``python -m saliency_jpeg.evaluation saliency --help`` judges saliency maps by gaze and object masks.
"""

from __future__ import annotations

from .baselines import centred_gaussian, spectral_residual
from .judges import GazeScores, MaskScores, ceiling, judge_gaze, judge_masks, read_gaze, read_masks
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
from .robustness import Steadiness, judge_boxes, judge_steadiness, read_boxes, steadiness
from .saliency import (
    auc,
    auc_judd,
    cc,
    f_curve,
    fixation_density,
    kl,
    mae,
    max_f,
    nss,
    share_above,
    sim,
)
from .ssimulacra2 import Ssimulacra2, ssimulacra2

__all__ = [
    "LOWER_IS_BETTER",
    "Butteraugli",
    "GazeScores",
    "MaskScores",
    "Ssimulacra2",
    "Steadiness",
    "auc",
    "auc_judd",
    "butteraugli",
    "cc",
    "ceiling",
    "centred_gaussian",
    "f_curve",
    "fixation_density",
    "judge_boxes",
    "judge_gaze",
    "judge_masks",
    "judge_steadiness",
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
    "read_boxes",
    "read_gaze",
    "read_masks",
    "share_above",
    "sim",
    "spectral_residual",
    "ssimulacra2",
    "steadiness",
]
