"""Names by pattern, sets of widths, targets with units, lossless rewriting, and what errors suggest."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import photo
from PIL import Image, features
from processes import NONE, Capture, Script, run, usage_error

from saliency_jpeg import InputError, compress


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a b.png"
    Image.fromarray(photo(200, 300)).save(path)
    return path


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    path = tmp_path / "camera.jpg"
    Image.fromarray(photo(200, 300)).save(path, quality=95)
    return path


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_widths_make_files_and_their_srcset(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("compress", picture, "-o", tmp_path / "out", "--widths", "240,60,1000", "--json", *NONE)
    expected = "a%20b-60.jpg 60w, a%20b-240.jpg 240w, a%20b-300.jpg 300w"
    for _ in range(2):  # the second run has nothing to do, and prints the same
        assert run(*words) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert rows[3] == {"source": str(picture), "srcset": expected}
    assert rows[4]["summary"]["skipped"] == 3
    widths = {path.name: size(path)[0] for path in (tmp_path / "out").glob("*.jpg")}
    assert widths == {"a b-60.jpg": 60, "a b-240.jpg": 240, "a b-300.jpg": 300}
    assert run(*words[:-3], "--force", *NONE) == 0
    assert f'srcset="{expected}"' in capsys.readouterr().out


def test_widths_are_those_a_viewer_shows(tmp_path: Path, capsys: Capture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(200, 300)).save(tmp_path / "turned.jpg", exif=exif)
    assert run("compress", tmp_path / "turned.jpg", "-o", tmp_path / "out", "--widths", "100,400", *NONE) == 0
    assert "turned-100.jpg 100w, turned-200.jpg 200w" in capsys.readouterr().out
    assert size(tmp_path / "out" / "turned-100.jpg") == (150, 100)


def test_the_srcset_of_a_name_that_is_no_utf8(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.png"
    try:
        Path(os.fsdecode(name)).write_bytes(picture.read_bytes())
    except OSError as error:
        pytest.skip(f"no such names here: {error}")
    words = (os.fsdecode(name), "-o", tmp_path / "out", "--widths", "60,20", *NONE)
    assert run("compress", *words) == 0
    assert 'srcset="%FF-20.jpg 20w, %FF-60.jpg 60w"' in capsys.readouterr().out


def test_what_can_be_read_only_once_has_no_widths(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for words in (("--widths", "20,40"), ("--name", "{stem}-{width}.jpg")):
        for source in (pipe, "/dev/zero"):
            complaint = usage_error(capsys, "compress", picture, source, "-o", tmp_path / "out", *words, *NONE)
            assert f"{words[0]} needs to read the picture more than once" in complaint
    writer = threading.Thread(target=lambda: pipe.write_bytes(picture.read_bytes()), daemon=True)
    writer.start()
    assert run("compress", pipe, "-o", tmp_path / "out", "--name", "{stem}-small.jpg", *NONE) == 0
    assert size(tmp_path / "out" / "pipe-small.jpg") == (300, 200)


@pytest.mark.parametrize(("name", "pattern"), [("...jpg", "{stem}/x.jpg"), ("bad.png", "{stem}{width:c}.jpg")])
def test_no_name_leads_out_of_the_folder(name: str, pattern: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    words = ("compress", tmp_path / name, "-o", tmp_path / "out", "--name", pattern, *NONE)
    assert "--name must stay in the output folder" in usage_error(capsys, *words)


def test_names_by_pattern(picture: Path, tmp_path: Path) -> None:
    words = ("--name", "{width:04d}x{height}/{stem}.jpeg", "--max-height", "100", *NONE)
    assert run("compress", picture, "-o", tmp_path / "out", *words) == 0
    assert (tmp_path / "out" / "0150x100" / "a b.jpeg").is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--name", "{steam}.jpg"), "did you mean stem?"),
        (("--name", "{stem"), "is no pattern"),
        (("--name", "../{stem}.jpg"), "must stay in the output folder"),
        (("--name", "{stem}.png"), "must end in .jpg"),
        (("--name", "{stem}.jpg", "--widths", "10,20"), "must contain {width}"),
        (
            ("--name", "{width}.jpg", "--allow-downscale", "--target-kb", "9"),
            "--allow-downscale chooses the size later",
        ),
        (("--widths", "10,x"), "must be widths from 1 to 65535"),
        (("--widths", "9" * 5000), "must be widths from 1 to 65535"),
        (("--name", "{width:099999999999}.jpg"), "is no pattern such as"),
        (("--widths", "10", "--max-width", "20"), "cannot be used with --max-width"),
        (("--target", "20"), "write 20kB, or --target-kb 20"),
        (("--target", "0%"), "must be a size such as 200kB"),
        (("--target", "20kB", "--target-kb", "20"), "give either --target or --target-kb"),
        (("--target", "20kB", "--target-score", "70"), "--target-score goes with neither"),
        (("--lossless", "--quality", "70"), "cannot be used with --quality"),
        (("--lossless", "--target", "70%"), "cannot be used with --target"),
        (("--qualty", "70"), "compress: error: there is no option --qualty; did you mean --quality?"),
        (("--saliency", "defalt"), "did you mean default?"),
        (("--metadata", "stripp"), "did you mean strip?"),
    ],
)
def test_refusals_suggest(
    words: tuple[str, ...], complaint: str, picture: Path, tmp_path: Path, capsys: Capture
) -> None:
    given = words if words[0] in ("--saliency", "--lossless") else (*words, *NONE)
    assert complaint in usage_error(capsys, "compress", picture, "-o", tmp_path / "out", *given)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "most"), [("9kB", 9000), ("0.008MB", 8000), ("9KiB", 9216), ("8500 B", 8500)])
def test_targets_with_units(text: str, most: int, picture: Path, tmp_path: Path) -> None:
    assert run("compress", picture, "-o", tmp_path / "a.jpg", "--target", text, *NONE) == 0
    expected = compress(picture, target_kb=most / 1000, saliency=None)
    assert (tmp_path / "a.jpg").read_bytes() == expected
    assert len(expected) <= most


def test_a_share_of_each_source(jpeg: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "other.jpg"
    Image.fromarray(photo(200, 300)).save(other, quality=80)
    assert run("compress", jpeg, other, "-o", tmp_path / "out", "--target", "60%", *NONE) == 0
    for source in (jpeg, other):
        made, given = (tmp_path / "out" / source.name).stat().st_size, source.stat().st_size
        assert 0.5 * given < made <= 0.6 * given
    assert run("compress", jpeg, "-o", tmp_path / "c.jpg", "--target", "1%", *NONE) == 1
    assert "; try --allow-downscale or --target " in capsys.readouterr().err


def test_lossless_keeps_every_pixel(jpeg: Path, picture: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "b.jpg"
    assert run("compress", jpeg, "-o", output, "--lossless", "--metadata", "strip") == 0
    assert np.array_equal(np.asarray(Image.open(output)), np.asarray(Image.open(jpeg)))
    assert output.stat().st_size < jpeg.stat().st_size
    assert run("compress", picture, "-o", output, "--lossless") == 1
    assert "--lossless is for JPEG files" in capsys.readouterr().err


def test_pictures_larger_than_pillow_takes(jpeg: Path, tmp_path: Path, monkeypatch: Any, capsys: Capture) -> None:
    """The limit that was asked for counts, and not Pillow's own."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    words = ("compress", jpeg, "-o", f"{tmp_path / 'out'}/", "--max-pixels", 100_000)
    assert run(*words, "--lossless") == 0
    assert (tmp_path / "out" / "camera.jpg").stat().st_size < jpeg.stat().st_size
    assert run(*words, "--widths", 60, *NONE) == 0
    assert "camera-60.jpg 60w" in capsys.readouterr().out


def test_a_command_that_is_none(capsys: Capture) -> None:
    assert "did you mean compress?" in usage_error(capsys, "compres", "a.png")


def test_heic_without_a_decoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(InputError, match="pip install pillow-heif"):
        compress(data, saliency=None)
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(InputError, match="reads no AVIF"):
        compress(data.replace(b"heic", b"avif"), saliency=None)


def test_avif_files_are_read(tmp_path: Path) -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    Image.fromarray(photo(64, 80)).save(tmp_path / "a.avif")
    assert compress(tmp_path / "a.avif", saliency=None)[:2] == b"\xff\xd8"


def test_the_man_page_is_that_of_the_parser(run_script: Script) -> None:
    assert run_script("scripts/make_man_page.py", "--check") == ""  # else: python scripts/make_man_page.py
