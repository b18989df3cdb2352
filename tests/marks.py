"""Marks that fixtures imply, so that no test that uses such a fixture has to repeat them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

Function = TypeVar("Function", bound=Callable[..., Any])


def implies(*names: str) -> Callable[[Function], Function]:
    """Every test that uses the fixture below, directly or through another one, gets these marks.

    Put it between ``@pytest.fixture`` and the function.
    """

    def declare(function: Function) -> Function:
        function.__dict__["implied_marks"] = names
        return function

    return declare


def implied_marks(item: pytest.Item) -> Iterator[str]:
    """Marks that the fixtures of a test imply."""
    if isinstance(item, pytest.Function):
        for definitions in item._fixtureinfo.name2fixturedefs.values():
            yield from getattr(definitions[-1].func, "implied_marks", ())
