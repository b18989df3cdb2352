"""How much an error in each block matters: what saliency says of it times what visual masking says.

It may import :mod:`saliency_jpeg.codec`, :mod:`saliency_jpeg.saliency` and what lies below.
"""

from __future__ import annotations

from .weights import BlockWeights, block_weights, check_weights, make_weights, saliency_and_masking, strength_at

__all__ = ["BlockWeights", "block_weights", "check_weights", "make_weights", "saliency_and_masking", "strength_at"]
