#!/usr/bin/env python3
"""Quantize the network of the preset ``gaze`` to 8-bit integers, for LiteRT.

Writes the ``.tflite`` file that the preset names under ``quantized``: from RGB int8 (n, h, w, 3), samples minus 128, to
the maps of the head, float32. The ranges of activations are those in a few photographs of COCO and Caltech-101, which
the head was trained with. ::

    python scripts/quantize_network.py DATA OUT.tflite [--count 16] [--seed 0]

Then it prints how far the maps of 68 pictures that the ranges do not come from (OSIE's validation part, and every 24th
of DUTS) lie from those of the network in floating point. :mod:`saliency_data` says what DATA holds.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import saliency_data as data
from numpy.typing import NDArray

from saliency_jpeg.saliency import SaliencyModel
from saliency_jpeg.saliency.grid import input_size, resize
from saliency_jpeg.saliency.network import STRIDE
from saliency_jpeg.saliency.presets import Preset, find
from saliency_jpeg.saliency.tensorflow_runtime import Runner

_LEVEL: Final = 5 / 255  # of a map while it is a grid
_BLACK: Final = 127  # sample that the network takes for 0; 128 samples are 1


def quantize(runner: Runner, preset: Preset, pictures: list[NDArray[np.uint8]]) -> bytes:
    """Converts the network of a runner; the ranges of its activations are those in the pictures."""
    tf = runner.tensorflow
    module = _module(runner)

    def samples() -> Iterator[dict[str, Any]]:
        levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(4, 0).repeat(4, 1).repeat(3, 2)
        for rgb in (levels, *pictures):  # the first has every sample, so that the input's step is that of the samples
            size = input_size(rgb.shape[0], rgb.shape[1], preset.long_side, STRIDE, margin=preset.margin)
            yield {"rgb": (resize(rgb, size)[None].astype(np.float32) - _BLACK) / 128}

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.compute)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.inference_input_type = tf.int8
        network: bytes = converter.convert()
    return network


def _module(runner: Runner) -> Any:
    """Returns a ``tf.Module`` that computes the head's maps of scaled samples."""
    import keras

    tf, head = runner.tensorflow, runner.head_model
    backbone = keras.Model(runner.backbone.get_layer("scale").output, runner.backbone.outputs)
    module = tf.Module()
    module.variables_used = [variable.value for model in (backbone, head) for variable in model.weights]
    signature = [tf.TensorSpec((None, None, None, 3), tf.float32, name="rgb")]

    def compute(rgb: Any) -> dict[str, Any]:
        return {"maps": head(backbone(rgb, training=False), training=False)}

    module.compute = tf.function(compute, input_signature=signature, autograph=False)
    return module


def report(preset: Preset, network: bytes, reference: SaliencyModel, pictures: list[NDArray[np.uint8]]) -> None:
    """Prints how far the maps of quantized and floating-point network are apart."""
    quantized = SaliencyModel.from_preset(preset.name, device="cpu")
    quantized._quantized = network
    make: list[Callable[[Any], Any]] = [quantized.lazy_map, reference.lazy_map]
    grids = [[one(rgb).source.values.astype(int).ravel() for rgb in pictures] for one in make]
    apart = np.abs(np.concatenate(grids[0]) - np.concatenate(grids[1])) / 255
    shares = [float((apart < levels * _LEVEL + 0.001).mean()) for levels in (0, 1, 2)]
    print(f"{len(network)} bytes; cells of {len(pictures)} maps: equal {shares[0]:.2%}, to one level {shares[1]:.2%},")
    print(f"to two {shares[2]:.2%}; mean difference {apart.mean():.4f}")


def main() -> None:
    """Writes the file and prints what it changes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--count", type=int, default=16, help="photographs that give the ranges (16)")
    parser.add_argument("--seed", type=int, default=0, help="draws them (0)")
    arguments = parser.parse_args()
    folder, preset = arguments.data, find("gaze")
    paths = sorted([*(folder / "coco128/images/train").glob("*.jpg"), *(folder / "caltech101").glob("*/*0.jpg")])
    random.Random(arguments.seed).shuffle(paths)
    reference = SaliencyModel.from_preset(preset.name, device="cpu")
    runner = reference._load_runner()
    assert isinstance(runner, Runner)
    network = quantize(runner, preset, [data.read(path) for path in paths[: arguments.count]])
    arguments.out.write_bytes(network)
    held_out = data.split(sorted((folder / "osie/images").glob("*.jpg")), *data.OSIE_SPLIT)[1]
    held_out += sorted((folder / "duts_classes/images").glob("*/*.jpg"))[::24]
    report(preset, network, reference, [data.read(path) for path in held_out])


if __name__ == "__main__":
    main()
