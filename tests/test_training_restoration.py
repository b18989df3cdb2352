"""The training of restoration: a smoke run that learns and resumes, and its parts beside the library's own."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, encoded, photo
from PIL import Image
from processes import Script, needs

needs("torch", "ajpegli")
sys.path.append(str(ROOT / "scripts"))

import restoration_adversary  # noqa: E402
import torch  # noqa: E402
import torch_jpeg  # noqa: E402
import torch_ms_ssim  # noqa: E402
import torch_ssimulacra2  # noqa: E402
from compare_restorations import print_table  # noqa: E402
from restoration_adversary import Adversary  # noqa: E402
from restoration_objectives import OBJECTIVES, relative_distance  # noqa: E402
from restoration_samples import CROP, Batch, File, Sampler, to_ycbcr  # noqa: E402
from torch_restoration import Restoration, difference, plain, restore  # noqa: E402
from train_restoration import pack_half, train  # noqa: E402

from saliency_jpeg.codec import _core  # noqa: E402
from saliency_jpeg.enhance.network import CONDITION, PRESETS, Architecture  # noqa: E402
from saliency_jpeg.enhance.semantic_network import CLASSES  # noqa: E402
from saliency_jpeg.enhance.tiles import condition  # noqa: E402
from saliency_jpeg.evaluation.restoration import Row  # noqa: E402
from saliency_jpeg.metrics import Ssimulacra2, ms_ssim  # noqa: E402
from saliency_jpeg.saliency.weights_file import unpack  # noqa: E402


def _read(sampling: str = "4:2:0") -> Any:
    return _core.read_jpeg(encoded(photo(64, 96), quality=40, subsampling=sampling))


def _blocks(levels: Any, table: Any) -> torch.Tensor:
    return torch.from_numpy(levels.astype(np.float32) * table.astype(np.float32))[None]


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_the_differentiable_decoder_is_the_decoder(sampling: str) -> None:
    image = _read(sampling)
    h, v = image.sampling[0]
    table = image.tables[image.component_tables[1]]
    plane = torch_jpeg.from_blocks(torch_jpeg.inverse_dct(_blocks(image.levels[1], table))) + 128
    exact = _core.inverse_dct(image.levels[1], table)
    assert np.abs(plane[0].numpy() - exact).max() < 1e-3
    assert np.abs(torch_jpeg.upsample(plane, h, v)[0].numpy() - _core.upsample(exact, h, v, (64, 96))).max() < 1e-3


def test_the_differentiable_bounds_are_those_of_the_core() -> None:
    image, widths = _read(), torch_jpeg.Bounds(0.9, 0.4, 0.6, 0.7)
    levels, table = image.levels[0], image.tables[0]
    noise = np.random.default_rng(0).normal(0, 20, (64, 96)).astype(np.float32)
    steps = torch.from_numpy(table.astype(np.float32))[None]
    kept = torch_jpeg.bound(
        torch.from_numpy(noise)[None], torch.from_numpy(levels.astype(np.float32))[None], steps, widths
    )
    corrected = torch_jpeg.from_blocks(torch_jpeg.inverse_dct(kept + _blocks(levels, table))) + 128
    exact = _core.correct_samples(levels, table, noise, np.array(widths, np.float32))
    assert np.abs(corrected[0].numpy() - exact).max() < 1e-2
    assert np.abs(exact - _core.correct_samples(levels, table, noise, None)).max() > 1


def test_the_differentiable_ssimulacra2_is_near_the_metric() -> None:
    original = photo(256, 256)
    for quality in (10, 30, 75):
        decoded = np.asarray(Image.open(io.BytesIO(encoded(original, quality=quality))))
        linear = [
            torch_ssimulacra2.to_linear_rgb(to_ycbcr(torch.from_numpy(np.array(pixels))[None].float()))
            for pixels in (original, decoded)
        ]
        assert abs(100 - float(torch_ssimulacra2.distance(*linear)) - Ssimulacra2(original).score(decoded)) < 2
    assert float(torch_ssimulacra2.distance(linear[0], linear[0])) < 1.5


def test_the_differentiable_ms_ssim_is_the_metric() -> None:
    original = photo(256, 256)
    for quality in (10, 30, 75):
        decoded = np.asarray(Image.open(io.BytesIO(encoded(original, quality=quality))))
        luma = [to_ycbcr(torch.from_numpy(np.array(pixels))[None].float())[:, 0] for pixels in (original, decoded)]
        assert abs(float(torch_ms_ssim.ms_ssim(*luma)) - ms_ssim(original, decoded)) < 2e-4
    assert float(torch_ms_ssim.ms_ssim(luma[0], luma[0])) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_objectives_fall_towards_the_original(objective: str) -> None:
    original = photo(128, 128)
    decoded = np.asarray(Image.open(io.BytesIO(encoded(original, quality=20))))
    target, planes = (to_ycbcr(torch.from_numpy(np.array(part))[None].float()) for part in (original, decoded))
    assert sum(term.weight for term in OBJECTIVES[objective]) == 1
    for term in OBJECTIVES[objective]:
        whole, half = (float(relative_distance(term, planes.lerp(target, part), planes, target)) for part in (0.0, 0.5))
        assert half < whole < 1
        restored = planes.clone().requires_grad_()
        relative_distance(term, restored, planes, target).backward()
        assert restored.grad is not None
        assert bool(restored.grad.isfinite().all())
        with torch.no_grad():
            downhill = planes - 0.5 * restored.grad / restored.grad.square().mean().sqrt()
        assert float(relative_distance(term, downhill, planes, target)) < whole


def test_weights_are_compared_by_photograph(capsys: pytest.CaptureFixture[str]) -> None:
    scores = np.zeros((3, 2, 2, 6))  # photographs, rows, weights, metrics
    scores[:, :, 0] = 50
    scores[:, 0, 1], scores[:, 1, 1] = 51, 53
    scores[0, :, 1, 4] += 3  # one photograph gains more PSNR
    print_table(scores, ("shipped", "joint"), (Row("pillow", 30), Row("ours", 0.5)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| shipped |" + " 50.000 |" * 6
    assert lines[3].startswith("| joint | +2.000 (+2.000 to +2.000) |")
    assert lines[3].endswith("| +3.000 (+2.000 to +5.000) | +2.000 (+2.000 to +2.000) |")
    assert lines[-2:] == [
        "| pillow-30 | joint |" + " +1.000 |" * 4 + " +2.000 |" + " +1.000 |",
        "| ours-0.5 | joint |" + " +3.000 |" * 4 + " +4.000 |" + " +3.000 |",
    ]


def test_training_goes_on_from_a_weights_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Restoration(PRESETS["restore-fast"])
    before = model.arrays()
    path = tmp_path / "start.npz"
    path.write_bytes(pack_half(model))
    rgb = photo(128, 128)
    image = _core.read_jpeg(encoded(rgb, quality=30, subsampling="4:2:0"))
    tables = np.stack([image.tables[row] for row in image.component_tables]).astype(np.float32)
    files = [File(list(image.levels), tables, image.sampling[0], condition(image), rgb)]
    after = train(files, PRESETS["restore-fast"], 1, 3, terms=OBJECTIVES["joint"], start=path, rate=0.1).arrays()
    moved = {name: float(np.abs(after[name] - before[name]).max()) for name in before}
    assert 0 < max(moved.values()) < 0.01
    assert all(np.isfinite(array).all() for array in after.values())


def test_the_weights_are_those_of_the_file() -> None:
    torch.manual_seed(1)
    model = Restoration(PRESETS["restore-fast"])
    before = model.arrays()
    written = unpack(pack_half(model), "weights")
    assert written.keys() == before.keys()
    for name, array in model.arrays().items():
        assert written[name].dtype == np.float16
        np.testing.assert_array_equal(written[name], array)
        np.testing.assert_allclose(array, before[name], rtol=1e-3, atol=1e-7)
    model.last.bias.data[3] = 1e6
    with pytest.raises(OverflowError, match=r"finite in float16, got others in last/1$"):
        pack_half(model)


@pytest.mark.parametrize("native", [(2, 1), (1, 2)])
def test_crops_of_4_4_0_show_what_their_levels_say(native: tuple[int, int]) -> None:
    """4:2:2 is turned by a quarter; a file that is 4:4:0 itself is not."""
    h, v = native
    luma = np.zeros((32, 32, 64), np.int16)
    chroma = np.zeros((32 // v, 32 // h, 64), np.int16)
    luma[..., 0] = np.arange(32)[:, None] + 100 * np.arange(32)
    chroma[..., 0] = np.arange(0, 32, v)[:, None] + 100 * np.arange(0, 32, h)
    rgb = np.zeros((256, 256, 3), np.uint8)
    rgb[:] = np.arange(256)[:, None, None]  # tells the row
    known = np.zeros(CONDITION, np.float32)
    sample = Sampler([File([luma, chroma, chroma], np.ones((3, 64), np.float32), native, known, rgb)], 0)
    seen = set()
    for _ in range(8):
        batch = sample()
        assert batch.sampling is not None
        seen.add(batch.sampling)
        across, down = batch.sampling
        assert batch.levels[0].shape[1:3] == (CROP // 8, CROP // 8)
        assert batch.levels[1].shape[1:3] == (CROP // 8 // down, CROP // 8 // across)
        varies = batch.target[:, 0, -1, 0] != batch.target[:, 0, 0, 0]
        assert bool(varies.all()) == (batch.sampling == native)
    assert seen == ({(2, 1), (1, 2)} if native == (2, 1) else {(1, 2)})


def _with_classes() -> tuple[Batch, File]:
    """A batch of crops of one file, whose class map says the brightness of each cell."""
    rgb = photo(256, 256, 60, 120)
    image = _core.read_jpeg(encoded(rgb, quality=30, subsampling="4:2:0"))
    tables = np.stack([image.tables[row] for row in image.component_tables]).astype(np.float32)
    means = rgb.mean(-1).reshape(16, 16, 16, 16).mean((1, 3))
    classes = (means > np.median(means)).astype(np.uint8)
    file = File(list(image.levels), tables, image.sampling[0], condition(image), rgb, classes)
    return Sampler([file], 5)(), file


def test_crops_of_class_maps_lie_where_their_pixels_do() -> None:
    batch, file = _with_classes()
    assert batch.classes is not None
    assert batch.classes.shape == (len(batch.target), len(CLASSES), CROP // 16, CROP // 16)
    assert bool((batch.classes.sum(1) == 1).all())
    level = np.median(file.rgb.mean(-1).reshape(16, 16, 16, 16).mean((1, 3)))
    means = torch.nn.functional.avg_pool2d(batch.target[:, 0], 16)
    near = (means - level).abs() < 12  # luma is not the mean of the colours
    assert bool(((means > level) == (batch.classes[:, 1] == 1))[~near].all())
    assert bool((~near).float().mean() > 0.3)


@pytest.mark.tensorflow
def test_a_network_with_classes_starts_as_the_one_without() -> None:
    batch, _ = _with_classes()
    torch.manual_seed(1)
    plainly = Restoration(Architecture(16, 2, 8))
    torch.nn.init.normal_(plainly.last.weight, std=0.05)
    size = Architecture(16, 3, 8, classes=len(CLASSES))  # and a block more
    told = Restoration(size)
    told.fill(plainly.arrays())
    coefficients, planes = plain(batch)
    with torch.no_grad():
        before, after = (restore(m, b, coefficients, planes) for m, b in (
            (plainly, dataclasses.replace(batch, classes=None)), (told, batch)
        ))  # fmt: skip
        assert float((before - planes).abs().max()) > 1
        assert float((before - after).abs().max()) == 0
        torch.nn.init.normal_(told.get_submodule("block1shift_class").weight, std=0.5)
        assert float((restore(told, batch, coefficients, planes) - before).abs().max()) > 0.5
        assert difference(told, size) < 1e-4


def test_training_uses_the_class_map() -> None:
    _, file = _with_classes()
    size = Architecture(8, 1, 4, classes=len(CLASSES))
    after = train([file], size, 3, 3, terms=()).arrays()
    used = np.abs(after["block0shift_class/0"][0, 0]).max(-1) > 0
    assert used[:2].all()
    assert not used[2:].any()  # classes that no cell has


def test_an_adversary_learns_and_pulls_towards_the_original() -> None:
    batch, _ = _with_classes()
    _, planes = plain(batch)
    torch.manual_seed(2)
    adversary = Adversary(0.1)
    told = [adversary.step(batch, planes, planes) for _ in range(40)]
    assert told[-1] < 0.9 * told[0]
    restored = planes.clone().requires_grad_()
    (added,) = torch.autograd.grad(adversary.loss(batch, planes, restored), restored)
    towards = batch.target - planes
    assert float((added * towards).sum()) < 0
    (plainly,) = torch.autograd.grad(restored.square().mean(), restored)
    for steps, share in ((restoration_adversary.WARM_UP // 2, 0.05), (2 * restoration_adversary.WARM_UP, 0.1)):
        adversary.steps = steps
        joined = adversary.joined(restored.square().mean(), batch, planes, restored)
        rest = torch.autograd.grad(joined, restored)[0] - plainly
        assert float(rest.norm()) == pytest.approx(share * float(plainly.norm()), rel=1e-3)
        assert float((rest * added).sum()) == pytest.approx(float(rest.norm() * added.norm()), rel=1e-3)
    other = Adversary(0.1)
    other.load_state_dict(adversary.state_dict())
    with torch.no_grad():
        kept, given = (float(a.loss(batch, planes, planes)) for a in (other, adversary))
    assert kept == given > 0


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "form",
    [
        ("--preset", "restore-fast"),
        ("--preset", "fine", "--objective", "all", "--adversarial", "0.05", "--held-back", "4"),
    ],
)
def test_training_learns_and_resumes(run_script: Script, tmp_path: Path, form: tuple[str, ...]) -> None:
    if not _has_mozjpeg():
        pytest.skip("not installed: mozjpeg")
    folder = tmp_path / "data" / "photos_cid22"  # every other one is for reports
    folder.mkdir(parents=True)
    for index in range(4):
        (folder / f"{index}.png").write_bytes(encoded(photo(192, 256, 40 * index, 90 * index), "PNG"))
    words = ("scripts/train_restoration.py", tmp_path / "data", tmp_path / "out.npz", "--cache", tmp_path / "cache")
    form = (*form, "--every", "25")
    first = run_script(*words, *form, "--steps", "50")
    again = run_script(*words, *form, "--steps", "75")
    errors = [float(error) for error in re.findall(r"error of Y Cb Cr [^.]* (\d\.\d+)", first + again)]
    assert len(errors) == 3
    assert errors[-1] < errors[0]
    assert "step 75/75" in again
    assert "step 25/75" not in again
    assert bool(re.search(r"^held back: \d\.\d+ ", again, re.MULTILINE)) == ("--held-back" in form)
    (gap,) = re.findall(r"from those of Keras: (\S+)", again)
    assert float(gap) < 1e-4
    with np.load(tmp_path / "out.npz") as arrays:
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}


def _has_mozjpeg() -> bool:
    from saliency_jpeg.evaluation.mozjpeg import find_cjpeg

    try:
        return bool(find_cjpeg())
    except FileNotFoundError:
        return False
