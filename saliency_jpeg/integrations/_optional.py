"""What to say when an optional package is missing."""

from __future__ import annotations

__all__ = ["missing"]


def missing(package: str) -> ImportError:
    """The error for a door whose other side is not installed; the extra is called like the package."""
    name = package.lower()
    return ImportError(
        f"this needs {package}, which is not installed: pip install 'saliency-jpeg[{name}]' (or {name} itself)",
        name=name,
    )
