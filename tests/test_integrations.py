"""All front doors: what a new one must bring, what importing one loads, and messages for missing packages."""

from __future__ import annotations

import argparse
import configparser
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from helpers import ROOT
from processes import interpreter, python

from saliency_jpeg import integrations
from saliency_jpeg.batch.plan import PlanError
from saliency_jpeg.cli import cluster
from saliency_jpeg.integrations import _compat

FOLDER = Path(integrations.__file__).parent
DOORS = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
# Doors that import a package which is not installed with this one, and the name by which they ask for it.
OPTIONAL = {
    door: match[1]
    for door in DOORS
    if (match := re.search(r'missing_dependency\("(.+)"\)', (FOLDER / f"{door}.py").read_text()))
}
HEAVY = (
    "tensorflow",
    "keras",
    "cv2",
    "torch",
    "imageio",
    "thumbor",
    "willow",
    "scrapy",
    "django",
    "scipy",
    "piexif",
    "ray",
    "pyarrow",
    "pandas",
)


class TableRow(NamedTuple):
    """One row of the table in the package's docstring."""

    extras: list[str]
    replaces: str


def read_table() -> dict[str, TableRow]:
    _, _, body, _ = re.split(r"^=.*\n", integrations.__doc__ or "", flags=re.MULTILINE)
    rows = [re.split("  +", line) for line in body.splitlines()]
    return {
        door.strip("`"): TableRow([] if extras == "none" else extras.split(", "), replaces)
        for door, extras, replaces in rows
    }


TABLE = read_table()


def row_of(door: str) -> TableRow:
    assert door in TABLE, f"no row for {door} in the table of saliency_jpeg/integrations/__init__.py"
    return TABLE[door]


# What a new door must bring -------------------------------------------------------------------------------------------


def test_every_door_has_a_row_in_the_table() -> None:
    assert sorted(TABLE) == DOORS
    assert all(row.replaces for row in TABLE.values())


def test_every_extra_is_in_setup_cfg_and_in_the_makefile() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    known = set(config["options.extras_require"])
    installed = re.search(r"'\.\[(test,imageio.*)\]'", (ROOT / "Makefile").read_text())
    assert installed is not None
    asked = {extra for row in TABLE.values() for extra in row.extras}
    assert asked - known == set(), "not in setup.cfg"
    assert asked - set(installed[1].split(",")) == set(), "not in the list of test-integrations in the Makefile"


@pytest.mark.parametrize("door", OPTIONAL)
def test_the_extra_of_a_door_has_its_name(door: str) -> None:
    assert door in row_of(door).extras


@pytest.mark.parametrize("door", DOORS)
def test_every_door_has_a_test_file_and_an_example(door: str) -> None:
    names = [f"tests/test_integrations_{door}.py"]
    names += [f"examples/with_{name}.py" for name in row_of(door).extras or [door]]
    assert [name for name in names if not (ROOT / name).is_file()] == [], "missing"


@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_what_it_replaces_honours_and_raises(door: str) -> None:
    text = (FOLDER / f"{door}.py").read_text().split('"""')[1]
    assert [word for word in ("Replaces ", "Honours", "Raises ") if f"\n{word}" not in text] == []
    assert "::\n\n    " in text, "no example"


# What is imported -----------------------------------------------------------------------------------------------------


def test_importing_the_package_imports_no_door() -> None:
    program = "import sys, saliency_jpeg; print([n for n in sys.modules if n.startswith('saliency_jpeg.integrations')])"
    assert python("-c", program) == "[]\n"


@pytest.mark.parametrize("door", sorted({*DOORS} - {*OPTIONAL, "tensorflow"}))
def test_doors_without_optional_packages_import_none(door: str) -> None:
    program = f"import sys; import saliency_jpeg.integrations.{door}; print([n for n in {HEAVY} if n in sys.modules])"
    assert python("-c", program) == "[]\n"


MISSING = """
import importlib, sys
sys.modules[sys.argv[1]] = None
try:
    importlib.import_module(f"saliency_jpeg.integrations.{sys.argv[1]}")
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("door", OPTIONAL)
def test_the_message_for_a_missing_package(door: str) -> None:
    message = f"{OPTIONAL[door]} is not installed; run: pip install 'saliency-jpeg[{door}]'"
    assert python("-c", MISSING, door) == f"{message}\n"


RAY = """
import sys
sys.modules["ray"] = None
from saliency_jpeg import cli
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "--ray: Ray is not installed; run: pip install 'saliency-jpeg[ray]'"),
        (("--dry-run",), "--dry-run cannot be used with --ray"),
        (("-",), "standard input cannot be used with --ray"),
        (("--columns", "name"), "--columns must be two names separated by a comma, got 'name'"),
    ],
)
def test_errors_of_the_command_line_for_ray(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    command = ["compress", *words, tmp_path / "x.png", "-o", tmp_path / "out", "--saliency", "none"]
    done = interpreter("-c", RAY, *command, "--ray", "local")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"saliency-jpeg compress: error: {complaint}"
    assert not (tmp_path / "out").exists()


def test_folders_in_a_store_are_inputs_of_the_command_line() -> None:
    arguments = argparse.Namespace(inputs=["s3://bucket/photos"], output="s3://bucket/smaller", recursive=True)
    asked: list[tuple[str, tuple[str, str]]] = []

    def from_store(address: str, columns: tuple[str, str]) -> Any:
        asked.append((address, columns))
        return SimpleNamespace(count=lambda: 3)

    door = SimpleNamespace(from_store=from_store)
    dataset, count, unreadable = cluster._dataset(door, arguments, ("name", "bytes"))
    assert (count, unreadable, asked) == (3, [], [("s3://bucket/photos", ("name", "bytes"))])
    assert dataset.count() == 3
    arguments.inputs.append("more.png")
    with pytest.raises(PlanError, match="must be the only input, got 2 inputs"):
        cluster._dataset(door, arguments, ("name", "bytes"))


def test_the_light_distribution_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.distributions", lambda name: [name] if name.endswith("lite") else [])
    assert "pip install 'saliency-jpeg-lite[willow]'" in str(_compat.missing_dependency("Willow"))
