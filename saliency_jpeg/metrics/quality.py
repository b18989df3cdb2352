"""Full-reference quality metrics: PSNR, MS-SSIM and PSNR-HVS-M, for the whole image or weighted by a saliency map.

Images are uint8 arrays, (H, W, 3) sRGB or (H, W) gray. PSNR and PSNR-HVS-M weight their squared errors by the map; a
map that is zero everywhere gives NaN. MS-SSIM, like SSIMULACRA2 and Butteraugli, measures a composite that shows the
distorted image only where the map is high.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from . import _metrics
from .arrays import BLOCK, Map, as_map, as_pair, block_means, composite
from .ycbcr import to_ycbcr

__all__ = ["MS_SSIM_MIN_SIDE", "ms_ssim", "ms_ssim_db", "psnr", "psnr_chroma", "psnr_hvsm", "psnr_rgb"]

#: Smallest height and width, in pixels, for five scales of MS-SSIM.
MS_SSIM_MIN_SIDE: int = _metrics.MS_SSIM_MIN_SIDE

_SMALLEST_ERROR = 1e-6  # in squared gray levels; bounds the PSNR of identical images
_PSNR_HVSM_CEILING = 100.0


def psnr(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """Measures the PSNR of luma (JFIF's Y, not rounded) in dB.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1], the weight of each squared error.

    Returns:
        Decibels; 108.1 for identical images, NaN if the map is zero everywhere.

    Raises:
        InputError: the arrays do not fit.
    """
    a, b = as_pair(reference, distorted)
    weights = None if saliency is None else as_map(saliency, a)
    return _decibels(_average((_metrics.luma(a) - _metrics.luma(b)) ** 2, weights))


def psnr_rgb(reference: npt.ArrayLike, distorted: npt.ArrayLike) -> float:
    """Measures the PSNR over the three sRGB components in dB.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.
        distorted: uint8 of the same size.

    Returns:
        Decibels; 108.1 for identical images.

    Raises:
        InputError: the arrays do not fit.
    """
    a, b = as_pair(reference, distorted)
    return _decibels(float(np.mean((a.astype(np.float64) - b) ** 2)))


def psnr_chroma(reference: npt.ArrayLike, distorted: npt.ArrayLike) -> float:
    """Measures the PSNR over JFIF's Cb and Cr together, at full resolution and not rounded, in dB.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.
        distorted: uint8 of the same size.

    Returns:
        Decibels; 108.1 for identical images.

    Raises:
        InputError: the arrays do not fit.
    """
    a, b = as_pair(reference, distorted)
    errors = to_ycbcr(a)[..., 1:] - to_ycbcr(b)[..., 1:]
    return _decibels(float(np.mean(errors**2)))


def ms_ssim(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """Measures MS-SSIM of luma, 1 for identical images.

    Z. Wang, E. Simoncelli and A. Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 176 pixels high and wide.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]; only the damage where it is high counts.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted, MS_SSIM_MIN_SIDE)
    return _metrics.ms_ssim(a, b if saliency is None else composite(a, b, saliency))


def ms_ssim_db(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """Measures MS-SSIM in decibels, ``-10 log10(1 - MS-SSIM)``; 90 for identical images.

    Args:
        reference: as for :func:`ms_ssim`.
        distorted: as for :func:`ms_ssim`.
        saliency: as for :func:`ms_ssim`.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    return -10.0 * math.log10(max(1.0 - ms_ssim(reference, distorted, saliency), 1e-9))


def psnr_hvsm(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """Measures PSNR-HVS-M of luma in dB, over whole 8x8 blocks.

    N. Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray, at least 8 pixels high and wide.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1], whose mean in each block weights the block's error.

    Returns:
        Decibels; at most 100 without a map, NaN if the map is zero everywhere.

    Raises:
        InputError: the arrays do not fit or are too small.
    """
    a, b = as_pair(reference, distorted, BLOCK)
    errors = _metrics.masked_block_errors(a, b)
    if saliency is None:
        return min(_decibels(float(errors.mean()), floor=0.0), _PSNR_HVSM_CEILING)
    return _decibels(_average(errors, block_means(as_map(saliency, a))))


def _decibels(error: float, floor: float = _SMALLEST_ERROR) -> float:
    error = max(error, floor)
    return 10.0 * math.log10(255.0**2 / error) if error else math.inf


def _average(errors: Map, weights: Map | None) -> float:
    if weights is not None and not weights.any():
        return math.nan
    return float(np.average(errors, weights=weights))
