#!/usr/bin/env python3
"""Train the head of the preset ``segment``: what a picture shows where, in ten classes.

The backbone is frozen: the features of all variants of the pictures (:mod:`segmentation_data`) are computed once. The
script ends with accuracy and intersection over union of cells of pictures that are held back, as they are and after a
JPEG encoder at a low quality. ::

    python scripts/train_segmentation.py DATA OUT.npz --cache FOLDER [--epochs N]

A run that was ended goes on from the last epoch, which lies in the cache. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from head_training import cached
from numpy.typing import NDArray
from PIL import Image
from segmentation_data import Labelled, read_held_back, read_labelled, shares, variants

from saliency_jpeg.enhance.semantic import LONG_SIDE
from saliency_jpeg.enhance.semantic_network import CLASSES, FEATURES, build
from saliency_jpeg.io import write
from saliency_jpeg.saliency import network
from saliency_jpeg.saliency.grid import resize
from saliency_jpeg.saliency.weights_file import WeightsFile, pack
from saliency_jpeg.training.loop import Backbone, Item, Source, make_batches, stack

SEED: Final = 17
BATCH: Final = 16
RATE: Final = 1.5e-3
QUALITY: Final = 15  # of the files that are measured beside the pictures
_DRAWN: Final = {"coco": (8, 1.0), "camvid": (3, 0.7), "duts": (2, 0.7), "caltech": (2, 0.5)}  # variants, share
_MOST_WEIGHT: Final = 4.0  # of a rare class


# ---- examples ------------------------------------------------------------------------------------------------------


def make_items(backbone: Backbone, pictures: Sequence[Labelled], count: int, seed: int) -> list[Item]:
    """Computes features and targets.

    Args:
        backbone: gives the features.
        pictures: what to make examples of.
        count: variants of each.
        seed: draws the variants.
    """
    chooser, made = random.Random(seed), []
    for part in (pictures[i : i + 40] for i in range(0, len(pictures), 40)):
        changed = [v for item in part for v in variants(item, count, chooser)]
        features = _features(backbone, [item.rgb for item in changed])
        for levels, item in zip(features, changed, strict=True):
            made.append(Item(levels, {"shares": shares(item, levels[1].shape[:2])}))
    return made


def _features(backbone: Backbone, images: Sequence[NDArray[np.uint8]]) -> list[list[NDArray[np.float16]]]:
    sized = [resize(rgb, backbone.size(rgb)) for rgb in images]
    return [levels[:3] for levels in backbone(sized)]


def class_weights(items: Sequence[Item]) -> NDArray[np.float32]:
    """Returns weights of the classes, float32 (classes,): rare ones count more, by the root of their share."""
    seen = sum(np.maximum(item.targets["shares"].astype(np.float32), 0).sum((0, 1)) for item in items)
    shared = np.maximum(seen / np.sum(seen), 1e-4)
    weights = np.minimum(np.sqrt(shared.max() / shared), _MOST_WEIGHT)
    result: NDArray[np.float32] = (weights / np.sum(weights * shared)).astype(np.float32)
    return result


# ---- training ------------------------------------------------------------------------------------------------------


def train(sources: Sequence[Source], weights: NDArray[np.float32], epochs: int, seed: int, folder: Path | None) -> Any:
    """Trains the head, on from the last epoch if there is one.

    Args:
        sources: what to train on.
        weights: of the classes, float32 (classes,).
        epochs: of the whole training.
        seed: of weights and draws.
        folder: of the checkpoint.

    Returns:
        ``keras.Model`` with the averaged weights.
    """
    import keras

    keras.utils.set_random_seed(seed)
    batches = _Batches(sources, seed)
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / 10, max(1, steps - steps // 10), warmup_target=RATE, warmup_steps=max(1, steps // 10), alpha=0.01
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=2e-3, clipnorm=1.0, use_ema=True, ema_momentum=1 - min(0.1, 10 / steps)
    )
    model = build()
    model.compile(optimizer, Loss(weights))
    callbacks: list[Any] = [_Told(epochs)]
    if folder is not None:
        callbacks.append(keras.callbacks.BackupAndRestore(str(folder), delete_checkpoint=False))
    model.fit(batches.dataset(), epochs=epochs, steps_per_epoch=len(batches), callbacks=callbacks, verbose=0)
    return model


class _Batches:
    """Batches of one epoch after the other."""

    def __init__(self, sources: Sequence[Source], seed: int) -> None:
        self._sources, self._rng = sources, np.random.default_rng(seed)
        self._count = len(make_batches(sources, BATCH, np.random.default_rng(seed)))

    def __len__(self) -> int:
        return self._count

    def dataset(self) -> Any:
        """The batches without end, as TensorFlow takes them: of any size."""
        import tensorflow as tf

        specs = [tf.TensorSpec((None, None, None, count), tf.float32) for count in (*FEATURES, len(CLASSES))]
        return tf.data.Dataset.from_generator(self._draw, output_signature=(tuple(specs[:-1]), specs[-1]))

    def _draw(self) -> Any:
        while True:
            for batch in make_batches(self._sources, BATCH, self._rng)[: self._count]:
                features, targets = stack(batch)
                yield tuple(features), targets["shares"]


class Loss:
    """Cross entropy of the shares of the cells, and of a subject's class where it is known to be absent.

    Args:
        weights: of the classes, float32 (classes,).
    """

    def __init__(self, weights: NDArray[np.float32]) -> None:
        self.weights, self.name = weights, "cross_entropy"

    def __call__(self, shares: Any, logits: Any, sample_weight: Any = None) -> Any:
        """Computes the mean loss (a number) of shares and logits, both (n, rows, cols, classes)."""
        from keras import ops

        present, absent = ops.relu(shares), ops.relu(-shares)
        log_chance = ops.log_softmax(logits, -1)
        log_other = ops.log(ops.maximum(1.0 - ops.exp(log_chance), 1e-4))
        cells = ops.sum(self.weights * present * log_chance + absent * log_other, -1)
        return -ops.sum(cells) / ops.maximum(ops.sum(present + absent), 1.0)


def _Told(epochs: int) -> Any:  # noqa: N802
    import keras

    def say(epoch: int, logs: Any) -> None:
        if (epoch + 1) % max(1, epochs // 20) == 0 or epoch + 1 == epochs:
            print(f"  epoch {epoch + 1}/{epochs}: loss {logs['loss']:.4f}", flush=True)

    return keras.callbacks.LambdaCallback(on_epoch_end=say)


# ---- figures -------------------------------------------------------------------------------------------------------


def confusion(
    model: Any, backbone: Backbone, pictures: Sequence[Labelled], quality: int | None = None
) -> NDArray[np.float64]:
    """Counts cells by their class, as the masks say and as the network says.

    A cell counts where more than half of it is of one class.

    Args:
        model: of the head.
        backbone: gives the features.
        pictures: with masks.
        quality: of Pillow's JPEG file that the network sees; None for the picture as it is.

    Returns:
        float64 (classes, classes).
    """
    counts = np.zeros((len(CLASSES), len(CLASSES)))
    images = [item.rgb if quality is None else _coded(item.rgb, quality) for item in pictures]
    for item, levels in zip(pictures, _features(backbone, images), strict=True):
        found = model([level[None].astype(np.float32) for level in levels], training=False).numpy()[0].argmax(-1)
        truth = shares(item, found.shape).astype(np.float32)
        known = truth.max(-1) > 0.5
        np.add.at(counts, (truth.argmax(-1)[known], found[known]), 1)
    return counts


def _coded(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    out = BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def print_figures(counts: dict[str, NDArray[np.float64]]) -> None:
    """Prints accuracy, mean and intersections over union of the classes that are there, in percent."""
    print("| pictures | accuracy | mIoU |", *(f" {name} |" for name in CLASSES), sep="")
    print("|---|" + "---:|" * (2 + len(CLASSES)))
    for name, matrix in counts.items():
        with np.errstate(invalid="ignore"):
            union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
            overlap = np.where(matrix.sum(1) > 0, np.diag(matrix) / union, np.nan)
        cells = (" |" if math.isnan(value) else f" {100 * value:.1f} |" for value in overlap)
        accuracy = 100 * np.trace(matrix) / matrix.sum()
        print(f"| {name} | {accuracy:.1f} | {100 * np.nanmean(overlap):.1f} |", *cells, sep="")


# ---- command line --------------------------------------------------------------------------------------------------


def main() -> None:
    """Trains, writes the weights, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--cache", type=Path, help="folder of the features and the checkpoint")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--count", type=int, help="about how many pictures of each origin, to try the script")
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    backbone = Backbone(LONG_SIDE)
    pictures = read_labelled(args.data, args.count)
    sources, all_items = [], []
    for number, (name, (count, share)) in enumerate(_DRAWN.items()):

        def make(name: str = name, count: int = count, seed: int = args.seed + number) -> list[Item]:
            return make_items(backbone, pictures[name], count, seed)

        items = cached(args.cache, f"segmentation-{name}-{args.seed}-{args.count}", make)
        sources.append(Source(items, share))
        all_items += items
    folder = args.cache / "segment" if args.cache else None
    model = train(sources, class_weights(all_items), args.epochs, args.seed, folder)
    arrays = {key: array.astype(np.float16) for key, array in network.get_arrays(model).items()}
    network.set_arrays(model, arrays)
    data = pack(WeightsFile(arrays))
    write(str(args.out.absolute()), data)
    print(f"{args.out}: {len(data)} bytes, sha256 {sha256(data).hexdigest()}")
    held_back = read_held_back(args.data, args.seed)
    counts = {}
    for quality in (None, QUALITY):
        for name, some in held_back.items():
            kept = some[:: max(1, len(some) // args.count) if args.count else 1]
            counts[name if quality is None else f"{name}, quality {quality}"] = confusion(
                model, backbone, kept, quality
            )
    print_figures(counts)


if __name__ == "__main__":
    main()
