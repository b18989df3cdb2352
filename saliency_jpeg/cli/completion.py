"""``saliency-jpeg completion``: what a shell needs to complete the words of this program, made from its parser."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from ..saliency import preset_names
from .options import add_command
from .terminal import UsageError, say

__all__ = ["add", "mark"]

SHELLS: Final = ("bash", "zsh", "fish")
_FILES: Final = {"IN", "OUT", "A", "B", "MAP", "FOLDER", "FILE"}  # what stands for a file in the help
_HOW: Final = """where to put it:
  bash   saliency-jpeg completion bash > ~/.local/share/bash-completion/completions/saliency-jpeg
  zsh    saliency-jpeg completion zsh > ~/.zfunc/_saliency-jpeg    (a folder of $fpath)
  fish   saliency-jpeg completion fish > ~/.config/fish/completions/saliency-jpeg.fish
"""


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "completion", _run, "|".join(SHELLS), "print completions for a shell")
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=" or ".join(SHELLS))
    parser.epilog, parser.formatter_class = _HOW, argparse.RawDescriptionHelpFormatter


def _run(arguments: argparse.Namespace) -> int:
    from . import make_parser

    try:
        import shtab
    except ImportError as error:
        raise UsageError("completions are made by the package shtab: pip install shtab") from error
    parser = make_parser()
    mark(parser, shtab.FILE)
    say(shtab.complete(parser, shell=arguments.shell), sys.stdout)
    return 0


def mark(parser: argparse.ArgumentParser, files: Any) -> None:
    """Says of every word that takes a file that it does, and of ``--saliency`` what the presets are."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                mark(command, files)
        elif action.dest == "saliency":
            action.choices = ["none", *preset_names()]
        elif action.choices is None and (str(action.metavar).split("|")[0] in _FILES or "pathlib" in str(action.type)):
            action.complete = files  # type: ignore[attr-defined]
