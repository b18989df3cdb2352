"""Evaluation: encoders compared at equal file sizes, and saliency maps scored by gaze and object masks.

May import every room except ``cli``, ``integrations`` and ``training``. The metrics are in
:mod:`saliency_jpeg.metrics`.

``python -m saliency_jpeg.evaluation --help`` compares encoders on a folder of images,
``python -m saliency_jpeg.evaluation saliency --help`` scores saliency maps.
"""

from __future__ import annotations

from .baselines import centred_gaussian, spectral_residual
from .robustness import Stability, judge_boxes, judge_stability, read_boxes, stability
from .saliency_benchmark import GazeScores, MaskScores, inter_observer, judge_gaze, judge_masks, read_gaze, read_masks

__all__ = [
    "GazeScores",
    "MaskScores",
    "Stability",
    "centred_gaussian",
    "inter_observer",
    "judge_boxes",
    "judge_gaze",
    "judge_masks",
    "judge_stability",
    "read_boxes",
    "read_gaze",
    "read_masks",
    "spectral_residual",
    "stability",
]
