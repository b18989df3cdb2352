"""The options of one encoding, as a frozen dataclass that checks itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final, Literal

import numpy as np

from .codec.effort import DEFAULT_EFFORT, EFFORTS
from .codec.parameters import TUNINGS
from .codec.subsampling import SUBSAMPLINGS
from .errors import OptionError
from .saliency.sources import Saliency

__all__ = ["BYTES_PER_KB", "Options"]

BYTES_PER_KB: Final = 1000

_SMALLEST_KB: Final = 0.001  # a byte
_LARGEST_KB: Final = 1e9

_NO_NUMBERS: Final[tuple[type, ...]] = (bool, np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, _NO_NUMBERS) and math.isfinite(value)


def _target(value: Any) -> None:
    if not _is_number(value) or not _SMALLEST_KB <= value <= _LARGEST_KB:
        raise OptionError(
            f"target_kb must be a positive number from {_SMALLEST_KB:g} to {_LARGEST_KB:g}, got {value!r}"
        )


def _in_range(name: str, value: Any, low: float, high: float) -> None:
    if not _is_number(value) or not low <= value <= high:
        raise OptionError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False, got {value!r}")


def _is_integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, _NO_NUMBERS) and low <= int(value) <= high


def _color(name: str, value: Any) -> None:
    good = isinstance(value, tuple | list) and len(value) == 3 and all(_is_integer(v, 0, 255) for v in value)
    if not good:
        raise OptionError(f"{name} must be three integers from 0 to 255, got {value!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """How to encode.  Every field is also a keyword of :func:`saliency_jpeg.compress`.

    Attributes:
        target_kb: largest size of the file in units of 1000 bytes, metadata included; never exceeded.
        quality: 0 to 100 on Pillow's scale, fractions allowed.  Without a target and a quality: 75.  With both, the
            target limits the size and the quality is the highest that is used.
        target_score: SSIMULACRA2 from 0 to 100 that the file reaches, at about the smallest size; 90 is visually
            lossless, 70 high quality, 50 medium. It takes the place of target and quality, and some eight times the
            time of one encode.
        saliency: what matters: a preset's name, a ``SaliencyModel``, a map or mask (H, W) as array or PIL image,
            a list of boxes ``(left, top, right, bottom)`` in pixels, a function, several of these by
            :func:`saliency_jpeg.saliency.combine`, or ``None`` for no preference.  Maps and masks have the image's
            size, and are bool, uint8 from 0 to 255, or floats from 0 to 1; like boxes they follow the pixels as they
            are stored.  A function is given the upright picture, uint8 (H, W, 3) RGB, and returns a map, a mask or
            boxes for it; ``Encoder.compress_many`` calls it from several threads.
        strength: 0 (the map is not used) to 1; how much of the bytes moves to what matters, somewhat more where bytes
            are scarce and less where they are not.
        tune: ``"default"`` for all metrics at once, or one to favour: ``"ssimulacra2"``, ``"psnr"``, ``"hvs"``
            (PSNR-HVS-M).
        effort: 1 (fast) to 9 (small): time against bytes.  Up to 5 the more of a large picture is studied, and 1 does
            without corrections; from 6 on there are 3, 5, 8, 12 encodings of about the same size, and SSIMULACRA2
            chooses; not for a score, in ``recompress()`` and with a door's own tables, where all levels from 5 on are
            the same.
        subsampling: ``"4:4:4"``, ``"4:2:2"``, ``"4:2:0"``, ``"4:4:0"`` or ``"4:1:1"``; ``"auto"`` keeps that of a JPEG
            file and else looks at the picture and the rate.
        progressive: write a progressive file (smaller) or a baseline one.
        metadata: ``"keep"``, ``"safe"`` (colour and orientation, nothing personal) or ``"strip"``.
        orientation: ``"keep"`` leaves the pixels as they are stored and the EXIF orientation a tag; ``"apply"`` turns
            the pixels and sets the tag to 1.  Maps, masks and boxes always are as the source is stored.
        further_images: of a JPEG file with more behind its first picture (MPO, Ultra HDR, motion photographs) the
            first one is encoded and ``"keep"`` carries the rest along; ``"drop"`` leaves it out.
        never_enlarge: where the source is a JPEG file and an encoding is not smaller, or the target is not below the
            source's size, the source's own bytes come back, or the same scans with other metadata.
        background: colour under transparent pixels, (red, green, blue).
        restart_interval: MCUs between restart markers (T.81 E.1.4); 0: none.
        allow_downscale: lower the resolution where the target would take the quality below 10.
        device: where a preset's network runs, as TensorFlow names it (``"cpu"``, ``"gpu:0"``); ``None``: its choice.

    Raises:
        OptionError: a value is out of range or of the wrong kind.
    """

    target_kb: float | None = None
    quality: float | None = None
    target_score: float | None = None
    saliency: Saliency = "default"
    strength: float = 0.5
    tune: str = "default"
    effort: int = DEFAULT_EFFORT
    subsampling: str = "auto"
    progressive: bool = True
    metadata: Literal["keep", "safe", "strip"] = "keep"
    orientation: Literal["keep", "apply"] = "keep"
    further_images: Literal["keep", "drop"] = "keep"
    never_enlarge: bool = True
    background: tuple[int, int, int] = (255, 255, 255)
    restart_interval: int = 0
    allow_downscale: bool = False
    device: str | None = None

    def __post_init__(self) -> None:
        if self.target_kb is not None:
            _target(self.target_kb)
        if self.quality is not None:
            _in_range("quality", self.quality, 0, 100)
        if self.target_score is not None:
            _in_range("target_score", self.target_score, 0, 100)
            if self.target_kb is not None or self.quality is not None:
                raise OptionError(f"target_score goes with neither target_kb nor quality, got {self.target_score!r}")
        _in_range("strength", self.strength, 0, 1)
        _one_of("tune", self.tune, tuple(TUNINGS))
        if not _is_integer(self.effort, min(EFFORTS), max(EFFORTS)):
            raise OptionError(f"effort must be an integer from {min(EFFORTS)} to {max(EFFORTS)}, got {self.effort!r}")
        _one_of("subsampling", self.subsampling, ("auto", *SUBSAMPLINGS))
        _flag("progressive", self.progressive)
        _one_of("metadata", self.metadata, ("keep", "safe", "strip"))
        _one_of("orientation", self.orientation, ("keep", "apply"))
        _one_of("further_images", self.further_images, ("keep", "drop"))
        _flag("never_enlarge", self.never_enlarge)
        _color("background", self.background)
        if not _is_integer(self.restart_interval, 0, 65535):
            raise OptionError(f"restart_interval must be an integer from 0 to 65535, got {self.restart_interval!r}")
        _flag("allow_downscale", self.allow_downscale)
        if self.allow_downscale and self.target_kb is None:
            raise OptionError("allow_downscale needs a target_kb, got None")
        has_preset = isinstance(self.saliency, str) or getattr(self.saliency, "uses_preset", False)
        if self.device is not None and not isinstance(self.device, str):
            raise OptionError(f"device must be a string or None, got {self.device!r}")
        if self.device is not None and not has_preset:
            raise OptionError(f"device is for the network of a preset, and saliency names none, got {self.device!r}")

    @property
    def target_bytes(self) -> int | None:
        """The target in bytes, rounded down."""
        return None if self.target_kb is None else int(self.target_kb * BYTES_PER_KB)
