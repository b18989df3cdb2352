"""The journal of a batch, by which a rerun skips what is done.

The file ``.saliency-jpeg.jsonl`` in the output folder has one line of JSON for each finished file::

    {"output": "a/b.jpg", "source": [1234567, 1700000000000000000], "result": [54321, 1700...], "options": "3f6c..."}

``source`` and ``result`` are size and modification time of input and output, ``options`` is a digest of the options. A
file counts as done while all three still match. If an output has several lines, the last one holds; a line that was cut
off is ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from dataclasses import fields
from numbers import Number
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ..io import STREAM
from ..options import Options
from ..saliency.sources import Combined
from .plan import Job

__all__ = ["JOURNAL_NAME", "Journal", "Stamp", "options_digest", "stamp"]

JOURNAL_NAME: Final = ".saliency-jpeg.jsonl"
_WITHOUT_EFFECT: Final = ("device",)  # options that do not change the output file

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
    """

    def __init__(self, digest: str) -> None:
        self._digest = digest
        self._entries: dict[Path, dict[str, dict[str, Any]]] = {}

    def is_done(self, job: Job) -> bool:
        """Returns whether the output exists and was made from this input with these options."""
        if job.batch_folder is None or job.source == STREAM:
            return False
        entry = self._read(job.batch_folder).get(_name(job), {})
        return (
            entry.get("options") == self._digest
            and entry.get("result") == stamp(job.output)
            and (job.source == job.output or entry.get("source") == stamp(job.source))
        )

    def add(self, job: Job, source: Stamp | None) -> None:
        """Records that a job is done.

        Args:
            job: whose output has been written.
            source: stamp of the input from before it was read; with ``None`` nothing is recorded.

        Raises:
            OSError: the journal cannot be written.
        """
        if job.batch_folder is None or source is None:
            return
        entry = {"output": _name(job), "source": source, "result": stamp(job.output), "options": self._digest}
        with (job.batch_folder / JOURNAL_NAME).open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")

    def _read(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The entries of a folder's journal by output name."""
        if folder not in self._entries:
            try:
                lines = (folder / JOURNAL_NAME).read_bytes().splitlines()
            except OSError:
                lines = []
            entries = [entry for line in lines if isinstance(entry := _parse(line), dict)]
            self._entries[folder] = {str(entry.get("output")): entry for entry in entries}
        return self._entries[folder]


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _name(job: Job) -> str:
    return os.path.relpath(job.output, job.batch_folder)


def stamp(name: str) -> Stamp | None:
    """Returns size and modification time of a file, or ``None`` if it cannot be found."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]
