"""One Keras model on several backends and devices: the same maps after rounding."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from processes import python

from saliency_jpeg.saliency import SaliencyModel, presets
from saliency_jpeg.saliency.evidence import readings
from saliency_jpeg.saliency.grid import resize
from saliency_jpeg.saliency.lazy_map import Cells
from saliency_jpeg.saliency.maps import saliency_grid
from saliency_jpeg.saliency.mirroring import join_views, views
from saliency_jpeg.saliency.tensorflow_runtime import has_gpu

LEVEL = 5
PROGRAM = """
import sys
import keras
import numpy as np
from saliency_jpeg.saliency import network, presets

preset = presets.find("gaze")
backbone = network.load(preset.architecture, presets.read_arrays(preset), features=True, half=True)
head = preset.head.network.build([level.shape[-1] for level in backbone.outputs[:3]])
network.set_arrays(head, presets.read_head(preset))
rgb = np.load(sys.argv[1]).astype(np.float32)
np.save(sys.argv[2], keras.ops.convert_to_numpy(head(backbone(rgb, training=False), training=False)))
print(keras.config.backend(), "tensorflow" in sys.modules)
"""


def grid_of(model: SaliencyModel, rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    source = model.lazy_map(rgb).source
    assert isinstance(source, Cells)
    return source.values.astype(np.int64)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(("backend", "package"), [("torch", "torch"), ("jax", "jax")])
def test_a_backend_gives_the_map_of_tensorflow(
    backend: str, package: str, photo: NDArray[np.uint8], tmp_path: Path
) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    model = SaliencyModel.from_preset("gaze", device="cpu")
    model._preset = replace(model._preset, mirror="both")
    seen = views([photo], "both")
    np.save(tmp_path / "rgb.npy", [resize(photo, (257, 385), mirrored=view.is_mirrored) for view in seen])
    arguments = ("-c", PROGRAM, str(tmp_path / "rgb.npy"), str(tmp_path / "maps.npy"))
    assert python(*arguments, KERAS_BACKEND=backend).split()[0] == backend
    reading = readings(presets.find("gaze"))["learned"]
    maps = join_views(np.load(tmp_path / "maps.npy"), seen, 1)[0]
    evidence = reading.to_evidence(maps, model.options)
    apart = np.abs(saliency_grid(evidence, model.options).astype(np.int64) - grid_of(model, photo))
    assert np.mean(apart == 0) > 0.99
    assert apart.max() <= LEVEL


@pytest.mark.slow
@pytest.mark.tensorflow
def test_a_gpu_gives_the_map_of_the_processor(photo: NDArray[np.uint8]) -> None:
    if not has_gpu():
        pytest.skip("TensorFlow finds no GPU")
    found: list[Any] = [grid_of(SaliencyModel.from_preset("gaze", device=device), photo) for device in ("gpu", "cpu")]
    apart = np.abs(found[0] - found[1])
    assert np.mean(apart == 0) > 0.99
    assert apart.max() <= LEVEL


@pytest.mark.tensorflow
def test_integers_give_about_the_map_of_floats(photo: NDArray[np.uint8]) -> None:
    pytest.importorskip("ai_edge_litert")
    quantized, exact = (grid_of(SaliencyModel.from_preset("gaze", device=device), photo) for device in (None, "cpu"))
    apart = np.abs(quantized - exact)
    assert apart.any()
    assert np.mean(apart <= LEVEL) > 0.93
    assert np.mean(apart) < 0.01 * 255
