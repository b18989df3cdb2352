"""JPEG file in, smaller JPEG file out: what optimizers, storages and pipelines share."""

from __future__ import annotations

from typing import Final

from ..codec import _core
from ..encoder.encoder import Encoder
from ..errors import InputError
from ..metadata.jpeg_header import read_header
from ..options import Options
from ..recompression.recompress import recompress

__all__ = ["is_jpeg", "optimized"]

_SOI: Final = b"\xff\xd8\xff"
_ON_COEFFICIENTS: Final = (
    "target_kb",
    "quality",
    "saliency",
    "strength",
    "tune",
    "effort",
    "progressive",
    "metadata",
    "keep_segments",
    "restart_interval",
    "device",
)
_ON_PIXELS: Final = (
    "subsampling",
    "orientation",
    "trailing_images",
    "never_enlarge",
    "allow_downscale",
    "target_score",
)
_DEFAULTS: Final = Options()
_LOSSLESS: Final = ("progressive", "metadata", "keep_segments", "restart_interval")


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes are a JPEG file that can be read."""
    if not data.startswith(_SOI):
        return False
    try:
        _core.read_jpeg(data)
    except InputError:
        return False
    return True


def optimized(data: bytes, options: Options) -> bytes:
    """The same picture in fewer bytes: without a target and a quality level for level, else on its own coefficients.

    What is no JPEG file that can be read comes back as it is. Further pictures are carried along. CMYK and RGB files
    and odd samplings are made smaller without loss only, whatever the target. Where the options ask for other pixels
    or another sampling the picture is decoded and encoded anew.

    Raises:
        InputError: the map does not fit the picture, or further pictures stand in the way of an option.
        TargetError: the target is too small; ``.best`` is the smallest file.
    """
    if not is_jpeg(data):
        return data
    frame = read_header(data)
    names: tuple[str, ...] = _ON_COEFFICIENTS
    if frame is None or frame.colour in ("rgb", "cmyk") or (frame.colour == "ycc" and frame.subsampling is None):
        names = _LOSSLESS
    elif _needs_pixels(options):
        return Encoder(options).compress(data).jpeg
    return recompress(data, **{name: getattr(options, name) for name in names})


def _needs_pixels(options: Options) -> bool:
    return any(getattr(options, name) != getattr(_DEFAULTS, name) for name in _ON_PIXELS)
