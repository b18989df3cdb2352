"""``saliency-jpeg completion``: prints a completion script for a shell, made from the parser."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, Literal, get_args

from ..saliency import preset_names
from .options import add_command
from .terminal import UsageError, say_lines

__all__ = ["add", "mark_files"]

Shell = Literal["bash", "zsh", "fish"]
_FILES: Final = {"IN", "OUT", "A", "B", "MAP", "FOLDER", "FILE"}  # placeholders that stand for a file
_INSTALLATION: Final = """installation:
  bash   saliency-jpeg completion bash > ~/.local/share/bash-completion/completions/saliency-jpeg
  zsh    saliency-jpeg completion zsh > ~/.zfunc/_saliency-jpeg    (a folder in $fpath)
  fish   saliency-jpeg completion fish > ~/.config/fish/completions/saliency-jpeg.fish
"""


def add(commands: Any) -> None:
    """Adds the command."""
    shells = get_args(Shell)
    parser = add_command(commands, "completion", _run, "|".join(shells), "print a completion script for a shell")
    parser.add_argument("shell", choices=shells, metavar="SHELL", help=", ".join(shells[:-1]) + f" or {shells[-1]}")
    parser.epilog, parser.formatter_class = _INSTALLATION, argparse.RawDescriptionHelpFormatter


def _run(arguments: argparse.Namespace) -> int:
    from . import make_parser

    try:
        import shtab
    except ImportError as error:
        raise UsageError("completion scripts need the package shtab: pip install shtab") from error
    parser = make_parser()
    mark_files(parser, shtab.FILE)
    say_lines(shtab.complete(parser, shell=arguments.shell).split("\n"), sys.stdout)
    return 0


def mark_files(parser: argparse.ArgumentParser, files: Any) -> None:
    """Marks the arguments that take a file, and gives ``--saliency`` the presets as choices.

    Args:
        parser: whose actions are changed, with those of its commands.
        files: shtab's value for "complete file names".
    """
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                mark_files(command, files)
        elif action.dest == "saliency":
            action.choices = ["none", *preset_names()]
        elif action.choices is None and (str(action.metavar).split("|")[0] in _FILES or "pathlib" in str(action.type)):
            action.complete = files  # type: ignore[attr-defined]
