"""Layers: how a file was quantized, and the detail that it leaves out.

A decoder knows of a level that the coefficient is near it. How near depends on the encoder: rounding leaves half a
step, a trellis, a dead zone and luma that makes up for chroma leave more. :class:`WidthsLayer` measures it on the
levels that are written. docs/layers.md says what is measured and what that gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..metadata import layer_kinds, layers, segments
from ..metadata.layer_kinds import Detail
from ..metadata.layers import LayerInfo, Layers
from ..metadata.segments import Segment
from . import _core
from .coefficients import Coefficients
from .quantizer import Quantized

__all__ = [
    "SizeLayer",
    "WidthsLayer",
    "digest_of",
    "layers_in",
    "list_layers_in",
    "measure_widths",
    "whole_image",
    "with_detail",
    "without_detail",
]

RECOMMENDED_PRESET: Final = "restore"

#: Of 2000 coefficients one may lie outside. The farthest of all lies twice as far and more, where samples at white and
#: black were moved, and would make an interval that forbids nothing.
_OUTSIDE: Final = 2000


@dataclass(frozen=True)
class WidthsLayer:
    """Makes the segments of a layer of widths; see :class:`.jpeg.LevelSegments`. Their length is always the same.

    Attributes:
        size: (height, width) of the image.
        preset: of restoration, to recommend.
    """

    size: tuple[int, int]
    preset: str = RECOMMENDED_PRESET

    def __call__(self, quantized: Quantized, coefficients: Coefficients) -> list[Segment]:
        """Measures the levels that are about to be written."""
        return self._segments(
            _digest_to_be(quantized, coefficients, self.size), measure_widths(quantized, coefficients)
        )

    def encoded_size(self, components: int) -> int:
        """Returns the bytes that the segments take in a file of so many components."""
        return segments.encoded_size(self._segments(bytes(8), np.zeros((components, 4), np.uint8)))

    def _segments(self, digest: bytes, widths: NDArray[np.uint8]) -> list[Segment]:
        return layers.build_layers(digest, [layer_kinds.widths_layer(widths, self.preset)])


@dataclass(frozen=True)
class SizeLayer:
    """Makes the segments of a layer of the picture's size, of the same length always, as :class:`WidthsLayer` does.

    Attributes:
        size: (height, width) of the file.
        whole: the same of the picture, of which the file has half on each side.
    """

    size: tuple[int, int]
    whole: tuple[int, int]

    def __call__(self, quantized: Quantized, coefficients: Coefficients) -> list[Segment]:
        """Binds the size to the levels that are about to be written."""
        return self._segments(_digest_to_be(quantized, coefficients, self.size), len(quantized.levels))

    def encoded_size(self, components: int) -> int:
        """Returns the bytes that the segments take in a file of so many components."""
        return segments.encoded_size(self._segments(bytes(8), components))

    def _segments(self, digest: bytes, components: int) -> list[Segment]:
        return layers.build_layers(digest, [layer_kinds.size_layer(components, self.whole)])


def measure_widths(quantized: Quantized, coefficients: Coefficients) -> NDArray[np.uint8]:
    """Returns how far coefficients of the original lie from their levels, for all but one in 2000 of each kind.

    Args:
        quantized: levels and tables.
        coefficients: of the original.

    Returns:
        (components, 4) in 1/64 step, rounded up; 255 for all beyond, which is read as no limit. In this order: zeros,
        below levels, above them, DC, see :class:`.metadata.layers.Layers`.
    """
    parts = zip(coefficients.components, quantized.levels, quantized.tables, strict=True)
    counts = np.stack([_core.offset_histograms(*part) for part in parts]).astype(np.int64)
    totals = counts.sum(axis=-1, keepdims=True)
    is_inside = np.cumsum(counts, axis=-1) >= totals - totals // _OUTSIDE
    return np.asarray(np.argmax(is_inside, axis=-1), np.uint8)


def _digest_to_be(quantized: Quantized, coefficients: Coefficients, size: tuple[int, int]) -> bytes:
    """The digest of levels that are about to be written."""
    sampling = [coefficients.sampling, *[(1, 1)] * (len(quantized.levels) - 1)]
    return _core.levels_digest(quantized.levels, quantized.tables, size, sampling)


def digest_of(image: _core.JpegImage) -> bytes:
    """Returns the digest of the levels of a file, to which layers are bound."""
    return _core.levels_digest(image.levels, image.tables, image.size, image.sampling, image.component_tables)


def layers_in(image: _core.JpegImage, kind: str | None = None) -> Layers:
    """Reads what the valid layers of a file say.

    Args:
        image: the file, as :func:`_core.read_jpeg` returns it.
        kind: to look at alone; ``None`` for all.

    Warns:
        LayerWarning: a layer is damaged, and so ignored.
    """
    own = layers.layer_segments(image.segments)
    return layers.read_layers(own, digest_of(image), len(image.levels), kind) if own else Layers()


def without_detail(image: _core.JpegImage, firsts: Sequence[int]) -> tuple[_core.JpegImage, Detail]:
    """Takes the levels of high frequencies out of a file.

    Args:
        image: the file.
        firsts: where they begin in each component, in zigzag order, 1 to 64.

    Returns:
        The file without them, and what :func:`with_detail` makes the same file of.
    """
    kept = [_low_frequencies(levels, first) for levels, first in zip(image.levels, firsts, strict=True)]
    return image.with_levels(kept), Detail(tuple(firsts), _core.encode_detail(image.levels, firsts))


def with_detail(image: _core.JpegImage, detail: Detail) -> _core.JpegImage:
    """Returns the file with the levels of high frequencies that it leaves out."""
    return image.with_levels(_core.decode_detail(detail.code, image.levels, detail.firsts))


def whole_image(image: _core.JpegImage) -> _core.JpegImage:
    """Returns a file with the levels that its valid layer of detail holds; the file itself where it has none.

    Warns:
        LayerWarning: the detail is damaged, and so ignored.
    """
    detail = layers_in(image, "detail").detail
    return image if detail is None else with_detail(image, detail)


def _low_frequencies(levels: NDArray[np.int16], first: int) -> NDArray[np.int16]:
    kept = levels.copy()
    kept[..., list(_core.ZIGZAG[first:])] = 0
    return kept


def list_layers_in(image: _core.JpegImage) -> list[LayerInfo]:
    """Lists the layers of a file.

    Args:
        image: the file, as :func:`_core.read_jpeg` returns it.
    """
    return layers.describe_layers(image.segments, lambda: digest_of(image), len(image.levels))
