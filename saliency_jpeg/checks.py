"""Checks of values that callers give, and how messages show them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Final

import numpy as np

from .errors import OptionError

__all__ = ["check_count", "check_flag", "check_integer", "check_number", "check_one_of", "is_integer", "shown"]

_LONGEST: Final = 200  # characters of a value in a message


def check_flag(name: str, value: object) -> None:
    """Raises :class:`OptionError` for anything but ``True`` and ``False``."""
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False, got {shown(value)}")


def check_integer(name: str, value: Any, low: int, high: int, none: str = "") -> None:
    """Raises :class:`OptionError` for anything but an integer in a range.

    Args:
        name: of the option.
        value: what the caller gave.
        low: smallest value.
        high: largest value.
        none: what ``None`` stands for; empty where it is not allowed.
    """
    if not is_integer(value, low, high) and not (none and value is None):
        or_none = f", or None for {none}" if none else ""
        raise OptionError(f"{name} must be an integer from {low} to {high}{or_none}, got {shown(value)}")


def check_count(name: str, value: object) -> None:
    """Raises :class:`OptionError` for anything but a positive integer."""
    if not is_integer(value, 1, math.inf):
        raise OptionError(f"{name} must be a positive integer, got {shown(value)}")


def check_number(name: str, value: Any, low: float, high: float, kind: str = "number") -> None:
    """Raises :class:`OptionError` for anything but a finite real number in a range.

    Args:
        name: of the option.
        value: what the caller gave.
        low: smallest value.
        high: largest value; infinite for no limit.
        kind: what the message calls it.
    """
    if not _is_number(value, low, high) or value == math.inf:
        raise OptionError(f"{name} must be a {kind} from {low:g} to {high:g}, got {shown(value)}")


def check_one_of(name: str, value: object, allowed: tuple[str, ...], or_none: str = "") -> None:
    """Raises :class:`OptionError` for anything but one of some strings.

    Args:
        name: of the option.
        value: what the caller gave.
        allowed: the strings.
        or_none: for the message, where the caller has let ``None`` pass.
    """
    if not isinstance(value, str) or value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(map(repr, allowed))}{or_none}, got {shown(value)}")


def is_integer(value: Any, low: int, high: float) -> bool:
    """Returns whether a value is an integer from ``low`` to ``high``, and no truth value."""
    return isinstance(value, Integral) and _is_number(value, low, high)


def _is_number(value: Any, low: float, high: float) -> bool:
    """Whether a value is a real number in a range: an integer of any size, but no NaN and no truth value."""
    number: Any = value.item() if isinstance(value, np.generic) else value  # or NumPy converts the bounds, and warns
    is_real = isinstance(number, Real) and not isinstance(number, bool)
    return is_real and bool(low <= number <= high)


def shown(value: object) -> str:
    """Returns a value as messages show it: its ``repr()``, cut off where it is long."""
    try:
        text = repr(value)
    except Exception:  # a class of the caller's, or an integer of more digits than Python writes
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
