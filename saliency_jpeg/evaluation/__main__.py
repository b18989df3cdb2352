"""``python -m saliency_jpeg.evaluation``: compares encoders at equal file sizes and prints tables.

``saliency-jpeg bench`` runs the same comparison. ``python -m saliency_jpeg.evaluation saliency`` scores saliency maps
instead; see :mod:`saliency_jpeg.evaluation.saliency_table`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError, SaliencyJpegError
from ..io import say, say_lines
from ..perceptual import METRICS
from . import saliency_table
from .arguments import add_selection, comma_separated, numbers
from .artefacts import ARTEFACTS
from .bdrate import codec_names
from .codecs import CODECS, find_codec
from .comparison import Job, Measurement, compare, find_images
from .folders import read_names
from .plot import SUFFIXES, write_plot
from .report import read_json, render_all, write_json

_DEFAULT_CODECS = ["pillow", "mozjpeg", "jpegli", "saliency_jpeg"]
_DEFAULT_ANCHORS = ["pillow", "jpegli"]
_CODECS_HELP = f"codecs to compare; --list names all (default: {','.join(_DEFAULT_CODECS)})"
_COLUMNS = [*METRICS, *ARTEFACTS]
_DEFAULT_BPP = [0.3, 0.5, 0.75, 1.0, 1.5]


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m saliency_jpeg.evaluation",
        description="Compare encoders at equal file sizes. For saliency maps see: %(prog)s saliency --help",
        usage="%(prog)s (--images FOLDER | --from-json FILE... | --list) [options]",
    )
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the comparison to a parser."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--images", type=Path, metavar="FOLDER", help="folder of lossless images, with its subfolders")
    source.add_argument(
        "--from-json", type=Path, nargs="+", metavar="FILE", help="print the tables of earlier runs, merged"
    )
    source.add_argument("--list", action="store_true", help="list the codecs and what is missing to run them")
    parser.add_argument(
        "--maps", type=Path, metavar="FOLDER", help="gray saliency maps with the names of the images, white is salient"
    )
    parser.add_argument(
        "--halve", action="store_true", help="measure at half height and width; takes JPEG files as originals too"
    )
    names: dict[str, Any] = {"type": comma_separated, "metavar": "A,B,..."}
    parser.add_argument("--codecs", **names, default=_DEFAULT_CODECS, help=_CODECS_HELP)
    parser.add_argument(
        "--bpp",
        type=numbers,
        default=_DEFAULT_BPP,
        metavar="N,N,...",
        help=f"file sizes in bits per pixel (default: {','.join(map(str, _DEFAULT_BPP))})",
    )
    parser.add_argument(
        "--anchors",
        **names,
        default=_DEFAULT_ANCHORS,
        help=f"codecs that BD-rates refer to (default: {','.join(_DEFAULT_ANCHORS)})",
    )
    parser.add_argument("--champion", metavar="CODEC", help="compare this codec with each other one, image by image")
    parser.add_argument("--metrics", **names, default=[], help="print only these columns (default: all); see below")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="number of processes (default: 1)")
    parser.add_argument(
        "--no-butteraugli", action="store_true", help="skip the slow metrics: Butteraugli and the perceptual one"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all measurements to this file")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="also draw quality against size: a .png, or a .html with the tables"
    )
    add_selection(parser)
    parser.epilog = f"metrics: {', '.join(_COLUMNS)}. Those in _s, _bg and _edge need --maps."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name; ``None`` for those of the process.

    Returns:
        The exit status: 0 for success, 1 for an error.

    Raises:
        SystemExit: with status 2 if the command line is wrong.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] == "saliency":
        return saliency_table.main(arguments[1:])
    options = build_parser().parse_args(arguments)
    try:
        return run(options)
    except (SaliencyJpegError, OSError) as error:
        say(f"error: {error}", sys.stderr)
        return 1


def run(options: argparse.Namespace, load_networks: Callable[[], object] | None = None) -> int:
    """Runs the comparison, prints its tables and keeps the measurements.

    Args:
        options: the parsed arguments of :func:`add_arguments`.
        load_networks: is called in each process that measures by a network, before it does.

    Returns:
        The exit status, 0.

    Raises:
        OptionError: a codec or metric is unknown, no codec can run here, no images are named, or the champion was not
            measured.
        InputError: there are no images.
    """
    if options.list:
        say_lines((f"{name:<22}{_missing(name) or 'ok'}" for name in CODECS), sys.stdout)
        return 0
    if options.images is None and options.from_json is None:
        raise OptionError("name a folder of lossless images with --images FOLDER, or --from-json or --list, got none")
    for metric in options.metrics:
        if metric not in _COLUMNS:
            raise OptionError(f"metrics must be among {', '.join(_COLUMNS)}, got {metric!r}")
    if options.plot and options.plot.suffix.lower() not in SUFFIXES:
        raise OptionError(f"--plot must end in {' or '.join(SUFFIXES)}, got {str(options.plot)!r}")
    measured = _earlier(options.from_json) if options.from_json else _run(options, load_networks)
    if options.champion and options.champion not in codec_names(measured):
        raise OptionError(f"the champion must be one of the codecs that were measured, got {options.champion!r}")
    if options.json:
        write_json(options.json, measured)
    tables = render_all(measured, options.anchors, options.metrics, options.markdown, options.champion)
    say_lines(tables.split("\n"), sys.stdout)
    if options.plot:
        write_plot(options.plot, measured, options.metrics, tables)
    return 0


def _run(options: argparse.Namespace, load_networks: Callable[[], object] | None) -> list[Measurement]:
    codecs, targets, names = _available(options.codecs), tuple(options.bpp), read_names(options.names)
    if not codecs:
        raise OptionError(f"no codec can run here (--list says what is missing), got {','.join(options.codecs)}")
    jobs = [
        Job(path, codecs, targets, options.maps, options.halve, not options.no_butteraugli)
        for path in find_images(options.images, halve=options.halve, names=names, count=options.count)
    ]
    measured: list[Measurement] = []
    prepare = None if options.no_butteraugli else load_networks
    for job, rows in zip(jobs, compare(jobs, options.jobs, prepare), strict=True):
        say(f"{job.path.name} done", sys.stderr)
        measured += rows
    return measured


def _earlier(paths: Sequence[Path]) -> list[Measurement]:
    return [m for path in paths for m in read_json(path)]


def _available(names: Sequence[str]) -> tuple[str, ...]:
    """The codecs that can run here; those that cannot are reported."""
    missing = {name: _missing(name) for name in names}
    for name, message in missing.items():
        if message:
            say(f"skipping {name}: {message}", sys.stderr)
    return tuple(name for name in names if not missing[name])


def _missing(name: str) -> str:
    """Why a codec cannot run here; empty if it can."""
    try:
        find_codec(name)
    except (ImportError, FileNotFoundError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
