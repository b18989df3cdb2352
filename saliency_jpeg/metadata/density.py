"""Resolution or pixel aspect as JFIF holds it: a unit and whole dots."""

from __future__ import annotations

from typing import Any

__all__ = ["checked_density"]


def checked_density(unit: Any, x: Any, y: Any) -> tuple[int, int, int] | None:
    """Returns ``(unit, x, y)`` in whole dots if JFIF can hold it, else ``None``.

    Args:
        unit: 0 to 2, see :class:`.model.Metadata`.
        x: 1 to 65535 after rounding.
        y: the same.
    """
    try:
        density = int(unit), round(float(x)), round(float(y))
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return None
    valid = 0 <= density[0] <= 2 and all(1 <= dots <= 65535 for dots in density[1:])
    return density if valid else None
