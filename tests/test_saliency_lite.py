"""Presets exported to LiteRT: the same maps, and plain errors. Needs TensorFlow to export, ai-edge-litert to run."""

# mypy: allow-untyped-defs, allow-untyped-calls
from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from helpers import KODIM07 as PHOTO
from marks import implies
from processes import needs, python

from saliency_jpeg.errors import OptionError, PresetError
from saliency_jpeg.saliency import MapOptions, SaliencyModel, litert, presets

STEP = 5 / 255  # of the map

needs("ai_edge_litert")


@pytest.fixture(scope="module")
@implies("tensorflow")
def model() -> SaliencyModel:
    return SaliencyModel.from_preset("default", device="cpu")


@pytest.fixture(scope="module")
def file(model: SaliencyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lite") / "gaze.tflite"
    model.export(path)
    return path


@pytest.fixture(scope="module")
def exported(file: Path) -> SaliencyModel:
    return SaliencyModel.from_file(file)


def test_maps_are_the_same_within_a_step(model, exported, photo):
    for rgb in (photo, photo[:, :300], photo[:90, :90], photo[:, :, 1], photo[:1, :1]):
        assert np.abs(exported.predict(rgb) - model.predict(rgb)).max() <= STEP + 1e-6
    assert exported.predict(photo).max() > 0.5


def test_heads_are_the_same(model, exported):
    astronaut = skimage.data.astronaut()
    ours, theirs = exported.predict(astronaut), model.predict(astronaut)
    assert theirs[80:160, 200:245].min() > 0.5  # the ellipse of a head
    assert np.abs(ours - theirs).max() <= STEP + 1e-6
    assert np.mean(ours != theirs) < 0.01


def test_hardly_a_pixel_differs_because_the_weights_are_the_same(model, exported, photo):
    """Weights of 32 bits here and 16 there changed one in forty."""
    assert np.mean(exported.predict(photo) != model.predict(photo)) < 0.01


def test_batches_are_the_same(exported, photo):
    pictures = [photo, photo[:, ::-1].copy(), photo[:200]]
    for one, together in zip(map(exported.predict, pictures), exported.predict_batch(pictures), strict=True):
        assert np.abs(one - together).max() <= STEP + 1e-6


def test_class_activations_come_along(model, exported, photo):
    theirs, ours = model.activations(photo), exported.activations(photo)
    assert ours.names == theirs.names
    assert [c.name for c in ours.top(3)] == [c.name for c in theirs.top(3)]
    scale = np.abs(theirs.maps).max()
    np.testing.assert_allclose(ours.maps, theirs.maps, atol=0.01 * scale)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["cam", "msroi"])
def test_presets_of_class_activations(name, photo, tmp_path):
    cam = SaliencyModel.from_preset(name, device="cpu")
    cam.export(tmp_path / "cam.tflite")
    own = SaliencyModel.from_file(tmp_path / "cam.tflite", options=MapOptions(classes=5))
    cam = SaliencyModel.from_preset(name, device="cpu", options=MapOptions(classes=5))
    assert np.abs(own.predict(photo) - cam.predict(photo)).max() <= STEP + 1e-6


def test_exported_model_can_be_pickled(exported, photo):
    copy = pickle.loads(pickle.dumps(exported))
    assert np.array_equal(copy.predict(photo), exported.predict(photo))


def test_litert_replaces_tensorflow_where_it_is_missing(exported, file, photo, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find_spec(name))
    monkeypatch.setenv("SALIENCY_JPEG_LITE", str(file.parent))
    assert np.array_equal(SaliencyModel.from_preset("default").predict(photo), exported.predict(photo))
    with pytest.raises(PresetError, match=r"'cam' is read from cam\.tflite in the folder that SALIENCY_JPEG_LITE"):
        SaliencyModel.from_preset("cam")
    monkeypatch.delenv("SALIENCY_JPEG_LITE")
    with pytest.raises(PresetError, match="is installed, got SALIENCY_JPEG_LITE=None"):
        SaliencyModel.from_preset("cam")
    with pytest.raises(PresetError, match="is installed, got SALIENCY_JPEG_LITE=None"):
        SaliencyModel.from_preset("default", device="cpu")
    shipped = SaliencyModel.from_preset("default")
    assert np.abs(shipped.predict(photo) - exported.predict(photo)).mean() < 0.01
    with pytest.raises(OptionError, match="the networks need TensorFlow"):
        shipped.activations(photo)


def test_the_default_runs_without_tensorflow_and_its_copy_too(photo):
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; import numpy, pickle; "
        "from PIL import Image; "
        "from saliency_jpeg.saliency import SaliencyModel; model = SaliencyModel.from_preset(); "
        f"rgb = numpy.asarray(Image.open({str(PHOTO)!r}).convert('RGB')); made = model.predict(rgb); "
        "print(made.sum(), (pickle.loads(pickle.dumps(model)).predict(rgb) == made).all())"
    )
    total, is_same = python("-c", program).split()[-2:]
    assert float(total) == pytest.approx(float(SaliencyModel.from_preset().predict(photo).sum()))
    assert is_same == "True"


def test_a_damaged_network_of_integers_is_refused(monkeypatch):
    monkeypatch.setattr(presets, "_read", lambda file: b"damaged")
    with pytest.raises(PresetError, match=r"gaze_int8\.tflite is damaged: preset 'gaze' needs sha256 \w+, got "):
        SaliencyModel.from_preset()


def test_batches_of_the_default_give_exactly_its_maps(photo):
    model = SaliencyModel.from_preset()
    pictures = [photo, photo[:, ::-1].copy(), photo[:200], photo[100:]]
    together = model.predict_batch(pictures)
    for rgb, made in zip(pictures, together, strict=True):
        assert np.array_equal(made, model.predict(rgb))
    assert not np.array_equal(together[0], together[1])


def test_mirrored_pictures_have_mirrored_maps(photo):
    model = SaliencyModel.from_preset()
    made, mirrored = model.predict(photo), model.predict(np.ascontiguousarray(photo[:, ::-1]))[:, ::-1]
    assert np.abs(made - mirrored).max() <= STEP + 1e-6
    assert np.mean(made != mirrored) < 0.01


def test_runs_without_tensorflow(file, photo):
    program = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; import numpy; from PIL import Image; "
        "from saliency_jpeg.saliency import SaliencyModel; "
        f"rgb = numpy.asarray(Image.open({str(PHOTO)!r}).convert('RGB')); "
        f"print(SaliencyModel.from_file({str(file)!r}).predict(rgb).sum())"
    )
    assert float(python("-c", program).split()[-1]) > 100


def test_what_cannot_be_done(exported, file, model, tmp_path):
    for write in (exported.save, exported.export):
        with pytest.raises(PresetError, match="holds no weights"):
            write(tmp_path / "x.tflite")
    with pytest.raises(OptionError, match=r"needs the suffix \.tflite, got"):
        model.export(tmp_path / "x.npz")
    with pytest.raises(OptionError, match="LiteRT runs on the CPU; device must be None or 'cpu', got 'gpu'"):
        SaliencyModel.from_file(file, device="gpu")
    with pytest.raises(PresetError, match="cannot read the weights file"):
        SaliencyModel.from_file(tmp_path / "none.tflite")
    assert not list(tmp_path.iterdir())


def test_damaged_files(file, photo, tmp_path):
    damaged = tmp_path / "x.tflite"
    damaged.write_bytes(b"not a network")
    with pytest.raises(PresetError, match=r"not a file that export\(\) of a model of this library wrote"):
        SaliencyModel.from_file(damaged)
    damaged.write_bytes(litert.pack(litert.Exported(b"nothing", "gaze", ("a",))))
    with pytest.raises(PresetError, match=r"gaze\.tflite cannot be read by LiteRT"):
        SaliencyModel.from_file(damaged).predict(photo)
