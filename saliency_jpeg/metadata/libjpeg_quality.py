"""libjpeg's quality scale: the tables of T.81 Annex K, and how much a quality from 1 to 100 multiplies them."""

from __future__ import annotations

from typing import Final

__all__ = ["ANNEX_K_CHROMA", "ANNEX_K_LUMA", "estimate_quality", "table_percent"]

#: Luma steps of T.81, table K.1, in natural order.
ANNEX_K_LUMA: Final = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)

#: Chroma steps of T.81, table K.2, in natural order.
ANNEX_K_CHROMA: Final = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99, 99, 99, 99, 99, 99, 99, 99),
    *(99, 99, 99, 99, 99, 99, 99, 99),
    *(99, 99, 99, 99, 99, 99, 99, 99),
    *(99, 99, 99, 99, 99, 99, 99, 99),
)


def table_percent(quality: int) -> int:
    """Returns by how many percent libjpeg scales a table at a quality, clipped to 1 to 100; 100 at quality 50."""
    quality = min(max(quality, 1), 100)
    return 5000 // quality if quality < 50 else 200 - 2 * quality


def estimate_quality(luma: tuple[int, ...]) -> float:
    """Returns the quality, 1 to 100, whose luma steps have about the sum of these 64; 0 without steps."""
    return float(min(range(1, 101), key=lambda q: abs(_sum_of_steps(q) - sum(luma)))) if luma else 0.0


def _sum_of_steps(quality: int) -> int:
    percent = table_percent(quality)
    return sum(min(max((step * percent + 50) // 100, 1), 255) for step in ANNEX_K_LUMA)
