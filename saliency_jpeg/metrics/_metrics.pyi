"""The compiled metrics. Images are uint8 sRGB arrays of shape (H, W, 3), C-contiguous.

Another dtype or memory layout raises ``TypeError``. Another shape, images of different sizes and images that are too
small for a metric raise ``ValueError``. All functions release the GIL.
"""

import numpy as np
import numpy.typing as npt

MS_SSIM_MIN_SIDE: int
"""Shortest side of an image that :func:`ms_ssim` accepts, in pixels."""

SSIMULACRA2_WEIGHTS: tuple[float, ...]
"""Weights of the 108 numbers that :meth:`Ssimulacra2.norms` returns for six scales."""

class Ssimulacra2:
    """SSIMULACRA2 against one reference image, about 48 bytes a pixel. Several threads may use one object."""

    def __init__(self, reference: npt.NDArray[np.uint8], portable: bool = False) -> None:
        """Prepares the reference.

        Args:
            reference: (H, W, 3), both sides at least 8.
            portable: do not use AVX2. The results are the same.
        """
    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the reference."""
    def score(self, distorted: npt.NDArray[np.uint8]) -> float:
        """Returns the score of an image of the same size: 100 for the reference itself."""
    def norms(self, distorted: npt.NDArray[np.uint8]) -> list[float]:
        """Returns the norms that the score is computed from.

        Args:
            distorted: (H, W, 3), the size of the reference.

        Returns:
            3 components x up to 6 scales x 2 norms (mean, 4-norm) x 3 error maps (lost structure, added edges, lost
            edges), in this order, 108 numbers at most.
        """
    def gradient(self, distorted: npt.NDArray[np.float32], threads: int = 1) -> tuple[float, npt.NDArray[np.float32]]:
        """Returns the score and its derivatives (H, W, 3) by the sample values; 0 for values that were clipped.

        Args:
            distorted: (H, W, 3), sample values 0 to 255; values beyond are clipped.
            threads: that share the work. Results do not depend on it.
        """

class Butteraugli:
    """Butteraugli of libjxl against one reference image. Several threads may use one object."""

    def __init__(self, reference: npt.NDArray[np.uint8]) -> None:
        """Prepares the reference, (H, W, 3)."""
    def score(self, distorted: npt.NDArray[np.float32], threads: int = 1) -> tuple[float, float]:
        """Returns the largest distance and the 3-norm; 0 for images below 8 pixels on a side.

        Args:
            distorted: (H, W, 3), sample values 0 to 255; values beyond are clipped.
            threads: that share the work. Results do not depend on it.
        """
    def gradient(self, distorted: npt.NDArray[np.float32], threads: int = 1) -> tuple[float, npt.NDArray[np.float32]]:
        """Returns the 3-norm and its derivatives (H, W, 3) by the sample values; 0 for values that were clipped.

        Args:
            distorted: as for :meth:`score`.
            threads: that share the work.
        """

def luma(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Returns the luma (H, W) of an image: Y of JFIF, 0 to 255, not rounded."""

def ms_ssim(reference: npt.NDArray[np.uint8], distorted: npt.NDArray[np.uint8]) -> float:
    """Computes MS-SSIM of the luma (Wang, Simoncelli, Bovik 2003).

    Args:
        reference: (H, W, 3), both sides at least ``MS_SSIM_MIN_SIDE``.
        distorted: (H, W, 3), the same size.

    Returns:
        The similarity; 1 for identical images.
    """

def masked_block_errors(reference: npt.NDArray[np.uint8], distorted: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Computes the masked squared luma error of each whole 8x8 block, as PSNR-HVS-M does (Ponomarenko et al. 2007).

    Args:
        reference: (H, W, 3), both sides at least 8.
        distorted: (H, W, 3), the same size.

    Returns:
        (H // 8, W // 8) errors; their mean is the squared error of the PSNR.
    """
