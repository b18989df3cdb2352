"""What a saliency map has to beat: a blob in the middle, and a classic that knows nothing of objects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..metrics.arrays import Map, as_rgb
from ..saliency.grid import resize

__all__ = ["centred_gaussian", "spectral_residual"]

_LONG_SIDE = 64  # of the spectrum, after the paper
_BLUR = 2.5  # pixels of those, as in the authors' program


def centred_gaussian(size: tuple[int, int], *, width: float = 0.25) -> Map:
    """A Gaussian in the middle, float64 ``size`` (height, width), 1 at most; ``width`` is sigma in sides.

    People look at the middle and photographers put things there; this is what that alone is worth.
    """
    rows, columns = (np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / width) ** 2) for n in size)
    return np.outer(rows, columns)


def spectral_residual(rgb: npt.ArrayLike) -> Map:
    """Spectral residual of an image, float64 (H, W) in [0, 1].

    X. Hou and L. Zhang, "Saliency detection: a spectral residual approach", CVPR 2007: at 64 pixels, what stands out of
    the locally averaged log spectrum, brought back with the phase, squared and blurred (sigma 2.5). Scaled to 0 to 1.

    Args:
        rgb: uint8 (H, W, 3) or (H, W).

    Raises:
        InputError: another array.
    """
    import cv2

    pixels = as_rgb(rgb)
    height, width = pixels.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    small = resize(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))
    spectrum = np.fft.fft2(small.mean(axis=2))
    log_amplitude = np.log(np.abs(spectrum) + 1e-9)
    average = cv2.blur(log_amplitude, (3, 3), borderType=cv2.BORDER_REPLICATE)
    residual = np.abs(np.fft.ifft2(np.exp(log_amplitude - average + 1j * np.angle(spectrum)))) ** 2
    blurred = cv2.GaussianBlur(residual, (0, 0), _BLUR, borderType=cv2.BORDER_REPLICATE)
    large = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    span = float(large.max() - large.min())
    return np.asarray((large - large.min()) / span) if span > 0 else np.zeros((height, width))
