"""``saliency-jpeg compress``: files in, JPEG files out, as many as there are."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from PIL import Image

from ..batch.plan import Job, Plan, plan
from ..batch.resume import Journal, Stamp, recipe, stamp
from ..batch.threads import default_workers
from ..encoder import Compressed, Encoder
from ..errors import SaliencyJpegError
from ..image.load import ImageSource
from ..io import STREAM, read, write
from . import cluster
from .options import add_command, add_options, add_saliency, given_options, with_saliency
from .progress import Progress
from .report import Report, Row
from .terminal import UsageError, reason

__all__ = ["add"]

_OTHER_FORMATS: Final = (".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".jxl", ".jp2")
_OUTPUT = "file to write, or folder (made if need be) for several inputs; - writes to standard output"
_INPUT = "image file, folder, or pattern in quotes such as 'photos/**/*.png'; - reads standard input"


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "compress", _run, "IN... -o OUT", "write images as JPEG files")
    parser.add_argument("inputs", nargs="+", metavar="IN", help=_INPUT)
    parser.add_argument("-o", "--output", metavar="OUT", help=_OUTPUT)
    parser.add_argument("--in-place", action="store_true", help="replace JPEG files where that makes them smaller")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders within folders too")
    matter = add_saliency(
        parser,
        "PRESET|none|MAP",
        "preset, none, an image file as large as IN, white where it counts, or a model's weights (.npz, .tflite)",
    )
    add_options(parser, matter)
    batch = parser.add_argument_group("batches")
    batch.add_argument("-j", "--jobs", type=int, metavar="N", help="threads, or actors with --ray (as many as fit)")
    batch.add_argument("-f", "--force", action="store_true", help="also what an earlier run has done")
    batch.add_argument("-n", "--dry-run", action="store_true", help="encode and tell, but write nothing")
    batch.add_argument("--json", action="store_true", help="tell in lines of JSON, the last of them a summary")
    batch.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")
    batch.add_argument("-v", "--verbose", action="store_true", help="a line for each file, even beside the bar")
    cluster.add_words(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Encodes every input; a bad one is told and passed over."""
    options = given_options(arguments)  # wrong values show before any work
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {arguments.jobs}")
    if arguments.ray is not None:
        return cluster.run(arguments, with_saliency(options, arguments))
    planned = plan(arguments.inputs, arguments.output, recursive=arguments.recursive, in_place=arguments.in_place)
    if planned.folder is None and Path(arguments.output or "").suffix.lower() in _OTHER_FORMATS:
        raise UsageError(f"the output is a JPEG file and must not be named as another one, got {arguments.output!r}")
    encoder = Encoder(with_saliency(options, arguments))
    if planned.folder is not None and not arguments.dry_run:
        planned.folder.mkdir(parents=True, exist_ok=True)
    return _Batch(arguments, encoder, planned).run()


class _Batch:
    """One run over the planned files."""

    def __init__(self, arguments: argparse.Namespace, encoder: Encoder, planned: Plan) -> None:
        self._encoder, self._planned = encoder, planned
        self._dry_run, self._force = arguments.dry_run, arguments.force
        self._workers = arguments.jobs or default_workers()
        self._journal = Journal(recipe(encoder.options))
        to_stream = any(_is_stream(job.output) for job in planned.jobs)
        in_batch = planned.folder is not None or arguments.in_place or len(planned.jobs) > 1
        self._report = Report(arguments, sys.stderr if to_stream else sys.stdout, in_batch=in_batch)
        self._stamps: dict[Job, Stamp | None] = {}
        self._sizes: dict[Job, int] = {}

    def run(self) -> int:
        """Does what is to be done; returns the exit status."""
        start = time.monotonic()
        todo = [job for job in self._planned.jobs if self._force or not self._journal.is_done(job)]
        bar = self._report.bar_stream if len(todo) > 1 else None
        with Progress(len(todo), bar) as progress:
            self._report.begin(progress, skipped=[job for job in self._planned.jobs if job not in set(todo)])
            for error in self._planned.unreadable:
                self._report.add(Row(str(error.filename), "", "failed", error=reason(error)))
            results = self._encoder.compress_many(self._sources(todo), workers=self._workers, errors="return")
            try:
                for job, result in zip(todo, results, strict=True):
                    self._report.add(self._finished(job, result))
            except KeyboardInterrupt:
                self._report.stopped(len(todo))
                raise
        return self._report.end(time.monotonic() - start)

    def _sources(self, jobs: Iterable[Job]) -> Iterator[ImageSource]:
        for job in jobs:
            self._stamps[job] = found = stamp(job.source) if job.source != STREAM else None
            data = read(STREAM) if job.source == STREAM else b""
            self._sizes[job] = found[0] if found else len(data)
            yield data if job.source == STREAM else job.source

    def _finished(self, job: Job, result: Compressed | Exception) -> Row:
        size, before = self._sizes.pop(job), self._stamps.pop(job)
        if isinstance(result, Compressed):
            try:
                return self._written(job, result, size, before)
            except OSError as error:
                told = f"{job.source}: cannot write {job.output}: {error.strerror or error}"
                return Row(job.source, job.output, "failed", bytes_in=size, error=told)
        if not isinstance(result, (SaliencyJpegError, OSError, MemoryError)):
            raise result  # a fault of this program
        return Row(job.source, job.output, "failed", bytes_in=size, error=reason(result, job.source))

    def _written(self, job: Job, result: Compressed, size: int, before: Stamp | None) -> Row:
        status = "written"
        if job.source == job.output != STREAM and len(result.jpeg) >= size:
            status = "kept"
        elif self._dry_run:
            status = "not written"
        else:
            if job.home is not None:
                Path(job.output).parent.mkdir(parents=True, exist_ok=True)
            write(job.output, result.jpeg)
        if not self._dry_run:
            self._remember(job, before)
        pixels = _size(result.jpeg) if self._encoder.options.allow_downscale else None
        told = (size, len(result.jpeg) if status != "kept" else size)
        return Row(job.source, job.output, status, *told, result.bits_per_pixel, result.quality, result.score, pixels)

    def _remember(self, job: Job, before: Stamp | None) -> None:
        try:
            self._journal.add(job, before)
        except OSError as error:  # the file itself is written
            self._report.warn(f"a rerun will do this again: {reason(error)}")


def _is_stream(output: str) -> bool:
    """Whether an output is standard output, by this or another name, or a pipe or device that may lead there."""
    return output == STREAM or (Path(output).exists() and not Path(output).is_file())


def _size(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.size
