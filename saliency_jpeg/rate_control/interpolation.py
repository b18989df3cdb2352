"""Points of a falling curve, and where it takes a value."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["between", "bracket", "clip"]

Point = tuple[float, float]


def clip(value: float, bounds: tuple[float, float]) -> float:
    """Returns the value, or the bound that it is beyond."""
    return min(max(value, bounds[0]), bounds[1])


def bracket(points: Sequence[Point], wanted: float) -> tuple[Point, Point] | None:
    """Returns the last point above a value and the first one not above it, ``None`` where these are not in order.

    Args:
        points: (x, y), in any order.
        wanted: a value of y.
    """
    above = [point for point in points if point[1] > wanted]
    below = [point for point in points if point[1] <= wanted]
    if not above or not below:
        return None
    left, right = max(above), min(below)
    return (left, right) if left[0] < right[0] else None


def between(points: Sequence[Point], wanted: float, inside: tuple[float, float] = (0.0, 1.0)) -> float | None:
    """Returns where a line through the :func:`bracket` takes a value; ``None`` without a bracket.

    Args:
        points: (x, y), in any order.
        wanted: a value of y.
        inside: bounds of the answer, as shares of the way from the left point to the right one.
    """
    ends = bracket(points, wanted)
    if ends is None:
        return None
    (left, high), (right, low) = ends
    return left + clip((high - wanted) / (high - low), inside) * (right - left)
