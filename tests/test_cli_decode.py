"""``saliency-jpeg decode``: files, folders, streams, bits, metadata, and what is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from doors import EXIF, XMP
from helpers import encoded, photo, pillow_pixels
from PIL import Image
from processes import Capture, command, run, usage_error

from saliency_jpeg import PresetError, compress, decode
from saliency_jpeg.enhance import Decoder, loading

PLAIN = ("--enhance", "none")
PIXELS = np.array(photo(60, 84))
JPEG = encoded(PIXELS, quality=85, exif=b"Exif\0\0" + EXIF, xmp=XMP, dpi=(300, 300))  # orientation 6


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(JPEG)
    return path


def wide(path: Path) -> Any:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels[..., ::-1]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".ppm", ".PNG"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_file(suffix: str, bits: int, source: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / f"out{suffix}"
    assert run("decode", source, "-o", output, "--bits", str(bits), *PLAIN) == 0
    dtype = np.uint16 if bits == 16 else np.uint8
    np.testing.assert_array_equal(wide(output), decode(JPEG, enhance=None, dtype=dtype))
    said = capsys.readouterr()
    assert said.out == f"{source} -> {output}: 60 x 84 pixels, decoded\n"
    assert said.err == ""


def test_metadata_are_in_the_png(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    assert run("decode", source, "-o", output, "--quiet", *PLAIN) == 0
    with Image.open(output) as image:
        image.load()
        assert image.size == (60, 84)
        assert image.getexif()[0x0112] == 1
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.02)
        assert image.info["xmp"] == XMP


def test_a_folder(source: Path, tmp_path: Path, capsys: Capture) -> None:
    inner = tmp_path / "in" / "more"
    inner.mkdir(parents=True)
    for name in ("a.jpg", "a.JPEG", "more/b.jpg", "c.png", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(JPEG)
    output = tmp_path / "out"
    assert run("decode", tmp_path / "in", "-o", output, "-r", "--format", "tiff", *PLAIN) == 0
    found = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    assert found == ["a.JPEG.tif", "a.jpg.tif", "more/b.tif"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_bad_file_does_not_stop_the_others(source: Path, tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(JPEG[:700])
    output = tmp_path / "out"
    assert run("decode", bad, source, tmp_path / "missing.jpg", "-o", output, *PLAIN) == 1
    assert [path.name for path in output.iterdir()] == ["photo.png"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"saliency-jpeg: {bad}: ")
    assert lines[1].startswith(f"saliency-jpeg: {tmp_path / 'missing.jpg'}: ")


def test_an_existing_file_survives_a_failure(tmp_path: Path) -> None:
    bad, output = tmp_path / "bad.jpg", tmp_path / "out.png"
    bad.write_bytes(JPEG[:700])
    output.write_bytes(b"old")
    assert run("decode", bad, "-o", output, *PLAIN) == 1
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["bad.jpg", "out.png"]  # noqa: PTH208


@pytest.mark.parametrize(("words", "kind"), [((), "PNG"), (("--format", "ppm"), "PPM"), (("--format", "tiff"), "TIFF")])
def test_streams(words: tuple[str, ...], kind: str, tmp_path: Path) -> None:
    done = command("decode", "-", "-o", "-", *PLAIN, *words, data=JPEG)
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.format == kind
        np.testing.assert_array_equal(np.asarray(image), decode(JPEG, enhance=None))
    assert b"- -> -: 60 x 84 pixels, decoded" in done.stderr


class Black:
    """A network that returns black."""

    def tiles(self, image: Any, **options: Any) -> Any:
        assert options == {"amount": 0.5, "fidelity": 0.25, "widths": None}
        planes = [np.full(image.size, value, np.float32) for value in (0, 128, 128)]
        yield SimpleNamespace(rows=slice(None), cols=slice(None), planes=planes)


@pytest.mark.parametrize("name", ["auto", "restore", "restore-fast", "fine"])
def test_a_restored_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    asked: list[str] = []

    def load(name: str, device: str | None) -> Black:
        asked.append(name)
        return Black()

    monkeypatch.setattr(loading, "load", load)
    source, output = tmp_path / "whole.jpg", tmp_path / "out.png"
    source.write_bytes(encoded(PIXELS, subsampling="4:4:4"))
    options = ("--enhance", name, "--amount", "0.5", "--fidelity", "0.25")
    assert run("decode", source, "-o", output, *options) == 0
    assert pillow_pixels(output.read_bytes()).max() == 0
    wanted = "restore" if name == "auto" else name
    assert set(asked) == {wanted}
    assert capsys.readouterr().out.endswith(f"60 pixels, enhanced ({wanted})\n")


WHOLE = compress(PIXELS, saliency=None, quality=60, layers="widths")
DAMAGED = WHOLE.replace(b"restore", b"restorf")
HALF = ("--amount", "0.5", "--fidelity", "0.25")


class Dark(Black):
    """A network that returns black whatever the intervals, and fails at pictures that are 40 pixels high."""

    def tiles(self, image: Any, **options: Any) -> Any:
        if image.size[0] == 40:
            raise cv2.error("OpenCV: (-4:Insufficient memory) Failed to allocate")
        return super().tiles(image, **{**options, "widths": None})


def test_a_damaged_layer_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(loading, "load", lambda name, device: Dark())
    assert DAMAGED != WHOLE
    for name, jpeg in (("whole", WHOLE), ("damaged", DAMAGED)):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg)
    words = (tmp_path / "damaged.jpg", tmp_path / "whole.jpg", "-o", tmp_path / "out")
    assert run("decode", *words, *HALF) == 0
    said = capsys.readouterr()
    assert said.err == ""
    first, second = said.out.splitlines()
    assert first.endswith("60 pixels, enhanced (restore, without its damaged layer)")
    assert second.endswith("60 pixels, enhanced (restore)")
    assert run("decode", *words, *PLAIN) == 0
    assert "damaged layer" not in capsys.readouterr().out  # plain decoding uses no layer
    assert [str(warning.message) for warning in recwarn] == []


def test_an_error_of_opencv_does_not_stop_the_others(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(loading, "load", lambda name, device: Dark())
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(encoded(PIXELS[:40].copy()))
    assert run("decode", bad, source, "-o", tmp_path / "out", *HALF) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.png"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"saliency-jpeg: {bad}: OpenCV: (-4:Insufficient memory) Failed to allocate"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-o", "out.jpg"), "the output must end in .png, .tif, .tiff, .ppm, .pgm, .pnm, got 'out.jpg'"),
        (("-o", "out.png", "--format", "tiff"), "--format is for folders and standard output, got 'tiff'"),
        (("-o", "out.png", "--bits", "12"), "invalid choice"),
        (("-o", "out.png", "--amount", "0.5", *PLAIN), "amount is for a picture that is enhanced"),
        (("-o", "out.png", "--fidelity", "2"), "fidelity must be a number from 0 to 1, got 2.0"),
        (("-o", "nowhere/out.png"), "the folder of nowhere/out.png does not exist"),
        ((), "the following arguments are required: -o/--output"),
    ],
)
def test_wrong_command_lines(words: tuple[str, ...], complaint: str, source: Path, capsys: Capture) -> None:
    assert complaint in usage_error(capsys, "decode", source, *words)


def test_max_pixels(source: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "out.png"
    assert run("decode", source, "-o", output, "--max-pixels", "5039", *PLAIN) == 1
    assert "more than 5039 pixels" in capsys.readouterr().err
    assert run("decode", source, "-o", output, "--max-pixels", "5040", *PLAIN) == 0


CMYK = encoded(Image.fromarray(PIXELS).convert("CMYK"), quality=85)
NO_HEADER = JPEG[:40]


@pytest.mark.parametrize(
    ("data", "words", "loads"),
    [
        (JPEG, (), True),
        (JPEG, PLAIN, False),
        (JPEG, ("--amount", "0"), False),
        (CMYK, (), False),
        (encoded(PIXELS, "PNG"), (), False),
        (NO_HEADER, (), False),
        (b"", (), False),
        (None, (), False),
        (JPEG[:2] + (b"\xff\xec\xff\xff" + bytes(65533)) * 20 + JPEG[2:], (), True),  # the header is long
    ],
)
def test_the_network_is_loaded_for_files_that_need_it(
    data: bytes | None, words: tuple[str, ...], loads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, loaded = tmp_path / "photo.jpg", list[str]()
    if data is not None:
        path.write_bytes(data)

    def load(self: Decoder) -> None:
        loaded.append("network")
        raise PresetError("loaded")

    monkeypatch.setattr(Decoder, "load_network", load)
    run("decode", path, "-o", tmp_path / "out.png", "--quiet", *words)
    assert loaded == ["network"] * loads
