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

__all__ = ["AcCosts", "Bands", "LevelArray", "SymbolCosts", "learn", "symbol_costs"]

_RAW_BITS: Final = np.arange(256, dtype=np.float32) % 16  # bits behind a run/size symbol, T.81 F.1.2.2
_EOB_RUNS: Final = slice(0, 0xF0, 16)  # EOB0 to EOB14, T.81 G.1.2.2
_EOB_RAW_BITS: Final = _RAW_BITS.copy()
_EOB_RAW_BITS[_EOB_RUNS] = np.arange(15)
_DHT_BYTES: Final = 17  # of a code in a DHT segment, beside its symbols
_SOS_BYTES: Final = 10  # of the header of a scan of one component
_DC_CATEGORIES: Final = 12  # of 8-bit samples, T.81 table F.1

LevelArray = NDArray[np.int16]
Histogram = NDArray[np.uint32]
Bands = list[tuple[int, int]]  # (Ss, Se) of each


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
        header_bits: at most about the bits of their Huffman tables and scan headers, which some scans will share.
    """

    ac: list[AcCosts]
    dc: list[NDArray[np.float32]]
    total_bits: float
    header_bits: float = 0.0

    def total_bytes(self, share: float = 1.0) -> float:
        """Returns about the bytes of the scans of a file.

        Args:
            share: how many times as many blocks the file has as these costs were learned from.
        """
        return (share * self.total_bits + self.header_bits) / 8

    def of(self, component: int) -> tuple[AcCosts, NDArray[np.float32]]:
        """Returns AC and DC costs of a component, by its number from 0."""
        kind = min(component, len(self.ac) - 1)
        return self.ac[kind], self.dc[kind]


def learn(
    levels: Sequence[LevelArray],
    *,
    progressive: bool,
    choice_blocks: int = 0,
    bands: Sequence[Bands] | None = None,
) -> SymbolCosts:
    """Learns costs from the levels of all components.

    Args:
        levels: int16 (rows, cols, 64) of each component.
        progressive: each component has codes of its own, for each of its scans; else one for luma and one for chroma.
        choice_blocks: about how many blocks of a component the bands of the scans are chosen by; 0: all.
        bands: of each component's scans in a progressive file; ``None`` to choose them.
    """
    kinds = [[component] for component in levels] if progressive else [levels[:1], levels[1:]][: len(levels)]
    if bands is None or not progressive:
        counts = [_band_histograms(kind, progressive, choice_blocks) for kind in kinds]
    else:
        counts = [(own, _histograms(kind[0], own)) for kind, own in zip(kinds, bands, strict=True)]
    dc_counts = [_total([_dc_histogram(c) for c in kind]) for kind in kinds]
    ac = [AcCosts(bands, np.stack([symbol_costs(h) for h in histograms])) for bands, histograms in counts]
    coded = [_coded(h, _EOB_RAW_BITS) for _, histograms in counts for h in histograms]
    coded += [_coded(h, _RAW_BITS) for h in dc_counts]
    scans = sum(len(histograms) for _, histograms in counts) if progressive else 0
    bits, header_bits = np.sum(coded, axis=0)
    return SymbolCosts(ac, [_dc_costs(h) for h in dc_counts], float(bits), float(header_bits) + 8 * _SOS_BYTES * scans)


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


def _band_histograms(
    levels: Sequence[LevelArray], progressive: bool, choice_blocks: int
) -> tuple[list[tuple[int, int]], Histogram]:
    """The bands in which these components are best sent, and the (n, 257) counts of their symbols."""
    if progressive:
        return _core.best_bands(levels, choice_blocks)
    return [(1, 63)], _total([_core.ac_histogram(component) for component in levels])[None]


def _histograms(levels: LevelArray, bands: Bands) -> Histogram:
    """The (n, 257) counts of the symbols of these bands, each in a scan of its own."""
    return np.stack([_core.ac_histogram(levels, True, *band) for band in bands])


def _coded(histogram: Histogram, raw_bits: NDArray[np.float32]) -> tuple[float, float]:
    """Bits of the counted symbols under their own optimal code, and of that code in a DHT segment (T.81 B.2.4.2)."""
    counts = np.zeros(256, np.uint32)
    used = min(len(histogram), 256)
    counts[:used] = histogram[:used]
    lengths = _core.code_lengths(counts).astype(np.float64)
    symbols = int(np.count_nonzero(lengths))
    return float(counts @ (lengths + raw_bits)), 8.0 * (_DHT_BYTES + symbols) if symbols else 0.0


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
