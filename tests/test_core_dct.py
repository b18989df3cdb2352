"""forward_dct: against SciPy's DCT of a float model of colour conversion, subsampling and edge replication."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import SAMPLINGS, Pixels, blocks_along, photo
from numpy.typing import NDArray
from scipy.fft import dctn

from saliency_jpeg.codec import _core

# ITU-R BT.601 with the level shift of T.81, A.3.1 (JFIF's +128 on the chroma and that shift cancel).
YCBCR = np.array([[0.299, 0.587, 0.114], [-0.299 / 1.772, -0.587 / 1.772, 0.5], [0.5, -0.587 / 1.402, -0.114 / 1.402]])


HALVING = (-0.1, 0.6, 0.6, -0.1)  # the filter for a factor of 2; other factors use the mean


def blockwise_dct(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, cols = samples.shape[0] // 8, samples.shape[1] // 8
    blocks = samples.reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3)
    return np.asarray(dctn(blocks, axes=(2, 3), norm="ortho")).reshape(rows, cols, 64)


def padded(image: NDArray[np.float64], h: int, v: int) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    fill = ((0, -height % (8 * v)), (0, -width % (8 * h)), (0, 0))
    return np.pad(image, fill[: image.ndim], mode="edge")


def subsampled(plane: NDArray[np.float64], factor: int, axis: int) -> NDArray[np.float64]:
    plane = np.moveaxis(plane, axis, 0)
    if factor == 2:
        plane = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
        half = sum(weight * plane[i : len(plane) - 2 + i : 2] for i, weight in enumerate(HALVING))
    else:
        half = plane.reshape(-1, factor, plane.shape[1]).mean(1)
    return np.asarray(np.moveaxis(np.asarray(half), 0, axis))


def model(image: Pixels, h: int, v: int) -> list[NDArray[np.float64]]:
    """Coefficients of Y, Cb and Cr."""
    ycbcr = padded(image.astype(float), h, v) @ YCBCR.T - [128, 0, 0]
    planes = [ycbcr[..., 0], *(subsampled(subsampled(ycbcr[..., c], h, 1), v, 0) for c in (1, 2))]
    rows, cols = (blocks_along(s, f, f) for s, f in zip(image.shape[:2], (v, h), strict=True))
    return [blockwise_dct(p)[:rows, :cols] if c == 0 else blockwise_dct(p) for c, p in enumerate(planes)]


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(shape).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("height", range(1, 18))
def test_gray_equals_scipy_for_every_width(height: int) -> None:
    for width in range(1, 18):
        image = noise(height, width)
        (coefficients,) = _core.forward_dct(image)
        assert coefficients.dtype == np.float32
        wanted = blockwise_dct(padded(image.astype(np.float64) - 128, 1, 1))
        np.testing.assert_allclose(coefficients.astype(np.float64), wanted, atol=2e-3)


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (9, 16), (15, 17), (16, 31), (33, 35), (41, 70)])
def test_colour_equals_the_float_model(size: tuple[int, int], sampling: tuple[int, int]) -> None:
    image = noise(*size, 3)
    found, wanted = _core.forward_dct(image, *sampling), model(image, *sampling)
    assert [f.shape for f in found] == [w.shape for w in wanted]
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, atol=2e-3)


def test_colour_equals_the_float_model_on_a_photograph() -> None:
    image = np.array(photo(200, 168))
    for f, w in zip(_core.forward_dct(image, 2, 2), model(image, 2, 2), strict=True):
        np.testing.assert_allclose(f, w, atol=2e-3)


def test_dc_is_eight_times_the_mean_and_gray_has_no_chroma() -> None:
    y, cb, cr = _core.forward_dct(np.full((20, 20, 3), 200, np.uint8), 2, 2)
    np.testing.assert_allclose(y[..., 0], 8 * (200 - 128), atol=1e-3)
    for rest in (y[..., 1:], cb, cr):
        np.testing.assert_allclose(rest, 0, atol=1e-3)


def test_gray_ignores_the_sampling() -> None:
    image = noise(30, 21)
    assert np.array_equal(_core.forward_dct(image, 2, 2)[0], _core.forward_dct(image)[0])


@pytest.mark.parametrize(
    ("image", "sampling", "error", "message"),
    [
        (np.zeros((8, 8, 3), np.float32), (1, 1), TypeError, "incompatible function arguments"),
        (np.zeros((8, 8, 3), np.uint8)[:, ::2], (1, 1), TypeError, "incompatible function arguments"),
        (np.zeros((8, 8, 4), np.uint8), (1, 1), ValueError, "must have shape"),
        (np.zeros(8, np.uint8), (1, 1), ValueError, "must have shape"),
        (np.zeros((0, 8), np.uint8), (1, 1), ValueError, "the height must be in 1..65535, got 0"),
        (np.zeros((1, 65536), np.uint8), (1, 1), ValueError, "the width must be in 1..65535, got 65536"),
        (np.zeros((8, 8, 3), np.uint8), (5, 1), ValueError, "h must be in 1..4, got 5"),
        (np.zeros((8, 8, 3), np.uint8), (1, 0), ValueError, "v must be in 1..4, got 0"),
    ],
)
def test_bad_images_raise(image: Pixels, sampling: tuple[int, int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _core.forward_dct(image, *sampling)
