"""Which scale of the tables meets a file size or a score; every way is a :class:`RateControl`.

It may import :mod:`saliency_jpeg.codec`, :mod:`saliency_jpeg.metrics` and what lies below.
"""

from __future__ import annotations

from .by_score import ByScore, Judge
from .by_size import BySize
from .by_size_bracket import BySizeBracket
from .protocol import AtScale, Encoded, RateControl
from .refined import Refined, Reused
from .variants import BestOf

__all__ = [
    "AtScale",
    "BestOf",
    "ByScore",
    "BySize",
    "BySizeBracket",
    "Encoded",
    "Judge",
    "RateControl",
    "Refined",
    "Reused",
]
