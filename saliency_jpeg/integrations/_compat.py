"""What the calls of other libraries ask for and :class:`saliency_jpeg.Options` has no word for."""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..allocation.weights import block_weights, strength_at
from ..codec import _core
from ..codec.effort import EFFORTS
from ..codec.parameters import TUNINGS, Tuning
from ..codec.quantizer import Levels, Quantizer
from ..codec.subsampling import SUBSAMPLINGS, choose_subsampling
from ..codec.tables import quality_to_scale
from ..encoder.encoder import Encoder
from ..encoder.single import DEFAULT_QUALITY
from ..errors import OptionError
from ..image.load import Picture
from ..metadata import segments
from ..options import Options
from ..rate_control import by_size
from ..saliency.sources import resolve

__all__ = ["OPTION_NAMES", "Recipe", "check_names", "encode", "table_scale"]

OPTION_NAMES: Final = tuple(field.name for field in dataclasses.fields(Options))

_LUMA: Final = (0.299, 0.587, 0.114)  # of red, green and blue (JFIF)
_RGB_IDS: Final = tuple(b"RGB")  # by which decoders know it without a marker
# Version 100, flags, and transform 0: the components are no YCbCr (Adobe technical note 5116).
_ADOBE_RGB: Final = (0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0))
_SMOOTHING_UNIT: Final = 1024
_LARGEST_INTERVAL: Final = 65535


def check_names(door: str, given: Any, known: Any) -> None:
    """Raises for the first name that a door does not know.

    Raises:
        OptionError: there is one.
    """
    for name in given:
        if name not in known:
            raise OptionError(f"{door} has no keyword {name!r}; known are {', '.join(sorted(known))}; got {name!r}")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Options and more.

    Attributes:
        options: of this library.
        tables: uint16 (1 to 4, 64), natural order, steps from 1: written as they are, or with a target coarser by one
            factor. A component without a table of its own uses the last. ``None``: this library's tables.
        rounded: coefficients are rounded, nothing is traded for bits.
        keep_rgb: red, green and blue are coded without conversion to YCbCr.
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
    """By how much libjpeg multiplies a table at a quality from 1 to 100; 1 at quality 50."""
    quality = min(max(quality, 1), 100)
    return (5000 // quality if quality < 50 else 200 - 2 * quality) / 100


def encode(picture: Picture, recipe: Recipe) -> bytes:
    """A JPEG file by a recipe.

    Raises:
        OptionError: two wishes exclude each other.
        TargetError: the target is too small.
    """
    _check_pixels_stay(recipe, picture)
    if recipe.smooth:
        picture = picture._replace(pixels=_smoothed(picture.pixels, recipe.smooth))
    if recipe.restart_rows:
        recipe = _with_interval(recipe, picture)
    if recipe.tables is None and not (recipe.keep_rgb and picture.pixels.ndim == 3):
        return Encoder(recipe.options).compress_picture(picture).jpeg
    return _encode_custom(picture, recipe)


def _check_pixels_stay(recipe: Recipe, picture: Picture) -> None:
    """Tables and colours of the caller, and rows of MCUs, are for the picture as it is."""
    if recipe.tables is None and not recipe.keep_rgb and not recipe.restart_rows:
        return
    custom = "qtables, keep_rgb or rows between restart markers"
    is_ours = recipe.tables is None and not recipe.keep_rgb
    if recipe.options.target_score is not None and not is_ours:
        raise OptionError(f"target_score does not go with qtables or keep_rgb, got {recipe.options.target_score!r}")
    if recipe.options.allow_downscale:
        raise OptionError(f"allow_downscale does not go with {custom}, got True")
    if recipe.options.orientation == "apply" and picture.metadata.orientation != 1:
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


def _sampling(recipe: Recipe, picture: Picture) -> tuple[int, int]:
    if recipe.keep_rgb:
        return 1, 1
    options = recipe.options
    target = options.target_bytes if options.quality is None else None
    return choose_subsampling(options.subsampling, picture.pixels, recipe.quality, target_bytes=target)


def _with_interval(recipe: Recipe, picture: Picture) -> Recipe:
    """Rows of MCUs as a number of MCUs, with the sampling that makes it true."""
    sampling = _sampling(recipe, picture)
    mcus = -(-picture.pixels.shape[1] // (8 * sampling[0])) * recipe.restart_rows
    name = next(name for name, factors in SUBSAMPLINGS.items() if factors == sampling)
    interval = min(mcus, _LARGEST_INTERVAL)
    return replace(recipe, options=replace(recipe.options, subsampling=name, restart_interval=interval))


class _TableQuantizer(Quantizer):
    """Tables that the caller names, times the scale."""

    def __init__(self, own: NDArray[np.uint16], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._own = own
        self._coarsest = 255 if own.max() <= 255 else 65535

    def _steps(self, scale: float) -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
        steps = np.clip(self._own * scale, 1, self._coarsest)
        return steps, np.rint(steps).astype(np.uint16)


def _encode_custom(picture: Picture, recipe: Recipe) -> bytes:
    """Steps 3 to 8 with tables or colours that the encoder does not choose itself."""
    options = recipe.options
    sampling = _sampling(recipe, picture)
    saliency = resolve(options.saliency, picture.pixels, picture.metadata.orientation, device=options.device)
    tuning = _tuning(recipe)
    coefficients, luma = _coefficients(picture.pixels, sampling, recipe.keep_rgb)
    extra = _segments(picture, recipe)
    weights = block_weights(saliency, luma, _strength(picture, recipe, extra), tuning)
    common = (coefficients, weights, sampling)
    how: dict[str, Any] = {
        "progressive": options.progressive,
        "tuning": tuning,
        "rgb": _compensated(picture, recipe),
        "effort": EFFORTS[options.effort],
    }
    if recipe.tables is None:
        quantizer = Quantizer(*common, **how)
        wanted = quality_to_scale(recipe.quality, tuning)
        finest = wanted if options.quality is not None else quality_to_scale(100, tuning)
    else:
        own = _per_component(recipe.tables, len(coefficients))
        quantizer = _TableQuantizer(own, *common, **how)
        wanted = finest = 1.0
    write = partial(_write, recipe, picture.pixels.shape[:2], sampling, extra)
    if options.target_bytes is None:
        return by_size.encode_at(quantizer, write, wanted).jpeg
    overhead = 450 + segments.size(extra)
    return by_size.search(quantizer, write, options.target_bytes, finest=finest, overhead=overhead).jpeg


def _compensated(picture: Picture, recipe: Recipe) -> NDArray[np.uint8] | None:
    """The pixels whose lightness the luma is to keep; not where the components are colours or are only rounded."""
    return None if recipe.keep_rgb or recipe.rounded else picture.pixels


def _strength(picture: Picture, recipe: Recipe, extra: list[segments.Segment]) -> float:
    """As for a file of ours of the same quality or size; tables of the caller's own say nothing of that."""
    options, (height, width) = recipe.options, picture.pixels.shape[:2]
    if recipe.tables is not None:
        return options.strength
    asked = quality_to_scale(recipe.quality, TUNINGS[options.tune])
    if options.target_bytes is None:
        return strength_at(asked, options.strength)
    finest = asked if options.quality is not None else 0.0
    scale = by_size.likely_scale(options.target_bytes, segments.size(extra[1:]), (height, width), finest)
    return strength_at(scale, options.strength)


def _tuning(recipe: Recipe) -> Tuning:
    tuning = TUNINGS[recipe.options.tune]
    if recipe.keep_rgb:
        tuning = replace(tuning, cb=tuning.luma, cr=tuning.luma, chroma_tilt=tuning.luma_tilt)
    return replace(tuning, lmbda=0.0) if recipe.rounded else tuning


def _coefficients(
    pixels: NDArray[np.uint8], sampling: tuple[int, int], keep_rgb: bool
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Of every component, and of the luma."""
    if not keep_rgb or pixels.ndim == 2:
        coefficients = _core.forward_dct(pixels, *sampling)
        return coefficients, coefficients[0]
    planes = [_core.forward_dct(np.ascontiguousarray(pixels[..., i]))[0] for i in range(3)]
    luma = sum((np.float32(share) * plane for share, plane in zip(_LUMA, planes, strict=True)), np.float32(0))
    return planes, np.asarray(luma, np.float32)


def _per_component(tables: NDArray[np.uint16], components: int) -> NDArray[np.uint16]:
    return tables[np.minimum(np.arange(components), len(tables) - 1)]


def _segments(picture: Picture, recipe: Recipe) -> list[segments.Segment]:
    built = segments.build(picture.metadata, recipe.options.metadata)
    if not recipe.keep_rgb or picture.pixels.ndim == 2:
        return built
    if picture.metadata.density is not None:
        raise OptionError(
            "dpi does not go with keep_rgb: decoders take a file with a JFIF header for YCbCr, "
            f"got {picture.metadata.density[1:]}"
        )
    return [_ADOBE_RGB, *built[1:]]


def _write(
    recipe: Recipe, size: tuple[int, int], sampling: tuple[int, int], extra: list[segments.Segment], levels: Levels
) -> bytes:
    """Steps 7 and 8; tables that components share are written once."""
    components = len(levels.components)
    tables = levels.tables if recipe.tables is None else levels.tables[: len(recipe.tables)]
    return _core.write_jpeg(
        levels.components,
        np.ascontiguousarray(tables),
        size,
        [sampling, *[(1, 1)] * (components - 1)],
        progressive=recipe.options.progressive,
        restart_interval=recipe.options.restart_interval,
        segments=extra,
        choice_blocks=EFFORTS[recipe.options.effort].choice_blocks,
        component_ids=_RGB_IDS if recipe.keep_rgb and components == 3 else None,
    )
