"""What the closed loop lowers: perceptual metrics, in units of the logarithm of bytes that their errors are worth.

Three metrics see different things. SSIMULACRA2 and the 3-norm of butteraugli are averages of errors that grow smoothly
with the errors themselves, so their derivatives tell blocks and frequencies apart: they guide weights and tables. The
deep metric sees texture and colour, but what it says of a single block is noisy: it moves coefficients alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics import Butteraugli, Ssimulacra2
from .metric import Perceptual

__all__ = ["LEAST_SIDE", "Derivatives", "Objective"]

#: Smallest height and width of images that all metrics take, in pixels.
LEAST_SIDE: Final = 8

_Image = NDArray[np.float32]

# By how much the logarithms of distances grow where a file takes 1 / e of the bytes, on photographs. A distance is 100
# less a score, or a norm.
_BY_SCORE: Final = 0.7
_BY_NORM: Final = 0.65

# Shares of the metrics.
_GUIDING_SSIMULACRA2: Final = 0.5
_GUIDING_BUTTERAUGLI: Final = 1.0
_MOVING_SSIMULACRA2: Final = 0.5
_MOVING_PERCEPTUAL: Final = 0.6

_PART_SIDE: Final = 1024  # most pixels along a side of a part
_KEPT_PARTS: Final = 4  # whose reference is kept, about 160 bytes a pixel; with more, each is prepared in every pass
_MARGIN: Final = 48  # pixels around a part

# Far below what is seen.
_LEAST_SCORE_DISTANCE: Final = 0.5
_LEAST_NORM: Final = 1e-3


class Derivatives(NamedTuple):
    """Derivatives by the sample values of a decoded image.

    Attributes:
        guiding: float32 (H, W, 3), of the metrics that weights, tables and moves follow.
        moving: float32 (H, W, 3), of those that only move coefficients.
    """

    guiding: _Image
    moving: _Image


class Objective:
    """The objective for one image; that of a large one is the mean over its parts, so that memory stays bounded.

    Args:
        pixels: uint8 (H, W, 3) sRGB or (H, W) gray, sides at least 8.
        threads: that the metrics may use; with more than one, the deep metric runs beside the others.
        is_deep: the deep metric counts too, which takes TensorFlow and about half of the time.
    """

    def __init__(self, pixels: NDArray[np.uint8], threads: int = 1, *, is_deep: bool = True) -> None:
        self._pixels, self._threads = pixels, threads
        self._perceptual = Perceptual(pixels) if is_deep else None
        self._places = list(_places(pixels.shape[:2]))
        self._kept: dict[int, _Metrics] = {}

    def value(self, decoded: NDArray[np.uint8]) -> float:
        """Returns the objective of a decoded image, uint8 as the original.

        Where it is lower by ``x``, another file needs about ``exp(x)`` times the bytes to be as good.
        """
        logarithms = [
            self._part(i).logarithms(decoded[place.seen], self._threads) for i, place in enumerate(self._places)
        ]
        seen, norm = np.array(logarithms).T
        shares = np.array([place.share for place in self._places])
        values = [
            (_GUIDING_SSIMULACRA2 + _MOVING_SSIMULACRA2, float(shares @ seen) / _BY_SCORE),
            (_GUIDING_BUTTERAUGLI, float(shares @ norm) / _BY_NORM),
        ]
        if self._perceptual is not None:
            values.append((_MOVING_PERCEPTUAL, _log_distance(self._perceptual.score(decoded)) / _BY_SCORE))
        return sum(share * value for share, value in values) / sum(share for share, _ in values)

    def derivatives(self, decoded: _Image) -> Derivatives:
        """Computes the derivatives at a decoded image.

        Args:
            decoded: float32 (H, W, 3), sample values that may leave 0 to 255.
        """
        if self._perceptual is None:
            return Derivatives(*self._guiding(decoded))
        with ThreadPoolExecutor(1) as pool:
            deep = pool.submit(self._perceptual.gradient, decoded) if self._threads > 1 else None
            guiding, moving = self._guiding(decoded)
            score, by_score = deep.result() if deep else self._perceptual.gradient(decoded)
        moving += np.float32(_MOVING_PERCEPTUAL * _slope(score)) * by_score
        return Derivatives(guiding, moving)

    def _guiding(self, decoded: _Image) -> tuple[_Image, _Image]:
        """Returns the derivatives of the metrics that guide, and the part of them that moves coefficients."""
        guiding, moving = np.empty_like(decoded), np.empty_like(decoded)
        for i, place in enumerate(self._places):
            by_ssimulacra2, by_butteraugli = self._part(i).slopes(decoded[place.seen], self._threads)
            by_ssimulacra2, by_butteraugli = (
                np.float32(place.share) * each[place.kept] for each in (by_ssimulacra2, by_butteraugli)
            )
            guiding[place.core] = np.float32(_GUIDING_SSIMULACRA2) * by_ssimulacra2
            guiding[place.core] += np.float32(_GUIDING_BUTTERAUGLI) * by_butteraugli
            moving[place.core] = np.float32(_MOVING_SSIMULACRA2) * by_ssimulacra2
        return guiding, moving

    def _part(self, index: int) -> _Metrics:
        if index in self._kept:
            return self._kept[index]
        metrics = _Metrics(np.ascontiguousarray(self._pixels[self._places[index].seen]))
        if len(self._places) <= _KEPT_PARTS:
            self._kept[index] = metrics
        return metrics


class _Metrics:
    """The metrics that guide, against a part of the image."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._ssimulacra2, self._butteraugli = Ssimulacra2(pixels), Butteraugli(pixels)

    def logarithms(self, decoded: NDArray[np.uint8], threads: int) -> tuple[float, float]:
        """Returns the logarithms of both distances."""
        norm = self._butteraugli.score(decoded, threads=threads).norm3
        return _log_distance(self._ssimulacra2.score(decoded)), math.log(max(norm, _LEAST_NORM))

    def slopes(self, decoded: _Image, threads: int) -> tuple[_Image, _Image]:
        """Returns the derivatives of the logarithms of the bytes that both distances are worth."""
        score, by_score = self._ssimulacra2.gradient(decoded, threads=threads)
        norm, by_norm = self._butteraugli.gradient(decoded, threads=threads)
        return np.float32(_slope(score)) * by_score, np.float32(1 / (_BY_NORM * max(norm, _LEAST_NORM))) * by_norm


class _Place(NamedTuple):
    """A part of an image.

    Attributes:
        core: rows and columns of the part.
        seen: the same with a margin, which the metrics look at.
        kept: the part inside what is seen.
        share: of the image's pixels.
    """

    core: tuple[slice, slice]
    seen: tuple[slice, slice]
    kept: tuple[slice, slice]
    share: float


def _places(size: tuple[int, int]) -> Iterator[_Place]:
    for rows in _cuts(size[0]):
        for cols in _cuts(size[1]):
            core, sides = (rows, cols), list(zip((rows, cols), size, strict=True))
            seen = tuple(slice(max(cut.start - _MARGIN, 0), min(cut.stop + _MARGIN, side)) for cut, side in sides)
            kept = tuple(
                slice(cut.start - whole.start, cut.stop - whole.start) for cut, whole in zip(core, seen, strict=True)
            )
            share = math.prod((cut.stop - cut.start) / side for cut, side in sides)
            yield _Place(core, (seen[0], seen[1]), (kept[0], kept[1]), share)


def _cuts(side: int) -> list[slice]:
    count = math.ceil(side / _PART_SIDE)
    return [slice(i * side // count, (i + 1) * side // count) for i in range(count)]


def _log_distance(score: float) -> float:
    return math.log(max(100 - score, _LEAST_SCORE_DISTANCE))


def _slope(score: float) -> float:
    """The derivative, by the score, of the logarithm of the bytes that a distance is worth."""
    return -1 / (_BY_SCORE * max(100 - score, _LEAST_SCORE_DISTANCE))
