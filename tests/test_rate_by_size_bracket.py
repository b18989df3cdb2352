"""The bracket search: full, never over, whatever the curve."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from saliency_jpeg import TargetError
from saliency_jpeg.rate_control.by_size_bracket import search_bracket

CURVES: dict[str, Callable[[float], float]] = {
    "plateau": lambda x: 10_000 * (1 - 0.97 / (1 + (8 / x) ** 6)) + 200,
    "power law": lambda x: 30_000 * x**-0.9 + 200,
    "steep": lambda x: 200 + 10_000 / (1 + (x / 5) ** 25),
    "steps": lambda x: 10_500 - 1000 * min(10, math.floor(x)),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("start", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("budget", [900, 2500, 5000, 9000, 9900])
def test_a_budget_is_filled_and_never_exceeded(name: str, start: float, budget: int) -> None:
    scales: list[float] = []

    def encode(scale: float) -> bytes:
        scales.append(scale)
        return bytes(int(CURVES[name](scale)))

    found = len(search_bracket(encode, budget, start=start, finest=0.5)[1])
    assert found <= budget
    assert len(scales) <= 14
    if name == "steps":
        assert found > budget - 1000
    else:
        assert found >= 0.98 * budget
    assert min(scales) >= 0.5 * (1 - 1e-9)


def test_noise_in_the_sizes_does_no_harm() -> None:
    rng = np.random.default_rng(1)
    for budget in range(1000, 9500, 250):
        _, found = search_bracket(
            lambda x: bytes(int(CURVES["plateau"](x) * rng.uniform(0.995, 1.0))), budget, start=2, finest=1
        )
        assert 0.95 * budget <= len(found) <= budget


def test_what_fits_at_the_finest_scale_is_the_answer() -> None:
    assert len(search_bracket(lambda x: bytes(int(500 / x)), 10_000, start=3, finest=1)[1]) == 500


def test_what_never_fits_is_told_with_the_smallest_file() -> None:
    with pytest.raises(TargetError, match="300 bytes, more than the target of 299") as caught:
        search_bracket(lambda x: bytes(max(300, int(1000 / x))), 299, start=3, finest=1)
    assert len(caught.value.best) == 300
