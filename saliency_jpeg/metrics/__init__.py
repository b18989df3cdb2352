"""Metrics: how close an image is to its reference, and how well a saliency map predicts where people look.

May import ``image`` and ``errors``. Rate control, training and evaluation measure by it.

>>> from saliency_jpeg.metrics import ssimulacra2
>>> ssimulacra2(reference, decoded)  # doctest: +SKIP
"""

from __future__ import annotations

from .block_artefacts import background_blocks, block_jumps, dc_only_share, edge_blocks
from .butteraugli import Butteraugli, ButteraugliDistance, butteraugli
from .quality import ms_ssim, ms_ssim_db, psnr, psnr_hvsm, psnr_rgb
from .rating import predicted_elo
from .saliency import auc, auc_judd, cc, f_curve, fixation_density, kl, mae, max_f, nss, share_above, sim
from .ssimulacra2 import Ssimulacra2, ssimulacra2
from .table import METRICS, Metric, is_lower_better, measure

__all__ = [
    "METRICS",
    "Butteraugli",
    "ButteraugliDistance",
    "Metric",
    "Ssimulacra2",
    "auc",
    "auc_judd",
    "background_blocks",
    "block_jumps",
    "butteraugli",
    "cc",
    "dc_only_share",
    "edge_blocks",
    "f_curve",
    "fixation_density",
    "is_lower_better",
    "kl",
    "mae",
    "max_f",
    "measure",
    "ms_ssim",
    "ms_ssim_db",
    "nss",
    "predicted_elo",
    "psnr",
    "psnr_hvsm",
    "psnr_rgb",
    "share_above",
    "sim",
    "ssimulacra2",
]
