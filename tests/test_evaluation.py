"""The size-matched comparison against synthetic codecs and curves, the peers, and the command line."""

from __future__ import annotations

import dataclasses
import io
import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from helpers import DATA, encoded, pillow_pixels
from helpers import photo as crop
from PIL import Image as PilImage
from processes import python

from saliency_jpeg import SaliencyModel, compress
from saliency_jpeg.errors import OptionError
from saliency_jpeg.evaluation import bdrate, codecs, comparison, msroi, report
from saliency_jpeg.evaluation.__main__ import main
from saliency_jpeg.evaluation.codecs import Codec
from saliency_jpeg.evaluation.comparison import Measurement
from saliency_jpeg.metrics import psnr

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

BLANK: Image = np.zeros((16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def photo() -> Image:
    return crop(216, 257, 100, 200)


# ---- comparison --------------------------------------------------------------------------------


def blob(name: str, grows: bool = True, coarse: float = 1e-6) -> Codec:
    """A codec whose file is as long as its knob says, in steps."""

    def encode(rgb: Image, knob: float, saliency: Floats | None = None) -> bytes:
        return bytes(int(round(knob / coarse) * coarse * 100))

    return Codec(name, encode, low=0.0, high=100.0)


def test_match_size_bisects_to_the_target() -> None:
    rgb = BLANK
    for size in (123.0, 4567.0, 9000.0):
        jpeg, knob = comparison.match_size(blob("fine"), rgb, size)
        assert abs(len(jpeg) / size - 1) <= 0.005
        assert knob is not None
        assert int(knob * 100) == pytest.approx(len(jpeg), abs=1)


def test_match_size_returns_the_closest_file_of_a_coarse_knob() -> None:
    jpeg, _ = comparison.match_size(blob("coarse", coarse=10.0), BLANK, 4400.0)
    assert len(jpeg) == 4000


def test_match_size_looks_around_where_size_is_not_monotonic() -> None:
    def encode(rgb: Image, knob: float, saliency: Floats | None = None) -> bytes:
        return bytes(1000 if abs(knob - 50.4) < 0.15 else round((900 if knob < 50 else 1100) + knob))

    jpeg, knob = comparison.match_size(Codec("bumpy", encode, 0.0, 100.0), BLANK, 1000.0)
    assert len(jpeg) == 1000
    assert knob == pytest.approx(50.4, abs=0.15)


def test_match_size_leaves_it_to_the_codecs_own_rate_control() -> None:
    codec = Codec("own", blob("x").encode, encode_to_size=lambda rgb, size, saliency: bytes(int(size)))
    assert comparison.match_size(codec, BLANK, 321.0) == (bytes(321), None)


def curve(codec: str, image: str, factor: float, metric: str = "psnr_y", sign: float = 1.0) -> list[Measurement]:
    points = [(0.25 * 2**i, sign * (30 + 5 * i + 0.3 * i * i)) for i in range(4)]
    return [Measurement(image, codec, bpp, None, 1, bpp * factor, {metric: value}) for bpp, value in points]


@pytest.mark.parametrize(("metric", "sign"), [("psnr_y", 1.0), ("butteraugli3", -1.0)])
def test_bd_rate_of_a_scaled_curve_is_the_scale(metric: str, sign: float) -> None:
    anchor = curve("a", "i", 1.0, metric, sign)
    for factor in (0.8, 1.0, 1.1):
        test = curve("b", "i", factor, metric, sign)
        assert bdrate.bd_rate(anchor, test, metric) == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_bd_rate_needs_shared_qualities_and_three_points() -> None:
    anchor = curve("a", "i", 1.0)
    far = [
        Measurement("i", "b", m.target_bpp, None, 1, m.bits_per_pixel, {"psnr_y": 99.0 + i})
        for i, m in enumerate(anchor)
    ]
    assert math.isnan(bdrate.bd_rate(anchor, far, "psnr_y"))
    assert math.isnan(bdrate.bd_rate(anchor, anchor[:2], "psnr_y"))
    assert math.isnan(bdrate.bd_rate(anchor, anchor, "ssimulacra2"))


def test_bd_rates_average_over_images_and_name_the_worst() -> None:
    measured = [m for image in "xyz" for m in curve("a", image, 1.0)]
    measured += curve("b", "x", 0.9) + curve("b", "y", 1.2) + curve("b", "z", 0.9)
    found = bdrate.bd_rates(measured, "a", "psnr_y")
    assert list(found) == ["b"]
    assert found["b"].percent.mean == pytest.approx(0.0, abs=1e-9)
    assert found["b"].worst == pytest.approx(20.0)
    assert (found["b"].worst_image, found["b"].images) == ("y", 3)


def test_gains_are_by_image_and_positive_where_better() -> None:
    ours = [Measurement(name, "a", 0.5, None, 1, 0.5, {"psnr_y": 30.0 + i}) for i, name in enumerate("xyz")]
    theirs = [Measurement(name, "b", 0.5, None, 1, 0.5, {"psnr_y": 31.0}) for name in "yxw"]
    assert bdrate.gains([*ours, *theirs], "a", "b", "psnr_y", 0.5) == [-1, 0]
    assert bdrate.gains([*ours, *theirs], "b", "a", "psnr_y", 0.5) == [1, 0]
    assert bdrate.gains([*ours, *theirs], "a", "b", "psnr_y", 0.7) == []
    lower = [dataclasses.replace(m, quality={"butteraugli3": m.quality["psnr_y"]}) for m in (*ours, *theirs)]
    assert bdrate.gains(lower, "a", "b", "butteraugli3", 0.5) == [1, 0]
    header, row = report.gains_table([*ours, *theirs], "a", 0.5, ["psnr_y", "ssimulacra2"])
    assert header == ["0.5 bpp, a better by", "psnr_y", "ssimulacra2"]
    assert row == ["than b", "-0.50 [-1.00, +0.00], 0 of 2", "-"]


def test_bootstrap_interval_covers_the_mean_and_repeats() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, 400)
    interval = bdrate.bootstrap(list(values))
    assert interval.mean == pytest.approx(values.mean())
    width = 2 * 1.96 * values.std() / 20
    assert interval.high - interval.low == pytest.approx(width, rel=0.1)
    assert interval == bdrate.bootstrap(list(values))
    assert bdrate.bootstrap([2.0]) == (2.0, 2.0, 2.0)


# ---- codecs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [1, 25, 50, 75, 95])
def test_annex_k_tables_are_those_of_libjpeg(q: int) -> None:
    with PilImage.open(io.BytesIO(encoded(BLANK, quality=q))) as picture:
        assert codecs.annex_k_tables(q) == [list(picture.quantization[i]) for i in range(2)]  # type: ignore[attr-defined]


SLOW = {"guetzli", "saliency_jpeg", "saliency_jpeg-target"}  # the last two load the network


@pytest.mark.parametrize("name", sorted(set(codecs.CODECS) - SLOW))
def test_every_codec_that_is_installed_encodes(name: str, photo: Image, roi: Floats) -> None:
    try:
        codec = codecs.find_codec(name)
    except (ImportError, FileNotFoundError) as error:
        pytest.skip(str(error))
    middle = (codec.low + codec.high) / 2
    small, large = (codec.encode(photo, knob, roi) for knob in (middle, (middle + codec.high) / 2))
    assert len(small) < len(large)
    assert codecs.decode(small).shape == photo.shape
    assert psnr(photo, codecs.decode(large)) > psnr(photo, codecs.decode(small)) > 20


def test_ours_takes_options_behind_its_name(photo: Image, roi: Floats) -> None:
    plain, strong = (codecs.find_codec(f"saliency_jpeg-roi{more}") for more in ("", "+strength=1+subsampling=4:4:4"))
    assert plain.encode(photo, 60, roi) == compress(photo, quality=60, saliency=roi)
    assert strong.encode(photo, 60, roi) == compress(photo, quality=60, saliency=roi, strength=1, subsampling="4:4:4")
    baseline = codecs.find_codec("saliency_jpeg-off+progressive=false").encode(photo, 60, roi)
    assert baseline == compress(photo, quality=60, saliency=None, progressive=False)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_ours_uses_its_own_map_or_that_of_a_file(photo: Image, roi: Floats, tmp_path: Path) -> None:
    own = codecs.find_codec("saliency_jpeg")
    for quality in (50, 70):
        assert own.encode(photo, quality, roi) == compress(photo, quality=quality)
    flipped = np.ascontiguousarray(photo[:, ::-1])
    assert own.encode(flipped, 50, roi) == compress(flipped, quality=50)
    SaliencyModel.from_preset("cam").save(tmp_path / "mine.npz")
    mine = codecs.find_codec(f"saliency_jpeg+saliency={tmp_path / 'mine.npz'}")
    assert mine.encode(photo, 50, roi) == compress(photo, quality=50, saliency="cam")


@pytest.mark.parametrize(
    "name",
    [
        "jpegli+strength=1",
        "saliency_jpeg+strength",
        "saliency_jpeg+strenth=1",
        "saliency_jpeg+quality=3",
        "saliency_jpeg-off+saliency=cam",
        "saliency_jpeg+strength=2",
    ],
)
def test_options_that_a_codec_does_not_have_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="got "):
        codecs.find_codec(name)


def test_a_missing_codec_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"got 'jpeg3000'$"):
        codecs.find_codec("jpeg3000")
    for module in ("ajpegli", "simplejpeg"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("MOZJPEG_CJPEG", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", "")
    for name in ("jpegli", "simplejpeg"):
        with pytest.raises(ImportError, match="pip install"):
            codecs.CODECS[name](name)
    for name, hint in (("mozjpeg", "MOZJPEG_CJPEG"), ("guetzli", "GUETZLI")):
        with pytest.raises(FileNotFoundError, match=hint):
            codecs.CODECS[name](name)


def test_cjpeg_is_called_with_its_flags_behind_the_quality(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "cjpeg"
    program.write_text('#!/bin/sh\necho "$@"\nhead -c 12\n')
    program.chmod(0o755)
    monkeypatch.setenv("MOZJPEG_CJPEG", str(program))
    codecs._build.cache_clear()
    try:
        written = codecs.find_codec("mozjpeg").encode(BLANK, 71.25, None)
    finally:
        codecs._build.cache_clear()
    assert written == b"-quality 71.2500 -sample 2x2\nP6 16 16 255"


def test_decode_honours_the_profile(photo: Image) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    jpeg = encoded(photo, quality=90, icc_profile=profile)
    assert np.abs(codecs.decode(jpeg).astype(int) - pillow_pixels(jpeg)).max() <= 1


def test_msroi_picks_qualities_by_rank() -> None:
    ramp = np.arange(100.0).reshape(10, 10) / 100
    stack = np.broadcast_to(np.arange(10, dtype=np.uint8)[:, None, None, None], (10, 10, 10, 3))
    by_decile = msroi.collage(stack, ramp, 3)[..., 0]
    assert by_decile[0, 0] == 1
    assert by_decile[-1, -1] == 9
    assert (np.diff(by_decile.ravel().astype(int)) >= 0).all()
    assert np.unique(msroi.collage(stack, ramp, 6)).tolist() == [7, 9]
    with pytest.raises(OptionError, match=r"got 4$"):
        msroi.collage(stack, ramp, 4)  # type: ignore[arg-type]


# ---- command line ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, photo: Image) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "maps").mkdir()
    for name, rgb in (("one", photo), ("two", np.ascontiguousarray(photo[:, ::-1]))):
        PilImage.fromarray(rgb).save(tmp_path / "images" / f"{name}.png")
    PilImage.fromarray(np.full((4, 4), 51, np.uint8)).save(tmp_path / "maps" / "one.png")
    PilImage.fromarray(photo).save(tmp_path / "images" / "three.jpg")
    return tmp_path


def test_load_finds_the_map_and_halves(folder: Path, photo: Image) -> None:
    assert [p.name for p in comparison.find_images(folder / "images")] == ["one.png", "two.png"]
    assert [p.stem for p in comparison.find_images(folder / "images", halve=True)] == ["one", "three", "two"]
    rgb, saliency = comparison.load(folder / "images" / "one.png", folder / "maps")
    assert np.array_equal(rgb, photo)
    assert saliency is not None
    assert saliency.shape == photo.shape[:2]
    assert np.allclose(saliency, 0.2)
    half, none = comparison.load(folder / "images" / "two.png", folder / "maps", halve=True)
    assert half.shape == (108, 129, 3)
    assert none is None


def test_sets_sorted_into_folders_are_found(folder: Path, photo: Image) -> None:
    for kind, value in (("cat", 255), ("dog", 0)):
        for part in ("images", "maps"):
            (folder / part / kind).mkdir()
        PilImage.fromarray(photo).save(folder / "images" / kind / "four[1].png")
        PilImage.fromarray(np.full((4, 4), value, np.uint8)).save(folder / "maps" / kind / "four[1].png")
    found = comparison.find_images(folder / "images")
    assert [p.parent.name for p in found] == ["cat", "dog", "images", "images"]
    for path, value in zip(found[:2], (1, 0), strict=True):
        saliency = comparison.load(path, folder / "maps")[1]
        assert saliency is not None
        assert (saliency == value).all()
    assert len(comparison.find_images(folder / "images", names={"one", "two", "no"})) == 2
    few = comparison.find_images(folder / "images", count=2)
    assert len(few) == 2
    assert few == comparison.find_images(folder / "images", count=2)
    assert comparison.find_images(folder / "images", count=9) == found


def test_the_command_holds_a_champion_against_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "names.txt").write_text("one\n")
    arguments = ["--images", str(folder / "images"), "--names", str(folder / "names.txt"), "--bpp", "1"]
    arguments += ["--codecs", "pillow,pillow-base", "--no-butteraugli", "--metrics", "ssimulacra2,psnr_y"]
    assert main([*arguments, "--champion", "pillow"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("than pillow-base"))
    assert row.count("1 of 1") == 2
    assert main([*arguments, "--champion", "mozjpeg"]) == 1
    assert "got 'mozjpeg'" in capsys.readouterr().err
    assert main([*arguments, "--metrics", "psnr_y,psnr"]) == 1
    assert "got 'psnr'" in capsys.readouterr().err


def test_the_command_prints_the_tables_and_keeps_the_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--images", str(folder / "images"), "--codecs", "pillow,pillow-base", "--bpp", "0.6,0.9,1.4"]
    kept = str(folder / "runs.json")
    assert main([*arguments, "--no-butteraugli", "--anchors", "pillow", "--json", kept]) == 0
    printed = capsys.readouterr().out
    measured = report.read_json(Path(kept))
    assert len(measured) == 2 * 2 * 3
    assert all(abs(m.size_error) < 0.01 for m in measured)
    rates = bdrate.bd_rates(measured, "pillow", "ssimulacra2")["pillow-base"]
    assert 0 < rates.percent.mean < 25  # the same levels in more bytes
    assert f"{rates.percent.mean:+.1f} [{rates.percent.low:+.1f}, {rates.percent.high:+.1f}]" in printed
    assert main(["--from-json", kept, "--anchors", "pillow", "--metrics", "psnr_y", "--markdown"]) == 0
    again = capsys.readouterr().out
    assert "| pillow-base |" in again
    assert "ssimulacra2" not in again


def test_without_scipy_the_other_tables_are_printed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.interpolate", None)  # as with the light package
    arguments = ["--images", str(folder / "images"), "--codecs", "pillow,pillow-base", "--bpp", "0.6,0.9,1.4"]
    assert main([*arguments, "--no-butteraugli", "--anchors", "pillow", "--metrics", "psnr_y"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("worst size error\n") == 3
    assert "BD-rate %" not in printed
    assert "a BD-rate needs the full package: pip install saliency-jpeg" in printed


def test_the_command_measures_with_maps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "images" / "two.png").unlink()
    arguments = ["--images", str(folder / "images"), "--maps", str(folder / "maps"), "--codecs", "pillow-base"]
    assert main([*arguments, "--bpp", "1", "--no-butteraugli"]) == 0
    assert "ssimulacra2_s" in capsys.readouterr().out


def test_processes_give_the_same_numbers(folder: Path) -> None:
    paths = comparison.find_images(folder / "images")
    jobs = [comparison.Job(path, ("pillow",), (0.8,), with_slow=False) for path in paths]
    assert list(comparison.compare(jobs, processes=2)) == list(comparison.compare(jobs))


def test_the_command_reports_errors_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--images", str(tmp_path)]) == 1
    assert "no lossless images" in capsys.readouterr().err
    assert main(["--images", str(DATA), "--codecs", "nonesuch"]) == 1
    assert "got 'nonesuch'" in capsys.readouterr().err
    assert main(["--list"]) == 0
    assert "pillow-base" in capsys.readouterr().out


def test_importing_the_metrics_loads_nothing_heavy() -> None:
    heavy = ("tensorflow", "keras", "cv2", "scipy", "skimage")
    code = f"import sys, saliency_jpeg.evaluation; print([m for m in {heavy} if m in sys.modules])"
    assert python("-c", code) == "[]\n"
