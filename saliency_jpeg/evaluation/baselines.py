"""Baselines that a saliency model has to beat: the centre bias of photographs, and a method without learning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..io import full_package
from ..metrics.arrays import Map, as_rgb
from ..saliency.grid import resize

__all__ = ["centred_gaussian", "spectral_residual"]

_LONG_SIDE = 64  # pixels of the image whose spectrum is taken, as in the paper
_BLUR = 2.5  # sigma in those pixels, as in the authors' program


def centred_gaussian(size: tuple[int, int], *, width: float = 0.25) -> Map:
    """Returns a Gaussian in the middle of the image.

    People look at the middle and photographers place their subjects there: the scores of this map are those of the
    centre bias alone.

    Args:
        size: (height, width) in pixels.
        width: sigma as a share of height and width.

    Returns:
        float64 (height, width), at most 1.
    """
    rows, columns = (np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / width) ** 2) for n in size)
    return np.outer(rows, columns)


def spectral_residual(rgb: npt.ArrayLike) -> Map:
    """Returns the spectral residual of an image.

    X. Hou and L. Zhang, "Saliency detection: a spectral residual approach", CVPR 2007. At 64 pixels, what remains of
    the log spectrum after its local average is subtracted is transformed back with the original phase, squared and
    blurred (sigma 2.5).

    Args:
        rgb: uint8 (H, W, 3) or (H, W).

    Returns:
        float64 (H, W), scaled to [0, 1].

    Raises:
        InputError: another dtype or shape.
    """
    cv2 = full_package.load("cv2", "the spectral residual")

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
