"""From activations to a grid, and from pixels to a grid and back: arrays alone, no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from saliency_jpeg.errors import InputError, OptionError, PresetError
from saliency_jpeg.saliency import Activations, MapOptions, presets
from saliency_jpeg.saliency.grid import Lattice, enlarge, group_equal, input_size, resize, sampling_matrix
from saliency_jpeg.saliency.heads import Pyramid
from saliency_jpeg.saliency.maps import class_evidence, saliency_grid

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
def test_thresholds(options: MapOptions, expected: list[int]) -> None:
    got = saliency_grid(class_evidence(_activations().maps, options.classes), options)
    assert got.dtype == np.uint8
    assert not (got % 5).any()
    assert np.abs(got[0].astype(int) - expected).max() <= 2.5


def test_ranked_classes_keep_the_scale_of_all() -> None:
    activations = _activations()
    options = MapOptions("fixed", 0, 1000, contrast=0)
    all_classes, best = (saliency_grid(class_evidence(activations.maps, n), options) for n in (None, 1))
    assert abs(int(all_classes.sum()) - int(best.sum())) <= 5 * best.size / 2
    assert best[0, 1] == 0 < all_classes[0, 1]


def test_no_evidence_is_no_saliency_and_nan_is_an_error() -> None:
    nothing = Activations(np.full((2, 3, 4), -1, np.float32), tuple("abcd"))
    for classes in (None, 2):
        assert not saliency_grid(class_evidence(nothing.maps, classes), MapOptions(contrast=0)).any()
    with pytest.raises(PresetError, match="not finite"):
        saliency_grid(np.full((2, 3), np.nan), MapOptions())


def learned(gaze: float, *outputs: np.ndarray) -> np.ndarray:
    """Evidence of the pyramid from logits of gaze, objects and, if given, faces, with the default's constants."""
    constants = presets.find("default").outputs
    names = ("gaze", "objects", "faces")[: len(outputs)]
    head = Pyramid(outputs={name: constants[name] for name in names})
    return head.to_evidence(np.stack(outputs, axis=2).astype(np.float32), MapOptions(evidence="learned", gaze=gaze))


def test_learned_evidence_is_high_where_looks_and_objects_meet() -> None:
    looks, objects = np.full((2, 10, 10), -9.0)
    looks[4:6, 4:8], objects[4:6, 2:6] = 9, 9  # looked at, an object, and both in the middle
    evidence = learned(0.75, looks, objects)
    assert evidence[4, 4] == pytest.approx(1 - 0.75 * 0.25 * 0.85, abs=1e-3)
    assert evidence[4, 2] == pytest.approx(0.25, abs=1e-3)  # an object nobody looks at
    assert evidence[4, 7] == pytest.approx(0.75 * 0.2, abs=1e-3)  # looked at, but no object
    assert evidence[0].max() < 1e-3
    np.testing.assert_allclose(learned(0.0, looks, objects), objects > 0, atol=1e-3)
    assert learned(1.0, looks, objects)[4, 2] < 1e-3


def test_the_whole_face_matters_though_people_look_at_the_eyes() -> None:
    looks, objects, faces = np.full((3, 10, 10), -9.0)
    looks[4, 4], faces[3:6, 3:6] = 9, 9
    evidence = learned(0.75, looks, objects, faces)
    assert np.all(evidence[3:5, 3:6] >= 0.43)
    assert np.all(evidence[2:6, 4] >= 0.4)  # from the hair to the chin
    assert np.all(evidence[8:] < 0.01)
    assert np.array_equal(learned(0.75, looks, objects, np.full((10, 10), -9.0)), learned(0.75, looks, objects))


def test_even_looks_and_no_objects_are_no_evidence() -> None:
    flat = learned(0.75, np.zeros((9, 12)), np.full((9, 12), -9.0))
    assert np.ptp(flat) == 0
    assert flat.max() < 0.01


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
        ({"evidence": "hearsay"}, "'hearsay'"),
        ({"gaze": 1.5}, "1.5"),
        ({"smoothing": 0.1}, "0.1"),
        ({"smoothing": "much"}, "'much'"),
        ({"classes": 0}, "0"),
        ({"classes": 2.5}, "2.5"),
    ],
)
def test_options_check_themselves(changes: dict[str, Any], got: str) -> None:
    with pytest.raises(OptionError, match=f"got {got}$"):
        replace(MapOptions(), **changes)


def test_activations_check_themselves() -> None:
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
def test_input_size(image: tuple[int, int], network: tuple[int, int]) -> None:
    height, width = image
    assert input_size(height, width, 320, 32) == network
    assert input_size(height, width, 320, 32, margin=1) == (network[0] + 1, network[1] + 1)


def test_few_input_sizes_exist() -> None:
    rng = np.random.default_rng(0)
    assert len({input_size(int(h), int(w), 320, 32) for h, w in rng.integers(1, 5000, (20_000, 2))}) == 19


def test_images_of_one_input_size_share_a_batch() -> None:
    assert group_equal([(32, 64), (64, 32), (32, 64)]) == [[0, 2], [1]]
    assert group_equal([]) == []


def test_resize_averages_in_each_direction_alone() -> None:
    stripes = np.zeros((2, 6400), np.uint8)
    stripes[:, ::2] = 200
    small = resize(stripes, (32, 320))
    assert small.shape == (32, 320, 3)
    assert small.dtype == np.uint8
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert np.abs(resize(stripes.T.copy(), (320, 32)).astype(int) - 100).max() <= 1


@pytest.mark.parametrize(("length", "cells"), [(1, 10), (7, 1), (320, 10), (4001, 7)])
def test_sampling_matrix_is_a_mean(length: int, cells: int) -> None:
    matrix = sampling_matrix(length, cells, lattice=Lattice.of(32, offset=3.2), sigma=0.6)
    assert matrix.shape == (length, cells)
    assert matrix.dtype == np.float32
    assert np.array_equal(matrix, np.rint(matrix))
    assert matrix.min() >= 0
    assert np.array_equal(matrix.sum(axis=1), np.full(length, 4096))


def test_enlarge_matches_plain_gaussian_interpolation() -> None:
    cells = np.random.default_rng(0).integers(0, 256, (7, 10), dtype=np.uint8)
    got = enlarge(cells, (333, 500), lattice=Lattice.of(32, offset=3.2), sigma=0.6)
    rows, cols = (
        np.exp(-0.5 * (((np.arange(n) + 0.5) * m / n)[:, None] - (np.arange(m) + 0.6)) ** 2 / 0.36)
        for n, m in ((333, 7), (500, 10))
    )
    expected = rows @ cells @ cols.T / rows.sum(axis=1)[:, None] / cols.sum(axis=1) / 255
    difference = np.abs(got - expected)
    assert difference[2:-2, 2:-2].max() < 0.5 / 255 + 4e-3
    assert difference.max() < 0.012  # the outermost pixels take the value of the outermost sample
    for value in (0, 55, 255):
        flat = enlarge(np.full((3, 10), value, np.uint8), (50, 77), lattice=Lattice.of(32, offset=3.2), sigma=0.6)
        assert np.array_equal(flat, np.full((50, 77), np.float32(value / 255)))


def test_offset_moves_the_map_down_and_right() -> None:
    cells = np.zeros((9, 9), np.uint8)
    cells[4, 4] = 255
    for offset in (0.0, 0.25):
        saliency = enlarge(cells, (288, 288), lattice=Lattice.of(32, offset=32 * offset), sigma=0.5)
        rows, cols = (saliency.sum(axis=axis) @ (np.arange(288) + 0.5) / saliency.sum() for axis in (1, 0))
        assert rows == pytest.approx(144 + 32 * offset, abs=1)
        assert cols == pytest.approx(144 + 32 * offset, abs=1)


def test_aligned_cells_lie_on_their_pixels() -> None:
    cells = np.zeros((5, 9), np.uint8)
    cells[1, 2] = 255
    saliency = enlarge(cells, (33, 65), lattice=Lattice.of(8, margin=1), sigma=0.4)
    assert divmod(int(saliency.argmax()), saliency.shape[1]) == (8, 16)
    assert np.abs(saliency[:, :33] - saliency[:, 32::-1]).max() <= 1 / 255 + 1e-6
