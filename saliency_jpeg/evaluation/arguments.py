"""Arguments that both command lines of the evaluation share."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_selection", "comma_separated", "numbers"]


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Adds ``--names``, ``--count`` and ``--markdown``."""
    parser.add_argument(
        "--names", type=Path, metavar="FILE", help="use only the images whose names, without suffix, are in this file"
    )
    parser.add_argument(
        "--count", type=int, metavar="N", help="use at most N images of each folder, chosen with a fixed seed"
    )
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")


def comma_separated(text: str) -> list[str]:
    """Returns the parts of a text between commas, without empty ones."""
    return [part for part in text.split(",") if part]


def numbers(text: str) -> list[float]:
    """Returns numbers that are separated by commas."""
    return [float(number) for number in text.split(",")]
