"""User code under ``mypy --strict``, against an installed wheel and an editable install."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from helpers import ROOT
from packages import NOT_SOURCES, Shipped, built
from processes import interpreter, needs

from saliency_jpeg import Options

pytestmark = pytest.mark.build

EVERY_OPTION = ", ".join(f"{field.name}={field.default!r}" for field in fields(Options))
RIGHT = f"""
from __future__ import annotations

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import saliency_jpeg
from saliency_jpeg import Compressed, Encoder, Options, SaliencyModel, TargetError, compress, recompress
from saliency_jpeg.saliency import combine

pixels = np.zeros((16, 16, 3), np.uint8)
assert_type(compress(pixels, {EVERY_OPTION}), bytes)
for source in ("a.png", Path("a.png"), b"bytes", Path("a.png").open("rb"), Image.new("RGB", (8, 8))):
    compress(source, target_kb=50)

faces: list[tuple[int, int, int, int]] = [(1, 2, 30, 40)]
compress(pixels, saliency=faces)
compress(pixels, saliency=tuple(faces))
compress(pixels, saliency=[[1, 2, 30, 40]])
compress(pixels, saliency=combine("default", faces, protect=[(1.5, 2, 3, 4)], ignore=np.zeros((16, 16), np.bool_)))
compress(pixels, saliency=lambda rgb: rgb[..., 0])


class Bright:
    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return rgb[..., 0]


compress(pixels, saliency=Bright())

encoder = Encoder(Options(quality=80), strength=0.7, saliency=faces)
assert_type(encoder.options.quality, float | None)
result = encoder.compress(pixels)
assert_type(result, Compressed)
assert_type(result.jpeg, bytes)
assert_type((result.width, result.height), tuple[int, int])
assert_type(result.bits_per_pixel, float)
assert_type(result.quality, float)
assert_type(result.lmbda, float)
assert_type(result.passes, int)
assert_type(result.saliency, NDArray[np.float32] | None)
assert_type(result.score, float | None)
for each in encoder.compress_many([pixels, "a.png"], workers=2):
    assert_type(each, Compressed)
for either in encoder.compress_many([pixels, "a.png"], errors="return"):
    assert_type(either, Compressed | Exception)

try:
    assert_type(recompress(b"bytes", quality=60), bytes)
except TargetError as error:
    assert_type(error.best, bytes)
model = SaliencyModel.from_preset("default")
assert_type(model.predict(pixels), NDArray[np.float32])
assert_type(saliency_jpeg.saliency_map(pixels, saliency=model), NDArray[np.float32])
"""
WRONG = """
from saliency_jpeg import Encoder, Options, SaliencyModel, compress, recompress

compress("a.png", qualty=80)  # call-arg
compress("a.png", quality="high")  # arg-type
compress("a.png", metadata="all")  # arg-type
compress(80)  # arg-type
compress("a.png", saliency=[(1, "2", 3, 4)])  # list-item
recompress("a.jpg", strenght=0.5)  # call-arg
Options(targetkb=30)  # call-arg
Options().quality = 80  # misc
Encoder(80)  # arg-type
Encoder(strenght=0.5)  # call-arg
Encoder(quality="high")  # arg-type
Encoder().compress("a.png").size  # attr-defined
SaliencyModel.from_preset(None)  # arg-type
"""


class Finding(NamedTuple):
    """One error that mypy reports."""

    line: int
    code: str


Report = dict[str, list[Finding]]


def wheel(folder: Path, request: pytest.FixtureRequest) -> Path:
    """The folder to import an installed wheel from."""
    shipped: Shipped = request.getfixturevalue("shipped")
    return shipped.unpacked


def editable(folder: Path, request: pytest.FixtureRequest) -> Path:
    """The folder that an editable install in the mode for type checkers leads to; it needs no compiled module.

    The default mode finds the package by an import hook, which no type checker follows.
    """
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_SOURCES)
    (tree / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    with zipfile.ZipFile(built("editable", tree, folder, editable_mode="strict")) as archive:
        (pointer,) = (name for name in archive.namelist() if name.endswith(".pth"))
        return Path(archive.read(pointer).decode().strip())


@pytest.fixture(scope="module", params=[wheel, editable], ids=lambda install: install.__name__)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What mypy reports of each program, by its name."""
    needs("mypy", "setuptools", "wheel")
    folder = tmp_path_factory.mktemp("typing")
    installed = request.param(folder, request)
    python = environment(folder / "venv", installed)
    programs = {"right.py": RIGHT, "wrong.py": WRONG}
    for name, program in programs.items():
        (folder / name).write_text(program)
    options = ("--strict", "--config-file=", f"--python-executable={python}", f"--cache-dir={folder / 'cache'}")
    done = interpreter("-m", "mypy", *options, *programs, folder=folder, PYTHONPATH="", MYPYPATH="")
    print(done.stdout)  # pytest shows it where a test fails
    findings: Report = {name: [] for name in programs}
    for name, line, code in re.findall(r"^(\S+):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE):
        findings[name].append(Finding(int(line), code))
    assert done.returncode in (0, 1), done.stderr
    return findings


def environment(folder: Path, installed: Path) -> Path:
    """The interpreter of a virtual environment with the package from one place and NumPy and Pillow from here."""
    venv.create(folder, with_pip=False, symlinks=True)
    base = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=base))
    (packages / "paths.pth").write_text(f"{installed}\n{Path(np.__file__).parents[1]}\n")
    python = Path(sysconfig.get_path("scripts", "venv", vars=base)) / Path(sys.executable).name
    program = "import importlib.util; print(importlib.util.find_spec('saliency_jpeg').origin)"
    found = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, cwd=folder, env={})
    assert Path(found.stdout.strip()).is_relative_to(installed)
    return python


def expected(program: str) -> list[Finding]:
    """The errors that the comments of a program name."""
    lines = enumerate(program.splitlines(), 1)
    return [Finding(number, line.split("  # ")[1]) for number, line in lines if "  # " in line]


def test_right_code_passes(report: Report) -> None:
    assert report["right.py"] == []


def test_wrong_code_is_reported(report: Report) -> None:
    assert report["wrong.py"] == expected(WRONG)
