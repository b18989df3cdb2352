"""One picture with its map: the encoding that the options ask for, steps 3 to 8."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..allocation import make_weights, strength_at
from ..codec import _core, tables
from ..codec.coefficients import Coefficients
from ..codec.effort import EFFORTS, RESTORING_PASSES
from ..codec.jpeg import JpegEncoding
from ..codec.parameters import (
    DEFAULT_QUALITY,
    FINE_SCALE,
    RESTORED_EXPONENT,
    ROOMY_RATE,
    TRELLIS_SHARE,
    TUNINGS,
    UNFILLED,
    Tune,
    Tuning,
)
from ..codec.quantizer import Quantizer
from ..codec.steps import GivenSteps, StepPolicy, TunedSteps
from ..codec.subsampling import choose_subsampling, chroma_content
from ..codec.symbol_costs import SymbolCosts
from ..enhance.loading import load as load_network
from ..errors import TargetError
from ..image.picture import Picture
from ..metadata.libjpeg_quality import estimate_quality
from ..options import Options
from ..perceptual.closed_loop import ClosedLoop, LoopSpeed
from ..perceptual.decoding import Decoder as LoopDecoder
from ..perceptual.objective import LEAST_SIDE, Objective
from ..rate_control import (
    AtScale,
    BestOf,
    ByScore,
    BySize,
    BySizeBracket,
    Encoded,
    Judge,
    RateControl,
    Refined,
    Reused,
)  # fmt: skip
from ..rate_control.by_score import SALIENT_METRICS, decode_own, likely_quality
from ..rate_control.by_size import likely_scale, typical_scale
from ..recompression.layers import strip_layers
from ..saliency.lazy_map import SaliencyMap
from .coding import Coding
from .file_parts import FileParts
from .layered import Layered
from .restored_score import Restoring
from .result import Compressed

__all__ = ["PictureEncoding"]

_Loops: TypeAlias = dict[tuple[Tune, tuple[int, int]], Quantizer]  # what the closed loop made, by tune and sampling

_WHOLE, _AVERAGED = (1, 1), (2, 2)  # 4:4:4 and 4:2:0
# For readers that restore: coefficients move farther; weights follow less, which keeps to a map; tables stay.
_RESTORING_SPEED: Final = LoopSpeed(weights=0.35, steps=0.0, moves=0.15, dc=1.0)


class PictureEncoding:
    """A loaded picture, rotated or not as it is to be stored, on its way to a file.

    Args:
        options: what is asked for.
        picture: with the metadata to write.
        saliency: of the picture, or ``None`` for no preference.
        coding: what a front door asks for beyond that.
    """

    def __init__(self, options: Options, picture: Picture, saliency: SaliencyMap | None, coding: Coding) -> None:
        self._options, self._picture, self._saliency, self._coding = options, picture, saliency, coding
        coding.check(options)
        self._effort = EFFORTS[options.effort]
        self._keeps_rgb = coding.keep_rgb and picture.pixels.ndim == 3
        self._is_custom = coding.tables is not None or self._keeps_rgb
        self._tuning = self._fitting_tuning()
        height, width = picture.pixels.shape[:2]
        self._size = (height, width)
        self._threads = options.threads_for(height, width)
        self._parts = FileParts(options, picture, coding, keeps_rgb=self._keeps_rgb)
        self._loops: _Loops = {}
        self._restored = Restoring(options.device)

    def compressed(self) -> Compressed:
        """Returns the file, its chroma sampled as asked for, or as suits picture and size.

        Raises:
            TargetError: the target is too small for this picture; ``.best`` is the nearest file.
        """
        if self._options.layers in ("detail", "latent", "auto"):
            may_tune = not self._is_custom
            return Layered(self._options, self._picture, self._compressed_with, self._restored, may_tune).compressed()
        sampling = self._sampling()
        may_choose = self._options.subsampling == "auto" and not self._is_custom and self._picture.pixels.ndim == 3
        if self._options.target_score is not None:
            return self._compressed_to_score(sampling, may_choose)
        encoding = self._encoding(sampling)
        if not may_choose or self._options.target_bytes is None:
            return self._run(encoding)
        if sampling != _WHOLE and self._picture.subsampling is None and self._leaves_room(encoding):
            encoding = self._encoding(_WHOLE)
        try:
            return self._run(encoding)
        except TargetError:
            if encoding.sampling == _AVERAGED:
                raise
        return self._run(self._encoding(_AVERAGED))

    def _compressed_with(self, options: Options) -> Compressed:
        """The same picture with other options, by what is known of it already."""
        other = PictureEncoding(options, self._picture, self._saliency, self._coding)
        other._loops, other._restored = self._loops, self._restored
        return other.compressed()

    def _compressed_to_score(self, sampling: tuple[int, int], may_choose: bool) -> Compressed:
        """The same for a score; with whole chroma where averaged chroma never reaches it and we may choose."""
        metric, saliency = self._options.target_metric, None
        if metric in SALIENT_METRICS and self._saliency is not None:
            saliency = self._saliency.pixels
        judge = Judge(self._picture.pixels, metric, saliency, self._decode)
        try:
            return self._run(self._encoding(sampling), judge)
        except TargetError:
            if not may_choose or sampling == _WHOLE or self._picture.subsampling is not None:
                raise
        return self._run(self._encoding(_WHOLE), judge)

    @property
    def rate(self) -> float:
        """Bits a pixel that the target leaves for the picture, after metadata and trailing images."""
        free = max((self._options.target_bytes or 0) - self._parts.metadata_bytes, 0)
        return float(8 * free / (self._size[0] * self._size[1]))

    def luma(self) -> NDArray[np.float32]:
        """Returns the DCT coefficients of the luma, float32 (rows, cols, 64)."""
        pixels = self._picture.pixels
        if self._keeps_rgb:
            return Coefficients.from_rgb(pixels, threads=self._threads).luma
        return _core.luma_blocks(pixels, threads=self._threads)

    def _run(self, encoding: JpegEncoding, judge: Judge | None = None) -> Compressed:
        encoded = self._thorough(self._control(encoding, judge), encoding.sampling)(encoding)
        height, width = self._size
        quality = self._reached_quality(encoded)
        return Compressed(
            encoded.jpeg, width, height, quality, encoded.lmbda, encoded.passes, self._saliency, encoded.score
        )

    def _reached_quality(self, encoded: Encoded) -> float:
        if self._coding.tables is None:
            return tables.scale_to_quality(encoded.scale, self._tuning)
        return estimate_quality(tuple(np.rint(self._coding.tables[0] * encoded.scale).astype(int).tolist()))

    # Choices --------------------------------------------------------------------------------------------------------

    def _control(self, encoding: JpegEncoding, judge: Judge | None) -> RateControl:
        """Step 4 and the search over it."""
        budget, score = self._options.target_bytes, self._options.wanted_score
        if judge is not None and score is not None:
            return ByScore(score, judge, self._tuning, self._options.target_metric, judge.coverage)
        control: RateControl = AtScale(self._asked_scale)
        if budget is not None and self._coding.level_segments:  # whose size may follow the scale in any way
            start = max(typical_scale(8 * budget / encoding.pixels), self._finest)
            control = BySizeBracket(budget, start, self._finest)
        elif budget is not None:
            control = BySize(budget, self._finest, encoding.header.overhead)
        return control

    def _thorough(self, control: RateControl, sampling: tuple[int, int]) -> RateControl:
        """The same with what the effort adds to it: variants that SSIMULACRA2 judges, or the closed loop."""
        pixels, effort, options = self._picture.pixels, self._effort, self._options
        if self._is_custom or not Judge.takes(pixels):
            return control
        is_free = options.target_bytes is None and options.target_score is None
        restores = options.tune == "restore" and max(sampling) <= 2  # a source may have 4:1:1
        if effort.variants and options.target_score is None and not restores:
            return BestOf(control, effort.variants, Judge(pixels), is_free=is_free)
        passes = effort.loop_passes or (RESTORING_PASSES if restores else 0)
        if passes == 0 or min(self._size) < LEAST_SIDE:
            return control
        if known := self._loops.get((options.tune, sampling)):
            return Reused(control, known)
        whole = self._coding.whole_pixels
        judged = whole if whole is not None and restores else pixels
        objective = Objective(judged, self._threads, is_deep=effort.loop_passes > 0)
        loop = ClosedLoop(objective, passes, _RESTORING_SPEED if restores else None, self._make_decoder)

        def refine(encoding: JpegEncoding, scale: float, costs: SymbolCosts) -> JpegEncoding:
            refined = loop.refine(encoding, scale, costs)
            self._loops[options.tune, sampling] = refined.quantizer
            return refined

        return Refined(control, refine, lambda jpeg: objective.value(self._decode(jpeg)), is_free=is_free)

    def _decode(self, jpeg: bytes) -> NDArray[np.uint8]:
        """The picture that the file is made for, as large as that by which it is judged."""
        if self._coding.whole_size is not None and self._coding.whole_pixels is None:
            jpeg = strip_layers(jpeg)
        return self._restored(jpeg) if self._options.tune == "restore" else decode_own(jpeg)

    def _make_decoder(self, size: tuple[int, int], sampling: tuple[int, int]) -> LoopDecoder:
        """The same for the levels of a file that is not written yet."""
        if self._options.tune != "restore" or max(sampling) > 2:
            return LoopDecoder(size, sampling)
        from ..enhance.restoring_decoder import EnlargingDecoder, RestoringDecoder

        restorer, whole = load_network("restore", self._options.device), self._coding.whole_pixels
        if whole is None:
            return RestoringDecoder(size, sampling, restorer)
        return EnlargingDecoder(size, sampling, restorer, (whole.shape[0], whole.shape[1]))

    @property
    def _quality(self) -> float:
        if self._options.wanted_score is not None:
            return likely_quality(self._options.wanted_score, self._options.target_metric)
        return DEFAULT_QUALITY if self._options.quality is None else float(self._options.quality)

    @property
    def _asked_scale(self) -> float:
        """The scale of the quality that is asked for; tables of the caller are meant as they are."""
        return 1.0 if self._coding.tables is not None else tables.quality_to_scale(self._quality, self._tuning)

    @property
    def _finest(self) -> float:
        """The smallest scale that may be used."""
        if self._coding.tables is not None or self._options.quality is not None:
            return self._asked_scale
        return tables.quality_to_scale(100.0, self._tuning)

    def _strength(self) -> float:
        """The strength at about the scale that the file will have; tables of the caller say nothing of that."""
        target, strength = self._options.target_bytes, self._options.strength
        if self._options.tune == "restore":  # what is taken from the background comes back in part
            strength = strength**RESTORED_EXPONENT
        if self._coding.tables is not None:
            return strength
        if target is None:
            return strength_at(self._asked_scale, strength)
        return strength_at(likely_scale(target, self._parts.metadata_bytes, self._size, self._finest), strength)

    def _sampling(self) -> tuple[int, int]:
        if self._keeps_rgb:
            return _WHOLE
        options, picture = self._options, self._picture
        target = options.target_bytes if options.quality is None else None
        return choose_subsampling(
            options.subsampling,
            picture.pixels,
            self._quality,
            target_bytes=target,
            source=picture.subsampling,
            threads=self._threads,
        )

    def _leaves_room(self, encoding: JpegEncoding) -> bool:
        """Whether the target has room for whole chroma: for detail that its steps will keep, or beyond the finest.

        Asked only where that may be.
        """
        target = self._options.target_bytes or 0
        if self._options.quality is not None or 8 * target < ROOMY_RATE * encoding.pixels:
            return False
        overhead = encoding.header.overhead
        if chroma_content(self._picture.pixels, self._threads).has_detail:
            return overhead + TRELLIS_SHARE * encoding.rounded_estimate(max(FINE_SCALE, self._finest)) < target
        return overhead + encoding.rounded_estimate(self._finest) < UNFILLED * target

    def _fitting_tuning(self) -> Tuning:
        tuning = TUNINGS[self._options.tune]
        if self._keeps_rgb:
            tuning = replace(tuning, cb=tuning.luma, cr=tuning.luma, chroma_tilt=tuning.luma_tilt, whole_chroma=1.0)
        is_rounded = self._is_custom and self._coding.rounded
        return replace(tuning, lmbda=0.0, compensation=0.0) if is_rounded else tuning

    # Parts ----------------------------------------------------------------------------------------------------------

    def _encoding(self, sampling: tuple[int, int]) -> JpegEncoding:
        """Steps 3 and 5."""
        coefficients, header = self._coefficients(sampling), self._parts.header()
        tuning = tables.for_sampling(self._tuning, sampling)
        weights = make_weights(
            self._coding.block_weights, coefficients, self._saliency, strength=self._strength(), tuning=tuning
        )
        steps = self._steps(tuning, coefficients.count)
        return JpegEncoding.create(coefficients, weights, steps, header, tuning=tuning, effort=self._effort)

    def _coefficients(self, sampling: tuple[int, int]) -> Coefficients:
        if self._keeps_rgb:
            return Coefficients.from_rgb(self._picture.pixels, threads=self._threads)
        return Coefficients.from_pixels(self._picture.pixels, sampling, threads=self._threads)

    def _steps(self, tuning: Tuning, components: int) -> StepPolicy:
        given = self._coding.tables
        if given is None:
            return TunedSteps(tuning, components)
        return GivenSteps(given[np.minimum(np.arange(components), len(given) - 1)])
