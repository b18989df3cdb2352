"""From pixels to class activations and maps: presets, options, sizes, threads, devices."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saliency_jpeg.errors import InputError, OptionError, PresetError
from saliency_jpeg.saliency import Activations, MapOptions, SaliencyModel, preset_names, presets
from saliency_jpeg.saliency import model as model_module
from saliency_jpeg.saliency.grid import enlarge, input_size, resize, sampling_matrix
from saliency_jpeg.saliency.maps import saliency_grid

PHOTO = Path(__file__).parent / "data" / "kodim07.png"
GRID_STEP = 5 / 255


@pytest.fixture(scope="module")
def model():
    return SaliencyModel.from_preset()


@pytest.fixture(scope="module")
def photo():
    with Image.open(PHOTO) as image:
        return np.asarray(image.convert("RGB"))


def _run(code: str, **environment: str) -> str:
    """Standard output of Python code in a fresh process."""
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return result.stdout.strip()


# ---------------------------------------------------------------- maps of pictures


def test_map_is_quantized_and_repeats(model, photo):
    saliency = model.predict(photo)
    assert saliency.shape == photo.shape[:2] and saliency.dtype == np.float32
    levels = np.rint(saliency * 255)
    assert np.array_equal(saliency, (levels / 255).astype(np.float32))
    assert levels.min() >= 0 and levels.max() > 200
    assert np.array_equal(saliency, model.predict(photo))


def test_map_lights_up_where_the_subject_is(model, photo):
    saliency = model.predict(photo)  # a window with a blossom before it, in the middle, beside a bare wall
    assert saliency[120:330, 200:460].mean() > 3 * saliency[:, :100].mean()


def test_activations_name_what_they_see(model, photo):
    activations = model.activations(photo)
    assert activations.maps.shape == (7, 10, 1000) and activations.maps.dtype == np.float32
    best = activations.top(5)
    assert {"pot", "picket fence"} <= {found.name for found in best}
    assert [found.logit for found in best] == sorted((found.logit for found in best), reverse=True)
    assert np.array_equal(activations[best[0].name], best[0].map)
    assert best[0].map.mean() == pytest.approx(best[0].logit, rel=1e-5)
    with pytest.raises(KeyError):
        activations["no such class"]


def test_class_names_are_complete_and_in_order(model):
    assert len(set(model.names)) == len(model.names) == 1000
    assert [model.names[i] for i in (0, 207, 388, 817, 999)] == [
        "tench", "golden retriever", "giant panda", "sports car", "toilet tissue",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 7), (40, 1500), (500, 333)])
def test_any_size_and_gray(model, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    saliency = model.predict(gray)
    assert saliency.shape == shape and saliency.min() >= 0 and saliency.max() <= 1
    assert np.array_equal(saliency, model.predict(np.repeat(gray[:, :, None], 3, axis=2)))


def test_plain_picture_is_not_stretched_to_full_contrast(model):
    assert model.predict(np.full((200, 300, 3), 128, np.uint8)).max() < 0.2


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


# ---------------------------------------------------------------- batches, threads, processes


def test_batch_gives_the_same_maps_in_order(model, photo):
    images = [photo, photo[:, :300], photo[:, ::-1], photo[:, :, 0], photo[::2, ::2], photo[50:]]
    maps = model.predict_batch(iter(images), batch_size=2)
    assert [m.shape for m in maps] == [image.shape[:2] for image in images]
    for image, saliency in zip(images, maps, strict=True):
        assert np.abs(saliency - model.predict(image)).max() <= GRID_STEP + 1e-6


def test_batch_of_nothing_and_of_no_size(model):
    assert model.predict_batch([]) == []
    with pytest.raises(OptionError, match=r"got 0$"):
        model.predict_batch([], batch_size=0)


def test_threads_share_one_network(model, photo, monkeypatch):
    built, maps = [], {}
    runner = model_module.Runner
    monkeypatch.setattr(model_module, "Runner", lambda *a: built.append(1) or runner(*a))
    fresh = SaliencyModel.from_preset()
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


def test_model_survives_pickling(model, photo):
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(photo), model.predict(photo))


def test_import_loads_neither_tensorflow_nor_opencv():
    code = "import sys, saliency_jpeg.saliency as s; s.SaliencyModel.from_preset(device='cpu'); print(*sys.modules)"
    assert not {"tensorflow", "keras", "cv2"} & set(_run(code).split())


_LOADED = """import sys, types
sys.modules["keras"] = types.SimpleNamespace(config=types.SimpleNamespace(backend=lambda: "torch"))
"""


@pytest.mark.parametrize(("prepare", "variable"), [("", "torch"), (_LOADED, "")], ids=["chosen", "loaded"])
def test_another_keras_backend_is_one_clear_error(prepare, variable):
    code = f"""{prepare}
import numpy, saliency_jpeg.saliency as s
from saliency_jpeg.errors import OptionError
try: s.SaliencyModel.from_preset().predict(numpy.zeros((8, 8), 'uint8'))
except OptionError as error: print(error)"""
    message = _run(code, KERAS_BACKEND=variable)
    assert "TensorFlow backend" in message and message.endswith("got 'torch'")


# ---------------------------------------------------------------- devices


def test_named_device_gives_the_same_map(model, photo):
    cpu = SaliencyModel.from_preset(device="cpu:0")
    assert cpu.device == "/CPU:0" and "/CPU:0" in repr(cpu)
    assert np.abs(cpu.predict(photo) - model.predict(photo)).max() <= GRID_STEP + 1e-6


@pytest.mark.parametrize("device", ["gpu:99", "tpu", "cpu:", "cpu:1", "", 3])
def test_unknown_device_is_refused(device):
    with pytest.raises(OptionError, match=f"got {device!r}$"):
        SaliencyModel.from_preset(device=device)


# ---------------------------------------------------------------- presets and files


def test_unknown_preset_lists_the_known_ones():
    assert preset_names() == ("cam", "default")
    for name in ("nonsense", None):
        with pytest.raises(PresetError, match=f"unknown preset {name!r}, known are cam, default"):
            SaliencyModel.from_preset(name)


def test_preset_entry_is_true():
    preset = presets.find("default")
    assert preset.name == "cam" and preset.license == "Apache-2.0"
    assert hashlib.sha256(presets._folder().joinpath(preset.file).read_bytes()).hexdigest() == preset.sha256
    assert MapOptions(**preset.map) == SaliencyModel.from_preset().options


def test_damaged_and_missing_weights(tmp_path, monkeypatch):
    entry = {**json.loads(presets._folder().joinpath("presets.json").read_text())["cam"], "file": "w.npz"}
    (tmp_path / "presets.json").write_text(json.dumps({"mine": entry}))
    monkeypatch.setattr(presets, "_folder", lambda: tmp_path)
    with pytest.raises(PresetError, match=r"w\.npz is missing"):
        SaliencyModel.from_preset("mine")
    (tmp_path / "w.npz").write_bytes(b"other bytes")
    with pytest.raises(PresetError, match=r"w\.npz is damaged: sha256 is"):
        SaliencyModel.from_preset("mine")


def test_own_weights_file(model, photo, tmp_path):
    model.save(tmp_path / "own.npz")
    own = SaliencyModel.from_file(tmp_path / "own.npz")
    assert own.names == model.names
    assert np.array_equal(own.predict(photo), model.predict(photo))


def test_own_weights_with_fewer_classes(model, photo, tmp_path):
    arrays = presets.read_arrays(presets.find("cam"))
    arrays |= {"cam/0": arrays["cam/0"][..., 700:703], "cam/1": arrays["cam/1"][700:703]}
    path = tmp_path / "own.npz"
    path.write_bytes(presets.write_arrays(arrays))
    own = SaliencyModel.from_file(str(path), options=MapOptions(contrast=0))
    assert own.names == ("class 0", "class 1", "class 2")
    assert own.predict(photo).shape == photo.shape[:2]
    np.testing.assert_allclose(own.activations(photo).maps, model.activations(photo).maps[:, :, 700:703], atol=1e-3)
    path.write_bytes(presets.write_arrays({**arrays, presets.CLASS_NAMES: np.array(["a", "b"])}))
    with pytest.raises(PresetError, match="2 class names for 3 classes"):
        SaliencyModel.from_file(path)


def test_unusable_weights_files(tmp_path):
    with pytest.raises(PresetError, match="cannot read"):
        SaliencyModel.from_file(tmp_path / "none.npz")
    (tmp_path / "empty.npz").write_bytes(presets.write_arrays({"a/0": np.zeros(1)}))
    with pytest.raises(PresetError, match="no class layer"):
        SaliencyModel.from_file(tmp_path / "empty.npz")


# ---------------------------------------------------------------- activations to grid


def _activations() -> Activations:
    """Two classes on a 1x5 grid; positive parts sum to 0, 100, 200, 300, 400 and class b is the stronger."""
    maps = np.zeros((1, 5, 2), np.float32)
    maps[0, :, 0] = [-50, 100, 20, 0, 0]
    maps[0, :, 1] = [-9, 0, 180, 300, 400]
    return Activations(maps, ("a", "b"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (MapOptions("fixed", 100, 300, contrast=0), [0, 0, 128, 255, 255]),
        (MapOptions("mean", 0.5, 1.5, contrast=0), [0, 0, 128, 255, 255]),
        (MapOptions("peak", 0.25, 0.75, contrast=0), [0, 0, 128, 255, 255]),
        (MapOptions("quantile", 0.0, 1.0, contrast=0), [0, 64, 128, 191, 255]),
        (MapOptions("quantile", 0.0, 1.0, contrast=800), [0, 32, 64, 96, 128]),
        (MapOptions("peak", 0, 1.0, contrast=0, classes=1), [0, 0, 115, 191, 255]),
    ],
)
def test_thresholds(options, expected):
    got = saliency_grid(_activations(), options)
    assert got.dtype == np.uint8 and not (got % 5).any()
    assert np.abs(got[0].astype(int) - expected).max() <= 2.5


def test_ranked_classes_keep_the_scale_of_all():
    activations = _activations()
    all_classes = saliency_grid(activations, MapOptions("fixed", 0, 1000, contrast=0))
    best = saliency_grid(activations, MapOptions("fixed", 0, 1000, contrast=0, classes=1))
    assert abs(int(all_classes.sum()) - int(best.sum())) <= 5 * best.size / 2
    assert best[0, 1] == 0 < all_classes[0, 1]


def test_no_evidence_is_no_saliency_and_nan_is_an_error():
    nothing = Activations(np.full((2, 3, 4), -1, np.float32), tuple("abcd"))
    for classes in (None, 2):
        assert not saliency_grid(nothing, MapOptions(contrast=0, classes=classes)).any()
    with pytest.raises(PresetError, match="not finite"):
        saliency_grid(Activations(np.full((2, 3, 1), np.nan, np.float32), ("a",)), MapOptions())


def test_grid_forgives_the_last_bits_of_a_convolution(model, photo):
    activations = model.activations(photo)
    noise = np.random.default_rng(0).normal(0, 1e-6, activations.maps.shape)
    other = Activations((activations.maps * (1 + noise)).astype(np.float32), activations.names)
    assert not np.array_equal(other.maps, activations.maps)
    assert np.array_equal(saliency_grid(other, model.options), saliency_grid(activations, model.options))


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"threshold": "otsu"}, "'otsu'"),
        ({"low": 0.95}, "0.95"),
        ({"low": -0.1}, "-0.1"),
        ({"high": 1.5}, "1.5"),
        ({"high": float("nan")}, "nan"),
        ({"threshold": "fixed", "high": float("inf")}, "inf"),
        ({"contrast": -1}, "-1"),
        ({"smoothing": 0.1}, "0.1"),
        ({"smoothing": "much"}, "'much'"),
        ({"classes": 0}, "0"),
        ({"classes": 2.5}, "2.5"),
    ],
)
def test_options_check_themselves(changes, got):
    with pytest.raises(OptionError, match=f"got {got}$"):
        replace(MapOptions(), **changes)


def test_activations_check_themselves():
    with pytest.raises(InputError, match=r"\(rows, cols, 2\), got \(3, 3, 1\)"):
        Activations(np.zeros((3, 3, 1), np.float32), ("a", "b"))
    with pytest.raises(OptionError, match=r"got 0$"):
        _activations().top(0)


# ---------------------------------------------------------------- pixels to grid and back


@pytest.mark.parametrize(
    ("image", "network"),
    [
        ((512, 768), (224, 320)),
        ((768, 512), (320, 224)),
        ((1, 1), (320, 320)),
        ((1, 5000), (32, 320)),
        ((65535, 1), (320, 32)),
        ((2160, 3840), (192, 320)),
    ],
)
def test_input_size(image, network):
    assert input_size(*image, 320, 32) == network


def test_few_input_sizes_exist():
    rng = np.random.default_rng(0)
    assert len({input_size(int(h), int(w), 320, 32) for h, w in rng.integers(1, 5000, (20_000, 2))}) == 19


def test_resize_averages_in_each_direction_alone():
    stripes = np.zeros((2, 6400), np.uint8)
    stripes[:, ::2] = 200
    small = resize(stripes, (32, 320))
    assert small.shape == (32, 320, 3) and small.dtype == np.uint8
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert np.abs(resize(stripes.T.copy(), (320, 32)).astype(int) - 100).max() <= 1


@pytest.mark.parametrize(("length", "cells"), [(1, 10), (7, 1), (320, 10), (4001, 7)])
def test_sampling_matrix_is_a_mean(length, cells):
    matrix = sampling_matrix(length, cells, offset=0.1, sigma=0.6)
    assert matrix.shape == (length, cells) and matrix.dtype == np.float32
    assert np.array_equal(matrix, np.rint(matrix)) and matrix.min() >= 0
    assert np.array_equal(matrix.sum(axis=1), np.full(length, 4096))


def test_enlarge_matches_plain_gaussian_interpolation():
    cells = np.random.default_rng(0).integers(0, 256, (7, 10), dtype=np.uint8)
    got = enlarge(cells, (333, 500), offset=0.1, sigma=0.6)
    rows, cols = (
        np.exp(-0.5 * (((np.arange(n) + 0.5) * m / n)[:, None] - (np.arange(m) + 0.6)) ** 2 / 0.36)
        for n, m in ((333, 7), (500, 10))
    )
    expected = rows @ cells @ cols.T / rows.sum(axis=1)[:, None] / cols.sum(axis=1) / 255
    assert np.abs(got - expected).max() < 0.5 / 255 + 2e-3
    for value in (0, 55, 255):
        flat = enlarge(np.full((3, 10), value, np.uint8), (50, 77), offset=0.1, sigma=0.6)
        assert np.array_equal(flat, np.full((50, 77), np.float32(value / 255)))


def test_offset_moves_the_map_down_and_right():
    cells = np.zeros((9, 9), np.uint8)
    cells[4, 4] = 255
    for offset in (0.0, 0.25):
        saliency = enlarge(cells, (288, 288), offset=offset, sigma=0.5)
        rows, cols = (saliency.sum(axis=axis) @ (np.arange(288) + 0.5) / saliency.sum() for axis in (1, 0))
        assert rows == pytest.approx(144 + 32 * offset, abs=1) and cols == pytest.approx(144 + 32 * offset, abs=1)
