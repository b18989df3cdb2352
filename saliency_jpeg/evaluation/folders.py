"""Which images of a folder to measure."""

from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path

__all__ = ["LOSSLESS", "LOSSY", "choose", "read_names"]

LOSSLESS = frozenset({".png", ".ppm", ".bmp", ".tif", ".tiff"})
LOSSY = frozenset({".jpg", ".jpeg"})


def choose(
    folder: Path, suffixes: Collection[str], names: Collection[str] | None = None, count: int | None = None
) -> list[Path]:
    """Images in ``folder`` and its sub-folders, sorted.

    Args:
        folder: where to look; a missing one holds nothing.
        suffixes: in lower case, with the dot.
        names: stems of the images to take; ``None`` for all.
        count: take at most so many, drawn with a fixed seed.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    chosen = [path for path in found if names is None or path.stem in names]
    return chosen if count is None else sorted(random.Random(0).sample(chosen, min(count, len(chosen))))


def read_names(path: Path | None) -> set[str] | None:
    """Stems of images from a text file, one a line; ``None`` without a file."""
    return None if path is None else {line.strip() for line in path.read_text().splitlines() if line.strip()}
