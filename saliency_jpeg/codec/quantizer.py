"""Step 6 for a whole image: stored coefficients in, levels at any scale out, with prices that follow the image."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import _core, symbol_costs, tables
from .effort import DEFAULT_EFFORT, EFFORTS, Effort, Variant
from .parameters import TUNINGS, Tuning
from .subsampling import chroma_weights
from .symbol_costs import LevelArray, Prices

__all__ = ["Levels", "Quantizer"]

Coefficients = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """A quantized image: int16 (rows, cols, 64) for each component, and its tables."""

    components: list[LevelArray]
    tables: NDArray[np.uint16]


@dataclass(frozen=True)
class _Blocks:
    """Coefficients (rows, cols, 64) and Lagrange multipliers (rows, cols) of each component."""

    coefficients: list[Coefficients]
    block_lambda: list[NDArray[np.float32]]

    def sample(self, count: int) -> _Blocks:
        """Every n-th row of blocks, about ``count`` blocks of each component."""
        strides = [max(1, c.shape[0] * c.shape[1] // count) for c in self.coefficients]
        return _Blocks(
            [np.ascontiguousarray(c[::n]) for c, n in zip(self.coefficients, strides, strict=True)],
            [np.ascontiguousarray(b[::n]) for b, n in zip(self.block_lambda, strides, strict=True)],
        )


class Quantizer:
    """The coefficients and weights of one image, ready to be quantized again and again."""

    def __init__(
        self,
        coefficients: list[Coefficients],
        weights: NDArray[np.float32],
        sampling: tuple[int, int],
        *,
        progressive: bool = True,
        tuning: Tuning = TUNINGS["default"],
        rgb: NDArray[np.uint8] | None = None,
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
    ) -> None:
        """Takes coefficients of one or three components and the luma weights, (rows, cols), mean 1.

        With the pixels they were made from, ``rgb`` (H, W, 3), the luma makes up for what the chroma loses.
        """
        self.pixels = weights.size * 64  # those that pad the last blocks included
        self.sampling = sampling
        self.tuning = tuning
        self.passes = 0
        self._progressive, self._effort = progressive, effort
        block_lambda = [np.float32(tuning.lmbda) / weights]
        for chroma in coefficients[1:]:
            block_lambda.append(np.float32(tuning.lmbda) / chroma_weights(weights, *sampling, *chroma.shape[:2]))
        self._blocks = _Blocks(coefficients, block_lambda)
        self._clipped = _core.clipped_blocks(coefficients[0]) if effort.corrections else np.empty(0, np.uint32)
        self._rgb = rgb if len(coefficients) == 3 and tuning.compensation > 0 and effort.corrections else None
        self._prices: Prices | None = None
        self._rounding = 0.0

    def varied(self, variant: Variant) -> Quantizer:
        """The same image in another way, with what was learned so far."""
        other = copy.copy(self)
        factor = np.float32(variant.factor)
        other.passes, other._rounding = 0, variant.rounding
        other.tuning = replace(self.tuning, lmbda=self.tuning.lmbda * variant.factor)
        other._blocks = _Blocks(self._blocks.coefficients, [b * factor for b in self._blocks.block_lambda])
        return other

    def at(self, scale: float) -> Levels:
        """One pass of the trellis at a scale, under the prices that were learned last."""
        known = self._prices or self.prepare(scale)
        steps, integer_steps = self._steps(scale)
        sensitivity = tables.sensitivity(steps, self.tuning, integer_steps)
        order = [*range(1, len(integer_steps)), 0]  # luma knows what chroma lost
        coded: list[LevelArray] = []
        for i in order:
            coefficients = self._blocks.coefficients[i] if i else self._luma(integer_steps, coded)
            block_lambda = self._blocks.block_lambda[i]
            coded.append(self._component(i, coefficients, block_lambda, integer_steps[i], sensitivity[i], known))
        self.passes += 1
        return Levels([coded[-1], *coded[:-1]], integer_steps)

    def learn(self, levels: Levels) -> float:
        """Takes prices for the next pass from these levels; returns about how many bits they take."""
        self._prices, bits = self._learn(levels.components)
        return bits

    def prepare(self, scale: float) -> Prices:
        """Learns the prices at a scale, as thoroughly as the effort says."""
        self._prices = self._first_prices(scale)
        return self._prices

    def plain_bits(self, scale: float) -> float:
        """About the bits that plain rounding takes at a scale."""
        return self._learn(_rounded(self._blocks, self._steps(scale)[1]))[1]

    def _first_prices(self, scale: float) -> Prices:
        """Prices learned on a part of the picture."""
        steps, integer_steps = self._steps(scale)
        sensitivity = tables.sensitivity(steps, self.tuning, integer_steps)
        part = self._blocks.sample(self._effort.learn_blocks)
        found = self._learn(_rounded(part, integer_steps))[0]
        for _ in range(self._effort.learn_passes):
            levels = [
                self._component(i, c, part.block_lambda[i], integer_steps[i], sensitivity[i], found)
                for i, c in enumerate(part.coefficients)
            ]
            found = self._learn(levels)[0]
        return found

    def _learn(self, levels: list[LevelArray]) -> tuple[Prices, float]:
        return symbol_costs.learn(levels, progressive=self._progressive, choice_blocks=self._effort.choice_blocks)

    def _steps(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
        """The steps that are wanted at a scale, and those of the file: float64 and uint16 (components, 64)."""
        steps = tables.ideal_steps(scale, self.tuning)[: len(self._blocks.coefficients)]
        return steps, tables.to_table(steps, self._rounding)

    def _luma(self, steps: NDArray[np.uint16], chroma: list[LevelArray]) -> Coefficients:
        """The luma coefficients to be quantized: moved by what the chroma lost, and beyond white and black."""
        luma = self._blocks.coefficients[0]
        if self._rgb is not None:
            luma = _core.compensated_luma(self._rgb, chroma, steps[1:], *self.sampling, self.tuning.compensation)
        if self._clipped.size:
            overshot = luma.copy()
            _core.overshoot(luma, steps[0], self._clipped, overshot)
            luma = overshot
        return luma

    def _component(
        self,
        i: int,
        coefficients: Coefficients,
        block_lambda: NDArray[np.float32],
        table: NDArray[np.uint16],
        sensitivity: NDArray[np.float32],
        known: Prices,
    ) -> LevelArray:
        """Levels of component ``i`` under the prices of its kind."""
        ac, dc = known.of(i)
        levels = _core.quantize(coefficients, table, block_lambda, ac.prices, sensitivity, ac.bands)
        _core.quantize_dc(coefficients, int(table[0]), float(sensitivity[0]), block_lambda, dc, levels)
        return levels


def _rounded(blocks: _Blocks, steps: NDArray[np.uint16]) -> list[LevelArray]:
    return [_core.quantize_plain(c, table) for c, table in zip(blocks.coefficients, steps, strict=True)]
