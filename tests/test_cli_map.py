"""saliency-jpeg map: the map as a picture, and back as a map."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_cli import NONE, PHOTO, run, usage_error

import saliency_jpeg
from saliency_jpeg.saliency import heatmap

Capture = pytest.CaptureFixture[str]


def test_map_of_a_photograph_and_back(tmp_path: Path, capfd: Capture) -> None:
    """The raw map, given back, makes the same file as the preset; nothing of TensorFlow's chatter comes through."""
    raw, heat, first, second = (tmp_path / name for name in ("raw.png", "heat.png", "first.jpg", "second.jpg"))
    assert run("map", PHOTO, "-o", raw, "--raw") == 0
    assert run("map", PHOTO, "-o", heat) == 0
    assert run("compress", PHOTO, "-o", first, "--target-kb", 30) == 0
    assert run("compress", PHOTO, "-o", second, "--target-kb", 30, "--saliency", raw) == 0
    assert first.read_bytes() == second.read_bytes()
    with Image.open(raw) as gray, Image.open(heat) as colours:
        assert (gray.mode, colours.mode) == ("L", "RGB")
        assert gray.size == colours.size == (768, 512)
        found = np.asarray(gray)
    np.testing.assert_array_equal(found, np.rint(saliency_jpeg.saliency_map(PHOTO) * 255))
    assert capfd.readouterr().err == ""


def test_map_refusals(tmp_path: Path, capsys: Capture) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 48)).save(picture)
    assert "must end in .png" in usage_error(capsys, "map", picture, "-o", tmp_path / "heat.jpg")
    assert "no map to draw" in usage_error(capsys, "map", picture, "-o", tmp_path / "heat.png", *NONE)
    mask = tmp_path / "mask.png"
    Image.new("L", (64, 48)).save(mask)
    assert run("map", tmp_path / "missing.png", "-o", tmp_path / "heat.png", "--saliency", mask) == 1
    assert capsys.readouterr().err == f"saliency-jpeg: {tmp_path / 'missing.png'}: No such file or directory\n"


def test_heat_is_drawn_upright() -> None:
    pixels = np.zeros((4, 6), np.uint8)
    saliency = np.zeros((4, 6), np.float32)
    saliency[0, 0] = 1
    stored = heatmap.over(pixels, saliency)
    hot = np.asarray(stored).sum(axis=2).argmax()
    assert stored.size == (6, 4)
    assert hot == 0
    turned = heatmap.over(pixels, saliency, 6)  # shown a quarter turn clockwise: top left comes to top right
    assert turned.size == (4, 6)
    assert np.asarray(turned).sum(axis=2).argmax() == 3


def test_gray_map_reads_back() -> None:
    saliency = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(16, 16)
    file = io.BytesIO()
    heatmap.gray(saliency).save(file, "PNG")
    np.testing.assert_array_equal(np.asarray(Image.open(file), np.float32) / np.float32(255), saliency)
