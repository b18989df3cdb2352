"""Rectangular regions of an image as a mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..checks import shown
from ..errors import OptionError

__all__ = ["Box", "fill_boxes", "scale_boxes"]

#: (left, top, right, bottom) in pixels, right and bottom exclusive: a tuple or list of four ints or floats.
Box: TypeAlias = Sequence[float]


def fill_boxes(boxes: Iterable[Box], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Marks every pixel that a box touches.

    Args:
        boxes: (left, top, right, bottom) in pixels, right and bottom exclusive; cut at the border.
        size: (height, width) of the image.

    Returns:
        bool (height, width).

    Raises:
        OptionError: a box is not four finite numbers with left < right and top < bottom.
    """
    mask = np.zeros(size, np.bool_)
    for box in boxes:
        left, top, right, bottom = _checked(box)
        mask[_span(top, bottom), _span(left, right)] = True
    return mask


def scale_boxes(boxes: Iterable[Box], size: tuple[int, int], scaled: tuple[int, int]) -> list[Box]:
    """Returns boxes of an image for the same image at another size.

    Args:
        boxes: (left, top, right, bottom) in pixels.
        size: (height, width) to which they refer.
        scaled: (height, width) to which the result refers.

    Raises:
        OptionError: as :func:`fill_boxes`.
    """
    down, across = scaled[0] / size[0], scaled[1] / size[1]
    return [tuple(np.multiply(_checked(box), (across, down, across, down)).tolist()) for box in boxes]


def _span(first: float, last: float) -> slice:
    return slice(max(0, int(np.floor(first))), max(0, int(np.ceil(last))))


def _checked(box: Box) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError):
        raise OptionError(f"a box must be four numbers (left, top, right, bottom), got {shown(box)}") from None
    if not (left < right and top < bottom) or not np.isfinite([left, top, right, bottom]).all():
        raise OptionError(f"a box must have left < right and top < bottom, got {shown(box)}")
    return left, top, right, bottom
