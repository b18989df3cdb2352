"""What front doors share: a foreign call as options of this library, and requests that go beyond them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..codec.parameters import DEFAULT_QUALITY
from ..codec.subsampling import SUBSAMPLINGS, choose_subsampling
from ..encoder import Encoder
from ..encoder.coding import Coding
from ..errors import OptionError
from ..image.picture import Picture
from ..io import full_package
from ..metadata.libjpeg_quality import table_percent
from ..options import OPTION_NAMES, Options, check_names

__all__ = ["OPTION_NAMES", "EncodeRequest", "check_names", "encode", "missing_dependency", "table_scale"]

_SMOOTHING_UNIT: Final = 1024
_LARGEST_INTERVAL: Final = 65535


@dataclass(frozen=True, kw_only=True)
class EncodeRequest:
    """What a foreign call asks for.

    Attributes:
        options: of this library.
        tables: see :class:`saliency_jpeg.encoder.coding.Coding`.
        rounded: the same.
        keep_rgb: the same.
        smooth: 0 to 100, strength of a low-pass over the picture, as libjpeg's ``smoothing_factor``.
        restart_rows: rows of MCUs between restart markers; 0: as the options say.
    """

    options: Options
    tables: NDArray[np.uint16] | None = None
    rounded: bool = False
    keep_rgb: bool = False
    smooth: int = 0
    restart_rows: int = 0

    @property
    def quality(self) -> float:
        """Of the options, or the default."""
        return DEFAULT_QUALITY if self.options.quality is None else float(self.options.quality)


def table_scale(quality: int) -> float:
    """Returns by how much libjpeg multiplies a table at a quality from 1 to 100; 1 at quality 50."""
    return table_percent(quality) / 100


def encode(picture: Picture, request: EncodeRequest) -> bytes:
    """Encodes a loaded picture as a foreign call asks for.

    Args:
        picture: with the metadata to write.
        request: what is asked for.

    Raises:
        OptionError: two requests exclude each other.
        TargetError: the target is too small.
    """
    _check_combinations(request, picture)
    picture = Encoder(request.options).load(picture)  # at the size that tables, rows and the low-pass are meant for
    if request.smooth:
        picture = picture._replace(pixels=_smoothed(picture.pixels, request.smooth))
    if request.restart_rows:
        request = _with_interval(request, picture)
    coding = Coding(tables=request.tables, rounded=request.rounded, keep_rgb=request.keep_rgb)
    return Encoder(request.options, coding=coding).compress_picture(picture).jpeg


def _check_combinations(request: EncodeRequest, picture: Picture) -> None:
    """Tables and colours of the caller, and rows of MCUs, are for the picture as it is."""
    if request.tables is None and not request.keep_rgb and not request.restart_rows:
        return
    custom = "qtables, keep_rgb or rows between restart markers"
    is_ours = request.tables is None and not request.keep_rgb
    if request.options.target_score is not None and not is_ours:
        raise OptionError(f"target_score does not go with qtables or keep_rgb, got {request.options.target_score!r}")
    if request.options.allow_downscale:
        raise OptionError(f"allow_downscale does not go with {custom}, got True")
    if request.options.orientation == "apply" and picture.metadata.orientation != 1:
        raise OptionError(f"orientation does not go with {custom}; turn the image first, got 'apply'")


def _smoothed(pixels: NDArray[np.uint8], strength: int) -> NDArray[np.uint8]:
    """The eight neighbours of a pixel weigh ``strength / 1024`` each, the pixel itself the rest."""
    edge = ((1, 1), (1, 1)) + ((0, 0),) * (pixels.ndim - 2)
    wide = np.pad(pixels, edge, mode="edge").astype(np.int32)
    rows = wide[:-2] + wide[1:-1] + wide[2:]
    box = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    total = strength * box + (_SMOOTHING_UNIT - 9 * strength) * wide[1:-1, 1:-1]
    smooth: NDArray[np.uint8] = ((total + _SMOOTHING_UNIT // 2) // _SMOOTHING_UNIT).astype(np.uint8)
    return smooth


def _with_interval(request: EncodeRequest, picture: Picture) -> EncodeRequest:
    """Rows of MCUs as a number of MCUs, with the sampling that makes it true."""
    options, sampling = request.options, (1, 1)
    if not request.keep_rgb:
        target = options.target_bytes if options.quality is None else None
        sampling = choose_subsampling(options.subsampling, picture.pixels, request.quality, target_bytes=target)
    mcus = -(-picture.pixels.shape[1] // (8 * sampling[0])) * request.restart_rows
    name = next(name for name, factors in SUBSAMPLINGS.items() if factors == sampling)
    interval = min(mcus, _LARGEST_INTERVAL)
    return replace(request, options=replace(options, subsampling=name, restart_interval=interval))


def missing_dependency(package: str) -> ImportError:
    """Returns the error for a package that cannot be imported; its extra has the same name in lower case."""
    extra = package.lower()
    wanted = f"{full_package.distribution()}[{extra}]"
    return ImportError(f"{package} is not installed; run: pip install '{wanted}'", name=extra)
