"""The error that a door raises when the package it serves is not installed."""

from __future__ import annotations

__all__ = ["missing_dependency"]


def missing_dependency(package: str) -> ImportError:
    """Returns the error for a package that cannot be imported; its extra has the same name in lower case."""
    extra = package.lower()
    return ImportError(f"{package} is not installed; run: pip install 'saliency-jpeg[{extra}]'", name=extra)
