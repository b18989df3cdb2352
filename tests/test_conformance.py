"""The conformance matrix: decoders that happen to be installed, how differences are counted, and the page."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

import jpeg_modes
import matrix
import numpy as np
import pytest
from adapters import Decode, Pixels
from decoders import DECODERS, Decoder
from matrix import File, Outcome
from processes import Script, needs

from saliency_jpeg.codec._core import JpegImage, read_jpeg

needs("simplejpeg")

CHOSEN = ("gray, baseline", "4:4:4, progressive", "4:2:0, progressive")
#: Largest difference in levels that a decoder may show, where the chroma is whole and where it is subsampled.
ALLOWED = {"libjpeg-turbo": (0, 0), "libjpeg": (10, 30), "own": (3, 30)}


def parameter(decoder: Decoder) -> object:
    marks = [pytest.mark.slow] if decoder.programs or decoder.name == "TensorFlow" else []
    marks += [pytest.mark.tensorflow] if decoder.name == "TensorFlow" else []
    return pytest.param(decoder, id=decoder.name, marks=marks)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[File]:
    """One file of each chosen mode."""
    modes = [dataclasses.replace(mode, sizes=[(33, 50)]) for mode in jpeg_modes.modes() if mode.name in CHOSEN]
    return matrix.make_files(tmp_path_factory.mktemp("files"), modes)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the decoders' own modules
@pytest.mark.parametrize("decoder", [parameter(decoder) for decoder in DECODERS])
def test_decoder(decoder: Decoder, files: list[File]) -> None:
    needs(*decoder.modules, programs=decoder.programs)
    if missing := decoder.missing():
        pytest.skip(f"not installed: {', '.join(missing)}")
    gray, whole, subsampled = [
        min((o.interpolated, o.repeated), key=lambda levels: 256 if levels is None else levels)
        for o in matrix.ask(decoder, files)
    ]
    assert gray is not None
    assert whole is not None
    assert subsampled is not None
    allowed = ALLOWED[decoder.family]
    assert max(gray, whole) <= allowed[0]
    assert subsampled <= allowed[1]


def test_another_program_of_that_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("the stand-in is a shell script")
    (tmp_path / "djpeg").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "djpeg").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (djpeg,) = (decoder for decoder in DECODERS if decoder.name == "djpeg")
    assert djpeg.missing() == ["djpeg"]


def faulty(files: list[File], pictures: Sequence[Pixels | None]) -> list[Outcome]:
    """What is said of a decoder that returns these pictures."""
    decode: Decode = lambda paths: list(pictures)  # noqa: E731
    return matrix.ask(dataclasses.replace(DECODERS[0], decode=decode), files)


def test_faults_are_seen(files: list[File]) -> None:
    right = [file.interpolated for file in files]
    assert matrix.cell(faulty(files, right)) == "="
    wrong = right[0].copy()
    wrong[20, 10] ^= 4
    assert matrix.cell(faulty(files, [wrong, *right[1:]])) == "4"
    assert matrix.cell(faulty(files, [None, *right[1:]])) == "=, refused 1 of 3"
    assert matrix.cell(faulty(files, [right[0][1:], *right[1:]])) == "=, refused 1 of 3"
    assert matrix.cell(faulty(files, [right[0], right[1][..., 0], right[2]])) == "255"
    assert matrix.cell(faulty(files, [None, None, None])) == "refused"


def test_gray_as_three_channels_and_repeated_chroma_are_no_faults(files: list[File]) -> None:
    gray, whole, subsampled = files
    assert np.abs(subsampled.interpolated.astype(int) - subsampled.repeated).max() > 10
    three = np.repeat(gray.interpolated[..., None], 3, axis=2)
    assert matrix.cell(faulty(files, [three, whole.interpolated, subsampled.interpolated])) == "="
    assert matrix.cell(faulty(files, [gray.interpolated, whole.interpolated, subsampled.repeated])) == "= r"
    tinted = three.copy()
    tinted[..., 2] ^= 1
    assert matrix.cell(faulty(files, [tinted, whole.interpolated, subsampled.interpolated])) == "1"


def tables() -> dict[str, list[list[str]]]:
    """Cells of each table in the generated part of the page, by its heading."""
    generated = matrix.PAGE.read_text("utf-8").partition(matrix.GENERATED)[2]
    found = re.findall(r"^## (.+)\n\n((?:\|.*\n)+)", generated, re.MULTILINE)
    return {title: [row[2:-2].split(" | ") for row in rows.splitlines()] for title, rows in found}


def test_the_page_has_every_decoder_and_every_mode() -> None:
    listed, *by_family = tables().values()
    assert [row[0] for row in listed[2:]] == [decoder.name for decoder in DECODERS]
    modes = [mode.name for mode in jpeg_modes.modes()]
    for rows in by_family:
        assert [row[0] for row in rows[2:]][: len(modes)] == modes
    assert sorted(name for rows in by_family for name in rows[0][1:]) == sorted(d.name for d in DECODERS)


def test_on_the_page_libjpeg_turbo_is_equal_whoever_asks_it() -> None:
    rows = tables()[matrix.TITLES["libjpeg-turbo"]]
    assert {cell for row in rows[2:] for cell in row[1:]} == {"="}


def jpeg_of(mode: str) -> JpegImage:
    """The contents of the file of a mode, 33 x 50."""
    return read_jpeg(next(row for row in jpeg_modes.modes() if row.name == mode).jpeg((33, 50)))


@pytest.mark.parametrize("scans", ["SOF1", "progressive"])
def test_the_mode_with_16_bit_tables_needs_them(scans: str) -> None:
    image = jpeg_of(f"4:4:4, 16-bit tables, {scans}")
    assert image.progressive == (scans == "progressive")
    assert np.abs(image.levels[0][..., image.tables[0] > 255]).max() > 0


@pytest.mark.parametrize("subsampling", jpeg_modes.SUBSAMPLINGS)
@pytest.mark.parametrize("scans", jpeg_modes.SCANS)
def test_modes_are_what_their_names_say(subsampling: str, scans: str) -> None:
    image = jpeg_of(f"{subsampling}, {scans}")
    luma = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2), "4:4:0": (1, 2), "4:1:1": (4, 1)}[subsampling]
    assert image.sampling == [luma, (1, 1), (1, 1)]
    assert image.progressive == (scans == "progressive")
    assert np.abs(image.levels[2][..., 1:]).max() > 0


def test_the_mode_with_restart_markers_has_them() -> None:
    assert jpeg_of("4:2:0, restart markers, progressive").restart_interval == 2


def test_the_command(run_script: Script, tmp_path: Path) -> None:
    printed = run_script("tests/conformance/matrix.py", "--only", "Pillow")
    assert re.search(r"^1 decoders, \d+ modes, \d+ files\. 1 decoders are equal", printed, re.MULTILINE)
    assert "| 1 x 17, gray and YCbCr | = |" in printed
    assert list(tmp_path.iterdir()) == []
