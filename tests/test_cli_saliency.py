"""--saliency, --protect and --ignore: several maps and models, boxes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import encoded, photo
from PIL import Image
from processes import Capture, run, usage_error

from saliency_jpeg import compress, saliency_map
from saliency_jpeg.batch.resume import options_digest
from saliency_jpeg.options import Options
from saliency_jpeg.saliency import SaliencyModel, combine

SIZE = (96, 64)  # width, height


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture, and two maps: the left quarter, and a slope to the right."""
    (tmp_path / "in.png").write_bytes(encoded(photo(*SIZE[::-1], 200, 400), "PNG"))
    left = np.zeros(SIZE[::-1], np.uint8)
    left[:, :24] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    Image.fromarray(np.tile(np.arange(96, dtype=np.uint8), (64, 1))).save(tmp_path / "slope.png")
    return tmp_path


def drawn(folder: Path, *words: str) -> np.ndarray[Any, Any]:
    """The map that ``map --raw`` draws; names of maps are in the folder."""
    given = [str(folder / word) if word.endswith(".png") else word for word in words]
    assert run("map", folder / "in.png", "-o", folder / "raw.png", "--raw", *given) == 0
    return np.asarray(Image.open(folder / "raw.png")).astype(int)


@pytest.mark.tensorflow
def test_the_highest_of_several(folder: Path) -> None:
    left, slope = (np.asarray(Image.open(folder / f"{name}.png")).astype(int) for name in ("left", "slope"))
    assert np.array_equal(drawn(folder, "--saliency", "left.png", "--saliency", "slope.png"), np.maximum(left, slope))
    default = np.rint(255 * saliency_map(folder / "in.png")).astype(int)
    assert np.array_equal(drawn(folder), default)
    both = drawn(folder, "--saliency", "default", "--saliency", "slope.png")
    assert np.array_equal(both, np.maximum(default, slope))
    assert not np.array_equal(both, slope)


def test_protect_and_ignore(folder: Path) -> None:
    found = drawn(folder, "--saliency", "slope.png", "--protect", "50,10,60.5,20", "--ignore", "left.png")
    expected = np.asarray(Image.open(folder / "slope.png")).astype(int)
    expected[:, :24] = 0
    expected[10:20, 50:61] = 255
    assert np.array_equal(found, expected)
    assert drawn(folder, "--saliency", "slope.png", "--ignore=-5,0,96,64").max() == 0


def test_repeated_regions_and_nothing_else(folder: Path) -> None:
    words = ("--protect", "90,0,96,8", "--protect", "left.png", "--protect", "0, 60, 96, 64")
    found = drawn(folder, "--saliency", "none", *words)
    expected = np.zeros((64, 96), int)
    expected[:8, 90:] = expected[:, :24] = expected[60:] = 255
    assert np.array_equal(found, expected)


def test_files_follow_the_map(folder: Path) -> None:
    words = ("--saliency", "none", "--protect", "0,0,40,64", "--target-kb", 2)
    assert run("compress", folder / "in.png", "-o", folder / "out.jpg", *words) == 0
    expected = compress(folder / "in.png", saliency=combine([], protect=[(0, 0, 40, 64)]), target_kb=2)
    assert (folder / "out.jpg").read_bytes() == expected != compress(folder / "in.png", saliency=None, target_kb=2)


def test_a_rerun_sees_other_regions(folder: Path, capsys: Capture) -> None:
    words = ("compress", folder / "in.png", "-o", f"{folder / 'out'}/", "--saliency", folder / "slope.png")
    for region, told in (("0,0,9,9", "1 written"), ("0,0,9,9", "1 skipped"), ("0,0,9,10", "1 written")):
        assert run(*words, "--protect", region) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(told)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_a_model_of_ones_own(folder: Path, capsys: Capture) -> None:
    model = SaliencyModel.from_preset("cam")
    model.save(folder / "own.npz")
    words = ("--saliency", folder / "own.npz", "--device", "cpu", "--quality", 70)
    assert run("compress", folder / "in.png", "-o", f"{folder / 'out'}/", *words) == 0
    assert (folder / "out" / "in.jpg").read_bytes() == compress(folder / "in.png", saliency="cam", quality=70)
    capsys.readouterr()
    assert run("compress", folder / "in.png", "-o", f"{folder / 'out'}/", *words) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 skipped")
    cam = drawn(folder, "--saliency", "cam", "--protect", "0,0,9,9")
    assert np.array_equal(drawn(folder, "--saliency", str(folder / "own.npz"), "--protect", "0,0,9,9"), cam)
    (folder / "own.npz").write_bytes(b"no weights")
    assert run("compress", folder / "in.png", "-o", folder / "x.jpg", *words) == 1
    assert "own.npz" in capsys.readouterr().err
    assert not (folder / "x.jpg").exists()


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--saliency", "none", "--saliency", "default"), "none cannot be combined with others, got none and default"),
        (("--protect", "1,2,3"), "--protect must be a box LEFT,TOP,RIGHT,BOTTOM, a preset ("),
        (("--ignore", "1,2,3,4..5"), "--ignore must be a box LEFT,TOP,RIGHT,BOTTOM, a preset ("),
        (("--ignore", "9,0,9,5"), "a box must have left < right and top < bottom, got (9.0, 0.0, 9.0, 5.0)"),
    ],
)
def test_refusals(words: tuple[str, ...], complaint: str, folder: Path, capsys: Capture) -> None:
    before = sorted(folder.iterdir())
    for command, output in (("compress", "out.jpg"), ("map", "out.png")):
        assert complaint in usage_error(capsys, command, folder / "in.png", "-o", folder / output, *words)
    assert sorted(folder.iterdir()) == before


def test_a_region_that_is_no_picture(folder: Path, capsys: Capture) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    words = ("--protect", folder / "broken.png", "--saliency", "none")
    assert run("compress", folder / "in.png", "-o", folder / "out.jpg", *words) == 1
    assert "broken.png: the data (10 bytes) is not an image" in capsys.readouterr().err


def test_the_digest_tells_parts_apart() -> None:
    """Maps so large that NumPy would abbreviate them."""
    one, other = np.zeros((2, 64, 64), np.uint8)
    other[30, 30] = 255

    def function(pixels: Any) -> Any:
        return pixels[..., 0]

    kinds: list[Any] = [
        combine(one),
        combine(other),
        combine("default", one),
        combine("default", protect=one),
        combine("default", ignore=one),
        combine("default", ignore=[(0, 0, 1, 1)]),
        Image.fromarray(one),
        Image.fromarray(other),
        one,
        function,
    ]
    found = [options_digest(Options(saliency=kind)) for kind in kinds]
    assert len(set(found)) == len(kinds)
    assert options_digest(Options(saliency=combine("default", protect=one.copy()))) == found[3]
    assert options_digest(Options(saliency=Image.fromarray(other.copy()))) == found[7]
