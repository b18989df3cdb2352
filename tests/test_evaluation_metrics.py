"""The metrics against independent implementations in double precision."""

from __future__ import annotations

import csv
import dataclasses
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from helpers import encoded
from helpers import photo as crop
from PIL import Image as PilImage

from saliency_jpeg import metrics
from saliency_jpeg.errors import InputError
from saliency_jpeg.evaluation import codecs
from saliency_jpeg.evaluation.bdrate import bd_rate
from saliency_jpeg.evaluation.comparison import Measurement
from saliency_jpeg.metrics import (
    METRICS,
    Metric,
    Ssimulacra2,
    _metrics,
    butteraugli,
    is_lower_better,
    measure,
    ms_ssim,
    ms_ssim_db,
    predicted_elo,
    psnr,
    psnr_hvsm,
    psnr_rgb,
    ssimulacra2,
)

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def scene(height: int, width: int) -> Image:
    """Slopes, checks and a disc: the same on every machine."""
    y, x = np.mgrid[:height, :width]
    checks = [(x // 16 + y // 16 + c) % 2 * 60 + ((x - 50) ** 2 + (y - 40) ** 2 < 900) * 90 for c in range(3)]
    return np.stack([(x * (3 + c) + y * (2 * c + 1)) % 97 + checks[c] for c in range(3)], 2).astype(np.uint8)


@pytest.fixture(scope="module")
def photo() -> Image:
    return crop(216, 257, 100, 200)


def jpeg_decode(rgb: Image, q: int) -> Image:
    return codecs.decode(encoded(rgb, quality=q))


@pytest.fixture(scope="module")
def decoded(photo: Image) -> dict[int, Image]:
    return {q: jpeg_decode(photo, q) for q in (10, 30, 60, 90)}


# ---- SSIMULACRA2 -------------------------------------------------------------------------------

# The truncated-cosine Gaussian of sigma 1.5 in closed form: nine taps.
TAPS = [0.00941436781, 0.0360111147, 0.109335373, 0.212928592, 0.264621105]
ABSORBANCE = [
    [0.30, 0.622, 0.078],
    [0.23, 0.692, 0.078],
    [0.24342268924547819, 0.20476744424496821, 0.5518098663095536],
]


def exact_xyb(linear: Floats) -> Floats:
    bias = 0.0037930732552754493
    lms = np.cbrt(linear @ np.array(ABSORBANCE).T + bias) - np.cbrt(bias)
    opponent, mean = (lms[..., 0] - lms[..., 1]) / 2, (lms[..., 0] + lms[..., 1]) / 2
    return np.stack([14 * opponent + 0.42, mean + 0.01, lms[..., 2] - mean + 0.55], 2)


def exact_blur(planes: Floats) -> Floats:
    from scipy.ndimage import correlate1d

    taps = TAPS + TAPS[-2::-1]
    rows: Floats = correlate1d(planes, taps, 1, mode="constant")
    out: Floats = correlate1d(rows, taps, 0, mode="constant")
    return out


def exact_norms(a: Floats, b: Floats) -> list[Floats]:
    """Six error norms of each component, in double precision."""
    mean_a, mean_b = exact_blur(a), exact_blur(b)
    covariance = exact_blur(a * b) - mean_a * mean_b
    variances = exact_blur(a * a) - mean_a**2 + exact_blur(b * b) - mean_b**2
    lost = np.maximum(1 - (1 - (mean_a - mean_b) ** 2) * (2 * covariance + 9e-4) / (variances + 9e-4), 0)
    change = (1 + np.abs(b - mean_b)) / (1 + np.abs(a - mean_a)) - 1
    maps = [lost, np.maximum(change, 0), np.maximum(-change, 0)]
    return [(m**p).mean((0, 1)) ** (1 / p) for p in (1, 4) for m in maps]


def exact_all_norms(a: Image, b: Image) -> Floats:
    """(components, scales, norms, maps) for even sizes at every scale."""
    linear = [np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) for v in (a / 255.0, b / 255.0)]
    scales = []
    for _ in range(6):
        scales.append(exact_norms(exact_xyb(linear[0]), exact_xyb(linear[1])))
        linear = [v.reshape(v.shape[0] // 2, 2, v.shape[1] // 2, 2, 3).mean((1, 3)) for v in linear]
    return np.array(scales).reshape(6, 2, 3, 3).transpose(3, 0, 1, 2)


@pytest.mark.parametrize("q", [5, 10, 30])
def test_ssimulacra2_norms_match_double_precision(photo: Image, q: int) -> None:
    a = np.ascontiguousarray(photo[:192, :256])
    b = jpeg_decode(a, q)
    np.testing.assert_allclose(Ssimulacra2(a).norms(b), exact_all_norms(a, b), rtol=2e-3, atol=2e-5)


# Pinned where this implementation agreed with the reference program to 5e-7 on 36 photographs.
@pytest.mark.parametrize(
    ("size", "flat", "moved"),
    [
        ((64, 64), 80.9805492294615, 3.428134747345098),
        ((101, 75), 80.83445927641918, 3.070205780788072),
        ((200, 233), 88.79128604288692, 0.3654783549291807),
    ],
)
def test_ssimulacra2_stays_what_it_was(size: tuple[int, int], flat: float, moved: float) -> None:
    image = scene(*size)
    assert ssimulacra2(image, (image // 12 * 12 + 5).astype(np.uint8)) == pytest.approx(flat, abs=1e-6)
    assert ssimulacra2(image, np.roll(image, 1, 1)) == pytest.approx(moved, abs=1e-6)


@pytest.mark.skipif("SSIMULACRA2_REFERENCE" not in os.environ, reason="names a CSV file of the program's own scores")
def test_ssimulacra2_agrees_with_the_reference_program() -> None:
    """Columns jpeg (beside the file), original (a level above it), ssimulacra2."""
    table = Path(os.environ["SSIMULACRA2_REFERENCE"])
    with table.open() as lines:
        for row in csv.DictReader(lines):
            pair = [
                PilImage.open(p).convert("RGB")
                for p in (table.parents[1] / row["original"], table.parent / row["jpeg"])
            ]
            score = ssimulacra2(np.asarray(pair[0]), np.asarray(pair[1]))
            assert score == pytest.approx(float(row["ssimulacra2"]), abs=1e-5), row["jpeg"]


def test_ssimulacra2_of_identical_images_is_100(photo: Image) -> None:
    assert ssimulacra2(photo, photo.copy()) == 100.0


def test_ssimulacra2_rises_with_quality(photo: Image, decoded: dict[int, Image]) -> None:
    metric = Ssimulacra2(photo)
    scores = [metric.score(decoded[q]) for q in sorted(decoded)]
    assert scores == sorted(scores)
    assert scores[0] < 20 < 80 < scores[-1]
    assert scores == [ssimulacra2(photo, decoded[q]) for q in sorted(decoded)]


@pytest.mark.parametrize("size", [(8, 8), (9, 300), (300, 9), (16, 16), (17, 15), (33, 64), (70, 129)])
def test_ssimulacra2_is_the_same_on_every_instruction_set(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(sum(size)).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    norms = [_metrics.Ssimulacra2(noise[0], portable).norms(noise[1]) for portable in (False, True)]
    assert norms[0] == norms[1]
    assert np.isfinite(norms[0]).all()


@pytest.mark.parametrize(("side", "scales"), [(8, 2), (14, 2), (15, 3), (17, 3), (112, 5), (113, 6), (300, 6)])
def test_ssimulacra2_scales_follow_the_size(side: int, scales: int) -> None:
    image = scene(side, side + 3)
    assert Ssimulacra2(image).norms(image).shape == (3, scales, 2, 3)


def test_ssimulacra2_takes_gray_and_any_memory_layout(photo: Image, decoded: dict[int, Image]) -> None:
    gray, worse = photo[..., 1], decoded[30][..., 1]
    assert ssimulacra2(gray, worse) == ssimulacra2(np.dstack([gray] * 3), np.dstack([worse] * 3))
    flipped = ssimulacra2(photo[::-1, ::-1], decoded[30][::-1, ::-1])
    assert flipped == ssimulacra2(photo[::-1, ::-1].copy(), decoded[30][::-1, ::-1].copy())


def test_ssimulacra2_threads_do_not_disturb_each_other(photo: Image, decoded: dict[int, Image]) -> None:
    metric = Ssimulacra2(photo)
    work = [decoded[q] for q in sorted(decoded)] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(metric.score, work)) == [metric.score(b) for b in work]


# ---- the other metrics -------------------------------------------------------------------------


def exact_luma(rgb: Image) -> Floats:
    return np.asarray(0.299 * rgb[..., 0].astype(float) + 0.587 * rgb[..., 1] + 0.114 * rgb[..., 2])


def test_psnr_is_its_definition(photo: Image, decoded: dict[int, Image], roi: Floats) -> None:
    squared = (exact_luma(photo) - exact_luma(decoded[30])) ** 2
    assert psnr(photo, decoded[30]) == pytest.approx(10 * np.log10(255**2 / squared.mean()), rel=1e-12)
    weighted = 10 * np.log10(255**2 / ((squared * roi).sum() / roi.sum()))
    assert psnr(photo, decoded[30], roi) == pytest.approx(weighted, rel=1e-12)
    error = np.mean((photo.astype(float) - decoded[30]) ** 2)
    assert psnr_rgb(photo, decoded[30]) == pytest.approx(10 * np.log10(255**2 / error), rel=1e-12)


def exact_ms_ssim(x: Floats, y: Floats) -> float:
    from scipy.signal import convolve2d

    g = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window, product = np.outer(g, g) / g.sum() ** 2, 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        mx, my, mxx, myy, mxy = (convolve2d(z, window, "valid") for z in (x, y, x * x, y * y, x * y))
        similarity = (2 * (mxy - mx * my) + 58.5225) / (mxx - mx**2 + myy - my**2 + 58.5225)
        if scale == 4:
            similarity *= (2 * mx * my + 6.5025) / (mx**2 + my**2 + 6.5025)
        product *= similarity.mean() ** weight
        x, y = (z[: len(z) // 2 * 2, : z.shape[1] // 2 * 2] for z in (x, y))
        x, y = (z.reshape(len(z) // 2, 2, z.shape[1] // 2, 2).mean((1, 3)) for z in (x, y))
    return float(product)


def test_ms_ssim_matches_convolution(photo: Image, decoded: dict[int, Image]) -> None:
    for worse in decoded.values():
        expected = exact_ms_ssim(exact_luma(photo), exact_luma(worse))
        assert ms_ssim(photo, worse) == pytest.approx(expected, rel=1e-9)
        assert ms_ssim_db(photo, worse) == pytest.approx(-10 * np.log10(1 - expected), rel=1e-6)
    assert ms_ssim(photo, photo) == pytest.approx(1.0, abs=1e-12)


def exact_hvsm_errors(a: Image, b: Image) -> Floats:
    """Masked block errors with SciPy's DCT."""
    from scipy.fft import dctn

    masking = np.round(100.0 / np.array(codecs.annex_k_tables(50.0)[0]).reshape(8, 8) ** 2, 6)
    blocks = []
    for luma in (exact_luma(a), exact_luma(b)):
        rows, columns = luma.shape[0] // 8, luma.shape[1] // 8
        blocks.append(luma[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).swapaxes(1, 2))
    coefficients = [dctn(block, axes=(2, 3), norm="ortho") for block in blocks]

    def spread(part: Floats) -> Floats:
        return np.asarray(part.var(axis=(2, 3), ddof=1) * part.shape[2] * part.shape[3])

    masks = []
    for block, levels in zip(blocks, coefficients, strict=True):
        energy = (levels**2 * masking).sum((2, 3)) - levels[..., 0, 0] ** 2 * masking[0, 0]
        quarters = sum(spread(block[..., y : y + 4, x : x + 4]) for y in (0, 4) for x in (0, 4))
        whole = spread(block)
        ratio = np.divide(quarters, whole, out=np.zeros_like(whole), where=whole > 0)
        masks.append(np.sqrt(energy * ratio / 16 / 64))
    hidden = np.maximum(*masks)[..., None, None] / masking
    hidden[..., 0, 0] = 0
    sensitivity = np.sqrt(masking) * 1.608443 / np.sqrt(0.390625)
    visible = np.maximum(np.abs(coefficients[0] - coefficients[1]) - hidden, 0) * sensitivity
    return np.asarray((visible**2).sum((2, 3)) / 64)


def test_psnr_hvsm_matches_scipy(photo: Image, decoded: dict[int, Image], roi: Floats) -> None:
    weights = roi[:216, :256].reshape(27, 8, 32, 8).mean((1, 3))
    for worse in decoded.values():
        errors = exact_hvsm_errors(photo, worse)
        assert psnr_hvsm(photo, worse) == pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=1e-3)
        salient = 10 * np.log10(255**2 / np.average(errors, weights=weights))
        assert psnr_hvsm(photo, worse, roi) == pytest.approx(salient, abs=1e-3)
    assert psnr_hvsm(photo, photo) == 100.0


def test_a_map_of_ones_changes_nothing_and_of_zeros_hides_all(photo: Image, decoded: dict[int, Image]) -> None:
    ones, zeros, worse = np.ones(photo.shape[:2]), np.zeros(photo.shape[:2]), decoded[30]
    for metric in (psnr, ms_ssim, ssimulacra2):
        assert metric(photo, worse, ones) == pytest.approx(metric(photo, worse), rel=1e-12)
    assert ssimulacra2(photo, worse, zeros) == 100.0
    assert math.isnan(psnr(photo, worse, zeros))
    assert math.isnan(psnr_hvsm(photo, worse, zeros))


def test_only_salient_damage_counts(photo: Image, roi: Floats) -> None:
    inside, outside = photo.copy(), photo.copy()
    inside[80:104, 110:134] //= 2
    outside[190:214, 230:254] //= 2
    for metric in (psnr, psnr_hvsm, ms_ssim_db, ssimulacra2):
        assert metric(photo, inside, roi) < metric(photo, outside, roi) - 5


def test_butteraugli_is_measured_once_for_the_image_and_once_for_the_region(
    photo: Image, decoded: dict[int, Image], roi: Floats
) -> None:
    values = measure(photo, decoded[30], roi)
    assert (values["butteraugli_max"], values["butteraugli3"]) == butteraugli(photo, decoded[30])
    assert values["butteraugli3_s"] == butteraugli(photo, decoded[30], roi).norm3
    assert "butteraugli3" not in measure(photo, photo, with_butteraugli=False)


def test_measure_names_every_metric(photo: Image, decoded: dict[int, Image], roi: Floats) -> None:
    values = measure(photo, decoded[30], roi, with_butteraugli=False)
    assert list(values) == [name for name in METRICS if not name.startswith("butteraugli")]
    assert values["psnr_s"] == psnr(photo, decoded[30], roi)
    assert values["psnr_s_bg"] == psnr(photo, decoded[30], 1 - roi)
    assert values["hvsm_s"] == psnr_hvsm(photo, decoded[30], roi)
    assert values["ssimulacra2_s"] == ssimulacra2(photo, decoded[30], roi)
    plain = measure(photo, decoded[30], with_butteraugli=False)
    assert set(values) - set(plain) == {name for name in values if METRICS[name].region != "image"}
    assert {"psnr_s", "psnr_s_bg", "hvsm_s", "ms_ssim_db_s", "ssimulacra2_s"} <= set(values)
    assert {metric.function.__name__ for metric in METRICS.values()} <= set(metrics.__all__)
    assert math.isnan(measure(photo[:100], decoded[30][:100], with_butteraugli=False)["ms_ssim_db"])


def test_every_metric_points_in_its_direction(photo: Image, decoded: dict[int, Image], roi: Floats) -> None:
    bad, good = (measure(photo, decoded[q], roi) for q in (10, 90))
    assert set(good) >= {name for name in METRICS if not name.startswith("butteraugli")}
    for name in good:
        assert (good[name] < bad[name]) == is_lower_better(name), name


def test_a_metric_needs_one_function_and_one_entry(
    photo: Image, decoded: dict[int, Image], roi: Floats, monkeypatch: pytest.MonkeyPatch
) -> None:
    def largest_error(reference: Image, distorted: Image, saliency: Floats | None = None) -> float:
        error = np.abs(reference.astype(float) - distorted)
        return float((error if saliency is None else error * saliency[..., None]).max())

    monkeypatch.setitem(METRICS, "largest", Metric(largest_error, "largest error", "levels", lower_is_better=True))
    salient = Metric(largest_error, "largest error", "levels", lower_is_better=True, region="salient")
    monkeypatch.setitem(METRICS, "largest_s", salient)
    assert salient.title == "largest error, salient, levels"
    values = measure(photo, decoded[10], roi, with_butteraugli=False)
    assert values["largest"] > values["largest_s"] > 0
    points = [Measurement("i", "a", size, None, 1, size, {"largest": 20 - 3 * size}) for size in (1.0, 2.0, 3.0)]
    larger = [dataclasses.replace(point, bits_per_pixel=1.5 * point.bits_per_pixel) for point in points]
    assert bd_rate(points, larger, "largest") == pytest.approx(50)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((32, 32, 3), np.float32), np.zeros((32, 32, 3), np.float32), "uint8"),
        (np.zeros((32, 32, 4), np.uint8), np.zeros((32, 32, 4), np.uint8), "shape"),
        (np.zeros((0, 32, 3), np.uint8), np.zeros((0, 32, 3), np.uint8), "shape"),
        (np.zeros((32, 32), np.uint8), np.zeros((32, 33), np.uint8), "size"),
    ],
)
def test_wrong_images_are_refused(a: Image, b: Image, message: str) -> None:
    for metric in (psnr, psnr_rgb, ms_ssim, psnr_hvsm, ssimulacra2, measure):
        with pytest.raises(InputError, match=message):
            metric(a, b)


def test_images_too_small_for_a_metric_are_refused(photo: Image) -> None:
    for metric, side in ((ssimulacra2, 8), (psnr_hvsm, 8), (ms_ssim, 176)):
        metric(photo[:side, :side], photo[:side, :side])
        with pytest.raises(InputError, match=f"{side}x{side}"):
            metric(photo[:side, : side - 1], photo[:side, : side - 1])


def test_wrong_maps_are_refused(photo: Image) -> None:
    shape = photo.shape[:2]
    for bad in (np.ones((3, 3)), np.full(shape, 1.5), np.full(shape, -0.1), np.full(shape, np.nan)):
        for metric in (psnr, psnr_hvsm, ms_ssim, ssimulacra2):
            with pytest.raises(InputError, match="map"):
                metric(photo, photo, bad)


def test_the_compiled_metrics_guard_their_memory(photo: Image) -> None:
    metric = _metrics.Ssimulacra2(photo.copy())
    with pytest.raises(ValueError, match="sizes"):
        metric.score(photo[:-1].copy())
    with pytest.raises(ValueError, match="shape"):
        _metrics.luma(photo[..., 0].copy())
    with pytest.raises(TypeError):
        metric.score(photo.astype(np.float32))


def test_predicted_elo_follows_both_metrics() -> None:
    """A point of SSIMULACRA2 is 39.6 points, and twice the distance 222 ln 2."""
    base = predicted_elo(70.0, 1.5)
    assert predicted_elo(71.0, 1.5) - base == pytest.approx(39.6)
    assert base - predicted_elo(70.0, 3.0) == pytest.approx(222 * math.log(2))
    assert predicted_elo(80.0, 1.0) == pytest.approx(-1117 + 39.6 * 80)
