"""A deep perceptual metric: how good a coded photograph looks beside its original, on SSIMULACRA2's scale.

It may import :mod:`saliency_jpeg.saliency`, whose backbone it looks through, :mod:`saliency_jpeg.metrics` and what lies
below. TensorFlow is loaded with the first score.
"""

from __future__ import annotations

from .metric import METRICS, Perceptual, perceptual_score

__all__ = ["METRICS", "Perceptual", "perceptual_score"]
