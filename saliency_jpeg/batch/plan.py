"""Plans a batch of files: expands folders and patterns, and decides which output belongs to which input."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..io import (
    IMAGE_SUFFIXES,
    JPEG_SUFFIXES,
    STREAM,
    is_folder,
    is_regular,
    jpeg_name,
    real_path,
    version,
    with_image_suffix,
)

__all__ = ["Job", "Plan", "PlanError", "check_clashes", "check_folder_name", "distinct_names", "images_in", "plan"]


class PlanError(Exception):
    """Inputs and output do not fit together; nothing has been written."""


class Job(NamedTuple):
    """One image to encode.

    Attributes:
        source: name of the input, ``-`` for standard input.
        output: name of the output, ``-`` for standard output.
        batch_folder: folder of the batch, which holds its journal; ``None`` for a single file.
    """

    source: str
    output: str
    batch_folder: Path | None = None


class Plan(NamedTuple):
    """The jobs of a batch.

    Attributes:
        jobs: in the order of the inputs.
        folder: output folder to create first; ``None`` if the output is a file, a stream or the input itself.
        unreadable: errors of the folders that could not be listed.
    """

    jobs: list[Job]
    folder: Path | None
    unreadable: list[OSError]


class _Input(NamedTuple):
    """An input file, its path below the folder that was named (for a file its name alone), and that folder."""

    source: str
    relative: Path
    root: Path


def plan(
    sources: Sequence[str],
    output: str | None,
    *,
    recursive: bool = False,
    in_place: bool = False,
    kinds: Collection[str] = IMAGE_SUFFIXES,
    suffix: str = ".jpg",
    reads: Sequence[str] = (),
) -> Plan:
    """Pairs every input with its output.

    ``a/b.png`` becomes ``OUT/b.jpg`` where ``OUT`` is a folder, and ``a/b.JPG`` becomes ``OUT/b.JPG``; files from a
    folder or a pattern keep their path below it. Pipes and devices are read where they are named, but not looked for
    in folders. ``output`` is a folder if there are several inputs, if it ends in a
    slash, or if such a folder exists.

    Names that differ in their suffix alone, such as ``b.png``, ``b.gif`` and ``b.jpg``, stay apart: the JPEG file keeps
    its name, the others become ``b.png.jpg`` and ``b.gif.jpg``.

    Args:
        sources: files, folders, whose images are taken, patterns with ``*``, ``?``, ``[...]`` and ``**``, or ``-``.
        output: file or folder to write, or ``-``; ``None`` with ``in_place``.
        recursive: take images from subfolders too.
        in_place: make every JPEG file its own output.
        kinds: suffixes, in lower case, of what is taken from folders.
        suffix: of the outputs in a folder, also instead of ``.jpg`` in the names above.
        reads: further files that are read, such as maps, and must not be overwritten either; not with ``in_place``.

    Raises:
        PlanError: the output does not fit, nothing matches a pattern, two inputs have the same output, or an output
            would overwrite an input.
    """
    if "" in (*sources, output):  # of a variable that is not set; Path("") would be this folder
        raise PlanError("the name of an input or output is empty; name the folder you are in as ., got ''")
    if (output is None) != in_place:
        raise PlanError(f"give either -o OUT or --in-place{_such_as(sources) if output is None else ''}")
    unreadable: list[OSError] = []
    excluded = real_path(output) if output not in (None, STREAM) else None
    inputs = [item for name in sources for item in _expand(name, recursive, excluded, unreadable, kinds)]
    if output is None:
        return Plan(_in_place(inputs, sources), None, unreadable)
    if len(sources) == 1 and [item.source for item in inputs] == list(sources) and not _is_folder(output):
        if output != STREAM and not is_folder(Path(output).parent):
            raise PlanError(f"the folder of {output} does not exist")
        jobs, folder = [Job(sources[0], output)], None
    else:
        if output == STREAM or (os.path.lexists(output) and not is_folder(output)):
            raise PlanError(f"several inputs need a folder as output, got {output!r}")
        folder = Path(output)
        names = distinct_names([item.relative for item in inputs], _folds_case(folder), suffix)
        jobs = [Job(item.source, str(folder / name), folder) for item, name in zip(inputs, names, strict=True)]
    check_clashes(jobs, reads)
    return Plan(jobs, folder, unreadable)


def _is_folder(output: str) -> bool:
    return output != STREAM and (output.endswith(("/", os.sep)) or is_folder(output))


def check_folder_name(output: str) -> None:
    """Checks that a folder which is to be created is not named like an image, so that ``-o out.jpg`` means a file.

    Raises:
        PlanError: it is.
    """
    if Path(output).suffix.lower() in IMAGE_SUFFIXES and not _is_folder(output):
        raise PlanError(
            f"a folder or several inputs need a folder as output; end its name with / to name it so, got {output!r}"
        )


def distinct_names(inputs: Sequence[Path], folds_case: bool, suffix: str) -> list[Path]:
    """Returns the outputs below their folder; inputs that would get the same one keep their names and add a suffix.

    Args:
        inputs: paths below the folder that was named.
        folds_case: whether the output folder takes ``a.jpg`` and ``A.JPG`` for the same file.
        suffix: of the outputs.
    """

    def name_of(path: Path) -> Path:
        return jpeg_name(path) if suffix == ".jpg" else with_image_suffix(path, suffix)

    def key(name: Path) -> str:
        return _key(str(name), folds_case)

    different = sorted(set(inputs))
    rivals: dict[str, list[Path]] = {}
    for path in different:
        rivals.setdefault(key(name_of(path)), []).append(path)
    winners = [_winner(paths, name_of) for paths in rivals.values()]
    names = {path: name_of(path) for path in winners if path is not None}
    taken = {key(name) for name in names.values()}
    for path in different:
        if path not in names:
            names[path] = name = _longer_name(path, suffix, lambda name: key(name) in taken)
            taken.add(key(name))
    return [names[path] for path in inputs]


def _key(name: str, folds_case: bool) -> str:
    """What is equal for names of the same file; where case does not count, forms of Unicode do not either."""
    if folds_case:
        name = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return os.path.normcase(name)


def _winner(paths: list[Path], name_of: Callable[[Path], Path]) -> Path | None:
    """Of inputs that want the same name the one that keeps it: the only one, or the JPEG file that has it already."""
    return paths[0] if len(paths) == 1 else next((path for path in paths if name_of(path) == path), None)


def _longer_name(path: Path, suffix: str, is_taken: Callable[[Path], bool]) -> Path:
    name = Path(f"{path}{suffix}")
    while is_taken(name):
        name = Path(f"{name}{suffix}")
    return name


def _folds_case(folder: Path) -> bool:
    """Whether the file system takes names that differ in case for the same, as far as existing names tell."""
    for path in (folder.absolute(), *folder.absolute().parents):
        other = path.with_name(path.name.swapcase()) if path.name else path
        found = version(str(path)) if str(other) != str(path) else None
        if found is not None:
            twin = version(str(other))
            return twin is not None and twin.identity == found.identity
    return False


def _such_as(sources: Sequence[str]) -> str:
    """An output that fits, for the message that none was given."""
    path = Path(sources[0])
    is_single = len(sources) == 1 and path.is_file() and path.suffix.lower() not in JPEG_SUFFIXES
    return f", such as -o {path.with_suffix('.jpg') if is_single else 'smaller/'}"


def _in_place(inputs: Sequence[_Input], sources: Sequence[str]) -> list[Job]:
    """JPEG files as their own outputs, each file once even if links lead to it."""
    jobs: dict[str, Job] = {}
    for source, _, root in inputs:
        if Path(source).suffix.lower() in JPEG_SUFFIXES and is_regular(source):
            jobs.setdefault(os.path.realpath(source), Job(source, source, root))
        elif source in sources:
            raise PlanError(f"only JPEG files can be replaced in place, got {source!r}")
    return list(jobs.values())


# Inputs -------------------------------------------------------------------------------------------------------------


def _expand(
    name: str, recursive: bool, excluded: Path | None, unreadable: list[OSError], kinds: Collection[str]
) -> Iterator[_Input]:
    """The files that one source names, in order."""
    path = Path(name)
    if name == STREAM:
        yield _Input(name, Path("stdin"), Path())
    elif is_folder(path):
        yield from _walk(path, path, recursive, excluded, unreadable, kinds)
    elif glob.has_magic(name) and not os.path.lexists(name):
        yield from _match(name, recursive, excluded, unreadable, kinds)
    else:
        yield _Input(name, Path(path.name or name), path.parent)


def _match(
    pattern: str, recursive: bool, excluded: Path | None, unreadable: list[OSError], kinds: Collection[str]
) -> Iterator[_Input]:
    """The files that match a pattern; paths are relative to the part of the pattern without wildcards."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    matches = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 (skips hidden ones)
    if not matches:
        raise PlanError(f"no file matches the pattern, got {pattern!r}")
    for match in matches:
        if excluded is not None and excluded in [real_path(match), *real_path(match).parents]:
            continue
        if not is_folder(match) and is_regular(str(match)):
            yield _Input(str(match), match.relative_to(root), root)
        elif is_folder(match) and recursive:
            yield from _walk(match, root, recursive, excluded, unreadable, kinds)


def _walk(
    folder: Path,
    root: Path,
    recursive: bool,
    excluded: Path | None,
    unreadable: list[OSError],
    kinds: Collection[str] = IMAGE_SUFFIXES,
) -> Iterator[_Input]:
    """The images of a folder, without hidden ones and without an output folder that lies inside it."""
    for place, folders, names in os.walk(folder, onerror=unreadable.append):
        inner = [name for name in folders if not name.startswith(".")] if recursive else []
        folders[:] = sorted(name for name in inner if real_path(Path(place) / name) != excluded)
        for name in sorted(names):
            path = Path(place) / name
            is_image = path.suffix.lower() in kinds and not name.startswith(".")
            if is_image and is_regular(str(path)):
                yield _Input(str(path), path.relative_to(root), root)


def images_in(folder: Path) -> list[Path]:
    """Returns the images in a folder and its subfolders, in order, without hidden ones.

    Raises:
        OSError: the folder or one of its subfolders cannot be read.
    """
    unreadable: list[OSError] = []
    images = [Path(item.source) for item in _walk(folder, folder, True, None, unreadable)]
    if unreadable:
        raise unreadable[0]
    return images


def _folder_of(job: Job) -> Path:
    return Path(job.output).parent if job.batch_folder is None else job.batch_folder


def check_clashes(jobs: Iterable[Job], reads: Iterable[str] = ()) -> None:
    """Checks that no output overwrites an input or another output.

    Args:
        jobs: inputs and outputs.
        reads: further files that are read.

    Raises:
        PlanError: one does.
    """
    jobs = list(jobs)
    folds_case = {folder: _folds_case(folder) for folder in {_folder_of(job) for job in jobs if job.output != STREAM}}
    names = [os.path.realpath(name) for name in (*(job.source for job in jobs), *reads) if name != STREAM]
    inputs = {folds: {_key(name, folds) for name in names} for folds in set(folds_case.values())}
    source_of: dict[str, str] = {}
    for job in jobs:
        source, output, _ = job
        if output == STREAM:
            continue
        folds = folds_case[_folder_of(job)]
        target = _key(os.path.realpath(output), folds)
        if target in inputs[folds]:
            raise PlanError(f"{source} -> {output} would overwrite an input")
        if target in source_of:
            raise PlanError(f"{source_of[target]} and {source} would both become {output}; rename one of them")
        source_of[target] = source
