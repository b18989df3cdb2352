"""JFIF YCbCr in floating point (ITU-T T.871, clause 7)."""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Map, Pixels

__all__ = ["from_ycbcr", "to_ycbcr"]

_TO_YCBCR: Final = np.array(
    [[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]]
)
_TO_RGB: Final = np.linalg.inv(_TO_YCBCR)
_CENTRE: Final = np.array([0.0, 128.0, 128.0])


def to_ycbcr(rgb: Pixels) -> Map:
    """Converts uint8 (H, W, 3) sRGB to float64 (H, W, 3): Y, Cb and Cr from 0 to 255, not rounded."""
    return np.asarray(rgb @ _TO_YCBCR.T + _CENTRE)


def from_ycbcr(ycbcr: Map) -> Pixels:
    """Converts float64 (H, W, 3) Y, Cb and Cr to sRGB, uint8 (H, W, 3), rounded and clipped."""
    return np.asarray(np.clip(np.rint((ycbcr - _CENTRE) @ _TO_RGB.T), 0, 255), np.uint8)
