"""Batches on the command line: which files are taken, where they go, what is said, and what a rerun does."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import NONE, Capture, command, command_words, run

from saliency_jpeg import cli, compress
from saliency_jpeg.batch.plan import PlanError, plan
from saliency_jpeg.batch.resume import JOURNAL_NAME, options_digest
from saliency_jpeg.cli import terminal
from saliency_jpeg.cli.progress import Progress, format_bytes
from saliency_jpeg.options import Options


def picture(path: Path, seed: int = 0, **options: Any) -> Path:
    """A small picture in a file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(64, 192, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Pictures in two folders, one within the other, and what is none."""
    folder = tmp_path / "album"
    for i, name in enumerate(
        ("b.png", "a.JPG", "größe 日本.png", "deep/er/c.webp", "deep/d.bmp", ".hidden.png", ".git/e.png")
    ):
        picture(folder / name, i)
    (folder / "notes.txt").write_text("no picture")
    return folder


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def rows(text: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    *files, summary = [json.loads(line) for line in text.splitlines()]
    return files, summary


# Which files, and where to ------------------------------------------------------------------------------------------


def test_a_folder_keeps_its_tree(album: Path, tmp_path: Path) -> None:
    flat, deep = tmp_path / "flat", tmp_path / "deep"
    assert run("compress", album, "-o", flat, *NONE) == 0
    assert tree(flat) == [JOURNAL_NAME, "a.JPG", "b.jpg", "größe 日本.jpg"]
    assert run("compress", album, "-o", deep, "-r", *NONE) == 0
    assert tree(deep) == [JOURNAL_NAME, "a.JPG", "b.jpg", "deep/d.jpg", "deep/er/c.jpg", "größe 日本.jpg"]
    assert (deep / "deep" / "er" / "c.jpg").read_bytes() == compress(album / "deep" / "er" / "c.webp", saliency=None)


def test_the_output_may_lie_within_the_input(album: Path) -> None:
    output = album / "small"
    for _ in range(2):
        assert run("compress", album, "-o", output, "--recursive", *NONE) == 0
        assert tree(output) == [JOURNAL_NAME, "a.JPG", "b.jpg", "deep/d.jpg", "deep/er/c.jpg", "größe 日本.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.png", ["b.jpg", "größe 日本.jpg"]),
        ("**/*.[bw]*", ["deep/d.jpg", "deep/er/c.jpg"]),
        ("deep/*/c.*", ["er/c.jpg"]),
        ("?.*", ["a.JPG", "b.jpg"]),
    ],
)
def test_patterns(pattern: str, found: list[str], album: Path, tmp_path: Path) -> None:
    assert run("compress", album / pattern, "-o", tmp_path / "out", *NONE) == 0
    assert tree(tmp_path / "out")[1:] == found


def test_a_file_with_a_wildcard_in_its_name_is_a_file(tmp_path: Path) -> None:
    odd = picture(tmp_path / "a[1]*.png")
    assert run("compress", odd, "-o", tmp_path / "out.jpg", *NONE) == 0
    assert (tmp_path / "out.jpg").is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("album/*.tif", "-o", "out"), "no file matches the pattern"),
        (("album", "-o", "album"), "a.JPG -> .*a.jpg would overwrite an input|would overwrite"),
        (("album/b.png", "--in-place"), "only JPEG files can be replaced in place"),
        (("album/b.png",), "give either -o OUT or --in-place, such as -o album/b.jpg"),
        (("album/a.JPG",), "give either -o OUT or --in-place, such as -o smaller/"),
        (("album",), "give either -o OUT or --in-place, such as -o smaller/"),
        (("album", "-o", "out", "--in-place"), "give either -o OUT or --in-place"),
        (("album", "-o", "out", "--jobs", "0"), "--jobs must be at least 1, got 0"),
    ],
)
def test_refusals(
    words: tuple[str, ...], complaint: str, album: Path, tmp_path: Path, capsys: Capture, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    if words == ("album", "-o", "album"):
        picture(album / "b.jpg")
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as caught:
        run("compress", *words, *NONE)
    assert caught.value.code == 2
    assert tree(tmp_path) == before
    capsys.readouterr()
    arguments = cli.make_parser().parse_args(["compress", *words, *NONE])
    with pytest.raises((PlanError, terminal.UsageError), match=complaint):
        arguments.run(arguments)


def test_an_empty_folder_is_no_error(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    assert run("compress", tmp_path / "empty", "-o", tmp_path / "out", *NONE) == 0
    assert capsys.readouterr().out == "no images\n"


def test_a_folder_that_cannot_be_listed_is_told(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path).endswith("er"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    planned = plan([str(album)], "out", recursive=True)
    assert [error.filename for error in planned.unreadable] == [str(album / "deep" / "er")]
    assert len(planned.jobs) == 4


# In place -----------------------------------------------------------------------------------------------------------


def test_in_place_replaces_what_gets_smaller(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "photos"
    large = picture(folder / "large.jpg", 1, quality=100)
    small = picture(folder / "sub" / "small.jpeg", 2)
    small.write_bytes(compress(small, quality=5, saliency=None))
    png = picture(folder / "other.png", 3)
    large.chmod(0o640)
    before, kept, other = large.stat().st_size, small.read_bytes(), png.read_bytes()
    assert run("compress", folder, "--in-place", "-r", "--quality", 60, *NONE) == 0
    assert large.stat().st_size < before
    assert large.stat().st_mode & 0o777 == 0o640
    assert small.read_bytes() == kept
    assert png.read_bytes() == other
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{large}: ")
    assert lines[1].endswith("kept unchanged")
    once = large.read_bytes()
    assert run("compress", folder, "--in-place", "-r", "--quality", 60, *NONE) == 0
    assert large.read_bytes() == once  # not a second generation
    assert capsys.readouterr().out == "2 skipped\n"
    assert tree(folder) == [JOURNAL_NAME, "large.jpg", "other.png", "sub/small.jpeg"]


# Again --------------------------------------------------------------------------------------------------------------


def again(capsys: Capture, *words: object) -> str:
    """Runs a batch; returns its sum, as far as it counts files."""
    assert run("compress", *words, *NONE) == 0
    return capsys.readouterr().out.splitlines()[-1].split(":")[0]


def test_a_rerun_does_what_is_new_or_changed(album: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out"
    words = (album, "-o", output)
    assert again(capsys, *words) == "3 written"
    assert again(capsys, *words) == "3 skipped"
    picture(album / "new.png")
    assert again(capsys, *words) == "3 skipped, 1 written"
    picture(album / "b.png", 9)
    assert again(capsys, *words) == "3 skipped, 1 written"
    (output / "a.JPG").unlink()
    (output / "b.jpg").write_bytes(b"of someone else")
    assert again(capsys, *words) == "2 skipped, 2 written"
    assert again(capsys, *words, "--quality", 50) == "4 written"
    assert again(capsys, *words, "--quality", 50) == "4 skipped"
    assert again(capsys, *words, "--quality", 50, "--force") == "4 written"
    assert again(capsys, *words) == "4 written"


def test_a_damaged_journal_only_costs_time(album: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out"
    assert again(capsys, album, "-o", output) == "3 written"
    journal = output / JOURNAL_NAME
    journal.write_bytes(journal.read_bytes()[:-20] + b"\n\xff[1]\n7\n")
    assert again(capsys, album, "-o", output) == "2 skipped, 1 written"
    journal.unlink()
    journal.mkdir()  # it cannot be written either
    assert run("compress", album, "-o", output, *NONE) == 0
    captured = capsys.readouterr()
    assert "3 written" in captured.out
    assert captured.err.count("a rerun will repeat this work") == 1


def test_the_digest_follows_what_changes_the_file() -> None:
    mask = np.zeros((4, 4), np.uint8)
    same = [Options(saliency=mask), Options(saliency=mask.copy())]
    other = [Options(), Options(quality=50), Options(saliency=mask + 1), Options(strength=0.4)]
    assert options_digest(same[0]) == options_digest(same[1])
    assert len({options_digest(options) for options in [same[0], *other]}) == 5
    assert options_digest(Options(device="cpu")) == options_digest(Options())


# What is said -------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_and_writes_nothing(album: Path, tmp_path: Path, capsys: Capture) -> None:
    before = tree(tmp_path)
    assert run("compress", album, "-o", tmp_path / "out", "--dry-run", *NONE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.endswith("(not written)") for line in lines[:3])
    assert lines[3].startswith("3 not written: ")
    assert tree(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_json_tells_everything(album: Path, tmp_path: Path, capsys: Capture) -> None:
    (album / "broken.jpg").write_bytes((album / "a.JPG").read_bytes()[:200])
    output = tmp_path / "out"
    words = ("compress", album, "-o", output, "--json", "--target-score", 50, *NONE)
    assert run(*words) == 1
    files, summary = rows(capsys.readouterr().out)
    assert [row["status"] for row in files] == ["written", "written", "failed", "written"]
    assert files[2]["error"].startswith(f"{album / 'broken.jpg'}: cannot decode")
    for row in files[:2]:
        assert row["bytes_in"] == Path(row["source"]).stat().st_size
        assert row["bytes_out"] == Path(row["output"]).stat().st_size
        assert row["score"] >= 50
        assert 0 < row["quality"] < 100
    counts = {"written": 3, "skipped": 0, "failed": 1}
    assert summary["summary"] == counts
    assert summary["bytes_out"] == sum(path.stat().st_size for path in output.glob("*.[jJ]*[gG]"))
    assert run(*words) == 1
    files, summary = rows(capsys.readouterr().out)
    assert [row["status"] for row in files] == ["skipped", "skipped", "skipped", "failed"]
    assert summary["summary"] == {"written": 0, "skipped": 3, "failed": 1}


def test_json_beside_a_picture_on_standard_output(album: Path) -> None:
    done = command("compress", album / "b.png", "-o", "-", "--json", *NONE)
    assert done.stdout == compress(album / "b.png", saliency=None)
    assert rows(done.stderr.decode())[0][0]["bytes_out"] == len(done.stdout)


def test_quiet(album: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run("compress", album, "-o", tmp_path / "out", "--quiet", *NONE) == 0
    assert capsys.readouterr() == ("", "")


def test_what_cannot_be_written_is_told_and_the_rest_is_done(album: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "deep").write_text("a file where a folder has to be")
    assert run("compress", album, "-o", output, "-r", *NONE) == 1
    assert tree(output) == [JOURNAL_NAME, "a.JPG", "b.jpg", "deep", "größe 日本.jpg"]
    said = capsys.readouterr()
    assert "saliency-jpeg: 2 of 5 failed:" in said.err
    assert f"cannot write {output / 'deep' / 'd.jpg'}: " in said.err
    assert ".tmp" not in said.err
    assert said.out.splitlines()[-1].startswith("3 written, 2 failed: ")


#: Runs a command that ignores SIGHUP, once standard input is closed.
IGNORING = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
sys.stdin.read()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def in_terminal(*words: object) -> tuple[int, str, str]:
    """Exit status, standard output, and what a terminal of 60 columns shows of standard error."""
    master, slave = pty.openpty()
    environment = os.environ | {"COLUMNS": "60"}
    with subprocess.Popen(command_words(*words), stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        assert process.stdout is not None
        text = process.stdout.read().decode()
    os.close(master)
    return process.returncode, text, shown.decode()


def test_the_bar_on_a_terminal(album: Path, tmp_path: Path) -> None:
    (album / "broken.jpg").write_bytes((album / "a.JPG").read_bytes()[:200])
    status, text, shown = in_terminal("compress", album, "-o", tmp_path / "out", *NONE)
    assert status == 1
    assert text.splitlines() == [text.splitlines()[-1]]
    assert "3 written, 1 failed" in text
    drawn = [line for line in shown.replace("\n", "\r").split("\r") if line.startswith("[")]
    assert " 0/4" in drawn[0]
    assert " 4/4" in drawn[-1]
    assert "saved" in drawn[-1]
    assert all(len(line.removesuffix("\x1b[K")) <= 59 for line in drawn)
    assert f"\r\x1b[Ksaliency-jpeg: {album / 'broken.jpg'}: cannot decode" in shown  # where the bar was
    assert shown.splitlines()[-1].startswith(f"  {album / 'broken.jpg'}: cannot decode")


@pytest.mark.parametrize("option", ["--verbose", "--json"])
def test_a_terminal_that_is_closed_does_not_end_the_batch(option: str, album: Path, tmp_path: Path) -> None:
    """As with a connection that breaks, of a command that ignores SIGHUP (nohup)."""
    master, slave = pty.openpty()
    words = command_words("compress", album, "-o", tmp_path / "out", "-r", option, *NONE)
    ignoring = [sys.executable, "-c", IGNORING, *words[1:]]
    with subprocess.Popen(ignoring, stdin=subprocess.PIPE, stdout=slave, stderr=slave) as process:
        os.close(slave)
        os.close(master)
        assert process.stdin is not None
        process.stdin.close()  # until then it waits
    assert process.returncode == 0
    assert tree(tmp_path / "out") == [JOURNAL_NAME, "a.JPG", "b.jpg", "deep/d.jpg", "deep/er/c.jpg", "größe 日本.jpg"]


def test_no_bar_for_one_file_and_lines_beside_it_if_asked(album: Path, tmp_path: Path) -> None:
    _, text, shown = in_terminal("compress", album / "b.png", "-o", tmp_path / "out.jpg", *NONE)
    assert shown == ""
    assert text.count("\n") == 1
    _, text, shown = in_terminal("compress", album, "-o", tmp_path / "out", "--verbose", *NONE)
    assert text.count("\n") == 4
    assert " 3/3" in shown


def test_what_the_bar_says() -> None:
    now = [0.0]
    stream = io.StringIO()
    progress = Progress(8, stream, clock=lambda: now[0])
    assert progress.text() == f"[{' ' * 24}] 0/8"
    for seconds in (1.0, 2.0):
        now[0] = seconds
        progress.advance(2_000_000, 500_000)
    assert progress.text() == f"[{'#' * 6}{' ' * 18}] 2/8  1.0/s  3 MB saved  0:06 left"
    now[0] = 5000.0
    assert progress.text().endswith("2500.0 s each  3 MB saved  4:10:00 left")
    drawn = stream.getvalue()
    progress.advance()
    assert len(stream.getvalue()) > len(drawn)
    drawn = stream.getvalue()
    progress.advance()  # too soon to draw again
    assert stream.getvalue() == drawn


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (99_949, "99.9 kB"),
        (100_400, "100 kB"),
        (999_600, "1 MB"),
        (-1234, "-1.23 kB"),
        (5e9, "5 GB"),
        (7.7e15, "7700 TB"),
    ],
)
def test_sizes_in_bytes(size: float, text: str) -> None:
    assert format_bytes(size) == text


def test_standard_input_among_files(album: Path, tmp_path: Path) -> None:
    data = (album / "a.JPG").read_bytes()
    for expected in (b"2 written", b"1 skipped, 1 written"):  # what comes through a pipe is not known from before
        done = command("compress", album / "b.png", "-", "-o", tmp_path / "out", *NONE, data=data)
        assert expected in done.stdout
    assert (tmp_path / "out" / "stdin.jpg").read_bytes() == compress(data, saliency=None)


def test_a_copy_of_a_file_takes_no_harm(album: Path, tmp_path: Path) -> None:
    """A link to an input and the input are one file in place, and it is done once."""
    folder = tmp_path / "links"
    folder.mkdir()
    shutil.copy(picture(tmp_path / "x.jpg", 1, quality=100), folder / "one.jpg")
    (folder / "two.jpg").symlink_to("one.jpg")
    assert len(plan([str(folder)], None, in_place=True).jobs) == 1
