"""JPEG encoding that spends the bytes where people look.

>>> import saliency_jpeg
>>> jpeg = saliency_jpeg.compress("photo.png", target_kb=50)  # doctest: +SKIP

Importing this package loads neither TensorFlow nor OpenCV; the first image that needs the network does.
"""

from __future__ import annotations

from ._version import __version__
from .encoder import Compressed, Encoder, compress
from .enhance import Decoded, DecodeOptions, Decoder, decode
from .errors import (
    InputError,
    LayerWarning,
    LowRateWarning,
    OptionError,
    PresetError,
    SaliencyJpegError,
    SegmentError,
    TargetError,
)
from .metadata.layers import LayerInfo
from .options import Options
from .perceptual import perceptual_score
from .recompression.detail import merge_layers
from .recompression.layers import list_layers, strip_layers
from .recompression.recompress import recompress
from .saliency import SaliencyModel, saliency_map

__all__ = [
    "Compressed",
    "DecodeOptions",
    "Decoded",
    "Decoder",
    "Encoder",
    "InputError",
    "LayerInfo",
    "LayerWarning",
    "LowRateWarning",
    "OptionError",
    "Options",
    "PresetError",
    "SaliencyJpegError",
    "SaliencyModel",
    "SegmentError",
    "TargetError",
    "__version__",
    "compress",
    "decode",
    "list_layers",
    "merge_layers",
    "perceptual_score",
    "recompress",
    "saliency_map",
    "strip_layers",
]
