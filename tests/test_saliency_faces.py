"""The shape of heads in the map, from drawn chances of faces, and the confidence of a map: arrays alone, no network."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from processes import python

from saliency_jpeg.saliency import MapOptions, presets
from saliency_jpeg.saliency.confidence import confidence
from saliency_jpeg.saliency.heads.faces import HeadShape, face_evidence, find_heads
from saliency_jpeg.saliency.maps import saliency_grid

Reals = NDArray[np.float64]
SIZE = (37, 49)
MAP = MapOptions("fixed", 0.0, 0.8, evidence="learned")
SHAPE = HeadShape(**presets.find("default").outputs["faces"])


def chances(*boxes: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Reals:
    """Chances of a face: 1 in the boxes (top, left, bottom, right), 0 elsewhere."""
    chance = np.zeros(size)
    for top, left, bottom, right in boxes:
        chance[top:bottom, left:right] = 1
    return chance


def called_face(chance: Reals) -> NDArray[np.bool_]:
    """Where the map of faces alone reaches 0.5."""
    return np.asarray(saliency_grid(face_evidence(chance, SHAPE), MAP) >= 127)


def test_a_box_becomes_the_ellipse_of_a_head() -> None:
    face = called_face(chances((12, 20, 24, 29)))
    rows, cols = np.nonzero(face)
    assert cols.mean() == 24
    assert rows.mean() < 17.5 - 1.5  # the box ends above the eyes, the head above the hair
    assert 1.2 < np.ptp(rows) / np.ptp(cols) < 1.6
    area = np.pi / 4 * (np.ptp(rows) + 1) * (np.ptp(cols) + 1)
    assert face.sum() == pytest.approx(area, rel=0.15)  # of a box of these sides: 27 % more
    assert not face[rows.min(), [cols.min(), cols.max()]].any()
    assert not face[rows.max(), [cols.min(), cols.max()]].any()


def test_its_evidence_is_even_inside_and_ends_within_a_cell_or_two() -> None:
    evidence = face_evidence(chances((12, 20, 24, 29)), SHAPE)
    assert evidence.max() == SHAPE.level
    assert np.all(evidence[12:20, 22:27] == SHAPE.level)
    partly = (evidence > 0) & (evidence < SHAPE.level)
    assert 0 < partly.sum() < (evidence == SHAPE.level).sum()
    assert not evidence[:, :17].any()


def test_faces_that_touch_are_two_heads() -> None:
    chance = chances((10, 10, 20, 18), (10, 18, 20, 26))
    chance[10:12, 17:19] = chance[17:20, 17:19] = 0  # cheek at cheek
    heads = [head for head, _ in find_heads(chance, SHAPE)]
    assert len(heads) == 2
    assert sorted(head.col for head in heads) == pytest.approx([13.3, 21.7], abs=0.5)
    assert all(head.wide < 6 for head in heads)
    assert len(find_heads(chances((10, 10, 20, 18)), SHAPE)) == 1


def test_a_row_of_faces_is_no_head_and_keeps_its_shape() -> None:
    crowd = chances((16, 4, 20, 44))
    assert np.array_equal(called_face(crowd), crowd > 0)


def test_small_faces_count_and_unlikely_ones_do_not() -> None:
    small = np.zeros(SIZE)
    small[18, 24] = 0.3
    assert called_face(small)[18, 24]
    assert called_face(small).sum() < 16
    assert not face_evidence(np.full(SIZE, SHAPE.unlikely - 0.02), SHAPE).any()
    unsure = face_evidence(small * (0.1 / 0.3), SHAPE)
    assert 0 < unsure.max() < SHAPE.level


@pytest.mark.parametrize("size", [(1, 1), (1, 49), (49, 1), (5, 5), SIZE])
def test_pictures_that_are_nothing_but_a_face(size: tuple[int, int]) -> None:
    evidence = face_evidence(np.ones(size), SHAPE)
    assert evidence.shape == size
    assert evidence.max() == pytest.approx(SHAPE.level)


def drawn(seed: int) -> Reals:
    """Chances with faces of several sizes, some of which touch."""
    random = np.random.default_rng(seed)
    rows, cols = np.indices(SIZE)
    chance = np.zeros(SIZE)
    for row, col, radius in random.uniform((0, 0, 1), (37, 49, 7), (6, 3)):
        chance = np.maximum(chance, 1 / (1 + np.exp(np.hypot(rows - row, cols - col) * 2 - radius * 2)))
    return chance


@pytest.mark.parametrize("seed", range(8))
def test_mirrored_chances_give_the_mirrored_evidence(seed: int) -> None:
    chance = drawn(seed)
    assert len(find_heads(chance, SHAPE)) >= 2
    mirrored = face_evidence(np.ascontiguousarray(chance[:, ::-1]), SHAPE)[:, ::-1]
    np.testing.assert_allclose(mirrored, face_evidence(chance, SHAPE), rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_what_processors_round_differently_changes_nothing(seed: int) -> None:
    chance = drawn(seed)
    noise = np.random.default_rng(seed).uniform(-1e-6, 1e-6, SIZE)
    one, other = (saliency_grid(face_evidence(c, SHAPE), MAP) for c in (chance, np.clip(chance + noise, 0, 1)))
    assert one.any()
    assert np.array_equal(one, other)


def test_scikit_image_is_loaded_by_the_first_face_alone() -> None:
    program = (
        "import sys, numpy as np; from saliency_jpeg.saliency import presets; "
        "from saliency_jpeg.saliency.heads.faces import HeadShape, face_evidence; "
        "shape = HeadShape(**presets.find('default').outputs['faces']); "
        "[print(face_evidence(np.full((9, 9), c), shape).any(), 'skimage' in sys.modules) for c in (0.01, 0.9)]"
    )
    assert python("-c", program).split("\n")[:2] == ["False False", "True True"]


# ---------------------------------------------------------------- confidence


def blob(share: float, size: tuple[int, int] = (240, 320)) -> Reals:
    """A Gaussian in the middle, of which about ``share`` of the picture lies above 0.5."""
    rows, cols = ((np.arange(n) + 0.5) / n - 0.5 for n in size)
    return np.exp2(-(rows[:, None] ** 2 + cols[None] ** 2) * np.pi / share)


def test_one_thing_is_surer_than_a_bit_of_everything() -> None:
    by_share = [confidence(blob(share)) for share in (0.1, 0.3, 0.6, 2.0)]
    assert by_share == sorted(by_share, reverse=True)
    assert by_share[0] > 0.7
    assert by_share[-1] < 0.1
    crowd = np.clip(0.45 + 0.1 * np.random.default_rng(0).standard_normal((240, 320)), 0, 1)
    assert confidence(crowd) < 0.1


def test_even_maps_say_nothing() -> None:
    assert [confidence(np.full((9, 12), value)) for value in (0, 0.3, 1)] == [0, 0, 0]


def test_confidence_hardly_depends_on_the_resolution() -> None:
    values = [confidence(blob(0.08, size).astype(np.float32)) for size in ((30, 40), (240, 320), (3000, 4000))]
    assert np.ptp(values) <= 0.03
    assert values[0] * 100 == pytest.approx(round(values[0] * 100))
    strip = np.zeros((65535, 1), np.float32)
    strip[:26214] = 1
    assert confidence(strip) == confidence(strip.T) == pytest.approx(0.6 * (0.7 + 11 * 0.05), abs=0.01)
    assert confidence(np.ones((1, 1))) == 0
