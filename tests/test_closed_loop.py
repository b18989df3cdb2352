"""Effort 8 and 9: the decoder's adjoint, what the loop learns, and what its files are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import photo
from numpy.typing import NDArray
from PIL import Image

import saliency_jpeg
from saliency_jpeg.allocation import block_weights
from saliency_jpeg.codec import _core
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.effort import EFFORTS
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import TUNINGS
from saliency_jpeg.codec.steps import ShapedSteps, TunedSteps
from saliency_jpeg.codec.symbol_costs import SymbolCosts
from saliency_jpeg.errors import TargetError
from saliency_jpeg.perceptual import objective, perceptual_score
from saliency_jpeg.perceptual.blur import blur
from saliency_jpeg.perceptual.closed_loop import ClosedLoop
from saliency_jpeg.perceptual.decoding import Decoder
from saliency_jpeg.perceptual.objective import Derivatives
from saliency_jpeg.rate_control import AtScale, Encoded, Refined, Reused

SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:4:0": (1, 2), "4:2:0": (2, 2)}


def levels_of(jpeg: bytes) -> tuple[list[NDArray[np.int16]], NDArray[np.uint16], tuple[int, int]]:
    image = _core.read_jpeg(jpeg)
    tables = np.array(image.tables)[list(image.component_tables)].astype(np.uint16)
    return list(image.levels), tables, image.sampling[0]


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_decodes_as_libjpeg_does(subsampling: Any) -> None:
    jpeg = saliency_jpeg.compress(photo(83, 117), quality=80, saliency=None, subsampling=subsampling)
    levels, tables, sampling = levels_of(jpeg)
    ours = np.clip(Decoder((83, 117), sampling).decode(levels, tables), 0, 255)
    with Image.open(io.BytesIO(jpeg)) as image:
        theirs = np.asarray(image).astype(np.float32)
    assert np.abs(ours - theirs).mean() < 0.7


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("size", [(40, 56), (33, 51), (8, 9), (17, 3)])
def test_the_adjoint_is_that_of_the_decoder(sampling: tuple[int, int], size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    coefficients = Coefficients.from_pixels(np.zeros((*size, 3), np.uint8), sampling)
    shapes = [each.shape for each in coefficients.components]
    levels = [random.integers(-9, 10, shape).astype(np.int16) for shape in shapes]
    decoder, ones = Decoder(size, sampling), np.ones((3, 64), np.uint16)
    nothing = decoder.decode([np.zeros_like(each) for each in levels], ones)
    gradient = random.standard_normal((*size, 3)).astype(np.float32)
    moved = np.vdot(decoder.decode(levels, ones) - nothing, gradient)
    back = decoder.pull_back(gradient, 3)
    assert [each.shape for each in back] == shapes
    assert sum(np.vdot(a, b) for a, b in zip(levels, back, strict=True)) == pytest.approx(moved, rel=1e-4, abs=0.05)


def test_the_adjoint_of_a_gray_image_adds_up_the_components() -> None:
    gradient = np.random.default_rng(0).standard_normal((16, 24, 3)).astype(np.float32)
    (luma,) = Decoder((16, 24), (1, 1)).pull_back(gradient, 1)
    assert luma.shape == (2, 3, 64)
    assert luma[0, 0, 0] == pytest.approx(gradient[:8, :8].sum() / 8, rel=1e-4)


def test_blur_keeps_what_is_even_and_the_mean_of_a_spot() -> None:
    assert np.allclose(blur(np.full((5, 7), 3.0), 1.5), 3.0)
    spot = np.zeros((21, 25))
    spot[10, 12] = 1
    blurred = blur(spot, 1.0)
    assert blurred.sum() == pytest.approx(1)
    assert blurred[10, 12] == pytest.approx(1 / (2 * np.pi), rel=0.02)


def test_shaped_steps_are_those_of_the_policy_times_a_factor() -> None:
    policy = TunedSteps(TUNINGS["default"], 3)
    factors = np.full((3, 64), 1.5)
    plain, shaped = policy.at(2.0), ShapedSteps(policy, factors).at(2.0)
    assert np.allclose(shaped.ideal, np.minimum(plain.ideal * 1.5, 255))
    assert shaped.tables.min() >= 1


class SquaredError:
    """An objective whose derivatives are known: squared error, and a wish that all samples were brighter."""

    def __init__(self, pixels: NDArray[np.uint8], wish: float = 0.0, region: Any = 1.0) -> None:
        self._pixels, self._wish, self._region = pixels.astype(np.float32), wish, region

    def derivatives(self, decoded: NDArray[np.float32]) -> Derivatives:
        error = (decoded - self._pixels) * self._region
        return Derivatives(2 * error, 2 * error - np.float32(self._wish))


class FourthPowerError(SquaredError):
    """One by which large errors count more than as many small ones."""

    def derivatives(self, decoded: NDArray[np.float32]) -> Derivatives:
        cubes = ((decoded - self._pixels) ** 3 / 50).astype(np.float32)
        return Derivatives(cubes, cubes)


def encoding_of(pixels: NDArray[np.uint8], sampling: tuple[int, int] = (2, 2)) -> JpegEncoding:
    coefficients = Coefficients.from_pixels(pixels, sampling)
    weights = block_weights(None, coefficients.statistics)
    header = JpegHeaderPolicy(size=(pixels.shape[0], pixels.shape[1]))
    return JpegEncoding.create(coefficients, weights, TunedSteps(TUNINGS["default"], coefficients.count), header)


def squared_errors(encoding: JpegEncoding, pixels: NDArray[np.uint8], part: Any = slice(None)) -> tuple[float, int]:
    jpeg = encoding.write(encoding.quantize(4.0))
    with Image.open(io.BytesIO(jpeg)) as image:
        error = np.asarray(image).astype(float) - pixels
    return float((error[part] ** 2).mean()), len(jpeg)


def test_the_loop_lowers_its_objective() -> None:
    pixels = photo(192, 256)
    plain = encoding_of(pixels)
    refined = ClosedLoop(SquaredError(pixels), 6).refine(plain, 4.0)  # type: ignore[arg-type]
    (before, size), (after, new_size) = squared_errors(plain, pixels), squared_errors(refined, pixels)
    assert np.log(after / before) + 1.2 * np.log(new_size / size) < -0.03


def test_the_loop_serves_the_region_that_its_objective_asks_for() -> None:
    pixels = photo(192, 256)
    region = np.full((192, 256, 1), 0.2, np.float32)
    region[:, :128] = 1
    plain = encoding_of(pixels)
    refined = ClosedLoop(SquaredError(pixels, region=region), 6).refine(plain, 4.0)  # type: ignore[arg-type]
    left, right = np.s_[:, :128], np.s_[:, 128:]
    assert squared_errors(refined, pixels, left)[0] < 0.95 * squared_errors(plain, pixels, left)[0]
    assert squared_errors(refined, pixels, right)[0] > 1.02 * squared_errors(plain, pixels, right)[0]


def test_moves_follow_what_is_asked_for_beyond_smaller_errors() -> None:
    pixels = photo(128, 128)
    plain = encoding_of(pixels)
    brighter = ClosedLoop(SquaredError(pixels, wish=4.0), 4).refine(plain, 4.0)  # type: ignore[arg-type]
    offsets = brighter.quantizer.coefficients.offsets
    assert [each.shape for each in offsets] == [each.shape for each in brighter.quantizer.coefficients.components]
    assert offsets[0][..., 0].mean() > 0.1


def test_a_sample_of_a_refined_encoding_has_its_offsets() -> None:
    pixels = np.tile(photo(256, 256), (2, 2, 1))
    refined = ClosedLoop(SquaredError(pixels, wish=4.0), 2).refine(encoding_of(pixels), 4.0)  # type: ignore[arg-type]
    part = refined.quantizer.sample(256)
    plain = encoding_of(pixels).quantizer.sample(256)
    assert not part.coefficients.offsets
    assert part.coefficients.stored is not None
    assert plain.coefficients.stored is not None
    assert (part.coefficients.stored - plain.coefficients.stored)[..., 0].mean() > 0.1


@pytest.mark.tensorflow
def test_the_objective_of_a_large_image_is_that_of_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photo(160, 200)
    jpeg = saliency_jpeg.compress(pixels, quality=40, saliency=None)
    levels, tables, sampling = levels_of(jpeg)
    decoded = Decoder((160, 200), sampling).decode(levels, tables)
    whole = objective.Objective(pixels)
    monkeypatch.setattr(objective, "_PART_SIDE", 120)
    parts = objective.Objective(pixels)
    rounded = np.clip(np.rint(decoded), 0, 255).astype(np.uint8)
    assert parts.value(rounded) == pytest.approx(whole.value(rounded), abs=0.1)
    for a, b in zip(whole.derivatives(decoded), parts.derivatives(decoded), strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.85


class Files:
    """A rate control that returns given files in turn."""

    def __init__(self, files: Sequence[bytes]) -> None:
        self._files = list(files)

    def __call__(self, encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        return Encoded(self._files.pop(0), 1.0, encoding.lmbda, 3, SymbolCosts([], [], 0.0))


def test_the_loop_does_not_take_back_what_a_map_asks_for() -> None:
    """The fourth power weighs large errors more, which are those outside of the map."""
    pixels, region = photo(192, 256), np.zeros((192, 256), np.float32)
    region[:, :128] = 1
    plain = encoding_of(pixels)
    inside = region[::8, ::8] > 0
    weights = (
        np.float32(plain.quantizer.lmbda)
        / plain.quantizer.block_lambda[0]
        * np.where(inside, np.float32(3), np.float32(1))
    )
    mapped = replace(plain, quantizer=plain.quantizer.with_weights(weights / weights.mean()))
    refined = ClosedLoop(FourthPowerError(pixels), 6).refine(mapped, 4.0)  # type: ignore[arg-type]

    def preference(encoding: JpegEncoding) -> float:
        logarithms = -np.log(encoding.quantizer.block_lambda[0] / plain.quantizer.block_lambda[0])
        return float(logarithms[inside].mean() - logarithms[~inside].mean())

    assert preference(refined) == pytest.approx(preference(mapped), abs=0.15)
    assert np.abs(refined.quantizer.block_lambda[0] / mapped.quantizer.block_lambda[0] - 1).max() > 0.05


@pytest.mark.parametrize(
    ("distance", "size", "kept"),
    [(0.9, 1000, "improved"), (1.1, 1000, "plain"), (1.05, 900, "improved"), (1.05, 990, "plain")],
)
def test_the_better_file_is_kept(distance: float, size: int, kept: str) -> None:
    plain, improved = b"a" * 1000, b"b" * size
    distances = {plain: 1.0, improved: distance}
    control = Refined(Files([plain, improved]), lambda encoding, scale, costs: encoding, distances.__getitem__)
    found = control(encoding_of(photo(64, 64)))
    assert found.jpeg == (improved if kept == "improved" else plain)
    assert found.passes == 6


def test_without_a_target_the_improved_file_is_about_as_large() -> None:
    encoding = encoding_of(photo(192, 192))
    control = Refined(
        AtScale(4.0), lambda given, scale, costs: given.with_lambda(1.3), lambda jpeg: -float(len(jpeg)), True
    )
    assert len(control(encoding).jpeg) == pytest.approx(len(AtScale(4.0)(encoding).jpeg), rel=0.01)


def test_what_was_learned_is_used_again_where_it_meets_the_target() -> None:
    encoding = encoding_of(photo(96, 96))
    too_large, smaller = encoding.with_lambda(0.5).quantizer, encoding.with_lambda(2.0)

    def control(encoding: JpegEncoding, costs: SymbolCosts | None = None) -> Encoded:
        if encoding.quantizer is too_large:
            raise TargetError("too large", b"")
        return AtScale(4.0)(encoding, costs)

    assert Reused(control, too_large)(encoding).jpeg == control(encoding).jpeg
    assert Reused(control, smaller.quantizer)(encoding).jpeg == control(smaller).jpeg != control(encoding).jpeg


def test_only_the_highest_levels_run_the_loop() -> None:
    assert {level for level, effort in EFFORTS.items() if effort.loop_passes} == {8, 9}


@pytest.mark.tensorflow
@pytest.mark.parametrize("options", [{"target_kb": 5}, {"quality": 60}, {"target_score": 60}], ids=str)
def test_effort_8_finds_better_files(options: dict[str, Any]) -> None:
    pixels = photo(256, 256)
    plain, best = (saliency_jpeg.compress(pixels, saliency=None, effort=level, **options) for level in (5, 8))
    if "target_score" in options:
        assert len(best) < len(plain)
        return
    assert len(best) <= (5000 if "target_kb" in options else 1.01 * len(plain))
    with Image.open(io.BytesIO(plain)) as a, Image.open(io.BytesIO(best)) as b:
        scores = [perceptual_score(pixels, np.asarray(image)) for image in (a, b)]
    assert scores[1] > scores[0]


@pytest.mark.tensorflow
@pytest.mark.parametrize("size", [(8, 8), (5, 40), (40, 3), (1, 1)])
def test_effort_9_takes_pictures_of_any_size(size: tuple[int, int]) -> None:
    jpeg = saliency_jpeg.compress(photo(*size), quality=60, saliency=None, effort=9)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == (size[1], size[0])


@pytest.mark.tensorflow
def test_files_of_the_loop_do_not_depend_on_the_number_of_threads() -> None:
    pixels = photo(128, 160)
    one, two = (saliency_jpeg.compress(pixels, quality=50, saliency=None, effort=8, threads=n) for n in (1, 2))
    assert one == two


@pytest.mark.tensorflow
def test_effort_8_takes_gray_pictures_and_maps() -> None:
    gray = np.ascontiguousarray(photo(128, 128)[..., 1])
    region = np.zeros((128, 128), np.float32)
    region[32:96, 32:96] = 1
    jpeg = saliency_jpeg.compress(gray, target_kb=4, saliency=region, effort=8)
    assert len(jpeg) <= 4000
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.mode == "L"
