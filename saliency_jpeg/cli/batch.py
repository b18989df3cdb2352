"""One run of ``saliency-jpeg compress`` over the files that were planned."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from ..batch.plan import Job, Plan
from ..batch.resume import Journal
from ..encoder import Compressed
from ..errors import SaliencyJpegError, TargetError
from ..image.load import load
from ..image.read import read_bytes
from ..io import STREAM, Version, available_cpus, is_regular, read, version
from ..options import BYTES_PER_KB, Options
from .names import Variant, srcset
from .output import sweep_folders, write_output
from .progress import Progress
from .report import Report, Row, Status
from .terminal import describe_error
from .works import Work

__all__ = ["NO_JOURNAL", "Batch", "Round"]

NO_JOURNAL: Final = "none"


class Round(NamedTuple):
    """The files of a batch that are made in the same way."""

    work: Work
    jobs: Sequence[Job]


class _Input:
    """An input as a file object, which is read once and counted: a pipe does not say beforehand how much it holds."""

    def __init__(self, job: Job, sizes: dict[Job, int]) -> None:
        self._job, self._sizes = job, sizes

    def read(self) -> bytes:
        name = self._job.source
        data = read(name) if name == STREAM else read_bytes(name)
        self._sizes[self._job] = len(data)
        return data


def _open_journal(name: str | None, digest: str) -> Journal:
    path = None if name in (None, NO_JOURNAL) else Path(name)
    return Journal(digest, path=path, enabled=name != NO_JOURNAL)


class Batch:
    """One run over the planned files.

    Args:
        arguments: of the command line.
        rounds: the files, by how they are made.
        planned: where they came from.
        variants: the files of ``--widths``, whose ``srcset`` is reported.
    """

    def __init__(
        self, arguments: argparse.Namespace, rounds: Sequence[Round], planned: Plan, variants: Sequence[Variant] = ()
    ) -> None:
        self._rounds, self._planned, self._variants = rounds, planned, variants
        self._jobs = [job for part in rounds for job in part.jobs]
        self._in_units = arguments.target is not None
        self._dry_run, self._force = arguments.dry_run, arguments.force
        self._workers = arguments.jobs or available_cpus()
        self._journals = [_open_journal(arguments.journal, part.work.digest) for part in rounds]
        to_stream = any(_is_stream(job.output) for job in self._jobs)
        in_batch = planned.folder is not None or arguments.in_place or len(planned.jobs) > 1
        self._report = Report(arguments, sys.stderr if to_stream else sys.stdout, in_batch=in_batch)
        self._versions: dict[Job, Version | None] = {}
        self._sizes: dict[Job, int] = {}

    def run(self) -> int:
        """Encodes what is not yet done and returns the exit status."""
        start = time.monotonic()
        if not self._dry_run:
            sweep_folders(job.output for job in self._jobs)
        todo = [self._undone(*pair) for pair in zip(self._rounds, self._journals, strict=True)]
        waiting = {job for jobs in todo for job in jobs}
        skipped = [job for job in self._jobs if job not in waiting]
        bar = self._report.bar_stream if len(waiting) > 1 else None
        with Progress(len(waiting), bar) as progress:
            self._report.begin(progress, skipped=skipped)
            for error in self._planned.unreadable:
                self._report.add(Row(str(error.filename), "", "failed", error=describe_error(error)))
            try:
                done = [
                    job
                    for triple in zip(self._rounds, self._journals, todo, strict=True)
                    for job in self._make(*triple)
                ]
            except KeyboardInterrupt:
                self._report.interrupted(len(waiting))
                raise
        for source, line in srcset(self._variants, [*skipped, *done]):
            self._report.add_srcset(source, line)
        return self._report.end(time.monotonic() - start)

    def _undone(self, part: Round, journal: Journal) -> list[Job]:
        return [job for job in part.jobs if self._force or not journal.is_done(job)]

    def _make(self, part: Round, journal: Journal, jobs: Sequence[Job]) -> Iterator[Job]:
        """Makes and reports the files of a round; yields the jobs that did not fail."""
        self._journal, self._options = journal, part.work.options
        results = part.work.results(self._sources(jobs), min(self._workers, max(1, len(jobs))))
        for job, result in zip(jobs, results, strict=True):
            row = self._row(job, result)
            self._report.add(row)
            if row.error is None:
                yield job

    def _sources(self, jobs: Iterable[Job]) -> Iterator[IO[bytes]]:
        """The inputs, to be read at once; their states are recorded before."""
        for job in jobs:
            self._versions[job] = version(job.source) if job.source != STREAM and is_regular(job.source) else None
            yield cast(IO[bytes], _Input(job, self._sizes))

    def _row(self, job: Job, result: Compressed | Exception) -> Row:
        """Writes a result and returns the outcome."""
        size, before = self._sizes.pop(job, 0), self._versions.pop(job)
        if isinstance(result, Compressed):
            try:
                return self._write(job, result, size, before)
            except OSError as error:
                message = f"{job.source}: cannot write {job.output}: {error.strerror or error}"
                return Row(job.source, job.output, "failed", bytes_in=size, error=message)
        if not isinstance(result, (SaliencyJpegError, OSError, MemoryError)):
            raise result  # a bug
        message = describe_error(result, job.source) + _advice(result, self._options, self._in_units)
        return Row(job.source, job.output, "failed", bytes_in=size, error=message)

    def _write(self, job: Job, result: Compressed, size: int, before: Version | None) -> Row:
        status: Status = "written"
        in_place, after = job.source == job.output != STREAM, before
        if in_place and len(result.jpeg) >= size and not self._is_too_large(job):
            status = "kept"
        elif self._dry_run:
            status = "not written"
        else:
            if job.batch_folder is not None:
                Path(job.output).parent.mkdir(parents=True, exist_ok=True)
            expected = before if in_place else None
            after = write_output(job.output, result.jpeg, sources=[job.source], unless_changed=expected)
        if not self._dry_run:
            self._record(job, before, after)
        pixels = (result.width, result.height) if _may_shrink(self._options) else None
        warning = " ".join(result.warnings) or None
        sizes = (size, len(result.jpeg) if status != "kept" else size)
        numbers = (result.bits_per_pixel, result.quality, result.score)
        return Row(job.source, job.output, status, *sizes, *numbers, pixels, warning)

    def _is_too_large(self, job: Job) -> bool:
        """Whether a picture exceeds the width or height that is asked for, so that its file is not to stay."""
        options = self._options
        if options.max_width is None and options.max_height is None:
            return False
        try:
            return load(job.source, max_pixels=options.max_pixels).exceeds(options.max_width, options.max_height)
        except SaliencyJpegError:  # another file by now, which writing finds out
            return True

    def _record(self, job: Job, before: Version | None, after: Version | None) -> None:
        try:
            self._journal.add(job, before, after)
        except OSError as error:  # the output itself is written
            self._report.warn_once(f"cannot write the journal, a rerun will repeat this work: {describe_error(error)}")


def _advice(error: Exception, options: Options, in_units: bool) -> str:
    """How to avoid an error: a size that can be met, or a lower resolution."""
    if not isinstance(error, TargetError) or options.target_kb is None:
        return ""
    downscale = "" if options.allow_downscale else "--allow-downscale or "
    size = math.ceil(len(error.best) / BYTES_PER_KB)
    return f"; try {downscale}{f'--target {size}kB' if in_units else f'--target-kb {size}'}"


def _is_stream(output: str) -> bool:
    """Whether an output is standard output, or a pipe or device that may lead there."""
    return output == STREAM or not is_regular(output)


def _may_shrink(options: Options) -> bool:
    return options.allow_downscale or options.max_width is not None or options.max_height is not None
