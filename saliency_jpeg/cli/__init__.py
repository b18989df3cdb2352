"""The command ``saliency-jpeg``: what is asked for, what is said, and how it ends.

Each command is a module with a function ``add`` that makes its parser and binds it to a function ``(arguments) -> exit
status``. Exit status: 0 all went well, 1 an image could not be done (the others are), 2 the command line is wrong and
nothing was begun, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from ..batch.plan import PlanError
from ..errors import OptionError, SaliencyJpegError
from . import bench, compare, completion, compress, info, map, train
from .terminal import NAME, UsageError, reason, say

__all__ = ["main", "make_parser"]

_EXAMPLES = f"""examples:
  {NAME} compress photo.png -o photo.jpg --target-kb 50
  {NAME} compress *.png -o smaller/ --quality 80
  {NAME} compress photo.png -o photo.jpg --saliency mask.png
  {NAME} compress - -o - --saliency none < photo.png > photo.jpg
  {NAME} map photo.png -o heat.png
  {NAME} train photos/ masks/ -o own.npz
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    Args:
        arguments: without the program's name; ``None`` for those of the process.

    Raises:
        SystemExit: with status 2 where the command line is wrong, 0 after ``--help`` and ``--version``.
    """
    options = make_parser().parse_args(arguments)
    parser: argparse.ArgumentParser = options.parser
    try:
        return int(options.run(options))
    except (UsageError, PlanError, OptionError) as error:
        parser.error(str(error))
    except (SaliencyJpegError, OSError) as error:
        say(f"{NAME}: {reason(error, getattr(options, 'input', ''))}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        say(f"{NAME}: interrupted", sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Write JPEG files that spend their bytes where people look.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (compress, map, compare, info, bench, train, completion):
        module.add(commands)
    return parser
