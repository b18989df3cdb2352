"""Which of an image and its mirror image a network sees, so that a mirrored picture has the mirrored map.

A convolutional network does not treat left and right alike. ``"both"`` runs it on both images and takes the mean.
``"one"`` costs half of that: it runs on the image whose right half is the brighter one, which is the same image for a
picture and its mirror image. Where the halves are about equally bright both are run, and their weights change steadily
from one to the other, so that a small change of the picture is a small change of the map.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mirror", "View", "join_views", "views"]

#: Which of an image and its mirror image a network sees; ``False``: the image.
Mirror: TypeAlias = Literal[False, "one", "both"]

_EVEN: Final = 0.01  # of the moment of brightness, 1 at most: below it both images are run
_ROWS: Final = 64  # of an image that are looked at


class View(NamedTuple):
    """An image as a network sees it.

    Attributes:
        number: of the image.
        is_mirrored: whether it is the mirror image.
        share: weight of the map, 0 to 1.
    """

    number: int
    is_mirrored: bool
    share: float


def views(images: Iterable[NDArray[np.uint8]], mirror: Mirror) -> list[View]:
    """Returns what a network is to see of some images.

    Args:
        images: uint8 (H, W, 3) or (H, W) each.
        mirror: image, mirror image, or both.
    """
    made = []
    for number, image in enumerate(images):
        lean = {False: 1.0, "both": 0.0}[mirror] if mirror != "one" else _moment(image) / _EVEN
        shares = (min(max((1 + side * lean) / 2, 0.0), 1.0) for side in (1, -1))
        made += [View(number, bool(i), share) for i, share in enumerate(shares) if share]
    return made


def join_views(maps: NDArray[np.float32], seen: Sequence[View], count: int) -> NDArray[np.float32]:
    """Joins what a network made of views to one map for each image.

    Args:
        maps: float32 (views, rows, cols, channels).
        seen: the views.
        count: of images.

    Returns:
        float32 (count, rows, cols, channels).
    """
    joined = np.zeros((count, *maps.shape[1:]), np.float32)
    for values, view in zip(maps, seen, strict=True):
        joined[view.number] += np.float32(view.share) * (values[:, ::-1] if view.is_mirrored else values)
    return joined


def _moment(image: NDArray[np.uint8]) -> float:
    """Returns how much brighter the right half of an image is, -1 to 1; 0 where they are even."""
    columns = image[:: max(1, image.shape[0] // _ROWS)].sum(axis=0, dtype=np.int64)
    columns = columns if columns.ndim == 1 else columns.sum(axis=1)
    arms = 2 * np.arange(columns.size) + 1 - columns.size
    return float((columns * arms).sum() / max(int((columns * np.abs(arms)).sum()), 1))
