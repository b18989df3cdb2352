"""The network's layers, its weights in memory and on disk."""

# mypy: allow-untyped-defs, allow-untyped-calls
from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from marks import implies

from saliency_jpeg.errors import OptionError, PresetError
from saliency_jpeg.saliency import heads, network, presets, weights_file
from saliency_jpeg.saliency.heads.pyramid import Pyramid, fill_tail
from saliency_jpeg.saliency.weights_file import WeightsFile
from saliency_jpeg.training import loop

SMALL = network.Architecture(width=0.25, classes=7)


def _randomized(arrays):
    """Weights of which no two layers are alike: variances positive, everything else around zero."""
    rng = np.random.default_rng(3)
    return {
        key: rng.uniform(0.5, 2, a.shape) if key.endswith("_bn/3") else a + rng.normal(0, 0.2, a.shape)
        for key, a in arrays.items()
    }


@pytest.fixture(scope="module")
@implies("tensorflow")
def small():
    model = network.build(SMALL)
    network.set_arrays(model, _randomized(network.get_arrays(model)))
    return model


@pytest.mark.parametrize(
    ("size", "cells"), [((32, 32), (1, 1)), ((64, 96), (2, 3)), ((33, 65), (2, 3)), ((1, 1), (1, 1))]
)
def test_one_cell_for_every_stride_begun(small, size, cells):
    assert small(np.zeros((2, *size, 3), np.float32)).shape == (2, *cells, 7)


def test_folded_network_computes_the_same(small):
    folded = network.load(SMALL, network.get_arrays(small))
    rgb = np.random.default_rng(0).uniform(0, 255, (2, 64, 96, 3)).astype(np.float32)
    expected, got = np.asarray(small(rgb)), np.asarray(folded(rgb))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_mean_of_a_class_map_is_the_logit_of_the_classifier(small):
    import keras

    rgb = np.random.default_rng(1).uniform(0, 255, (1, 96, 64, 3)).astype(np.float32)
    features = np.asarray(keras.Model(small.input, small.get_layer("head_act").output)(rgb))
    arrays = network.get_arrays(small)
    logits = features.mean(axis=(1, 2)) @ arrays["cam/0"][0, 0] + arrays["cam/1"]
    np.testing.assert_allclose(np.asarray(small(rgb)).mean(axis=(1, 2)), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.tensorflow
def test_lite0_has_the_published_number_of_parameters():
    model = network.build(network.Architecture())
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == 4_652_008
    network.set_arrays(model, presets.read_arrays(presets.find("cam")))  # every shape fits


def test_architecture_scales_as_published():
    lite2 = network.Architecture(width=1.1, depth=1.2)
    assert [lite2.repeats(i) for i in range(7)] == [1, 3, 3, 4, 4, 5, 1]
    assert [lite2.filters(n) for n in (16, 24, 40, 80, 112, 192, 320)] == [16, 24, 48, 88, 120, 208, 352]


@pytest.mark.parametrize("field", ["width", "depth", "classes"])
def test_architecture_checks_itself(field):
    with pytest.raises(OptionError, match=r"must be positive, got -1$"):
        network.Architecture(**{field: -1})


def test_weights_that_do_not_fit_are_refused(small):
    arrays = network.get_arrays(small)
    with pytest.raises(PresetError, match="stem/0 missing or left over"):
        network.set_arrays(small, {k: v for k, v in arrays.items() if k != "stem/0"})
    with pytest.raises(PresetError, match="other/0 missing or left over"):
        network.set_arrays(small, {**arrays, "other/0": np.zeros(3)})
    with pytest.raises(PresetError, match=r"cam/1 must have shape \(7,\), got \(8,\)"):
        network.set_arrays(small, {**arrays, "cam/1": np.zeros(8)})
    with pytest.raises(PresetError, match="no array 'head_bn/2'"):
        network.fold({k: v for k, v in arrays.items() if k != "head_bn/2"})


def test_weights_file_keeps_arrays_as_halves_and_is_reproducible(tmp_path):
    arrays = {"a/0": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)}
    file = WeightsFile(arrays, np.array(["cat", "dog"]), "cam")
    path = tmp_path / "weights.npz"
    path.write_bytes(weights_file.pack(file))
    assert path.read_bytes() == weights_file.pack(file)
    back = weights_file.read(path)
    assert back.arrays["a/0"].dtype == np.float16
    np.testing.assert_allclose(back.arrays["a/0"], arrays["a/0"], atol=5e-4)
    assert back.class_names is not None
    assert back.class_names.tolist() == ["cat", "dog"]
    assert back.preset == "cam"
    assert back.arrays.keys() == {"a/0"}


def _pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{"an": "object"}], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"no archive", b"PK\x03\x04 cut", _pickled()], ids=["empty", "text", "cut", "pickle"]
)
def test_damaged_weights_file_is_one_clear_error(data):
    with pytest.raises(PresetError, match=r"mine is not a weights file .*, or damaged$"):
        weights_file.unpack(data, "mine")


@pytest.fixture
@implies("tensorflow", "slow")
def tailed() -> tuple[Pyramid, Any, loop.Features]:
    """A head with a tail that begins as the backbone's, and what the backbone makes of noise."""
    import keras

    keras.utils.set_random_seed(4)
    head = Pyramid(width=8, tail=True)
    model = head.build(loop.CHANNELS[:3])
    fill_tail(model, presets.read_arrays(presets.find("cam")))
    noise = np.random.default_rng(1).integers(0, 256, (65, 97, 3), np.uint8)
    return head, model, loop.Backbone(96)([noise])[0]


def test_a_tail_begins_as_the_backbone_ends(tailed):
    """Its features, put through the backbone's last layer, are the backbone's features at stride 32."""
    import keras

    _, model, features = tailed
    arrays = network.fold(presets.read_arrays(presets.find("cam")))
    tail = keras.Model(model.inputs[1], model.get_layer("tail_block15_project").output)
    last = np.asarray(tail(features[1][None].astype(np.float32)))
    again = np.clip(last @ arrays["head/0"][0, 0] + arrays["head/1"], 0, 6)
    np.testing.assert_allclose(again[0], features[2].astype(np.float32), atol=0.05)


@pytest.mark.parametrize("rate", [0, 1e-3])
def test_a_tail_learns_at_its_own_rate(tailed, rate):
    """At 0 it stays as it is, while the head learns."""
    head, model, features = tailed
    values = {"objects": 0.2, "gaze": 0.5, "faces": 0.8}
    targets = {name: np.full((9, 13), value, np.float16) for name, value in values.items()}
    before = network.get_arrays(model)
    source = loop.Source([loop.Item(features, targets)] * 4, 1.0)
    loop.fit(model, head, [source], epochs=2, rates=(1e-3, rate), batch=2)
    changed = {key for key, array in network.get_arrays(model).items() if not np.array_equal(array, before[key])}
    assert "maps/0" in changed
    assert any(key.startswith("tail_") for key in changed) == (rate > 0)


@pytest.mark.parametrize(
    ("kind", "outputs", "architecture", "message"),
    [
        ("tower", {}, {}, "one of pyramid, msroi, got 'tower'"),
        ("pyramid", {"gaze": {}, "objects": {}}, {"width": 0}, "width must be positive, got 0"),
        ("pyramid", {"gaze": {}}, {}, "gaze, objects and optionally faces, got gaze"),
        ("pyramid", {"gaze": {}, "objects": {}, "text": {}}, {}, "got gaze, objects, text"),
        ("msroi", {}, {"classes": -1}, "classes must be positive, got -1"),
    ],
)
def test_a_head_says_what_it_cannot_be(kind, outputs, architecture, message):
    with pytest.raises(OptionError, match=message):
        heads.create(kind, outputs, architecture)
