"""Scores of photographs by quality, which the search for a score follows (``scripts/fit_score_curves.py``)."""

from __future__ import annotations

from typing import Final

__all__ = [
    "SCORE_COVERAGE",
    "SCORE_CURVES",
    "SCORE_MEAN_COVERAGE",
    "SCORE_QUALITIES",
    "SCORE_STEPS",
    "SCORE_WHOLE_CHROMA",
]

SCORE_QUALITIES: Final = (
    0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 65.0,
    70.0, 75.0, 80.0, 85.0, 90.0, 93.0, 96.0, 98.0, 100.0,
)  # fmt: skip
SCORE_CURVES: Final[dict[str, tuple[float, ...]]] = {
    "ssimulacra2": (
        -71.9, -42.8, -2.4, 17.0, 33.5, 49.7, 58.7, 63.8, 67.3, 70.2,
        72.1, 74.4, 77.1, 80.2, 83.9, 87.8, 90.6, 92.9, 95.1,
    ),
    "perceptual": (
        -165.9, -51.4, 1.2, 21.5, 37.3, 52.5, 60.8, 65.4, 68.6, 71.1,
        72.9, 75.0, 77.7, 80.5, 84.0, 88.2, 91.0, 93.5, 96.0,
    ),
    "ssimulacra2_s": (
        12.8, 50.2, 65.0, 70.9, 75.8, 80.8, 83.8, 85.6, 86.9, 87.9,
        88.6, 89.5, 90.5, 91.6, 93.0, 94.6, 95.6, 96.4, 97.2,
    ),
    "perceptual_s": (
        17.0, 54.8, 69.2, 74.9, 79.6, 84.1, 86.8, 88.3, 89.5, 90.2,
        90.8, 91.6, 92.5, 93.4, 94.5, 96.1, 97.0, 97.9, 98.7,
    ),
}  # fmt: skip
SCORE_WHOLE_CHROMA: Final[dict[str, tuple[float, ...]]] = {  # what whole chroma gains at the same quality
    "ssimulacra2": (
        0.9, 1.8, 3.2, 3.5, 3.3, 3.2, 2.6, 2.5, 2.7, 2.5,
        2.4, 2.5, 2.1, 2.2, 2.2, 2.1, 2.2, 2.8, 3.7,
    ),
    "perceptual": (
        3.9, 4.9, 5.4, 5.4, 5.2, 4.8, 4.3, 4.2, 4.1, 3.8,
        3.9, 3.9, 3.5, 3.7, 3.6, 3.6, 3.7, 4.3, 5.5,
    ),
    "ssimulacra2_s": (
        0.7, 1.5, 2.1, 2.1, 2.1, 1.6, 1.4, 1.5, 1.4, 1.4,
        1.5, 1.3, 1.2, 1.3, 1.2, 1.3, 1.5, 1.7, 2.1,
    ),
    "perceptual_s": (
        1.8, 1.7, 2.4, 2.5, 2.1, 2.1, 1.8, 1.6, 1.6, 1.7,
        1.7, 1.5, 1.5, 1.5, 1.5, 1.6, 1.9, 2.2, 2.7,
    ),
}  # fmt: skip
SCORE_MEAN_COVERAGE: Final = -2.4  # logarithm of the mean of photographs' maps
SCORE_COVERAGE: Final[dict[str, tuple[float, ...]]] = {  # by how much the logarithm of 100 less a score grows with it
    "ssimulacra2_s": (
        0.28, 0.28, 0.23, 0.20, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11,
        0.11, 0.10, 0.10, 0.10, 0.09, 0.09, 0.08, 0.08, 0.08,
    ),
    "perceptual_s": (
        0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24,
        0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24, 0.24,
    ),
}  # fmt: skip

SCORE_STEPS: Final = tuple(step / 10 for step in range(1001))  # qualities at which curves are looked at
