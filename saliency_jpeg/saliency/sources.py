"""From whatever the caller calls saliency to one float32 map of the image.

Two rules hold for every kind: what is given (arrays, masks, boxes) follows the pixels as they are stored; what is
computed from the picture (by a model or a function) is computed from the upright picture and turned back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError, OptionError
from ..image.boxes import Box, fill_boxes
from ..image.orientation import turned

if TYPE_CHECKING:
    from ..image.load import Picture
    from .model import SaliencyModel

__all__ = [
    "Combined",
    "Saliency",
    "Source",
    "combine",
    "gray_values",
    "has_network",
    "read_map",
    "resolve",
    "resolve_many",
]

Map = NDArray[np.float32]
Source: TypeAlias = (
    "str | SaliencyModel | NDArray[Any] | Image.Image | Sequence[Box] | Callable[[NDArray[np.uint8]], Any] | Combined"
)
Saliency: TypeAlias = "Source | None"
_PRESET_LOCK = Lock()


@dataclass(frozen=True, eq=False)
class Combined:
    """Several kinds of saliency as one; made by :func:`combine`."""

    sources: tuple[Source, ...]
    protect: Source | None = None
    ignore: Source | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise OptionError("combine() needs at least one kind of saliency, got none")
        if any(source is None for source in self.sources):
            raise OptionError("combine() needs something that can be combined, got None")

    @property
    def uses_preset(self) -> bool:
        """Whether a preset's network takes part."""
        parts = (*self.sources, self.protect, self.ignore)
        return any(isinstance(part, str) or getattr(part, "uses_preset", False) for part in parts)


def combine(*sources: Source, protect: Source | None = None, ignore: Source | None = None) -> Combined:
    """Several kinds of saliency as one, for ``saliency=``: the highest of all of them in each pixel.

    >>> compress(photo, saliency=combine("default", mask))  # doctest: +SKIP
    >>> compress(photo, saliency=combine("default", protect=[(40, 20, 90, 80)], ignore=sky))  # doctest: +SKIP

    Args:
        sources: one or more of whatever ``saliency=`` takes, but ``None``.
        protect: what matters, whatever the sources say: boxes, a mask, or any other kind. The map becomes 1 there, or
            at least as high as this one where this is between 0 and 1.
        ignore: what does not matter, whatever the sources say. The map becomes 0 there, or at most 1 minus this one.
            Where the two overlap, ``protect`` wins.

    Raises:
        OptionError: there is no source, or one is ``None``.
    """
    return Combined(sources, protect, ignore)


def resolve(
    saliency: Saliency, pixels: NDArray[np.uint8], orientation: int, *, device: str | None = None
) -> Map | None:
    """The map of an image.

    Args:
        saliency: as in :class:`saliency_jpeg.Options`.
        pixels: uint8 (H, W) or (H, W, 3).
        orientation: EXIF orientation 1 to 8 of the stored pixels.
        device: for a preset's network.

    Returns:
        float32 (H, W) in [0, 1], multiples of 1/255, or ``None`` where nothing is preferred.

    Raises:
        InputError: a map has another shape than the image, values outside [0, 1] or NaN.
        OptionError: the value is of no known kind.
        PresetError: unknown preset.
    """
    return None if saliency is None else _resolved(saliency, pixels, orientation, device, {})


def resolve_many(saliency: Saliency, pictures: Sequence[Picture], *, device: str | None = None) -> list[Map | None]:
    """The maps of several images, in their order, as :func:`resolve` makes them; a network sees them in batches."""
    if saliency is None:
        return [None] * len(pictures)
    batches = {id(part): _predicted_batch(part, pictures, device) for part in _networks(saliency)}
    return [
        _resolved(saliency, picture.pixels, picture.metadata.orientation, device, {i: b[n] for i, b in batches.items()})
        for n, picture in enumerate(pictures)
    ]


def gray_values(file: Any) -> NDArray[np.uint8]:
    """The gray values of an image file (a path or its bytes) as a map, uint8 (H, W); black where it is transparent.

    Raises:
        InputError: it is no image.
        OSError: it cannot be read.
    """
    from ..image.load import load

    return np.asarray(Image.fromarray(load(file, background=(0, 0, 0)).pixels).convert("L"))


def read_map(source: Any) -> Map:
    """A map or mask by itself, of whatever size it has, float32 (H, W) in [0, 1], multiples of 1/255.

    Args:
        source: an image file (a path or its bytes), a PIL image, or an array: bool, uint8 or float 0 to 1.

    Raises:
        InputError: it is no image, or an array or image that cannot be a map.
        OSError: the file cannot be read.
    """
    given = source if isinstance(source, np.ndarray | Image.Image) else gray_values(source)
    shape = given.shape[:2] if isinstance(given, np.ndarray) else given.size[::-1]
    return _given(given, shape)


def has_network(saliency: Saliency) -> bool:
    """Whether a network, of a preset or a model, takes part that can look at several images at once."""
    return saliency is not None and any(True for _ in _networks(saliency))


def _networks(saliency: Source) -> Iterator[Any]:
    """The presets and models with ``predict_batch`` among the parts."""
    if isinstance(saliency, Combined):
        for part in (*saliency.sources, saliency.protect, saliency.ignore):
            if part is not None:
                yield from _networks(part)
    elif isinstance(saliency, str) or (hasattr(saliency, "predict_batch") and not isinstance(saliency, type)):
        yield saliency


def _resolved(
    saliency: Source, pixels: NDArray[np.uint8], orientation: int, device: str | None, known: Mapping[int, Map]
) -> Map:
    """As :func:`resolve`; ``known`` are maps that were predicted before, by the ``id`` of their preset or model."""
    if id(saliency) in known:
        return known[id(saliency)]
    if isinstance(saliency, Combined):
        return _combined(saliency, lambda part: _resolved(part, pixels, orientation, device, known))
    if isinstance(saliency, str):
        return _predicted(_model(saliency, device), pixels, orientation)
    if isinstance(saliency, np.ndarray | Image.Image | Sequence):
        return _given(saliency, pixels.shape[:2])
    if hasattr(saliency, "predict") and not isinstance(saliency, type):
        return _predicted(saliency, pixels, orientation)
    if callable(saliency) and not isinstance(saliency, type):
        return _called(saliency, pixels, orientation)
    raise OptionError(
        f"saliency must be a preset, a model, a map, a mask, boxes, a function, combine() or None, got {saliency!r}"
    )


def _combined(combined: Combined, resolved: Callable[[Source], Map]) -> Map:
    """The highest of the sources, held down where it is to be ignored, and up where it is to be protected."""
    result = resolved(combined.sources[0])
    for source in combined.sources[1:]:
        result = np.maximum(result, resolved(source))
    if combined.ignore is not None:
        result = _rounded(np.minimum(result, 1 - resolved(combined.ignore)))
    return result if combined.protect is None else np.maximum(result, resolved(combined.protect))


def _model(saliency: Any, device: str | None) -> Any:
    if not isinstance(saliency, str):
        return saliency
    with _PRESET_LOCK:
        return _preset(saliency, device)


@lru_cache(maxsize=4)
def _preset(name: str, device: str | None) -> SaliencyModel:
    from .model import SaliencyModel

    return SaliencyModel.from_preset(name, device=device)


def _predicted(model: Any, pixels: NDArray[np.uint8], orientation: int) -> Map:
    upright = np.ascontiguousarray(turned(pixels, orientation))
    return _turned_back(model.predict(upright), upright, orientation)


def _predicted_batch(saliency: Any, pictures: Sequence[Picture], device: str | None) -> list[Map]:
    orientations = [picture.metadata.orientation for picture in pictures]
    upright = [np.ascontiguousarray(turned(p.pixels, o)) for p, o in zip(pictures, orientations, strict=True)]
    maps = _model(saliency, device).predict_batch(upright)
    return [_turned_back(*each) for each in zip(maps, upright, orientations, strict=True)]


def _turned_back(predicted: Any, upright: NDArray[np.uint8], orientation: int) -> Map:
    """A map of the upright picture, checked, turned to where the pixels lie."""
    checked = _checked(np.asarray(predicted), upright.shape[:2])
    return np.ascontiguousarray(turned(checked, orientation, back=True))


def _called(function: Callable[[NDArray[np.uint8]], Any], pixels: NDArray[np.uint8], orientation: int) -> Map:
    """What a function of the upright picture says; it gets a copy in RGB, whose values it may change."""
    upright = np.array(turned(pixels, orientation), order="C")
    rgb = np.repeat(upright[..., None], 3, axis=2) if upright.ndim == 2 else upright
    found = function(rgb)
    if not isinstance(found, np.ndarray | Image.Image | Sequence) or isinstance(found, str):
        raise InputError(f"a saliency function must return a map, a mask or boxes, not {type(found).__name__}")
    return np.ascontiguousarray(turned(_given(found, upright.shape[:2]), orientation, back=True))


def _given(given: NDArray[Any] | Image.Image | Sequence[Any], shape: tuple[int, ...]) -> Map:
    """A map, a mask or boxes that somebody else made."""
    if isinstance(given, Image.Image):  # the values of a palette are the grays of its colours
        return _checked(np.asarray(given.convert("L") if given.mode in ("P", "PA", "LA") else given), shape)
    if isinstance(given, np.ndarray):
        return _checked(given, shape)
    return fill_boxes(given, (shape[0], shape[1])).astype(np.float32)


def _checked(values: NDArray[Any], shape: tuple[int, ...]) -> Map:
    """The values of a map or mask: bool, uint8 from 0 to 255, or floats from 0 to 1."""
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.shape != shape:
        raise InputError(f"the saliency map has shape {values.shape}, the image {tuple(shape)}")
    if values.dtype == np.bool_:
        return values.astype(np.float32)
    if values.dtype == np.uint8:
        if values.max(initial=0) == 1:
            raise InputError("a saliency map of uint8 reaches from 0 to 255, this one ends at 1; make it bool")
        return values.astype(np.float32) / np.float32(255)
    if values.dtype.kind != "f":
        raise InputError(f"a saliency map must be bool, uint8 or floating point, not {values.dtype}")
    if not (values.min() >= 0 and values.max() <= 1):  # NaN fails both
        raise InputError("a saliency map of floats must lie in [0, 1] and hold no NaN")
    return _rounded(values.astype(np.float32))


def _rounded(values: Map) -> Map:
    levels: Map = np.rint(values * np.float32(255))
    return levels / np.float32(255)
