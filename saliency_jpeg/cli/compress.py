"""``saliency-jpeg compress``: files in, JPEG files out."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from ..encoder import Compressed, Encoder
from ..errors import OptionError, SaliencyJpegError
from ..files import STREAM, Job, plan, read, write
from .terminal import NAME, UsageError, reason, say
from .words import add_command, add_options, add_saliency, given_options, read_saliency

__all__ = ["add"]

_OTHER_FORMATS = (".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".jxl", ".jp2")
_OUTPUT = "file to write, or folder (made if need be) for several inputs; - writes to standard output"


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "compress", _run, "IN... -o OUT", "write images as JPEG files")
    parser.add_argument("inputs", nargs="+", metavar="IN", help="image file; - reads standard input")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=_OUTPUT)
    matter = add_saliency(
        parser, "PRESET|none|MAP", "preset, none, or an image file as large as IN, white where it counts"
    )
    add_options(parser, matter)


def _run(arguments: argparse.Namespace) -> int:
    """Encodes every input; a bad one is told and passed over."""
    options = given_options(arguments)  # wrong values show before any work
    jobs, folder = plan(arguments.inputs, arguments.output)
    if folder is None and Path(arguments.output).suffix.lower() in _OTHER_FORMATS:
        raise UsageError(f"the output is a JPEG file and must not be named as another one, got {arguments.output!r}")
    encoder = Encoder(options, saliency=read_saliency(arguments))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for job in jobs:
        try:
            _compress_one(encoder, job)
        except OptionError:
            raise  # true of every image
        except (SaliencyJpegError, OSError, MemoryError) as error:
            say(f"{NAME}: {reason(error, job.source)}", sys.stderr)
            failed.append(job.source)
    if failed and len(jobs) > 1:
        say(f"{NAME}: {len(failed)} of {len(jobs)} failed: {', '.join(failed)}", sys.stderr)
    return 1 if failed else 0


def _compress_one(encoder: Encoder, job: Job) -> None:
    data = read(job.source)
    result = encoder.compress(data)
    write(job.output, result.jpeg)
    report = _report(result, len(data), show_size=encoder.options.allow_downscale)
    to_file = job.output != STREAM and Path(job.output).is_file()  # else it may be standard output by another name
    say(f"{job.source} -> {job.output}: {report}", sys.stdout if to_file else sys.stderr)


def _report(result: Compressed, original: int, *, show_size: bool) -> str:
    share = 100 * (1 - len(result.jpeg) / original)
    saved = f"{abs(share):.1f} % {'smaller' if share >= 0 else 'larger'}"
    line = f"{len(result.jpeg)} bytes, {result.bits_per_pixel:.3f} bpp, quality {result.quality:.1f}, {saved}"
    if show_size:
        with Image.open(io.BytesIO(result.jpeg)) as image:
            line += ", {} x {} pixels".format(*image.size)
    return line
