"""What is shipped, the source archive and the wheel built from it, and how little an import loads."""

from __future__ import annotations

from pathlib import Path

from helpers import ROOT
from packages import Shipped
from processes import python

HEAVY = ("tensorflow", "keras", "cv2", "scipy", "skimage", "piexif")


def files(folder: str, *patterns: str) -> set[str]:
    """Files of this tree that match, relative to its root."""
    found = {path for pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    return {str(path.relative_to(ROOT)) for path in found if path.is_file() and "__pycache__" not in path.parts}


def test_source_archive_is_complete(shipped: Shipped) -> None:
    sources = files("saliency_jpeg", "*.py", "*.pyi", "*.cc", "*.h", "py.typed") | files("weights", "*")
    assert "saliency_jpeg/csrc/codec/bindings_write.cc" in sources
    assert sources <= shipped.sdist
    assert files("tests", "*.py", "*.cc", "*.png") <= shipped.sdist
    assert {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "setup.py", "examples/demo.py"} <= shipped.sdist


def test_wheel_holds_package_extensions_and_weights(shipped: Shipped) -> None:
    assert files("saliency_jpeg", "*.py", "*.pyi", "py.typed") <= shipped.wheel
    assert {f"saliency_jpeg/{name}" for name in files("weights", "*")} <= shipped.wheel
    for extension in ("saliency_jpeg/codec/_core.", "saliency_jpeg/image/_raster.", "saliency_jpeg/metrics/_metrics."):
        assert [name for name in shipped.wheel if name.startswith(extension) and name.endswith((".so", ".pyd"))]


def test_wheel_holds_nothing_else(shipped: Shipped) -> None:
    assert not [name for name in shipped.wheel if "csrc" in name or name.endswith((".cc", ".h"))]
    tops = {name.split("/")[0] for name in shipped.wheel}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"saliency_jpeg"}
    data = {name.split("/", 2)[2] for name in shipped.wheel if ".data/" in name and not name.endswith("/")}
    assert data == {"share/man/man1/saliency-jpeg.1"}


def test_wheel_names_command_and_licences(shipped: Shipped) -> None:
    (record,) = (name for name in shipped.wheel if name.endswith(".dist-info/entry_points.txt"))
    assert "saliency-jpeg = saliency_jpeg.cli:main" in (shipped.unpacked / record).read_text()
    names = {Path(name).name for name in shipped.wheel if ".dist-info/licenses/" in name}
    assert names == {"LICENSE", "NOTICE"}


def test_unpacked_wheel_works(shipped: Shipped, tmp_path: Path) -> None:
    program = (
        "import numpy, saliency_jpeg as s; print(s.__file__); "
        "print(s.compress(numpy.zeros((9, 9, 3), numpy.uint8), saliency=None)[:2].hex()); "
        "print(len(s.SaliencyModel.from_preset().names))"
    )
    where, jpeg, classes = python("-c", program, folder=tmp_path, PYTHONPATH=str(shipped.unpacked)).split()
    assert Path(where).is_relative_to(shipped.unpacked)
    assert jpeg == "ffd8"
    assert int(classes) == 1000


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    program = f"import sys, saliency_jpeg, saliency_jpeg.cli; print([n for n in {HEAVY} if n in sys.modules])"
    assert python("-c", program, folder=tmp_path) == "[]\n"
