"""What machines see: scores of judges' answers, tables, the pictures' halves, and JPEG 2000 as a peer."""

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saliency_jpeg import compress
from saliency_jpeg.evaluation import machine_judges, machine_tasks, machines
from saliency_jpeg.evaluation.codecs import decode, find_codec
from saliency_jpeg.evaluation.comparison import match_size
from saliency_jpeg.evaluation.machine_judges import Box, Word

CAT = Box(8, 0.9, (0.1, 0.1, 0.5, 0.5))
DOG = Box(20, 0.6, (0.5, 0.5, 0.9, 0.9))


def test_class_scores_follow_the_rank() -> None:
    probabilities = np.array([0.1, 0.4, 0.2, 0.15, 0.1, 0.05])
    assert machine_tasks.score_class(probabilities, 1) == {"probability": 0.4, "top1": 1.0, "top5": 1.0}
    assert machine_tasks.score_class(probabilities, 2) == {"probability": 0.2, "top1": 0.0, "top5": 1.0}
    assert machine_tasks.score_class(probabilities, 5) == {"probability": 0.05, "top1": 0.0, "top5": 0.0}


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        ([CAT, DOG], 1.0),
        ([CAT], 0.5),
        ([CAT._replace(label=20), CAT, DOG], 2 / 3),  # a wrong class first: precisions 1/2 and 2/3, envelope 2/3
        ([CAT, CAT, DOG], (1 + 2 / 3) / 2),  # an object is found once
        ([CAT._replace(sides=(0.3, 0.3, 0.7, 0.7))], 0.0),
        ([], 0.0),
    ],
)
def test_average_precision(found: list[Box], precision: float) -> None:
    scores = machine_tasks.score_boxes(found, [CAT, DOG], frozenset())
    assert scores == {"ap50": pytest.approx(precision)}


def test_labels_are_compared_with_those_of_the_data_set() -> None:
    scores = machine_tasks.score_boxes([CAT, DOG, DOG._replace(score=0.2)], [], frozenset({"cat", "person"}))
    assert scores == {"labels_f1": pytest.approx(0.5)}


def test_characters_are_counted_line_by_line_without_spaces() -> None:
    lines = ["Open door 12", "Yellow bus 7"]
    words = [Word("12", 90, 20), Word("Opendoor", 40, 22), Word("Yellow bus 1", 60, 70)]
    assert machine_tasks.score_words(words, lines)["characters"] == pytest.approx(1 - 1 / 20)
    assert machine_tasks.score_words([], lines) == {"characters": 0.0}


def test_edit_distance_counts_insertions_deletions_and_changes() -> None:
    pairs = [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("abc", "abc", 0)]
    assert [machine_tasks._edits(a, b) for a, b, _ in pairs] == [n for _, _, n in pairs]


def test_anchors_are_as_many_as_the_detector_has_boxes_and_lie_where_offsets_are_zero() -> None:
    anchors = machine_judges.ssd_anchors()
    boxes = machine_judges.decode_boxes(np.zeros((1917, 4), np.float32))
    assert anchors.shape == (1917, 4)
    np.testing.assert_allclose((boxes[:, :2] + boxes[:, 2:]) / 2, anchors[:, :2], atol=1e-12)
    np.testing.assert_allclose(boxes[:, 2:] - boxes[:, :2], anchors[:, 2:], atol=1e-12)


def test_overlapping_boxes_of_a_class_are_one_object() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0.5, 0.5, 1, 1]], np.float64)
    scores = np.zeros((3, 24))
    scores[:, 4] = 0.5, 0.7, 0.4
    scores[2, 0] = 0.99  # the background is no object
    assert [(b.label, b.score) for b in machine_judges._suppress(boxes, scores)] == [(4, 0.7), (4, 0.4)]


def make_data(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    names = [f"duts_classes/images/{name}/n{i}" for name in machine_judges.IMAGENET for i in range(2)]
    names += [f"coco128/images/train/{i:012}" for i in range(8)] + [f"photos_bsds500/{i}" for i in range(6)]
    for name in names:
        path = folder / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (321, 481, 3), np.uint8)).reduce(1).save(path)
    (folder / "coco128/classes.json").write_text('{"multilabel": {"0": "person", "22": "zebra"}}')
    rows = "".join(f"train/{i:012}.jpg,0 22\n" for i in range(8))
    (folder / "coco128/labels.csv").write_text("image,class_ids\n" + rows)
    return folder


def test_halves_share_no_picture_and_have_every_task(tmp_path: Path) -> None:
    data, counts = make_data(tmp_path), {"classification": 9, "detection": 9, "text": 9}
    tune, report = (machine_tasks.cases(data, half, counts) for half in ("tune", "report"))  # type: ignore[arg-type]
    assert not {c.name for c in tune} & {c.name for c in report}
    assert {c.task for c in tune} == {c.task for c in report} == set(machine_tasks.TASKS)
    assert sum(c.task == "classification" for c in report) == 9
    assert next(c.truth for c in report if c.task == "detection") == {"person"}  # the detector knows no zebra


def test_written_lines_are_the_same_every_time_and_lie_in_their_slots(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    case = machine_tasks.cases(data, "tune", {"classification": 0, "detection": 0, "text": 1})[0]
    rgb = case.load()
    assert rgb.shape == (320, 480, 3)
    np.testing.assert_array_equal(rgb, case.load())
    assert case.truth == machine_tasks._lines(random.Random(int(case.name.split("-")[1])))


class Seen:
    """Answers with one probability: how near the picture's mean is to gray."""

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        probability = 1 - abs(float(rgb.mean()) - 128) / 128
        return np.array([probability, 1 - probability])


def test_measures_a_case_with_every_system_at_every_size(photo: np.ndarray) -> None:
    case = machine_tasks.Case("classification", "a", lambda: photo, 0)
    systems = [("pillow", ("plain",)), ("saliency_jpeg-off", ("plain",))]
    rows = list(machines.measure_case(case, {"classification": Seen()}, systems, (0.5, 1.0)))
    assert [(r.codec, r.target_bpp) for r in rows] == [
        ("original", 0.0), ("pillow", 0.5), ("pillow", 1.0), ("saliency_jpeg-off", 0.5), ("saliency_jpeg-off", 1.0)
    ]  # fmt: skip
    assert all(abs(r.bits_per_pixel / r.target_bpp - 1) < 0.03 for r in rows[1:])
    assert all(0 < r.values["probability"] <= 1 for r in rows)


def row(picture: str, codec: str, value: float, decoder: str = "plain", target: float = 0.3) -> machines.Row:
    return machines.Row("text", picture, codec, decoder, target, target, {"characters": value})


def test_tables_have_means_and_paired_gains(tmp_path: Path) -> None:
    rows = [row(p, c, v) for p, c, v in [("a", "pillow", 0.2), ("b", "pillow", 0.4), ("a", "ours", 0.5)]]
    rows += [row("b", "ours", 0.7), row("a", "ours", 0.9, "restore"), row("c", "pillow", 0.0)]
    means, gains = machines.means_table(rows, "text"), machines.gains_table(rows, "text", "ours")
    assert means[0] == ["text, 3 pictures", "characters at 0.3 bpp"]
    assert [line[0] for line in means[1:]] == ["pillow", "ours", "ours, restore"]
    assert means[1][1].startswith("0.200 [")
    assert gains[1] == ["than pillow", "+0.300 [+0.300, +0.300]", "+0.300 [+0.300, +0.300]"]  # "c" has no partner
    assert gains[2][1].startswith("-0.400")
    assert "than pillow" in machines.render_tables(rows, ["ours"], markdown=True)
    large = dataclasses.replace(row("a", "pillow", 0.9), bits_per_pixel=0.4)  # is not of equal size
    assert machines.gains_table([large, *rows[1:]], "text", "ours")[1][1].startswith("+0.300")
    machines.append_rows(tmp_path / "rows", rows[:2])
    machines.append_rows(tmp_path / "rows", rows[2:])
    assert machines.read_rows(tmp_path / "rows") == rows
    assert machines.read_rows(tmp_path / "none") == []


@pytest.mark.parametrize(("name", "module", "tolerance"), [("jpeg2000", "PIL", 0.03), ("heic", "pillow_heif", 0.2)])
def test_peers_of_other_formats_meet_sizes_and_are_read_back(
    name: str, module: str, tolerance: float, photo: np.ndarray
) -> None:
    pytest.importorskip(module)
    size = photo.shape[0] * photo.shape[1] / 16
    file = match_size(find_codec(name), photo, size).jpeg
    assert len(file) == pytest.approx(size, rel=tolerance)
    assert np.mean(np.abs(decode(file).astype(float) - photo)) < 20


def test_tune_machine_changes_the_bytes_and_keeps_the_target(photo: np.ndarray) -> None:
    files = [bytes(compress(photo, target_kb=20, saliency=None, tune=tune)) for tune in ("default", "machine")]
    assert files[0] != files[1]
    assert all(19_000 < len(file) <= 20_000 for file in files)
