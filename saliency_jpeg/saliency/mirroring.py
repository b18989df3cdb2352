"""What a network makes of a picture and of its mirror image, so that a mirrored picture has the mirrored map.

A convolutional network does not treat left and right alike. ``"both"`` runs it on both images and takes the mean.
``"one"`` costs half of that: it runs on the image whose right half is the brighter one, which is the same image for a
picture and its mirror image. Where the halves are about equally bright both are run, and their weights change steadily
from one to the other, so that a small change of the picture is a small change of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Mirror", "run_mirrored"]

#: Which of an image and its mirror image a network sees.
Mirror: TypeAlias = Literal[False, "one", "both"]

_EVEN: Final = 0.01  # of the moment of brightness, 1 at most: below it both images are run


def run_mirrored(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], rgb: NDArray[np.uint8], mirror: Mirror
) -> NDArray[np.float32]:
    """Runs a network on images, on their mirror images, or on the one or the other.

    Args:
        run: from uint8 (n, h, w, 3) to float32 (n, rows, cols, channels).
        rgb: the images, uint8 (n, h, w, 3).
        mirror: which of them.

    Returns:
        float32 (n, rows, cols, channels).
    """
    if not mirror:
        return run(rgb)
    shares = np.full(len(rgb), 0.5, np.float32) if mirror == "both" else _shares(rgb)
    plain, mirrored = np.flatnonzero(shares > 0), np.flatnonzero(shares < 1)
    maps = run(np.concatenate([rgb[plain], rgb[mirrored, :, ::-1]]))
    result = np.zeros((len(rgb), *maps.shape[1:]), np.float32)
    weights = np.concatenate([shares[plain], 1 - shares[mirrored]])[:, None, None, None]
    maps = weights * maps
    result[plain] += maps[: len(plain)]
    result[mirrored] += maps[len(plain) :, :, ::-1]
    return result


def _shares(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the weight, 0 to 1, of each image against its mirror image."""
    columns = rgb.sum(axis=1, dtype=np.int64).sum(axis=2)
    arms = 2 * np.arange(columns.shape[1]) + 1 - columns.shape[1]
    moments = (columns * arms).sum(axis=1) / np.maximum((columns * np.abs(arms)).sum(axis=1), 1)
    shares: NDArray[np.float64] = np.clip(0.5 + moments / (2 * _EVEN), 0, 1)
    return shares.astype(np.float32)
