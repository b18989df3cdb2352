"""``saliency-jpeg compress``: encodes files, folders and streams as JPEG."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..batch.plan import Job, Plan, check_folder_name, plan
from ..batch.resume import JOURNAL_NAME
from ..codec.effort import EFFORTS
from ..errors import LowRateWarning
from ..io import IMAGE_SUFFIXES, JPEG_SUFFIXES
from ..options import Options
from . import cluster, names
from .batch import NO_JOURNAL, Batch, Round
from .names import Variant
from .options import add_command, add_options, parse_options
from .saliency import add_saliency, saliency_files, with_saliency
from .terminal import UsageError, load_tensorflow_quietly
from .works import Encodings, Lossless, Shares, Work, check_lossless

__all__ = ["add"]

_OTHER_FORMATS: Final = (IMAGE_SUFFIXES - JPEG_SUFFIXES - {".mpo"}) | {".jxl"}  # MPO files are JPEG files


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
    names.add_arguments(parser)
    parser.add_argument("--in-place", action="store_true", help="replace JPEG files if the result is smaller")
    parser.add_argument("-r", "--recursive", action="store_true", help="process subfolders too")
    saliency = add_saliency(
        parser,
        "PRESET|none|MAP",
        "what matters: a preset, none, a gray image of the size of IN (white matters most), or a model (.npz, .tflite)",
    )
    add_options(parser, saliency)
    parser.add_argument(
        "--lossless", action="store_true", help="rewrite JPEG files in fewer bytes without changing a pixel"
    )
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
    if arguments.lossless:
        check_lossless(arguments)
    options = parse_options(arguments)  # raises OptionError before any work
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {arguments.jobs}")
    if arguments.ray is not None:
        return cluster.run(arguments, with_saliency(options, arguments))
    pattern = names.check(arguments)
    planned = _plan(arguments, pattern)
    if planned.folder is not None:
        check_folder_name(arguments.output)
    _check_journal(arguments.journal)
    variants = names.variants(planned, pattern, arguments) if pattern is not None else []
    rounds = _rounds(arguments, options, planned, variants)
    if planned.folder is not None and not arguments.dry_run:
        planned.folder.mkdir(parents=True, exist_ok=True)
    if not arguments.lossless and _runs_networks(options):
        load_tensorflow_quietly()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LowRateWarning)  # the report has it
        return Batch(arguments, rounds, planned, variants if arguments.widths else ()).run()


def _plan(arguments: argparse.Namespace, pattern: str | None) -> Plan:
    """The inputs and their outputs; with a pattern the output is a folder."""
    output = arguments.output
    if pattern is not None and output is not None:
        output = output.rstrip("/") + "/"
    reads = saliency_files(arguments)
    planned = plan(arguments.inputs, output, recursive=arguments.recursive, in_place=arguments.in_place, reads=reads)
    if planned.folder is None and Path(output or "").suffix.lower() in _OTHER_FORMATS:
        raise UsageError(f"the output is a JPEG file, so its name should end in .jpg, got {output!r}")
    return planned


def _rounds(arguments: argparse.Namespace, options: Options, planned: Plan, variants: Sequence[Variant]) -> list[Round]:
    """The files by how they are made: those of one width together."""
    if not arguments.lossless:
        options = with_saliency(options, arguments)
    if not variants:
        return [Round(_work(arguments, options), planned.jobs)]
    jobs: dict[int | None, list[Job]] = {}
    for variant in variants:
        jobs.setdefault(variant.max_width, []).append(variant.job)
    return [
        Round(_work(arguments, options if width is None else replace(options, max_width=width)), jobs[width])
        for width in jobs
    ]


def _work(arguments: argparse.Namespace, options: Options) -> Work:
    if arguments.lossless:
        return Lossless(options)
    share = arguments.target and arguments.target.share
    return Encodings(options) if share is None else Shares(options, share)


def _runs_networks(options: Options) -> bool:
    """Whether networks beside that of the map take part in encoding."""
    return EFFORTS[options.effort].loop_passes > 0 or options.tune == "restore" or options.layers in ("latent", "auto")


def _check_journal(name: str | None) -> None:
    if name not in (None, NO_JOURNAL) and (Path(name).is_dir() or not Path(name).parent.is_dir()):
        raise UsageError(f"--journal must be none or a file in a folder that exists, got {name!r}")
