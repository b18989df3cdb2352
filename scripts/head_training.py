"""What the training scripts share: caches on disk, and :mod:`saliency_jpeg.training.loop` with a line an epoch."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saliency_jpeg.training import loop
from saliency_jpeg.training.loop import Source

__all__ = ["cached", "fit"]


def cached(folder: Path | None, name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, kept as a file in a folder of the caller's choice."""
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


def fit(model: Any, sources: Sequence[Source], loss: Callable[..., Any], ranks: Sequence[int], **settings: Any) -> None:
    """Fit a head as :func:`.loop.fit` does, and print a line an epoch."""
    start = time.perf_counter()

    def told(epoch: int, epochs: int, parts: NDArray[np.float32]) -> None:
        printed = " ".join(f"{part:.4f}" for part in parts)
        print(f"  epoch {epoch}/{epochs}: {printed}, {time.perf_counter() - start:.0f} s", flush=True)

    loop.fit(model, sources, loss, ranks, told=told, **settings)
