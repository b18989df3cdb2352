"""Names of outputs: which suffix they have, what stays apart, and what is a folder."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path, PurePosixPath

import pytest
from helpers import encoded, photo
from PIL import Image
from processes import NONE, Capture, run, usage_error

from saliency_jpeg.batch import plan as planning
from saliency_jpeg.batch.plan import PlanError, plan
from saliency_jpeg.batch.resume import JOURNAL_NAME
from saliency_jpeg.integrations.batch import output_name
from saliency_jpeg.io import jpeg_name

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "gray": (128, 128, 128)}


def picture(path: Path, colour: str = "red") -> Path:
    """A file in one colour, by which its output is told."""
    kinds = {".png": "PNG", ".gif": "GIF", ".webp": "WEBP", ".bmp": "BMP"}
    image = Image.new("RGB", (40, 32), COLOURS[colour])
    path.write_bytes(encoded(image, kinds.get(path.suffix.lower(), "JPEG")))
    return path


def found(folder: Path) -> dict[str, str]:
    """The colour of each picture in a folder."""
    colours = {}
    for path in folder.iterdir():
        if path.name != JOURNAL_NAME:
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                assert image.format == "JPEG"
                pixel = image.convert("RGB").getpixel((20, 16))
            assert isinstance(pixel, tuple)
            colours[path.name] = min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], pixel)))  # noqa: B905
    return colours


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a.JPG", "a.JPG"),
        ("a.jpeg", "a.jpeg"),
        ("a.JPE", "a.JPE"),
        ("a.jfif", "a.jfif"),
        ("a.PNG", "a.jpg"),
        ("a.b.webp", "a.b.jpg"),
        ("IMG_2024.01.05", "IMG_2024.01.05.jpg"),
        ("v1.5", "v1.5.jpg"),
        ("none", "none.jpg"),
        (".jpg", ".jpg.jpg"),
        ("a.jpg.png", "a.jpg.jpg"),
    ],
)
def test_the_name_of_an_output(name: str, output: str, tmp_path: Path) -> None:
    assert jpeg_name(PurePosixPath("x") / name) == PurePosixPath("x") / output
    assert output_name(f"x/{name}") == f"x/{output}"
    picture(tmp_path / name)
    assert run("compress", tmp_path / name, "-o", f"{tmp_path / 'out'}/", *NONE) == 0
    assert list(found(tmp_path / "out")) == [output]


def test_in_place_keeps_every_name(tmp_path: Path) -> None:
    names = ["a.JPG", "a.Jpeg", "b.jfif", "c.jpe"]
    for name in names:
        (tmp_path / name).write_bytes(encoded(photo(), quality=98))
    assert run("compress", tmp_path, "--in-place", "--quality", 50, "--journal", "none", *NONE) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, colour in (("a.JPG", "red"), ("a.jpg", "green"), ("A.jpg", "blue"), ("b.png", "gray")):
        picture(folder / name, colour)
    assert run("compress", folder, "-o", tmp_path / "out", *NONE) == 0
    if len(list(folder.iterdir())) == 4:
        assert found(tmp_path / "out") == {"a.JPG": "red", "a.jpg": "green", "A.jpg": "blue", "b.jpg": "gray"}


def test_names_that_differ_in_case_alone_where_case_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "_folds_case", lambda folder: True)
    jobs = plan(["x/a.JPG", "x/a.jpg", "x/A.png", "x/b.png"], "out").jobs
    outputs = [Path(job.output).name for job in jobs]
    assert outputs == ["a.JPG", "a.jpg.jpg", "A.png.jpg", "b.jpg"]
    assert len({name.casefold() for name in outputs}) == 4
    forms = plan(["x/\u00e9.png", "x/e\u0301.png"], "out").jobs  # composed and not, the same name on macOS
    assert [Path(job.output).name for job in forms] == ["\u00e9.png.jpg.jpg", "e\u0301.png.jpg"]
    for source, output in (("a.jpg", "A.JPG"), ("\u00e9.jpg", "e\u0301.jpg")):
        with pytest.raises(PlanError, match="would overwrite an input"):
            plan([source], output)


def test_where_case_does_not_count_a_pattern_makes_no_equal_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(planning, "_folds_case", lambda folder: True)
    names = [str(picture(tmp_path / name)) for name in ("Ab.png", "aB.gif")]
    words = ("compress", *names, "-o", tmp_path / "out", "--name", "{width}/x{stem:.1}.jpg", *NONE)
    assert "would both become" in usage_error(capsys, *words)


def test_a_whole_name_that_is_taken_gets_one_more_suffix(tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, colour in (("a.png", "red"), ("a.gif", "green"), ("a.png.jpg", "blue"), ("a.gif.png", "gray")):
        picture(folder / name, colour)
    assert run("compress", folder, "-o", output, *NONE) == 0
    assert found(output) == {
        "a.png.jpg.jpg": "red",
        "a.gif.jpg.jpg": "green",
        "a.png.jpg": "blue",
        "a.gif.jpg": "gray",
    }


def test_whether_case_counts_is_seen_in_existing_names(tmp_path: Path) -> None:
    folder = tmp_path / "Name"
    folder.mkdir()
    assert not planning._folds_case(folder / "not yet")
    os.symlink("Name", tmp_path / "nAME")  # noqa: PTH211 (the same folder under both names, as on macOS)
    assert planning._folds_case(folder / "not yet")


def test_a_name_that_is_too_long_does_not_stop_the_others(tmp_path: Path, capsys: Capture) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    longest = "x" * 251  # with the suffix .jpg as long as names may be
    for name in (f"{longest}.png", f"{longest}.gif", "a.png"):
        picture(folder / name)
    assert run("compress", folder, "-o", output, *NONE) == 1
    assert list(found(output)) == ["a.jpg"]
    assert capsys.readouterr().err.count("File name too long") == 4  # in a line for each, and in the list at the end
    assert run("compress", folder / f"{longest}y.png", folder / "a.png", "-o", tmp_path / "other", *NONE) == 1
    assert list(found(tmp_path / "other")) == ["a.jpg"]
    (folder / f"{longest}.jpg").write_bytes(encoded(photo()))
    assert run("decode", folder, "-o", tmp_path / "decoded", "--enhance", "none") == 0
    assert (
        run("decode", f"{longest}y.jpg", folder / f"{longest}.jpg", "-o", tmp_path / "more", "--enhance", "none") == 1
    )
    assert [path.name for path in (tmp_path / "more").iterdir()] == [f"{longest}.png"]


@pytest.mark.parametrize("pattern", ["{stem}-{width}.jpg", "{stem}.jpg"])
def test_patterns_keep_names_apart_too(pattern: str, tmp_path: Path) -> None:
    names = {"a.png": "red", "a.jpg": "green", "a.gif": "blue", "IMG_2024.01.05": "gray", "IMG_2024.01.06": "red"}
    for name, colour in names.items():
        picture(tmp_path / name, colour)
    words = [str(tmp_path / name) for name in names]
    assert run("compress", *words, "-o", tmp_path / "out", "--name", pattern, *NONE) == 0
    stems = {"a.png": "red", "a": "green", "a.gif": "blue", "IMG_2024.01.05": "gray", "IMG_2024.01.06": "red"}
    expected = {pattern.format(stem=stem, width=40): colour for stem, colour in stems.items()}
    assert found(tmp_path / "out") == expected


@pytest.mark.parametrize("how", ["folder", "files", "pattern"])
def test_names_that_differ_in_the_suffix_alone(how: str, tmp_path: Path, capsys: Capture) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = {"a.png": "red", "a.jpg": "green", "a.gif": "blue", "b.png": "gray"}
    for name, colour in names.items():
        picture(folder / name, colour)
    inputs: dict[str, list[object]] = {
        "folder": [folder],
        "files": [folder / name for name in names],
        "pattern": [folder / "*"],
    }
    words = ("compress", *inputs[how], "-o", output, *NONE, "--json")
    expected = {"a.png.jpg": "red", "a.jpg": "green", "a.gif.jpg": "blue", "b.jpg": "gray"}
    assert run(*words) == 0
    assert found(output) == expected
    capsys.readouterr()
    assert run(*words) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]["skipped"] == 4
    picture(folder / "b.gif", "red")  # a newcomer renames neither of the JPEG files
    if how == "folder":
        assert run(*words) == 0
        assert found(output) == expected | {"b.png.jpg": "gray", "b.gif.jpg": "red"}


def test_the_same_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        picture(tmp_path / folder / "a.png")
    with pytest.raises(PlanError, match=r"would both become .*a\.jpg; rename one of them"):
        plan([str(tmp_path / "x" / "a.png"), str(tmp_path / "y" / "a.png")], "out")
    with pytest.raises(PlanError, match=r"would both become"):
        plan([str(tmp_path / "x" / "a.jpg"), str(tmp_path / "y" / "a.jpg")], "out")


@pytest.mark.parametrize("name", ["out.jpg", "out.JPEG", "out.png", "out.webp"])
@pytest.mark.parametrize("how", ["folder", "files", "pattern"])
def test_a_file_name_for_a_folder_is_refused(how: str, name: str, tmp_path: Path, capsys: Capture) -> None:
    folder, output = tmp_path / "in", tmp_path / name
    folder.mkdir()
    files = [picture(folder / "a.png"), picture(folder / "b.png")]
    inputs: dict[str, list[object]] = {"folder": [folder], "files": [*files], "pattern": [folder / "*.png"]}
    said = usage_error(capsys, "compress", *inputs[how], "-o", output, *NONE)
    assert said.endswith(f"end its name with / to name it so, got {str(output)!r}")
    assert not output.exists()
    assert run("compress", *inputs[how], "-o", f"{output}/", *NONE) == 0  # said plainly, it is a folder
    assert set(found(output)) == {"a.jpg", "b.jpg"}
    assert run("compress", *inputs[how], "-o", output, *NONE) == 0  # and once it is there


def test_what_a_cluster_refuses_before_it_is_reached(tmp_path: Path, capsys: Capture) -> None:
    words = ("compress", tmp_path, "--ray", "local", *NONE)
    assert "end its name with /" in usage_error(capsys, *words, "-o", tmp_path / "out.jpg")
    assert "--journal none cannot be used with --ray" in usage_error(
        capsys, *words, "-o", tmp_path / "out", "--journal", "none"
    )


def test_a_folder_with_dots_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in" / "a.png")
    assert run("compress", tmp_path / "in", "-o", tmp_path / "photos.2024", *NONE) == 0
    assert set(found(tmp_path / "photos.2024")) == {"a.jpg"}


def test_the_page_of_a_picture_whose_name_is_no_utf8(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff.png"))
    try:
        picture(odd)
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    page = tmp_path / "page.html"
    assert run("compare", odd, odd, *NONE, "--no-butteraugli", "-o", page) == 0
    assert "odd-?.png" in page.read_text("utf-8")
