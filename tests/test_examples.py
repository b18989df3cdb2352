"""The short scripts ``examples/with_*.py`` run, and write files of the sizes they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import ROOT
from PIL import Image
from processes import Script, needs

EXAMPLES = ROOT / "examples"
PLAIN = ("pillow", "opencv", "torch", "tensorflow", "imageio")  # each has a test of its own
FRAMEWORKS = {"django": ("upload.jpg", 25_000), "willow": ("willow.jpg", 15_000), "thumbor": ("thumbor.jpg", 10_000)}
DATA_ENGINES = {"ray": "ray", "dask": "dask", "spark": "pyspark"}


def test_every_example_has_a_test() -> None:
    tested = {*PLAIN, *FRAMEWORKS, "scrapy", *DATA_ENGINES}
    assert {path.stem.removeprefix("with_") for path in EXAMPLES.glob("with_*.py")} == tested


def sizes(printed: str) -> dict[str, int]:
    """Returns the bytes that a script prints for each file."""
    return {name: int(size) for name, size in re.findall(r"^(\S+) +(\d+) bytes", printed, re.MULTILINE)}


@pytest.mark.tensorflow
def test_pillow(run_script: Script, tmp_path: Path) -> None:
    found = sizes(run_script("examples/with_pillow.py", tmp_path))
    assert found == {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert 29_000 < found["one.jpg"] <= 30_000
    assert 29_000 < found["installed.jpg"] <= 30_000
    assert found["box.jpg"] < found["plain.jpg"]
    with Image.open(tmp_path / "installed.jpg") as image:
        assert image.info["dpi"] == (300, 300)


def test_opencv(run_script: Script, tmp_path: Path) -> None:
    found = sizes(run_script("examples/with_opencv.py", tmp_path))
    assert found["imencode"] < 0.9 * found["cv2.imencode"]
    assert 24_000 < found["opencv.jpg"] == (tmp_path / "opencv.jpg").stat().st_size <= 25_000


def test_torch(run_script: Script, tmp_path: Path) -> None:
    found = sizes(run_script("examples/with_torch.py", tmp_path))
    assert 24_000 < found["tensor.jpg"] == (tmp_path / "tensor.jpg").stat().st_size <= 25_000


@pytest.mark.tensorflow
def test_tensorflow(run_script: Script, tmp_path: Path) -> None:
    found = sizes(run_script("examples/with_tensorflow.py", tmp_path))
    assert sorted(found) == ["variant-0.jpg", "variant-1.jpg"]
    assert all(24_000 < size <= 25_000 for size in found.values())


@pytest.mark.tensorflow
def test_imageio(run_script: Script, tmp_path: Path) -> None:
    found = sizes(run_script("examples/with_imageio.py", tmp_path))
    assert 24_000 < found["imageio.jpg"] <= 25_000
    assert found["scikit.jpg"] < 0.9 * found["plain.jpg"]


@pytest.mark.parametrize("package", FRAMEWORKS)
def test_frameworks(package: str, run_script: Script, tmp_path: Path) -> None:
    needs(package)
    name, most = FRAMEWORKS[package]
    script = f"examples/with_{package}.py"
    found = sizes(run_script(script, tmp_path))
    assert 0.95 * most < found[name] == (tmp_path / name).stat().st_size <= most


def test_scrapy(run_script: Script, tmp_path: Path) -> None:
    needs("scrapy")
    (size,) = sizes(run_script("examples/with_scrapy.py", tmp_path)).values()
    (path,) = (tmp_path / "full").iterdir()
    assert 24_000 < size == path.stat().st_size <= 25_000


@pytest.mark.parametrize("engine", DATA_ENGINES)
def test_data_engines(engine: str, run_script: Script, tmp_path: Path) -> None:
    needs(DATA_ENGINES[engine], programs=("java",) if engine == "spark" else ())
    printed = run_script(f"examples/with_{engine}.py", tmp_path)
    found = sizes(printed)
    assert sorted(found) == ["broken", "shelf/a", "shelf/b"]
    assert found["broken"] == 0
    for name in ("shelf/a", "shelf/b"):
        assert 24_000 < found[name] == (tmp_path / "smaller" / f"{name}.jpg").stat().st_size <= 25_000
