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
from compare_gdae import Point, at_rate, cells  # noqa: E402
from restoration_adversary import Adversary  # noqa: E402
from restoration_samples import File, to_ycbcr  # noqa: E402
from torch_gdae import PARTS, Gdae, difference  # noqa: E402
from torch_restoration import Restoration  # noqa: E402
from train_gdae import print_figures, save, train  # noqa: E402

from saliency_jpeg.codec import _core  # noqa: E402
from saliency_jpeg.enhance.latent_network import CHANNELS, MOST  # noqa: E402
from saliency_jpeg.enhance.network import Architecture  # noqa: E402
from saliency_jpeg.enhance.presets import find_latent  # noqa: E402
from saliency_jpeg.enhance.tiles import condition  # noqa: E402
from saliency_jpeg.saliency.weights_file import unpack  # noqa: E402


def _files() -> list[File]:
    files = []
    for row in (0, 60):
        rgb = photo(192, 192, row, 120)
        image = _core.read_jpeg(encoded(rgb, quality=15, subsampling="4:2:0"))
        tables = np.stack([image.tables[i] for i in image.component_tables]).astype(np.float32)
        classes = np.arange(144, dtype=np.uint8).reshape(12, 12) % 10
        files.append(File(list(image.levels), tables, image.sampling[0], condition(image), rgb, classes, bpp=0.5))
    return files


def test_training_learns_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restoration, path = Restoration(Architecture(8, 1, 4)), tmp_path / "gdae.pt"
    torch.manual_seed(0)
    adversary = Adversary(0.02)
    train(_files(), restoration, 20, 9.0, 3, path, 10)
    model = train(_files(), restoration, 30, 9.0, 3, path, 10)
    lines = capsys.readouterr().out.splitlines()
    bits = [float(re.findall(r" (\d+\.\d+), \d+ s", line)[0]) for line in lines]
    assert [re.findall(r"step (\d+)", line)[0] for line in lines] == ["10", "20", "30"]
    assert bits[-1] < bits[0]  # it starts as a transform that takes many
    told = train(_files(), restoration, 5, 1.0, 3, tmp_path / "other.pt", 5, adversary)
    assert set(told.state_dict()) == set(model.state_dict())
    assert "adversary" in torch.load(tmp_path / "other.pt", weights_only=True)


def test_it_starts_as_a_transform_that_says_low_frequencies() -> None:
    torch.manual_seed(1)
    model, original = Gdae(), to_ycbcr(torch.from_numpy(photo(64, 96).copy())[None].float())
    wave = 6 * torch.cos((2 * torch.arange(96) + 1) * torch.pi / 16)  # the lowest across, 2 steps of 24 in each block
    restored = original + wave * torch.tensor([1.0, 0, 0])[:, None, None]
    coded = model(original, restored, torch.zeros(1, 10, 4, 6))
    assert coded.levels.shape == (1, CHANNELS, 8, 12)
    assert 1 <= float(coded.levels.abs().max()) <= MOST
    left = (coded.planes - original).detach().square().mean()
    assert float(left) < 0.2 * float((restored - original).square().mean())
    coded.bits.sum().backward()
    assert model.latent.weight.grad is not None
    assert float(model.latent.weight.grad.abs().max()) > 0


@pytest.mark.parametrize("without", PARTS)
def test_parts_can_be_left_out(without: str) -> None:
    torch.manual_seed(3)
    model, whole = Gdae([without]), Gdae()
    original = to_ycbcr(torch.from_numpy(photo(64, 64).copy())[None].float())
    restored = original + 20 * torch.sign(torch.cos(torch.arange(64.0)))
    classes = torch.zeros(1, 10, 4, 4)
    coded = model(original, restored, classes)
    (coded.bits.sum() + (coded.planes - original).square().mean()).backward()
    assert coded.levels.any()
    assert float(model.direct.weight.grad.abs().max()) > 0
    assert (model.gate.weight.grad is None) == (without == "sprc")
    sizes = [sum(part.numel() for part in each.parameters()) for each in (model, whole)]
    assert 0.9 < sizes[0] / sizes[1] < 1.1
    assert (set(model.state_dict()) == set(whole.state_dict())) == (without != "dense")


def test_a_part_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="parts must be of dense, sprc, soft, got gan"):
        Gdae(["gan"])


def test_without_the_soft_choice_rates_are_read_between_integers() -> None:
    torch.manual_seed(4)
    model = Gdae(["soft"])
    original = torch.full((1, 3, 16, 16), 100.0)
    bits = []
    for step in (0.2, 1.0):  # steps of the mean of a block
        restored = original - step * 24 / 8 * torch.tensor([1.0, 0, 0])[:, None, None]
        bits.append(model(original, restored, torch.zeros(1, 10, 1, 1)).bits)
    assert float(bits[1].detach()) > float(bits[0].detach())
    bits[0].sum().backward()
    assert float(model.direct.weight.grad.abs().max()) > 0  # though all round to 0


def test_figures_at_a_rate_lie_between_two_files() -> None:
    files = [Point("net", bpp, bpp / 10, (30 + n, 10 + n, 50 + n), 100) for n, bpp in enumerate((0.1, 0.4, 1.6))]
    found = at_rate(files[::-1], "net", 0.2)
    assert found is not None
    assert found.tolist() == pytest.approx([30.5, 10.5, 50.5, 0.025, 100])
    assert at_rate(files, "net", 0.09) is None
    assert at_rate(files, "other", 0.2) is None
    pairs = np.array([[found, found - 1], [found + 1, found - 2]])
    assert cells(pairs, is_alone=False) == ["+2.00", "+2.00", "+2.00", "0.525", "100"]


@pytest.mark.tensorflow
def test_the_library_runs_the_same_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # which later tests in this process need
    torch.manual_seed(2)
    model = Gdae()
    torch.nn.init.normal_(model.last.weight, std=0.05)
    torch.nn.init.normal_(model.gate.weight, std=0.5)
    assert difference(model) < 2e-3
    save(model, tmp_path / "weights.npz")
    arrays = unpack((tmp_path / "weights.npz").read_bytes(), "weights.npz")
    assert arrays["gate/0"].shape == (1, 1, 58, 48)
    assert set(arrays) == set(find_latent("gdae").read_weights())


def test_figures_are_means_over_photographs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.zeros((2, 1, 2, 7))
    rows[:, 0, 0] = [[0.3, 0.02, 31, 15, 46, 48, 90], [0.3, 0.04, 33, 17, 50, 52, 110]]
    rows[:, 0, 1] = [[0.3, 0.0, 31.5, 15, 47, 48, 60], [0.3, 0.0, 33, 17, 49, 52, 80]]
    print_figures(rows)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "| latent | 0.300 | 0.0300 | 32.00 | 16.00 | 48.00 | 50.00 | 100 | 1 of 2 |",
        "| plain | 0.300 | 0.0000 | 32.25 | 16.00 | 48.00 | 50.00 | 70 |  |",
    ]


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
    told = run_script(*words, "--cache", tmp_path / "cache", "--steps", "10", "--every", "5", "--most-bpp", "3")
    assert "step 10/10" in told
    assert (tmp_path / "out.npz").stat().st_size > 1_000_000
    figures = run_script(*words, "--measure", "--whole", folder, "--count", "1", "--bpp", "0.8").splitlines()
    assert re.fullmatch(r"\| plain \| 0\.\d+ \| 0\.0000 \|( \d+\.\d+ \|){4} \d+ \|  \|", figures[-1])
    given = ("--count", "1", "--bpp", "0.4", f"gdae={tmp_path / 'out.pt'}")
    table = run_script("scripts/compare_gdae.py", folder, *given)
    assert "gdae, thinned" in table
    assert re.search(r"restore alone +1 +\d", table)
