"""What Ray's workers note while they work: which images, for when they die, and how many, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ._compat import missing_dependency

try:
    import ray
    import ray.util.metrics
except ImportError as error:
    raise missing_dependency("Ray") from error

__all__ = ["RayAttempts", "WorkerCounts"]

_PREFIX: Final = "saliency_jpeg_"  # of metrics


class _Notes:
    """A Ray actor that knows which images are worked on; it outlives the workers."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def begun(self, name: str) -> None:
        self._counts[name] += 1

    def ended(self, name: str) -> None:
        self._counts.pop(name, None)

    def lost(self, name: str) -> int:
        return self._counts[name]


class RayAttempts:
    """The notes of a cluster, as :class:`.batch.Attempts`; where they are lost with their node, nothing is noted."""

    def __init__(self) -> None:
        self._notes = ray.remote(_Notes).options(num_cpus=0, max_restarts=-1).remote()

    def begun(self, name: str) -> None:
        """Notes that an image is worked on."""
        self._ask("begun", name)  # waits: the worker may die in the next moment

    def ended(self, name: str) -> None:
        """Notes that it is done."""
        self._notes.ended.remote(name)

    def lost(self, name: str) -> int:
        """Returns how often work on it began and never ended."""
        return int(self._ask("lost", name) or 0)

    def _ask(self, what: str, name: str) -> Any:
        try:
            return ray.get(getattr(self._notes, what).remote(name))
        except ray.exceptions.RayError:
            return None


class WorkerCounts:
    """Metrics of one worker."""

    def __init__(self) -> None:
        self._images = ray.util.metrics.Counter(f"{_PREFIX}images", "Images by status", tag_keys=("status",))
        self._bytes = {
            name: ray.util.metrics.Counter(f"{_PREFIX}{name}", f"Sum of {name} of the images that were encoded")
            for name in ("bytes_in", "bytes_out")
        }

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Counts result rows."""
        for row in rows:
            self._images.inc(1, {"status": row["status"]})
            for name, counter in self._bytes.items():
                if row["bytes_out"] and row[name]:
                    counter.inc(row[name])
