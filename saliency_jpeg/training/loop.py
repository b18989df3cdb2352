"""Fitting a head on the frozen backbone: features of pictures, made once, the losses of gaze and objects, the loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..saliency import heads, network, presets
from ..saliency.grid import input_size
from ..saliency.tensorflow_runtime import load_tensorflow

__all__ = [
    "CHANNELS",
    "Backbone",
    "Features",
    "Item",
    "Source",
    "batches",
    "by_shape",
    "chunks",
    "fit",
    "losses",
    "stacked",
]

Features = list[NDArray[np.float16]]
#: Of the features: strides 8, 16, 32, and the sum of the positive class activations.
CHANNELS: Final = (40, 112, 1280, 1)
_SMOOTHING: Final = 0.995  # of the running mean of the weights, which is what is kept
_REMEMBERED: Final = 10  # short runs: it remembers a tenth of the steps


class Item(NamedTuple):
    """Features of one picture and its targets, of whatever kind the loss takes."""

    features: Features
    targets: tuple[NDArray[Any], ...]


class Source(NamedTuple):
    """Items and the share of them that each epoch draws."""

    items: Sequence[Item]
    share: float


class Backbone:
    """The frozen network of a preset, as features of images; loads TensorFlow.

    Args:
        long_side: the longer side of its input, a multiple of 32.
        preset: whose weights; all presets share them so far.
    """

    def __init__(self, long_side: int, preset: str = "cam") -> None:
        self._tensorflow = tf = load_tensorflow()
        self.long_side, found = long_side, presets.find(preset)
        architecture = network.Architecture(**found.architecture)  # type: ignore[arg-type]
        model: Any = network.build(architecture, folded=True, features=True)
        network.set_arrays(model, network.fold(presets.read_arrays(found)))

        def features(rgb: Any) -> Any:
            *levels, classes = model(tf.cast(rgb, tf.float32), training=False)
            evidence = tf.reduce_sum(tf.nn.relu(classes), axis=-1, keepdims=True)
            return [tf.cast(level, tf.float16) for level in (*levels, evidence)]

        function = tf.function(features, autograph=False, jit_compile=False)
        self._function = function.get_concrete_function(tf.TensorSpec((None, None, None, 3), tf.uint8))

    def size(self, rgb: NDArray[np.uint8], least: int = 33) -> tuple[int, int]:
        """Size of the network's input for an image; ``least`` keeps the sides of training pictures few and large."""
        rows, cols = input_size(rgb.shape[0], rgb.shape[1], self.long_side, network.STRIDE, margin=1)
        return max(rows, least), max(cols, least)

    def __call__(self, images: Sequence[NDArray[np.uint8]], batch: int = 8) -> list[Features]:
        """Features of images of any sizes 32 n + 1, in their order."""
        found: dict[int, Features] = {}
        for places in by_shape(images, lambda image: image.shape):
            for chunk in chunks(places, batch):
                pixels = self._tensorflow.constant(np.stack([images[i] for i in chunk]))
                levels = [level.numpy() for level in self._function(pixels)]
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
    rates: tuple[float, float] = (1.5e-3, 1e-4),
    batch: int = 16,
    seed: int = 0,
    told: Callable[[int, int, NDArray[np.float32]], None] = lambda *_: None,
) -> None:
    """Fit a head; at the end it holds the running mean of its weights.

    Args:
        model: from the features at strides 8, 16 and 32 and class evidence to whatever the loss takes.
        sources: what to train on.
        loss: (output, *targets) to a list of scalars, whose sum is minimized.
        ranks: numbers of axes of the targets, batch included.
        epochs, rates, batch, seed: of AdamW with a cosine schedule, for the head proper and for its tail, which stays
            as it is at 0; the seed is that of the order.
        told: called after each epoch with its number, that of all and the mean of the losses.
    """
    tf = load_tensorflow()
    rng = np.random.default_rng(seed)
    descent = _Descent(model, loss, rates, epochs * len(batches(sources, batch, np.random.default_rng(seed))))
    signature = [[tf.TensorSpec((None, None, None, n), tf.float32) for n in CHANNELS]]
    signature.append([tf.TensorSpec((None,) * n, tf.float32) for n in ranks])
    step = tf.function(descent.update, autograph=False, jit_compile=False).get_concrete_function(*signature)
    for epoch in range(epochs):
        parts = [step(*tf.nest.map_structure(tf.constant, stacked(b))).numpy() for b in batches(sources, batch, rng)]
        told(epoch + 1, epochs, np.mean(parts, axis=0))
    descent.settle()


class _Descent:
    """Steps of the optimizers, and the running mean of the weights."""

    def __init__(self, model: Any, loss: Callable[..., Any], rates: tuple[float, float], steps: int) -> None:
        self.tensorflow: Any = load_tensorflow()
        self.model, self.loss = model, loss
        parts: tuple[list[Any], list[Any]] = [], []
        for variable in model.trainable_variables:
            parts[heads.is_of_tail(variable)].append(variable)
        self.parts = [(_optimizer(v, rate, steps), v) for v, rate in zip(parts, rates, strict=True) if v and rate]
        self.variables = [variable for _, variables in self.parts for variable in variables]
        self.means = [self.tensorflow.Variable(v) for v in self.variables]
        self.kept = min(_SMOOTHING, max(0.0, 1 - _REMEMBERED / steps))

    def update(self, features: Any, targets: Any) -> Any:
        """One step; the losses as a tensor."""
        with self.tensorflow.GradientTape() as tape:
            losses = self.loss(self.model(features, training=True), *targets)
            total = self.tensorflow.add_n(losses)
        gradients = iter(tape.gradient(total, self.variables))
        for optimizer, variables in self.parts:
            optimizer.apply([next(gradients) for _ in variables], variables)
        for mean, value in zip(self.means, self.variables, strict=True):
            mean.assign(mean * self.kept + value * (1 - self.kept))
        return self.tensorflow.stack(losses)

    def settle(self) -> None:
        """Puts the means in the model."""
        for mean, value in zip(self.means, self.variables, strict=True):
            value.assign(mean)


def _optimizer(variables: Any, rate: float, steps: int) -> Any:
    import keras

    warmup = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(rate / 10, steps, warmup_target=rate, warmup_steps=warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0)
    optimizer.build(variables)
    return optimizer


# Losses --------------------------------------------------------------------------------------------------------------


def losses(logits: Any, objects: Any, gaze: Any, faces: Any) -> list[Any]:
    """Cross entropy and overlap of objects and faces where they are known; divergence and correlation of the gaze."""
    return [
        *object_losses(logits[..., 1], objects),
        *gaze_losses(logits[..., 0], gaze),
        *object_losses(logits[..., 2], faces),
    ]


def object_losses(logits: Any, objects: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    known = tf.cast(tf.math.is_finite(objects), tf.float32)
    truth = tf.where(known > 0, objects, 0.0)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(truth * 0.98 + 0.01, logits) * known
    mean = tf.reduce_sum(entropy, [1, 2]) / tf.maximum(tf.reduce_sum(known, [1, 2]), 1.0)
    chance = tf.sigmoid(logits) * known
    both = tf.reduce_sum(chance * truth, [1, 2])
    either = tf.reduce_sum(chance + truth - chance * truth, [1, 2])
    inside, outside = tf.reduce_sum(truth, [1, 2]), tf.reduce_sum(known - truth, [1, 2])
    counts = tf.cast((inside > 1) & (outside > 1), tf.float32)
    return tf.reduce_mean(mean), 0.5 * tf.reduce_mean(counts * (1 - both / (either + 1e-3)))


def gaze_losses(logits: Any, gaze: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    fixated = tf.cast(tf.reduce_max(gaze, [1, 2]) > 0, tf.float32)
    truth = gaze / (tf.reduce_sum(gaze, [1, 2], keepdims=True) + 1e-6)
    shape = tf.shape(logits)
    logs = tf.reshape(tf.nn.log_softmax(tf.reshape(logits, (shape[0], -1))), shape)
    divergence = tf.reduce_sum(truth * (tf.math.log(truth + 1e-9) - logs), [1, 2])
    correlation = tf.reduce_mean(_standardized(tf.exp(logs)) * _standardized(truth), [1, 2])
    return tf.reduce_mean(fixated * divergence), 0.5 * tf.reduce_mean(fixated * (1 - correlation))


def _standardized(values: Any) -> Any:
    import tensorflow as tf

    centred = values - tf.reduce_mean(values, [1, 2], keepdims=True)
    return centred / (tf.sqrt(tf.reduce_mean(centred**2, [1, 2], keepdims=True)) + 1e-9)
