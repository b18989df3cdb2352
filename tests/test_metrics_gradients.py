"""Butteraugli in C++, and derivatives of metrics by the decoded image."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import KODIM07, encoded, photo
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import InputError
from saliency_jpeg.metrics import Butteraugli, Ssimulacra2, butteraugli

METRICS = {"butteraugli": Butteraugli, "ssimulacra2": Ssimulacra2}

#: Of kodim07 as Pillow encodes it: quality, largest distance and 3-norm by ``butteraugli_main`` of libjxl 0.7.
BY_LIBJXL = ((20, 8.6850996017, 2.781030), (50, 4.9721007347, 1.610479), (90, 1.9737465382, 0.740003))


def decoded(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(encoded(pixels, quality=quality))) as image:
        return np.asarray(image)


def whole() -> NDArray[np.uint8]:
    with Image.open(KODIM07) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(("quality", "maximum", "norm3"), BY_LIBJXL)
def test_butteraugli_agrees_with_libjxl(quality: int, maximum: float, norm3: float) -> None:
    found = butteraugli(whole(), decoded(whole(), quality))
    assert found.norm3 == pytest.approx(norm3, rel=1e-4)
    assert found.maximum == pytest.approx(maximum, rel=1e-3)


@pytest.mark.skipif(not shutil.which("butteraugli_main"), reason="needs butteraugli_main (libjxl-devtools)")
@pytest.mark.parametrize("size", [(96, 96), (61, 83), (8, 20), (15, 15)])
def test_butteraugli_agrees_with_the_program(tmp_path: Path, size: tuple[int, int]) -> None:
    pair = photo(*size), decoded(photo(*size), 40)
    for name, pixels in zip("ab", pair, strict=True):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    words = ["butteraugli_main", str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = butteraugli(*pair)
    assert found.norm3 == pytest.approx(float(lines[1].split(":")[1]), rel=1e-4)
    assert found.maximum == pytest.approx(float(lines[0]), rel=1e-3)


def test_butteraugli_of_the_reference_is_0_and_grows_with_damage() -> None:
    pixels = photo(64, 64)
    assert butteraugli(pixels, pixels).norm3 < 1e-3
    norms = [butteraugli(pixels, decoded(pixels, quality)).norm3 for quality in (90, 60, 20)]
    assert norms == sorted(norms)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("size", [(64, 64), (53, 71), (9, 40)])
def test_derivatives_are_those_of_the_metric(name: str, size: tuple[int, int]) -> None:
    metric: Any = METRICS[name](photo(*size))
    place = np.clip(decoded(photo(*size), 40).astype(np.float32), 2, 253)
    value, gradient = metric.gradient(place)
    step = gradient / np.abs(gradient).max()
    ends = [metric.gradient(place + factor * step)[0] for factor in (-0.5, 0.5)]
    assert ends[1] - ends[0] == pytest.approx(float(np.vdot(gradient, step)), rel=0.01)
    assert min(ends) < value < max(ends)


@pytest.mark.parametrize("name", METRICS)
def test_derivatives_do_not_depend_on_the_number_of_threads(name: str) -> None:
    metric: Any = METRICS[name](photo(80, 112))
    place = decoded(photo(80, 112), 40).astype(np.float32)
    (one, by_one), (three, by_three) = (metric.gradient(place, threads=n) for n in (1, 3))
    assert one == three
    assert np.array_equal(by_one, by_three)


@pytest.mark.parametrize("name", METRICS)
def test_values_beyond_the_range_are_clipped(name: str) -> None:
    metric: Any = METRICS[name](photo(48, 48))
    place = decoded(photo(48, 48), 40).astype(np.float32)
    place[:8, :8] = 255
    beyond = place.copy()
    beyond[:8, :8] = 300
    assert metric.gradient(beyond)[0] == metric.gradient(place)[0]
    assert not metric.gradient(beyond)[1][:8, :8].any()
    assert metric.gradient(place)[1].any()


def test_scores_of_the_derivatives_are_those_of_the_metrics() -> None:
    pixels, other = photo(96, 96), decoded(photo(96, 96), 30)
    distance = Butteraugli(pixels)
    assert distance.gradient(other.astype(np.float32))[0] == pytest.approx(distance.score(other).norm3, rel=1e-6)
    score = Ssimulacra2(pixels)
    assert score.gradient(other.astype(np.float32))[0] == pytest.approx(score.score(other), abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_other_arrays_are_refused(name: str) -> None:
    metric: Any = METRICS[name](photo(48, 48))
    with pytest.raises(InputError, match="float32"):
        metric.gradient(photo(48, 48))
    with pytest.raises(InputError, match=r"\(48, 48, 3\)"):
        metric.gradient(np.zeros((48, 40, 3), np.float32))
    with pytest.raises(InputError, match=r"8x8|same size"):
        METRICS[name](photo(7, 48))
