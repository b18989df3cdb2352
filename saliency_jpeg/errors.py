"""The error tree: every error this library raises on purpose.

::

    SaliencyJpegError(Exception)
      InputError(ValueError)       an image, map or file that cannot be used
      OptionError(ValueError)      an option out of its range; the message ends with what was got
      TargetError                  no encoding meets the target; carries the nearest one in ``.best``
      PresetError(LookupError)     unknown preset, missing or damaged weights file
      SegmentError(ValueError)     malformed or oversized APPn data

Warnings are ``UserWarning``: :class:`LowRateWarning`, :class:`LayerWarning`.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = [
    "InputError",
    "LayerWarning",
    "LowRateWarning",
    "OptionError",
    "PresetError",
    "SaliencyJpegError",
    "SegmentError",
    "TargetError",
]

_PACKAGE: Final = __name__.partition(".")[0] + "."


class SaliencyJpegError(Exception):
    """Base of all errors raised by ``saliency_jpeg``."""


class InputError(SaliencyJpegError, ValueError):
    """The image or map cannot be used: wrong shape, dtype or mode, empty, too large, undecodable."""


class OptionError(SaliencyJpegError, ValueError):
    """An option is out of range or of the wrong kind; the message ends with the value that was given."""


class TargetError(SaliencyJpegError):
    """No encoding meets the target.

    Attributes:
        best: the JPEG file that came nearest: the smallest for a size, the finest for a score.
    """

    def __init__(self, message: str, best: bytes = b"") -> None:
        super().__init__(message, best)
        self.best = best

    def __str__(self) -> str:
        return str(self.args[0])


class PresetError(SaliencyJpegError, LookupError):
    """An unknown preset name (the message lists the known ones), or a missing or damaged weights file."""


class SegmentError(SaliencyJpegError, ValueError):
    """APPn or COM data is malformed or does not fit a segment."""


class LowRateWarning(UserWarning):
    """A target leaves so few bits a pixel that the picture would look better at a lower resolution."""


class LayerWarning(UserWarning):
    """A layer of a JPEG file is damaged; the picture is whole, and shown without what the layer would have added."""


def caller_level() -> int:
    """Returns the ``stacklevel`` by which a warning in the calling function names the line outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
