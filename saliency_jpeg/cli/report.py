"""What a batch says: a line for each file, or a bar, or JSON; the sum, and what failed, at the end."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from ..batch.plan import Job
from ..io import STREAM
from .progress import Progress, amount, bar_stream
from .terminal import NAME, say

__all__ = ["Report", "Row"]


@dataclass(frozen=True)
class Row:
    """What became of one file: "written", "kept" (it would not get smaller), "not written", "skipped", "failed"."""

    source: str
    output: str
    status: str
    bytes_in: int = 0
    bytes_out: int = 0
    bits_per_pixel: float | None = None
    quality: float | None = None
    score: float | None = None
    pixels: tuple[int, int] | None = None
    error: str | None = None

    def line(self) -> str:
        """For people."""
        in_place = self.source == self.output != STREAM
        text = f"{self.source}: " if in_place else f"{self.source} -> {self.output}: "
        text += f"{self.bytes_out} bytes, {self.bits_per_pixel:.3f} bpp, quality {self.quality:.1f}"
        if self.score is not None:
            text += f", SSIMULACRA2 {self.score:.2f}"
        text += f", {_change(self.bytes_in, self.bytes_out)}" if self.status != "kept" else ", kept as it was"
        text += ", {} x {} pixels".format(*self.pixels) if self.pixels else ""
        return text + (" (not written)" if self.status == "not written" else "")

    def json(self) -> str:
        """For programs: what is not known is left out."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


class Report:
    """Takes the rows of a batch, and says at the end how it went.

    Args:
        arguments: ``json``, ``quiet`` and ``verbose``.
        stream: for what is not an error.
        in_batch: whether to sum up.
    """

    def __init__(self, arguments: argparse.Namespace, stream: TextIO | None, *, in_batch: bool) -> None:
        self._json, self._quiet, self._verbose = arguments.json, arguments.quiet, arguments.verbose
        self._stream, self._in_batch = stream, in_batch
        self._progress = Progress(0, None)
        self._counts: Counter[str] = Counter()
        self._bytes = [0, 0]
        self._failed: list[Row] = []
        self._warned = False

    @property
    def bar_stream(self) -> TextIO | None:
        """Where the bar goes, if anywhere."""
        return bar_stream(quiet=self._quiet)

    def begin(self, progress: Progress, skipped: Sequence[Job]) -> None:
        """From here on the bar is shown."""
        self._progress = progress
        self._lines = self._verbose or not (self._quiet or progress.is_shown)
        for job in skipped:
            self._counts["skipped"] += 1
            if self._json:
                self._tell(Row(job.source, job.output, "skipped").json())

    def add(self, row: Row) -> None:
        """Takes note of one file."""
        self._counts[row.status] += 1
        if row.error is not None:
            self._failed.append(row)
            self._progress.say(f"{NAME}: {row.error}", sys.stderr)
        elif row.status != "skipped":
            self._bytes = [self._bytes[0] + row.bytes_in, self._bytes[1] + row.bytes_out]
        if self._json:
            self._tell(row.json())
        elif row.error is None and row.status != "skipped" and self._lines:
            self._tell(row.line())
        self._progress.advance(*((row.bytes_in, row.bytes_out) if row.error is None else ()))

    def warn(self, line: str) -> None:
        """Says something once."""
        if not self._warned:
            self._progress.say(f"{NAME}: {line}", sys.stderr)
        self._warned = True

    def stopped(self, total: int) -> None:
        """Says how far a batch came that was interrupted."""
        if self._in_batch:
            done = self._counts.total() - self._counts["skipped"]
            self._progress.say(f"{NAME}: {done} of {total} done; a rerun does the rest", sys.stderr)

    def end(self, seconds: float) -> int:
        """Sums up; returns the exit status."""
        if self._json:
            say(json.dumps(self._summary(seconds)), self._stream)
        elif self._in_batch and not self._quiet:
            say(self._sum(seconds), self._stream)
        if self._failed and self._in_batch:
            say(f"{NAME}: {len(self._failed)} of {self._counts.total()} failed:", sys.stderr)
            for row in self._failed:
                say(f"  {row.error}", sys.stderr)
        return 1 if self._failed else 0

    def _tell(self, line: str) -> None:
        self._progress.say(line, self._stream)

    def _summary(self, seconds: float) -> dict[str, Any]:
        counts = {name.replace(" ", "_"): count for name, count in sorted(self._counts.items())}
        read, written = self._bytes
        return {
            "summary": {"written": 0, "skipped": 0, "failed": 0, **counts},
            "bytes_in": read,
            "bytes_out": written,
            "seconds": round(seconds, 3),
        }

    def _sum(self, seconds: float) -> str:
        counts = [f"{count} {name}" for name, count in self._counts.items() if count]
        line = f"{', '.join(counts) or 'no images'}"
        if self._bytes[0]:
            read, written = self._bytes
            line += f": {amount(read)} -> {amount(written)}, {_change(read, written)}, {seconds:.1f} s"
        return line


def _change(before: int, after: int) -> str:
    share = 100 * (1 - after / before)
    return f"{abs(share):.1f} % {'smaller' if share >= 0 else 'larger'}"
