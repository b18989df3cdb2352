"""A head of one's own: pictures and what matters in them train the head of a preset, on its frozen backbone.

>>> from saliency_jpeg.saliency.training import pair, train
>>> found = pair("photos", "masks")  # doctest: +SKIP
>>> train(found.images, found.masks).model.save("own.npz")  # doctest: +SKIP

The command line does the same: ``saliency-jpeg train photos masks -o own.npz``. The backbone sees each picture and its
mirror image once; what it makes of them is kept, about 1 MB of memory a picture, and the head, which begins with the
preset's weights, learns from that; its tail stays as it is. Two of its outputs learn the mask, the chance of an object
and the density of gaze, and that of faces learns to be silent: what matters is what the masks say.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..batch.plan import images_in
from ..errors import InputError, OptionError
from ..evaluation.saliency_benchmark import MaskSample, MaskScores, judge_masks
from ..image.load import load
from ..image.orientation import turned
from ..saliency import grid, heads, litert, presets
from ..saliency.model import SaliencyModel
from ..saliency.sources import read_map
from ..saliency.tensorflow_runtime import load_tensorflow
from . import loop

__all__ = ["EPOCHS", "Pairs", "Step", "Trained", "check", "pair", "train", "trainable"]

#: Times that every picture is seen, unless the caller says how often.
EPOCHS: Final = 20

_RATE: Final = 2e-3
_HELD_OUT: Final = 10  # one of so many pictures
_AT_ONCE: Final = 8  # pictures that are open at a time
_TOLERANCE: Final = 0.02  # between the aspect ratios of an image and its mask
_SEEDS: Final = 2**32


class Pairs(NamedTuple):
    """Images and their masks in equal order, and the files of both folders that have no partner."""

    images: list[Path]
    masks: list[Path]
    images_alone: list[Path]
    masks_alone: list[Path]


class Step(NamedTuple):
    """How far a training has come: ``stage`` is "features" (of images) or "epochs"; the loss of the last epoch."""

    stage: str
    done: int
    total: int
    loss: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training gives.

    Attributes:
        model: with the new head; ``model.save()`` writes the file for ``--saliency`` and ``SaliencyModel.from_file``.
        losses: of each epoch.
        held_out: places of the pictures that were not trained on, in order.
        judged: how many of them have a mask with both an object and a background, and so can be judged by.
        before, after: scores of the preset and of the new model on those; None where there are none.
    """

    model: SaliencyModel
    losses: tuple[float, ...]
    held_out: tuple[int, ...]
    judged: int
    before: MaskScores | None
    after: MaskScores | None


# Pairs --------------------------------------------------------------------------------------------------------------


def pair(images: str | os.PathLike[str], masks: str | os.PathLike[str]) -> Pairs:
    """Images and masks of the same name but for the suffix, at the same place below two folders, in order.

    Raises:
        InputError: no image has a mask, two files of a folder have one name, or the folders are the same.
        OSError: a folder cannot be read.
    """
    if os.path.realpath(images) == os.path.realpath(masks):
        raise InputError(f"images and masks need folders of their own, both are {os.fspath(images)}")
    pictured, masked = _by_stem(Path(images)), _by_stem(Path(masks))
    common = sorted(pictured.keys() & masked.keys())
    if not common:
        counts = f"{len(pictured)} images and {len(masked)} masks"
        raise InputError(f"no image in {images} has a mask of the same name in {masks} ({counts})")
    alone = ([found[stem] for stem in sorted(found.keys() - set(common))] for found in (pictured, masked))
    return Pairs([pictured[stem] for stem in common], [masked[stem] for stem in common], *alone)


def _by_stem(folder: Path) -> dict[Path, Path]:
    found: dict[Path, Path] = {}
    for path in images_in(folder):
        stem = path.relative_to(folder).with_suffix("")
        if stem in found:
            raise InputError(f"{found[stem]} and {path} have one name: which is meant?")
        found[stem] = path
    return found


# Training -----------------------------------------------------------------------------------------------------------


def train(
    images: Sequence[Any],
    masks: Sequence[Any],
    *,
    preset: str = "default",
    epochs: int = EPOCHS,
    seed: int = 0,
    told: Callable[[Step], None] = lambda step: None,
) -> Trained:
    """Train the head of a preset on pictures and masks of one's own.

    A tenth of ten pictures or more, drawn by the seed, is not trained on but judges the preset and the new model. The
    same pictures, masks and seed give the same weights on one machine (its processor; GPUs may add up in any order).

    Args:
        images: whatever :func:`saliency_jpeg.image.load.load` takes: paths, bytes, PIL images, arrays.
        masks: for each image an image file (its gray values, 0 to 255), a PIL image or an array: bool, uint8 or float
            0 to 1, of any size with the image's aspect ratio; like the image, as it is stored, not turned upright.
        preset: whose head is trained; one that learned evidence of gaze and objects.
        epochs: how often each picture is seen.
        seed: 0 to 2**32 - 1, of the order, of what the head leaves out, and of the tenth.
        told: called at the beginning of each stage and with every image and epoch done.

    Raises:
        InputError: an image or a mask cannot be read, or their aspect ratios differ by more than 2 % (and a pixel);
            there are none, not one mask each, or all masks are empty.
        OptionError: ``epochs`` or ``seed`` is out of range, or the preset has no such head.
        PresetError: unknown preset.
        OSError: a file cannot be read.
    """
    found = check(preset, epochs, seed)
    pairs = _paired(images, masks)
    held_out = _held_out(len(pairs), seed)
    kept = [pairs[i] for i in sorted(set(range(len(pairs))) - set(held_out))]
    items = _items(loop.Backbone(found.long_side, found.name), kept, told)
    before = SaliencyModel.from_preset(preset)
    head, losses = _fitted(found, items, epochs, seed, told)
    after = SaliencyModel(presets.read_arrays(found), before.names, found, head=head)
    return Trained(after, losses, held_out, *_judged([pairs[i] for i in held_out], before, after))


def _judged(
    pairs: Sequence[tuple[Any, Any]], before: SaliencyModel, after: SaliencyModel
) -> tuple[int, MaskScores | None, MaskScores | None]:
    """How many pictures can be judged by, and the scores of both models on those; one picture is held at a time."""
    usable = [pair for pair in pairs if _sample(*pair) is not None]
    if not usable:
        return 0, None, None
    judging = (sample for pair in usable if (sample := _sample(*pair)) is not None)
    scores = judge_masks(judging, {"before": before.predict, "after": after.predict})
    return len(usable), scores["before"], scores["after"]


def trainable() -> tuple[str, ...]:
    """Names of the presets whose heads can be trained: those that learned gaze and objects."""
    return tuple(name for name in presets.names() if _is_trainable(presets.find(name)))


def _is_trainable(preset: presets.Preset) -> bool:
    return preset.head is not None and heads.HeadArchitecture(**preset.head.architecture).kind == "pyramid"


def check(preset: str = "default", epochs: int = EPOCHS, seed: int = 0) -> presets.Preset:
    """The preset of that name; the options are those of :func:`train`, and so are the errors."""
    if not isinstance(epochs, int) or epochs < 1:
        raise OptionError(f"epochs must be at least 1, got {epochs!r}")
    if not isinstance(seed, int) or not 0 <= seed < _SEEDS:
        raise OptionError(f"seed must be from 0 to {_SEEDS - 1}, got {seed!r}")
    found = presets.find(preset)
    if not _is_trainable(found):
        raise OptionError(f"the preset must be one of {', '.join(trainable())}, whose heads can learn, got {preset!r}")
    if litert.stands_in():
        raise OptionError(f"training needs TensorFlow (pip install tensorflow), LiteRT cannot train, got {preset!r}")
    return found


def _paired(images: Sequence[Any], masks: Sequence[Any]) -> list[tuple[Any, Any]]:
    if not len(images) or len(images) != len(masks):
        raise InputError(f"each image needs one mask, got {len(images)} images and {len(masks)} masks")
    return list(zip(images, masks, strict=True))


def _held_out(count: int, seed: int) -> tuple[int, ...]:
    chosen = random.Random(seed).sample(range(count), round(count / _HELD_OUT)) if count >= _HELD_OUT else []
    return tuple(sorted(chosen))


def _fitted(
    preset: presets.Preset, items: Sequence[loop.Item], epochs: int, seed: int, told: Callable[[Step], None]
) -> tuple[dict[str, NDArray[np.float16]], tuple[float, ...]]:
    """Weights of the preset's head after training, as a file holds them, and the losses."""
    if not any(target.any() for item in items for target in item.targets):
        raise InputError("there is nothing in any of the masks")
    assert preset.head is not None
    model = heads.build_head(heads.HeadArchitecture(**preset.head.architecture), loop.CHANNELS[:3])
    heads.set_arrays(model, presets.read_head(preset))
    _seed(model, seed)
    losses: list[float] = []

    def note(epoch: int, total: int, parts: NDArray[np.float32]) -> None:
        losses.append(float(parts.sum()))
        told(Step("epochs", epoch, total, losses[-1]))

    told(Step("epochs", 0, epochs))
    source = loop.Source(items, 1.0)
    loop.fit(model, [source], loop.losses, (3, 3, 3), epochs=epochs, rates=(_RATE, 0), seed=seed, told=note)
    return {key: array.astype(np.float16) for key, array in heads.get_arrays(model).items()}, tuple(losses)


def _seed(model: Any, seed: int) -> None:
    """Lets what the head leaves out follow from the seed, and not from the state of the whole process."""
    load_tensorflow()
    from keras import layers

    dropouts = [layer for layer in model.layers if isinstance(layer, layers.Dropout)]
    for place, layer in enumerate(dropouts):
        layer.seed_generator.state.assign(np.array([seed, place], np.uint32))


# What is learned from -----------------------------------------------------------------------------------------------


def _items(backbone: loop.Backbone, pairs: Sequence[tuple[Any, Any]], told: Callable[[Step], None]) -> list[Any]:
    """Features and targets of the pictures and their mirror images."""
    items: list[loop.Item] = []
    stride = heads.STRIDES["pyramid"]
    told(Step("features", 0, len(pairs)))
    for part in loop.chunks(list(pairs), _AT_ONCE):
        views: list[tuple[NDArray[np.uint8], NDArray[np.float16]]] = []
        for rgb, saliency in (_read(*pair) for pair in part):
            size = backbone.size(rgb)
            pixels = grid.resize(rgb, size)
            target = grid.shrink(saliency, size, stride).astype(np.float16)
            views += [(pixels, target), (np.ascontiguousarray(pixels[:, ::-1]), target[:, ::-1])]
        features = backbone([pixels for pixels, _ in views])
        for levels, (_, target) in zip(features, views, strict=True):
            items.append(loop.Item(levels, (target, target, np.zeros_like(target))))
            if len(items) % 2 == 0:
                told(Step("features", len(items) // 2, len(pairs)))
    return items


def _read(image: Any, mask: Any) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The upright picture, uint8 (H, W) or (H, W, 3), and what matters in it, float32 (H, W) in [0, 1]."""
    import cv2

    picture = _named(load, image)
    saliency = _named(read_map, mask)
    (rows, cols), (height, width) = saliency.shape, picture.pixels.shape[:2]
    if abs(cols - rows * width / height) > max(1, _TOLERANCE * cols):
        names = f"{_name(mask)}: the mask, {cols} x {rows} pixels, has another shape than the image"
        raise InputError(f"{names}, {width} x {height}")
    if (rows, cols) != (height, width):
        smaller = cv2.INTER_AREA if height < rows else cv2.INTER_LINEAR
        saliency = np.clip(cv2.resize(saliency, (width, height), interpolation=smaller), 0, 1)
    upright = (np.ascontiguousarray(turned(v, picture.metadata.orientation)) for v in (picture.pixels, saliency))
    return next(upright), next(upright)


def _sample(image: Any, mask: Any) -> MaskSample | None:
    """A picture to judge by; None where the mask lacks an object or a background."""
    rgb, saliency = _read(image, mask)
    inside = saliency > 0.5
    return MaskSample(_name(image), rgb, inside) if inside.any() and not inside.all() else None


def _named(read: Callable[[Any], Any], source: Any) -> Any:
    """What ``read`` makes of a source, whose name is in the error if there is one."""
    try:
        return read(source)
    except InputError as error:
        name = _name(source)
        raise InputError(f"{name}: {error}" if name else str(error)) from error


def _name(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""
