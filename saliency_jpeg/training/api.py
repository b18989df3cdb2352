"""Training a head of your own: images and masks train the head of a preset on its frozen backbone.

>>> from saliency_jpeg.training import pair, train
>>> pairs = pair("photos", "masks")  # doctest: +SKIP
>>> train(pairs.images, pairs.masks).model.save("own.npz")  # doctest: +SKIP

``saliency-jpeg train photos masks -o own.npz`` does the same. The backbone processes each image and its mirror image
once; the features are kept, about 1 MB of memory per image. The head starts from the preset's weights and learns from
the features; its tail stays as it is. The mask is the target for the chance of an object and for the density of gaze;
the chance of a face learns to be 0, so that only the masks count.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OptionError
from ..evaluation.saliency_benchmark import MaskScores, judge_masks
from ..io import full_package
from ..saliency import grid, litert, network, presets
from ..saliency.heads import MaskHead
from ..saliency.model import SaliencyModel
from ..saliency.tensorflow_runtime import load_tensorflow
from . import loop
from .pairs import read_pair, read_sample

__all__ = ["EPOCHS", "Step", "Trained", "check", "train", "trainable"]

#: How often each image is used, unless the caller says otherwise.
EPOCHS: Final = 20

_RATES: Final = (2e-3, 0.0)  # learning rates of the head and of its tail
_HELD_OUT: Final = 10  # one image in ten
_AT_ONCE: Final = 8  # images in memory at a time
_SEEDS: Final = 2**32


class Step(NamedTuple):
    """Progress of a training.

    Attributes:
        stage: ``"features"`` (of images) or ``"epochs"``.
        done: images or epochs done.
        total: images or epochs in all.
        loss: of the last epoch, None before the first.
        held_out_loss: on the images that are held out, None where there are none.
    """

    stage: str
    done: int
    total: int
    loss: float | None = None
    held_out_loss: float | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """Result of a training.

    Attributes:
        model: with the new head; ``model.save()`` writes the file for ``--saliency`` and ``SaliencyModel.from_file``.
        losses: of each epoch.
        held_out_losses: on the images held out, of the preset (epoch 0) and after each epoch; empty where there are
            none.
        epoch: whose weights the model has: the one with the lowest loss on the images held out, or 0, the preset
            itself, if that one's scores are not better than the preset's. The last one where nothing is held out.
        held_out: indices of the images that were not trained on, in order.
        judged: how many of them could be scored, because their mask has both an object and a background.
        before: scores of the preset on those; None where there are none.
        after: scores of the new model on those; None where there are none.
    """

    model: SaliencyModel
    losses: tuple[float, ...]
    held_out_losses: tuple[float, ...]
    epoch: int
    held_out: tuple[int, ...]
    judged: int
    before: MaskScores | None
    after: MaskScores | None


def train(
    images: Sequence[Any],
    masks: Sequence[Any],
    *,
    preset: str = "default",
    epochs: int = EPOCHS,
    seed: int = 0,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Trained:
    """Trains the head of a preset on images and masks.

    Of ten images or more, a tenth, drawn by the seed, is held out. It chooses the epoch that is kept, the preset among
    them, and scores the preset and the new model; so the scores flatter the new one a little. The same
    images, masks and seed give the same weights on one machine, but for the last bits on some processors and on GPUs.

    Args:
        images: whatever :func:`saliency_jpeg.image.load.load` takes: paths, bytes, PIL images, arrays.
        masks: for each image an image file (its gray values, 0 to 255), a PIL image or an array: bool, uint8 or float
            0 to 1, of any size with the image's aspect ratio; like the image as stored, not turned upright.
        preset: name of the preset whose head is trained, one of :func:`trainable`.
        epochs: how often each image is used.
        seed: 0 to 2**32 - 1, for the order, the dropout and the images held out.
        on_step: called at the start of each stage and after every image and epoch.

    Raises:
        InputError: an image or a mask cannot be read, or their aspect ratios differ by more than 2 % (and a pixel);
            there are none, not one mask for each image, or all masks are empty.
        OptionError: ``epochs`` or ``seed`` is out of range, or the preset's head cannot be trained by masks.
        PresetError: unknown preset.
        OSError: a file cannot be read.
    """
    base = check(preset, epochs, seed)
    pairs = _zip(images, masks)
    held_out = _hold_out(len(pairs), seed)
    kept = [pairs[i] for i in sorted(set(range(len(pairs))) - set(held_out))]
    judges = [pairs[i] for i in held_out]
    items = _make_items(base, [*kept, *judges], on_step)
    before = SaliencyModel.from_preset(preset)
    fitted = _fit(base, items[: 2 * len(kept)], items[2 * len(kept) :], epochs, seed, on_step)
    after = SaliencyModel(presets.read_arrays(base), before.names, base, head=fitted.head)
    count, old, new = _score(judges, before, after)
    epoch = fitted.epoch
    if epoch and old is not None and new is not None and _overall(new) < _overall(old):
        epoch, after, new = 0, before, old
    return Trained(after, fitted.losses, fitted.held_out_losses, epoch, held_out, count, old, new)


def _overall(scores: MaskScores) -> float:
    """One number for the scores of a model, higher is better."""
    return scores.auc + scores.max_f - scores.mae


def trainable() -> tuple[str, ...]:
    """Returns the names of the presets whose heads can be trained by masks."""
    return tuple(name for name in presets.names() if _mask_head(presets.find(name)) is not None)


def check(preset: str = "default", epochs: int = EPOCHS, seed: int = 0) -> presets.Preset:
    """Checks the options of :func:`train`.

    Args:
        preset: as for :func:`train`.
        epochs: as for :func:`train`.
        seed: as for :func:`train`.

    Returns:
        The preset.

    Raises:
        OptionError: as for :func:`train`, or TensorFlow is not installed.
        PresetError: unknown preset.
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise OptionError(f"epochs must be at least 1, got {epochs!r}")
    if not isinstance(seed, int) or not 0 <= seed < _SEEDS:
        raise OptionError(f"seed must be from 0 to {_SEEDS - 1}, got {seed!r}")
    base = presets.find(preset)
    if _mask_head(base) is None:
        raise OptionError(f"preset must be one of {', '.join(trainable())}, whose heads learn masks, got {preset!r}")
    if litert.replaces_tensorflow():
        raise OptionError(f"training {full_package.HINT}, got LiteRT alone to train {preset!r}")
    return base


def _mask_head(preset: presets.Preset) -> MaskHead | None:
    head = None if preset.head is None else preset.head.network
    return head if isinstance(head, MaskHead) else None


def _zip(images: Sequence[Any], masks: Sequence[Any]) -> list[tuple[Any, Any]]:
    if not len(images) or len(images) != len(masks):
        raise InputError(f"each image needs one mask, got {len(images)} images and {len(masks)} masks")
    return list(zip(images, masks, strict=True))


def _hold_out(count: int, seed: int) -> tuple[int, ...]:
    """Returns the indices of the images that are not trained on."""
    chosen = random.Random(seed).sample(range(count), round(count / _HELD_OUT)) if count >= _HELD_OUT else []
    return tuple(sorted(chosen))


def _make_items(
    preset: presets.Preset, pairs: Sequence[tuple[Any, Any]], on_step: Callable[[Step], None]
) -> list[loop.Item]:
    """Computes features and targets of the images and their mirror images."""
    backbone, head = loop.Backbone(preset.long_side, preset.name), _mask_head(preset)
    assert head is not None
    items: list[loop.Item] = []
    on_step(Step("features", 0, len(pairs)))
    for part in loop.chunks(list(pairs), _AT_ONCE):
        views: list[tuple[NDArray[np.uint8], NDArray[np.float16]]] = []
        for rgb, saliency in (read_pair(*pair) for pair in part):
            size = backbone.size(rgb)
            pixels = grid.resize(rgb, size)
            target = grid.shrink(saliency, size, head.stride).astype(np.float16)
            views += [(pixels, target), (np.ascontiguousarray(pixels[:, ::-1]), target[:, ::-1])]
        features = backbone([pixels for pixels, _ in views])
        for levels, (_, target) in zip(features, views, strict=True):
            items.append(loop.Item(levels, head.mask_targets(target)))
            if len(items) % 2 == 0:
                on_step(Step("features", len(items) // 2, len(pairs)))
    return items


class _Fitted(NamedTuple):
    """A trained head: its weights as a file holds them, and how it came about as in :class:`Trained`."""

    head: dict[str, NDArray[np.float16]]
    losses: tuple[float, ...]
    held_out_losses: tuple[float, ...]
    epoch: int


def _fit(
    preset: presets.Preset,
    items: Sequence[loop.Item],
    judges: Sequence[loop.Item],
    epochs: int,
    seed: int,
    on_step: Callable[[Step], None],
) -> _Fitted:
    """Trains the head of a preset; of the epochs the one with the lowest loss on ``judges`` is kept."""
    if not any(target.any() for item in items for target in item.targets.values()):
        raise InputError("at least one mask must mark something, got only empty masks")
    head = _mask_head(preset)
    assert head is not None
    model = head.build(loop.CHANNELS[:3])
    network.set_arrays(model, presets.read_head(preset))
    _seed_dropout(model, seed)
    losses: list[float] = []
    judged: list[float] = []
    best: dict[int, dict[str, NDArray[np.float16]]] = {}

    def judge(epoch: int) -> None:
        judged.append(loop.mean_loss(model, head, judges))
        if judged[-1] == min(judged):
            best.clear()
            best[epoch] = _weights(model)

    def report(epoch: int, total: int, parts: NDArray[np.float32]) -> None:
        losses.append(float(parts.sum()))
        on_step(Step("epochs", epoch, total, losses[-1], judged[-1] if judged else None))

    if judges:
        judge(0)
    on_step(Step("epochs", 0, epochs))
    source, on_means = loop.Source(items, 1.0), judge if judges else None
    loop.fit(model, head, [source], epochs=epochs, rates=_RATES, seed=seed, on_epoch=report, on_means=on_means)
    ((epoch, weights),) = best.items() or {epochs: _weights(model)}.items()
    return _Fitted(weights, tuple(losses), tuple(judged), epoch)


def _weights(model: Any) -> dict[str, NDArray[np.float16]]:
    return {key: array.astype(np.float16) for key, array in network.get_arrays(model).items()}


def _seed_dropout(model: Any, seed: int) -> None:
    """Makes the dropout depend on the seed and not on the state of the process."""
    load_tensorflow()
    from keras import layers

    dropouts = [layer for layer in model.layers if isinstance(layer, layers.Dropout)]
    for i, layer in enumerate(dropouts):
        layer.seed_generator.state.assign(np.array([seed, i], np.uint32))


def _score(
    pairs: Sequence[tuple[Any, Any]], before: SaliencyModel, after: SaliencyModel
) -> tuple[int, MaskScores | None, MaskScores | None]:
    """Scores both models on the pairs that have object and background; holds one image in memory at a time."""
    usable = [pair for pair in pairs if read_sample(*pair) is not None]
    if not usable:
        return 0, None, None
    samples = (sample for pair in usable if (sample := read_sample(*pair)) is not None)
    scores = judge_masks(samples, {"before": before.predict, "after": after.predict})
    return len(usable), scores["before"], scores["after"]
