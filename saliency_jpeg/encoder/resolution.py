"""The resolution that suits a target: chosen where ``allow_downscale`` permits it, advised in a warning elsewhere.

Few bits a pixel show as blocks and mosaic, few pixels as blur, which disturbs less. Which resolution looks best follows
from the rate and from how busy the picture is. ``scripts/measure_downscale.py`` measured it on a grid of rates and
scales, as the picture is shown at its own size and at 1600 pixels; its ``table`` says what the rule loses against the
best of the grid.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..codec.parameters import DEFAULT_QUALITY, DOWNSCALE, Downscale
from ..errors import TargetError
from ..image.picture import Picture
from ..image.resize import scaled_size
from ..metadata.multi_picture import refusal
from ..options import Options
from ..saliency.lazy_map import SaliencyMap
from .coding import Coding
from .halved import encode_whole_or_half
from .result import Compressed
from .single import PictureEncoding

__all__ = ["complexity", "encode_picture", "suitable_factor"]

_BITS_OF_ONE: Final = 0x3F800000  # IEEE 754, single precision
_BITS_OF_OCTAVE: Final = 0x00800000  # from a power of two to the next
_LOW: Final = np.add.outer(8 * (np.arange(8) < 4), np.arange(8) < 4).ravel() == 9  # 4 x 4 of the lowest frequencies
_LOW[0] = False  # DC
_ROUNDING: Final = 0.01  # of a quality that was a scale meanwhile


def encode_picture(options: Options, picture: Picture, saliency: SaliencyMap | None, coding: Coding) -> Compressed:
    """Encodes a picture, at a lower resolution where the target calls for it and that is allowed.

    Args:
        options: what is asked for.
        picture: with the metadata to write.
        saliency: of the picture, or ``None`` for no preference.
        coding: what a front door asks for beyond that.

    Raises:
        TargetError: the target is too small for this picture; ``.best`` is the nearest file.
        InputError: the resolution would have to be lowered, and the file has trailing images, which are only copied.
    """
    if options.allow_downscale and options.layers == "auto":
        found = encode_whole_or_half(replace(options, allow_downscale=False), picture, saliency, coding)
        if found is not None:
            return found
    encoding = PictureEncoding(options, picture, saliency, coding)
    if options.allow_downscale:
        resolutions = _Resolutions(options, picture, saliency, coding)
        factor = suitable_factor(encoding.rate, complexity(encoding.luma()))
        return resolutions.encode_larger(*resolutions.encode_fitting(factor))
    result = encoding.compressed()
    advice = _advice(options, picture, encoding, result)
    return result if advice is None else replace(result, warnings=(advice,))


def suitable_factor(bits_per_pixel: float, complexity: float, rule: Downscale = DOWNSCALE) -> float:
    """Returns the factor of the sides, at most 1, at which a picture looks best.

    Args:
        bits_per_pixel: that the target leaves at full resolution.
        complexity: of the picture, see :func:`complexity`.
        rule: its constants.
    """
    rate, busy = max(bits_per_pixel, rule.least_rate), max(complexity, rule.least_complexity)
    factor = rule.factor * rate**rule.by_rate * busy**rule.by_complexity
    return float(min(max(factor, rule.smallest), 1.0))


def complexity(luma: NDArray[np.float32]) -> float:
    """Returns how busy a picture is: about the bits for the magnitude of a low AC coefficient, their mean.

    That is the binary logarithm of ``1 + |c| / DOWNSCALE.step``, straight between powers of two as the bits of a
    floating-point number are. Integers add up to the same sum on every processor.

    Args:
        luma: float32 (rows, cols, 64), DCT coefficients in natural order, those of a gray value of 1 counting 8 at DC.
    """
    total = 0
    for row in luma:
        magnitudes = 1 + np.abs(row[:, _LOW]) * np.float32(1 / DOWNSCALE.step)
        total += int(magnitudes.view(np.int32).sum(dtype=np.int64))
    count = luma.shape[0] * luma.shape[1] * int(_LOW.sum())
    return float((total / count - _BITS_OF_ONE) / _BITS_OF_OCTAVE)


@dataclass(frozen=True)
class _Resolutions:
    """One picture, to be encoded at any factor of its sides."""

    options: Options
    picture: Picture
    saliency: SaliencyMap | None
    coding: Coding

    def encode(self, factor: float) -> Compressed:
        """Encodes at a factor of the sides.

        Raises:
            TargetError: the target is too small.
            InputError: the picture would be shrunk, and its file has trailing images.
        """
        size = self.size(factor)
        if size == self.picture.pixels.shape[:2]:
            return PictureEncoding(self.options, self.picture, self.saliency, self.coding).compressed()
        if self.picture.trailing is not None:
            raise refusal("allow_downscale")
        smaller = None if self.saliency is None else self.saliency.shrunk(size)
        return PictureEncoding(self.options, self.picture.shrunk(size), smaller, self.coding).compressed()

    def size(self, factor: float) -> tuple[int, int]:
        """The sides (height, width) at a factor."""
        height, width = self.picture.pixels.shape[:2]
        return scaled_size((height, width), factor)

    def encode_fitting(self, factor: float) -> tuple[Compressed, float]:
        """Encodes at a factor, or at lower ones while the target is too small; returns the factor as well."""
        for tries in itertools.count(1):
            try:
                return self.encode(factor), factor
            except TargetError:
                if max(self.size(factor)) == 1:
                    raise
            factor *= DOWNSCALE.retry**tries  # ever faster: 11 tries from 65535 pixels to one
        raise AssertionError("unreachable")

    def encode_larger(self, result: Compressed, factor: float) -> Compressed:
        """Raises the factor while the quality is needlessly high, or as high as it may be, so that pixels are missing.

        Photographs never come here: it is for drawings and text, whose bits are in few blocks.
        """
        while factor < 1 and _is_as_good_as(result, DOWNSCALE.enough, self.options):
            factor = min(factor / DOWNSCALE.retry, 1.0)
            try:
                result = self.encode(factor)
            except TargetError:
                break
        return result


def _is_as_good_as(result: Compressed, quality: float, options: Options) -> bool:
    """Whether a quality is reached, or the highest that the options allow."""
    highest = quality if options.quality is None else min(options.quality, quality)
    return result.quality > highest - _ROUNDING


def _advice(options: Options, picture: Picture, encoding: PictureEncoding, result: Compressed) -> str | None:
    """Says that a target leaves few bits a pixel, and at what width it would do; ``None`` where it leaves enough.

    A picture that is simple enough to look good has no need of it.
    """
    if options.target_kb is None or encoding.rate >= DOWNSCALE.warn_below:
        return None
    if _is_as_good_as(result, DEFAULT_QUALITY, options):
        return None
    height, width = picture.pixels.shape[:2]
    shown = height if picture.metadata.orientation >= 5 else width
    factor = suitable_factor(encoding.rate, complexity(encoding.luma()))
    drop = "" if picture.trailing is None else " with trailing_images='drop'"
    return (
        f"target_kb={options.target_kb:g} leaves {encoding.rate:.2f} bits a pixel of this {width * height / 1e6:.2g} "
        f"megapixel picture; consider max_width={math.ceil(shown * factor)} or allow_downscale=True{drop}"
    )
