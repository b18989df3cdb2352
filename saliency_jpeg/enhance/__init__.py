"""JPEG files to pixels: decodes in float, and restores what quantization took.

It may import recompression and all rooms below; the network is loaded when the first picture is restored.
"""

from __future__ import annotations

from .decoder import Decoded, Decoder, decode
from .options import DecodeOptions

__all__ = ["DecodeOptions", "Decoded", "Decoder", "decode"]
