"""``--target``: a size with its unit, or a share of the source file."""

from __future__ import annotations

import argparse
import re
from typing import Any, Final, NamedTuple

from ..options import BYTES_PER_KB

__all__ = ["Target", "add_target"]

_UNITS: Final = {"b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2}
_TARGET: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?(B|kB|MB|KiB|MiB|%)", re.IGNORECASE)
_LARGEST_KB: Final = 1e9  # stands for a size that the source file decides


class Target(NamedTuple):
    """The largest size of a file.

    Attributes:
        kb: in units of 1000 bytes; of a share a number that stands for any.
        share: of the source file, 0.6 for 60 %; ``None`` for a size.
    """

    kb: float
    share: float | None = None


def add_target(group: Any) -> None:
    """Adds ``--target``."""
    purpose = "maximum file size with its unit, such as 200kB or 0.2MB, or as a share of the source file, such as 60%%"
    group.add_argument("--target", type=_parse, metavar="SIZE", help=purpose)


def _parse(text: str) -> Target:
    found = _TARGET.fullmatch(text.strip())
    if found is None or not float(found[1]):
        advice = f"; write {text}kB, or --target-kb {text}" if text.isdecimal() else ""
        raise argparse.ArgumentTypeError(f"must be a size such as 200kB or 0.2MB, or 60%, got {text!r}{advice}")
    number, unit = float(found[1]), found[2].lower()
    return Target(_LARGEST_KB, number / 100) if unit == "%" else Target(number * _UNITS[unit] / BYTES_PER_KB)
