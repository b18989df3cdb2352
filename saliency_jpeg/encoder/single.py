"""One encoding: steps 3 to 8 of the straight line for a picture and its map."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..allocation.weights import block_weights, strength_at
from ..codec import _core, tables
from ..codec.effort import EFFORTS
from ..codec.parameters import TUNINGS
from ..codec.quantizer import Levels, Quantizer
from ..codec.subsampling import choose_subsampling
from ..errors import TargetError
from ..image.load import Picture
from ..metadata import segments
from ..options import Options
from ..rate_control import by_score, by_size
from ..rate_control.variants import best_of, encode_like
from .result import Compressed

__all__ = ["DEFAULT_QUALITY", "Encoding"]

DEFAULT_QUALITY = 75.0
_AVERAGED = (2, 2)  # 4:2:0
_UNFILLED = 1.03  # of the target: where averaged chroma is not estimated to fill more, it is kept whole
_ROOMY = 0.8  # bits a pixel of a target that the finest tables may leave unfilled
_HEADER_BYTES = 450  # of a file without metadata: quantization and Huffman tables, frame and scan headers


class Encoding:
    """A loaded picture, upright or not as it is to be stored, on its way to a file.

    Args:
        options: checked ones.
        picture: with the metadata that are to be written.
        saliency: float32 (H, W) in [0, 1], or ``None`` for none.
    """

    def __init__(self, options: Options, picture: Picture, saliency: NDArray[np.float32] | None) -> None:
        self._options, self._picture, self._saliency = options, picture, saliency
        self._tuning, self._effort = TUNINGS[options.tune], EFFORTS[options.effort]
        height, width = picture.pixels.shape[:2]
        self._size = (height, width)
        self._own = segments.build(picture.metadata, options.metadata)
        self._extra = self._own if picture.further is None else [*self._own, *picture.further.segments]

    def compressed(self) -> Compressed:
        """The file, with the chroma as asked for, or as suits the picture and the size.

        Raises:
            TargetError: the target is too small for this picture; ``.best`` is the smallest file.
        """
        options, picture = self._options, self._picture
        target = options.target_bytes if options.quality is None else None
        sampling = choose_subsampling(
            options.subsampling, picture.pixels, self._quality, target_bytes=target, source=picture.subsampling
        )
        if options.target_score is not None:
            return self._to_score(sampling)
        quantizer = self._quantizer(sampling)
        if options.subsampling != "auto" or options.target_bytes is None or picture.pixels.ndim == 2:
            return self._by(quantizer)
        if sampling != (1, 1) and picture.subsampling is None and self._leaves_room(quantizer):
            quantizer = self._quantizer((1, 1))
        try:
            return self._by(quantizer)
        except TargetError:
            if quantizer.sampling == _AVERAGED:
                raise
        return self._by(self._quantizer(_AVERAGED))

    def _to_score(self, sampling: tuple[int, int]) -> Compressed:
        """Steps 4 to 8 for a score; with whole chroma where averaged chroma never reaches it and we may choose."""
        judge = by_score.Judge(self._picture.pixels)
        try:
            return self._by(self._quantizer(sampling), judge)
        except TargetError:
            if self._options.subsampling != "auto" or sampling == (1, 1) or self._picture.subsampling is not None:
                raise
        return self._by(self._quantizer((1, 1)), judge)

    @property
    def _quality(self) -> float:
        if self._options.target_score is not None:
            return by_score.likely_quality(self._options.target_score)
        return DEFAULT_QUALITY if self._options.quality is None else float(self._options.quality)

    @property
    def _finest(self) -> float:
        """The smallest scale that may be used."""
        quality = 100.0 if self._options.quality is None else self._quality
        return tables.quality_to_scale(quality, self._tuning)

    def _expected_scale(self) -> float:
        """About the scale that the file will have."""
        target = self._options.target_bytes
        if target is None:
            return tables.quality_to_scale(self._quality, self._tuning)
        metadata = self._overhead(self._own[1:]) - _HEADER_BYTES  # the first one every file has
        return by_size.likely_scale(target, metadata, self._size, self._finest)

    def _overhead(self, extra: list[segments.Segment]) -> int:
        """About the bytes that hold no levels: metadata, tables, headers, further images."""
        further = self._picture.further
        return _HEADER_BYTES + segments.size(extra) + (0 if further is None else len(further.tail))

    def _quantizer(self, sampling: tuple[int, int]) -> Quantizer:
        """Steps 3 and 5."""
        coefficients = _core.forward_dct(self._picture.pixels, *sampling)
        strength = strength_at(self._expected_scale(), self._options.strength)
        return Quantizer(
            coefficients,
            block_weights(self._saliency, coefficients[0], strength, self._tuning),
            sampling,
            progressive=self._options.progressive,
            tuning=self._tuning,
            rgb=self._picture.pixels,
            effort=self._effort,
        )

    def _leaves_room(self, quantizer: Quantizer) -> bool:
        """Whether the finest tables leave a good part of the target empty; asked only where that may be."""
        target = self._options.target_bytes or 0
        if self._options.quality is not None or 8 * target < _ROOMY * quantizer.pixels:
            return False
        return self._overhead(self._extra) + quantizer.plain_bits(self._finest) / 8 < _UNFILLED * target

    def _by(self, quantizer: Quantizer, judge: by_score.Judge | None = None) -> Compressed:
        """Steps 4 and 6 to 8."""
        height, width = self._size
        write = partial(self._write, quantizer.sampling)
        budget = self._options.target_bytes
        coded: by_size.Coded
        if judge is not None and self._options.target_score is not None:
            coded = by_score.search(quantizer, write, judge, self._options.target_score, self._tuning)
        elif budget is None:
            scale = tables.quality_to_scale(self._quality, self._tuning)
            coded = by_size.encode_at(quantizer, write, scale)
            size = len(coded.jpeg)
            coded = self._best(coded, quantizer, lambda other: encode_like(other, write, scale, size))
        else:
            overhead = self._overhead(self._extra)
            fill = partial(by_size.search, write=write, budget=budget, finest=self._finest, overhead=overhead)
            coded = self._best(fill(quantizer), quantizer, fill)
        bits_per_pixel = 8 * len(coded.jpeg) / (height * width)
        quality = tables.scale_to_quality(coded.scale, self._tuning)
        reached = coded.score if isinstance(coded, by_score.Scored) else None
        lmbda, passes = self._tuning.lmbda, quantizer.passes
        return Compressed(coded.jpeg, bits_per_pixel, quality, lmbda, passes, self._saliency, reached)

    def _best(
        self, coded: by_size.Coded, quantizer: Quantizer, encode: Callable[[Quantizer], by_size.Coded]
    ) -> by_size.Coded:
        """The file at hand or, with high effort and where files can be judged, a better one of its size."""
        variants = self._effort.variants
        if not variants or not by_score.Judge.takes(self._picture.pixels):
            return coded
        judge = by_score.Judge(self._picture.pixels)
        return best_of(coded, quantizer, variants, encode, judge, counts_bytes=self._options.target_bytes is None)

    def _write(self, sampling: tuple[int, int], levels: Levels) -> bytes:
        """Steps 7 and 8."""
        jpeg = _core.write_jpeg(
            levels.components,
            levels.tables,
            self._size,
            [sampling, *[(1, 1)] * (len(levels.components) - 1)],
            progressive=self._options.progressive,
            restart_interval=self._options.restart_interval,
            segments=self._extra,
            choice_blocks=self._effort.choice_blocks,
        )
        further = self._picture.further
        return jpeg if further is None else further.behind(jpeg)
