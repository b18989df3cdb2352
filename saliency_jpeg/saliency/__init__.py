"""Saliency: which parts of an image people look at, by networks, maps, boxes or functions.

The default network learned from gaze, object masks and labels of other networks on top of a classifier trained with
image-level labels; ``weights/CARD-*.md`` say what each preset learned from. May import metrics, image, metadata, io and
errors. Importing it loads neither TensorFlow nor Keras nor OpenCV; the first prediction does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..metadata.limits import DEFAULT_MAX_PIXELS
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


def saliency_map(
    image: Any, saliency: Saliency = "default", *, max_pixels: int | None = DEFAULT_MAX_PIXELS
) -> NDArray[np.float32]:
    """Computes the saliency map that ``compress`` would use for an image.

    Args:
        image: path, bytes, file object, PIL image or NumPy array, as for :func:`saliency_jpeg.image.load.load`.
        saliency: as in :class:`saliency_jpeg.Options`, but not ``None``.
        max_pixels: as in :class:`saliency_jpeg.Options`.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255, in the orientation in which the pixels are stored.

    Raises:
        InputError: the image cannot be read, or the map does not fit it.
        OptionError: ``saliency`` is of no known kind, or ``None``.
        PresetError: unknown preset.
    """
    from ..image.load import load

    picture = load(image, max_pixels=max_pixels)
    result = resolve(saliency, picture.pixels, picture.metadata.orientation)
    if result is None:
        raise OptionError("saliency_map() needs a kind of saliency, got None")
    return result.pixels
