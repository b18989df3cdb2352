"""Class maps: cells beside their pixels, what the shipped network sees, its presets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import encoded, photo
from marks import implies
from processes import needs

import saliency_jpeg
from saliency_jpeg.enhance import semantic
from saliency_jpeg.enhance.presets import find_segmentation
from saliency_jpeg.enhance.semantic import CLASSES, Segmenter, to_cells
from saliency_jpeg.errors import OptionError, PresetError
from saliency_jpeg.saliency import litert

SKY, GROUND = CLASSES.index("sky"), CLASSES.index("ground")


def test_cells_lie_on_their_pixels() -> None:
    grid = np.arange(33)[:, None] + 0 * np.arange(17)[None]  # rows of the network's output
    for height, width in ((512, 256), (1024, 512), (129, 67), (16, 16), (5, 300)):
        logits = np.zeros((33, 17, len(CLASSES)), np.float32)
        logits[..., SKY], logits[..., GROUND] = 16 - grid, grid - 16
        cells = to_cells(logits, (height, width))
        assert cells.shape == (-(-height // 16), -(-width // 16))
        middles = np.minimum(16 * np.arange(cells.shape[0]) + 8, height - 0.5)
        below = middles > height / 2
        assert np.array_equal(cells == GROUND, np.repeat(below[:, None], cells.shape[1], 1))
        assert set(np.unique(cells)) <= {SKY, GROUND}


@pytest.fixture(scope="module")
@implies("tensorflow")
def segmenter() -> Segmenter:
    needs("tensorflow")
    return Segmenter.from_preset(device="cpu")


def test_the_network_sees_where_the_sky_ends(segmenter: Segmenter) -> None:
    rows = np.linspace(0, 1, 300)[:, None, None]
    sky = np.array([120, 170, 235]) + 60 * rows
    rng = np.random.default_rng(0)
    road = np.array([105, 100, 98]) + rng.normal(0, 9, (300, 400, 1)) + 0 * rows
    rgb = np.clip(np.where(rows < 0.5, sky, road), 0, 255).astype(np.uint8)
    cells = segmenter.predict(rgb)
    assert cells.shape == (19, 25)
    assert (cells[:7] == SKY).mean() > 0.9
    assert (cells[13:] == SKY).mean() < 0.1


def test_a_coded_photograph_shows_nearly_the_same(segmenter: Segmenter) -> None:
    rgb = photo(384, 512, 60, 120)
    coded = saliency_jpeg.decode(encoded(rgb, quality=30), enhance=None)
    first, second, again = (segmenter.predict(pixels) for pixels in (rgb, coded, rgb))
    assert np.array_equal(first, again)
    assert (first == second).mean() > 0.85
    assert first.dtype == np.uint8
    assert first.max() < len(CLASSES)


@pytest.mark.parametrize("size", [(1, 1), (7, 900), (40, 17)])
def test_any_size_has_a_map(segmenter: Segmenter, size: tuple[int, int]) -> None:
    cells = segmenter.predict(np.full((*size, 3), 128, np.uint8))
    assert cells.shape == (-(-size[0] // 16), -(-size[1] // 16))


def test_the_loaded_network_is_kept(segmenter: Segmenter) -> None:
    assert semantic.load("segment", "cpu") is semantic.load("segment", "cpu")


def test_without_tensorflow_the_exported_network_sees_the_same(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("ai_edge_litert")
    monkeypatch.setattr(litert, "replaces_tensorflow", lambda: True)
    monkeypatch.setenv("SALIENCY_JPEG_LITE", str(tmp_path))
    with pytest.raises(PresetError, match=r"'segment' is read from segment\.tflite in the folder"):
        Segmenter.from_preset()
    segmenter.export(tmp_path / "segment.tflite")
    exported = Segmenter.from_preset(device="cpu")
    for rgb in (photo(384, 512, 60, 120), photo(99, 131)):
        ours, theirs = segmenter.predict(rgb), exported.predict(rgb)
        assert ours.shape == theirs.shape
        assert (ours == theirs).mean() > 0.98
    with pytest.raises(OptionError, match="LiteRT runs on the CPU"):
        Segmenter.from_preset(device="gpu")
    with pytest.raises(OptionError, match="where TensorFlow is installed, got one that runs on LiteRT"):
        exported.export(tmp_path / "x.tflite")


def test_the_preset_names_its_parts() -> None:
    preset = find_segmentation("segment")
    arrays = preset.read_weights()
    assert preset.backbone == "cam"
    assert sum(array.nbytes for array in arrays.values()) < 500_000
    with pytest.raises(PresetError, match="is for restoration; a preset for segmentation is needed"):
        find_segmentation("restore")


def test_a_preset_without_a_backbone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from saliency_jpeg.saliency import presets

    (tmp_path / "presets.json").write_text(json.dumps({"odd": {"task": "segmentation", "version": 1}}))
    monkeypatch.setattr(presets, "folders", lambda: [tmp_path])
    with pytest.raises(PresetError, match=r"the entry 'odd' in presets\.json is not valid"):
        find_segmentation("odd")
