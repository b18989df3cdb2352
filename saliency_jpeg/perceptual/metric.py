"""The metric: 100 for identical images, 90 visually lossless, 70 high, 50 medium quality, as SSIMULACRA2 reads.

Large pictures are measured in parts of about a megapixel, so that memory does not grow with them; the error maps are
averaged over all parts before they are weighted.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..metrics import METRICS as OTHER_METRICS
from ..metrics import Metric
from ..metrics.arrays import Pixels, as_pair, as_rgb, composite
from . import runtime
from .network import LEAST_SIDE, MULTIPLE

__all__ = ["METRICS", "Perceptual", "perceptual_score"]

_Image = TypeVar("_Image", Pixels, npt.NDArray[np.float32])

_PART_SIDE: Final = 1024  # most pixels along a side of a part
_GRADIENT_SIDE: Final = 768  # the same for derivatives, which take some 600 bytes a pixel of a part


class Perceptual:
    """The metric against one reference.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.

    Raises:
        InputError: another array.
    """

    def __init__(self, reference: npt.ArrayLike) -> None:
        self._reference = as_rgb(reference)

    def score(self, distorted: npt.ArrayLike) -> float:
        """Returns the score of an image of the reference's size.

        Raises:
            InputError: another array or size.
            PresetError: the weights are missing or damaged.
            OptionError: TensorFlow is missing or cannot be used.
        """
        network = runtime.load()
        moments, pixels = [], []
        for part in _parts(*as_pair(self._reference, distorted)):
            moments.append(network.run(*map(_continued, part)))
            pixels.append(part[0].shape[0] * part[0].shape[1])
        return network.score(runtime.average(moments, pixels))

    def gradient(self, distorted: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float32]]:
        """Returns the score of a decoded image before rounding, and its derivatives.

        A large picture is scored part by part, and the scores are averaged.

        Args:
            distorted: float32 (H, W, 3) sRGB, sample values that may leave 0 to 255; beyond, derivatives are 0.

        Returns:
            The score, and float32 (H, W, 3), its derivatives by the sample values.

        Raises:
            InputError: another size.
            PresetError: the weights are missing or damaged.
            OptionError: TensorFlow is missing or cannot be used.
        """
        if distorted.shape != self._reference.shape:
            raise InputError(f"both images must have the same size, got {self._reference.shape} and {distorted.shape}")
        network, clipped = runtime.load(), np.clip(distorted, 0, 255)
        gradient, score = np.empty_like(clipped), 0.0
        for (rows, cols), levels in zip(_places(clipped.shape, _GRADIENT_SIDE), self._levels, strict=True):
            height, width = clipped[rows, cols].shape[:2]
            share = height * width / (clipped.shape[0] * clipped.shape[1])
            value, derivatives = network.gradient(levels, _continued(clipped[rows, cols]))
            gradient[rows, cols] = np.float32(share) * derivatives[:height, :width]
            score += share * value
        gradient[(distorted < 0) | (distorted > 255)] = 0
        return score, gradient

    @cached_property
    def _levels(self) -> list[list[Any]]:
        """Features of the parts of the reference, about 80 bytes a pixel."""
        network = runtime.load()
        parts = (self._reference[place].astype(np.float32) for place in _places(self._reference.shape, _GRADIENT_SIDE))
        return [network.levels(_continued(part)) for part in parts]


def perceptual_score(
    reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None
) -> float:
    """Measures how good an image looks beside its reference, by a deep network.

    It reads like SSIMULACRA2 but sees blocks without detail and colours that run better. See the model card
    ``weights/CARD-perceptual.md``.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]; only the damage where it is high counts. The score is then that of a composite
            that shows the reference elsewhere.

    Returns:
        100 for identical images, 90 visually lossless, 70 high quality, 50 medium, 30 low; very bad images are below 0.

    Raises:
        InputError: the arrays do not fit.
        PresetError: the weights are missing or damaged.
        OptionError: TensorFlow is missing or cannot be used.
    """
    a, b = as_pair(reference, distorted)
    return Perceptual(a).score(b if saliency is None else composite(a, b, saliency))


def _score_if_possible(reference: Pixels, distorted: Pixels, saliency: npt.ArrayLike | None = None) -> float | None:
    if importlib.util.find_spec("tensorflow") is None:
        return None
    return perceptual_score(reference, distorted, saliency)


#: The table of all metrics, with those of this room.
METRICS: Final[dict[str, Metric]] = {
    **OTHER_METRICS,
    "perceptual": Metric(_score_if_possible, "Perceptual"),
    "perceptual_s": Metric(_score_if_possible, "Perceptual", region="salient"),
}


def _parts(a: Pixels, b: Pixels) -> Iterator[tuple[Pixels, Pixels]]:
    """Cuts both images into parts of about the same size."""
    for rows, cols in _places(a.shape, _PART_SIDE):
        yield a[rows, cols], b[rows, cols]


def _places(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, slice]]:
    """The rows and columns of the parts."""
    rows, cols = (_cuts(side, most) for side in shape[:2])
    for y in rows:
        for x in cols:
            yield y, x


def _cuts(side: int, most: int) -> list[slice]:
    count = math.ceil(side / most)
    step = math.ceil(side / count / MULTIPLE) * MULTIPLE
    return [slice(start, min(start + step, side)) for start in range(0, side, step)]


def _continued(pixels: _Image) -> _Image:
    """The image, its last row and column repeated until the network takes it."""
    missing = [max(LEAST_SIDE, math.ceil(side / MULTIPLE) * MULTIPLE) - side for side in pixels.shape[:2]]
    return np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="edge")
