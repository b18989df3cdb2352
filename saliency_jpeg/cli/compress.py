"""``saliency-jpeg compress``: encodes files, folders and streams as JPEG."""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

from ..batch.plan import Job, Plan, check_folder_name, plan
from ..batch.resume import JOURNAL_NAME, Journal, options_digest
from ..encoder import Compressed, Encoder
from ..errors import LowRateWarning, SaliencyJpegError, TargetError
from ..image.load import load
from ..image.read import read_bytes
from ..io import IMAGE_SUFFIXES, JPEG_SUFFIXES, STREAM, Version, available_cpus, is_regular, read, version
from ..options import BYTES_PER_KB, Options
from . import cluster
from .options import add_command, add_options, add_saliency, parse_options, with_saliency
from .output import sweep_folders, write_output
from .progress import Progress
from .report import Report, Row, Status
from .terminal import UsageError, describe_error

__all__ = ["add"]

_NO_JOURNAL: Final = "none"
_OTHER_FORMATS: Final = (IMAGE_SUFFIXES - JPEG_SUFFIXES - {".mpo"}) | {".heic", ".jxl"}  # MPO files are JPEG files


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "compress", _run, "IN... -o OUT", "compress images to JPEG files")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help="image file, folder, or quoted pattern such as 'photos/**/*.png'; - reads standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="JPEG file, or folder for several inputs (created if missing); - writes to standard output",
    )
    parser.add_argument("--in-place", action="store_true", help="replace JPEG files if the result is smaller")
    parser.add_argument("-r", "--recursive", action="store_true", help="process subfolders too")
    saliency = add_saliency(
        parser,
        "PRESET|none|MAP",
        "what matters: a preset, none, a gray image of the size of IN (white matters most), or a model (.npz, .tflite)",
    )
    add_options(parser, saliency)
    _add_batch_options(parser)
    cluster.add_arguments(parser)


def _add_batch_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("batches and output")
    group.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="number of threads, or of Ray actors (default: as many as fit)"
    )
    group.add_argument("-f", "--force", action="store_true", help="process files again that an earlier run has done")
    group.add_argument(
        "--journal",
        metavar="PATH",
        help=f"file that notes what is done, for the next run; none: no notes (default: {JOURNAL_NAME} in the output "
        "folder; with --ray a folder, log.parquet in the output folder)",
    )
    group.add_argument("-n", "--dry-run", action="store_true", help="encode and report, but write nothing")
    group.add_argument("--json", action="store_true", help="print a line of JSON for each file, then a summary")
    group.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    group.add_argument("-v", "--verbose", action="store_true", help="print a line for each file even with a bar")


def _run(arguments: argparse.Namespace) -> int:
    """Encodes every input; a file that fails is reported and does not stop the others."""
    options = parse_options(arguments)  # raises OptionError before any work
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {arguments.jobs}")
    if arguments.ray is not None:
        return cluster.run(arguments, with_saliency(options, arguments))
    planned = plan(arguments.inputs, arguments.output, recursive=arguments.recursive, in_place=arguments.in_place)
    if planned.folder is None and Path(arguments.output or "").suffix.lower() in _OTHER_FORMATS:
        raise UsageError(f"the output is a JPEG file, so its name should end in .jpg, got {arguments.output!r}")
    if planned.folder is not None:
        check_folder_name(arguments.output)
    _check_journal(arguments.journal)
    encoder = Encoder(with_saliency(options, arguments))
    if planned.folder is not None and not arguments.dry_run:
        planned.folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowRateWarning)  # the report has it
        return _Batch(arguments, encoder, planned).run()


class _Input:
    """An input as a file object, which is read once and counted: a pipe does not say beforehand how much it holds."""

    def __init__(self, job: Job, sizes: dict[Job, int]) -> None:
        self._job, self._sizes = job, sizes

    def read(self) -> bytes:
        name = self._job.source
        data = read(name) if name == STREAM else read_bytes(name)
        self._sizes[self._job] = len(data)
        return data


def _check_journal(name: str | None) -> None:
    if name not in (None, _NO_JOURNAL) and (Path(name).is_dir() or not Path(name).parent.is_dir()):
        raise UsageError(f"--journal must be none or a file in a folder that exists, got {name!r}")


def _open_journal(name: str | None, options: Options) -> Journal:
    path = None if name in (None, _NO_JOURNAL) else Path(name)
    return Journal(options_digest(options), path=path, enabled=name != _NO_JOURNAL)


class _Batch:
    """One run over the planned files."""

    def __init__(self, arguments: argparse.Namespace, encoder: Encoder, planned: Plan) -> None:
        self._encoder, self._planned = encoder, planned
        self._dry_run, self._force = arguments.dry_run, arguments.force
        self._workers = arguments.jobs or available_cpus()
        self._journal = _open_journal(arguments.journal, encoder.options)
        to_stream = any(_is_stream(job.output) for job in planned.jobs)
        in_batch = planned.folder is not None or arguments.in_place or len(planned.jobs) > 1
        self._report = Report(arguments, sys.stderr if to_stream else sys.stdout, in_batch=in_batch)
        self._versions: dict[Job, Version | None] = {}
        self._sizes: dict[Job, int] = {}

    def run(self) -> int:
        """Encodes what is not yet done and returns the exit status."""
        start = time.monotonic()
        if not self._dry_run:
            sweep_folders(job.output for job in self._planned.jobs)
        todo = [job for job in self._planned.jobs if self._force or not self._journal.is_done(job)]
        bar = self._report.bar_stream if len(todo) > 1 else None
        with Progress(len(todo), bar) as progress:
            self._report.begin(progress, skipped=[job for job in self._planned.jobs if job not in set(todo)])
            for error in self._planned.unreadable:
                self._report.add(Row(str(error.filename), "", "failed", error=describe_error(error)))
            results = self._encoder.compress_many(
                self._sources(todo), workers=min(self._workers, max(1, len(todo))), errors="return"
            )
            try:
                for job, result in zip(todo, results, strict=True):
                    self._report.add(self._row(job, result))
            except KeyboardInterrupt:
                self._report.interrupted(len(todo))
                raise
        return self._report.end(time.monotonic() - start)

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
        message = describe_error(result, job.source) + _advice(result, self._encoder.options)
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
        pixels = (result.width, result.height) if _may_shrink(self._encoder.options) else None
        warning = " ".join(result.warnings) or None
        sizes = (size, len(result.jpeg) if status != "kept" else size)
        numbers = (result.bits_per_pixel, result.quality, result.score)
        return Row(job.source, job.output, status, *sizes, *numbers, pixels, warning)

    def _is_too_large(self, job: Job) -> bool:
        """Whether a picture exceeds the width or height that is asked for, so that its file is not to stay."""
        options = self._encoder.options
        if options.max_width is None and options.max_height is None:
            return False
        return load(job.source, max_pixels=options.max_pixels).exceeds(options.max_width, options.max_height)

    def _record(self, job: Job, before: Version | None, after: Version | None) -> None:
        try:
            self._journal.add(job, before, after)
        except OSError as error:  # the output itself is written
            self._report.warn_once(f"cannot write the journal, a rerun will repeat this work: {describe_error(error)}")


def _advice(error: Exception, options: Options) -> str:
    """How to avoid an error: a size that can be met, or a lower resolution."""
    if not isinstance(error, TargetError) or options.target_kb is None:
        return ""
    downscale = "" if options.allow_downscale else "--allow-downscale or "
    return f"; try {downscale}--target-kb {math.ceil(len(error.best) / BYTES_PER_KB)}"


def _is_stream(output: str) -> bool:
    """Whether an output is standard output, or a pipe or device that may lead there."""
    return output == STREAM or (Path(output).exists() and not Path(output).is_file())


def _may_shrink(options: Options) -> bool:
    return options.allow_downscale or options.max_width is not None or options.max_height is not None
