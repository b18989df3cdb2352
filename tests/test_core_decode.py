"""inverse_dct, correct_samples, upsample and to_pixels: against SciPy, NumPy models and libjpeg-turbo."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from helpers import Pixels, encoded, photo, quantized, random_levels
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn, idctn

from saliency_jpeg.codec import _core

Floats = NDArray[np.float32]
TABLE = np.arange(1, 65, dtype=np.uint16)


def levels_of(rows: int = 3, cols: int = 4, seed: int = 0) -> NDArray[np.int16]:
    return random_levels((8 * rows, 8 * cols), [(1, 1)], seed, high=40).levels[0]


def blocks(samples: Any) -> NDArray[np.float64]:
    """(rows, cols, 64) DCT coefficients of samples (8 rows, 8 cols)."""
    rows, cols = samples.shape[0] // 8, samples.shape[1] // 8
    apart = np.asarray(samples, float).reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3)
    return np.asarray(dctn(apart, axes=(2, 3), norm="ortho")).reshape(rows, cols, 64)


def samples_of(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, cols = coefficients.shape[:2]
    apart = idctn(coefficients.reshape(rows, cols, 8, 8), axes=(2, 3), norm="ortho")
    return np.asarray(apart.transpose(0, 2, 1, 3).reshape(8 * rows, 8 * cols))


def noise(*shape: int, seed: int = 1, scale: float = 1.0) -> Floats:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


# Levels to samples --------------------------------------------------------------------------------------------------


def test_samples_are_those_of_scipy() -> None:
    levels = levels_of()
    found = _core.inverse_dct(levels, TABLE)
    wanted = samples_of(levels * TABLE.astype(float)) + 128
    assert found.dtype == np.float32
    assert wanted.min() < 0
    assert wanted.max() > 255
    np.testing.assert_allclose(found, wanted, atol=0.01)
    np.testing.assert_array_equal(_core.inverse_dct(levels, TABLE, clip=True), found.clip(0, 255))


def test_levels_and_steps_at_their_limits_do_not_overflow() -> None:
    levels = np.full((1, 2, 64), -32768, np.int16)
    levels[0, 1] = 32767
    table = np.full(64, 65535, np.uint16)
    wanted = samples_of(levels * table.astype(float)) + 128
    np.testing.assert_allclose(_core.inverse_dct(levels, table), wanted, rtol=1e-5, atol=1e4)


# Corrections --------------------------------------------------------------------------------------------------------


def moved(bounds: Floats | None, scale: float = 60.0) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Levels, and by how many steps a large random correction has moved their coefficients."""
    levels = levels_of(seed=5)
    samples = _core.correct_samples(levels, TABLE, noise(24, 32, scale=scale), bounds)
    return levels, blocks(samples - np.float32(128)) / TABLE - levels


def test_corrections_keep_to_the_interval_of_each_level() -> None:
    zero, below, above, dc = bounds = np.array([0.9, 0.5, 0.25, 0.125], np.float32)
    levels, steps = moved(bounds)
    ac, of_ac, tolerance = levels[..., 1:], steps[..., 1:], 2e-3
    outwards = of_ac * np.sign(ac)
    for values, low, high in (
        (of_ac[ac == 0], -zero, zero),
        (outwards[ac != 0], -below, above),
        (steps[..., 0], -dc, dc),
    ):
        assert values.min() == pytest.approx(low, abs=tolerance), "the limit is reached, and not passed"
        assert values.max() == pytest.approx(high, abs=tolerance)


def test_small_corrections_are_added_in_full() -> None:
    levels = levels_of()
    correction = noise(24, 32, scale=0.05)
    wide = np.full(4, 1e6, np.float32)
    wanted = _core.inverse_dct(levels, TABLE) + correction
    np.testing.assert_allclose(_core.correct_samples(levels, TABLE, correction, wide), wanted, atol=2e-3)
    np.testing.assert_array_equal(_core.correct_samples(levels, TABLE, correction), wanted)


def test_an_infinite_bound_is_none() -> None:
    _, free = moved(None, scale=600)
    for at in range(4):
        bounds = np.full(4, np.inf, np.float32)
        np.testing.assert_allclose(moved(bounds, scale=600)[1], free, atol=2e-3)
        bounds[at] = 0.5
        _, steps = moved(bounds, scale=600)
        inside = np.abs(steps - free) < 2e-3
        assert 0 < inside.mean() < 1
        assert np.isfinite(steps).all()


def test_bounds_of_0_leave_the_levels_as_they_are() -> None:
    levels, steps = moved(np.zeros(4, np.float32))
    assert levels.any()
    np.testing.assert_allclose(steps, 0, atol=2e-3)


def test_without_bounds_large_corrections_are_added_in_full() -> None:
    _, steps = moved(None)
    assert np.abs(steps[..., 1:4]).max() > 10


# Upsampling and pixels ----------------------------------------------------------------------------------------------


def decoded(jpeg: bytes, ycc: bool, dtype: Any = np.uint8) -> NDArray[Any]:
    """A JPEG file by the functions under test."""
    image = _core.read_jpeg(jpeg)
    height, width = image.size
    factors = [
        (max(h for h, _ in image.sampling) // h, max(v for _, v in image.sampling) // v) for h, v in image.sampling
    ]
    planes = [
        _core.inverse_dct(levels, image.tables[table], clip=True)[: -(-height // v), : -(-width // h)]
        for levels, table, (h, v) in zip(image.levels, image.component_tables, factors, strict=True)
    ]
    out = np.zeros((height, width) if len(planes) == 1 else (height, width, 3), dtype)
    _core.to_pixels(planes, factors, ycc, out)
    return out


def by_turbo(jpeg: bytes, mode: str) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft(mode, image.size)
        return np.asarray(image).astype(np.int64)


SIZES = [(1, 1), (2, 3), (3, 4), (4, 5), (5, 2), (7, 6), (16, 16), (17, 33), (95, 7), (96, 96)]


@pytest.mark.parametrize("factors", [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (1, 4), (3, 1)])
@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_those_of_libjpeg_turbo(size: tuple[int, int], factors: tuple[int, int]) -> None:
    """Within one level of its YCbCr and two of its RGB, which it rounds three times on the way, three in blue."""
    picture = quantized(np.ascontiguousarray(photo()[: size[0], : size[1]]), *factors, step=9)
    jpeg = picture.jpeg()
    assert np.abs(by_turbo(jpeg, "YCbCr") - decoded(jpeg, ycc=False)).max() <= 1
    off = np.abs(by_turbo(jpeg, "RGB") - decoded(jpeg, ycc=True)).reshape(-1, 3)
    assert off[:, :2].max() <= 2
    assert off[:, 2].max() <= 3
    assert (off > 2).mean() < 1e-3


@pytest.mark.parametrize("size", SIZES)
def test_gray_pixels_are_those_of_libjpeg_turbo(size: tuple[int, int]) -> None:
    jpeg = encoded(np.ascontiguousarray(photo()[: size[0], : size[1], 0]), quality=60, progressive=True)
    assert np.abs(by_turbo(jpeg, "L") - decoded(jpeg, ycc=False)).max() <= 1


def test_upsampling_by_hand() -> None:
    plane = np.array([[0, 4, 8], [16, 20, 24]], np.float32)
    across = [[0, 1, 3, 5, 7], [16, 17, 19, 21, 23]]
    np.testing.assert_array_equal(_core.upsample(plane, 2, 1, (2, 5)), across)
    np.testing.assert_array_equal(_core.upsample(plane, 1, 2, (3, 3)), [[0, 4, 8], [4, 8, 12], [12, 16, 20]])
    np.testing.assert_array_equal(_core.upsample(plane, 2, 2, (3, 5))[1], [4, 5, 7, 9, 11])
    np.testing.assert_array_equal(_core.upsample(plane, 3, 1, (2, 7))[0], [0, 0, 0, 4, 4, 4, 8])
    np.testing.assert_array_equal(_core.upsample(plane, 1, 1, (2, 3)), plane)


def test_components_of_two_columns_repeat() -> None:
    """As in libjpeg-turbo: jdsample.c asks for a width above two, in both directions."""
    plane = np.array([[0, 4], [16, 20]], np.float32)
    np.testing.assert_array_equal(_core.upsample(plane, 2, 2, (4, 4)), plane.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(_core.upsample(plane, 1, 2, (4, 2))[1], [4, 8])


def test_rows_may_be_apart_in_memory() -> None:
    wide = noise(10, 20, scale=50)
    part = wide[:7, :9]
    np.testing.assert_array_equal(_core.upsample(part, 2, 2, (13, 18)), _core.upsample(part.copy(), 2, 2, (13, 18)))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_pixels_of_every_dtype(dtype: Any, white: int) -> None:
    """JFIF's equations in double precision, within half a level."""
    y, cb, cr = planes = [128 + noise(9, 11, seed=s, scale=70) for s in range(3)]
    out = np.zeros((9, 11, 3), dtype)
    _core.to_pixels(planes, [(1, 1)] * 3, True, out)
    y, cb, cr = (np.clip(p.astype(float), 0, 255) - o for p, o in zip(planes, (0, 128, 128), strict=True))
    rgb = np.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], -1).clip(0, 255)
    assert rgb.min() == 0
    assert rgb.max() == 255
    assert out.max() == white
    assert out.min() == 0
    half = 0.5001 if dtype != np.float32 else 1e-6
    np.testing.assert_allclose(out.astype(float), rgb / 255 * white, atol=half, rtol=0)


def test_components_that_are_not_ycc_stay_as_they_are() -> None:
    pixels: Pixels = np.array(photo(40, 24))
    planes = [np.ascontiguousarray(pixels[..., c], np.float32) for c in range(3)]
    out = np.zeros_like(pixels)
    _core.to_pixels(planes, [(1, 1)] * 3, False, out)
    np.testing.assert_array_equal(out, pixels)
    gray = np.zeros((40, 24), np.uint16)
    _core.to_pixels(planes[:1], [(1, 1)], False, gray)
    np.testing.assert_array_equal(gray, pixels[..., 0] * np.uint16(257))


# Arguments ----------------------------------------------------------------------------------------------------------

ONE_BLOCK, ONE_PLANE = np.zeros((1, 1, 64), np.int16), np.zeros((8, 8), np.float32)


@pytest.mark.parametrize(
    ("function", "arguments", "complaint"),
    [
        ("inverse_dct", (np.zeros((1, 64), np.int16), TABLE), "levels must have shape"),
        ("inverse_dct", (np.zeros((0, 1, 64), np.int16), TABLE), "block rows must be in 1..8192, got 0"),
        ("inverse_dct", (ONE_BLOCK, TABLE * 0), "quantization step must be in 1..65535, got 0"),
        ("correct_samples", (ONE_BLOCK, TABLE, ONE_PLANE[:4]), r"correction must have shape \(8, 8\)"),
        ("correct_samples", (ONE_BLOCK, TABLE, ONE_PLANE, np.ones(3, np.float32)), r"bounds must have shape \(4,\)"),
        ("correct_samples", (ONE_BLOCK, TABLE, ONE_PLANE, np.full(4, -0.5, np.float32)), "0 or more, got -0.5"),
        ("correct_samples", (ONE_BLOCK, TABLE, ONE_PLANE, np.full(4, np.nan, np.float32)), "0 or more, got nan"),
        ("upsample", (ONE_PLANE, 5, 1, (8, 8)), r"h must be in 1\.\.4, got 5"),
        ("upsample", (ONE_PLANE, 2, 1, (8, 8)), r"a plane must have shape \(8, 4\), got \(8, 8\)"),
        ("upsample", (ONE_PLANE, 1, 1, (8, 0)), "the width must be in 1..65535, got 0"),
        ("upsample", (ONE_PLANE.T[:4], 1, 1, (4, 8)), "samples of a row must be adjacent"),
        ("upsample", (ONE_PLANE[::-1], 1, 1, (8, 8)), "rows must follow one another"),
        ("to_pixels", ([ONE_PLANE] * 2, [(1, 1)] * 2, False, np.zeros((8, 8, 2), np.uint8)), "1 plane or 3 planes"),
        ("to_pixels", ([ONE_PLANE], [(1, 1)], True, np.zeros((8, 8), np.uint8)), "YCbCr has 3 planes"),
        ("to_pixels", ([ONE_PLANE], [], False, np.zeros((8, 8), np.uint8)), "sampling factors must be 1, got 0"),
        ("to_pixels", ([ONE_PLANE], [(1, 1)], False, np.zeros((8, 8, 3), np.uint8)), "out must have shape"),
    ],
)
def test_wrong_arguments_raise(function: str, arguments: tuple[Any, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        getattr(_core, function)(*arguments)


def test_wrong_types_raise() -> None:
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.inverse_dct(ONE_BLOCK.astype(np.int32), TABLE)
    for out in (np.zeros((8, 8), np.float64), np.zeros((8, 16), np.uint8)[:, ::2]):
        with pytest.raises(TypeError, match="C-contiguous array of uint8, uint16 or float32"):
            _core.to_pixels([ONE_PLANE], [(1, 1)], False, out)  # type: ignore[arg-type]
