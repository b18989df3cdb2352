"""The marks are true: a test that loads TensorFlow has its mark, fixtures pass theirs on, and a build is slow."""

from __future__ import annotations

import re
from pathlib import Path

import conftest
import pytest
from helpers import ROOT
from processes import interpreter

TESTS = """
import pytest
from marks import implies

@pytest.mark.tensorflow
def test_marked():
    import tensorflow

def test_unmarked():
    import tensorflow

@pytest.fixture(scope="module")
@implies("tensorflow", "build")
def network():
    import tensorflow

@pytest.fixture
def user(network):
    pass

def test_by_fixture(user):
    pass

def test_other():
    pass
"""


def inner_pytest(folder: Path, *words: str) -> str:
    """What pytest prints of the tests above, under this tree's configuration and with an empty module as TensorFlow."""
    (folder / "tensorflow.py").touch()
    (folder / "test_inner.py").write_text(TESTS)
    options = ("-c", ROOT / "pyproject.toml", "--rootdir", folder, "-p", "no:cacheprovider", "-p", "conftest", "-vv")
    program = f"import sys, pytest; sys.path[:0] = [{str(ROOT / 'tests')!r}]; sys.exit(pytest.main(sys.argv[1:]))"
    return interpreter("-c", program, *options, *words, "test_inner.py", folder=folder).stdout


def test_collecting_loads_no_tensorflow(pytestconfig: pytest.Config) -> None:
    assert not pytestconfig.stash[conftest.LOADED_BY_COLLECTING]


def test_a_test_that_loads_tensorflow_needs_the_mark(tmp_path: Path) -> None:
    printed = inner_pytest(tmp_path)
    outcomes = re.findall(r"test_inner.py::(\w+) (PASSED|FAILED)", printed)
    assert outcomes == [
        ("test_unmarked", "FAILED"),
        ("test_other", "PASSED"),
        ("test_marked", "PASSED"),
        ("test_by_fixture", "PASSED"),
    ]
    assert "this test loads TensorFlow: mark it with @pytest.mark.tensorflow" in printed


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("tensorflow", ["test_marked", "test_by_fixture"]),
        ("slow", ["test_by_fixture"]),
        ("not slow and not tensorflow", ["test_unmarked", "test_other"]),
    ],
)
def test_fixtures_pass_their_marks_on(expression: str, selected: list[str], tmp_path: Path) -> None:
    printed = inner_pytest(tmp_path, "--collect-only", "-m", expression)
    assert re.findall(r"<Function (\w+)>", printed) == selected
