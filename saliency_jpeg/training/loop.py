"""The training loop: features of images from the frozen backbone, computed once, and the steps that fit a head."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..saliency import network, presets
from ..saliency.grid import group_equal, input_size
from ..saliency.heads import Head
from ..saliency.tensorflow_runtime import load_tensorflow

__all__ = [
    "CHANNELS",
    "Backbone",
    "Features",
    "Item",
    "Source",
    "chunks",
    "fit",
    "make_batches",
    "mean_loss",
    "stack",
]

#: Features of an image at strides 8, 16 and 32, float16 (rows, cols, channels), and the sum of the positive class
#: activations at stride 32.
Features = list[NDArray[np.float16]]
#: Channels of the features.
CHANNELS: Final = (40, 112, 1280, 1)
_SMOOTHING: Final = 0.995  # of the running mean of the weights, which is what the model holds in the end
_REMEMBERED: Final = 10  # the mean goes over at most a tenth of the steps, so that short runs forget the start


class Item(NamedTuple):
    """One training example.

    Attributes:
        features: of the image.
        targets: by the names in :attr:`.Head.targets`, without the axis of the batch.
    """

    features: Features
    targets: Mapping[str, NDArray[Any]]


class Source(NamedTuple):
    """Training examples of one origin.

    Attributes:
        items: the examples.
        share: the share of them that each epoch draws.
    """

    items: Sequence[Item]
    share: float


class Backbone:
    """The frozen backbone of a preset as a function from images to features; loads TensorFlow.

    Args:
        long_side: longer side of its input, a multiple of 32.
        preset: name of the preset whose weights it has.
    """

    def __init__(self, long_side: int, preset: str = "cam") -> None:
        self._tensorflow = tf = load_tensorflow()
        self.long_side, base = long_side, presets.find(preset)
        model: Any = network.load(base.architecture, presets.read_arrays(base), features=True)

        def features(rgb: Any) -> Any:
            *levels, classes = model(tf.cast(rgb, tf.float32), training=False)
            evidence = tf.reduce_sum(tf.nn.relu(classes), axis=-1, keepdims=True)
            return [tf.cast(level, tf.float16) for level in (*levels, evidence)]

        function = tf.function(features, autograph=False, jit_compile=False)
        self._function = function.get_concrete_function(tf.TensorSpec((None, None, None, 3), tf.uint8))

    def size(self, rgb: NDArray[np.uint8], least: int = 33) -> tuple[int, int]:
        """Returns the size of the network's input for an image.

        Args:
            rgb: the image, (H, W) or (H, W, 3).
            least: shortest side; more gives fewer sizes, hence larger batches.

        Returns:
            (height, width), multiples of 32 plus 1.
        """
        rows, cols = input_size(rgb.shape[0], rgb.shape[1], self.long_side, network.STRIDE, margin=1)
        return max(rows, least), max(cols, least)

    def __call__(self, images: Sequence[NDArray[np.uint8]], batch: int = 8) -> list[Features]:
        """Computes the features of images.

        Args:
            images: uint8 (h, w, 3), any sides of 32 n + 1 pixels.
            batch: most images that go through the network at once.

        Returns:
            The features of each image, in order.
        """
        results: dict[int, Features] = {}
        for indices in group_equal(image.shape for image in images):
            for chunk in chunks(indices, batch):
                pixels = self._tensorflow.constant(np.stack([images[i] for i in chunk]))
                levels = [level.numpy() for level in self._function(pixels)]
                results |= {i: [level[k].copy() for level in levels] for k, i in enumerate(chunk)}
        return [results[i] for i in range(len(images))]


def chunks(values: list[Any], length: int) -> Iterator[list[Any]]:
    """Yields parts of a list, in order.

    Args:
        values: the list.
        length: of the parts; the last may be shorter.
    """
    for start in range(0, len(values), length):
        yield values[start : start + length]


def make_batches(sources: Sequence[Source], length: int, rng: np.random.Generator) -> list[list[Item]]:
    """Draws the batches of one epoch, in random order; a batch holds items of one shape.

    Args:
        sources: what to draw from.
        length: most items of a batch.
        rng: draws items and order.
    """
    drawn = [s.items[i] for s in sources for i in rng.permutation(len(s.items))[: round(s.share * len(s.items))]]
    mixed = [drawn[i] for i in rng.permutation(len(drawn))]
    parts: list[list[Item]] = []
    for indices in group_equal(item.features[0].shape for item in mixed):
        parts += chunks([mixed[i] for i in indices], length)
    return [parts[i] for i in rng.permutation(len(parts))]


def stack(batch: list[Item]) -> tuple[list[NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """Returns the features and targets of a batch as arrays, float32 (n, ...)."""
    features = [np.stack(level).astype(np.float32) for level in zip(*(i.features for i in batch), strict=True)]
    targets = {name: np.stack([i.targets[name] for i in batch]).astype(np.float32) for name in batch[0].targets}
    return features, targets


def fit(
    model: Any,
    head: Head,
    sources: Sequence[Source],
    *,
    epochs: int,
    rates: tuple[float, float] = (1.5e-3, 1e-4),
    batch: int = 16,
    seed: int = 0,
    on_epoch: Callable[[int, int, NDArray[np.float32]], None] = lambda *_: None,
    on_means: Callable[[int], None] | None = None,
) -> None:
    """Fits a head with AdamW and a cosine schedule; at the end the model holds the running mean of its weights.

    Args:
        model: ``keras.Model`` from ``head.build``.
        head: gives the losses and says which variables are pretrained.
        sources: what to train on.
        epochs: how often the sources are drawn from.
        rates: learning rates of new and of pretrained variables; variables with a rate of 0 stay as they are.
        batch: items per step.
        seed: of the order of the items.
        on_epoch: called after each epoch with its number, the number of epochs and the mean of each loss.
        on_means: called before that with the number, while the model holds the running mean of its weights.
    """
    tf = load_tensorflow()
    rng = np.random.default_rng(seed)
    steps = epochs * len(make_batches(sources, batch, np.random.default_rng(seed)))
    descent = _Descent(model, head, rates, steps)
    features = [tf.TensorSpec((None, None, None, n), tf.float32) for n in CHANNELS]
    targets = {name: tf.TensorSpec((None,) * axes, tf.float32) for name, axes in head.targets.items()}
    step = tf.function(descent.update, autograph=False, jit_compile=False).get_concrete_function(features, targets)
    for epoch in range(epochs):
        arrays = map(stack, make_batches(sources, batch, rng))
        parts = [step(*tf.nest.map_structure(tf.constant, pair)).numpy() for pair in arrays]
        if on_means is not None:
            with descent.settled():
                on_means(epoch + 1)
        on_epoch(epoch + 1, epochs, np.mean(parts, axis=0))
    descent.settle()


def mean_loss(model: Any, head: Head, items: Sequence[Item], batch: int = 16) -> float:
    """Returns the loss of a head on examples, without dropout, the mean over the examples.

    Args:
        model: ``keras.Model`` from ``head.build``.
        head: gives the losses.
        items: examples.
        batch: most items at a time.
    """
    tf, total = load_tensorflow(), 0.0
    for part in make_batches([Source(items, 1.0)], batch, np.random.default_rng(0)):
        features, targets = tf.nest.map_structure(tf.constant, stack(part))
        total += len(part) * float(sum(head.losses(model(features, training=False), targets)))
    return total / len(items)


class _Descent:
    """Steps of the optimizers, and the running mean of the weights."""

    def __init__(self, model: Any, head: Head, rates: tuple[float, float], steps: int) -> None:
        self.tensorflow: Any = load_tensorflow()
        self.model, self.head = model, head
        parts: tuple[list[Any], list[Any]] = [], []
        for variable in model.trainable_variables:
            parts[head.is_pretrained(variable)].append(variable)
        self.parts = [(_optimizer(v, rate, steps), v) for v, rate in zip(parts, rates, strict=True) if v and rate]
        self.variables = [variable for _, variables in self.parts for variable in variables]
        self.means = [self.tensorflow.Variable(v) for v in self.variables]
        self.kept = min(_SMOOTHING, max(0.0, 1 - _REMEMBERED / steps))

    def update(self, features: Any, targets: Any) -> Any:
        """Takes one step; returns the losses as a tensor."""
        with self.tensorflow.GradientTape() as tape:
            losses = self.head.losses(self.model(features, training=True), targets)
            total = self.tensorflow.add_n(losses)
        gradients = iter(tape.gradient(total, self.variables))
        for optimizer, variables in self.parts:
            optimizer.apply([next(gradients) for _ in variables], variables)
        for mean, value in zip(self.means, self.variables, strict=True):
            mean.assign(mean * self.kept + value * (1 - self.kept))
        return self.tensorflow.stack(losses)

    @contextlib.contextmanager
    def settled(self) -> Iterator[None]:
        """Puts the means into the model for a while."""
        values = [variable.numpy() for variable in self.variables]
        self.settle()
        try:
            yield
        finally:
            for variable, value in zip(self.variables, values, strict=True):
                variable.assign(value)

    def settle(self) -> None:
        """Puts the means into the model."""
        for mean, value in zip(self.means, self.variables, strict=True):
            value.assign(mean)


def _optimizer(variables: Any, rate: float, steps: int) -> Any:
    import keras

    warmup = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(rate / 10, steps, warmup_target=rate, warmup_steps=warmup)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0)
    optimizer.build(variables)
    return optimizer
