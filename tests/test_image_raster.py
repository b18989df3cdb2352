"""Resizing and regions of the core against OpenCV's functions, to the bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from saliency_jpeg.image import _raster

Size = tuple[int, int]
IDENTITY = np.arange(256, dtype=np.float32)


def noise(seed: int, size: Size, channels: int) -> NDArray[np.uint8]:
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def by_opencv(image: NDArray[np.uint8], size: Size, how: int) -> NDArray[np.uint8]:
    resized: NDArray[np.uint8] = cv2.resize(image, size[::-1], interpolation=how).reshape(*size, *image.shape[2:])
    return resized


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("given", "size"),
    [
        ((97, 131), (41, 60)),
        ((90, 120), (30, 40)),
        ((90, 120), (45, 60)),
        ((90, 120), (90, 40)),
        ((77, 5), (77, 5)),
        ((200, 3), (51, 1)),
        ((500, 333), (257, 225)),
    ],
)
def test_areas_are_averaged_as_by_opencv(given: Size, size: Size, channels: int) -> None:
    image = noise(1, given, channels)
    assert np.array_equal(_raster.resize_area(image, size), by_opencv(image, size, cv2.INTER_AREA))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("given", "size"), [((9, 13), (33, 50)), ((1, 1), (7, 5)), ((100, 3), (100, 65)), ((64, 48), (385, 257))]
)
def test_growing_sides_are_interpolated_as_by_opencv(given: Size, size: Size, channels: int) -> None:
    image = noise(2, given, channels)
    assert np.array_equal(_raster.resize_linear(image, size), by_opencv(image, size, cv2.INTER_LINEAR))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("divisor", [2, 4])
def test_means_of_four_are_opencvs(divisor: int, channels: int) -> None:
    image, (top, left) = noise(3, (divisor * 9 + 1, divisor * 14 + 1), channels), (1, 1)
    inside = np.ascontiguousarray(image[top:, left:])
    found = _raster.mean_of_four(image, divisor, (top, left))
    assert np.array_equal(found, by_opencv(inside, (9, 14), cv2.INTER_LINEAR))


@pytest.mark.parametrize(
    ("given", "size"), [((13, 9), (512, 300)), ((1, 5), (40, 77)), ((7, 1), (21, 16)), ((272, 400), (1000, 1500))]
)
def test_maps_are_enlarged_as_by_opencv(given: Size, size: Size) -> None:
    grid = noise(4, given, 1)
    expected = by_opencv(grid, size, cv2.INTER_LINEAR_EXACT)
    assert np.array_equal(_raster.enlarge_exact(grid, size, IDENTITY), expected)
    assert np.array_equal(
        _raster.enlarge_exact(grid, size, IDENTITY / np.float32(255)), expected.astype(np.float32) / np.float32(255)
    )


@pytest.mark.parametrize("seed", range(12))
def test_regions_are_opencvs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.pad((rng.random(rng.integers(3, 40, 2)) < rng.uniform(0.2, 0.98)).astype(np.uint8), 1)
    assert np.array_equal(_raster.distance_to_zero(mask), cv2.distanceTransform(mask, cv2.DIST_L2, 5))
    count, labels = cv2.connectedComponents(mask)
    found, own = _raster.label_parts(mask)
    assert found == count - 1
    assert np.array_equal(own, labels)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda image: _raster.resize_area(image, (9, 20)), "no side may grow"),
        (lambda image: _raster.resize_linear(image, (0, 3)), r"the height must be in 1\.\.65536, got 0"),
        (lambda image: _raster.mean_of_four(image, 3, (0, 0)), "divisor must be 2 or 4"),
        (lambda image: _raster.mean_of_four(image, 2, (1, 0)), r"the first row must be in 0\.\.0, got 1"),
        (
            lambda image: _raster.enlarge_exact(image, (9, 9), IDENTITY[:9]),
            r"table must have shape \(256,\), got \(9,\)",
        ),
        (lambda image: _raster.label_parts(image[..., None]), r"image must have shape \(n, n\), got \(8, 12, 1\)"),
    ],
)
def test_wrong_arguments(call: object, complaint: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=complaint):
        call(noise(5, (8, 12), 1))
