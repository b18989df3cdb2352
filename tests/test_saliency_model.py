"""From pixels to class activations and maps: presets, options, sizes, threads, devices."""

# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="func-returns-value"
from __future__ import annotations

import hashlib
import json
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
from marks import implies
from PIL import Image
from processes import python

from saliency_jpeg.errors import InputError, OptionError, PresetError
from saliency_jpeg.saliency import Activations, MapOptions, SaliencyModel, litert, preset_names, presets, weights_file
from saliency_jpeg.saliency import model as model_module
from saliency_jpeg.saliency.maps import class_evidence, saliency_grid
from saliency_jpeg.saliency.weights_file import WeightsFile

GRID_STEP = 5 / 255


@pytest.fixture(scope="module")
@implies("tensorflow")
def model():
    return SaliencyModel.from_preset()


@pytest.fixture(scope="module")
@implies("tensorflow")
def cam():
    return SaliencyModel.from_preset("cam")


# ---------------------------------------------------------------- maps of pictures


@pytest.mark.tensorflow
@pytest.mark.parametrize("preset", ["default", "cam"])
def test_map_is_quantized_and_repeats(preset, photo, request):
    model = request.getfixturevalue("model" if preset == "default" else preset)
    saliency = model.predict(photo)
    assert saliency.shape == photo.shape[:2]
    assert saliency.dtype == np.float32
    levels = np.rint(saliency * 255)
    assert np.array_equal(saliency, (levels / 255).astype(np.float32))
    assert levels.min() >= 0
    assert levels.max() > 200
    assert np.array_equal(saliency, model.predict(photo))


def test_map_lights_up_where_the_subject_is(model, photo):
    saliency = model.predict(photo)  # a window with a blossom before it, in the middle, beside a bare wall
    assert saliency[120:330, 200:460].mean() > 3 * saliency[:, :100].mean()


def test_activations_name_what_they_see(cam, photo):
    activations = cam.activations(photo)
    assert activations.maps.shape == (7, 10, 1000)
    assert activations.maps.dtype == np.float32
    best = activations.top(5)
    assert {"pot", "picket fence"} <= {found.name for found in best}
    assert [found.logit for found in best] == sorted((found.logit for found in best), reverse=True)
    assert np.array_equal(activations[best[0].name], best[0].map)
    assert best[0].map.mean() == pytest.approx(best[0].logit, rel=1e-5)
    with pytest.raises(KeyError):
        activations["no such class"]


def test_default_names_classes_too(model, photo):
    activations = model.activations(photo)
    assert activations.maps.shape == (9, 13, 1000)
    assert activations.names == model.names
    assert {"pot", "picket fence"} <= {found.name for found in activations.top(5)}


def test_a_mirrored_picture_has_the_mirrored_map(model, photo):
    assert np.abs(model.predict(photo[:, ::-1])[:, ::-1] - model.predict(photo)).max() <= GRID_STEP + 1e-6


def test_the_map_of_a_smaller_picture_is_the_smaller_map(model, photo):
    small = np.asarray(Image.fromarray(photo).resize((384, 256), Image.Resampling.BOX))
    whole = model.predict(photo).reshape(256, 2, 384, 2).mean(axis=(1, 3))
    assert np.abs(model.predict(small) - whole).mean() < 0.02


def test_class_names_are_complete_and_in_order(model):
    assert len(set(model.names)) == len(model.names) == 1000
    assert [model.names[i] for i in (0, 207, 388, 817, 999)] == [
        "tench", "golden retriever", "giant panda", "sports car", "toilet tissue",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 7), (40, 1500), (500, 333)])
def test_any_size_and_gray(model, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    saliency = model.predict(gray)
    assert saliency.shape == shape
    assert saliency.min() >= 0
    assert saliency.max() <= 1
    assert np.array_equal(saliency, model.predict(np.repeat(gray[:, :, None], 3, axis=2)))


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["model", "cam"])
def test_plain_picture_is_not_stretched_to_full_contrast(name, request):
    assert request.getfixturevalue(name).predict(np.full((200, 300, 3), 128, np.uint8)).max() < 0.2


@pytest.mark.parametrize("kind", ["noise", "stripes", "ramp"])
def test_a_picture_of_nothing_has_a_flat_map(model, kind):
    rows, cols = np.mgrid[:300, :450]
    values = {
        "noise": np.random.default_rng(0).integers(0, 256, (300, 450)),
        "stripes": 128 + 60 * np.sign(np.sin(rows / 7) * np.sin(cols / 9)),
        "ramp": cols / 450 * 255,
    }[kind]
    assert np.ptp(model.predict(values.astype(np.uint8))) < 0.25


def test_views_are_taken_as_they_look(model, photo):
    mirrored = photo[:, ::-1]
    assert np.array_equal(model.predict(mirrored), model.predict(mirrored.copy()))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3)), "uint8 array, got float64"),
        ([[0]], "uint8 array, got list"),
        (np.zeros((4, 4, 4), np.uint8), r"got \(4, 4, 4\)"),
        (np.zeros(4, np.uint8), r"got \(4,\)"),
        (np.zeros((0, 4, 3), np.uint8), r"1 to 65535 rows and columns, got \(0, 4, 3\)"),
        (np.zeros((1, 65536), np.uint8), r"got \(1, 65536\)"),
    ],
)
def test_unusable_images_are_refused(model, image, message):
    for call in (model.predict, model.activations, lambda rgb: model.predict_batch([rgb])):
        with pytest.raises(InputError, match=message):
            call(image)


def test_grid_forgives_the_last_bits_of_a_convolution(cam, photo):
    activations = cam.activations(photo)
    noise = np.random.default_rng(0).normal(0, 1e-6, activations.maps.shape)
    other = Activations((activations.maps * (1 + noise)).astype(np.float32), activations.names)
    assert not np.array_equal(other.maps, activations.maps)
    grids = [saliency_grid(class_evidence(a.maps), cam.options, contrast=500) for a in (other, activations)]
    assert np.array_equal(grids[0], grids[1])
    assert grids[0].max() > 200


# ---------------------------------------------------------------- batches, threads, processes


def test_batch_gives_the_same_maps_in_order(model, photo):
    images = [photo, photo[:, :300], photo[:, ::-1], photo[:, :, 0], photo[::2, ::2], photo[50:]]
    maps = model.predict_batch(iter(images), batch_size=2)
    assert [m.shape for m in maps] == [image.shape[:2] for image in images]
    for image, saliency in zip(images, maps, strict=True):
        assert np.abs(saliency - model.predict(image)).max() <= GRID_STEP + 1e-6


def test_batch_of_nothing_and_of_no_size(model):
    assert model.predict_batch([]) == []
    for wrong in (0, -1, 1.5, True, "2", None):
        with pytest.raises(OptionError, match=f"batch_size .* got {wrong!r}$"):
            model.predict_batch([], batch_size=wrong)


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("device", "room", "runner"), [("cpu", model_module, "Runner"), (None, litert, "QuantizedRunner")]
)
def test_threads_share_one_network(device, room, runner, photo, monkeypatch):
    if device is None:
        pytest.importorskip("ai_edge_litert")
    built, maps = [], {}
    make, model = getattr(room, runner), SaliencyModel.from_preset(device=device)
    monkeypatch.setattr(room, runner, lambda *a, **k: built.append(1) or make(*a, **k))
    fresh = SaliencyModel.from_preset(device=device)
    start = threading.Barrier(4)

    def work(i: int) -> None:
        start.wait()
        maps[i] = fresh.predict(photo[: 300 + 50 * i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    for i in range(4):
        assert np.array_equal(maps[i], model.predict(photo[: 300 + 50 * i]))
    assert len(built) == 2


@pytest.mark.slow
def test_model_survives_pickling(model, photo):
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(photo), model.predict(photo))


def test_import_loads_neither_tensorflow_nor_opencv():
    code = "import sys, saliency_jpeg.saliency as s; s.SaliencyModel.from_preset(device='cpu'); print(*sys.modules)"
    assert not {"tensorflow", "keras", "cv2"} & set(python("-c", code).split())


_LOADED = """import sys, types
sys.modules["keras"] = types.SimpleNamespace(config=types.SimpleNamespace(backend=lambda: "torch"))
"""


@pytest.mark.parametrize(("prepare", "variable"), [("", "torch"), (_LOADED, "")], ids=["chosen", "loaded"])
def test_another_keras_backend_is_one_clear_error(prepare, variable):
    code = f"""{prepare}
import numpy, saliency_jpeg.saliency as s
from saliency_jpeg.errors import OptionError
try: s.SaliencyModel.from_preset(device="cpu").predict(numpy.zeros((8, 8), 'uint8'))
except OptionError as error: print(error)"""
    message = python("-c", code, KERAS_BACKEND=variable).strip()
    assert "TensorFlow backend" in message
    assert message.endswith("got 'torch'")


def test_missing_tensorflow_is_one_clear_error():
    code = """import sys; sys.modules["tensorflow"] = None
import numpy, saliency_jpeg, saliency_jpeg.saliency
pixels = numpy.zeros((8, 8), "uint8")
print(len(saliency_jpeg.compress(pixels, saliency=None)) > 0)
saliency_jpeg.saliency.litert.replaces_tensorflow = lambda: False
try: saliency_jpeg.compress(pixels, device="cpu")
except saliency_jpeg.OptionError as error: print(error)"""
    works, message = python("-c", code).splitlines()
    assert works == "True"
    assert "saliency=None" in message
    assert message.endswith("got no module 'tensorflow'")


# ---------------------------------------------------------------- devices


def test_named_device_gives_the_same_map(model, photo):
    cpu = SaliencyModel.from_preset(device="cpu:0")
    assert cpu.device == "/CPU:0"
    assert "/CPU:0" in repr(cpu)
    assert (
        np.abs(cpu.predict(photo) - model.predict(photo)).mean() < 0.01
    )  # that of 8-bit integers, where there is LiteRT
    again = SaliencyModel.from_preset(device="/cpu:0")
    assert np.abs(cpu.predict(photo) - again.predict(photo)).max() <= GRID_STEP + 1e-6


@pytest.mark.tensorflow
@pytest.mark.parametrize("device", ["gpu:99", "tpu", "cpu:", "cpu:1", "", 3])
def test_unknown_device_is_refused(device):
    with pytest.raises(OptionError, match=f"got {device!r}$"):
        SaliencyModel.from_preset(device=device)


# ---------------------------------------------------------------- presets and files


def test_unknown_preset_lists_the_known_ones():
    assert preset_names() == ("cam", "default", "gaze", "msroi", "objects")
    for name in ("nonsense", None):
        with pytest.raises(PresetError, match=f"unknown preset {name!r}, known are {', '.join(preset_names())}$"):
            SaliencyModel.from_preset(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", preset_names())
def test_preset_entry_is_true(name):
    preset = presets.find(name)
    assert preset.name == {"default": "gaze"}.get(name, name)
    assert preset.license == "Apache-2.0"
    files = [(preset.file, preset.sha256), *([(preset.head.file, preset.head.sha256)] if preset.head else [])]
    for file, sha256 in files:
        assert f"\n{file}\n" in presets.folders()[0].joinpath("NOTICE").read_text("utf-8")
        assert hashlib.sha256(presets.folders()[0].joinpath(file).read_bytes()).hexdigest() == sha256
    assert preset.map == SaliencyModel.from_preset(name).options
    assert "Terms" in presets.folders()[0].joinpath(preset.card).read_text("utf-8")


def test_weights_stay_small():
    assert sum(len(p.read_bytes()) for p in presets.folders()[0].iterdir() if p.name.endswith(".npz")) <= 20_000_000


@pytest.mark.slow
@pytest.mark.tensorflow
def test_default_can_make_the_map_of_its_classes(photo):
    classes = SaliencyModel.from_preset(options=MapOptions())
    learned = replace(SaliencyModel.from_preset().options, gaze=1.0)
    assert classes.predict(photo)[120:330, 200:460].mean() > 3 * classes.predict(photo)[:, :100].mean()
    assert not np.array_equal(SaliencyModel.from_preset(options=learned).predict(photo), classes.predict(photo))
    with pytest.raises(OptionError, match="preset 'cam' gives no learned evidence, got 'learned'"):
        SaliencyModel.from_preset("cam", options=learned)


def test_damaged_and_missing_weights(tmp_path, monkeypatch):
    entry = {**json.loads(presets.folders()[0].joinpath("presets.json").read_text())["cam"], "file": "w.npz"}
    (tmp_path / "presets.json").write_text(json.dumps({"mine": entry}))
    monkeypatch.setattr(presets, "EXTRA_FOLDERS", [tmp_path])
    with pytest.raises(PresetError, match=r"w\.npz is missing"):
        SaliencyModel.from_preset("mine")
    (tmp_path / "w.npz").write_bytes(b"other bytes")
    with pytest.raises(PresetError, match=r"w\.npz is damaged: preset 'mine' needs sha256 \w+, got "):
        SaliencyModel.from_preset("mine")


def test_own_weights_file(model, photo, tmp_path):
    model.save(tmp_path / "own.npz")
    own = SaliencyModel.from_file(tmp_path / "own.npz")
    assert own.names == model.names
    assert np.array_equal(own.predict(photo), SaliencyModel.from_preset(device="cpu").predict(photo))


@pytest.mark.slow
def test_own_weights_file_says_which_preset_it_is_for(cam, photo, tmp_path):
    cam.save(tmp_path / "own.npz")
    own = SaliencyModel.from_file(tmp_path / "own.npz")
    assert np.array_equal(own.predict(photo), cam.predict(photo))
    other = SaliencyModel.from_file(tmp_path / "own.npz", preset="default")
    assert not np.array_equal(other.predict(photo), cam.predict(photo))


def test_own_weights_with_fewer_classes(cam, photo, tmp_path):
    arrays = presets.read_arrays(presets.find("cam"))
    arrays |= {"cam/0": arrays["cam/0"][..., 700:703], "cam/1": arrays["cam/1"][700:703]}
    path = tmp_path / "own.npz"
    path.write_bytes(weights_file.pack(WeightsFile(arrays)))
    own = SaliencyModel.from_file(str(path), preset="cam", options=MapOptions(contrast=0))
    assert own.names == ("class 0", "class 1", "class 2")
    assert own.predict(photo).shape == photo.shape[:2]
    np.testing.assert_allclose(own.activations(photo).maps, cam.activations(photo).maps[:, :, 700:703], atol=1e-3)
    path.write_bytes(weights_file.pack(WeightsFile(arrays, np.array(["a", "b"]))))
    with pytest.raises(PresetError, match=r"must have 3 class names, one for each class, got \(2,\)"):
        SaliencyModel.from_file(path)


def test_own_head_on_the_backbone_of_the_preset(model, photo, tmp_path):
    head = presets.read_head(presets.find("default"))
    head["maps/1"] = head["maps/1"] + np.array([0, -60, -60], np.float16)  # no chance of an object or a face anywhere
    (tmp_path / "head.npz").write_bytes(weights_file.pack(WeightsFile(head)))
    own = SaliencyModel.from_file(tmp_path / "head.npz")
    assert own.names == model.names
    assert 0 < own.predict(photo).max() < 0.5 < model.predict(photo).max()


@pytest.mark.slow
def test_preset_of_whole_objects(model, photo):
    whole = SaliencyModel.from_preset("objects").predict(photo)
    told, shown = whole > 0.5, model.predict(photo) > 0.5
    assert np.mean(told) > 1.5 * np.mean(shown) > 0  # what is looked at is a part of what is there
    assert np.mean(told[shown]) > 0.9
    assert np.array_equal(
        whole, SaliencyModel.from_preset(options=replace(model.options, gaze=0.0, high=1.0)).predict(photo)
    )


def test_unusable_weights_files(tmp_path):
    with pytest.raises(PresetError, match="cannot read"):
        SaliencyModel.from_file(tmp_path / "none.npz")
    head = presets.read_head(presets.find("default"))
    for arrays, message in (
        ({"a/0": np.zeros(1)}, "does not fit the network: a/0 in it"),
        ({}, "does not fit the network: nothing in it"),
        ({"maps/1": head["maps/1"]}, "does not fit the network: coarse/0, coarse/1, context/0 missing"),
    ):
        (tmp_path / "own.npz").write_bytes(weights_file.pack(WeightsFile(arrays)))
        with pytest.raises(PresetError, match=message):
            SaliencyModel.from_file(tmp_path / "own.npz")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"class_names": np.array("one")}, r"1000 class names, .*, got \(\)"),
        ({"class_names": np.array([["a", "b"]] * 500)}, r"1000 class names, .*, got \(500, 2\)"),
        ({"maps/1": np.array(["a", "b"])}, "maps/1 must be numbers"),
        ({"maps/1": np.array([1j, 2j])}, "maps/1 must be numbers"),
    ],
)
def test_arrays_of_another_kind(model, tmp_path, changes, complaint):
    model.save(tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", **(dict(np.load(tmp_path / "own.npz")) | changes))
    with pytest.raises(PresetError, match=complaint):
        SaliencyModel.from_file(tmp_path / "own.npz")


def test_damaged_archives(tmp_path):
    np.savez_compressed(tmp_path / "own.npz", a=np.zeros(1000))
    data = (tmp_path / "own.npz").read_bytes()
    start = data.index(b"a.npy") + 5
    for damage in (b"\xff" * 4, b"\0" * 4):
        (tmp_path / "own.npz").write_bytes(data[: start + 20] + damage + data[start + 24 :])
        with pytest.raises(PresetError, match="is not a weights file"):
            SaliencyModel.from_file(tmp_path / "own.npz")
