"""Training a head on pictures of one's own: the function, the command, and what both refuse."""

# mypy: disable-error-code="func-returns-value"
from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from helpers import encoded
from marks import implies
from numpy.typing import NDArray
from once import made_once
from PIL import Image
from processes import Capture, run, usage_error

from saliency_jpeg import compress
from saliency_jpeg.cli import progress as progress_module
from saliency_jpeg.cli import train as train_module
from saliency_jpeg.errors import InputError, OptionError, PresetError
from saliency_jpeg.saliency import SaliencyModel, network, presets
from saliency_jpeg.saliency.given import read_map
from saliency_jpeg.saliency.grid import shrink
from saliency_jpeg.training import Step, Trained, api, loop, pair, train
from saliency_jpeg.training.pairs import read_pair

Scene = tuple[NDArray[np.uint8], NDArray[np.bool_]]
SIZE = (72, 96)


def scene(seed: int) -> Scene:
    """A green and an orange disc on noise; only the green one matters."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(90, 150, (*SIZE, 3), np.uint8)
    rows, cols = np.mgrid[: SIZE[0], : SIZE[1]]
    left, right = rng.permutation([(40, 200, 60), (230, 120, 30)])
    discs = []
    for colour, start in ((left, 14), (right, 62)):
        row, col, radius = rng.integers(20, 52), start + rng.integers(0, 20), rng.integers(9, 14)
        discs.append((rows - row) ** 2 + (cols - col) ** 2 < radius**2)
        rgb[discs[-1]] = colour
    return rgb, discs[0] if left[0] == 40 else discs[1]


def stored(folder: Path, count: int) -> tuple[Path, Path]:
    """Folders of images and masks; the masks at half the size, as grays."""
    images, masks = folder / "images", folder / "masks"
    for i in range(count):
        rgb, mask = scene(i)
        for place in (images, masks):
            (place / str(i % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(images / str(i % 2) / f"{i}.bmp")
        Image.fromarray(mask[::2, ::2]).convert("L").save(masks / str(i % 2) / f"{i}.png")
    return images, masks


class Run(NamedTuple):
    """What a run of the command wrote, printed and did."""

    folder: Path
    lines: list[str]
    steps: list[Step]
    result: Trained


@pytest.fixture(scope="module")
@implies("tensorflow", "slow")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The command over twelve pictures, one of them held out, and two files without a partner."""
    return made_once(tmp_path_factory, "training", trained)


def trained(folder: Path) -> Run:
    images, masks = stored(folder, 12)
    Image.fromarray(scene(0)[0]).save(images / "lonely.png")
    Image.new("L", (4, 3)).save(masks / "ghost.png")
    lines: list[str] = []
    steps: list[Step] = []
    results: list[Trained] = []

    def recorded(*sources: Any, on_step: Callable[[Step], None], **settings: Any) -> Trained:
        results.append(train(*sources, on_step=lambda step: (steps.append(step), on_step(step))[1], **settings))
        return results[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_module, "say", lambda line, stream: lines.append(line))
        patch.setattr(train_module, "train", recorded)
        assert run("train", images, masks, "-o", folder / "own.npz", "--epochs", 12, "--seed", 1, "--json") == 0
    return Run(folder, lines, steps, results[0])


def test_the_held_out_picture_is_judged_better(done: Run) -> None:
    facts = json.loads(done.lines[-1])
    assert facts["pairs"] == 12
    assert len(facts["held_out"]) == facts["judged"] == 1
    before, after = facts["before"], facts["after"]
    assert after["auc"] > max(0.95, before["auc"])
    assert after["max_f"] > before["max_f"] + 0.1
    assert after["mae"] < before["mae"]
    assert facts["losses"][-1] < 0.6 * facts["losses"][0]
    assert len(facts["losses"]) == 12
    assert facts["bytes"] == (done.folder / "own.npz").stat().st_size


def test_every_step_is_reported(done: Run) -> None:
    features, epochs = [Step("features", i, 12) for i in range(13)], [("epochs", i, 12) for i in range(13)]
    assert done.steps[:13] == features
    assert [step[:3] for step in done.steps[13:]] == epochs
    assert tuple(step.loss for step in done.steps[14:]) == done.result.losses
    assert tuple(step.held_out_loss for step in done.steps[14:]) == done.result.held_out_losses[1:]


def test_new_pictures_get_the_new_map(done: Run) -> None:
    own, preset = SaliencyModel.from_file(done.folder / "own.npz"), SaliencyModel.from_preset()
    for seed in (100, 101, 102):
        rgb, mask = scene(seed)
        shares = [saliency[mask].sum() / saliency.sum() for saliency in (own.predict(rgb), preset.predict(rgb))]
        assert shares[0] > shares[1] + 0.1


def test_the_file_serves_compress(done: Run, tmp_path: Path) -> None:
    rgb, _ = scene(50)
    Image.fromarray(rgb).save(tmp_path / "in.png")
    own = done.folder / "own.npz"
    words = ("compress", tmp_path / "in.png", "-o", tmp_path / "out.jpg", "--quality", 60)
    assert run(*words, "--saliency", own) == 0
    jpeg = (tmp_path / "out.jpg").read_bytes()
    assert jpeg == compress(rgb, saliency=SaliencyModel.from_file(own), quality=60) != compress(rgb, quality=60)


def test_files_without_a_partner_are_named(done: Run) -> None:
    folder, facts, lines = done.folder, json.loads(done.lines[-1]), done.lines
    assert facts["masks_alone"] == [str(folder / "masks" / "ghost.png")]
    assert facts["images_alone"] == [str(folder / "images" / "lonely.png")]
    assert f"1 masks have no image and are left out: {folder / 'masks' / 'ghost.png'}" in lines[0]
    assert "lonely.png" in lines[1]
    assert sorted(path.name for path in folder.iterdir()) == ["images", "masks", "own.npz"]


def test_the_same_seed_gives_the_same_weights(done: Run) -> None:
    preset, pairs = presets.find("gaze"), pair(done.folder / "images", done.folder / "masks")
    kept = [p for i, p in enumerate(zip(pairs.images, pairs.masks, strict=True)) if i not in done.result.held_out]
    items = api._make_items(preset, kept, lambda step: None)
    fitted = api._fit(preset, items, [], done.result.epoch, 1, lambda step: None)
    assert fitted.epoch == done.result.epoch == 12
    assert fitted.losses == pytest.approx(done.result.losses, rel=1e-4)  # some processors do not repeat the last bits
    with np.load(done.folder / "own.npz") as stored:
        for key, array in fitted.head.items():
            np.testing.assert_allclose(stored[key].astype(float), array.astype(float), rtol=0.02, atol=1e-3)


@pytest.mark.parametrize(("judged", "best"), [((1.0, 2.0, 3.0), 0), ((3.0, 1.0, 2.0), 1), ((3.0, 2.0, 1.0), 2)])
def test_the_best_epoch_is_kept(
    judged: tuple[float, ...], best: int, done: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset, pairs = presets.find("gaze"), pair(done.folder / "images", done.folder / "masks")
    items = api._make_items(preset, list(zip(pairs.images[:2], pairs.masks[:2], strict=True)), lambda step: None)
    values, seen = iter(judged), []

    def mean_loss(model: Any, *_: Any) -> float:
        seen.append(api._weights(model))
        return next(values)

    monkeypatch.setattr(loop, "mean_loss", mean_loss)
    fitted = api._fit(preset, items, items, 2, 0, lambda step: None)
    assert (fitted.epoch, fitted.held_out_losses) == (best, judged)
    assert all(np.array_equal(fitted.head[key], seen[best][key]) for key in seen[best])
    assert any(not np.array_equal(seen[0][key], seen[2][key]) for key in seen[0])


@pytest.mark.tensorflow
def test_another_seed_leaves_out_other_features() -> None:
    sizes = zip((9, 5, 3, 3), loop.CHANNELS, strict=True)
    features = [np.ones((1, side, side, channels), np.float32) for side, channels in sizes]
    maps = []
    for seed in (7, 7, 8):
        preset = presets.find("gaze")
        assert preset.head is not None
        model = preset.head.network.build(loop.CHANNELS[:3])
        network.set_arrays(model, presets.read_head(preset))
        api._seed_dropout(model, seed)
        maps.append(np.asarray(model(features, training=True)))
    assert np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


def replayed(done: Run, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """The command trains no more, but does as if it did what was done."""

    def train(*_: Any, on_step: Callable[[Step], None], **__: Any) -> Trained:
        for step in done.steps:
            on_step(step)
        return replace(done.result, **changes)

    monkeypatch.setattr(train_module, "train", train)


def test_lines_and_a_table(done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    words = ("train", done.folder / "images", done.folder / "masks", "-o", tmp_path / "own.npz")
    replayed(done, monkeypatch)
    assert run(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    losses = done.result.losses
    judged = done.result.held_out_losses[1:]
    told = [f"loss {a:.3f}, {b:.3f} on the images held out" for a, b in zip(losses, judged, strict=True)]
    assert lines[:12] == [f"epoch {i}/12: {text}" for i, text in enumerate(told, 1)]
    assert lines[13].startswith("loss     █")
    assert lines[14].startswith("held out █")
    assert lines[15] == "kept epoch 12 of 12, the best on the images held out"
    assert lines[12] == f"{tmp_path / 'own.npz'}: 14.5 MB, trained on 11 images"
    assert lines[16].split() == ["1", "held", "out", "AUC", "maxF", "MAE"]
    assert done.result.after is not None
    assert lines[18].split() == [str(tmp_path / "own.npz"), *(f"{value:.3f}" for value in done.result.after)]
    assert (tmp_path / "own.npz").read_bytes() == (done.folder / "own.npz").read_bytes()
    assert run(*words, "-q") == 0
    assert capsys.readouterr().out == ""
    replayed(done, monkeypatch, epoch=0)
    assert run(*words) == 0
    assert "kept epoch 0, the preset as it was" in capsys.readouterr().out
    for held_out, why in (
        ((), "with fewer than ten images none is held out"),
        ((3,), "no held-out mask has both an object and a background"),
    ):
        replayed(done, monkeypatch, before=None, after=None, held_out=held_out, judged=0)
        assert run(*words) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"not evaluated: {why}"


def test_a_bar_on_a_terminal(done: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    terminal = io.StringIO()
    replayed(done, monkeypatch)
    monkeypatch.setattr(train_module, "bar_stream", lambda *, quiet: terminal)
    assert run("train", done.folder / "images", done.folder / "masks", "-o", tmp_path / "own.npz") == 0
    text = terminal.getvalue()
    assert text.startswith(f"\rfeatures  [{' ' * 24}] 0/12")
    assert f"\repochs  [{'#' * 24}] 12/12" in text
    assert "saved" not in text
    assert text.endswith("\r\x1b[K")
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_a_bar_needs_a_terminal() -> None:
    assert progress_module.bar_stream(quiet=True) is None


# what is learned from -----------------------------------------------------------------------------------------------


def test_masks_follow_the_stored_pixels(tmp_path: Path) -> None:
    rgb, mask = scene(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright, saliency = read_pair(tmp_path / "turned.jpg", mask)
    assert upright.shape == (96, 72, 3)
    assert saliency.shape == (96, 72)
    assert np.array_equal(saliency, np.rot90(mask, -1).astype(np.float32))


def test_sizes_may_differ_but_not_shapes() -> None:
    rgb, mask = scene(4)
    for smaller in (mask[::2, ::2], mask[::4, ::4], np.kron(mask, np.ones((2, 2), np.bool_)), mask[:71]):
        _, saliency = read_pair(rgb, smaller)
        assert saliency.shape == SIZE
        assert np.abs(saliency - mask).mean() < 0.05
    for other in (mask[:60], mask.T):
        with pytest.raises(InputError, match=r"the aspect ratio of its image \(96 x 72\), got"):
            read_pair(rgb, other)


def test_every_kind_of_mask() -> None:
    mask = scene(5)[1]
    gray = Image.fromarray(mask).convert("L")
    for kind in (mask, mask.astype(np.float64), mask.astype(np.uint8) * 255, gray, encoded(gray, "PNG")):
        assert np.array_equal(read_map(kind), mask.astype(np.float32))
    with pytest.raises(InputError, match="not an image"):
        read_map(b"no image")


def test_targets_lie_on_the_points_of_the_grid() -> None:
    values = np.zeros((33, 65), np.float32)
    values[12:21, 20:29] = 1
    values[:, 48:] = np.nan
    target = shrink(values, (33, 65), 8)
    assert target.shape == (5, 9)
    assert target[2, 3] == 1
    assert target[0, 0] == 0 == target[4, 5]
    assert np.isnan(target[:, 7:]).all()


def test_a_tenth_is_held_out() -> None:
    assert api._hold_out(9, 0) == ()
    assert [len(api._hold_out(count, 0)) for count in (10, 14, 200)] == [1, 1, 20]
    assert api._hold_out(200, 0) != api._hold_out(200, 1)


# refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda folder: ("--epochs", 0), "epochs must be at least 1, got 0"),
        (lambda folder: ("--seed", -1), "seed must be from 0 to 4294967295, got -1"),
        (lambda folder: ("--from", "cam"), "argument --from: invalid choice: 'cam'"),
        (lambda folder: ("-o", folder / "own.tflite"), "must end in .npz"),
        (lambda folder: ("-o", folder / "none" / "own.npz"), "the folder of"),
    ],
)
def test_refused_words(change: Callable[[Path], Any], complaint: str, tmp_path: Path, capsys: Capture) -> None:
    images, masks = stored(tmp_path, 1)
    words = ("train", images, masks, "-o", tmp_path / "own.npz", *change(tmp_path))
    assert complaint in usage_error(capsys, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "masks"]


def test_refused_folders(tmp_path: Path, capsys: Capture) -> None:
    images, masks = stored(tmp_path, 2)
    out = ("-o", tmp_path / "own.npz")
    assert "in different folders, got" in usage_error(capsys, "train", images, images, *out)
    assert "nowhere: No such file or directory" in usage_error(capsys, "train", tmp_path / "nowhere", masks, *out)
    (tmp_path / "empty").mkdir()
    complaint = usage_error(capsys, "train", images, tmp_path / "empty", *out)
    assert "has a mask of the same name" in complaint
    assert "got 2 images and 0 masks" in complaint
    Image.fromarray(scene(0)[0]).save(images / "0" / "0.jpg")
    assert "have the same name without suffix; remove one" in usage_error(capsys, "train", images, masks, *out)
    assert not (tmp_path / "own.npz").exists()


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    images, masks = stored(tmp_path, 2)
    (images / "._0.bmp").write_bytes(b"no image")
    pairs = pair(images, str(masks))
    assert [path.name for path in pairs.images] == ["0.bmp", "1.bmp"]
    assert [path.name for path in pairs.masks] == ["0.png", "1.png"]
    assert pairs.images_alone == pairs.masks_alone == []


@pytest.mark.slow
@pytest.mark.tensorflow
def test_files_that_cannot_be_learned_from(tmp_path: Path, capsys: Capture) -> None:
    images, masks = stored(tmp_path, 1)
    words = ("train", images, masks, "-o", tmp_path / "own.npz")
    mask = masks / "0" / "0.png"
    Image.fromarray(scene(0)[1].astype(np.uint8)).save(mask)  # 0 and 1 instead of 0 and 255
    assert run(*words) == 1
    assert "0.png: a saliency map of uint8 must have values from 0 to 255" in capsys.readouterr().err
    Image.new("L", (96, 72)).save(mask)
    assert run(*words) == 1
    assert "at least one mask must mark something, got only empty masks" in capsys.readouterr().err
    (images / "0" / "0.bmp").write_bytes(b"no image")
    assert run(*words) == 1
    assert "0.bmp: the data (8 bytes) is not an image" in capsys.readouterr().err
    assert not (tmp_path / "own.npz").exists()


def test_refused_arguments() -> None:
    rgb, mask = scene(0)
    with pytest.raises(InputError, match="2 images and 1 masks"):
        train([rgb, rgb], [mask])
    with pytest.raises(InputError, match="0 images and 0 masks"):
        train([], [])
    with pytest.raises(OptionError, match=r"one of default, gaze, objects, whose heads learn masks, got 'cam'$"):
        train([rgb], [mask], preset="cam")
    with pytest.raises(PresetError, match="unknown preset 'nil'"):
        train([rgb], [mask], preset="nil")


@pytest.mark.slow
@pytest.mark.tensorflow
def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    images, masks = stored(tmp_path, 1)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("saliency_jpeg.training.loop.fit", interrupted)
    assert run("train", images, masks, "-o", tmp_path / "own.npz") == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "masks"]
