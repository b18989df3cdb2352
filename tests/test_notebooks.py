"""The notebooks in ``examples``: executed, they give what is stored in them, and what is stored is fit to be shown."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import notebook_checks
import pytest
from helpers import ROOT
from processes import Script, needs

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.fixture
def run_notebooks(run_script: Script) -> Script:
    """Runs the script that executes notebooks; the extra ``examples`` brings what that needs."""
    needs("nbclient", "ipykernel", "matplotlib", "tqdm")

    def run(*words: object, status: int = 0) -> str:
        return run_script("scripts/run_notebooks.py", *words, status=status)

    return run


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def make(path: Path, *sources: str) -> Path:
    """A small notebook without outputs."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(sources)
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), "utf-8")
    return path


@pytest.mark.tensorflow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_executed_again_it_gives_what_is_stored(path: Path, run_notebooks: Script) -> None:
    assert run_notebooks(path) == f"{path.name}: as stored\n"


def test_there_are_five() -> None:
    assert [path.stem[:3] for path in NOTEBOOKS] == ["01_", "02_", "03_", "04_", "05_"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_fit_to_be_shown(path: Path) -> None:
    cells = code_cells(path)
    assert path.stat().st_size < 400_000
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert sum("image/" in key for cell in cells for output in cell["outputs"] for key in output.get("data", {})) >= 3
    assert "assert " not in "".join("".join(cell["source"]) for cell in cells)
    assert inspect.getsource(getattr(notebook_checks, f"check_{path.stem}")).count("assert ") >= 5
    assert not re.search(r"(?<![\w.:/])/\w+/", "".join(map(printed, cells)))  # no place on somebody's machine


def test_differences_are_told(run_notebooks: Script, tmp_path: Path) -> None:
    path = make(tmp_path / "small.ipynb", "print('one', '2.50', 1000)", "import time; print(time.time())", "1 + 1")
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"]["tags"] = ["varies"]
    path.write_text(json.dumps(content))
    assert run_notebooks("--write", path) == "small.ipynb: stored\n"
    assert printed(code_cells(path)[0]) == "one 2.50 1000\n"
    assert run_notebooks(path) == "small.ipynb: as stored\n"

    stored = path.read_text()
    path.write_text(stored.replace("one 2.50 1000", "one 2.51 1004"))  # within what rounding may do
    assert run_notebooks(path) == "small.ipynb: as stored\n"
    for other in ("two 2.50 1000", "one 2.60 1000", "one 2.50 1010"):
        path.write_text(stored.replace("one 2.50 1000", other))
        found = run_notebooks(path, status=1)
        assert found.startswith("small.ipynb: differs\n")
        assert f"prints 'one 2.50 1000', stored is '{other}'" in found


def test_a_claim_that_does_not_hold_is_told(run_notebooks: Script, tmp_path: Path) -> None:
    path, checks = make(tmp_path / "claims.ipynb", "size = 24", "size += 1"), tmp_path / "checks.py"
    checks.write_text("def check_claims(seen):\n    assert seen.size == 25, seen.size\n")
    assert run_notebooks("--write", "--checks", checks, path) == "claims.ipynb: stored\n"
    assert len(code_cells(path)) == 2
    checks.write_text("def check_claims(seen):\n    assert seen.size == 24, f'it is {seen.size}'\n")
    found = run_notebooks("--checks", checks, path, status=1)
    assert "AssertionError" in found
    assert "it is 25" in found


def test_an_error_in_a_cell_is_told(run_notebooks: Script, tmp_path: Path) -> None:
    path = make(tmp_path / "wrong.ipynb", "print('so far')", "assert 1 > 2, 'it is not'")
    before = path.read_bytes()
    found = run_notebooks("--write", path, status=1)
    assert "AssertionError" in found
    assert "it is not" in found
    assert path.read_bytes() == before
