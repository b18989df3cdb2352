"""The command ``saliency-jpeg``: what is asked for, what is said, and how it ends.

Each command is a function ``(arguments) -> exit status`` that :func:`_parser` binds to its options. Exit status: 0 all
went well, 1 an image could not be done (the others are), 2 the command line is wrong and nothing was begun, 130
interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from . import heatmap, images
from ._version import __version__
from .encoder import Compressed, Encoder
from .errors import InputError, OptionError, SaliencyJpegError
from .files import STREAM, Job, PlanError, plan, read, write
from .options import SUBSAMPLINGS, Options
from .saliency import preset_names
from .saliency.sources import resolve
from .tuning import TUNINGS

__all__ = ["main"]

NAME = "saliency-jpeg"
_OTHER_FORMATS = (".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".jxl", ".jp2")
_EXAMPLES = f"""examples:
  {NAME} compress photo.png -o photo.jpg --target-kb 50
  {NAME} compress *.png -o smaller/ --quality 80
  {NAME} compress photo.png -o photo.jpg --saliency mask.png
  {NAME} compress - -o - --saliency none < photo.png > photo.jpg
  {NAME} map photo.png -o heat.png
"""
_OUTPUT = "file to write, or folder (made if need be) for several inputs; - writes to standard output"


class UsageError(Exception):
    """The command line asks for something that cannot be; nothing was begun."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    Args:
        arguments: without the program's name; ``None`` for those of the process.

    Raises:
        SystemExit: with status 2 where the command line is wrong, 0 after ``--help`` and ``--version``.
    """
    options = _parser().parse_args(arguments)
    parser: argparse.ArgumentParser = options.parser
    try:
        return int(options.run(options))
    except (UsageError, PlanError, OptionError) as error:
        parser.error(str(error))
    except (SaliencyJpegError, OSError) as error:
        _say(f"{NAME}: {_reason(error, getattr(options, 'input', ''))}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say(f"{NAME}: interrupted", sys.stderr)
        return 130


# The options --------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Write JPEG files that spend their bytes where people look.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_compress(commands)
    _add_map(commands)
    return parser


def _add_command(commands: Any, name: str, run: Any, usage: str, purpose: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", usage=f"{NAME} {name} {usage} [options]"
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def _add_compress(commands: Any) -> None:
    parser = _add_command(commands, "compress", _compress, "IN... -o OUT", "write images as JPEG files")
    parser.add_argument("inputs", nargs="+", metavar="IN", help="image file; - reads standard input")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=_OUTPUT)
    size = parser.add_argument_group("size")
    size.add_argument("--target-kb", type=float, metavar="N", help="largest size in units of 1000 bytes")
    size.add_argument("--target-score", type=float, metavar="N", help="SSIMULACRA2 to reach, 0 to 100")
    size.add_argument("--quality", type=float, metavar="Q", help="0 to 100; without a target the default is 75")
    size.add_argument("--allow-downscale", action="store_true", help="rather fewer pixels than a quality below 10")
    matter = _add_saliency(
        parser, "PRESET|none|MAP", "preset, none, or an image file as large as IN, white where it counts"
    )
    matter.add_argument("--strength", type=float, metavar="S", help="0 to 1, how much the map counts (0.5)")
    matter.add_argument("--tune", choices=tuple(TUNINGS), help="the metric to favour (default: all at once)")
    form = parser.add_argument_group("form of the file")
    form.add_argument("--subsampling", choices=("auto", *SUBSAMPLINGS), help="of the chroma (auto)")
    form.add_argument("--baseline", dest="progressive", action="store_const", const=False, help="not progressive")
    form.add_argument("--restart-interval", type=int, metavar="N", help="MCUs between restart markers; 0: none")
    form.add_argument("--metadata", choices=("keep", "safe", "strip"), help="safe drops what is personal (keep)")
    form.add_argument("--orientation", choices=("keep", "apply"), help="as a tag, or turn the pixels (keep)")
    form.add_argument("--further-images", choices=("keep", "drop"), help="of MPO and Ultra HDR files (keep)")
    form.add_argument(
        "--may-enlarge",
        dest="never_enlarge",
        action="store_const",
        const=False,
        help="JPEG inputs too are encoded anew",
    )
    form.add_argument("--background", type=_color, metavar="COLOUR", help="under transparent pixels (white)")


def _add_map(commands: Any) -> None:
    parser = _add_command(commands, "map", _map, "IN -o OUT", "draw the saliency map over the picture, in a PNG file")
    parser.add_argument("input", metavar="IN", help="image file; - reads standard input")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="PNG file; - writes to standard output")
    parser.add_argument("--raw", action="store_true", help="the map alone, gray, for --saliency; not turned upright")
    _add_saliency(parser, "PRESET|MAP", "preset, or an image file as large as IN")


def _add_saliency(parser: argparse.ArgumentParser, metavar: str, description: str) -> Any:
    group = parser.add_argument_group("what matters")
    group.add_argument("--saliency", default="default", metavar=metavar, help=f"{description} (default)")
    group.add_argument("--device", metavar="NAME", help="where the network runs: cpu, gpu, gpu:1 (TensorFlow's choice)")
    return group


def _color(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *_ = ImageColor.getrgb(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return red, green, blue


# The commands -------------------------------------------------------------------------------------------------------


def _compress(arguments: argparse.Namespace) -> int:
    """Encodes every input; a bad one is told and passed over."""
    names = [field.name for field in fields(Options) if field.name != "saliency"]
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    encoder = Encoder(Options(**given))  # wrong values show before any work
    jobs, folder = plan(arguments.inputs, arguments.output)
    if folder is None and Path(arguments.output).suffix.lower() in _OTHER_FORMATS:
        raise UsageError(f"the output is a JPEG file and must not be named as another one, got {arguments.output!r}")
    encoder = Encoder(encoder.options, saliency=_saliency(arguments))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for job in jobs:
        try:
            _compress_one(encoder, job)
        except OptionError:
            raise  # true of every image
        except (SaliencyJpegError, OSError, MemoryError) as error:
            _say(f"{NAME}: {_reason(error, job.source)}", sys.stderr)
            failed.append(job.source)
    if failed and len(jobs) > 1:
        _say(f"{NAME}: {len(failed)} of {len(jobs)} failed: {', '.join(failed)}", sys.stderr)
    return 1 if failed else 0


def _compress_one(encoder: Encoder, job: Job) -> None:
    data = read(job.source)
    result = encoder.compress(data)
    write(job.output, result.jpeg)
    report = _report(result, len(data), show_size=encoder.options.allow_downscale)
    to_file = job.output != STREAM and Path(job.output).is_file()  # else it may be standard output by another name
    _say(f"{job.source} -> {job.output}: {report}", sys.stdout if to_file else sys.stderr)


def _report(result: Compressed, original: int, *, show_size: bool) -> str:
    share = 100 * (1 - len(result.jpeg) / original)
    saved = f"{abs(share):.1f} % {'smaller' if share >= 0 else 'larger'}"
    line = f"{len(result.jpeg)} bytes, {result.bits_per_pixel:.3f} bpp, quality {result.quality:.1f}, {saved}"
    if show_size:
        with Image.open(io.BytesIO(result.jpeg)) as image:
            line += ", {} x {} pixels".format(*image.size)
    return line


def _map(arguments: argparse.Namespace) -> int:
    if arguments.output != STREAM and Path(arguments.output).suffix.lower() != ".png":
        raise UsageError(f"the map is written as PNG; the output must end in .png, got {arguments.output!r}")
    ((job,), _) = plan([arguments.input], arguments.output)
    saliency = _saliency(arguments)
    if saliency is None:
        raise UsageError("there is no map to draw with --saliency none")
    picture = images.load(read(job.source))
    orientation = picture.metadata.orientation
    found = resolve(saliency, picture.pixels, orientation, device=arguments.device)
    assert found is not None  # only None resolves to None
    drawn = heatmap.gray(found) if arguments.raw else heatmap.over(picture.pixels, found, orientation)
    file = io.BytesIO()
    drawn.save(file, "PNG")
    write(job.output, file.getvalue())
    return 0


def _saliency(arguments: argparse.Namespace) -> str | NDArray[np.uint8] | None:
    """What ``--saliency`` means, ready for use: ``None``, a map, or the name of a preset that is loaded."""
    name: str = arguments.saliency
    if name == "none":
        return None
    if name in preset_names():
        with _quiet():
            resolve(name, np.zeros((1, 1, 3), np.uint8), 1, device=arguments.device)
        return name
    if not Path(name).is_file():
        known = ", ".join(preset_names())
        raise UsageError(f"--saliency must be none, a preset ({known}) or a file, got {name!r}")
    try:
        pixels = images.load(name, background=(0, 0, 0)).pixels
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    return np.asarray(Image.fromarray(pixels).convert("L"))


# What is said -------------------------------------------------------------------------------------------------------


def _say(line: str, stream: TextIO | None) -> None:
    """Prints a line at once; what the stream's encoding lacks is written as an escape."""
    if stream is None:  # closed by whoever started this program
        return
    encoding = stream.encoding or "utf-8"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:  # nobody listens any more; the work goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _reason(error: BaseException, source: str = "") -> str:
    """One line on what went wrong, and with which file."""
    if isinstance(error, OSError) and error.strerror:
        name, reason = str(error.filename or source), error.strerror
    elif isinstance(error, MemoryError):
        name, reason = source, "not enough memory"
    else:
        name, reason = source, " ".join(str(error).split()) or type(error).__name__
    return f"{name}: {reason}" if name else reason


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what TensorFlow's libraries write to standard error while they load, unless they fail to.

    They write past Python, to the file descriptor, and heed ``TF_CPP_MIN_LOG_LEVEL`` in some versions only. Where the
    user has set that variable, everything is let through.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except SaliencyJpegError:  # says enough
            raise
        except Exception:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
