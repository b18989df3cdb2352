"""clipped_blocks and overshoot: white and black samples move beyond the range, where decoders clip them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import pillow_pixels
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from saliency_jpeg import compress
from saliency_jpeg.codec import _core


def coefficients_of(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _core.forward_dct(gray)[0]


def picture(seed: int) -> NDArray[np.uint8]:
    """Blocks that are all white, all black, free of both, and mixed."""
    rng = np.random.default_rng(seed)
    gray = rng.integers(1, 255, (32, 48)).astype(np.uint8)
    gray[:16, 16:] = np.where(rng.random((16, 32)) < 0.4, 255, gray[:16, 16:])
    gray[16:, 16:] = np.where(rng.random((16, 32)) < 0.4, 0, gray[16:, 16:])
    gray[:8, :8], gray[8:16, :8] = 255, 0
    return gray


def wanted_blocks(gray: NDArray[np.uint8]) -> NDArray[np.int64]:
    blocks = gray.reshape(4, 8, 6, 8).swapaxes(1, 2).reshape(24, 64)
    some = ((blocks == 0) | (blocks == 255)).any(1)
    return np.flatnonzero(some & ~(blocks == 0).all(1) & ~(blocks == 255).all(1))


def projected(block: NDArray[np.float32], table: NDArray[np.uint16], rounds: int = 4) -> NDArray[np.float64]:
    """The definition, with SciPy's DCT."""
    original = idctn(block.reshape(8, 8).astype(float), norm="ortho") + 128
    found = block.reshape(8, 8).astype(float)
    for _ in range(rounds):
        steps = table.reshape(8, 8)
        shown = idctn(np.floor(found / steps + 0.5) * steps, norm="ortho") + 128
        free = np.where(
            original >= 254.5, shown.clip(255, 319), np.where(original <= 0.5, shown.clip(-64, 0), original)
        )
        found = dctn(free - 128, norm="ortho")
    return found.ravel()


@pytest.mark.parametrize("seed", range(3))
def test_blocks_with_clipped_samples_are_found(seed: int) -> None:
    gray = picture(seed)
    assert _core.clipped_blocks(coefficients_of(gray)).tolist() == wanted_blocks(gray).tolist()


def test_samples_move_as_defined_and_other_blocks_are_unchanged() -> None:
    coefficients = coefficients_of(picture(5))
    table = np.random.default_rng(5).integers(5, 60, 64).astype(np.uint16)
    blocks = _core.clipped_blocks(coefficients)
    found = np.zeros_like(coefficients)
    _core.overshoot(coefficients, table, blocks, found)
    flat = found.reshape(-1, 64)
    for i in blocks:
        np.testing.assert_allclose(flat[i], projected(coefficients.reshape(-1, 64)[i], table), atol=2e-3)
    assert not np.delete(flat, blocks, axis=0).any()
    assert abs(found - coefficients).reshape(-1, 64)[blocks].max() > 5


def test_clipped_samples_are_unchanged() -> None:
    coefficients = coefficients_of(picture(6))
    found = coefficients.copy()
    _core.overshoot(coefficients, np.full(64, 30, np.uint16), _core.clipped_blocks(coefficients), found)
    before, after = (
        idctn(c.reshape(-1, 8, 8), axes=(1, 2), norm="ortho").clip(-128, 127) for c in (coefficients, found)
    )
    np.testing.assert_allclose(after, before, atol=0.5)


def test_blocks_outside_and_other_shapes_raise() -> None:
    coefficients = coefficients_of(picture(7))
    table, outside = np.ones(64, np.uint16), np.array([24], np.uint32)
    with pytest.raises(ValueError, match=r"an index in blocks must be in 0\.\.23, got 24"):
        _core.overshoot(coefficients, table, outside, coefficients.copy())
    with pytest.raises(ValueError, match="shape"):
        _core.overshoot(coefficients, table, outside[:0], coefficients[:2].copy())


def test_black_text_on_white_rings_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """At equal size the decoded page is closer to the original than without overshoot."""
    page = np.full((96, 160), 255, np.uint8)
    rng = np.random.default_rng(8)
    for row, col in zip(rng.integers(4, 88, 60), rng.integers(4, 140, 60), strict=True):
        page[row : row + 2, col : col + rng.integers(2, 14)] = 0

    def error() -> float:
        jpeg = compress(page, target_kb=3.2, saliency=None)
        return float(np.square(pillow_pixels(jpeg).astype(float) - page).mean())

    with_it = error()
    quantize: Any = _core.quantize_luma
    monkeypatch.setattr(_core, "quantize_luma", lambda *given: quantize(*given[:7], False, *given[8:]))
    assert with_it < 0.9 * error()
