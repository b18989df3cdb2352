"""The training of the auto-encoder of what restoration leaves: it learns, resumes, and its rate is what it takes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, encoded, photo
from processes import Script, needs

needs("torch", "ajpegli")
sys.path.append(str(ROOT / "scripts"))

import torch  # noqa: E402
from restoration_adversary import Adversary  # noqa: E402
from restoration_samples import File, to_ycbcr  # noqa: E402
from torch_gdae import CHANNELS, MOST, Gdae  # noqa: E402
from torch_restoration import Restoration  # noqa: E402
from train_gdae import print_figures, train  # noqa: E402

from saliency_jpeg.codec import _core  # noqa: E402
from saliency_jpeg.enhance.network import Architecture  # noqa: E402
from saliency_jpeg.enhance.tiles import condition  # noqa: E402


def _files() -> list[File]:
    files = []
    for row in (0, 60):
        rgb = photo(192, 192, row, 120)
        image = _core.read_jpeg(encoded(rgb, quality=15, subsampling="4:2:0"))
        tables = np.stack([image.tables[i] for i in image.component_tables]).astype(np.float32)
        files.append(File(list(image.levels), tables, image.sampling[0], condition(image), rgb))
    return files


def test_training_learns_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restoration, path = Restoration(Architecture(8, 1, 4)), tmp_path / "gdae.pt"
    torch.manual_seed(0)
    adversary = Adversary(0.02)
    train(_files(), restoration, 20, 1.0, 3, path, 10)
    model = train(_files(), restoration, 30, 1.0, 3, path, 10)
    lines = capsys.readouterr().out.splitlines()
    losses = [float(re.findall(r"bpp (\d+\.\d+)", line)[0]) for line in lines]
    assert [re.findall(r"step (\d+)", line)[0] for line in lines] == ["10", "20", "30"]
    assert losses[-1] < losses[0]
    told = train(_files(), restoration, 5, 1.0, 3, tmp_path / "other.pt", 5, adversary)
    assert set(told.state_dict()) == set(model.state_dict())
    assert "adversary" in torch.load(tmp_path / "other.pt", weights_only=True)


def test_without_a_latent_nothing_is_coded_but_pictures_stay_in_range() -> None:
    torch.manual_seed(1)
    model, original = Gdae(), to_ycbcr(torch.from_numpy(photo(64, 96).copy())[None].float())
    restored = original + 3 * torch.randn(original.shape)
    coded = model(original, restored)
    assert coded.levels.shape == (1, CHANNELS, 8, 12)
    assert float(coded.levels.abs().max()) <= MOST
    assert float((coded.planes - restored).detach().abs().max()) < 2  # before training it hardly adds anything
    coded.bits.sum().backward()
    assert model.latent.weight.grad is not None
    assert float(model.latent.weight.grad.abs().max()) > 0


def test_integer_tables_and_their_bits() -> None:
    model = Gdae()
    with torch.no_grad():
        model.tables[0] = torch.tensor([-30.0, -30, -30, 0, -30, -30, -30])
    tables = model.integer_tables()
    assert (tables.sum(1) == 4096).all()
    assert tables.min() >= 1
    zeros = np.zeros((CHANNELS, 20, 30), np.int64)
    assert adaptive_bits(zeros[:1], tables[:1]) < 1
    rng = np.random.default_rng(0)
    drawn = rng.choice(7, (CHANNELS, 60, 80), p=[0.02, 0.03, 0.1, 0.7, 0.1, 0.03, 0.02]) - MOST
    entropy = -sum(p * np.log2(p) for p in (0.02, 0.03, 0.1, 0.7, 0.1, 0.03, 0.02)) * drawn.size
    assert adaptive_bits(drawn, tables) == pytest.approx(entropy, rel=0.03)


def test_figures_compare_latent_and_larger_base(capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.array([[[0.3, 0.02, 30, 40, 31, 45, 30.5, 44]], [[0.3, 0.04, 32, 50, 33, 51, 33, 53]]])
    print_figures(rows)
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == "| 0.300 | 0.0300 | 31.00 / 45.00 | 32.00 / 48.00 | 31.75 / 48.50 | 1 of 2 |"


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_script_trains_and_measures(run_script: Script, tmp_path: Path) -> None:
    from test_training_restoration import _has_mozjpeg

    if not _has_mozjpeg():
        pytest.skip("not installed: mozjpeg")
    folder = tmp_path / "data" / "photos_cid22"
    folder.mkdir(parents=True)
    for index in range(4):
        (folder / f"{index}.png").write_bytes(encoded(photo(192, 256, 40 * index, 90 * index), "PNG"))
    words = ("scripts/train_gdae.py", tmp_path / "data", tmp_path / "out.pt")
    told = run_script(*words, "--cache", tmp_path / "cache", "--steps", "10", "--every", "5")
    assert "step 10/10" in told
    figures = run_script(*words, "--measure", "--whole", folder, "--count", "1", "--bpp", "0.8").splitlines()
    assert re.fullmatch(r"\| 0\.\d+ \| \d\.\d+ \|( -?\d+\.\d+ / -?\d+\.\d+ \|){3} [01] of 1 \|", figures[-1])
