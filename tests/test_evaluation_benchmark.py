"""Gaze and mask sets: read, scored, printed; inter-observer scores; stability and boxes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PilImage

from saliency_jpeg.errors import InputError
from saliency_jpeg.evaluation import robustness, saliency_benchmark
from saliency_jpeg.evaluation.__main__ import main
from saliency_jpeg.evaluation.saliency_benchmark import GazeSample
from saliency_jpeg.metrics import auc_judd, cc, f_curve, fixation_density, mae, nss

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SPOTS = {"a": (12, 30), "b": (30, 12), "c": (20, 20)}


def picture(spot: tuple[int, int]) -> Image:
    rgb = np.full((40, 48, 3), 100, np.uint8)
    rgb[spot[0] - 5 : spot[0] + 5, spot[1] - 5 : spot[1] + 5] = 255
    return rgb


def bright(rgb: Image) -> Floats:
    return (rgb[..., 0] - 100.0) / 155


def flat(rgb: Image) -> Floats:
    return np.full(rgb.shape[:2], 0.5)


@pytest.fixture
def gaze(tmp_path: Path) -> Path:
    folder = tmp_path / "gaze"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(1)
    rows = ["image,subject,x,y,duration_ms", "a.png,1,-4.0,3,9", "a.png,9,48.0,3,9"]
    for name, (y, x) in SPOTS.items():
        PilImage.fromarray(picture((y, x))).save(folder / "images" / f"{name}.png")
        for subject in range(1, 5):
            places = rng.normal((x, y), 3, (5, 2))
            rows += [f"{name}.png,{subject},{u:.1f},{v:.1f},200" for u, v in places]
    (folder / "fixations.csv").write_text("\n".join(rows) + "\n")
    PilImage.fromarray(picture((20, 20))).save(folder / "images" / "unseen.png")
    return folder


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks set"
    for name, spot in SPOTS.items():
        for part in ("images", "masks"):
            (folder / part / name).mkdir(parents=True)
        PilImage.fromarray(picture(spot)).save(folder / "images" / name / f"{name}.png")
        object_only = (picture(spot)[..., 0] > 200).astype(np.uint8) * 255
        PilImage.fromarray(object_only if name != "c" else object_only * 0).save(
            folder / "masks" / name / f"{name}.png"
        )
    return folder


def test_gaze_is_read_by_image_and_viewer(gaze: Path) -> None:
    samples = {s.name: s for s in saliency_benchmark.read_gaze(gaze)}
    assert list(samples) == ["a", "b", "c"]  # nobody looked at the other
    assert [len(s.viewers) for s in samples.values()] == [4, 4, 4]  # one viewer saw only what is beside the image
    assert [v.shape for v in samples["a"].viewers] == [(5, 2)] * 4
    row, column = np.concatenate(samples["a"].viewers).mean(axis=0)
    assert abs(row - 12) < 3
    assert abs(column - 30) < 3
    assert [s.name for s in saliency_benchmark.read_gaze(gaze, {"b", "c"})] == ["b", "c"]
    assert len(list(saliency_benchmark.read_gaze(gaze, {"a", "b", "c"}, 2))) == 2


def test_masks_are_read_from_folders_of_classes(masks: Path) -> None:
    samples = list(saliency_benchmark.read_masks(masks))
    assert [s.name for s in samples] == ["a", "b"]  # the third has no object
    assert all(s.mask.dtype == np.bool_ and s.mask.sum() == 100 for s in samples)


def test_what_is_missing_is_told(gaze: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        next(saliency_benchmark.read_gaze(gaze, {"z"}))
    with pytest.raises(InputError, match="no images"):
        next(saliency_benchmark.read_masks(tmp_path / "nowhere"))
    (gaze / "fixations.csv").write_text("image,x,y\na.png,1,2\n")
    with pytest.raises(InputError, match="subject"):
        next(saliency_benchmark.read_gaze(gaze))
    with pytest.raises(InputError, match="no image with fixations"):
        saliency_benchmark.judge_gaze([], {"bright": bright})
    with pytest.raises(InputError, match="no image with a mask"):
        saliency_benchmark.judge_masks([], {"bright": bright})


def test_scores_are_means_over_the_images(gaze: Path) -> None:
    samples = list(saliency_benchmark.read_gaze(gaze))
    found = saliency_benchmark.judge_gaze(samples, {"bright": bright, "flat": flat}, sigma=3)
    single = [auc_judd(bright(s.rgb), np.concatenate(s.viewers)) for s in samples]
    assert found["bright"].auc_judd == pytest.approx(np.mean(single))
    assert found["flat"][:3] == (0.5, 0, 0)
    assert found["bright"].cc > 0.5


def test_max_f_of_a_set_has_one_threshold_for_all(masks: Path) -> None:
    samples = list(saliency_benchmark.read_masks(masks))

    def uneven(rgb: Image) -> Floats:
        here = rgb[12, 30, 0] == 255
        return np.asarray(bright(rgb) * (0.9 if here else 0.4) + 0.3 * here * (bright(rgb) == 0))

    found = saliency_benchmark.judge_masks(samples, {"uneven": uneven})["uneven"]
    curves = [f_curve(uneven(s.rgb), s.mask) for s in samples]
    assert found.max_f == pytest.approx(np.mean(curves, axis=0).max())
    assert found.max_f == pytest.approx(1)
    assert found.auc == 1
    assert found.mae == pytest.approx(np.mean([mae(uneven(s.rgb), s.mask) for s in samples]))


def test_inter_observer_scores_each_viewer_by_the_others() -> None:
    rng = np.random.default_rng(3)
    viewers = tuple(rng.uniform(5, 25, (4, 2)) for _ in range(2))
    sample = GazeSample("two", np.zeros((30, 30, 3), np.uint8), viewers)
    densities = [fixation_density(v, (30, 30), 4.0) for v in viewers]
    found = saliency_benchmark.inter_observer([sample], sigma=4.0)
    crossed = list(zip(densities[::-1], viewers, strict=True))
    assert found.auc_judd == pytest.approx(np.mean([auc_judd(d, v) for d, v in crossed]))
    assert found.nss == pytest.approx(np.mean([nss(d, v) for d, v in crossed]))
    assert found.cc == pytest.approx(cc(*densities))  # there is but one halving
    with pytest.raises(InputError, match="two viewers"):
        saliency_benchmark.inter_observer([sample._replace(viewers=viewers[:1])])


def test_viewers_who_agree_score_high(gaze: Path) -> None:
    samples = list(saliency_benchmark.read_gaze(gaze))
    found = saliency_benchmark.inter_observer(samples, sigma=3)
    assert found == saliency_benchmark.inter_observer(samples, sigma=3)
    assert found.auc_judd > 0.9
    assert found.nss > 2
    assert found.cc > 0.8
    rng = np.random.default_rng(0)
    lost = [s._replace(viewers=tuple(rng.uniform(0, 40, (5, 2)) for _ in s.viewers)) for s in samples]
    assert abs(saliency_benchmark.inter_observer(lost, sigma=3).auc_judd - 0.5) < 0.12


@pytest.mark.tensorflow
def test_the_command_prints_one_table_for_each_folder(
    gaze: Path, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.txt").write_text("a\nb\n")
    words = ["saliency", "--gaze", str(gaze), "--masks", str(masks), "--presets", "cam", "--sigma", "3"]
    assert main([*words, "--names", str(tmp_path / "names.txt")]) == 0
    printed = capsys.readouterr().out
    rows = {line.split("  ")[0]: line.split()[-5:] for line in printed.split("\n\n")[0].splitlines()}
    assert list(rows) == ["gaze, 2 images", "cam", "centred Gaussian", "spectral residual", "other viewers"]
    wanted = saliency_benchmark.inter_observer(saliency_benchmark.read_gaze(gaze, {"a", "b"}), sigma=3)
    assert rows["other viewers"] == [f"{value:.3f}" for value in wanted]
    assert "masks set, 2 images" in printed
    assert "maxF" in printed
    assert main([*words, "--no-baselines", "--markdown", "--count", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| cam |" in printed
    assert "Gaussian" not in printed
    assert "gaze, 1 images" in printed


# ---- without a judge ---------------------------------------------------------------------------


def test_a_map_that_follows_the_picture_is_stable(gaze: Path) -> None:
    rgb = picture((12, 30))
    assert robustness.stability(rgb, flat) == (0, 0, 0)
    followed = robustness.stability(rgb, lambda p: np.clip(bright(p), 0, 1))
    assert followed.mirrored == 0
    assert 0 < max(followed) < 0.03

    def left(p: Image) -> Floats:
        return np.broadcast_to(np.arange(p.shape[1]) < p.shape[1] // 2, p.shape[:2]).astype(np.float64)

    def small_only(p: Image) -> Floats:
        return np.full(p.shape[:2], 1.0 if p.shape[0] < 40 else 0.25)

    assert robustness.stability(rgb, left).mirrored == 1
    assert robustness.stability(rgb, small_only) == (0, 0.75, 0)
    mean, worst = robustness.judge_stability([rgb, rgb[:20]], {"x": small_only})["x"]
    assert mean[:2] == (0, 0.375)
    assert mean[2] == pytest.approx(0.375)
    assert tuple(worst) == (0, 0.75, 0.75)
    with pytest.raises(InputError, match="no image"):
        robustness.judge_stability([], {"x": flat})


def test_boxes_are_pooled_by_area() -> None:
    rgb = picture((12, 30))  # bright in rows 7 to 16, columns 25 to 34
    pictures = [(rgb, [(25, 7, 35, 17)]), (rgb, [(0, 7, 25, 17), (0, 8, 5, 9)]), (rgb, [])]
    found = robustness.judge_boxes(pictures, {"bright": bright, "flat": flat})
    assert found == {"bright": pytest.approx(100 / 350), "flat": 1}
    assert robustness.judge_boxes(pictures, {"flat": flat}, threshold=0.6) == {"flat": 0}
    assert math.isnan(robustness.judge_boxes([], {"flat": flat})["flat"])


@pytest.mark.tensorflow
def test_the_command_measures_stability_and_boxes(gaze: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gaze / "faces.csv").write_text("image,left,top,right,bottom\na.png,25,7,35,17\na.png,0,0,4,4\nz.png,0,0,1,1\n")
    words = ["saliency", "--images", str(gaze / "images"), "--presets", "cam", "--boxes"]
    assert main([*words, str(gaze / "faces.csv"), "--threshold", "0"]) == 0
    printed = capsys.readouterr().out
    assert "images, 4 images" in printed
    assert "images, 2 boxes" in printed
    assert "mirrored, worst" in printed
    assert printed.splitlines()[-1].split() == ["spectral", "residual", "1.000"]
    (gaze / "faces.csv").write_text("image,x\na.png,25\n")
    assert main([*words, str(gaze / "faces.csv")]) == 1
    assert "left, top, right, bottom" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["saliency", "--masks", str(gaze), "--boxes", str(gaze / "faces.csv")])


def test_the_command_tells_errors_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["saliency"])
    assert main(["saliency", "--masks", str(tmp_path)]) == 1
    assert main(["saliency", "--masks", str(tmp_path), "--presets", "nonesuch"]) == 1
    assert "no images" in (told := capsys.readouterr().err)
    assert "nonesuch" in told
