"""Step 6 for a whole image: quantizes coefficients at any scale, and learns the costs of symbols from the levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from . import _core, symbol_costs, tables
from .block_sample import BlockSample
from .coefficients import Blocks, Coefficients
from .effort import DEFAULT_EFFORT, EFFORTS, Effort, Variant
from .parameters import TUNINGS, Tuning
from .steps import StepPolicy, Steps
from .subsampling import chroma_weights
from .symbol_costs import Bands, LevelArray, SymbolCosts

__all__ = ["Quantized", "Quantizer"]


@dataclass(frozen=True, eq=False)
class Quantized:
    """An image as levels.

    Attributes:
        levels: int16 (rows, cols, 64) of each component.
        tables: uint16 (components, 64), the steps they are multiples of.
        progressive: whether :attr:`costs` are those of a progressive file.
        choice_blocks: about how many blocks of a component its scans are chosen by; 0: all.
        threads: that may work on the levels at once.
        bands: of the scans that :attr:`costs` are learned for, one entry as in :attr:`.SymbolCosts.ac`; ``None`` to
            choose them.
    """

    levels: list[LevelArray]
    tables: NDArray[np.uint16]
    progressive: bool = True
    choice_blocks: int = 0
    threads: int = 1
    bands: Sequence[Bands] | None = None

    @cached_property
    def costs(self) -> SymbolCosts:
        """The costs that these levels teach, for the next pass; worked out on first use."""
        return symbol_costs.learn(
            self.levels,
            progressive=self.progressive,
            choice_blocks=self.choice_blocks,
            bands=self.bands if self.progressive else None,
            threads=self.threads,
        )


@dataclass(frozen=True, eq=False)
class Quantizer:
    """The coefficients and weights of one image, ready to be quantized at any scale; made by :meth:`create`.

    A quantizer never changes: the costs go in and come out with every call, so calls may run in several threads.

    Attributes:
        coefficients: of the image.
        block_lambda: float32 (rows, cols) of each component, the multiplier of each block.
        steps: which steps a scale stands for.
        tuning: tilts and compensation.
        effort: how thoroughly first costs are learned, and whether corrections are made.
        progressive: whether the file will be progressive, which decides what codes components share.
        lmbda: Lagrange multiplier in squared quantization steps a bit, before the weights.
    """

    coefficients: Coefficients
    block_lambda: list[NDArray[np.float32]]
    steps: StepPolicy
    tuning: Tuning
    effort: Effort
    progressive: bool
    lmbda: float

    @classmethod
    def create(
        cls,
        coefficients: Coefficients,
        weights: NDArray[np.float32],
        steps: StepPolicy,
        *,
        tuning: Tuning = TUNINGS["default"],
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
        progressive: bool = True,
    ) -> Quantizer:
        """Prepares an image.

        Args:
            coefficients: of the image.
            weights: float32 (rows, cols) of the luma blocks, mean 1.
            steps: which steps a scale stands for.
            tuning: Lagrange multiplier, tilts and compensation.
            effort: time against bytes.
            progressive: whether the file will be progressive.
        """
        return cls(coefficients, [], steps, tuning, effort, progressive, tuning.lmbda).with_weights(weights)

    @property
    def pixels(self) -> int:
        """Number of pixels, those that pad the last blocks included."""
        return self.block_lambda[0].size * 64

    def varied(self, variant: Variant) -> Quantizer:
        """Returns a quantizer for the same image with another multiplier and other rounding of steps."""
        return replace(self.with_lambda(variant.factor), steps=self.steps.with_rounding(variant.rounding))

    def with_lambda(self, factor: float) -> Quantizer:
        """Returns a quantizer for the same image with a multiplier that is ``factor`` times as large."""
        block_lambda = [each * np.float32(factor) for each in self.block_lambda]
        return replace(self, lmbda=self.lmbda * factor, block_lambda=block_lambda)

    def with_weights(self, weights: NDArray[np.float32]) -> Quantizer:
        """Returns a quantizer for the same image with other weights.

        Args:
            weights: float32 (rows, cols) of the luma blocks.
        """
        coefficients, lmbda = self.coefficients, np.float32(self.lmbda)
        block_lambda = [lmbda / weights]
        if coefficients.others:
            covered = chroma_weights(weights, *coefficients.sampling, *coefficients.others[0].shape[:2])
            block_lambda += [lmbda / covered] * len(coefficients.others)
        return replace(self, block_lambda=block_lambda)

    def sample(self, count: int) -> Quantizer:
        """Returns a quantizer for a part of the image, evenly spread; for the whole image where that is small.

        The luma of the part makes up for nothing, and is kept.

        Args:
            count: about how many luma blocks.
        """
        h, v = self.coefficients.sampling
        part = BlockSample.spread(self.coefficients.complete_mcus, count // (h * v))
        if part is None:
            return replace(self, coefficients=self.coefficients.with_luma_kept())
        sizes = [(h, v), *[(1, 1)] * (len(self.block_lambda) - 1)]
        block_lambda = [part.take(each, *size) for each, size in zip(self.block_lambda, sizes, strict=True)]
        return replace(self, coefficients=self.coefficients.part(part), block_lambda=block_lambda)

    def quantize(self, scale: float, costs: SymbolCosts | None = None, *, keep_bands: bool = False) -> Quantized:
        """Makes one pass of the trellis.

        Args:
            scale: of the quantization steps, above 0.
            costs: of the symbols; ``None`` for :meth:`first_costs` at this scale.
            keep_bands: new costs are learned for the scans that these are for, which takes less time than to choose.
        """
        costs = self.first_costs(scale) if costs is None else costs
        steps = self.steps.at(scale)
        trellis = _Trellis(steps, tables.sensitivity(steps.ideal, self.tuning, steps.tables), costs, self.threads)
        targets = self.coefficients.other_targets
        others = [trellis.levels(i, blocks, self.block_lambda[i]) for i, blocks in enumerate(targets, 1)]
        first = self._first_levels(trellis, others)  # last: the luma makes up for what the coded chroma lost
        quantized = self._quantized([first, *others], steps.tables)
        return replace(quantized, bands=[kind.bands for kind in costs.ac]) if keep_bands else quantized

    def first_costs(self, scale: float) -> SymbolCosts:
        """Learns costs at a scale on a part of the image, as thoroughly as the effort says."""
        steps = self.steps.at(scale)
        blocks, block_lambda = self._sample(self.effort.learn_blocks)
        costs = self._rounded(blocks, steps).costs
        sensitivity = tables.sensitivity(steps.ideal, self.tuning, steps.tables)
        for _ in range(self.effort.learn_passes):
            trellis = _Trellis(steps, sensitivity, costs, self.threads)
            levels = [trellis.levels(i, *part) for i, part in enumerate(zip(blocks, block_lambda, strict=True))]
            costs = self._quantized(levels, steps.tables).costs
        return costs

    def round(self, scale: float) -> Quantized:
        """Rounds all coefficients at a scale; nothing is traded for bits."""
        return self._rounded(self.coefficients.components, self.steps.at(scale))

    @property
    def threads(self) -> int:
        """How many threads may work on the image at once."""
        return self.coefficients.threads

    def _sample(self, count: int) -> tuple[list[Blocks], list[NDArray[np.float32]]]:
        """Every n-th row of blocks, about ``count`` blocks of the first component: coefficients and multipliers.

        Whole rows keep the runs of empty blocks, whose end symbols :meth:`sample` would make dearer than they are.
        """
        step = max(1, round(self.block_lambda[0].size / count))
        others = [np.ascontiguousarray(each[::step]) for each in self.coefficients.other_targets]
        block_lambda = [np.ascontiguousarray(each[::step]) for each in self.block_lambda]
        return [self.coefficients.target_rows(step), *others], block_lambda

    def _rounded(self, blocks: Sequence[Blocks], steps: Steps) -> Quantized:
        pairs = zip(blocks, steps.tables, strict=True)
        return self._quantized([_core.quantize_plain(c, table, self.threads) for c, table in pairs], steps.tables)

    def _quantized(self, levels: list[LevelArray], file_tables: NDArray[np.uint16]) -> Quantized:
        return Quantized(levels, file_tables, self.progressive, self.effort.choice_blocks, self.threads)

    def _first_levels(self, trellis: _Trellis, others: list[LevelArray]) -> LevelArray:
        """Levels of the first component; its coefficients are moved by what the chroma lost, and beyond the range."""
        pixels, file_tables = self.coefficients.pixels, trellis.steps.tables
        if pixels is None:
            return trellis.levels(0, self._overshot(file_tables[0]), self.block_lambda[0])
        chroma = None
        if others and self.tuning.compensation > 0 and self.effort.corrections:
            sampling, strength = self.coefficients.sampling, self.tuning.compensation
            chroma = _core.ChromaErrors(others, file_tables[1:], *sampling, strength)
        offsets = self.coefficients.offsets[0] if self.coefficients.offsets else None
        return trellis.luma_levels(pixels, self.block_lambda[0], chroma, offsets, overshoots=self.effort.corrections)

    def _overshot(self, table: NDArray[np.uint16]) -> Blocks:
        """The stored first component, moved beyond the range where its samples are at 0 or 255."""
        stored = self.coefficients.stored
        assert stored is not None
        if not self._clipped.size:
            return stored
        moved = stored.copy()
        _core.overshoot(stored, table, self._clipped, moved)
        return moved

    @cached_property
    def _clipped(self) -> NDArray[np.uint32]:
        """Indices of the blocks of the stored first component with samples at 0 or 255."""
        stored = self.coefficients.stored
        if stored is None or not self.effort.corrections:
            return np.empty(0, np.uint32)
        return _core.clipped_blocks(stored)


@dataclass(frozen=True, eq=False)
class _Trellis:
    """One pass of the trellis: steps, what an error costs, and what symbols cost."""

    steps: Steps
    sensitivity: NDArray[np.float32]
    costs: SymbolCosts
    threads: int

    def levels(self, i: int, blocks: Blocks, block_lambda: NDArray[np.float32]) -> LevelArray:
        """Returns the levels of coefficients of component ``i``."""
        ac = self.costs.of(i)[0]
        table, sensitivity = self.steps.tables[i], self.sensitivity[i]
        levels = _core.quantize(blocks, table, block_lambda, ac.bits, sensitivity, ac.bands, self.threads)
        self._set_dc(i, blocks[..., 0], block_lambda, levels)
        return levels

    def luma_levels(
        self,
        pixels: NDArray[np.uint8],
        block_lambda: NDArray[np.float32],
        chroma: _core.ChromaErrors | None,
        offsets: Blocks | None,
        *,
        overshoots: bool,
    ) -> LevelArray:
        """Returns the levels of the luma of an image, which is not kept."""
        ac = self.costs.of(0)[0]
        table, sensitivity = self.steps.tables[0], self.sensitivity[0]
        levels, dc = _core.quantize_luma(
            pixels, table, block_lambda, ac.bits, sensitivity, ac.bands, chroma, overshoots, offsets, self.threads
        )
        self._set_dc(0, dc, block_lambda, levels)
        return levels

    def _set_dc(self, i: int, dc: NDArray[np.float32], block_lambda: NDArray[np.float32], levels: LevelArray) -> None:
        step, sensitivity, costs = self.steps.tables[i, 0], self.sensitivity[i, 0], self.costs.of(i)[1]
        _core.quantize_dc(dc, int(step), float(sensitivity), block_lambda, costs, levels)
