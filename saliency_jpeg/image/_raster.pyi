"""Resizing of pictures and maps, and regions of masks, with the same bits on every processor.

Arrays are C-contiguous; another dtype or memory layout raises ``TypeError``. Another shape, or an argument out of
range, raises ``ValueError``. All functions release the GIL. Results are those of OpenCV's functions, to the bit.
"""

import numpy as np
import numpy.typing as npt

def resize_area(image: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Averages areas, as ``cv2.resize`` with ``INTER_AREA``.

    Args:
        image: (H, W) or (H, W, 3).
        size: (height, width) of the result; neither side may grow.
    """

def resize_linear(image: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Interpolates between the four nearest pixels, as ``cv2.resize`` with ``INTER_LINEAR``.

    Args:
        image: (H, W) or (H, W, 3).
        size: (height, width) of the result.
    """

def mean_of_four(image: npt.NDArray[np.uint8], divisor: int, start: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Divides both sides by 2 or 4; a pixel becomes the mean of four: of 2x2, or of the middle of 4x4.

    Args:
        image: (H, W) or (H, W, 3).
        divisor: 2 or 4.
        start: (row, column) of the first square, at most what the divisions leave over.
    """

def enlarge_exact(
    image: npt.NDArray[np.uint8], size: tuple[int, int], table: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Enlarges a map, as ``cv2.resize`` with ``INTER_LINEAR_EXACT``, and looks each value up.

    Args:
        image: (H, W).
        size: (height, width) of the result.
        table: what becomes of each of the 256 values.
    """

def label_parts(mask: npt.NDArray[np.uint8]) -> tuple[int, npt.NDArray[np.int32]]:
    """Numbers the parts of a mask whose cells touch at sides or corners.

    Args:
        mask: (H, W).

    Returns:
        The number of parts, and (H, W) of their numbers from 1 on, 0 outside.
    """

def distance_to_zero(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Computes about the distance of each cell to the nearest 0, as ``cv2.distanceTransform`` with a mask of 5x5.

    Args:
        mask: (H, W), 0 somewhere.
    """
