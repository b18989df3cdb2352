"""The one encode: coefficients, block weights, a step policy and a header policy to a JPEG file.

:class:`JpegEncoding` quantizes at a scale and writes what came out. The encoder, recompression and the front doors all
make one and hand it to a rate control (:mod:`saliency_jpeg.rate_control`), which chooses the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..metadata import segments
from ..metadata.multi_picture import TrailingImages
from ..metadata.segments import Segment
from . import _core
from .coefficients import Coefficients
from .effort import DEFAULT_EFFORT, EFFORTS, Effort, Variant
from .parameters import ESTIMATE_BLOCKS, HEADER_BYTES, SAMPLE_EXCESS, TUNINGS, Tuning
from .quantizer import Quantized, Quantizer
from .steps import StepPolicy
from .subsampling import rounded_weights
from .symbol_costs import SymbolCosts

__all__ = ["JpegEncoding", "JpegHeaderPolicy", "LevelSegments"]


class LevelSegments(Protocol):
    """Makes segments from the levels that are about to be written, such as a layer for readers that know it."""

    def __call__(self, quantized: Quantized, coefficients: Coefficients) -> Sequence[Segment]:
        """Returns APPn segments, each ``(marker, payload)``.

        It is called for every candidate of a search, so it must be a function of its arguments alone.

        Args:
            quantized: levels and tables of the file.
            coefficients: what they were made from, with sampling and, for colour, the pixels.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class JpegHeaderPolicy:
    """What a file holds beside its levels.

    Attributes:
        size: (height, width) of the image.
        segments: APPn and COM segments behind SOI.
        level_segments: makers of further segments, which follow these. Their bytes count towards a file size.
        level_bytes: how many of those bytes are known beforehand.
        trailing: data behind the primary image; ``segments`` must hold its listing.
        progressive: progressive or baseline.
        restart_interval: MCUs between restart markers (T.81 E.1.4); 0: none.
        component_ids: names of the components in the file; ``None`` for 1, 2, ...
        table_count: number of tables to write, the last of which all other components share; ``None`` for all.
    """

    size: tuple[int, int]
    segments: Sequence[Segment] = ()
    level_segments: Sequence[LevelSegments] = ()
    level_bytes: int = 0
    trailing: TrailingImages | None = None
    progressive: bool = True
    restart_interval: int = 0
    component_ids: Sequence[int] | None = None
    table_count: int | None = None

    @property
    def overhead(self) -> int:
        """About the bytes that do not depend on the levels: metadata, steps, frame header, trailing images."""
        return HEADER_BYTES + segments.encoded_size(self.segments) + self.level_bytes + self.trailing_bytes

    @property
    def trailing_bytes(self) -> int:
        """Bytes behind the primary image."""
        return 0 if self.trailing is None else len(self.trailing.tail)

    def write(
        self, quantized: Quantized, sampling: tuple[int, int], made: Sequence[Segment] = (), choice_blocks: int = 0
    ) -> bytes:
        """Writes a file.

        Args:
            quantized: levels and tables.
            sampling: luma samples (across, down) for each chroma sample.
            made: segments that were computed from the levels.
            choice_blocks: about how many blocks of a component the scans are chosen by; 0: all.
        """
        jpeg = _core.write_jpeg(
            quantized.levels,
            np.ascontiguousarray(quantized.tables[: self.table_count]),
            self.size,
            [sampling, *[(1, 1)] * (len(quantized.levels) - 1)],
            progressive=self.progressive,
            restart_interval=self.restart_interval,
            segments=[*self.segments, *made],
            choice_blocks=choice_blocks,
            component_ids=self.component_ids,
            threads=quantized.threads,
        )
        return jpeg if self.trailing is None else self.trailing.append_to(jpeg)


@dataclass(frozen=True, eq=False)
class JpegEncoding:
    """One image on its way to a file, at whatever scale rate control asks for; made by :meth:`create`.

    An encoding never changes, see :class:`.quantizer.Quantizer`.

    Attributes:
        quantizer: of the image.
        header: header policy.
    """

    quantizer: Quantizer
    header: JpegHeaderPolicy

    @classmethod
    def create(
        cls,
        coefficients: Coefficients,
        weights: NDArray[np.float32],
        steps: StepPolicy,
        header: JpegHeaderPolicy,
        *,
        tuning: Tuning = TUNINGS["default"],
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
    ) -> JpegEncoding:
        """Prepares an image.

        Args:
            coefficients: of the image.
            weights: float32 (rows, cols) of the luma blocks, mean 1; an error in a block counts so much.
            steps: step policy.
            header: header policy.
            tuning: Lagrange multiplier, tilts and compensation.
            effort: time against bytes.
        """
        progressive = header.progressive
        quantizer = Quantizer.create(
            coefficients, weights, steps, tuning=tuning, effort=effort, progressive=progressive
        )
        return cls(quantizer, header)

    @property
    def sampling(self) -> tuple[int, int]:
        """Luma samples (across, down) for each chroma sample."""
        return self.quantizer.coefficients.sampling

    @property
    def pixels(self) -> int:
        """Number of pixels, those that pad the last blocks included."""
        return self.quantizer.pixels

    @property
    def lmbda(self) -> float:
        """Lagrange multiplier in squared quantization steps a bit, before the weights."""
        return self.quantizer.lmbda

    def varied(self, variant: Variant) -> JpegEncoding:
        """Returns an encoding of the same image with another multiplier and other rounding of steps."""
        return replace(self, quantizer=self.quantizer.varied(variant))

    def with_lambda(self, factor: float) -> JpegEncoding:
        """Returns an encoding of the same image with a multiplier that is ``factor`` times as large."""
        return self if factor == 1 else replace(self, quantizer=self.quantizer.with_lambda(factor))

    def first_costs(self, scale: float) -> SymbolCosts:
        """Learns costs of symbols at a scale, as thoroughly as the effort says."""
        return self.quantizer.first_costs(scale)

    def sample(self, count: int) -> JpegEncoding:
        """Returns an encoding of a part of the image, without metadata; of the whole image where that is small.

        Args:
            count: about how many luma blocks, see :meth:`.quantizer.Quantizer.sample`.
        """
        quantizer, size = self.quantizer.sample(count), self.header.size
        if quantizer.pixels < self.pixels:
            rows, cols = quantizer.block_lambda[0].shape
            size = (8 * rows, 8 * cols)
        header = replace(self.header, size=size, segments=(), level_segments=(), level_bytes=0, trailing=None)
        return JpegEncoding(quantizer, header)

    def times_as_large(self, part: JpegEncoding, scale: float) -> float:
        """Returns about how many times as many bits the scans of this image take as those of a part of it.

        It is rounded to 12 bits, so that files do not depend on a processor's last bits.

        Args:
            part: as :meth:`sample` returns it.
            scale: of the quantization steps.
        """
        if part.pixels == self.pixels:
            return 1.0
        ratio = self.quantizer.coefficients.busyness(scale) / part.quantizer.coefficients.busyness(scale)
        return float(rounded_weights(np.array([ratio / SAMPLE_EXCESS]))[0])

    def quantize(self, scale: float, costs: SymbolCosts | None = None, *, keep_bands: bool = False) -> Quantized:
        """Makes one pass, see :meth:`.quantizer.Quantizer.quantize`.

        Args:
            scale: of the quantization steps, above 0.
            costs: of the symbols; ``None`` to learn them at this scale first.
            keep_bands: new costs are learned for the scans that these are for.
        """
        return self.quantizer.quantize(scale, costs, keep_bands=keep_bands)

    def estimate(self, quantized: Quantized) -> float:
        """Returns about the bytes that follow from these levels: scans, and segments of a size not yet known."""
        made = segments.encoded_size(self._made_segments(quantized))
        return quantized.costs.total_bytes() + made - self.header.level_bytes

    def rounded_costs(self, scale: float) -> SymbolCosts:
        """Learns costs of symbols from coefficients that are only rounded at a scale."""
        return self.quantizer.round(scale).costs

    def rounded_estimate(self, scale: float) -> float:
        """Returns about the estimate for coefficients that are only rounded at a scale, from a sample of them."""
        part = self.sample(ESTIMATE_BLOCKS)
        return part.rounded_costs(scale).total_bytes(self.times_as_large(part, scale))

    def write(self, quantized: Quantized) -> bytes:
        """Writes the file of these levels.

        Raises:
            SegmentError: a segment that was made from the levels has another marker than APPn, or does not fit.
        """
        made = self._made_segments(quantized)
        return self.header.write(quantized, self.sampling, made, self.quantizer.effort.choice_blocks)

    def _made_segments(self, quantized: Quantized) -> list[Segment]:
        coefficients = self.quantizer.coefficients
        made = [segment for make in self.header.level_segments for segment in make(quantized, coefficients)]
        return [segments.checked_segment(*segment) for segment in made]
