"""Shared by the training scripts: caches on disk, and :func:`saliency_jpeg.training.loop.fit` with a line per epoch."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_jpeg.saliency.heads import Head
from saliency_jpeg.training import loop
from saliency_jpeg.training.loop import Source

__all__ = ["cached", "fit"]


def cached(folder: Path | None, name: str, make: Callable[[], Any]) -> Any:
    """Returns what ``make`` makes, and keeps it in a file for the next call.

    Args:
        folder: of the cache; None keeps nothing.
        name: of the file.
        make: makes a list.
    """
    path = None if folder is None else folder / f"{name}.pickle"
    if path is not None and path.exists():
        return pickle.loads(path.read_bytes())
    start = time.perf_counter()
    value = make()
    print(f"  {name}: {len(value)} in {time.perf_counter() - start:.0f} s", flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(value, protocol=5))
    return value


def fit(model: Any, head: Head, sources: Sequence[Source], **settings: Any) -> None:
    """Fits a head and prints a line per epoch.

    Args:
        model: as for :func:`.loop.fit`.
        head: as for :func:`.loop.fit`.
        sources: as for :func:`.loop.fit`.
        **settings: as for :func:`.loop.fit`.
    """
    start = time.perf_counter()

    def report(epoch: int, epochs: int, losses: NDArray[np.float32]) -> None:
        printed = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"  epoch {epoch}/{epochs}: {printed}, {time.perf_counter() - start:.0f} s", flush=True)

    loop.fit(model, head, sources, on_epoch=report, **settings)
