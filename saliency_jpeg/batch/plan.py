"""Files for the command line: which output belongs to which input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ..io import STREAM

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG_SUFFIXES",
    "Job",
    "Plan",
    "PlanError",
    "images_in",
    "plan",
]

JPEG_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
IMAGE_SUFFIXES: Final = JPEG_SUFFIXES | {
    *(".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".ppm", ".pgm", ".pnm", ".jp2", ".tga", ".mpo"),
}  # what is taken out of a folder; a file that is named is always tried


class PlanError(Exception):
    """Inputs and output do not go together; nothing was begun."""


class Job(NamedTuple):
    """One image to do: the names of its input and its output, ``-`` for the standard streams."""

    source: str
    output: str
    home: Path | None = None  # folder of a batch, in which may be noted what is done


class Plan(NamedTuple):
    """What is to be done, the folder to be made for it first, if there is one, and folders that cannot be read."""

    jobs: list[Job]
    folder: Path | None
    unreadable: list[OSError]


class _Found(NamedTuple):
    """An input, its path below the folder that was named (only its name where it was itself), and that folder."""

    source: str
    relative: Path
    root: Path


def plan(
    sources: Sequence[str],
    output: str | None,
    *,
    suffix: str = ".jpg",
    recursive: bool = False,
    in_place: bool = False,
) -> Plan:
    """Pairs every input with its output.

    A source is a file, a folder, whose images are taken (those of its folders too, where ``recursive``), or a pattern
    with ``*``, ``?``, ``[...]`` and ``**``. ``a/b.png`` becomes ``OUT/b.jpg`` where ``OUT`` is a folder; what lies in a
    folder or under a pattern keeps its place below it. ``output`` is a folder if there are several inputs, if it ends
    in a slash, or if such a folder exists. With ``in_place`` every JPEG file is its own output.

    Raises:
        PlanError: the output cannot be, nothing matches a pattern, two inputs would make the same file, or an output
            would overwrite an input.
    """
    if (output is None) != in_place:
        raise PlanError("an output (-o) or --in-place is needed, and not both")
    unreadable: list[OSError] = []
    hidden = Path(output).resolve() if output not in (None, STREAM) else None
    found = [item for name in sources for item in _expand(name, recursive, hidden, unreadable)]
    if output is None:
        return Plan(_in_place(found, sources), None, unreadable)
    if len(sources) == 1 and [item.source for item in found] == list(sources) and not _is_folder(output):
        if output != STREAM and not Path(output).parent.is_dir():
            raise PlanError(f"the folder of {output} does not exist")
        jobs, folder = [Job(sources[0], output)], None
    else:
        if output == STREAM or (Path(output).exists() and not Path(output).is_dir()):
            raise PlanError(f"several inputs need a folder as output, got {output!r}")
        folder = Path(output)
        jobs = [Job(item.source, str(folder / item.relative.with_suffix(suffix)), folder) for item in found]
    _check_clashes(jobs)
    return Plan(jobs, folder, unreadable)


def _is_folder(output: str) -> bool:
    return output != STREAM and (output.endswith(("/", os.sep)) or Path(output).is_dir())


def _in_place(found: Sequence[_Found], named: Sequence[str]) -> list[Job]:
    jobs: dict[str, Job] = {}
    for source, _, root in found:
        if Path(source).suffix.lower() in JPEG_SUFFIXES:
            jobs.setdefault(os.path.realpath(source), Job(source, source, root))
        elif source in named:
            raise PlanError(f"only JPEG files can be replaced in place, got {source!r}")
    return list(jobs.values())


# Inputs -------------------------------------------------------------------------------------------------------------


def _expand(name: str, recursive: bool, hidden: Path | None, unreadable: list[OSError]) -> Iterator[_Found]:
    """The files that a name stands for, in order."""
    path = Path(name)
    if name == STREAM:
        yield _Found(name, Path("stdin"), Path())
    elif path.is_dir():
        yield from _walk(path, path, recursive, hidden, unreadable)
    elif glob.has_magic(name) and not os.path.lexists(name):
        yield from _match(name, recursive, hidden, unreadable)
    else:
        yield _Found(name, Path(path.name or name), path.parent)


def _match(pattern: str, recursive: bool, hidden: Path | None, unreadable: list[OSError]) -> Iterator[_Found]:
    """What matches a pattern; its place is kept below the part of the pattern without wildcards."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    matches = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 (skips hidden ones)
    if not matches:
        raise PlanError(f"nothing matches {pattern!r}")
    for match in matches:
        if hidden is not None and hidden in [match.resolve(), *match.resolve().parents]:
            continue
        if not match.is_dir():
            yield _Found(str(match), match.relative_to(root), root)
        elif recursive:
            yield from _walk(match, root, recursive, hidden, unreadable)


def _walk(
    folder: Path, root: Path, recursive: bool, hidden: Path | None, unreadable: list[OSError]
) -> Iterator[_Found]:
    """The images of a folder; neither hidden ones nor those of the output, should it lie in there."""
    for place, folders, names in os.walk(folder, onerror=unreadable.append):
        inner = [name for name in folders if not name.startswith(".")] if recursive else []
        folders[:] = sorted(name for name in inner if (Path(place) / name).resolve() != hidden)
        for name in sorted(names):
            path = Path(place) / name
            if path.suffix.lower() in IMAGE_SUFFIXES and not name.startswith("."):
                yield _Found(str(path), path.relative_to(root), root)


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and its folders, in order, without hidden ones.

    Raises:
        OSError: it, or one of its folders, cannot be read.
    """
    unreadable: list[OSError] = []
    found = [Path(item.source) for item in _walk(folder, folder, True, None, unreadable)]
    if unreadable:
        raise unreadable[0]
    return found


def _check_clashes(jobs: list[Job]) -> None:
    sources = {os.path.realpath(job.source) for job in jobs if job.source != STREAM}
    makers: dict[str, str] = {}
    for source, output, _ in jobs:
        if output == STREAM:
            continue
        target = os.path.realpath(output)
        if target in sources:
            raise PlanError(f"{source} -> {output} would overwrite an input")
        if target in makers:
            raise PlanError(f"{makers[target]} and {source} would both become {output}")
        makers[target] = source
