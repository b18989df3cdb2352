"""Latents: coded without loss by integers, added to the restored picture inside its intervals, and never in the way."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from helpers import photo
from hypothesis import given, settings
from hypothesis import strategies as st

from saliency_jpeg import LayerWarning, OptionError, PresetError, compress, decode, list_layers, strip_layers
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.layers import layers_in
from saliency_jpeg.enhance.latent_network import CHANNELS, MOST
from saliency_jpeg.enhance.presets import find_latent
from saliency_jpeg.metadata.layer_kinds import Latent, Layer, latent_layer
from saliency_jpeg.rate_control import Judge
from saliency_jpeg.recompression.detail import with_layer

PIXELS = np.ascontiguousarray(photo(150, 230, 100, 150))  # no side is a multiple of 16


def latents(seed: int, shape: tuple[int, int, int], zeros: float, most: int = 15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-most, most + 1, shape)
    return np.asarray(np.where(rng.random(shape) < zeros, 0, drawn), np.int8)


def plain(image: Any = PIXELS, **options: Any) -> bytes:
    return compress(image, **{"saliency": None, "quality": 15, **options})


# The code -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9)),
    zeros=st.sampled_from([0.0, 0.5, 0.95, 1.0]),
    most=st.sampled_from([1, 3, 15]),
)
def test_all_integers_come_back(seed: int, shape: tuple[int, int, int], zeros: float, most: int) -> None:
    latent = latents(seed, shape, zeros, most)
    code = _core.encode_latent(latent)
    assert np.array_equal(_core.decode_latent(code, shape), latent)


@settings(max_examples=60, deadline=None)
@given(code=st.binary(max_size=200))
def test_any_bytes_are_a_code(code: bytes) -> None:
    latent = _core.decode_latent(code, (5, 6, 7))
    assert latent.dtype == np.int8
    assert np.abs(latent.astype(int)).max() <= 15
    assert np.array_equal(_core.decode_latent(_core.encode_latent(latent), (5, 6, 7)), latent)


def test_a_truncated_code_begins_with_the_same_integers() -> None:
    latent = latents(4, (8, 20, 30), 0.7, 3)
    code = _core.encode_latent(latent)
    back = _core.decode_latent(code[: len(code) // 2], latent.shape)
    same = back.ravel() == latent.ravel()
    assert same[: same.size // 3].all()
    assert not same.all()


def test_the_code_is_the_same_everywhere() -> None:
    code = _core.encode_latent(latents(5, (16, 12, 14), 0.9, 3))
    assert (len(code), code[:8].hex()) == GOLDEN


GOLDEN = (241, "ae7ee026e3cdac2e")


def test_what_is_alike_costs_little() -> None:
    latent = latents(6, (16, 48, 64), 0.97, 1)
    share = np.mean(latent != 0)
    entropy = -share * np.log2(share / 2) - (1 - share) * np.log2(1 - share)
    assert 8 * len(_core.encode_latent(latent)) < 1.12 * entropy * latent.size
    assert len(_core.encode_latent(np.zeros((16, 48, 64), np.int8))) < 40


@pytest.mark.parametrize("latent", [np.full((1, 2, 2), 16, np.int8), np.zeros((65, 1, 1), np.int8)])
def test_the_core_refuses_what_is_out_of_range(latent: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be"):
        _core.encode_latent(latent)


@pytest.mark.parametrize("shape", [(0, 1, 1), (65, 1, 1), (1, 0, 1), (1, 1, 70_000)])
def test_the_core_refuses_shapes(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        _core.decode_latent(b"", shape)


# The layer ----------------------------------------------------------------------------------------------------------


def test_the_layer_is_read_as_it_was_written() -> None:
    jpeg = with_layer(plain(layers="widths"), latent_layer(3, Latent("gdae", b"code")))
    assert [(layer.kind, layer.state) for layer in list_layers(jpeg)] == [("widths", "valid"), ("latent", "valid")]
    layers = layers_in(_core.read_jpeg(jpeg))
    assert layers.latent == Latent("gdae", b"code")
    assert layers.widths is not None
    assert strip_layers(jpeg) == plain()


@pytest.mark.parametrize("payload", [b"", b"\3", b"\3\0", b"\3\5gdae", b"\3\4gd\xe9e", b"\1\4gdaecode"])
def test_a_layer_that_makes_no_sense_is_damaged(payload: bytes) -> None:
    jpeg = with_layer(plain(), Layer("latent", 1, b"\3\4gdae"))
    assert [layer.state for layer in list_layers(jpeg)] == ["valid"]
    jpeg = with_layer(plain(), Layer("latent", 1, payload))
    assert [layer.state for layer in list_layers(jpeg)] == ["damaged"]
    with pytest.warns(LayerWarning, match="a damaged layer of the JPEG file is ignored, kind 'latent'"):
        layers_in(_core.read_jpeg(jpeg))


def test_the_preset_is_found_by_its_name() -> None:
    assert find_latent("gdae").restoration == "restore"
    assert len(find_latent("gdae").read_weights()) > 50
    with pytest.raises(PresetError, match="for latent is needed"):
        find_latent("restore")


# Files --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of a latent cost nothing."""
    from saliency_jpeg.encoder import with_latent

    monkeypatch.setattr(with_latent, "_WORTH", 0.0)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("free")
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_a_latent_brings_the_restored_picture_nearer(subsampling: str) -> None:
    options: dict[str, Any] = {"subsampling": subsampling}
    base, jpeg = plain(**options), plain(layers="latent", **options)
    assert [(layer.kind, layer.state) for layer in list_layers(jpeg)] == [("latent", "valid")]
    assert strip_layers(jpeg) == base
    assert np.array_equal(decode(jpeg, enhance=None), decode(base, enhance=None))
    assert np.array_equal(decode(jpeg, enhance="restore-fast"), decode(base, enhance="restore-fast"))
    assert np.array_equal(decode(jpeg, amount=0), decode(base, amount=0))
    judge = Judge(PIXELS)
    assert judge.of_pixels(decode(jpeg)) > judge.of_pixels(decode(base)) + 1


@pytest.mark.tensorflow
def test_a_target_holds_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.encoder.restored_score import RestoredScore

    monkeypatch.setattr(RestoredScore, "__call__", lambda *_: -1000.0)
    jpeg = compress(PIXELS, target_kb=4, saliency=None, layers="latent")
    (layer,) = list_layers(jpeg)
    assert (layer.kind, layer.state) == ("latent", "valid")
    assert 3500 < len(jpeg) <= 4000
    assert 20 < layer.length < 3000
    small = compress(PIXELS, target_kb=0.9, saliency=None, layers="latent")
    assert len(small) <= 900


@pytest.mark.tensorflow
def test_a_latent_that_does_not_pay_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.encoder.restored_score import RestoredScore

    monkeypatch.setattr(RestoredScore, "__call__", lambda *_: 1000.0)
    assert plain(layers="latent") == plain()
    assert compress(PIXELS, target_kb=4, saliency=None, layers="latent") == compress(PIXELS, target_kb=4, saliency=None)


@pytest.mark.tensorflow
def test_fewer_integers_stay_the_higher_the_threshold() -> None:
    from saliency_jpeg.enhance.latent_layer import code_latents

    image = _core.read_jpeg(plain())
    coded = list(code_latents(image, PIXELS, None, None, [0.5, 0.75, 10.0]))
    sizes = [len(each.latent.code) for each in coded]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.2 * sizes[1] > 0
    levels = _core.decode_latent(coded[2].latent.code, (CHANNELS, 20, 30))
    assert not levels.any()
    shown = decode(with_layer(plain(), latent_layer(3, coded[0].latent)))
    assert np.abs(shown.astype(int) - coded[0].pixels).max() <= 1


@pytest.mark.tensorflow
@pytest.mark.usefixtures("free")
def test_auto_drops_a_latent_that_restores_worse() -> None:
    own: dict[str, Any] = {"target_kb": 4, "saliency": None}
    judge = Judge(PIXELS)
    latent, auto = (compress(PIXELS, **own, layers=layers) for layers in ("latent", "auto"))
    assert judge.of_pixels(decode(auto)) >= judge.of_pixels(decode(latent))
    assert len(auto) <= 4000


def test_a_sampling_that_is_not_restored_is_refused() -> None:
    with pytest.raises(OptionError, match="layers='latent'"):
        compress(PIXELS, layers="latent", subsampling="4:1:1")


@pytest.mark.tensorflow
def test_gray_pictures_get_none() -> None:
    gray = PIXELS[..., 1].copy()
    assert plain(gray, layers="latent") == plain(gray)


@pytest.mark.tensorflow
def test_coefficients_stay_in_their_intervals() -> None:
    from saliency_jpeg.enhance.latent import bounded
    from saliency_jpeg.enhance.restoration import DEFAULT_WIDTHS, Restorer, intervals

    image = _core.read_jpeg(plain(subsampling="4:4:4"))
    restored = Restorer.from_preset().restore(image)
    rng = np.random.default_rng(2)
    added = [rng.normal(0, 30, plane.shape).astype(np.float32) for plane in restored]
    planes = bounded(image, restored, added, intervals(3, 1.0, None))
    free = bounded(image, restored, added, intervals(3, 0.0, None))
    rows, cols = PIXELS.shape[0] // 8, PIXELS.shape[1] // 8
    for index, (levels, table) in enumerate(zip(image.levels, image.component_tables, strict=True)):
        inner = np.ascontiguousarray(levels[:rows, :cols])
        for plane, is_bounded in ((planes[index], True), (free[index], False)):
            steps = offsets(plane[: 8 * rows, : 8 * cols], inner, image.tables[table])
            assert (np.abs(steps).max() <= max(DEFAULT_WIDTHS) + 0.01) == is_bounded
        assert np.allclose(free[index], restored[index] + added[index], atol=1e-2)
    still = bounded(image, restored, [0 * plane for plane in added], intervals(3, 1.0, None))
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(still, restored, strict=True))


def offsets(plane: np.ndarray, levels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """How far the coefficients of a plane lie from their levels, in steps."""
    from scipy.fft import dctn

    blocks = plane.reshape(plane.shape[0] // 8, 8, -1, 8).swapaxes(1, 2) - 128
    found = dctn(blocks, axes=(2, 3), norm="ortho").reshape(levels.shape)
    return np.asarray(found / table - levels)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "said"), [("other", "unknown preset 'other'"), ("restore", "for latent is needed")])
def test_networks_that_are_not_known_leave_the_restored_picture(name: str, said: str) -> None:
    base = plain()
    jpeg = with_layer(base, latent_layer(3, Latent(name, b"code")))
    with pytest.warns(LayerWarning, match=said):
        pixels = decode(jpeg)
    assert np.array_equal(pixels, decode(base))


@pytest.mark.tensorflow
def test_a_latent_of_no_numbers_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.enhance import latent

    base = plain()
    jpeg = with_layer(base, latent_layer(3, Latent("gdae", b"code")))
    nothing = [np.full(PIXELS.shape[:2], np.nan, np.float32)] * 3
    monkeypatch.setattr(latent.LatentCoder, "decode", lambda *_: nothing)
    with pytest.warns(LayerWarning, match="says no numbers"):
        pixels = decode(jpeg)
    assert np.array_equal(pixels, decode(base))


@pytest.mark.tensorflow
@pytest.mark.parametrize("code", [b"", bytes(range(256)), b"\xff" * 50])
def test_any_code_gives_a_picture_inside_the_intervals(code: bytes) -> None:
    jpeg = with_layer(plain(), latent_layer(3, Latent("gdae", code)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(jpeg).shape == PIXELS.shape


@pytest.mark.tensorflow
def test_networks_run_tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.enhance import latent

    rng = np.random.default_rng(0)
    restored = [rng.uniform(0, 255, (330, 270)).astype(np.float32) for _ in range(3)]
    original = [plane + rng.normal(0, 9, plane.shape).astype(np.float32) for plane in restored]
    classes = rng.integers(0, 10, (21, 17)).astype(np.uint8)
    coder = latent.load()
    numbers = coder.encode(original, restored)
    levels = np.rint(numbers).clip(-MOST, MOST).astype(np.int8)
    whole = coder.decode(levels, restored, classes)
    monkeypatch.setattr(latent, "_TILE", 64)
    assert numbers.shape == latent.latent_shape((330, 270)) == (CHANNELS, 42, 34)
    assert np.abs(coder.encode(original, restored) - numbers).max() < 1e-3
    for one, other in zip(coder.decode(levels, restored, classes), whole, strict=True):
        assert np.abs(one - other).max() < 0.01
    assert np.ptp(whole[0]) > 1
