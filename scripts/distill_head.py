#!/usr/bin/env python3
"""Teach the head of the preset ``gaze`` to see in one image what it sees in an image and its mirror image together.

The head of ``scripts/train_saliency.py`` was made to be run on both: the mean of the two maps is better than either.
Here it learns that mean from one image, so that the network costs half (``"mirror": "one"`` in ``presets.json``). No
label is used. The images are those that it was trained with (OSIE's training and validation part, COCO, Caltech-101)
and windows of them, and each counts twice, as it is and mirrored. ::

    python scripts/distill_head.py DATA OUT.npz [--teacher HEAD.npz] [--epochs 2] [--seed 5]

Ten minutes on one core. :mod:`saliency_data` says what DATA holds. Run ``scripts/quantize_network.py`` next.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import saliency_data as data
from numpy.typing import NDArray

from saliency_jpeg.saliency import SaliencyModel, network, weights_file
from saliency_jpeg.saliency.grid import input_size, resize
from saliency_jpeg.saliency.network import STRIDE
from saliency_jpeg.saliency.tensorflow_runtime import Runner
from saliency_jpeg.saliency.weights_file import WeightsFile

LONG_SIDE: Final = 384
_LEAST: Final = 193  # of the sides of training pictures
_BATCH: Final = 16
_RATES: Final = (3e-4, 3e-5)  # of learning: the pyramid, its tail
_WEIGHTS: Final = (1.0, 3.0, 3.0, 0.05)  # of the losses: gaze, objects, faces, squared logits
_KEPT: Final = 0.98  # of the running mean of the weights in each step of the second half

Half = NDArray[np.float16]


class Example(NamedTuple):
    """What the head gets of one image, and what it ought to give: float16 (rows, cols, channels) each."""

    fine: Half
    middle: Half
    evidence: NDArray[np.float32]
    maps: Half


Examples = dict[tuple[int, int], list[Example]]


def views(folder: Path, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Yields the images, and one or two windows of each."""
    chooser = random.Random(seed)
    training, validation, _ = data.split(data.osie(folder), *data.OSIE_SPLIT)
    pictures = [*training, *validation, *data.coco(folder), *data.first_of_each(data.caltech(folder), 12)]
    for picture in pictures:
        yield picture.rgb
        count = 2 if picture.rgb.shape[1] >= 600 else 1
        yield from (view.rgb for view in data.variants(picture, count, chooser, 0.5))


def teach(runner: Runner, folder: Path, seed: int) -> Examples:
    """Computes features and the mean of the maps of each image and its mirror image, by size of the input."""
    tf, backbone, head = runner.tensorflow, runner.backbone, runner.head_model

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def compute(rgb: Any) -> Any:
        pixels = tf.cast(rgb, tf.float32)
        fine, middle, coarse, classes = backbone(tf.concat([pixels, pixels[:, :, ::-1]], 0), training=False)
        evidence = tf.reduce_sum(tf.nn.relu(classes), -1, keepdims=True)
        maps, mirrored = tf.split(head([fine, middle, coarse, evidence], training=False), 2)
        mean = (maps + mirrored[:, :, ::-1]) / 2
        return fine, middle, evidence, tf.concat([mean, mean[:, :, ::-1]], 0)

    examples: Examples = defaultdict(list)
    for rgb in views(folder, seed):
        height, width = (max(n, _LEAST) for n in input_size(rgb.shape[0], rgb.shape[1], LONG_SIDE, STRIDE, margin=1))
        fine, middle, evidence, maps = (part.numpy() for part in compute(resize(rgb, (height, width))[None]))
        halves = [part.astype(np.float16) for part in (fine, middle, maps)]
        examples[height, width] += [Example(halves[0][i], halves[1][i], evidence[i], halves[2][i]) for i in (0, 1)]
    return examples


def losses(tf: Any, maps: Any, truth: Any) -> list[Any]:
    """Returns the divergence of the density of looks, the cross entropies of objects and faces, and squared errors."""
    flat = [tf.reshape(logits[..., 0], (tf.shape(logits)[0], -1)) for logits in (maps, truth)]
    logs = [tf.nn.log_softmax(logits) for logits in flat]
    divergence = tf.reduce_mean(tf.reduce_sum(tf.exp(logs[1]) * (logs[1] - logs[0]), -1))
    chances = tf.sigmoid(truth[..., 1:])
    entropies = [tf.nn.sigmoid_cross_entropy_with_logits(chances, logits[..., 1:]) for logits in (maps, truth)]
    by_output = tf.reduce_mean(entropies[0] - entropies[1], [0, 1, 2])
    return [divergence, by_output[0], by_output[1], tf.reduce_mean(tf.square(maps - truth))]


def batches(examples: Examples, chooser: random.Random) -> list[list[Example]]:
    """Returns all examples in batches of one size, in a new order."""
    made = []
    for same in examples.values():
        shuffled = chooser.sample(same, len(same))
        made += [shuffled[i : i + _BATCH] for i in range(0, len(shuffled), _BATCH)]
    return chooser.sample(made, len(made))


def fit(runner: Runner, examples: Examples, epochs: int, seed: int) -> None:
    """Trains the head of a runner, and leaves in it the running mean of its weights."""
    import keras

    tf, head, chooser = runner.tensorflow, runner.head_model, random.Random(seed)
    steps = epochs * len(batches(examples, random.Random(seed)))
    parts = [[v for v in head.trainable_variables if ("tail_" in v.path) == is_tail] for is_tail in (False, True)]
    variables, count = [*parts[0], *parts[1]], len(parts[0])
    schedules = [keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.02) for rate in _RATES]
    optimizers = [keras.optimizers.Adam(schedule) for schedule in schedules]
    for optimizer, part in zip(optimizers, parts, strict=True):
        optimizer.build(part)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(fine: Any, middle: Any, evidence: Any, truth: Any) -> Any:
        fine, middle, truth = (tf.cast(part, tf.float32) for part in (fine, middle, truth))
        unused = tf.zeros_like(tf.repeat(evidence, 1280, -1))  # the tail takes the features at stride 16 alone
        with tf.GradientTape() as tape:
            found = losses(tf, head([fine, middle, unused, evidence], training=False), truth)
            total = tf.add_n([weight * loss for weight, loss in zip(_WEIGHTS, found, strict=True)])
        gradients = tape.gradient(total, variables)
        optimizers[0].apply(gradients[:count], parts[0])
        optimizers[1].apply(gradients[count:], parts[1])
        return found

    mean, done, start = None, 0, time.perf_counter()
    for epoch in range(epochs):
        reached = []
        for batch in batches(examples, chooser):
            reached.append([float(loss) for loss in step(*map(np.stack, zip(*batch, strict=True)))])
            done += 1
            if 2 * done > steps:
                now = [variable.numpy() for variable in variables]
                mean = now if mean is None else [_KEPT * a + (1 - _KEPT) * b for a, b in zip(mean, now, strict=True)]
        printed = " ".join(f"{loss:.5f}" for loss in np.mean(reached, axis=0))
        print(f"  epoch {epoch + 1}/{epochs}: {printed}, {time.perf_counter() - start:.0f} s", flush=True)
    for variable, value in zip(variables, mean or [], strict=False):
        variable.assign(value)


def main() -> None:
    """Trains and writes the weights of the head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="weights file to write")
    parser.add_argument("--teacher", type=Path, help="weights of the head to start from (those of the preset)")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=5, help="of windows and order (5)")
    arguments = parser.parse_args()
    teacher = arguments.teacher
    made = (
        SaliencyModel.from_file(teacher, preset="gaze") if teacher else SaliencyModel.from_preset("gaze", device="cpu")
    )
    runner = made._load_runner()
    assert isinstance(runner, Runner)
    examples = teach(runner, arguments.data, arguments.seed)
    print(f"{sum(map(len, examples.values()))} examples", flush=True)
    fit(runner, examples, arguments.epochs, arguments.seed)
    arguments.out.write_bytes(weights_file.pack(WeightsFile(network.get_arrays(runner.head_model))))


if __name__ == "__main__":
    main()
