"""``python -m saliency_jpeg.evaluation``: size-matched comparison of encoders, printed as tables.

``python -m saliency_jpeg.evaluation saliency`` judges saliency maps instead; it has options of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import OptionError, SaliencyJpegError
from . import saliency_table
from .bdrate import codec_names
from .codecs import CODECS, find_codec
from .comparison import Job, Measurement, compare, find_images
from .folders import read_names
from .report import read_json, render_all, write_json


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m saliency_jpeg.evaluation", description=__doc__)
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the comparison, for any parser."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, help="folder of lossless images, with its sub-folders")
    source.add_argument("--from-json", type=Path, nargs="+", help="print the tables of earlier runs, merged")
    source.add_argument("--list", action="store_true", help="list the codecs and what is missing here")
    parser.add_argument("--maps", type=Path, help="folder of gray maps named like the images, white is salient")
    parser.add_argument("--halve", action="store_true", help="measure at half size; for images that are JPEG files")
    parser.add_argument("--names", type=Path, help="only the images whose stems stand in this file, one a line")
    parser.add_argument("--count", type=int, help="at most so many images, drawn with a fixed seed")
    parser.add_argument("--codecs", type=_names, default=["pillow", "mozjpeg", "jpegli", "saliency_jpeg"])
    parser.add_argument("--bpp", type=_numbers, default=[0.3, 0.5, 0.75, 1.0, 1.5], help="bits per pixel, 0.3,0.5,...")
    parser.add_argument("--anchors", type=_names, default=["pillow", "jpegli"], help="codecs that BD-rates refer to")
    parser.add_argument("--champion", help="codec to hold against each other one, image by image")
    parser.add_argument("--metrics", type=_names, default=[], help="only these columns")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--no-butteraugli", action="store_true", help="leave out the slowest metric")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    parser.add_argument("--json", type=Path, help="also keep every measurement in this file")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] == "saliency":
        return saliency_table.main(arguments[1:])
    options = build_parser().parse_args(arguments)
    try:
        return run(options)
    except (SaliencyJpegError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(options: argparse.Namespace) -> int:
    """Compares, prints and keeps what was asked for; returns the exit status.

    Raises:
        OptionError: none of the codecs can be used here, one is unknown, or the champion was not measured.
        InputError: there are no images.
    """
    if options.list:
        print("\n".join(f"{name:<22}{_missing(name) or 'ok'}" for name in CODECS))
        return 0
    measured = _earlier(options.from_json) if options.from_json else _run(options)
    if options.champion and options.champion not in codec_names(measured):
        raise OptionError(f"the champion must be one of the codecs measured, got {options.champion!r}")
    if options.json:
        write_json(options.json, measured)
    print(render_all(measured, options.anchors, options.metrics, options.markdown, options.champion))
    return 0


def _run(options: argparse.Namespace) -> list[Measurement]:
    codecs, targets, names = _available(options.codecs), tuple(options.bpp), read_names(options.names)
    if not codecs:
        raise OptionError(f"none of the codecs can be used here; got {','.join(options.codecs)}")
    jobs = [
        Job(path, codecs, targets, options.maps, options.halve, not options.no_butteraugli)
        for path in find_images(options.images, halve=options.halve, names=names, count=options.count)
    ]
    measured: list[Measurement] = []
    for job, rows in zip(jobs, compare(jobs, options.jobs), strict=True):
        print(f"{job.path.name} done", file=sys.stderr)
        measured += rows
    return measured


def _earlier(paths: Sequence[Path]) -> list[Measurement]:
    return [m for path in paths for m in read_json(path)]


def _available(names: Sequence[str]) -> tuple[str, ...]:
    """The names without those whose encoder is missing, each reported."""
    missing = {name: _missing(name) for name in names}
    for name, message in missing.items():
        if message:
            print(f"skipping {name}: {message}", file=sys.stderr)
    return tuple(name for name in names if not missing[name])


def _missing(name: str) -> str:
    """Why a codec cannot be used here; empty if it can."""
    try:
        find_codec(name)
    except (ImportError, FileNotFoundError) as error:
        return str(error)
    return ""


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
