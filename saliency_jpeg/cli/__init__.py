"""The command line, ``saliency-jpeg``.

Each command is a module whose function ``add`` adds a parser and binds it to a function that takes the arguments and
returns the exit status: 0 for success, 1 if an image failed (the others are done), 2 if the command line is wrong and
nothing was done, 130 if interrupted. May import every room.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from ..batch.plan import PlanError
from ..errors import OptionError, SaliencyJpegError
from . import bench, compare, completion, compress, decode, duel, info, map, serve, train
from .options import with_flags
from .terminal import NAME, Parser, UsageError, describe_error, say

__all__ = ["main", "make_parser"]

_EXAMPLES = f"""examples:
  {NAME} compress photo.png -o photo.jpg --target-kb 50
  {NAME} compress *.png -o smaller/ --quality 80
  {NAME} compress photo.jpg -o smaller/ --target 60%
  {NAME} compress photo.png -o page/ --widths 480,960,1920
  {NAME} compress photo.png -o photo.jpg --saliency mask.png
  {NAME} compress - -o - --saliency none < photo.png > photo.jpg
  {NAME} decode photo.jpg -o photo.png --bits 16
  {NAME} map photo.png -o heat.png
  {NAME} train photos/ masks/ -o own.npz
  {NAME} serve --port 8080

'{NAME} COMMAND --help' describes a command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name; ``None`` for those of the process.

    Returns:
        The exit status.

    Raises:
        SystemExit: with status 2 if the command line is wrong, 0 after ``--help`` and ``--version``.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        make_parser().print_help(sys.stderr)
        return 2
    options = make_parser().parse_args(words)
    parser: argparse.ArgumentParser = options.parser
    try:
        return int(options.run(options))
    except OptionError as error:
        parser.error(with_flags(str(error)))
    except (UsageError, PlanError) as error:
        parser.error(str(error))
    except (SaliencyJpegError, OSError, MemoryError) as error:
        say(f"{NAME}: {describe_error(error, getattr(options, 'input', ''))}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say(f"{NAME}: interrupted", sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser with all commands."""
    parser = Parser(
        prog=NAME,
        description="Compress images to JPEG files that spend their bytes where people look.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (compress, decode, map, compare, info, bench, duel, train, serve, completion):
        module.add(commands)
    return parser
