"""Maps that are given as values: image files, PIL images, arrays, masks and boxes, checked and brought to one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..image.boxes import fill_boxes, scale_boxes
from ..image.orientation import Stored
from ..image.resize import shrink_map
from ..metadata.limits import DEFAULT_MAX_PIXELS
from .lazy_map import Map, SaliencyMap

__all__ = ["check_map", "fitted", "given_map", "gray_values", "read_map", "rounded", "to_map"]


def gray_values(file: Any, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
    """Reads an image file (a path or its bytes) as a map, uint8 (H, W): its gray values, 0 where it is transparent.

    Args:
        file: the path or the bytes.
        max_pixels: as in :class:`saliency_jpeg.Options`.

    Raises:
        InputError: it is not an image, or is over a limit.
        OSError: it cannot be read.
    """
    from ..image.load import load

    pixels = load(file, background=(0, 0, 0), max_pixels=max_pixels).pixels
    return np.asarray(Image.fromarray(pixels).convert("L"))


def read_map(source: Any) -> Map:
    """Reads a map or mask of any size.

    Args:
        source: an image file (a path or its bytes), a PIL image, or an array: bool, uint8 or float 0 to 1.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255.

    Raises:
        InputError: it is not an image, or an array or image that cannot be a map.
        OSError: the file cannot be read.
    """
    given = source if isinstance(source, np.ndarray | Image.Image) else gray_values(source)
    shape = given.shape[:2] if isinstance(given, np.ndarray) else given.size[::-1]
    return to_map(given, shape)


def given_map(given: NDArray[Any] | Image.Image | Sequence[Any], image: Stored) -> Map:
    """Converts a map, a mask or boxes of the caller, and scales it with the picture where that was shrunk.

    Args:
        given: of the pixels as they are stored, at the size that they had before they were shrunk.
        image: what the map is for.

    Returns:
        float32 (H, W) in [0, 1].

    Raises:
        InputError: a map has another shape than the image, values outside [0, 1] or NaN.
        OptionError: boxes are not four numbers each.
    """
    height, width = image.pixels.shape[:2]
    if image.given_size is None:
        return to_map(given, (height, width))
    if isinstance(given, np.ndarray | Image.Image):
        return rounded(shrink_map(to_map(given, image.given_size), (height, width)))
    return to_map(scale_boxes(given, image.given_size, (height, width)), (height, width))


def fitted(made: SaliencyMap, image: Stored) -> SaliencyMap:
    """Returns a map that was made before, scaled with the picture where that was shrunk.

    Raises:
        InputError: it has another shape than the image.
    """
    size = (image.pixels.shape[0], image.pixels.shape[1])
    if made.size == size:
        return made
    if made.size == image.given_size:
        return made.shrunk(size)
    raise InputError(f"a saliency map must have the image's shape {size}, got {made.size}")


def to_map(given: NDArray[Any] | Image.Image | Sequence[Any], shape: tuple[int, ...]) -> Map:
    """Converts a map, a mask or boxes; ``shape`` is the image's, (H, W). Raises as :func:`given_map`."""
    if isinstance(given, Image.Image):  # the values of a palette are the grays of its colours
        return check_map(np.asarray(given.convert("L") if given.mode in ("P", "PA", "LA") else given), shape)
    if isinstance(given, np.ndarray):
        return check_map(given, shape)
    return fill_boxes(given, (shape[0], shape[1])).astype(np.float32)


def check_map(values: NDArray[Any], shape: tuple[int, ...]) -> Map:
    """Converts the values of a map or mask: bool, uint8 from 0 to 255, or floats from 0 to 1; (H, W) or (H, W, 1).

    Raises:
        InputError: they have another shape, another dtype, or values out of that range.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.shape != shape:
        hint = "; to pass boxes, use .tolist()" if values.ndim == 2 and values.shape[1] == 4 else ""
        raise InputError(f"a saliency map must have the image's shape {tuple(shape)}, got {values.shape}{hint}")
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if values.dtype == np.uint8:
        if values.max(initial=0) == 1:
            raise InputError("a saliency map of uint8 must have values from 0 to 255 (a mask: bool), got 1 at most")
        return values.astype(np.float32) / np.float32(255)
    if values.dtype.kind != "f":
        raise InputError(f"a saliency map must be bool, uint8 or floating point, got {values.dtype}")
    if not (values.min() >= 0 and values.max() <= 1):  # NaN fails both
        raise InputError(
            f"a saliency map of floats must lie in [0, 1] without NaN, got {values.min():g} to {values.max():g}"
        )
    return rounded(values.astype(np.float32))


def rounded(values: Map) -> Map:
    """Returns the nearest multiples of 1/255, float32."""
    levels: Map = np.rint(values * np.float32(255))
    return levels / np.float32(255)
