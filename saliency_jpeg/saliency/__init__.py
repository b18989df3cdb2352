"""Saliency: where people look, from a network trained with image-level labels alone.

:mod:`saliency_jpeg.training` makes weights of one's own. Importing this package loads neither TensorFlow nor Keras nor
OpenCV; the first prediction does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .activations import Activations, ClassEvidence
from .maps import MapOptions
from .model import SaliencyModel
from .presets import names as preset_names
from .sources import Combined, Saliency, combine, resolve

__all__ = [
    "Activations",
    "ClassEvidence",
    "Combined",
    "MapOptions",
    "SaliencyModel",
    "combine",
    "preset_names",
    "saliency_map",
]


def saliency_map(image: Any, saliency: Saliency = "default") -> NDArray[np.float32]:
    """Saliency of every pixel of an image: the map that ``compress`` would go by.

    Args:
        image: anything :func:`saliency_jpeg.image.load.load` takes: path, bytes, file object, PIL image, NumPy array.
        saliency: as in :class:`saliency_jpeg.Options`, but not ``None``.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255, in the orientation in which the pixels are stored.

    Raises:
        InputError: the image cannot be read, or the map does not fit it.
        OptionError: ``saliency`` is of no known kind.
    """
    from ..image.load import load

    picture = load(image)
    found = resolve(saliency, picture.pixels, picture.metadata.orientation)
    if found is None:
        raise OptionError("without a preference there is no map, got None")
    return found
