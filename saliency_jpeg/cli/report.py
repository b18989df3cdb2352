"""The report of a batch: a line, a bar or JSON for each file, then a summary and the list of failures."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TextIO

from ..batch.plan import Job
from ..io import STREAM
from .progress import Progress, bar_stream, format_bytes
from .terminal import NAME, say

__all__ = ["Report", "Row", "Status"]

Status = Literal["written", "kept", "not written", "skipped", "failed"]


@dataclass(frozen=True)
class Row:
    """The outcome of one file, which is also its line of JSON.

    Attributes:
        source: name of the input.
        output: name of the output.
        status: "kept" if an in-place result would not be smaller, "not written" in a dry run, "skipped" if an earlier
            run has done it.
        bytes_in: size of the input.
        bytes_out: size of the output.
        bits_per_pixel: of the output.
        quality: of the output, 0 to 100.
        score: of the output by the target metric, if a target score was set.
        pixels: (width, height) of the output, if it may be smaller than the input.
        warning: that the target leaves few bits a pixel.
        error: what failed, with the name of the file.
    """

    source: str
    output: str
    status: Status
    bytes_in: int = 0
    bytes_out: int = 0
    bits_per_pixel: float | None = None
    quality: float | None = None
    score: float | None = None
    pixels: tuple[int, int] | None = None
    warning: str | None = None
    error: str | None = None

    def line(self) -> str:
        """Returns the outcome as a line for people."""
        in_place = self.source == self.output != STREAM
        text = f"{self.source}: " if in_place else f"{self.source} -> {self.output}: "
        text += f"{self.bytes_out} bytes, {self.bits_per_pixel:.3f} bpp, quality {self.quality:.1f}"
        if self.score is not None:
            text += f", score {self.score:.2f}"
        text += f", {_change(self.bytes_in, self.bytes_out)}" if self.status != "kept" else ", kept unchanged"
        text += ", {} x {} pixels".format(*self.pixels) if self.pixels else ""
        return text + (" (not written)" if self.status == "not written" else "")

    def json(self) -> str:
        """Returns the outcome as a line of JSON, without unknown values."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


class Report:
    """Prints the rows of a batch as they come, and the summary at the end.

    Args:
        arguments: of the command line; ``json``, ``quiet`` and ``verbose`` count.
        stream: for everything but errors.
        in_batch: whether to print a summary.
    """

    def __init__(self, arguments: argparse.Namespace, stream: TextIO | None, *, in_batch: bool) -> None:
        self._json, self._quiet, self._verbose = arguments.json, arguments.quiet, arguments.verbose
        self._stream, self._in_batch = stream, in_batch
        self._progress = Progress(0, None)
        self._counts: Counter[str] = Counter()
        self._bytes_in = self._bytes_out = 0
        self._failed: list[Row] = []
        self._warned = self._warned_of_rate = False

    @property
    def bar_stream(self) -> TextIO | None:
        """The stream for a progress bar, or ``None`` for no bar."""
        return bar_stream(quiet=self._quiet)

    def begin(self, progress: Progress, skipped: Sequence[Job]) -> None:
        """Starts the report.

        Args:
            progress: the bar, above which lines are printed.
            skipped: jobs that an earlier run has done.
        """
        self._progress = progress
        self._lines = self._verbose or not (self._quiet or progress.is_shown)
        for job in skipped:
            self._counts["skipped"] += 1
            if self._json:
                self._say(Row(job.source, job.output, "skipped").json())

    def add(self, row: Row) -> None:
        """Reports the outcome of one file."""
        self._counts[row.status] += 1
        if row.error is not None:
            self._failed.append(row)
            self._progress.say(f"{NAME}: {row.error}", sys.stderr)
        elif row.status != "skipped":
            self._bytes_in += row.bytes_in
            self._bytes_out += row.bytes_out
        if row.warning is not None:
            self._warn_of_rate(row)
        if self._json:
            self._say(row.json())
        elif row.error is None and row.status != "skipped" and self._lines:
            self._say(row.line())
        self._progress.advance(*((row.bytes_in, row.bytes_out) if row.error is None else ()))

    def add_srcset(self, source: str, srcset: str) -> None:
        """Reports the files of one input as the attribute of an HTML image."""
        if self._json:
            self._say(json.dumps({"source": source, "srcset": srcset}))
        elif not self._quiet:
            self._say(f'{source}: srcset="{srcset}"')

    def warn_once(self, line: str) -> None:
        """Prints a warning, unless one was printed before."""
        if not self._warned:
            self._progress.say(f"{NAME}: {line}", sys.stderr)
        self._warned = True

    def _warn_of_rate(self, row: Row) -> None:
        """Prints the warning of the first file that has one; the others are in their lines of JSON."""
        if not self._warned_of_rate and not self._quiet:
            self._progress.say(f"{NAME}: {row.source}: {row.warning}", sys.stderr)
        self._warned_of_rate = True

    def interrupted(self, total: int) -> None:
        """Reports how many of ``total`` files an interrupted batch has done."""
        if self._in_batch:
            done = self._counts.total() - self._counts["skipped"]
            line = f"{NAME}: {done} of {total} done; run the same command again to do the rest"
            self._progress.say(line, sys.stderr)

    def end(self, seconds: float) -> int:
        """Prints the summary and the failures.

        Args:
            seconds: that the batch took.

        Returns:
            The exit status: 1 if a file failed, else 0.
        """
        if self._json:
            say(json.dumps(self._json_summary(seconds)), self._stream)
        elif self._in_batch and not self._quiet:
            say(self._summary(seconds), self._stream)
        if self._failed and self._in_batch:
            say(f"{NAME}: {len(self._failed)} of {self._counts.total()} failed:", sys.stderr)
            for row in self._failed:
                say(f"  {row.error}", sys.stderr)
        return 1 if self._failed else 0

    def _say(self, line: str) -> None:
        self._progress.say(line, self._stream)

    def _json_summary(self, seconds: float) -> dict[str, Any]:
        counts = {name.replace(" ", "_"): count for name, count in sorted(self._counts.items())}
        return {
            "summary": {"written": 0, "skipped": 0, "failed": 0, **counts},
            "bytes_in": self._bytes_in,
            "bytes_out": self._bytes_out,
            "seconds": round(seconds, 3),
        }

    def _summary(self, seconds: float) -> str:
        counts = [f"{count} {name}" for name, count in self._counts.items() if count]
        line = f"{', '.join(counts) or 'no images'}"
        if self._bytes_in:
            sizes = f"{format_bytes(self._bytes_in)} -> {format_bytes(self._bytes_out)}"
            line += f": {sizes}, {_change(self._bytes_in, self._bytes_out)}, {seconds:.1f} s"
        return line


def _change(before: int, after: int) -> str:
    share = 100 * (1 - after / before)
    return f"{abs(share):.1f} % {'smaller' if share >= 0 else 'larger'}"
