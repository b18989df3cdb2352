"""Executes the notebooks in ``examples`` and compares what they print with what is stored in them.

    python scripts/run_notebooks.py [NOTEBOOK ...]            # check: exit status 1 where something differs
    python scripts/run_notebooks.py --write [NOTEBOOK ...]    # store what came out

What a notebook claims is checked behind its last cell by ``tests/notebook_checks.py``, which a reader does not see.
Beyond that every cell has to give the
same kinds of output, and to print the same words; numbers may differ by 0.5 % or two units of their last digit, as
another version of TensorFlow or Pillow may round differently. Cells with the tag ``varies`` (times, a progress bar) are
executed only. What libraries log on standard error is neither stored nor compared.

Needs nbclient and ipykernel: ``pip install 'saliency-jpeg[examples]'``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"
CHECKS: Final = EXAMPLES.parent / "tests" / "notebook_checks.py"
MOST_BYTES: Final = 400_000  # of a stored notebook
TIMEOUT: Final = 600  # seconds a cell may take
_CHECK: Final = """import runpy, types
runpy.run_path({program!r})[{function!r}](types.SimpleNamespace(**globals()))"""
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_TOLERANCE: Final = 0.005
_LAST_DIGITS: Final = 2.01  # units
_FEW: Final = 100  # whole numbers below it are counts, and count exactly

Notebook: TypeAlias = Any  # nbformat's dictionaries with attributes
Output: TypeAlias = Any


def execute(notebook: Notebook, path: Path, settings: Path, checks: Path | None) -> Notebook:
    """A copy of the notebook with new outputs, executed in its folder by this interpreter.

    Args:
        notebook: as it is stored.
        path: of the notebook.
        settings: folder for the settings of Jupyter.
        checks: program with a function for each notebook, named after it, that takes what the notebook defined.

    Raises:
        CellExecutionError: a cell or a check ended in an error.
    """
    fresh = nbformat.from_dict(notebook)
    for cell in code_cells(fresh):
        cell.outputs = []
    if checks is not None:
        call = _CHECK.format(program=str(checks), function=f"check_{path.stem}")
        fresh.cells.append(nbformat.v4.new_code_cell(call))
    client = NotebookClient(
        fresh,
        timeout=TIMEOUT,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
        config=Config({"KernelManager": {"transport": "ipc", "ip": str(settings / "kernel")}}),
    )
    client.execute()
    if checks is not None:
        fresh.cells.pop()
    return cleaned(fresh)


def cleaned(notebook: Notebook) -> Notebook:
    """The notebook without what differs from run to run or is of no use to a reader."""
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data.pop("image/jpeg", None)  # PIL images come as both
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def code_cells(notebook: Notebook) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def differences(stored: Notebook, fresh: Notebook) -> Iterator[str]:
    """What the new outputs do not have in common with the stored ones, a line each."""
    for number, (old, new) in enumerate(zip(code_cells(stored), code_cells(fresh), strict=True), 1):
        if "varies" in old.metadata.get("tags", []):
            continue
        if kinds(old.outputs) != kinds(new.outputs):
            yield f"code cell {number} gives {kinds(new.outputs)}, stored is {kinds(old.outputs)}"
            continue
        for before, after in zip(text(old.outputs), text(new.outputs), strict=False):
            if not same_text(before, after):
                yield f"code cell {number} prints {after!r}, stored is {before!r}"
        if len(text(old.outputs)) != len(text(new.outputs)):
            yield f"code cell {number} prints {len(text(new.outputs))} lines, stored are {len(text(old.outputs))}"


def kinds(outputs: list[Output]) -> list[str]:
    """Of every output its type and the formats of its data."""
    return [" ".join([output.output_type, *sorted(output.get("data", {}))]) for output in outputs]


def text(outputs: list[Output]) -> list[str]:
    """All printed lines and plain-text results."""
    pieces = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join(pieces).splitlines()


def same_text(stored: str, fresh: str) -> bool:
    """Whether two lines have the same words, and numbers that agree."""
    if [word.strip() for word in _NUMBER.split(stored)] != [word.strip() for word in _NUMBER.split(fresh)]:
        return False
    return all(map(_same_number, _NUMBER.findall(stored), _NUMBER.findall(fresh)))


def _same_number(stored: str, fresh: str) -> bool:
    a, b = float(stored), float(fresh)
    decimals = len(stored.partition(".")[2])
    if not decimals and abs(a) < _FEW:
        return a == b
    return abs(a - b) <= max(_TOLERANCE * abs(a), _LAST_DIGITS * 10.0**-decimals)


def check(path: Path, settings: Path, checks: Path | None, *, write: bool) -> list[str]:
    """Executes one notebook; the complaints about it."""
    stored = nbformat.read(path, as_version=4)
    try:
        fresh = execute(stored, path, settings, checks)
    except CellExecutionError as error:
        return [str(error)]
    if write:
        path.write_text(nbformat.writes(fresh) + "\n", "utf-8")
    found = [] if write else list(differences(stored, fresh))
    size = path.stat().st_size
    return [*found, f"{size} bytes are more than {MOST_BYTES}"] if size > MOST_BYTES else found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="those in examples unless named")
    parser.add_argument("--write", action="store_true", help="store the new outputs instead of comparing")
    parser.add_argument("--checks", type=Path, help="program that checks what each notebook defined (the tests' own)")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as settings:  # nothing of the user's own takes part, nothing is left behind
        os.environ |= {"IPYTHONDIR": settings, "JUPYTER_CONFIG_DIR": settings, "JUPYTER_RUNTIME_DIR": settings}
        for path in options.notebooks or sorted(EXAMPLES.glob("*.ipynb")):
            is_ours = path.resolve().parent == EXAMPLES
            checks = options.checks or (CHECKS if is_ours else None)
            complaints = check(path, Path(settings), checks, write=options.write)
            print(f"{path.name}: {'differs' if complaints else 'stored' if options.write else 'as stored'}")
            print("".join(f"  {line}\n" for line in complaints), end="")
            failed = failed or bool(complaints)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
