"""The command line: what it writes, what it says, how it ends, and that nothing is left behind."""

from __future__ import annotations

import argparse
import functools
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from helpers import KODIM07 as PHOTO
from helpers import encoded, pillow_pixels
from PIL import Image
from processes import NONE, Capture, command, command_words, python, run, usage_error

import saliency_jpeg
from saliency_jpeg import cli
from saliency_jpeg.batch.resume import JOURNAL_NAME
from saliency_jpeg.cli import options as cli_options
from saliency_jpeg.cli import terminal
from saliency_jpeg.io import write
from saliency_jpeg.options import Options
from saliency_jpeg.saliency import heatmap


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A small PNG with an edge and some noise, and a name with a space."""
    pixels = np.random.default_rng(1).integers(96, 128, (48, 64, 3), np.uint8)
    pixels[:, 40:] += 100
    path = tmp_path / "a picture.png"
    Image.fromarray(pixels).save(path)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# One file -----------------------------------------------------------------------------------------------------------


def test_compress_writes_what_the_library_makes(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out.jpg"
    assert run("compress", picture, "-o", output, "--quality", 61.5, *NONE) == 0
    expected = saliency_jpeg.Encoder(quality=61.5, saliency=None).compress(picture)
    assert output.read_bytes() == expected.jpeg
    captured = capsys.readouterr()
    saved = 100 * (1 - len(expected.jpeg) / picture.stat().st_size)
    assert captured.out == (
        f"{picture} -> {output}: {len(expected.jpeg)} bytes, {expected.bits_per_pixel:.3f} bpp, "
        f"quality 61.5, {saved:.1f} % smaller\n"
    )
    assert captured.err == ""


def test_options_reach_the_file(picture: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jpg"
    words = ("--baseline", "--subsampling", "4:2:2", "--restart-interval", 2, "--target-kb", 2.5)
    assert run("compress", picture, "-o", output, *words, *NONE) == 0
    jpeg = output.read_bytes()
    assert 0.9 * 2500 < len(jpeg) <= 2500
    assert b"\xff\xc0" in jpeg
    assert b"\xff\xc2" not in jpeg
    assert b"\xff\xdd\x00\x04\x00\x02" in jpeg
    with Image.open(output) as image:
        assert [component[1:3] for component in image.layer] == [(2, 1), (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_every_option_has_an_argument() -> None:
    arguments = cli.make_parser().parse_args(["compress", "in.png", "-o", "out.jpg"])
    assert {field.name for field in fields(Options)} <= set(vars(arguments))


@pytest.mark.parametrize(
    ("kind", "default", "words", "value"),
    [
        (float | None, None, ["--field", "2.5"], 2.5),
        (int, 3, ["--field", "7"], 7),
        (bool, False, ["--field"], True),
        (bool, True, ["--field"], False),
        (Literal["a", "b"], "a", ["--field", "b"], "b"),
        (Sequence[str], (), ["--field", "x", "--field", "y"], ["x", "y"]),
        (int, 3, [], None),
    ],
)
def test_an_argument_follows_from_the_type_of_its_field(kind: Any, default: Any, words: list[str], value: Any) -> None:
    parser = argparse.ArgumentParser()
    settings = cli_options._settings(cli_options._Argument("speed", "helps"), kind, default)
    parser.add_argument("--field", **settings)
    assert parser.parse_args(words).field == value


def test_every_argument_has_a_help_text() -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    for module in (cli.compress, cli.map, cli.compare, cli.info, cli.bench, cli.train, cli.completion):
        module.add(commands)
    assert len(commands.choices) == 7
    for name, parser in commands.choices.items():
        assert [action.dest for action in parser._actions if not action.help] == [], name


def test_metadata_can_be_dropped(tmp_path: Path) -> None:
    source, kept, dropped = (tmp_path / name for name in ("in.jpg", "kept.jpg", "dropped.jpg"))
    Image.new("L", (16, 16)).save(source, comment=b"a remark")
    assert run("compress", source, "-o", kept, *NONE) == 0
    assert run("compress", source, "-o", dropped, "--metadata", "strip", *NONE) == 0
    assert b"a remark" in kept.read_bytes()
    assert b"a remark" not in dropped.read_bytes()


def test_background_shows_through(tmp_path: Path) -> None:
    source, output = tmp_path / "in.png", tmp_path / "out.jpg"
    Image.new("RGBA", (16, 16)).save(source)
    assert run("compress", source, "-o", output, "--background", "#ff0000", *NONE) == 0
    red, green, blue = np.asarray(Image.open(output)).reshape(-1, 3).mean(axis=0)
    assert red > 250
    assert green < 5
    assert blue < 5


def test_a_target_that_cannot_be_met_comes_with_advice(tmp_path: Path, capsys: Capture) -> None:
    source, output = tmp_path / "in.png", tmp_path / "out.jpg"
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (160, 240, 3), np.uint8)).save(source)
    words = ("compress", source, "-o", output, "--target-kb", 0.4, *NONE)
    assert run(*words) == 1
    said = capsys.readouterr().err.rstrip()
    advised = re.search(r"the target of 400; try --allow-downscale or --target-kb (\d+)$", said)
    assert advised is not None
    assert not output.exists()
    assert run("compress", source, "-o", output, "--target-kb", advised[1], *NONE) == 0
    assert output.stat().st_size <= 1000 * int(advised[1])
    capsys.readouterr()
    assert run(*words, "--allow-downscale") == 0
    with Image.open(output) as image:
        width, height = image.size
    assert width < 240
    assert capsys.readouterr().out.endswith(f", {width} x {height} pixels\n")


def test_a_map_of_ones_own_moves_the_quality(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(64, 192, (64, 128, 3), np.uint8)
    source, mask = tmp_path / "in.png", tmp_path / "mask.png"
    Image.fromarray(pixels).save(source)
    left = np.zeros((64, 128, 4), np.uint8)
    left[:, :64] = 255  # white on nothing: what is transparent does not matter
    Image.fromarray(left).save(mask)
    errors = []
    for saliency in ("none", mask):
        output = tmp_path / "out.jpg"
        assert run("compress", source, "-o", output, "--target-kb", 4, "--saliency", saliency) == 0
        square = (np.asarray(Image.open(output), float) - pixels) ** 2
        errors.append((square[:, :64].mean(), square[:, 64:].mean()))
    assert errors[1][0] < 0.8 * errors[0][0]
    assert errors[1][1] > errors[0][1]


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_standard_streams(picture: Path, output: str) -> None:
    done = command("compress", "-", "-o", output, *NONE, data=picture.read_bytes())
    assert done.returncode == 0
    assert done.stdout == saliency_jpeg.compress(picture, saliency=None)
    assert done.stderr.startswith(f"- -> {output}: ".encode())
    assert done.stderr.count(b"\n") == 1


# Files --------------------------------------------------------------------------------------------------------------


def test_several_inputs_go_to_a_folder(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "deep" / "b.c.png"
    other.parent.mkdir()
    other.write_bytes(picture.read_bytes())
    folder = tmp_path / "new" / "out"
    assert run("compress", picture, other, "-o", folder, *NONE) == 0
    assert names(folder) == [JOURNAL_NAME, "a picture.jpg", "b.c.jpg"]
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("slash", [True, False])
def test_one_input_into_a_folder(picture: Path, tmp_path: Path, slash: bool) -> None:
    folder = tmp_path / "out"
    if not slash:
        folder.mkdir()
    assert run("compress", picture, "-o", f"{folder}{'/' if slash else ''}", *NONE) == 0
    assert names(folder) == [JOURNAL_NAME, "a picture.jpg"]


def test_a_batch_goes_on_past_bad_files(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    bad, missing, folder = tmp_path / "bad.png", tmp_path / "missing.png", tmp_path / "out"
    bad.write_bytes(picture.read_bytes()[:300])
    assert run("compress", bad, missing, picture, "-o", folder, *NONE) == 1
    assert names(folder) == [JOURNAL_NAME, "a picture.jpg"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(f"saliency-jpeg: {bad}: cannot decode the image")
    assert lines[1] == f"saliency-jpeg: {missing}: No such file or directory"
    assert lines[2] == "saliency-jpeg: 2 of 3 failed:"
    assert [f"saliency-jpeg: {line.strip()}" for line in lines[3:]] == lines[:2]


def test_clashes_are_refused_before_any_work(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    folder, twin, jpeg = tmp_path / "out", tmp_path / "twin" / picture.name, tmp_path / "b.jpg"
    for arguments, complaint in (
        ((picture, twin, "-o", folder), "would both become"),
        ((picture, picture, "-o", folder), "would both become"),
        ((picture, picture.with_suffix(".jpg"), "-o", tmp_path), "would overwrite an input"),
        ((picture, "-o", picture), "would overwrite an input"),
        ((picture, jpeg, "-o", "-"), "several inputs need a folder"),
        ((picture, jpeg, "-o", picture), "several inputs need a folder"),
        ((picture, "-o", folder / "out.jpg"), "does not exist"),
    ):
        before = names(tmp_path)
        assert complaint in usage_error(capsys, "compress", *arguments, *NONE)
        assert names(tmp_path) == before


def test_a_link_to_an_input_is_still_the_input(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(picture)
    assert "would overwrite an input" in usage_error(capsys, "compress", picture, "-o", link, *NONE)


def test_new_files_follow_the_umask_and_old_ones_keep_their_mode(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_bytes(b"before")
    old.chmod(0o640)
    umask = os.umask(0o027)
    try:
        for path in (new, old):
            write(str(path), b"after")
    finally:
        os.umask(umask)
    assert (new.stat().st_mode & 0o777, old.stat().st_mode & 0o777) == (0o640, 0o640)
    assert old.read_bytes() == b"after"
    assert names(tmp_path) == ["new", "old"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    write(str(link), b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write, args=(str(pipe), b"data"))
    writer.start()
    assert pipe.read_bytes() == b"data"
    writer.join()
    assert pipe.is_fifo()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(
    error: BaseException, picture: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.jpg"
    output.write_bytes(b"before")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    status = run("compress", picture, "-o", output, *NONE)
    assert output.read_bytes() == b"before"
    assert names(tmp_path) == ["a picture.png", "out.jpg"]
    said = capsys.readouterr().err
    if isinstance(error, KeyboardInterrupt):
        assert (status, said) == (130, "saliency-jpeg: interrupted\n")
    else:
        assert (status, said) == (1, f"saliency-jpeg: {picture}: cannot write {output}: No space left on device\n")


@pytest.mark.slow
def test_interrupt_from_the_keyboard(tmp_path: Path) -> None:
    """In the middle of a batch: what is written is whole, the rest is done by the next run."""
    inputs, output = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    for i in range(40):
        shutil.copy(PHOTO, inputs / f"{i:02d}.png")
    words = command_words("compress", inputs, "-o", output, "--jobs", 2, *NONE)
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # who runs the tests may be deaf to it
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=listen) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()  # the first file is done
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        said = process.stderr.read().decode().splitlines()
    done = [name for name in names(output) if name != JOURNAL_NAME]
    assert 1 <= len(done) < 40
    assert said[-1] == "saliency-jpeg: interrupted"
    assert re.fullmatch(r"saliency-jpeg: \d+ of 40 done; run the same command again to do the rest", said[-2])
    expected = saliency_jpeg.compress(PHOTO, saliency=None)
    assert all((output / name).read_bytes() == expected for name in done)
    again = command("compress", inputs, "-o", output, *NONE)
    assert again.returncode == 0
    assert len(names(output)) == 41
    counts = re.match(rb"(\d+) skipped, (\d+) written", again.stdout.splitlines()[-1])
    assert counts is not None
    skipped, written = map(int, counts.groups())
    assert skipped + written == 40
    assert len(done) - 1 <= skipped <= len(done)  # the last file may lack its line in the journal, and is done again


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--quality", "101"), "quality must be a number from 0 to 100, got 101.0"),
        (("--target-kb", "0"), "--target-kb must be a positive number from 0.001 to 1e+09, got 0.0"),
        (("--target-kb", "nan"), "--target-kb must be a positive number from 0.001 to 1e+09, got nan"),
        (("--strength", "-1"), "strength must be a number from 0 to 1, got -1.0"),
        (("--allow-downscale",), "--allow-downscale needs a --target-kb, got None"),
        (("--background", "nonesuch"), "unknown color specifier"),
        (("--saliency", "nonesuch"), "got 'nonesuch'"),
        (("--metadata", "some"), "invalid choice"),
        (("--keep-segment", "app11"), "got 'app11'"),
        (("--device", "abacus"), "got 'abacus'"),
    ],
)
def test_wrong_options(words: tuple[str, ...], complaint: str, picture: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "out"
    given = words if words[0] in ("--saliency", "--device") else (*words, *NONE)
    assert complaint in usage_error(capsys, "compress", picture, "-o", f"{folder}/", *given)
    assert not folder.exists()


def test_no_command_and_version(capsys: Capture) -> None:
    assert run() == 2
    shown = capsys.readouterr().err
    assert "usage: saliency-jpeg" in shown
    assert "compare" in shown  # the commands are named
    with pytest.raises(SystemExit) as caught:
        run("--version")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"saliency-jpeg {saliency_jpeg.__version__}\n"


def test_a_map_that_does_not_fit(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    mask, output = tmp_path / "mask.png", tmp_path / "out.jpg"
    Image.new("L", (5, 5)).save(mask)
    assert run("compress", picture, "-o", output, "--saliency", mask) == 1
    assert f"{picture}: a saliency map must have the image's shape (48, 64), got (5, 5)" in capsys.readouterr().err
    mask.write_bytes(b"no picture")
    assert run("compress", picture, "-o", output, "--saliency", mask) == 1
    assert f"{mask}: the data (10 bytes) is not an image" in capsys.readouterr().err
    assert not output.exists()


def test_odd_names_are_written_as_far_as_the_terminal_goes(picture: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    odd.write_bytes(picture.read_bytes())
    done = command("compress", odd, "-o", tmp_path / "out.jpg", *NONE)
    assert done.returncode == 0
    assert b"\\udcff.png" in done.stdout


# The map ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.tensorflow
def test_map_of_a_photograph_and_back(tmp_path: Path, capfd: Capture) -> None:
    """The raw map, given back, makes about the file of the preset; nothing of a network's chatter comes through."""
    raw, heat, first, second = (tmp_path / name for name in ("raw.png", "heat.png", "first.jpg", "second.jpg"))
    assert run("map", PHOTO, "-o", raw, "--raw") == 0
    assert run("map", PHOTO, "-o", heat) == 0
    assert run("compress", PHOTO, "-o", first, "--target-kb", 30) == 0
    assert run("compress", PHOTO, "-o", second, "--target-kb", 30, "--saliency", raw) == 0
    assert abs(len(first.read_bytes()) - len(second.read_bytes())) < 100  # blocks get means of cells or of levels
    apart = pillow_pixels(first.read_bytes()).astype(int) - pillow_pixels(second.read_bytes())
    assert np.abs(apart).mean() < 0.3
    with Image.open(raw) as gray, Image.open(heat) as colours:
        assert (gray.mode, colours.mode) == ("L", "RGB")
        assert gray.size == colours.size == (768, 512)
        found = np.asarray(gray)
    np.testing.assert_array_equal(found, np.rint(saliency_jpeg.saliency_map(PHOTO) * 255))
    assert capfd.readouterr().err == ""


def test_map_refusals(picture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "must end in .png" in usage_error(capsys, "map", picture, "-o", tmp_path / "heat.jpg")
    assert "no map to draw" in usage_error(capsys, "map", picture, "-o", tmp_path / "heat.png", *NONE)
    mask = tmp_path / "mask.png"
    Image.new("L", (64, 48)).save(mask)
    assert run("map", tmp_path / "missing.png", "-o", tmp_path / "heat.png", "--saliency", mask) == 1
    assert capsys.readouterr().err == f"saliency-jpeg: {tmp_path / 'missing.png'}: No such file or directory\n"


def test_heat_is_drawn_upright() -> None:
    pixels = np.zeros((4, 6), np.uint8)
    saliency = np.zeros((4, 6), np.float32)
    saliency[0, 0] = 1
    stored = heatmap.over(pixels, saliency)
    hot = np.asarray(stored).sum(axis=2).argmax()
    assert stored.size == (6, 4)
    assert hot == 0
    turned = heatmap.over(pixels, saliency, 6)  # shown a quarter turn clockwise: top left comes to top right
    assert turned.size == (4, 6)
    assert np.asarray(turned).sum(axis=2).argmax() == 3


def test_gray_map_reads_back() -> None:
    saliency = (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(16, 16)
    stored = pillow_pixels(encoded(heatmap.gray(saliency), "PNG"))
    np.testing.assert_array_equal(stored.astype(np.float32) / np.float32(255), saliency)


def test_tensorflow_stays_away_without_a_map(picture: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from saliency_jpeg.cli import main; status = main(sys.argv[1:]); "
        "print(sorted({'tensorflow', 'keras'} & sys.modules.keys())); sys.exit(status)"
    )
    said = python("-c", program, "compress", picture, "-o", tmp_path / "out.jpg", *NONE)
    assert said.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["out.png", "out.WebP"])
def test_a_jpeg_file_is_not_named_as_another(name: str, picture: Path, tmp_path: Path, capsys: Capture) -> None:
    assert "should end in .jpg" in usage_error(capsys, "compress", picture, "-o", tmp_path / name, *NONE)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(("level", "written"), [(None, ""), ("3", ""), ("0", "a log line\n")])
def test_what_libraries_log_is_held_back_unless_asked_for(
    level: str | None, written: str, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if level is not None:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with terminal.hide_library_output():
        os.write(2, b"a log line\n")
    assert capfd.readouterr().err == written


def test_where_no_temporary_file_can_be_made_nothing_is_held_back(
    monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def refuse() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # as with a read-only disk
    with terminal.hide_library_output():
        os.write(2, b"a log line\n")
    assert capfd.readouterr().err == "a log line\n"
