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
        bands: of the scans that :attr:`costs` are learned for, one entry as in :attr:`.SymbolCosts.ac`; ``None`` to
            choose them.
    """

    levels: list[LevelArray]
    tables: NDArray[np.uint16]
    progressive: bool = True
    choice_blocks: int = 0
    bands: Sequence[Bands] | None = None

    @cached_property
    def costs(self) -> SymbolCosts:
        """The costs that these levels teach, for the next pass; worked out on first use."""
        return symbol_costs.learn(
            self.levels, progressive=self.progressive, choice_blocks=self.choice_blocks, bands=self.bands
        )


@dataclass(frozen=True, eq=False)
class _WeightedBlocks:
    """Coefficients (rows, cols, 64) and Lagrange multipliers (rows, cols) of each component."""

    coefficients: list[Blocks]
    block_lambda: list[NDArray[np.float32]]

    def sample(self, count: int) -> _WeightedBlocks:
        """Every n-th row of blocks, about ``count`` blocks of each component."""
        strides = [max(1, c.shape[0] * c.shape[1] // count) for c in self.coefficients]
        return _WeightedBlocks(
            [np.ascontiguousarray(c[::n]) for c, n in zip(self.coefficients, strides, strict=True)],
            [np.ascontiguousarray(b[::n]) for b, n in zip(self.block_lambda, strides, strict=True)],
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
        clipped: indices of the luma blocks with samples at 0 or 255.
    """

    coefficients: Coefficients
    block_lambda: list[NDArray[np.float32]]
    steps: StepPolicy
    tuning: Tuning
    effort: Effort
    progressive: bool
    lmbda: float
    clipped: NDArray[np.uint32]

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
        block_lambda = [np.float32(tuning.lmbda) / weights]
        for chroma in coefficients.components[1:]:
            covered = chroma_weights(weights, *coefficients.sampling, *chroma.shape[:2])
            block_lambda.append(np.float32(tuning.lmbda) / covered)
        luma = coefficients.components[0]
        clipped = _core.clipped_blocks(luma) if effort.corrections else np.empty(0, np.uint32)
        return cls(coefficients, block_lambda, steps, tuning, effort, progressive, tuning.lmbda, clipped)

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

    def sample(self, count: int) -> Quantizer:
        """Returns a quantizer for a part of the image, evenly spread; the whole image where that is small.

        Nothing is made up for in the luma there: the pixels beside the part are missing.

        Args:
            count: about how many luma blocks.
        """
        h, v = self.coefficients.sampling
        rows, cols = self.block_lambda[0].shape
        part = BlockSample.spread((rows // v, cols // h), count // (h * v))
        if part is None:
            return replace(self, coefficients=replace(self.coefficients, pixels=None))
        sizes = [(h, v), *[(1, 1)] * (len(self.block_lambda) - 1)]
        components = [part.take(c, *size) for c, size in zip(self.coefficients.components, sizes, strict=True)]
        block_lambda = [part.take(b, *size) for b, size in zip(self.block_lambda, sizes, strict=True)]
        clipped = _core.clipped_blocks(components[0]) if self.clipped.size else self.clipped
        coefficients = Coefficients(components, components[0], (h, v))
        return replace(self, coefficients=coefficients, block_lambda=block_lambda, clipped=clipped)

    def quantize(self, scale: float, costs: SymbolCosts | None = None, *, keep_bands: bool = False) -> Quantized:
        """Makes one pass of the trellis.

        Args:
            scale: of the quantization steps, above 0.
            costs: of the symbols; ``None`` for :meth:`first_costs` at this scale.
            keep_bands: new costs are learned for the scans that these are for, which takes less time than to choose.
        """
        costs = self.first_costs(scale) if costs is None else costs
        steps = self.steps.at(scale)
        sensitivity = tables.sensitivity(steps.ideal, self.tuning, steps.tables)
        numbers = range(1, len(steps.tables))
        chroma = [self._component(i, self._blocks, steps, sensitivity, costs) for i in numbers]
        luma = self._luma(steps.tables, chroma)  # last: its compensation needs the coded chroma
        first = replace(self._blocks, coefficients=[luma])
        levels = [self._component(0, first, steps, sensitivity, costs), *chroma]
        quantized = self._quantized(levels, steps.tables)
        return replace(quantized, bands=[kind.bands for kind in costs.ac]) if keep_bands else quantized

    def first_costs(self, scale: float) -> SymbolCosts:
        """Learns costs at a scale on a part of the image, as thoroughly as the effort says."""
        steps = self.steps.at(scale)
        sensitivity = tables.sensitivity(steps.ideal, self.tuning, steps.tables)
        part = self._blocks.sample(self.effort.learn_blocks)
        costs = self._quantized(_rounded(part, steps), steps.tables).costs
        for _ in range(self.effort.learn_passes):
            levels = [self._component(i, part, steps, sensitivity, costs) for i in range(len(part.coefficients))]
            costs = self._quantized(levels, steps.tables).costs
        return costs

    def round(self, scale: float) -> Quantized:
        """Rounds all coefficients at a scale; nothing is traded for bits."""
        steps = self.steps.at(scale)
        return self._quantized(_rounded(self._blocks, steps), steps.tables)

    @property
    def _blocks(self) -> _WeightedBlocks:
        return _WeightedBlocks(self.coefficients.components, self.block_lambda)

    def _quantized(self, levels: list[LevelArray], file_tables: NDArray[np.uint16]) -> Quantized:
        return Quantized(levels, file_tables, self.progressive, self.effort.choice_blocks)

    def _luma(self, file_tables: NDArray[np.uint16], chroma: list[LevelArray]) -> Blocks:
        """The luma coefficients to quantize: moved by what the chroma lost, and beyond white and black."""
        luma, pixels = self._blocks.coefficients[0], self.coefficients.pixels
        if chroma and pixels is not None and self.tuning.compensation > 0 and self.effort.corrections:
            sampling, strength = self.coefficients.sampling, self.tuning.compensation
            luma = _core.compensated_luma(pixels, chroma, file_tables[1:], *sampling, strength)
        if self.clipped.size:
            overshot = luma.copy()
            _core.overshoot(luma, file_tables[0], self.clipped, overshot)
            luma = overshot
        return luma

    @staticmethod
    def _component(
        i: int, blocks: _WeightedBlocks, steps: Steps, sensitivity: NDArray[np.float32], costs: SymbolCosts
    ) -> LevelArray:
        """Levels of component ``i``."""
        ac, dc = costs.of(i)
        coefficients, block_lambda, table = blocks.coefficients[i], blocks.block_lambda[i], steps.tables[i]
        levels = _core.quantize(coefficients, table, block_lambda, ac.bits, sensitivity[i], ac.bands)
        _core.quantize_dc(coefficients, int(table[0]), float(sensitivity[i, 0]), block_lambda, dc, levels)
        return levels


def _rounded(blocks: _WeightedBlocks, steps: Steps) -> list[LevelArray]:
    return [_core.quantize_plain(c, table) for c, table in zip(blocks.coefficients, steps.tables, strict=True)]
