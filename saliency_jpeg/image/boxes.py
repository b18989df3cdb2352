"""Boxes as pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError

__all__ = ["Box", "fill_boxes"]

Box: TypeAlias = tuple[float, float, float, float]


def fill_boxes(boxes: Iterable[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Bool ``size`` (height, width), True in every pixel that a box touches.

    Args:
        boxes: (left, top, right, bottom) in pixels, right and bottom exclusive; cut at the border.
        size: of the picture.

    Raises:
        OptionError: a box is not four finite numbers with left < right and top < bottom.
    """
    inside = np.zeros(size, np.bool_)
    for box in boxes:
        left, top, right, bottom = _checked(box)
        rows, columns = _span(top, bottom), _span(left, right)
        inside[rows, columns] = True
    return inside


def _span(first: float, last: float) -> slice:
    return slice(max(0, int(np.floor(first))), max(0, int(np.ceil(last))))


def _checked(box: Any) -> Box:
    try:
        left, top, right, bottom = (float(v) for v in box)
    except (TypeError, ValueError):
        raise OptionError(f"a box must be four numbers (left, top, right, bottom), got {box!r}") from None
    if not (left < right and top < bottom) or not np.isfinite([left, top, right, bottom]).all():
        raise OptionError(f"a box must have left < right and top < bottom, got {box!r}")
    return left, top, right, bottom
