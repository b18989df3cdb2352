"""Costs of symbols: bits of DC categories and AC run/size pairs, learned from levels that were quantized before.

The levels decide what the Huffman codes will be, and the codes what levels cost. So each pass of the quantizer uses the
costs that the pass before has taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import _core
from .parameters import UNSEEN_BITS

__all__ = ["AcCosts", "LevelArray", "SymbolCosts", "learn", "symbol_costs"]

_RAW_BITS: Final = np.arange(256, dtype=np.float32) % 16  # bits behind a run/size symbol, T.81 F.1.2.2
_EOB_RUNS: Final = slice(0, 0xF0, 16)  # EOB0 to EOB14, T.81 G.1.2.2
_DC_CATEGORIES: Final = 12  # of 8-bit samples, T.81 table F.1

LevelArray = NDArray[np.int16]
Histogram = NDArray[np.uint32]


@dataclass(frozen=True)
class AcCosts:
    """Bits of the AC symbols of components that share codes, float32 (bands, 257), and the bands (Ss, Se)."""

    bands: list[tuple[int, int]]
    bits: NDArray[np.float32]


@dataclass(frozen=True)
class SymbolCosts:
    """Costs of all symbols, and about the bits of the levels they were learned from.

    Attributes:
        ac: one entry for each component, or the last one for all that follow and share its codes.
        dc: the same, float32 (12,) bits of each category of difference.
        total_bits: about the bits of these levels.
    """

    ac: list[AcCosts]
    dc: list[NDArray[np.float32]]
    total_bits: float

    def of(self, component: int) -> tuple[AcCosts, NDArray[np.float32]]:
        """Returns AC and DC costs of a component, by its number from 0."""
        kind = min(component, len(self.ac) - 1)
        return self.ac[kind], self.dc[kind]


def learn(levels: Sequence[LevelArray], *, progressive: bool, choice_blocks: int = 0, threads: int = 1) -> SymbolCosts:
    """Learns costs from the levels of all components.

    Args:
        levels: int16 (rows, cols, 64) of each component.
        progressive: each component has codes of its own, for each of its scans; else one for luma and one for chroma.
        choice_blocks: about how many blocks of a component the bands of the scans are chosen by; 0: all.
        threads: that may work on the levels at once.
    """
    kinds = [[component] for component in levels] if progressive else [levels[:1], levels[1:]][: len(levels)]
    if progressive:
        counts = _core.best_bands(levels, choice_blocks, threads)
    else:
        counts = [([(1, 63)], _total([_core.ac_histogram(component) for component in kind])[None]) for kind in kinds]
    dc_counts = [_total([_dc_histogram(c) for c in kind]) for kind in kinds]
    ac = [AcCosts(bands, np.stack([symbol_costs(h) for h in histograms])) for bands, histograms in counts]
    dc = [_dc_costs(h) for h in dc_counts]
    ac_bits = sum(_ac_bits(h) for _, histograms in counts for h in histograms)
    dc_bits = sum(float(h @ costs) for h, costs in zip(dc_counts, dc, strict=True))
    return SymbolCosts(ac, dc, ac_bits + dc_bits)


def symbol_costs(histogram: Histogram) -> NDArray[np.float32]:
    """Returns the bits of every run/size symbol with its raw bits.

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
    unseen = min(lengths.max() + UNSEEN_BITS, 16)
    costs = np.where(lengths > 0, lengths, unseen) + _RAW_BITS
    empty = costs[0]
    runs = histogram[_EOB_RUNS]
    if runs[1:].any():
        costs[0] = (runs @ (lengths[_EOB_RUNS] + np.arange(15))) / runs.sum()
        empty = min(costs[0], 1 / np.log(2))
    return np.append(costs, empty).astype(np.float32)


def _ac_bits(histogram: Histogram) -> float:
    """Bits of the counted symbols under their own optimal code."""
    lengths = _core.code_lengths(histogram[:256]).astype(np.float64)
    raw = _RAW_BITS.astype(np.float64)
    raw[_EOB_RUNS] = np.arange(15)
    return float(histogram[:256] @ (lengths + raw))


def _dc_histogram(levels: LevelArray) -> Histogram:
    """(12,) counts of the categories of DC differences in raster order (T.81 F.1.2.1)."""
    differences = np.diff(levels[..., 0].astype(np.int32).ravel(), prepend=0)
    categories = np.frexp(np.abs(differences).astype(np.float32))[1]
    return np.bincount(categories, minlength=_DC_CATEGORIES).astype(np.uint32)


def _dc_costs(histogram: Histogram) -> NDArray[np.float32]:
    """(12,) bits of each category with its raw bits, from the entropy of the counts, each taken one higher."""
    share = (histogram + 1) / (histogram.sum() + _DC_CATEGORIES)
    bits: NDArray[np.float32] = (np.arange(_DC_CATEGORIES) - np.log2(share)).astype(np.float32)
    return bits


def _total(histograms: Sequence[Histogram]) -> Histogram:
    """The counts of all components together."""
    total: Histogram = np.stack(histograms).sum(axis=0, dtype=np.uint32)
    return total
