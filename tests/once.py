"""What is made once for all tests, and by one process where several run them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Made = TypeVar("Made")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """What ``make`` makes in an empty folder of this name; the other processes of pytest-xdist wait for it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make(factory.mktemp(name))
    from filelock import FileLock

    folder = factory.getbasetemp().parent / name  # of all processes
    stored = folder.with_suffix(".pickle")
    with FileLock(folder.with_suffix(".lock")):
        if not stored.exists():
            folder.mkdir(exist_ok=True)
            stored.write_bytes(pickle.dumps(make(folder)))
        made: Made = pickle.loads(stored.read_bytes())
    return made
