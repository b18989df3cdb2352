"""Makes an existing JPEG file smaller; shared by the Django, Scrapy and Willow doors."""

from __future__ import annotations

from typing import Final

from ..codec import _core
from ..encoder.encoder import Encoder
from ..errors import InputError
from ..metadata.jpeg_header import read_frame
from ..options import Options
from ..recompression.recompress import recompress

__all__ = ["is_jpeg", "optimize_jpeg"]

_SOI: Final = b"\xff\xd8\xff"  # SOI and the first byte of the next marker (T.81, B.1.1.3)
_RECOMPRESS_OPTIONS: Final = (
    "target_kb",
    "quality",
    "saliency",
    "strength",
    "tune",
    "effort",
    "progressive",
    "metadata",
    "restart_interval",
    "device",
)
_LOSSLESS_OPTIONS: Final = ("progressive", "metadata", "restart_interval")
_PIXEL_OPTIONS: Final = (
    "subsampling",
    "orientation",
    "further_images",
    "never_enlarge",
    "allow_downscale",
    "target_score",
)  # a value other than the default needs the decoded pixels
_DEFAULTS: Final = Options()


def is_jpeg(data: bytes) -> bool:
    """Returns whether ``data`` is a JPEG file that can be decoded."""
    if not data.startswith(_SOI):
        return False
    try:
        _core.read_jpeg(data)
    except InputError:
        return False
    return True


def optimize_jpeg(data: bytes, options: Options) -> bytes:
    """Encodes a JPEG file in fewer bytes.

    Without a target and a quality the rewrite is lossless: all levels stay the same. Otherwise the file's own
    coefficients are quantized again. The image is decoded and encoded anew only where an option needs pixels, such as
    ``subsampling`` or ``allow_downscale``. CMYK and RGB files, and files with unusual sampling factors, are only ever
    rewritten losslessly, even if they then exceed the target.

    Args:
        data: a file of any kind. Anything but a decodable JPEG file is returned unchanged.
        options: how to encode.

    Returns:
        The smaller file, or ``data`` where no smaller one was made. Trailing images are kept unless
        ``options.further_images`` is ``"drop"``.

    Raises:
        InputError: the saliency map does not fit the image, or an option does not support trailing images.
        TargetError: no encoding meets the target; ``.best`` is the smallest file.
    """
    if not is_jpeg(data):
        return data
    frame = read_frame(data)
    names: tuple[str, ...] = _RECOMPRESS_OPTIONS
    if frame is None or frame.colour in ("rgb", "cmyk") or (frame.colour == "ycc" and frame.subsampling is None):
        names = _LOSSLESS_OPTIONS
    elif _needs_pixels(options):
        return Encoder(options).compress(data).jpeg
    return recompress(data, **{name: getattr(options, name) for name in names})


def _needs_pixels(options: Options) -> bool:
    return any(getattr(options, name) != getattr(_DEFAULTS, name) for name in _PIXEL_OPTIONS)
