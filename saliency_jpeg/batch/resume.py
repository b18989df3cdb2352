"""The journal of a batch, by which a rerun skips what is done.

The file ``.saliency-jpeg.jsonl`` in the output folder, or another file that the caller names, has one line of JSON for
each finished file::

    {"output": "a/b.jpg", "source": [1234567, 1700000000000000000], "result": [54321, 1700...], "options": "3f6c..."}

``output`` is relative to the folder of the journal, ``source`` and ``result`` are size and modification time of input
and output, ``options`` is a digest of the options. A file counts as done while all three still match. If an output has
several lines, the last one holds; a line that is no such entry is ignored, whatever it is.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import stat
from collections.abc import Iterator
from dataclasses import fields
from numbers import Number
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from PIL import Image

from ..io import STREAM, Version, version
from ..options import Options
from ..saliency.sources import Combined
from .plan import Job

__all__ = ["JOURNAL_NAME", "Journal", "Stamp", "options_digest", "stamp"]

JOURNAL_NAME: Final = ".saliency-jpeg.jsonl"
_LONGEST_LINE: Final = 1 << 16  # bytes; a path of 4096 bytes takes up to 24 kB
_WITHOUT_EFFECT: Final = ("device", "threads")  # options that do not change the output file

#: Size in bytes and modification time in nanoseconds of a file.
Stamp = list[int]


def options_digest(options: Options) -> str:
    """Returns a digest of the options in hexadecimal; a map or model of the caller's counts by its content."""
    digest = hashlib.sha256()
    for field in fields(options):
        if field.name not in _WITHOUT_EFFECT:
            digest.update(f"{field.name}={_content(getattr(options, field.name))}\n".encode())
    return digest.hexdigest()[:32]


def _content(value: Any) -> str:
    """Text that is equal for equal values; a function that cannot be pickled equals only itself."""
    if isinstance(value, np.ndarray):
        return f"{value.shape}{value.dtype}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, Image.Image):
        return f"{value.mode}{_content(np.asarray(value))}"
    if isinstance(value, Combined):
        return f"{[_content(part) for part in (*value.sources, value.protect, value.ignore)]}"
    if value is None or isinstance(value, str | Number | list | tuple):
        return repr(value)
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError):
        return repr(value)


class Journal:
    """The journals of the folders of a batch; each is read when it is first needed.

    Args:
        digest: of the options of this run, from :func:`options_digest`.
        path: of one journal for all folders; without it each output folder has its own.
        enabled: false for no journal at all.
    """

    def __init__(self, digest: str, *, path: Path | None = None, enabled: bool = True) -> None:
        self._digest, self._path, self._enabled = digest, path, enabled
        self._entries: dict[Path, dict[str, dict[str, Any]]] = {}
        self._foreign: set[Path] = set()  # files that the caller named and that hold something else
        self._whole: set[Path] = set()  # journals that are known to end with a whole line

    def is_done(self, job: Job) -> bool:
        """Returns whether the output exists and was made from this input with these options."""
        path = self._path_of(job)
        if path is None:
            return False
        entry, result = self._read(path).get(_name(job, path), {}), stamp(job.output)
        return (
            result is not None
            and entry.get("options") == self._digest
            and entry.get("result") == result
            and (job.source == job.output or entry.get("source") == stamp(job.source))
        )

    def add(self, job: Job, source: Version | None, result: Version | None) -> None:
        """Records that a job is done.

        Args:
            job: whose output has been written.
            source: state of the input from before it was read; with ``None`` nothing is recorded.
            result: state of the output as it was written.

        Raises:
            OSError: the journal cannot be written, or the file that was named for it is another one.
        """
        path = self._path_of(job)
        if path is None or source is None or result is None:
            return
        self._read(path)
        if path in self._foreign:
            raise OSError(errno.EEXIST, "it is no journal and is left as it is", str(path))
        entry = {"output": _name(job, path), "source": _stamp(source), "result": _stamp(result)}
        line = json.dumps({**entry, "options": self._digest}).encode() + b"\n"
        with open(path, "a+b", opener=self._open) as file:
            if path not in self._whole and file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            self._whole.discard(path)  # where the disk is full, a part of the line may be written
            file.write(line)
        self._whole.add(path)

    def _path_of(self, job: Job) -> Path | None:
        """The journal of a job, if it has one."""
        if not self._enabled or STREAM in (job.source, job.output):
            return None
        return self._path or (None if job.batch_folder is None else job.batch_folder / JOURNAL_NAME)

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        """The entries of a journal by output name."""
        if path not in self._entries:
            entries: dict[str, dict[str, Any]] = {}
            try:
                with open(path, "rb", opener=self._open) as file:
                    entries = {entry["output"]: entry for line in _lines(file) if (entry := _parse(line)) is not None}
                    if self._path is not None and not entries and file.seek(0, os.SEEK_END):
                        self._foreign.add(path)
            except OSError:
                pass
            self._entries[path] = entries
        return self._entries[path]

    def _open(self, path: str, flags: int) -> int:
        """Opens a regular file, and none that a link in a folder of strangers leads to."""
        flags |= getattr(os, "O_NONBLOCK", 0) | (0 if self._path else getattr(os, "O_NOFOLLOW", 0))
        file = os.open(path, flags, 0o666)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        return file


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, without those that are too long for an entry."""
    whole = True
    while line := file.readline(_LONGEST_LINE):
        if whole:
            yield line
        whole = line.endswith(b"\n")


def _parse(line: bytes) -> dict[str, Any] | None:
    """An entry, or ``None`` for anything else."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError, MemoryError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("output"), str) else None


def _name(job: Job, journal: Path) -> str:
    try:
        return os.path.relpath(job.output, journal.parent)
    except ValueError:  # another drive
        return str(Path(job.output).absolute())


def stamp(name: str) -> Stamp | None:
    """Returns size and modification time of a file, or ``None`` if it cannot be found."""
    found = version(name)
    return None if found is None else _stamp(found)


def _stamp(found: Version) -> Stamp:
    return [found.size, found.modified]
