"""OpenCV's calls that read, for JPEG files; see :mod:`.opencv`."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..image.read import read_bytes
from ._decode import Channels, decode_channels, make_decoder

__all__ = ["imdecode", "imread"]

# cv::ImreadModes
_UNCHANGED, _GRAYSCALE, _COLOR, _ANYDEPTH, _ANYCOLOR, _IGNORE_ORIENTATION, _COLOR_RGB = -1, 0, 1, 2, 4, 128, 256
_FLAGS: Final = _COLOR | _ANYDEPTH | _ANYCOLOR | _IGNORE_ORIENTATION | _COLOR_RGB


def imdecode(buf: Any, flags: int = _COLOR, **options: Any) -> NDArray[Any]:
    """Decodes a JPEG file in memory, as ``cv2.imdecode`` does.

    Args:
        buf: uint8 array, or bytes.
        flags: of ``IMREAD_COLOR``, ``_GRAYSCALE``, ``_UNCHANGED``, ``_ANYCOLOR``, ``_ANYDEPTH``, ``_COLOR_RGB`` and
            ``_IGNORE_ORIENTATION``, with OpenCV's meaning.
        **options: fields of :class:`saliency_jpeg.DecodeOptions` except ``orientation``.

    Returns:
        (H, W) gray or (H, W, 3) BGR; uint8 unless ``dtype`` says otherwise.

    Raises:
        InputError: where OpenCV returns None: not a JPEG file, damaged, or over a limit.
        OptionError: an unknown flag or option, or a value out of range.
    """
    channels, orientation = _parse_flags(flags)
    decoder = make_decoder("imdecode", options, orientation=orientation)
    data = np.ascontiguousarray(buf).tobytes() if isinstance(buf, np.ndarray) else read_bytes(buf)
    pixels = decode_channels(decoder, data, channels)
    if pixels.ndim == 2 or (flags != _UNCHANGED and flags & _COLOR_RGB):
        return pixels
    return np.ascontiguousarray(pixels[..., ::-1])


def imread(filename: str | os.PathLike[str], flags: int = _COLOR, **options: Any) -> NDArray[Any]:
    """Decodes a JPEG file, as ``cv2.imread`` does.

    Args:
        filename: of the file.
        flags: as for :func:`imdecode`.
        **options: as for :func:`imdecode`.

    Returns:
        As :func:`imdecode`.

    Raises:
        InputError: as :func:`imdecode`.
        OptionError: as :func:`imdecode`.
        OSError: where OpenCV returns None: the file cannot be read.
    """
    return imdecode(read_bytes(filename), flags, **options)


def _parse_flags(flags: int) -> tuple[Channels, str]:
    """The number of channels, 0 for those of the file, and the orientation option."""
    if flags == _UNCHANGED:
        return 0, "keep"
    if not isinstance(flags, int | np.integer) or flags & ~_FLAGS:
        raise OptionError(
            "flags must be IMREAD_UNCHANGED or a sum of IMREAD_GRAYSCALE, _COLOR, _ANYDEPTH, _ANYCOLOR, _COLOR_RGB and "
            f"_IGNORE_ORIENTATION, got {flags!r}"
        )
    orientation = "keep" if flags & _IGNORE_ORIENTATION else "apply"
    if flags & (_COLOR | _COLOR_RGB):
        return 3, orientation
    return (0 if flags & _ANYCOLOR else 1), orientation
