"""``saliency-jpeg bench``: encoders at equal sizes on a folder of one's own; see :mod:`saliency_jpeg.evaluation`."""

from __future__ import annotations

import argparse
from typing import Any

from ..evaluation import __main__ as evaluation
from .options import add_command

__all__ = ["add"]


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(
        commands, "bench", _run, "--images FOLDER", "compare encoders at equal sizes on a folder of images"
    )
    evaluation.add_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    return evaluation.run(arguments)
