"""Full-reference quality of pictures, whole or weighted by a saliency map.

Images are uint8 arrays, (H, W, 3) sRGB or (H, W) gray, the reference first. ``saliency`` is a float map (H, W) in
[0, 1]. PSNR and PSNR-HVS-M then weight their squared errors by it; the other metrics look at a composite that shows
the distorted picture only where the map says so. A map that is zero everywhere gives NaN in the first two.
Every function raises ``InputError`` on other arrays, unequal sizes, or images too small for the metric.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import _metrics
from .arrays import Image, Map, as_map, as_pair, composite
from .ssimulacra2 import ssimulacra2

__all__ = [
    "LOWER_IS_BETTER",
    "Butteraugli",
    "butteraugli",
    "measure",
    "ms_ssim",
    "ms_ssim_db",
    "psnr",
    "psnr_hvsm",
    "psnr_rgb",
]

LOWER_IS_BETTER = frozenset({"butteraugli_max", "butteraugli3", "butteraugli3_s"})

_BLOCK = 8
_SMALLEST_ERROR = 1e-6  # in squared gray levels; bounds the PSNR of identical images
_PSNR_HVSM_CEILING = 100.0


class Butteraugli(NamedTuple):
    """Butteraugli distances: the largest of all pixels and the 3-norm over them. Lower is better, 1 is just visible."""

    maximum: float
    norm3: float


def psnr(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """PSNR of luma (JFIF's Y, not rounded) in dB; 108.1 for identical images."""
    a, b = as_pair(reference, distorted)
    return _decibels(_average((_metrics.luma(a) - _metrics.luma(b)) ** 2, _map_or_none(saliency, a)))


def psnr_rgb(reference: npt.ArrayLike, distorted: npt.ArrayLike) -> float:
    """PSNR over the three sRGB components in dB; 108.1 for identical images."""
    a, b = as_pair(reference, distorted)
    return _decibels(float(np.mean((a.astype(np.float64) - b) ** 2)))


def ms_ssim(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """MS-SSIM of luma (Wang, Simoncelli, Bovik 2003), 1 for identical images; sides of 176 pixels at least."""
    a, b = as_pair(reference, distorted, _metrics.MS_SSIM_MIN_SIDE)
    return _metrics.ms_ssim(a, b if saliency is None else composite(a, b, saliency))


def ms_ssim_db(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """MS-SSIM as ``-10 log10(1 - MS-SSIM)`` in dB; 90 for identical images."""
    return -10.0 * math.log10(max(1.0 - ms_ssim(reference, distorted, saliency), 1e-9))


def psnr_hvsm(reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None) -> float:
    """PSNR-HVS-M of luma (Ponomarenko et al. 2007) in dB, over whole 8x8 blocks; 100 at most without a map."""
    a, b = as_pair(reference, distorted, _BLOCK)
    errors = _metrics.masked_block_errors(a, b)
    if saliency is None:
        return min(_decibels(float(errors.mean()), floor=0.0), _PSNR_HVSM_CEILING)
    return _decibels(_average(errors, _block_means(as_map(saliency, a))))


def butteraugli(
    reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None
) -> Butteraugli | None:
    """Butteraugli distance from libjxl's program ``butteraugli_main`` ($BUTTERAUGLI or on the PATH).

    ``None`` where the program is not installed (Debian has it in libjxl-devtools).
    """
    a, b = as_pair(reference, distorted)
    program = os.environ.get("BUTTERAUGLI") or shutil.which("butteraugli_main")
    if not program:
        return None
    text = _run_on_files(program, a, b if saliency is None else composite(a, b, saliency))
    maximum, norm3 = text.splitlines()[:2]
    return Butteraugli(float(maximum), float(norm3.split(":")[1]))


def measure(
    reference: npt.ArrayLike,
    distorted: npt.ArrayLike,
    saliency: npt.ArrayLike | None = None,
    *,
    with_butteraugli: bool = True,
) -> dict[str, float]:
    """Every metric by name; names in ``_s`` are weighted by the map, ``psnr_s_bg`` by its complement.

    Butteraugli is left out where its program is not installed; MS-SSIM is NaN for images too small for it.
    """
    a, b = as_pair(reference, distorted)
    large_enough = min(a.shape[:2]) >= _metrics.MS_SSIM_MIN_SIDE
    values = {
        "psnr_y": psnr(a, b),
        "psnr_rgb": psnr_rgb(a, b),
        "ms_ssim_db": ms_ssim_db(a, b) if large_enough else math.nan,
        "psnr_hvsm": psnr_hvsm(a, b),
        "ssimulacra2": ssimulacra2(a, b),
    }
    if with_butteraugli and (distance := butteraugli(a, b)):
        values |= {"butteraugli_max": distance.maximum, "butteraugli3": distance.norm3}
    if saliency is None:
        return values
    roi = as_map(saliency, a)
    values |= {
        "psnr_s": psnr(a, b, roi),
        "psnr_s_bg": psnr(a, b, 1 - roi),
        "hvsm_s": psnr_hvsm(a, b, roi),
        "ms_ssim_db_s": ms_ssim_db(a, b, roi) if large_enough else math.nan,
        "ssimulacra2_s": ssimulacra2(a, b, roi),
    }
    if with_butteraugli and (distance := butteraugli(a, b, roi)):
        values["butteraugli3_s"] = distance.norm3
    return values


def _decibels(error: float, floor: float = _SMALLEST_ERROR) -> float:
    error = max(error, floor)
    return 10.0 * math.log10(255.0**2 / error) if error else math.inf


def _average(errors: Map, weights: Map | None) -> float:
    if weights is not None and not weights.any():
        return math.nan
    return float(np.average(errors, weights=weights))


def _map_or_none(saliency: npt.ArrayLike | None, image: Image) -> Map | None:
    return None if saliency is None else as_map(saliency, image)


def _block_means(weights: Map) -> Map:
    rows, columns = weights.shape[0] // _BLOCK, weights.shape[1] // _BLOCK
    whole = weights[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.asarray(whole.mean((1, 3)))


def _run_on_files(program: str, a: Image, b: Image) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [_write_ppm(Path(folder) / name, image) for name, image in (("a.ppm", a), ("b.ppm", b))]
        return subprocess.run([program, *paths], capture_output=True, text=True, check=True).stdout


def _write_ppm(path: Path, image: Image) -> str:
    path.write_bytes(b"P6 %d %d 255\n" % image.shape[1::-1] + image.tobytes())
    return str(path)
