"""Luma that makes up for errors of the chroma: its formula, on the chroma that Pillow decodes, and its effect."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers import pillow_pixels
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import idctn

import saliency_jpeg
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.parameters import TUNINGS

RED, GREEN, BLUE = 0.299, 0.587, 0.114
FAINT = 20.0


def colourful(height: int = 61, width: int = 83) -> NDArray[np.uint8]:
    """A picture of smooth color gradients and a few bars with hard edges."""
    rows, cols = np.mgrid[:height, :width] / 16
    soft = 128 + 90 * np.stack(
        [np.sin(rows + cols), np.cos(rows - 0.7 * cols), np.sin(0.5 * rows + 1.3 * cols)], axis=-1
    )
    soft[:, ::19] = (200, 30, 40)
    return np.asarray(np.clip(np.rint(soft), 0, 255), np.uint8)


def coded_chroma(
    image: NDArray[np.uint8], h: int, v: int, step: int
) -> tuple[list[NDArray[np.int16]], NDArray[np.uint16]]:
    table = np.full(64, step, np.uint16)
    return [_core.quantize_plain(c, table) for c in _core.forward_dct(image, h, v)[1:]], np.stack([table, table])


def samples(coefficients: NDArray[np.float32]) -> NDArray[np.float64]:
    """(8 rows, 8 cols) samples less 128."""
    rows, cols = coefficients.shape[:2]
    blocks = idctn(coefficients.reshape(rows, cols, 8, 8).astype(np.float64), axes=(2, 3), norm="ortho")
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(8 * rows, 8 * cols))


def decoded_chroma(
    image: NDArray[np.uint8], levels: list[NDArray[np.int16]], tables: NDArray[np.uint16], h: int, v: int
) -> NDArray[np.float64]:
    """(H, W, 2) Cb and Cr less 128 as Pillow decodes and interpolates them."""
    luma = _core.quantize_plain(_core.forward_dct(image, h, v)[0], np.ones(64, np.uint16))
    jpeg = _core.write_jpeg(
        [luma, *levels],
        np.concatenate([np.ones((1, 64), np.uint16), tables]),
        image.shape[:2],
        [(h, v), (1, 1), (1, 1)],
    )
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.draft("YCbCr", picture.size)
        return np.asarray(picture)[..., 1:].astype(np.float64) - 128


def expected_shift(image: NDArray[np.uint8], coded: NDArray[np.float64]) -> NDArray[np.float64]:
    red, green, blue = np.moveaxis(image.astype(np.float64), 2, 0)
    luma = RED * red + GREEN * green + BLUE * blue
    cb, cr = coded[..., 0] - (blue - luma) / 1.772, coded[..., 1] - (red - luma) / 1.402
    light = [weight * (c + FAINT) for weight, c in zip((RED, GREEN, BLUE), (red, green, blue), strict=True)]
    off = [1.402 * cr, -0.344136 * cb - 0.714136 * cr, 1.772 * cb]
    return -sum(w * d for w, d in zip(light, off, strict=True)) / sum(light)  # type: ignore[no-any-return]


def compensated_luma(
    image: NDArray[np.uint8],
    levels: list[NDArray[np.int16]],
    tables: NDArray[np.uint16],
    h: int,
    v: int,
    strength: float,
) -> NDArray[np.float32]:
    return _core.luma_blocks(image, chroma=_core.ChromaErrors(levels, tables, h, v, strength))


@pytest.mark.parametrize(("h", "v"), [(1, 1), (2, 1), (2, 2), (1, 2), (4, 1)])
def test_strength_0_leaves_the_luma_unchanged(h: int, v: int) -> None:
    image = colourful()
    levels, tables = coded_chroma(image, h, v, 40)
    luma = compensated_luma(image, levels, tables, h, v, 0.0)
    np.testing.assert_array_equal(luma, _core.forward_dct(image, h, v)[0])


@pytest.mark.parametrize(("h", "v"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("shape", [(61, 83), (16, 16), (1, 9), (7, 1)])
def test_shift_agrees_with_decoded_chroma(h: int, v: int, shape: tuple[int, int]) -> None:
    image = colourful(*shape)
    levels, tables = coded_chroma(image, h, v, 30)
    difference = compensated_luma(image, levels, tables, h, v, 0.5) - _core.forward_dct(image, h, v)[0]
    found = samples(difference)[: shape[0], : shape[1]]
    expected = 0.5 * expected_shift(image, decoded_chroma(image, levels, tables, h, v))
    assert np.abs(expected).max() > 2 or min(shape) == 1  # the test is not trivial
    np.testing.assert_allclose(found, expected, atol=1.0)  # the decoder rounds to integers twice


def test_flat_colour_by_hand() -> None:
    """One block of (200, 100, 50) whose chroma is quantized to multiples of 10 (DC is eight times the sample)."""
    image = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    levels, tables = coded_chroma(image, 1, 1, 80)
    cb, cr = (10.0 * level[0, 0, 0] for level in levels)
    luma = compensated_luma(image, levels, tables, 1, 1, 1.0)
    plain = RED * 200 + GREEN * 100 + BLUE * 50
    shift = expected_shift(image[:1, :1], np.array([[[cb, cr]]]))[0, 0]
    assert abs(shift) > 0.1
    assert luma[0, 0, 0] == pytest.approx(8 * (plain - 128 + shift), abs=0.01)
    np.testing.assert_allclose(luma[0, 0, 1:], 0, atol=1e-3)


def test_gray_pixels_are_unchanged() -> None:
    """In a gray pixel, red, green and blue have their luma weights, and an error of the chroma has no luma."""
    gray = np.repeat(colourful()[..., :1], 3, axis=2)
    levels, tables = coded_chroma(gray, 2, 2, 60)
    plain = _core.forward_dct(gray, 2, 2)[0]
    np.testing.assert_allclose(compensated_luma(gray, levels, tables, 2, 2, 1.0), plain, atol=1e-2)


def light_error(image: NDArray[np.uint8], jpeg: bytes) -> float:
    def light(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray((pixels / 255.0) ** 2.2 @ np.array([RED, GREEN, BLUE]))

    return float(np.sqrt(np.mean(np.square(light(pillow_pixels(jpeg)) - light(image)))))


def test_decoded_pixels_keep_their_light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default setting uses compensation: at equal bytes, the error of the light is smaller than without."""
    from dataclasses import replace

    image = colourful(160, 240)
    compensated = saliency_jpeg.compress(image, target_kb=6, saliency=None, subsampling="4:2:0")
    monkeypatch.setitem(TUNINGS, "default", replace(TUNINGS["default"], compensation=0.0))
    plain = saliency_jpeg.compress(image, target_kb=6, saliency=None, subsampling="4:2:0")
    assert light_error(image, compensated) < 0.95 * light_error(image, plain)


@pytest.mark.parametrize(("h", "v"), [(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (3, 3)])
def test_rows_of_blocks_may_be_left_out_and_shared_among_threads(h: int, v: int) -> None:
    image = np.tile(colourful(640, 330), (1, 1, 1))
    levels, tables = coded_chroma(image, h, v, 30)
    chroma = _core.ChromaErrors(levels, tables, h, v, 0.5)
    whole = _core.luma_blocks(image, chroma=chroma)
    for every, threads in ((1, 3), (3, 1), (7, 2), (1000, 1)):
        np.testing.assert_array_equal(_core.luma_blocks(image, every, chroma, threads), whole[::every])
        plain = _core.luma_blocks(image, every, threads=threads)
        np.testing.assert_array_equal(plain, _core.forward_dct(image)[0][::every])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"image": np.zeros((8, 8), np.uint8)}, "chroma does not go with a gray image"),
        ({"h": 5}, r"h must be in 1\.\.4, got 5"),
        ({"levels": [np.zeros((1, 1, 64), np.int16)]}, "Cb and Cr.* must be 2, got 1"),
        ({"levels": [np.zeros((1, 2, 64), np.int16)] * 2}, r"must have shape \(1, 1, 64\), got \(1, 2, 64\)"),
        ({"tables": np.ones((3, 64), np.uint16)}, r"tables must have shape \(2, 64\)"),
    ],
)
def test_wrong_arguments_raise(change: dict[str, object], complaint: str) -> None:
    arguments: dict[str, object] = {
        "image": np.zeros((8, 8, 3), np.uint8),
        "levels": [np.zeros((1, 1, 64), np.int16)] * 2,
        "tables": np.ones((2, 64), np.uint16),
        "h": 1,
        "v": 1,
        "strength": 1.0,
    }
    with pytest.raises(ValueError, match=complaint):
        compensated_luma(**{**arguments, **change})  # type: ignore[arg-type]
