"""What the notebooks in ``examples`` claim, checked on what they defined; ``scripts/run_notebooks.py`` calls it.

Each function is named after its notebook and takes the notebook's variables as attributes.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def check_01_quickstart(seen: Any) -> None:
    assert 0.95 * 25_000 < len(seen.jpeg) <= 25_000
    assert seen.saliency.shape == seen.pixels.shape[:2]
    assert 0.99 * len(seen.jpeg) < len(seen.pillow) <= len(seen.jpeg)
    assert seen.scores["ours"][0] > seen.scores["Pillow"][0] + 5
    assert seen.scores["ours"][1] > seen.scores["Pillow"][1] + 0.5
    assert {"pillow", "saliency_jpeg"} <= seen.curves.keys()
    for name, points in seen.curves.items():
        sizes, whole, salient = zip(*points, strict=True)
        assert np.allclose(sizes, seen.rates, rtol=0.01), name
        assert list(whole) == sorted(whole)
        assert list(salient) == sorted(salient)
        if name != "saliency_jpeg":
            best = seen.curves["saliency_jpeg"]
            assert all(ours[2] > theirs[2] for ours, theirs in zip(best, points, strict=True)), name
    check_bad_case(seen)
    assert seen.inside == sorted(seen.inside)
    assert seen.outside == sorted(seen.outside, reverse=True)
    assert len(seen.rows) == 3
    assert all(row[3] < 0.9 * row[1] for row in seen.rows)
    for target, (score, again) in seen.reached.items():
        assert target <= score < target + 1
        assert abs(again - score) < 0.5
    assert seen.kept == {
        "keep": {"make", "place", "profile", "dpi", "comment"},
        "safe": {"profile", "dpi"},
        "strip": {"profile"},
    }
    assert 1000 < len(seen.smallest) < 5000


def check_bad_case(seen: Any) -> None:
    """It is still a bad case, by the whole picture and by the part that is shown."""
    with_map, without = seen.worse["with the map"], seen.worse["without"]
    assert with_map[0] < without[0] - 0.5
    assert with_map[1] < without[1] - 0.5
    assert all(0.95 * 15_000 < len(data) <= 15_000 for data in seen.files.values())


def check_02_inside_the_encoder(seen: Any) -> None:
    assert np.allclose(seen.activations.maps.mean(axis=(0, 1)), seen.activations.logits, atol=1e-4)
    means = [seen.maps[name].mean() for name in ("narrow (0.7, 0.99)", "as the preset has it", "wide (0.1, 0.6)")]
    assert means[0] < means[1] < means[2]
    assert all(abs(values.mean() - 1) < 1e-3 for values in (seen.weights, seen.without))
    assert seen.shares["with the map"] > 1.03 * seen.shares["without the map"]
    assert sum(seen.parts["with the map"].bytes_by_use().values()) == len(seen.files["with the map"])
    assert seen.costs[1] == min(seen.costs)
    assert seen.choices["rounded"][1][seen.at] > seen.choices["trellis"][1][seen.at]
    assert all(a[0] <= b[0] and a[1] >= b[1] - 1e-3 for a, b in itertools.pairwise(seen.curve))
    assert seen.saved > 10


def check_03_pipeline(seen: Any) -> None:
    assert 20_000 < seen.one <= 30_000
    for side in (256, 512):
        assert seen.sizes[f"taken over-{side}"] < 0.9 * seen.sizes[f"pillow-{side}"]
        assert seen.sizes[f"to size-{side}"] <= 10_000
    assert isinstance(seen.done["damaged"], seen.saliency_jpeg.InputError)
    assert list(seen.done) == [path.stem for path in seen.paths]
    expected = {name: result.jpeg for name, result in seen.good.items()}
    assert len(expected) == 5
    assert all(len(jpeg) <= 25_000 for jpeg in expected.values())
    assert seen.outbox == expected
    assert getattr(seen, "from_cluster", expected) == expected  # only where Ray is installed
    assert max(map(len, seen.files.values())) <= 14_000
    table = seen.table
    assert table["combined"]["face"] > table["Pillow"]["face"] + 0.3
    assert table["combined"]["shuttle"] > max(table["default"]["shuttle"], table["Pillow"]["shuttle"]) + 0.5
    assert table["combined"]["flag"] < table["default"]["flag"] - 0.5


def check_04_restoration(seen: Any) -> None:
    gains = np.subtract(seen.scores["restored"], seen.scores["plain"])
    assert (gains > [0.5, 0.5, 2]).all()
    inside = seen.share_outside(seen.restored)
    assert inside < 0.002
    assert seen.outside >= inside
    assert seen.by_amount[-1] > seen.by_amount[0] + 1
    assert all(after > before - 0.3 for before, after in zip(*seen.by_quality.values(), strict=True))
    assert np.abs(seen.after - seen.truth).mean() < np.abs(seen.before - seen.truth).mean()
    assert all(picture.shape == (seen.page.height, seen.page.width) for picture in seen.pictures)
    assert seen.values[1] > 1000
    assert np.abs(np.rint(seen.deep / 257) - seen.restored).max() <= 1


def check_05_layers(seen: Any) -> None:
    assert len(seen.jpeg) <= 9000
    assert len(seen.alone) + seen.layer.length < len(seen.jpeg) < len(seen.merged)
    assert (seen.layer.kind, seen.layer.state) == ("detail", "valid")
    assert (seen.in_layer >= 0).all()
    assert seen.in_layer.sum() > 0
    assert seen.classes.shape == (32, 48)
    assert len(seen.present) > 2
    assert seen.table["restored"][1] > seen.table["with detail"][1] > seen.table["base"][1]
    assert seen.table["fine"][1] > seen.table["with detail"][1]
    assert np.abs(seen.added).mean() > 0.3
