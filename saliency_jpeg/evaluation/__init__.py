"""Encoders side by side at equal sizes, and saliency maps judged by gaze and object masks.

It may import all rooms but the command line and the trainings; what it measures by is :mod:`saliency_jpeg.metrics`.

``python -m saliency_jpeg.evaluation --help`` compares encoders on a folder of images,
``python -m saliency_jpeg.evaluation saliency --help`` judges saliency maps.
"""

from __future__ import annotations

from .baselines import centred_gaussian, spectral_residual
from .robustness import Steadiness, judge_boxes, judge_steadiness, read_boxes, steadiness
from .saliency_benchmark import GazeScores, MaskScores, ceiling, judge_gaze, judge_masks, read_gaze, read_masks

__all__ = [
    "GazeScores",
    "MaskScores",
    "Steadiness",
    "ceiling",
    "centred_gaussian",
    "judge_boxes",
    "judge_gaze",
    "judge_masks",
    "judge_steadiness",
    "read_boxes",
    "read_gaze",
    "read_masks",
    "spectral_residual",
    "steadiness",
]
