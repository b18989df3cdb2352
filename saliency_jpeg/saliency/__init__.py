"""Saliency: where people look, from a network trained with image-level labels alone.

Importing this package loads neither TensorFlow nor Keras nor OpenCV; the first prediction does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .classes import Activations, ClassEvidence
from .maps import MapOptions
from .model import SaliencyModel
from .presets import names as preset_names

__all__ = [
    "Activations",
    "ClassEvidence",
    "MapOptions",
    "SaliencyModel",
    "preset_names",
    "saliency_map",
]


def saliency_map(image: Any) -> NDArray[np.float32]:
    """Saliency of every pixel of an image, by the default preset.

    Args:
        image: anything :func:`saliency_jpeg.images.load` takes: path, bytes, file object, PIL image, NumPy array.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255, in the orientation in which the pixels are stored.

    Raises:
        InputError: the image cannot be read.
    """
    from .. import images
    from .sources import resolve

    picture = images.load(image)
    saliency = resolve("default", picture.pixels, picture.metadata.orientation)
    assert saliency is not None  # only ``None`` means no map
    return saliency
