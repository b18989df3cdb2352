"""The preset ``msroi``: further classes behind ImageNet's, which are stronger where any of those is."""

# mypy: allow-untyped-defs, allow-untyped-calls
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from marks import implies

from saliency_jpeg.errors import OptionError, PresetError
from saliency_jpeg.saliency import MapOptions, SaliencyModel, network, presets, weights_file
from saliency_jpeg.saliency.heads import MsRoi
from saliency_jpeg.saliency.weights_file import WeightsFile


@pytest.fixture(scope="module")
@implies("tensorflow")
def model() -> SaliencyModel:
    return SaliencyModel.from_preset("msroi", device="cpu")


def test_classes_of_imagenet_and_further_ones(model, photo):
    activations = model.activations(photo)
    assert activations.names == model.names
    assert activations.names[:1000] == presets.read_class_names(presets.find("cam"))
    assert {"person", "dog", "airplane", "stop sign"} <= set(activations.names[1000:])
    assert activations.maps.shape == (19, 29, len(model.names))  # 289 x 449 pixels, one cell for 16


@pytest.mark.tensorflow
def test_known_classes_are_stronger_where_further_ones_are(photo):
    """The layer, computed again from its two parts."""
    from saliency_jpeg.saliency.heads.layers import RaiseClasses

    layer = RaiseClasses(4.0, 4.0)
    known, further = np.full((1, 1, 3, 1), -2.0), np.array([[[[-30.0, -30], [0, 0], [30, 30]]]])
    joined = np.asarray(layer([known, further]))
    expected = 1 + 4 * (1 - np.exp(-2 * np.logaddexp(0, [-30, 0, 30]) / 4))
    np.testing.assert_allclose(joined[0, 0, :, 0], -2 * expected, rtol=1e-5)
    np.testing.assert_array_equal(joined[..., 1:], further)


def test_sees_the_picture_and_its_mirror_image_alike(model, photo):
    there, back = model.predict(photo), model.predict(np.ascontiguousarray(photo[:, ::-1]))
    assert np.abs(there - back[:, ::-1]).max() <= 5 / 255 + 1e-6
    assert there.min() == 0
    assert there.max() > 0.9


def test_pictures_of_nothing_are_flat(model):
    for value in (0, 128, 255):
        assert np.ptp(model.predict(np.full((240, 320, 3), value, np.uint8))) < 0.35


@pytest.mark.slow
def test_ranked_classes_and_other_thresholds(model, photo):
    maps = [
        SaliencyModel.from_preset("msroi", device="cpu", options=options).predict(photo)
        for options in (
            model.options,
            replace(model.options, classes=1),
            replace(model.options, classes=5),
            MapOptions(threshold="mean", low=0.5, high=2.0),
            MapOptions(threshold="peak", low=0.2, high=0.8),
        )
    ]
    for i, one in enumerate(maps):
        assert one.shape == photo.shape[:2]
        assert all(np.abs(one - other).max() > 0.1 for other in maps[:i])
    with pytest.raises(OptionError, match="gives no learned evidence"):
        SaliencyModel.from_preset("msroi", options=MapOptions(evidence="learned"))


@pytest.mark.slow
def test_own_weights_with_other_further_classes(model, photo, tmp_path):
    head = presets.read_head(presets.find("msroi"))
    fewer = {**head, "maps/0": head["maps/0"][..., :3], "maps/1": head["maps/1"][:3]}
    path = tmp_path / "own.npz"
    path.write_bytes(weights_file.pack(WeightsFile(fewer, preset="msroi")))
    own = SaliencyModel.from_file(path)
    assert len(own.names) == 1003
    assert own.activations(photo).maps.shape == (19, 29, 1003)
    model.save(path)
    assert np.array_equal(SaliencyModel.from_file(path).predict(photo), model.predict(photo))
    path.write_bytes(weights_file.pack(WeightsFile({**head, "maps/1": head["maps/1"][:2]})))
    with pytest.raises(PresetError):
        SaliencyModel.from_file(path, preset="msroi").predict(photo)


@pytest.mark.tensorflow
def test_head_can_be_trained_on_the_sum_of_the_classes():
    """The training script keeps one map of evidence instead of a thousand."""
    head = MsRoi(outputs=presets.find("msroi").outputs, width=8, classes=5, features=2).build((40, 112, 1280))
    levels = [np.zeros((1, 2 * n - 1, 2 * n - 1, c), np.float32) for n, c in ((9, 40), (5, 112))]
    levels += [np.zeros((1, 5, 5, 1280), np.float32), np.ones((1, 5, 5, 1), np.float32)]
    assert np.asarray(head(levels)).shape == (1, 9, 9, 6)
    assert 2 * MsRoi.stride == network.STRIDE
