"""``saliency-jpeg bench``: compares encoders at equal file sizes; see :mod:`saliency_jpeg.evaluation`."""

from __future__ import annotations

import argparse
from typing import Any

from ..evaluation import __main__ as evaluation
from .options import add_command
from .output import stoppable
from .terminal import load_tensorflow_quietly

__all__ = ["add"]


def add(commands: Any) -> None:
    """Adds the command."""
    purpose = "compare encoders at equal file sizes on a folder of images"
    parser = add_command(commands, "bench", _run, "--images FOLDER", purpose)
    evaluation.add_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    with stoppable():
        return evaluation.run(arguments, load_tensorflow_quietly)
