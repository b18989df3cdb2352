"""A kind of head and presets that are added from outside: a registry entry, an entry in a presets.json, a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.errors import OptionError, PresetError
from saliency_jpeg.saliency import MapOptions, SaliencyModel, heads, network, preset_names, presets, weights_file
from saliency_jpeg.saliency.grid import Lattice, enlarge, resize
from saliency_jpeg.saliency.heads import MaskHead
from saliency_jpeg.saliency.maps import Evidence, saliency_grid
from saliency_jpeg.saliency.weights_file import WeightsFile
from saliency_jpeg.training import loop, train, trainable

GRID_STEP = 5 / 255


@dataclass(frozen=True, kw_only=True)
class Ridge(MaskHead):
    """The smallest head: one layer on the features at stride 16."""

    stride: ClassVar[int] = 16
    evidence: ClassVar[Evidence] = "learned"
    targets: ClassVar[Mapping[str, int]] = {"ridge": 3}

    bias: bool = False

    def graph(self, fine: Any, middle: Any, coarse: Any, classes: Any) -> Any:
        from keras import layers

        return layers.Conv2D(1, 1, use_bias=self.bias, name="ridge")(middle)

    def to_evidence(self, maps: NDArray[np.float32], options: MapOptions) -> NDArray[np.float64]:
        return np.clip(maps[..., 0].astype(np.float64) * self.constant("ridge", "scale") + 0.5, 0, 1)

    def losses(self, maps: Any, targets: Mapping[str, Any]) -> list[Any]:
        import tensorflow as tf

        return [tf.reduce_mean((maps[..., 0] - targets["ridge"]) ** 2)]

    def mask_targets(self, mask: NDArray[np.float16]) -> dict[str, NDArray[np.float16]]:
        return {"ridge": mask}


def ridge_weights() -> dict[str, NDArray[np.float32]]:
    """The first channel of the features, as it is."""
    kernel = np.zeros((1, 1, 112, 1), np.float32)
    kernel[0, 0, 0] = 1
    return {"ridge/0": kernel, "ridge/1": np.zeros(1, np.float32)}


def add_entries(folder: Path, entries: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "presets.json").write_text(json.dumps(entries))
    monkeypatch.setattr(presets, "EXTRA_FOLDERS", [folder])


def ridge_entry(data: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "like": "gaze",
        "mirror": False,
        "long_side": 96,
        "outputs": {"classes": {"contrast": 500.0}, "ridge": {"scale": 0.25}},
        "map": {"evidence": "learned", "threshold": "fixed", "low": 0.0, "high": 1.0, "smoothing": 0.5},
        "head": {
            "file": "ridge.npz",
            "sha256": hashlib.sha256(data).hexdigest(),
            "kind": "ridge",
            "architecture": {"bias": True},
        },
        **changes,
    }


@pytest.fixture
def ridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a preset with a head of the kind ``ridge``; both are known as long as the test runs."""
    monkeypatch.setitem(heads.KINDS, "ridge", Ridge)
    data = weights_file.pack(WeightsFile(dict(ridge_weights())))
    (tmp_path / "ridge.npz").write_bytes(data)
    add_entries(tmp_path, {"ridge": ridge_entry(data)}, monkeypatch)
    return "ridge"


def picture(seed: int = 0) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return resize(coarse, (120, 180))


@pytest.mark.tensorflow
def test_a_kind_and_a_preset_from_outside_predict(ridge: str) -> None:
    rgb = picture()
    model = SaliencyModel.from_preset(ridge, device="cpu")
    features = loop.Backbone(96)([resize(rgb, (65, 97))])[0][1][..., 0]
    evidence = np.clip(features.astype(np.float64) * 0.25 + 0.5, 0, 1)
    cells = saliency_grid(evidence, model.options)
    expected = enlarge(cells, rgb.shape[:2], lattice=Lattice.of(16, margin=1), sigma=0.5)
    assert np.ptp(expected) > 0.5
    assert np.abs(model.predict(rgb) - expected).max() <= GRID_STEP + 1e-6
    assert ridge in preset_names()
    classes = SaliencyModel.from_preset(ridge, device="cpu", options=MapOptions())
    assert model.activations(rgb).maps.shape == (3, 4, 1000)  # the backbone's classes come with every head
    assert not np.array_equal(classes.predict(rgb), model.predict(rgb))


@pytest.mark.tensorflow
def test_its_head_is_trained_saved_and_read(ridge: str, tmp_path: Path) -> None:
    rgb, mask = picture(), np.zeros((120, 180), np.bool_)
    mask[:, 90:] = True
    assert ridge in trainable()
    assert "cam" not in trainable()
    assert "msroi" not in trainable()
    trained = train([rgb], [mask], preset=ridge, epochs=15)
    assert trained.losses[-1] < 0.9 * trained.losses[0]
    trained.model.save(tmp_path / "own.npz")
    read = SaliencyModel.from_file(tmp_path / "own.npz")
    assert "'ridge'" in repr(read)
    assert np.array_equal(read.predict(rgb), trained.model.predict(rgb))
    assert not np.array_equal(read.predict(rgb), SaliencyModel.from_preset(ridge).predict(rgb))


@pytest.mark.tensorflow
def test_constants_are_read_from_the_entry(ridge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (tmp_path / "ridge.npz").read_bytes()
    flat = ridge_entry(data, outputs={"classes": {}, "ridge": {"scale": 0.0}})
    none = ridge_entry(data, outputs={"classes": {}, "ridge": {}})
    add_entries(tmp_path, {"flat": flat, "none": none}, monkeypatch)
    assert np.ptp(SaliencyModel.from_preset("flat").predict(picture())) == 0
    with pytest.raises(PresetError, match="gives no constant 'scale' for its output 'ridge'"):
        SaliencyModel.from_preset("none").predict(picture())


def test_a_preset_for_another_task_is_no_saliency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = preset_names()
    add_entries(tmp_path, {"sharp": {"task": "restoration"}, "clear": "sharp"}, monkeypatch)
    assert preset_names() == before
    assert {"clear", "sharp"} < set(presets.names("restoration"))
    for name in ("sharp", "clear"):
        with pytest.raises(
            PresetError, match=f"'sharp' is for restoration; a preset for saliency is needed: {before[0]},"
        ):
            SaliencyModel.from_preset(name)
    SaliencyModel.from_preset("cam").save(tmp_path / "own.npz")
    with pytest.raises(PresetError, match="is for restoration"):
        SaliencyModel.from_file(tmp_path / "own.npz", preset="sharp")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"head": {"file": "x", "sha256": "0", "kind": "tower"}}, f"one of {', '.join(heads.KINDS)}, got 'tower'"),
        ({"head": {"file": "x", "sha256": "0"}}, "'kind'"),
        ({"strides": 3}, "strides"),
        ({"map": {"low": 2}}, "low must be a number from 0 to 1, got 2"),
    ],
)
def test_an_entry_that_is_not_valid_is_named(
    changes: Mapping[str, Any], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_entries(tmp_path, {"mine": {"like": "gaze", **changes}}, monkeypatch)
    with pytest.raises(PresetError, match=f"the entry 'mine' in presets.json is not valid: .*{complaint}"):
        presets.find("mine")


@pytest.mark.parametrize("name", preset_names())
def test_outputs_of_the_presets_have_names_and_constants(name: str) -> None:
    preset = presets.find(name)
    assert preset.task == "saliency"
    assert preset.outputs["classes"]["contrast"] > 0
    assert preset.class_count == len(presets.read_class_names(preset))
    if isinstance(preset.head and preset.head.network, heads.Pyramid):
        assert tuple(preset.outputs) == ("classes", "gaze", "objects", "faces")


def test_a_head_needs_an_architecture_it_can_have() -> None:
    with pytest.raises(OptionError, match="features must be positive, got 0"):
        heads.create("msroi", {}, {"features": 0})
    pyramid = heads.Pyramid()
    assert pyramid.resize({}) is pyramid
    assert pyramid.count_classes(7) == 7
    assert heads.MsRoi(classes=3).count_classes(7) == 10
    assert network.STRIDE % heads.MsRoi.stride == 0
