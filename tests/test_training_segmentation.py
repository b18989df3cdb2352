"""The training of the class map: a smoke run that learns and resumes, and what its targets say."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, encoded, photo
from processes import Script, needs

needs("tensorflow")
sys.path.append(str(ROOT / "scripts"))

import segmentation_data  # noqa: E402
from segmentation_data import UNKNOWN, Labelled, add_text, shares, variants  # noqa: E402

from saliency_jpeg.enhance.semantic_network import CLASSES  # noqa: E402

SKY, GROUND, PERSON, TEXT = (CLASSES.index(name) for name in ("sky", "ground", "person", "text"))


def test_shares_of_cells_are_those_of_the_mask() -> None:
    labels = np.full((257, 513), GROUND, np.uint8)
    labels[:128], labels[:, 400:] = SKY, UNKNOWN
    found = shares(Labelled(photo(257, 513), labels), (17, 33)).astype(np.float32)
    assert found.shape == (17, 33, len(CLASSES))
    assert (found[:7, :24, SKY] > 0.99).all()
    assert (found[10:, :24, GROUND] > 0.99).all()
    assert np.abs(found[8, :24, SKY] - 0.5).max() < 0.1
    assert (found[:, 27:] == 0).all()


def test_of_a_subject_the_class_alone_is_absent_around_it() -> None:
    chance = np.zeros((129, 129), np.float32)
    chance[:64, :64] = 1
    item = segmentation_data._subject(photo(129, 129), chance, "person")
    found = shares(item, (9, 9)).astype(np.float32)
    assert found[1, 1, PERSON] > 0.99
    assert found[7, 7, PERSON] < -0.99
    others = np.delete(found, PERSON, axis=-1)
    assert (others == 0).all()


def test_text_is_labelled_where_it_is_drawn() -> None:
    rgb, chooser = np.full((200, 300, 3), 90, np.uint8), random.Random(2)
    item = add_text(Labelled(rgb, np.zeros((200, 300), np.uint8)), chooser)
    drawn = (item.rgb != rgb).any(-1)
    assert drawn.any()
    assert (item.labels[drawn] == TEXT).mean() > 0.9  # paper behind it is wider
    assert (item.labels[~drawn] == 0).mean() > 0.7


def test_variants_keep_labels_beside_their_pixels() -> None:
    labels = np.zeros((96, 160), np.uint8)
    labels[:, 80:] = 1
    rgb = np.where(labels[..., None] == 1, np.uint8(230), np.uint8(20)).repeat(3, -1)
    for item in variants(Labelled(rgb, labels), 12, random.Random(1), text=0.0):
        bright = item.rgb.astype(int).sum(-1) > 3 * 125
        assert (bright == (item.labels == 1)).mean() > 0.97


def _data(folder: Path) -> Path:
    """Sets of a few pictures: bright above dark is sky above ground, everywhere."""
    rng = np.random.default_rng(0)

    def picture(height: int = 96, width: int = 128) -> tuple[np.ndarray, np.ndarray]:
        edge = int(rng.integers(height // 4, 3 * height // 4))
        rgb = np.empty((height, width, 3), np.uint8)
        rgb[:edge], rgb[edge:] = (140, 180, 240), (70, 60, 40)
        noise = rng.integers(-12, 12, rgb.shape)
        return np.clip(rgb + noise, 0, 255).astype(np.uint8), np.arange(height)[:, None].repeat(width, 1) < edge

    for part, kind, above, below, count in (
        ("coco128", "train", 187, 149, 10),
        ("camvid", "train", 0, 3, 4),
        ("camvid", "val", 0, 3, 4),
    ):
        for name in ("images", "masks"):
            (folder / part / name / kind).mkdir(parents=True)
        for index in range(count):
            rgb, is_above = picture()
            mask = np.where(is_above, above, below).astype(np.uint8)
            (folder / part / "images" / kind / f"{index}.jpg").write_bytes(encoded(rgb, quality=90))
            (folder / part / "masks" / kind / f"{index}.png").write_bytes(encoded(mask, "PNG"))
    (folder / "coco128" / "classes.json").write_text(json.dumps({}))
    for part in ("images", "masks"):
        (folder / "duts_classes" / part / "lemon").mkdir(parents=True)
    (folder / "duts_classes/images/lemon/0.jpg").write_bytes(encoded(photo(96, 128), quality=90))
    (folder / "duts_classes/masks/lemon/0.png").write_bytes(encoded(np.full((96, 128), 255, np.uint8), "PNG"))
    for folders in segmentation_data._CALTECH.values():
        for name in folders:
            (folder / "caltech101" / name).mkdir(parents=True)
    (folder / "caltech101/ferry/0.jpg").write_bytes(encoded(photo(96, 128, 80, 60), quality=90))
    return folder


@pytest.mark.slow
@pytest.mark.tensorflow
def test_training_learns_and_resumes(run_script: Script, tmp_path: Path) -> None:
    data, cache, out = _data(tmp_path / "data"), tmp_path / "cache", tmp_path / "out.npz"
    words = ("scripts/train_segmentation.py", data, out, "--cache", cache)
    first = run_script(*words, "--epochs", "3")
    again = run_script(*words, "--epochs", "6")
    losses = [float(loss) for loss in re.findall(r"loss (\d+\.\d+)", first + again)]
    assert len(losses) == 6
    assert losses[-1] < 0.5 * losses[0]
    assert "epoch 6/6" in again
    assert "epoch 3/6" not in again
    (accuracy,) = re.findall(r"^\| camvid \| (\S+) \|", again, re.MULTILINE)
    assert float(accuracy) > 80
    with np.load(out) as arrays:
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}
        assert arrays["logits/1"].shape == (len(CLASSES),)
