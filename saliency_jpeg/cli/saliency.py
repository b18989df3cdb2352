"""``--saliency``, ``--protect`` and ``--ignore``: the arguments, and the presets, models, maps and boxes they name."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..image.boxes import Box, fill_boxes
from ..metadata.limits import DEFAULT_MAX_PIXELS
from ..options import Options
from ..saliency import SaliencyModel, combine, preset_names
from ..saliency.given import gray_values
from ..saliency.sources import Saliency, Source, resolve
from .options import SALIENCY, Group
from .terminal import UsageError, hide_library_output, nearest

__all__ = ["add_saliency", "read_saliency", "saliency_files", "with_saliency"]

_MODEL_SUFFIXES: Final = (".npz", ".tflite")  # what SaliencyModel.save and export write
_NUMBER: Final = r" *-?\d+(?:\.\d*)? *"
_BOX: Final = re.compile(f"{_NUMBER}(?:,{_NUMBER}){{3}}")


def add_saliency(parser: argparse.ArgumentParser, metavar: str, purpose: str) -> Group:
    """Adds ``--saliency``, ``--protect``, ``--ignore`` and ``--device``.

    Args:
        parser: of the command.
        metavar: of ``--saliency``.
        purpose: what ``--saliency`` takes and means, for the help.

    Returns:
        The group of these arguments.
    """
    presets = ", ".join(preset_names())
    group = parser.add_argument_group(SALIENCY)
    group.add_argument(
        "--saliency",
        action="append",
        metavar=metavar,
        help=f"{purpose}; repeat to combine, the brightest wins (default: default). Presets: {presets}",
    )
    area = "a map, or a box in pixels; may be repeated"
    for flag, effect in (("--protect", "treat as salient"), ("--ignore", "treat as not salient, unless protected")):
        group.add_argument(flag, action="append", metavar="MAP|LEFT,TOP,RIGHT,BOTTOM", help=f"{effect}: {area}")
    group.add_argument(
        "--device", metavar="NAME", help="run the network by TensorFlow on cpu, gpu, gpu:1, ... (default: LiteRT first)"
    )
    return group


def read_saliency(arguments: argparse.Namespace) -> Saliency:
    """Returns what ``--saliency``, ``--protect`` and ``--ignore`` name, with presets loaded and files read.

    Raises:
        UsageError: a name is no preset, file or box, or ``none`` is combined with others.
        InputError: a file is no image.
        OptionError: a box is empty.
    """
    names: list[str] = arguments.saliency or ["default"]
    if "none" in names and len(names) > 1:
        raise UsageError(f"--saliency none cannot be combined with others, got {' and '.join(names)}")
    sources: list[Source] = []
    if names != ["none"]:
        sources = [_read_source("--saliency", name, arguments) for name in names]
    protect, ignore = (_read_regions(name, arguments) for name in ("protect", "ignore"))
    if protect is None and ignore is None and len(sources) < 2:
        return sources[0] if sources else None
    return combine(*(sources or [[]]), protect=protect, ignore=ignore)


def saliency_files(arguments: argparse.Namespace) -> list[str]:
    """Returns the files that ``--saliency``, ``--protect`` and ``--ignore`` name."""
    given = [name for names in ("saliency", "protect", "ignore") for name in getattr(arguments, names) or []]
    return [name for name in given if name not in ("none", *preset_names()) and not _BOX.fullmatch(name)]


def _read_regions(name: str, arguments: argparse.Namespace) -> Source | None:
    """All boxes and maps of ``--protect`` or ``--ignore`` as one source."""
    texts: list[str] = getattr(arguments, name) or []
    boxes = [_parse_box(text) for text in texts if _BOX.fullmatch(text)]
    parts: list[Source] = [boxes] if boxes else []
    parts += [_read_source(f"--{name}", text, arguments) for text in texts if not _BOX.fullmatch(text)]
    return None if not parts else parts[0] if len(parts) == 1 else combine(*parts)


def _parse_box(text: str) -> Box:
    left, top, right, bottom = (float(number) for number in text.split(","))
    fill_boxes([(left, top, right, bottom)], (1, 1))  # raises OptionError if the box is empty
    return left, top, right, bottom


def _read_source(flag: str, name: str, arguments: argparse.Namespace) -> str | SaliencyModel | NDArray[np.uint8]:
    """The preset, the model in a file, or the map in a file that ``name`` stands for; networks are loaded."""
    device, max_pixels = arguments.device, arguments.max_pixels
    is_model = Path(name).suffix.lower() in _MODEL_SUFFIXES and Path(name).is_file()
    if is_model or name in preset_names():
        with hide_library_output():
            source = SaliencyModel.from_file(name, device=device) if is_model else name
            resolve(source, np.zeros((1, 1, 3), np.uint8), 1, device=device)
        return source
    if not Path(name).is_file():
        known = ", ".join(preset_names())
        other = "none, a preset" if flag == "--saliency" else "a box LEFT,TOP,RIGHT,BOTTOM, a preset"
        hint = nearest(name, preset_names())
        raise UsageError(f"{flag} must be {other} ({known}) or a file, got {name!r}{hint}")
    try:
        return gray_values(name, max_pixels=DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def with_saliency(options: Options, arguments: argparse.Namespace) -> Options:
    """Returns the options with the map that :func:`read_saliency` reads.

    Args:
        options: from :func:`.options.parse_options`.
        arguments: of the command line.

    Raises:
        UsageError, InputError, OptionError: as :func:`read_saliency` does.
    """
    saliency = read_saliency(arguments)
    device = None if isinstance(saliency, SaliencyModel) else options.device  # a model of its own is on its device
    return replace(options, saliency=saliency, device=device)
