"""What the training scripts share: features of the frozen backbone, made once, and the loop that fits a head."""

from __future__ import annotations

import pickle
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from saliency_data import Bytes

from saliency_jpeg.saliency import network, presets
from saliency_jpeg.saliency.grid import input_size

Features = list[NDArray[np.float16]]
CHANNELS: Final = (
    40,
    112,
    1280,
    1,
)  # of the features: strides 8, 16, 32, and the sum of the positive class activations
_SMOOTHING: Final = 0.995  # of the running mean of the weights, which is what the script keeps


class Item(NamedTuple):
    """Features of one picture and its targets, of whatever kind the loss takes."""

    features: Features
    targets: tuple[NDArray[Any], ...]


class Source(NamedTuple):
    """Items and the share of them that each epoch draws."""

    items: Sequence[Item]
    share: float


class Backbone:
    """The frozen network, as features."""

    def __init__(self, long_side: int) -> None:
        import tensorflow as tf

        self.long_side = long_side
        model: Any = network.build(network.Architecture(), folded=True, features=True)
        network.set_arrays(model, network.fold(presets.read_arrays(presets.find("cam"))))

        def features(rgb: Any) -> Any:
            *levels, classes = model(tf.cast(rgb, tf.float32), training=False)
            evidence = tf.reduce_sum(tf.nn.relu(classes), axis=-1, keepdims=True)
            return [tf.cast(level, tf.float16) for level in (*levels, evidence)]

        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
        self._function = tf.function(features, input_signature=signature, jit_compile=False)

    def size(self, rgb: Bytes, least: int = 33) -> tuple[int, int]:
        """Size of the network's input for an image; ``least`` keeps the sides of training pictures few and large."""
        rows, cols = input_size(rgb.shape[0], rgb.shape[1], self.long_side, network.STRIDE, margin=1)
        return max(rows, least), max(cols, least)

    def __call__(self, images: Sequence[Bytes], batch: int = 8) -> list[Features]:
        """Features of images of any sizes 32 n + 1, in their order."""
        found: dict[int, Features] = {}
        for places in by_shape(images, lambda image: image.shape):
            for chunk in chunks(places, batch):
                levels = [level.numpy() for level in self._function(np.stack([images[i] for i in chunk]))]
                found |= {i: [level[k].copy() for level in levels] for k, i in enumerate(chunk)}
        return [found[i] for i in range(len(images))]


def by_shape(values: Sequence[Any], shape: Callable[[Any], Any]) -> Iterator[list[int]]:
    """Places of the values of each shape."""
    places = defaultdict(list)
    for i, value in enumerate(values):
        places[shape(value)].append(i)
    yield from places.values()


def chunks(values: list[Any], length: int) -> Iterator[list[Any]]:
    """Parts of a list, in order."""
    for start in range(0, len(values), length):
        yield values[start : start + length]


def cached(folder: Path | None, name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, kept as a file in a folder of the caller's choice."""
    path = None if folder is None else folder / f"{name}.pickle"
    if path is not None and path.exists():
        return pickle.loads(path.read_bytes())
    start = time.perf_counter()
    value = make()
    print(f"  {name}: {len(value)} in {time.perf_counter() - start:.0f} s", flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(value, protocol=5))
    return value


def batches(sources: Sequence[Source], length: int, rng: np.random.Generator) -> list[list[Item]]:
    """One epoch, in random order; a batch holds items of one shape."""
    drawn = [s.items[i] for s in sources for i in rng.permutation(len(s.items))[: round(s.share * len(s.items))]]
    mixed = [drawn[i] for i in rng.permutation(len(drawn))]
    parts: list[list[Item]] = []
    for places in by_shape(mixed, lambda item: item.features[0].shape):
        parts += chunks([mixed[i] for i in places], length)
    return [parts[i] for i in rng.permutation(len(parts))]


def stacked(batch: list[Item]) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Features and targets of a batch as arrays."""
    features = [np.stack(level).astype(np.float32) for level in zip(*(i.features for i in batch), strict=True)]
    targets = [np.stack(t).astype(np.float32) for t in zip(*(i.targets for i in batch), strict=True)]
    return features, targets


def fit(
    model: Any,
    sources: Sequence[Source],
    loss: Callable[..., Any],
    ranks: Sequence[int],
    *,
    epochs: int,
    rate: float = 1.5e-3,
    batch: int = 16,
    seed: int = 0,
) -> None:
    """Fit a head; at the end it holds the running mean of its weights.

    Args:
        model: from the features at strides 8, 16 and 32 and class evidence to whatever the loss takes.
        sources: what to train on.
        loss: (output, *targets) to a list of scalars, whose sum is minimized and which are printed.
        ranks: numbers of axes of the targets, batch included.
        epochs, rate, batch, seed: of AdamW with a cosine schedule.
    """
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    steps = epochs * len(batches(sources, batch, np.random.default_rng(seed)))
    schedule = keras.optimizers.schedules.CosineDecay(rate / 10, steps, warmup_target=rate, warmup_steps=steps // 10)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    means = [tf.Variable(v) for v in model.trainable_variables]
    inputs = [tf.TensorSpec((None, None, None, n), tf.float32) for n in CHANNELS]

    def update(features: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            parts = loss(model(features, training=True), *targets)
            total = tf.add_n(parts)
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        for mean, value in zip(means, model.trainable_variables, strict=True):
            mean.assign(mean * _SMOOTHING + value * (1 - _SMOOTHING))
        return tf.stack(parts)

    signature = [inputs, [tf.TensorSpec((None,) * n, tf.float32) for n in ranks]]
    step = tf.function(update, input_signature=signature, jit_compile=False)
    start = time.perf_counter()
    for epoch in range(epochs):
        parts = [step(*stacked(b)).numpy() for b in batches(sources, batch, rng)]
        printed = " ".join(f"{part:.4f}" for part in np.mean(parts, axis=0))
        print(f"  epoch {epoch + 1}/{epochs}: {printed}, {time.perf_counter() - start:.0f} s", flush=True)
    for mean, value in zip(means, model.trainable_variables, strict=True):
        value.assign(mean)


def outputs(model: Any, items: Sequence[Item]) -> list[NDArray[np.float32]]:
    """The head's output for each item."""
    import tensorflow as tf

    signature = [[tf.TensorSpec((None, None, None, n), tf.float32) for n in CHANNELS]]
    run = tf.function(lambda levels: model(levels, training=False), input_signature=signature, jit_compile=False)
    return [run([level[None].astype(np.float32) for level in item.features]).numpy()[0] for item in items]
