"""The light distribution: what it declares, and what works without the packages that it leaves out."""

from __future__ import annotations

import configparser
import runpy
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import KODIM07, ROOT
from processes import needs, python

from saliency_jpeg.saliency.heads.faces import _high_maxima, _maxima_by_reconstruction

LEFT_OUT = ("cv2", "skimage", "scipy", "tensorflow", "keras")
WITHOUT = f"import sys\nfor name in {LEFT_OUT}: sys.modules[name] = None\n"


# What it declares ----------------------------------------------------------------------------------------------------


def declared(monkeypatch: pytest.MonkeyPatch, distribution: str, folder: Path = ROOT) -> dict[str, Any]:
    """What setup.py of a folder hands to setuptools for a distribution; "" leaves the choice to it."""
    needs("pybind11")
    keywords: dict[str, Any] = {}
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SALIENCY_JPEG_DISTRIBUTION", distribution)
    monkeypatch.setattr("setuptools.setup", lambda **given: keywords.update(given))
    monkeypatch.setattr("pybind11.setup_helpers.ParallelCompile.install", lambda self: self)
    runpy.run_path("setup.py")
    return keywords


def test_both_come_from_the_same_declarations(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = config["options.extras_require"]
    full = {*config["options"]["install_requires"].split("\n"), *extras["lite"].split("\n")}
    light = declared(monkeypatch, "lite")
    assert light["name"] == "saliency-jpeg-lite"
    assert set(light["install_requires"]) <= full
    assert len(light["install_requires"]) == 4
    assert not [line for line in light["install_requires"] if "opencv" in line or "tensorflow" in line]
    for name, lines in light["extras_require"].items():
        assert "\n".join(lines) == extras[name]
    packages = config["options.package_data"]
    assert {name: files for name, files in light["package_data"].items() if name != "saliency_jpeg.weights"} == {
        name: packages[name].split() for name in packages if name != "saliency_jpeg.weights"
    }
    assert not set(declared(monkeypatch, "full")) & {"name", "install_requires", "package_data"}


def test_a_source_archive_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip builds it without the variable that made it."""
    for name in ("setup.py", "setup.cfg"):
        shutil.copy(ROOT / name, tmp_path)
    assert "name" not in declared(monkeypatch, "", tmp_path)
    for name, expected in [("saliency_jpeg", None), ("saliency-jpeg-lite", "saliency-jpeg-lite")]:
        (tmp_path / "PKG-INFO").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 0.1.0\n")
        assert declared(monkeypatch, "", tmp_path).get("name") == expected


def test_the_workflow_builds_its_wheels() -> None:
    workflow = (ROOT / ".github" / "workflows" / "wheels.yml").read_text()
    assert "SALIENCY_JPEG_DISTRIBUTION: lite" in workflow
    assert "needs: [wheels, light, dist, reproducible]" in workflow
    passed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]["environment-pass"]
    assert "SALIENCY_JPEG_DISTRIBUTION" in passed  # else the container of Linux builds the full one


def test_an_unknown_distribution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="must be full or lite, got 'tiny'"):
        declared(monkeypatch, "tiny")


def test_the_container_is_built_of_it() -> None:
    """The files that the wheel needs are sent to the builder, and what is installed can serve."""
    steps = (ROOT / "Dockerfile").read_text()
    assert "SALIENCY_JPEG_DISTRIBUTION=lite pip wheel" in steps
    assert "saliency_jpeg_lite-*.whl)[serve]" in steps
    assert "\nUSER nobody\n" in steps
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert "serve" in config["lite"]["extras"].split()
    ignored = set((ROOT / ".dockerignore").read_text().split())
    assert ignored & {"saliency_jpeg", "weights", "setup.py", "setup.cfg", "pyproject.toml", "README.md"} == set()
    assert "127.0.0.1:8080:8080" in (ROOT / "compose.yaml").read_text()


@pytest.fixture
def light_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The package with the weights of the light distribution only."""
    weights = declared(monkeypatch, "lite")["package_data"]["saliency_jpeg.weights"]
    (tmp_path / "saliency_jpeg" / "weights").mkdir(parents=True)
    for path in (ROOT / "saliency_jpeg").iterdir():
        if path.name not in ("weights", "__pycache__"):
            (tmp_path / "saliency_jpeg" / path.name).symlink_to(path)
    for name in (*weights, "__init__.py"):
        (tmp_path / "saliency_jpeg" / "weights" / name).symlink_to(ROOT / "weights" / name)
    return tmp_path


def run_light(tree: Path, program: str) -> str:
    return python("-c", WITHOUT + program, folder=tree, PYTHONPATH=str(tree))


# What works ----------------------------------------------------------------------------------------------------------

ENCODE = f"""
import hashlib, saliency_jpeg as s
photo = {str(KODIM07)!r}
jpeg = s.compress(photo, target_kb=40)
smaller = s.recompress(jpeg, quality=50)
pixels = s.decode(jpeg, enhance=None)
print(hashlib.sha256(jpeg + smaller + pixels.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_bytes_are_those_of_the_full_package(light_tree: Path) -> None:
    needs("ai_edge_litert")
    full = python("-c", "import sys" + ENCODE, folder=ROOT)
    assert run_light(light_tree, ENCODE) == full
    assert len(full.strip()) == 64


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            "s.decode(jpeg)",
            "restoration (not enhance=None, --enhance none) needs the full package: pip",
        ),
        ("s.SaliencyModel.from_preset('cam')", "preset 'cam' needs the full package: pip install saliency-jpeg"),
        ("s.SaliencyModel.from_preset().activations(rgb)", "pip install saliency-jpeg"),
        (
            "save.to_file(rgb.astype(np.uint16), None, '.png')",
            "PNG with 16 bits (TIFF and PPM do not) needs the full package: pip install saliency-jpeg",
        ),
    ],
)
def test_what_is_left_out_is_named(light_tree: Path, call: str, complaint: str) -> None:
    needs("ai_edge_litert")
    program = (
        "import numpy as np, saliency_jpeg as s; from saliency_jpeg.image import save\n"
        "rgb = np.zeros((64, 64, 3), np.uint8); jpeg = s.compress(rgb, saliency=None)\n"
        f"try: {call}\nexcept s.SaliencyJpegError as error: print(error)"
    )
    assert complaint in run_light(light_tree, program)


def test_a_first_map_loads_neither_opencv_nor_scikit_image() -> None:
    needs("ai_edge_litert")
    program = (
        f"import sys, saliency_jpeg; saliency_jpeg.saliency_map({str(KODIM07)!r}); "
        f"print([name for name in ({LEFT_OUT[0]!r}, *{LEFT_OUT[2:]}, 'piexif') if name in sys.modules])"
    )
    assert python("-c", program) == "[]\n"


@pytest.mark.parametrize("seed", range(20))
def test_high_maxima_are_those_of_scikit_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.uniform(0, 2.5, rng.integers(3, 30, 2)) * 10) / 10
    assert np.array_equal(_high_maxima(values, 0.3), _maxima_by_reconstruction(values, 0.3))
    assert _maxima_by_reconstruction(values, 9.0).sum() == 0
