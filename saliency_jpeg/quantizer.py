"""Step 6 for a whole image: stored coefficients in, levels at any scale out, with prices that follow the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import _core, tables
from .allocation import chroma_weights
from .tuning import TUNINGS, Tuning

__all__ = ["Levels", "Quantizer", "symbol_prices"]

_RAW_BITS: Final = np.arange(256, dtype=np.float32) % 16  # bits behind a run/size symbol, T.81 F.1.2.2
_EOB_RUNS: Final = slice(0, 0xF0, 16)  # EOB0 to EOB14, T.81 G.1.2.2
_DC_CATEGORIES: Final = 12  # of 8-bit samples, T.81 table F.1
_UNSEEN: Final = 2.0  # bits above the longest code that a symbol without a code would cost

LevelArray = NDArray[np.int16]
Histogram = NDArray[np.uint32]


@dataclass(frozen=True)
class _AcPrices:
    """Prices of the AC symbols of one kind of component, (n, 257), and the bands (Ss, Se) that they belong to."""

    bands: list[tuple[int, int]]
    prices: NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """A quantized image: int16 (rows, cols, 64) for each component, its tables, and about how many bits it takes."""

    components: list[LevelArray]
    tables: NDArray[np.uint16]
    bits: float


def symbol_prices(histogram: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Bits of every run/size symbol with its raw bits.

    The code lengths are those of the optimal Huffman code for the counts (T.81 K.2 with its limits).  An end of band
    costs the mean of the runs that were sent.  What a block without levels costs follows from the entropy of runs of
    geometric length: R runs over T blocks take about R (a + log2(T / R)) bits, so one run less saves the mean less
    1 / ln 2.

    Args:
        histogram: uint32 (257,), see ``_core.ac_histogram``.

    Returns:
        float32 (257,); [0] is the end of a block with levels, [256] that of a block without any.
    """
    lengths = _core.code_lengths(histogram[:256]).astype(np.float32)
    unseen = min(lengths.max() + _UNSEEN, 16)
    prices = np.where(lengths > 0, lengths, unseen) + _RAW_BITS
    empty = prices[0]
    runs = histogram[_EOB_RUNS]
    if runs[1:].any():
        prices[0] = (runs @ (lengths[_EOB_RUNS] + np.arange(15))) / runs.sum()
        empty = min(prices[0], 1 / np.log(2))
    return np.append(prices, empty).astype(np.float32)


def _ac_bits(histogram: NDArray[np.uint32]) -> float:
    """Bits of the counted symbols under their own optimal code."""
    lengths = _core.code_lengths(histogram[:256]).astype(np.float64)
    raw = _RAW_BITS.astype(np.float64)
    raw[_EOB_RUNS] = np.arange(15)
    return float(histogram[:256] @ (lengths + raw))


def _dc_histogram(levels: LevelArray) -> NDArray[np.uint32]:
    """(12,) counts of the categories of DC differences in raster order (T.81 F.1.2.1)."""
    differences = np.diff(levels[..., 0].astype(np.int32).ravel(), prepend=0)
    categories = np.frexp(np.abs(differences).astype(np.float32))[1]
    return np.bincount(categories, minlength=_DC_CATEGORIES).astype(np.uint32)


def _dc_prices(histogram: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(12,) bits of each category with its raw bits, from the entropy of the counts, each taken one higher."""
    share = (histogram + 1) / (histogram.sum() + _DC_CATEGORIES)
    bits: NDArray[np.float32] = (np.arange(_DC_CATEGORIES) - np.log2(share)).astype(np.float32)
    return bits


class Quantizer:
    """The coefficients and weights of one image, ready to be quantized again and again."""

    def __init__(
        self,
        coefficients: list[NDArray[np.float32]],
        weights: NDArray[np.float32],
        sampling: tuple[int, int],
        *,
        progressive: bool = True,
        tuning: Tuning = TUNINGS["default"],
        rgb: NDArray[np.uint8] | None = None,
    ) -> None:
        """Takes coefficients of one or three components and the luma weights, (rows, cols), mean 1.

        With the pixels they were made from, ``rgb`` (H, W, 3), the luma makes up for what the chroma loses.
        """
        self._progressive = progressive
        self._coefficients = coefficients
        self.pixels = weights.size * 64  # those that pad the last blocks included
        self.sampling = sampling
        self.tuning = tuning
        self.passes = 0
        block_lambda = [np.float32(tuning.lmbda) / weights]
        for chroma in coefficients[1:]:
            block_lambda.append(np.float32(tuning.lmbda) / chroma_weights(weights, *sampling, *chroma.shape[:2]))
        self._block_lambda = block_lambda
        self._clipped = _core.clipped_blocks(coefficients[0])
        self._rgb = rgb if len(coefficients) == 3 and tuning.compensation > 0 else None
        self._prices: list[_AcPrices] = []
        self._dc_prices: list[NDArray[np.float32]] = []

    def at(self, scale: float) -> Levels:
        """One pass of the trellis at a scale, priced by the pass before it."""
        steps, integer_steps = self._steps(scale)
        sensitivity = tables.sensitivity(steps, self.tuning, integer_steps)
        if not self._prices:
            self.plain_bits(scale)
        chroma = [
            self._component(i, self._coefficients[i], integer_steps[i], sensitivity[i])
            for i in range(1, len(integer_steps))
        ]
        luma = self._component(0, self._luma(integer_steps, chroma), integer_steps[0], sensitivity[0])
        levels = [luma, *chroma]
        self.passes += 1
        return Levels(levels, integer_steps, self._learn_prices(levels))

    def plain_bits(self, scale: float) -> float:
        """About the bits that plain rounding takes at a scale; the next pass is priced by it."""
        pairs = zip(self._coefficients, self._steps(scale)[1], strict=True)
        return self._learn_prices([_core.quantize_plain(coefficients, table) for coefficients, table in pairs])

    def _steps(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
        """The steps that are wanted at a scale, and those of the file: float64 and uint16 (components, 64)."""
        steps = tables.ideal_steps(scale, self.tuning)[: len(self._coefficients)]
        return steps, tables.to_table(steps)

    def _luma(self, steps: NDArray[np.uint16], chroma: list[LevelArray]) -> NDArray[np.float32]:
        """The luma coefficients to be quantized: moved by what the chroma lost, and beyond white and black."""
        luma = self._coefficients[0]
        if self._rgb is not None:
            luma = _core.compensated_luma(self._rgb, chroma, steps[1:], *self.sampling, self.tuning.compensation)
        if self._clipped.size:
            overshot = luma.copy()
            _core.overshoot(luma, steps[0], self._clipped, overshot)
            luma = overshot
        return luma

    def _component(
        self, i: int, coefficients: NDArray[np.float32], table: NDArray[np.uint16], sensitivity: NDArray[np.float32]
    ) -> LevelArray:
        """Levels of component ``i`` under the prices of its kind."""
        block_lambda, kind = self._block_lambda[i], min(i, len(self._prices) - 1)
        ac = self._prices[kind]
        levels = _core.quantize(coefficients, table, block_lambda, ac.prices, sensitivity, ac.bands)
        _core.quantize_dc(
            coefficients, int(table[0]), float(sensitivity[0]), block_lambda, self._dc_prices[kind], levels
        )
        return levels

    def _learn_prices(self, levels: list[LevelArray]) -> float:
        """Takes prices for the next pass from these levels; returns about how many bits they take."""
        kinds = self._kinds(levels)
        ac = [self._band_histograms(components) for components in kinds]
        dc = [_total([_dc_histogram(c) for c in components]) for components in kinds]
        self._prices = [_AcPrices(bands, np.stack([symbol_prices(h) for h in counts])) for bands, counts in ac]
        self._dc_prices = [_dc_prices(h) for h in dc]
        ac_bits = sum(_ac_bits(h) for _, counts in ac for h in counts)
        return ac_bits + sum(float(h @ p) for h, p in zip(dc, self._dc_prices, strict=True))

    def _kinds(self, levels: list[LevelArray]) -> list[list[LevelArray]]:
        """The components by the codes that they share: all apart, but baseline files have only two codes."""
        if self._progressive or len(levels) == 1:
            return [[component] for component in levels]
        return [levels[:1], levels[1:]]

    def _band_histograms(self, components: list[LevelArray]) -> tuple[list[tuple[int, int]], Histogram]:
        """The bands in which these components are best sent, and the (n, 257) counts of their symbols."""
        if self._progressive:
            return _core.best_bands(components)
        counts = [_core.ac_histogram(levels) for levels in components]
        return [(1, 63)], _total(counts)[None]


def _total(histograms: list[Histogram]) -> Histogram:
    """The counts of all components together."""
    total: Histogram = np.stack(histograms).sum(axis=0, dtype=np.uint32)
    return total
