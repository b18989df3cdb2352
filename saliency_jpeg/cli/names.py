"""``--name`` and ``--widths``: outputs named by a pattern, in several sizes, and the ``srcset`` that lists them."""

from __future__ import annotations

import argparse
import os
import string
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from ..batch.plan import Job, Plan, check_clashes
from ..errors import SaliencyJpegError
from ..image.load import load
from ..image.read import read_bytes
from ..image.resize import fitted_size
from ..io import JPEG_SUFFIXES, STREAM, is_regular
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..metadata.limits import DEFAULT_MAX_PIXELS
from .saliency import saliency_files
from .terminal import UsageError, nearest

__all__ = ["Variant", "add_arguments", "check", "srcset", "variants"]

_FIELDS: Final = ("stem", "width", "height")
_DEFAULT: Final = "{stem}-{width}.jpg"
_WIDEST: Final = 65535


class Variant(NamedTuple):
    """One output of an input.

    Attributes:
        job: input and output.
        max_width: that it is made for; ``None`` without ``--widths``.
        width: pixels across, as a viewer shows it; 0 where the input cannot be read.
    """

    job: Job
    max_width: int | None
    width: int


def add_arguments(group: Any) -> None:
    """Adds ``--name`` and ``--widths``."""
    group.add_argument(
        "--name",
        metavar="PATTERN",
        help=f"names in the folder OUT, made of {{stem}}, {{width}} and {{height}} (default of --widths: {_DEFAULT})",
    )
    group.add_argument(
        "--widths",
        type=_parse_widths,
        metavar="W,W,...",
        help="make a file for each of these widths, none wider than its source, and print their srcset for a web page",
    )


def _parse_widths(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 10 and 1 <= int(part) <= _WIDEST for part in parts):
        raise argparse.ArgumentTypeError(f"must be widths from 1 to {_WIDEST} such as 480,960,1920, got {text!r}")
    return tuple(sorted({int(part) for part in parts}))


def check(arguments: argparse.Namespace) -> str | None:
    """Checks ``--name`` and ``--widths`` and what they are used with.

    Returns:
        The pattern of the names; ``None`` if neither is given.

    Raises:
        UsageError: they do not fit.
    """
    if arguments.name is None and arguments.widths is None:
        return None
    flag = "--name" if arguments.widths is None else "--widths"
    for given, what in (
        (arguments.in_place, "--in-place"),
        (arguments.ray is not None, "--ray"),
        (STREAM in arguments.inputs, "standard input"),
        (arguments.output == STREAM, "standard output"),
        (arguments.widths is not None and arguments.max_width is not None, "--max-width"),
    ):
        if given:
            raise UsageError(f"{flag} cannot be used with {what}")
    pattern: str = arguments.name or _DEFAULT
    used = _fields(pattern)
    if arguments.widths is not None and len(arguments.widths) > 1 and "width" not in used:
        raise UsageError(f"--name must contain {{width}} to tell the files of --widths apart, got {pattern!r}")
    if arguments.allow_downscale and not used.isdisjoint({"width", "height"}):
        raise UsageError("--allow-downscale chooses the size later, so --name cannot contain {width} or {height}")
    return pattern


def _fields(pattern: str) -> set[str]:
    """The fields of a pattern, after a check that it can be used."""
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
        made = PurePath(pattern.format(stem="a", width=1, height=1)) if set(fields) <= set(_FIELDS) else None
    except (ValueError, KeyError, IndexError, OverflowError, MemoryError) as error:
        raise UsageError(f"--name is no pattern such as {_DEFAULT!r}: {error}, got {pattern!r}") from error
    for name in fields:
        if name not in _FIELDS:
            known = ", ".join(f"{{{field}}}" for field in _FIELDS)
            raise UsageError(f"--name may contain {known}, got {{{name}}}{nearest(name, _FIELDS)}")
    if made is not None:
        _check_inside(str(made), pattern)
    if made is not None and made.suffix.lower() not in JPEG_SUFFIXES:
        raise UsageError(f"--name must end in .jpg, got {pattern!r}")
    return set(fields)


def _check_inside(name: str, pattern: str) -> None:
    """Checks that a name made of a pattern is one of a file below the output folder."""
    made = PurePath(name)
    if made.is_absolute() or ".." in made.parts or "\0" in name:
        raise UsageError(f"--name must stay in the output folder, and {name!r} would not, got {pattern!r}")


def variants(planned: Plan, pattern: str, arguments: argparse.Namespace) -> list[Variant]:
    """Returns the outputs of every input, without those that would be the same file of the same input.

    Args:
        planned: with a folder as output.
        pattern: from :func:`check`.
        arguments: of the command line.

    Raises:
        PlanError: two inputs would have the same output, or an output would overwrite an input.
        UsageError: an input can be read only once, or a name would lead out of the output folder.
    """
    made: dict[Job, Variant] = {}
    needs_size = arguments.widths is not None or not _fields(pattern).isdisjoint({"width", "height"})
    for job in planned.jobs:
        if needs_size and not is_regular(job.source):
            flag = "--name" if arguments.widths is None else "--widths"
            raise UsageError(f"{flag} needs to read the picture more than once, which a pipe or device does not allow")
        size = _displayed_size(job.source, arguments.max_pixels) if needs_size else (0, 0)
        for max_width in arguments.widths or (arguments.max_width,):
            variant = _variant(job, pattern, max_width, size, arguments)
            made.setdefault(variant.job, variant)
    check_clashes(made, saliency_files(arguments))
    return list(made.values())


def _variant(
    job: Job, pattern: str, max_width: int | None, size: tuple[int, int], arguments: argparse.Namespace
) -> Variant:
    assert job.batch_folder is not None
    height, width = fitted_size(size, arguments.max_height, max_width) if all(size) else size
    name = pattern.format(stem=Path(job.output).stem, width=width or max_width or 0, height=height)
    _check_inside(name, pattern)
    output = str(Path(job.output).parent / name)
    return Variant(job._replace(output=output), max_width if arguments.widths else None, width)


def _displayed_size(source: str, max_pixels: int | None) -> tuple[int, int]:
    """(height, width) as a viewer shows the picture; (0, 0) for a file that cannot be read, which is reported later."""
    try:
        data = read_bytes(source)
        if is_jpeg(data):  # without decoding
            jpeg = JpegSource(data)
            (height, width), orientation = jpeg.size or (0, 0), jpeg.metadata.orientation
        else:
            picture = load(data, max_pixels=DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels)
            (height, width), orientation = picture.pixels.shape[:2], picture.metadata.orientation
    except (SaliencyJpegError, OSError, MemoryError):
        return 0, 0
    return (width, height) if orientation >= 5 else (height, width)


def srcset(made: Sequence[Variant], done: Iterable[Job]) -> Iterator[tuple[str, str]]:
    """Yields for every input its name and the ``srcset`` of its files, relative to the output folder.

    Args:
        made: the outputs that were planned.
        done: those that exist.
    """
    finished, entries = set(done), dict[str, list[str]]()
    for variant in sorted(made, key=lambda variant: variant.width):
        if variant.job in finished:
            entries.setdefault(variant.job.source, []).append(f"{_url(variant.job)} {variant.width}w")
    for source in dict.fromkeys(variant.job.source for variant in made):
        if source in entries:
            yield source, ", ".join(entries[source])


def _url(job: Job) -> str:
    assert job.batch_folder is not None
    return quote(os.fsencode(Path(job.output).relative_to(job.batch_folder).as_posix()))  # of any bytes
