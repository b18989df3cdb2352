"""The options of one encoding, as a frozen dataclass that checks itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from .errors import OptionError
from .tuning import TUNINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from .saliency import SaliencyModel

__all__ = ["BYTES_PER_KB", "SUBSAMPLINGS", "Options", "Saliency"]

BYTES_PER_KB: Final = 1000

# Luma sampling factors (H, V) of T.81 A.1.1; the chroma has (1, 1).
SUBSAMPLINGS: Final[dict[str, tuple[int, int]]] = {
    "4:4:4": (1, 1),
    "4:2:2": (2, 1),
    "4:4:0": (1, 2),
    "4:2:0": (2, 2),
    "4:1:1": (4, 1),
}

Box: TypeAlias = tuple[float, float, float, float]
Saliency: TypeAlias = "str | SaliencyModel | NDArray[Any] | Image.Image | list[Box] | None"


_NO_NUMBERS: Final[tuple[type, ...]] = (bool, np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, _NO_NUMBERS) and math.isfinite(value)


def _positive(name: str, value: Any) -> None:
    if not _is_number(value) or value <= 0:
        raise OptionError(f"{name} must be a positive number, got {value!r}")


def _in_range(name: str, value: Any, low: float, high: float) -> None:
    if not _is_number(value) or not low <= value <= high:
        raise OptionError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False, got {value!r}")


def _color(name: str, value: object) -> None:
    good = isinstance(value, tuple) and len(value) == 3
    if not (good and all(isinstance(v, int) and 0 <= v <= 255 for v in value)):  # type: ignore[attr-defined]
        raise OptionError(f"{name} must be three integers from 0 to 255, got {value!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Options:
    """How to encode.  Every field is also a keyword of :func:`saliency_jpeg.compress`.

    Attributes:
        target_kb: largest size of the file in units of 1000 bytes, metadata included; never exceeded.
        quality: 0 to 100 on Pillow's scale, fractions allowed.  Without a target and a quality: 75.  With both, the
            target limits the size and the quality is the highest that is used.
        saliency: what matters: a preset's name, a ``SaliencyModel``, a map or mask (H, W) as array or PIL image,
            a list of boxes ``(left, top, right, bottom)`` in pixels, or ``None`` for no preference.
        strength: 0 (the map is not used) to 1; how much of the bytes moves to what matters.
        tune: ``"default"`` for all metrics at once, or one to favour: ``"ssimulacra2"``, ``"psnr"``, ``"hvs"``
            (PSNR-HVS-M).
        subsampling: ``"auto"``, ``"4:4:4"``, ``"4:2:2"``, ``"4:2:0"``, ``"4:4:0"`` or ``"4:1:1"``.
        progressive: write a progressive file (smaller) or a baseline one.
        metadata: ``"keep"``, ``"safe"`` (colour and orientation, nothing personal) or ``"strip"``.
        background: colour under transparent pixels, (red, green, blue).
        restart_interval: MCUs between restart markers (T.81 E.1.4); 0: none.
        allow_downscale: lower the resolution where the target would take the quality below 10.
        device: where the network runs, as TensorFlow names it (``"cpu"``, ``"gpu:0"``); ``None``: its own choice.

    Raises:
        OptionError: a value is out of range or of the wrong kind.
    """

    target_kb: float | None = None
    quality: float | None = None
    saliency: Saliency = "default"
    strength: float = 0.5
    tune: str = "default"
    subsampling: str = "auto"
    progressive: bool = True
    metadata: Literal["keep", "safe", "strip"] = "keep"
    background: tuple[int, int, int] = (255, 255, 255)
    restart_interval: int = 0
    allow_downscale: bool = False
    device: str | None = None

    def __post_init__(self) -> None:
        if self.target_kb is not None:
            _positive("target_kb", self.target_kb)
        if self.quality is not None:
            _in_range("quality", self.quality, 0, 100)
        _in_range("strength", self.strength, 0, 1)
        _one_of("tune", self.tune, tuple(TUNINGS))
        _one_of("subsampling", self.subsampling, ("auto", *SUBSAMPLINGS))
        _flag("progressive", self.progressive)
        _one_of("metadata", self.metadata, ("keep", "safe", "strip"))
        _color("background", self.background)
        _in_range("restart_interval", self.restart_interval, 0, 65535)
        if not isinstance(self.restart_interval, int):
            raise OptionError(f"restart_interval must be an integer, got {self.restart_interval!r}")
        _flag("allow_downscale", self.allow_downscale)
        if self.allow_downscale and self.target_kb is None:
            raise OptionError("allow_downscale needs a target_kb, got None")
        if self.device is not None and not isinstance(self.device, str):
            raise OptionError(f"device must be a string or None, got {self.device!r}")

    @property
    def target_bytes(self) -> int | None:
        """The target in bytes, rounded down."""
        return None if self.target_kb is None else int(self.target_kb * BYTES_PER_KB)
