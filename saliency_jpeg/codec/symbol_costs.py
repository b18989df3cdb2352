"""Costs of symbols: bits of DC categories and AC run/size pairs, learned from levels that were quantized before.

The levels decide what the Huffman codes will be, and the codes what levels cost. So each pass of the quantizer uses the
costs that the pass before has taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from .parameters import UNSEEN_BITS

__all__ = ["AcCosts", "Bands", "LevelArray", "SymbolCosts", "learn", "symbol_costs"]

LevelArray = NDArray[np.int16]
Bands = list[tuple[int, int]]  # (Ss, Se) of each


@dataclass(frozen=True)
class AcCosts:
    """Bits of the AC symbols of components that share codes, float32 (bands, 257), and the bands (Ss, Se)."""

    bands: Bands
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
    threads: int = 1,
) -> SymbolCosts:
    """Learns costs from the levels of all components.

    Args:
        levels: int16 (rows, cols, 64) of each component.
        progressive: each component has codes of its own, for each of its scans; else one for luma and one for chroma.
        choice_blocks: about how many blocks of a component the bands of the scans are chosen by; 0: all.
        bands: of each component's scans in a progressive file; ``None`` to choose them.
        threads: that may work on the levels at once.
    """
    components, total_bits, header_bits = _core.learn_costs(
        levels, progressive, choice_blocks, bands, UNSEEN_BITS, threads
    )
    ac = [AcCosts(own, bits) for own, bits, _ in components]
    return SymbolCosts(ac, [dc for *_, dc in components], total_bits, header_bits)


def symbol_costs(histogram: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Returns the bits of every run/size symbol with its raw bits.

    Args:
        histogram: uint32 (257,), see ``_core.ac_histogram``.

    Returns:
        float32 (257,); [0] is the end of a block with levels, [256] that of a block without any.
    """
    return _core.symbol_costs(histogram, UNSEEN_BITS)
