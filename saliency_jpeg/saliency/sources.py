"""From every kind of value that ``saliency=`` takes to one map of the image, a :class:`.lazy_map.SaliencyMap`.

Two rules hold for all kinds. Values that are given (arrays, masks, boxes) refer to the pixels as they are stored.
Values that are computed from the image (by a model or a function) are computed from the upright image and rotated back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..checks import shown
from ..errors import InputError, OptionError
from ..image.boxes import Box
from ..image.orientation import Stored
from . import forks
from .given import check_map, fitted, given_map, rounded, to_map
from .lazy_map import Map, SaliencyMap
from .litert import at_most_threads

if TYPE_CHECKING:
    from ..image.picture import Picture
    from .model import SaliencyModel

__all__ = [
    "Combined",
    "Predictor",
    "Saliency",
    "Source",
    "combine",
    "has_network",
    "has_preset",
    "resolve",
    "resolve_many",
]


class Predictor(Protocol):
    """Anything that makes a map of an upright image, as :class:`saliency_jpeg.SaliencyModel` does."""

    def predict(self, rgb: NDArray[np.uint8], /) -> NDArray[Any]:
        """Returns a map or mask (H, W) of an image, uint8 (H, W, 3) or (H, W)."""
        ...


#: A preset name, a model, a map or mask (every array is one, also an array of shape (n, 4)), boxes as a sequence of
#: sequences of four numbers (tuples, lists, ints, floats), a function of the upright RGB image that returns a map, a
#: mask or boxes, several of these by :func:`combine`, or the map of another result, ``Compressed.saliency_map``.
Source: TypeAlias = (
    "str | Predictor | NDArray[Any] | Image.Image | Sequence[Box] | Callable[[NDArray[np.uint8]], Any] | Combined"
    " | SaliencyMap"
)
#: As :data:`Source`, or ``None`` for no preference.
Saliency: TypeAlias = "Source | None"
_PRESET_LOCK = Lock()


def _renew_lock() -> None:
    global _PRESET_LOCK
    _PRESET_LOCK = Lock()


forks.renew_in_child(_renew_lock)  # another thread of the parent may have held it


@dataclass(frozen=True, eq=False)
class Combined:
    """Several sources of saliency as one; made by :func:`combine`, which describes the attributes."""

    sources: tuple[Source, ...]
    protect: Source | None = None
    ignore: Source | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise OptionError("combine() needs at least one source of saliency, got none")
        if any(source is None for source in self.sources):
            raise OptionError("combine() takes every kind of saliency but None; use [] for no region, got None")

    @property
    def uses_preset(self) -> bool:
        """Whether one of the parts is a preset."""
        return any(map(has_preset, (*self.sources, self.protect, self.ignore)))


def combine(*sources: Source, protect: Source | None = None, ignore: Source | None = None) -> Combined:
    """Combines several sources of saliency for ``saliency=``: the highest of them in each pixel.

    >>> compress(photo, saliency=combine("default", mask))  # doctest: +SKIP
    >>> compress(photo, saliency=combine("default", protect=[(40, 20, 90, 80)], ignore=sky))  # doctest: +SKIP

    Args:
        sources: one or more of the values that ``saliency=`` takes, except ``None``.
        protect: what matters in any case: boxes, a mask, or another kind. The result is at least this map: 1 in boxes.
        ignore: what does not matter in any case. The result is at most 1 minus this map: 0 in boxes. Where the two
            overlap, ``protect`` wins.

    Raises:
        OptionError: there is no source, or one is ``None``.
    """
    return Combined(sources, protect, ignore)


def resolve(
    saliency: Saliency,
    pixels: NDArray[np.uint8],
    orientation: int,
    *,
    device: str | None = None,
    given_size: tuple[int, int] | None = None,
    threads: int | None = None,
) -> SaliencyMap | None:
    """Makes the map of an image.

    Args:
        saliency: as in :class:`saliency_jpeg.Options`.
        pixels: uint8 (H, W) or (H, W, 3), as stored.
        orientation: EXIF orientation of the stored pixels, 1 to 8.
        device: TensorFlow device for a preset's network.
        given_size: (height, width) to which maps, masks and boxes refer, where the pixels were shrunk since.
        threads: of LiteRT's, which may run a network; ``None`` for as many as there are cores.

    Returns:
        The map of the pixels as stored, or ``None`` for ``None``.

    Raises:
        InputError: a map has another shape than the image, values outside [0, 1] or NaN.
        OptionError: the value is of none of these kinds.
        PresetError: unknown preset.
    """
    if saliency is None:
        return None
    with at_most_threads(threads):
        return _resolve(saliency, Stored(pixels, orientation, given_size), device, {})


def resolve_many(
    saliency: Saliency, pictures: Sequence[Picture], *, device: str | None = None, threads: int | None = None
) -> list[SaliencyMap | None]:
    """Makes the maps of several images as :func:`resolve` does; a network gets them in batches.

    Args:
        saliency: as in :class:`saliency_jpeg.Options`.
        pictures: the loaded images.
        device: TensorFlow device for a preset's network.
        threads: as of :func:`resolve`.

    Returns:
        One map per image, in order.
    """
    if saliency is None:
        return [None] * len(pictures)
    images = [Stored(picture.pixels, picture.metadata.orientation, picture.given_size) for picture in pictures]
    with at_most_threads(threads):
        batches = {id(part): _predict_batch(part, images, device) for part in _networks(saliency)}
        made = [{part: maps[i] for part, maps in batches.items()} for i in range(len(images))]
        return [_resolve(saliency, image, device, maps) for image, maps in zip(images, made, strict=True)]


def has_network(saliency: Saliency) -> bool:
    """Returns whether a preset or a model with ``predict_batch`` is among the sources."""
    return saliency is not None and any(True for _ in _networks(saliency))


def has_preset(saliency: Saliency) -> bool:
    """Returns whether a preset is among the sources, by its name."""
    return isinstance(saliency, str) or (isinstance(saliency, Combined) and saliency.uses_preset)


def _networks(saliency: Source) -> Iterator[Any]:
    """Yields the presets and models with ``predict_batch`` among the parts."""
    if isinstance(saliency, Combined):
        for part in (*saliency.sources, saliency.protect, saliency.ignore):
            if part is not None:
                yield from _networks(part)
    elif isinstance(saliency, str) or (hasattr(saliency, "predict_batch") and not isinstance(saliency, type)):
        yield saliency


def _resolve(saliency: Source, image: Stored, device: str | None, predicted: Mapping[int, SaliencyMap]) -> SaliencyMap:
    """As :func:`resolve`; ``predicted`` are maps made in a batch, by the ``id`` of their preset or model."""
    if id(saliency) in predicted:
        return predicted[id(saliency)]
    if isinstance(saliency, Combined):
        return _combine(saliency, lambda part: _resolve(part, image, device, predicted))
    if isinstance(saliency, SaliencyMap):
        return fitted(saliency, image)
    if isinstance(saliency, str):
        return _predict(_load_model(saliency, device), image)
    if isinstance(saliency, np.ndarray | Image.Image | Sequence):
        return SaliencyMap.of(given_map(saliency, image))
    if hasattr(saliency, "predict") and not isinstance(saliency, type):
        return _predict(saliency, image)
    if callable(saliency) and not isinstance(saliency, type):
        return SaliencyMap.of(_call(saliency, image))
    known = "a preset, a model, a map, a mask, boxes, a function, combine() or None"
    raise OptionError(f"saliency must be {known}, got {shown(saliency)}")


def _combine(combined: Combined, resolve_part: Callable[[Source], SaliencyMap]) -> SaliencyMap:
    """Returns the highest of the sources, at most 1 minus ``ignore``, at least ``protect``."""
    result = resolve_part(combined.sources[0])
    for source in combined.sources[1:]:
        result = SaliencyMap.of(np.maximum(result.pixels, resolve_part(source).pixels))
    if combined.ignore is not None:
        result = SaliencyMap.of(rounded(np.minimum(result.pixels, 1 - resolve_part(combined.ignore).pixels)))
    if combined.protect is None:
        return result
    return SaliencyMap.of(np.maximum(result.pixels, resolve_part(combined.protect).pixels))


def _load_model(saliency: Any, device: str | None) -> Any:
    if not isinstance(saliency, str):
        return saliency
    with _PRESET_LOCK:
        return _load_preset(saliency, device)


@lru_cache(maxsize=4)
def _load_preset(name: str, device: str | None) -> SaliencyModel:
    from .model import SaliencyModel

    return SaliencyModel.from_preset(name, device=device)


def _predict(model: Any, image: Stored) -> SaliencyMap:
    made = model.lazy_map(image.upright) if _is_lazy(model) else _checked(model.predict(image.upright), image)
    return made.rotated(image.orientation, back=True)


def _predict_batch(saliency: Any, images: Sequence[Stored], device: str | None) -> list[SaliencyMap]:
    model, upright = _load_model(saliency, device), [image.upright for image in images]
    if _is_lazy(model):
        made = model.lazy_maps(upright)
    else:
        made = [_checked(one, image) for one, image in zip(model.predict_batch(upright), images, strict=True)]
    return [one.rotated(image.orientation, back=True) for one, image in zip(made, images, strict=True)]


def _is_lazy(model: Any) -> bool:
    """Returns whether a model is this library's own; a subclass may predict in another way."""
    from .model import SaliencyModel

    return type(model) is SaliencyModel


def _checked(predicted: Any, image: Stored) -> SaliencyMap:
    """Checks a map of the upright image."""
    return SaliencyMap.of(check_map(np.asarray(predicted), image.upright.shape[:2]))


def _call(function: Callable[[NDArray[np.uint8]], Any], image: Stored) -> Map:
    """Returns what a function makes of the upright image; it gets a copy in RGB, whose values it may change."""
    upright = image.upright
    result = function(np.repeat(upright[..., None], 3, axis=2) if upright.ndim == 2 else upright.copy())
    if not isinstance(result, np.ndarray | Image.Image | Sequence) or isinstance(result, str):
        raise InputError(f"a saliency function must return a map, a mask or boxes, got {type(result).__name__}")
    return image.from_upright(to_map(result, upright.shape[:2]))
