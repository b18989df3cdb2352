"""Marks, their order and their check; what the tests share as fixtures.

Tests that load TensorFlow run last.  Until the first of them, TensorFlow is not loaded, and a test that loads it
without the mark ``tensorflow`` fails.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, Pixels
from helpers import photo as crop
from marks import implied_marks, implies
from numpy.typing import NDArray
from once import made_once
from packages import Shipped, ship
from processes import Script, needs, python
from sanitizers import Sanitized, sanitized_core

LOADED_BY_COLLECTING = pytest.StashKey[bool]()
LOADED_BEFORE = pytest.StashKey[bool]()


# marks --------------------------------------------------------------------------------------------------------------


def tensorflow_is_loaded() -> bool:
    return "tensorflow" in sys.modules or "keras" in sys.modules


def is_marked(item: pytest.Item, name: str) -> bool:
    return item.get_closest_marker(name) is not None


@pytest.hookimpl(tryfirst=True)  # before marks are selected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[LOADED_BY_COLLECTING] = tensorflow_is_loaded()
    for item in items:
        for name in implied_marks(item):
            item.add_marker(name)
        if is_marked(item, "build"):
            item.add_marker("slow")
    items.sort(key=lambda item: is_marked(item, "tensorflow"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[LOADED_BEFORE] = tensorflow_is_loaded()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    yield
    if tensorflow_is_loaded() and not item.stash[LOADED_BEFORE] and not is_marked(item, "tensorflow"):
        pytest.fail("this test loads TensorFlow: mark it with @pytest.mark.tensorflow")


# fixtures -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def photo() -> Pixels:
    """Kodak image 7, RGB (512, 768, 3), read-only."""
    return crop(512, 768, 0, 0)


@pytest.fixture(scope="module")
def roi(photo: Pixels) -> NDArray[np.float64]:
    """A soft region of interest, of the size of the module's photograph, with its centre at row 90 and column 120."""
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    return np.asarray(np.exp(-((y - 90) ** 2 + (x - 120) ** 2) / (2 * 40.0**2)))


@pytest.fixture(scope="session")
@implies("build")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """Source archive and wheel of this tree; compiled once for all tests."""
    needs("pybind11", "setuptools", "wheel")
    return made_once(tmp_path_factory, "packaging", ship)


@pytest.fixture(scope="session")
@implies("build")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Sanitized:
    """The C++ code under AddressSanitizer and UndefinedBehaviorSanitizer; compiled once for all tests."""
    core = made_once(tmp_path_factory, "sanitized", sanitized_core)
    return core._replace(folder=tmp_path_factory.mktemp("linked"))


@pytest.fixture
@implies("slow")
def run_script(tmp_path: Path) -> Script:
    """Runs a program of this tree in an empty folder; returns what it prints (see :func:`processes.python`)."""

    def run(script: str, *words: object, status: int = 0, **environment: str) -> str:
        return python(ROOT / script, *words, folder=tmp_path, status=status, **environment)

    return run
