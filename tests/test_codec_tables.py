"""Quantization tables: legal, monotone, and the scale of quality is invertible."""

from dataclasses import replace

import numpy as np
import pytest

from saliency_jpeg.codec import tables
from saliency_jpeg.codec.parameters import TUNINGS, Tune

TUNING = TUNINGS["default"]


@pytest.mark.parametrize("tune", TUNINGS)
@pytest.mark.parametrize("quality", [0, 0.5, 10, 33.3, 75, 90, 99.9, 100])
def test_tables_are_legal_eight_bit_tables(quality: float, tune: Tune) -> None:
    table = tables.quantization_tables(quality, TUNINGS[tune])
    assert table.dtype == np.uint16
    assert table.shape == (3, 64)
    assert table.min() >= 1
    assert table.max() <= 255


@pytest.mark.parametrize("tune", TUNINGS)
def test_steps_never_grow_with_quality(tune: Tune) -> None:
    all_tables = np.array([tables.quantization_tables(q, TUNINGS[tune]) for q in np.linspace(0, 100, 101)], int)
    assert (np.diff(all_tables, axis=0) <= 0).all()


@pytest.mark.parametrize("tune", TUNINGS)
def test_quality_100_has_no_step_above_one(tune: Tune) -> None:
    assert (tables.quantization_tables(100, TUNINGS[tune]) == 1).all()


@pytest.mark.parametrize("quality", [0, 1, 7.25, 50, 74.9, 75, 97.3, 100])
def test_scale_and_quality_are_inverse(quality: float) -> None:
    assert tables.scale_to_quality(tables.quality_to_scale(quality, TUNING), TUNING) == pytest.approx(quality, abs=1e-9)


def test_tables_are_symmetric() -> None:
    table = tables.quantization_tables(60).reshape(3, 8, 8)
    np.testing.assert_array_equal(table, table.transpose(0, 2, 1))


def test_sensitivity_prices_an_error_in_real_steps() -> None:
    tuning = replace(TUNING, luma_tilt=0.0, chroma_tilt=0.6)
    steps = tables.ideal_steps(2.345, tuning)
    table = tables.to_table(steps)
    price = tables.sensitivity(steps, tuning, table) / (table / steps) ** 2
    np.testing.assert_allclose(price[0], 1, rtol=1e-6)
    assert price[1, 0] == pytest.approx(np.exp(-0.3))
    assert price[2, 3] == pytest.approx(1)


def test_chroma_steps_follow_the_subsampling() -> None:
    tuning = TUNINGS["default"]
    assert tables.for_sampling(tuning, (2, 2)) == tuning
    assert tables.for_sampling(tuning, (4, 1)) == tuning
    whole, half = (tables.for_sampling(tuning, sampling) for sampling in ((1, 1), (2, 1)))
    assert whole.luma == half.luma == tuning.luma
    for component in ("cb", "cr"):
        base, coarse, between = (np.array(getattr(each, component).steps) for each in (tuning, whole, half))
        np.testing.assert_allclose(coarse / base, tuning.whole_chroma)
        np.testing.assert_allclose(between / base, tuning.whole_chroma**0.5)
    assert tables.for_sampling(TUNINGS["psnr"], (1, 1)) == TUNINGS["psnr"]
