"""Maps that are enlarged late: block means from the cells, rotation, mirror images, copies; what plug-ins are given."""

from __future__ import annotations

import pickle
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg import Encoder, InputError
from saliency_jpeg.allocation import block_weights, saliency_and_masking
from saliency_jpeg.codec.coefficients import LumaStatistics
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.image.orientation import rotate
from saliency_jpeg.saliency import SaliencyModel, grid, lazy_map
from saliency_jpeg.saliency.grid import Lattice, block_means
from saliency_jpeg.saliency.lazy_map import Cells, SaliencyMap

GAZE = Lattice.of(8, margin=1)
CAM = Lattice.of(32, offset=3)
LEVEL = 1 / 255


def cells(rows: int, cols: int, lattice: Lattice = GAZE, seed: int = 0) -> Cells:
    """Smooth values from 0 to 255 in steps of 5, as a network's evidence is: nothing turns from 0 to 255 in a cell."""
    coarse = np.random.default_rng(seed).integers(0, 256, (rows // 3 + 2, cols // 3 + 2), np.uint8)
    values = grid.resize(coarse, (rows, cols))[..., 0] // 5 * 5
    return Cells(np.ascontiguousarray(values), lattice, lattice, 0.45)


def lazy(height: int, width: int, rows: int = 33, cols: int = 49, lattice: Lattice = GAZE) -> SaliencyMap:
    return SaliencyMap((height, width), cells(rows, cols, lattice))


@pytest.mark.parametrize("size", [(512, 768), (511, 761), (1, 1), (5, 900), (1537, 7), (2001, 3003), (3000, 4501)])
@pytest.mark.parametrize("lattice", [GAZE, CAM])
def test_block_means_are_those_of_the_enlarged_map(size: tuple[int, int], lattice: Lattice) -> None:
    made = lazy(*size, lattice=lattice)
    for beyond in (0, 1):  # a further block at the edge, where MCUs of 16 pixels end
        rows, cols = (-(-side // 8) + beyond for side in size)
        difference = np.abs(made.block_means(rows, cols) - block_means(made.pixels, rows, cols))
        assert difference.max() < LEVEL
        assert difference.mean() < (0.2 if min(size) > 8 else 0.5) * LEVEL


def test_no_map_is_enlarged_for_block_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    luma = LumaStatistics.of(np.random.default_rng(1).normal(0, 20, (64, 96, 64)).astype(np.float32))
    whole = block_weights(lazy(512, 768).pixels, luma)
    monkeypatch.setattr(lazy_map, "enlarge", lambda *_, **__: pytest.fail("the map was enlarged"))
    weights = block_weights(lazy(512, 768), luma)
    np.testing.assert_allclose(weights, whole, rtol=2e-3)
    assert not np.array_equal(weights, block_weights(None, luma))


@pytest.mark.parametrize("lattice", [GAZE, CAM])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_map_is_the_map_rotated(orientation: int, lattice: Lattice) -> None:
    upright = lazy(301, 450, lattice=lattice)
    stored = upright.rotated(orientation, back=True)
    np.testing.assert_array_equal(stored.pixels, rotate(upright.pixels, orientation, back=True))
    assert stored.size == stored.pixels.shape
    assert stored.pixels.flags.c_contiguous
    rows, cols = (-(-side // 8) for side in stored.size)
    difference = stored.block_means(rows, cols) - block_means(stored.pixels, rows, cols)
    assert np.abs(difference).max() < LEVEL
    np.testing.assert_array_equal(stored.rotated(orientation).pixels, upright.pixels)
    given = SaliencyMap.of(upright.pixels).rotated(orientation, back=True)
    np.testing.assert_array_equal(given.pixels, stored.pixels)


def test_mirrored_cells_have_mirrored_block_means() -> None:
    made = lazy(304, 448)
    mirrored = made.rotated(2)
    np.testing.assert_array_equal(mirrored.block_means(38, 56), made.block_means(38, 56)[:, ::-1])
    np.testing.assert_array_equal(made.rotated(4).block_means(38, 56), made.block_means(38, 56)[::-1])
    assert not np.array_equal(mirrored.block_means(38, 56), made.block_means(38, 56))


def test_a_map_of_fewer_pixels() -> None:
    made = lazy(600, 900)
    small = made.shrunk((150, 225))
    assert small.pixels.shape == (150, 225)
    assert np.abs(small.pixels - made.pixels.reshape(150, 4, 225, 4).mean(axis=(1, 3))).mean() < LEVEL
    given = SaliencyMap.of(made.pixels).shrunk((150, 225))
    assert np.abs(small.pixels - given.pixels).mean() < 3 * LEVEL


def test_a_copy_takes_the_cells_and_not_the_pixels() -> None:
    made = lazy(600, 900)
    pixels = made.pixels
    stored = pickle.dumps(made)
    assert len(stored) < 5000
    np.testing.assert_array_equal(pickle.loads(stored).pixels, pixels)
    assert made.pixels is pixels


class Seen:
    """Block weights from outside that remember the map they were given."""

    saliency: Any = None

    def __call__(self, coefficients: Any, saliency: Any, **keywords: Any) -> NDArray[np.float32]:
        self.saliency = saliency
        return saliency_and_masking(coefficients, saliency, **keywords)


def test_plug_ins_get_pixels_and_a_result_gives_them(photo: NDArray[np.uint8]) -> None:
    seen, made = Seen(), lazy(*photo.shape[:2])
    encoder = Encoder(quality=60, coding=Coding(block_weights=seen))
    result = encoder.encode(encoder.load(photo), made)
    assert isinstance(seen.saliency, np.ndarray)
    assert (seen.saliency.shape, seen.saliency.dtype) == (photo.shape[:2], np.float32)
    np.testing.assert_array_equal(result.saliency, made.pixels)
    assert result.saliency is result.saliency
    by_pixels = Encoder(quality=60).encode(encoder.load(photo), made.pixels)
    np.testing.assert_array_equal(by_pixels.saliency, made.pixels)
    assert result.jpeg == by_pixels.jpeg


@pytest.mark.parametrize("size", [(1028, 1540), (2057, 3083), (4000, 6000), (257, 3080)])
def test_a_large_picture_is_reduced_to_what_averaging_gives(size: tuple[int, int]) -> None:
    image = grid.resize(np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8), size)
    wanted = cv2.resize(image, (385, 257), interpolation=cv2.INTER_AREA).astype(float)
    made = grid.resize(image, (257, 385)).astype(float)
    assert np.abs(made - wanted).mean() < 1.5  # a quarter of a pixel of 385 is cut off at most
    assert np.abs(made - wanted).max() <= 16
    mirrored = grid.resize(np.ascontiguousarray(image[:, ::-1]), (257, 385))[:, ::-1]
    assert np.abs(made - mirrored).max() <= 8


@pytest.mark.tensorflow
def test_a_model_makes_the_same_map_late(photo: NDArray[np.uint8]) -> None:
    model = SaliencyModel.from_preset()
    made = model.lazy_map(photo)
    assert isinstance(made.source, Cells)
    np.testing.assert_array_equal(made.pixels, model.predict(photo))
    result = Encoder(quality=50).compress(photo)
    np.testing.assert_array_equal(result.saliency, made.pixels)


def test_the_map_of_a_result_makes_the_same_file_again(photo: NDArray[np.uint8]) -> None:
    encoder = Encoder(quality=60)
    made = encoder.encode(encoder.load(photo), lazy(*photo.shape[:2]))
    assert made.saliency_map is not None
    again = Encoder(quality=60, saliency=made.saliency_map)
    assert again.compress(photo).jpeg == made.jpeg
    assert again.compress(np.ascontiguousarray(photo[::-1])).jpeg != made.jpeg
    small = Encoder(quality=60, saliency=made.saliency_map, max_width=384).compress(photo)
    assert small.saliency is not None
    assert small.saliency.shape == (256, 384)
    with pytest.raises(InputError, match=r"must have the image's shape \(512, 700\), got \(512, 768\)"):
        again.compress(photo[:, :700])
