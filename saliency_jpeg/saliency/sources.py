"""From whatever the caller calls saliency to one float32 map of the image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError, OptionError
from .regions import Box, fill_boxes

if TYPE_CHECKING:
    from .model import SaliencyModel

__all__ = ["Saliency", "resolve"]

Map = NDArray[np.float32]
Saliency: TypeAlias = "str | SaliencyModel | NDArray[Any] | Image.Image | list[Box] | None"
_PRESET_LOCK = Lock()


def resolve(
    saliency: Saliency, pixels: NDArray[np.uint8], orientation: int, *, device: str | None = None
) -> Map | None:
    """The map of an image.

    Args:
        saliency: as in :class:`saliency_jpeg.Options`.
        pixels: uint8 (H, W) or (H, W, 3).
        orientation: EXIF orientation 1 to 8; a network sees the picture upright, given maps follow the pixels.
        device: for a preset's network.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255, or ``None`` where nothing is preferred.

    Raises:
        InputError: a given map has another shape than the image, values outside [0, 1] or NaN.
        OptionError: the value is of no known kind.
        PresetError: unknown preset.
    """
    if saliency is None:
        return None
    if isinstance(saliency, str):
        with _PRESET_LOCK:
            model = _preset(saliency, device)
        return _predicted(model, pixels, orientation)
    if hasattr(saliency, "predict"):
        return _predicted(saliency, pixels, orientation)
    if isinstance(saliency, np.ndarray | Image.Image):
        return _given(_array(saliency), pixels.shape[:2])
    if isinstance(saliency, Sequence):
        return fill_boxes(saliency, pixels.shape[:2]).astype(np.float32)
    raise OptionError(f"saliency must be a preset, a model, a map, a mask, boxes or None, got {saliency!r}")


@lru_cache(maxsize=4)
def _preset(name: str, device: str | None) -> SaliencyModel:
    from .model import SaliencyModel

    return SaliencyModel.from_preset(name, device=device)


def _predicted(model: Any, pixels: NDArray[np.uint8], orientation: int) -> Map:
    upright = np.ascontiguousarray(_turn(pixels, orientation))
    predicted = _given(np.asarray(model.predict(upright)), upright.shape[:2])
    return np.ascontiguousarray(_turn(predicted, orientation, back=True))


def _turn(values: NDArray[Any], orientation: int, *, back: bool = False) -> NDArray[Any]:
    """Turns stored pixels upright as EXIF's orientation 1 to 8 says, or upright ones back."""
    if orientation in (5, 7):  # mirrored at a diagonal: their own inverses up to the axes swapped
        swapped = values.swapaxes(0, 1)
        return swapped if orientation == 5 else swapped[::-1, ::-1]
    turns = {3: 2, 4: 2, 6: -1, 8: 1}.get(orientation, 0)
    turned = np.rot90(values, -turns if back else turns)
    return turned[:, ::-1] if orientation in (2, 4) else turned


def _array(mask: NDArray[Any] | Image.Image) -> NDArray[Any]:
    """A mask's values; those of a palette are the grays of its colours."""
    if isinstance(mask, Image.Image):
        return np.asarray(mask.convert("L") if mask.mode in ("P", "PA", "LA") else mask)
    return mask


def _given(values: NDArray[Any], shape: tuple[int, ...]) -> Map:
    """A map or mask that somebody else made: bool, uint8 from 0 to 255, or floats from 0 to 1."""
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.shape != shape:
        raise InputError(f"the saliency map has shape {values.shape}, the image {tuple(shape)}")
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if values.dtype == np.uint8:
        if values.max(initial=0) == 1:
            raise InputError("a saliency map of uint8 reaches from 0 to 255, this one ends at 1; make it bool")
        return values.astype(np.float32) / np.float32(255)
    if values.dtype.kind != "f":
        raise InputError(f"a saliency map must be bool, uint8 or floating point, not {values.dtype}")
    if not (values.min() >= 0 and values.max() <= 1):  # NaN fails both
        raise InputError("a saliency map of floats must lie in [0, 1] and hold no NaN")
    levels: Map = np.rint(values.astype(np.float32) * np.float32(255))
    return levels / np.float32(255)
