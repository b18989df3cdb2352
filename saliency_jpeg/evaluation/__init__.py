"""Quality metrics and the size-matched comparison of encoders.

>>> from saliency_jpeg.evaluation import ssimulacra2
>>> ssimulacra2(reference, decoded)  # doctest: +SKIP

``python -m saliency_jpeg.evaluation --help`` compares encoders on a folder of images.
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
from .ssimulacra2 import Ssimulacra2, ssimulacra2

__all__ = [
    "LOWER_IS_BETTER",
    "Butteraugli",
    "Ssimulacra2",
    "butteraugli",
    "measure",
    "ms_ssim",
    "ms_ssim_db",
    "psnr",
    "psnr_hvsm",
    "psnr_rgb",
    "ssimulacra2",
]
