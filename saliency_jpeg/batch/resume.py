"""What a batch has done, so that running it again does only the rest.

Beside the outputs lies ``.saliency-jpeg.jsonl``, one line of JSON for each file that was done, added as it is done::

    {"output": "a/b.jpg", "source": [1234567, 1700000000000000000], "result": [54321, 1700...], "recipe": "3f6c..."}

A file counts as done while input and output have the size and the time of change noted there and the recipe, a digest
of the options, is the same. Of several lines on one output the last counts; a line that was cut off counts nothing.
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

__all__ = ["FILE_NAME", "Journal", "recipe"]

FILE_NAME: Final = ".saliency-jpeg.jsonl"
_NO_RECIPE: Final = ("device",)  # options that do not change the file

Stamp = list[int]


def recipe(options: Options) -> str:
    """A digest of the options; a map or model of the caller's own counts by its content."""
    digest = hashlib.sha256()
    for field in fields(options):
        if field.name not in _NO_RECIPE:
            digest.update(f"{field.name}={_content(getattr(options, field.name))}\n".encode())
    return digest.hexdigest()[:32]


def _content(value: Any) -> str:
    """What a value holds; of a function that cannot be pickled only itself is the same."""
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
    """The notes of the folders in which a batch writes, each read when it is first asked for."""

    def __init__(self, recipe: str) -> None:
        self._recipe = recipe
        self._notes: dict[Path, dict[str, dict[str, Any]]] = {}

    def is_done(self, job: Job) -> bool:
        """Whether the output of a job is there, made from this input with these options."""
        if job.home is None or job.source == STREAM:
            return False
        note = self._read(job.home).get(_name(job), {})
        return (
            note.get("recipe") == self._recipe
            and note.get("result") == stamp(job.output)
            and (job.source == job.output or note.get("source") == stamp(job.source))
        )

    def add(self, job: Job, source: Stamp | None) -> None:
        """Notes that a job is done; ``source`` is the input's stamp from before it was read.

        Raises:
            OSError: the notes cannot be written.
        """
        if job.home is None or source is None:
            return
        note = {"output": _name(job), "source": source, "result": stamp(job.output), "recipe": self._recipe}
        with (job.home / FILE_NAME).open("ab") as file:
            file.write(json.dumps(note).encode() + b"\n")

    def _read(self, home: Path) -> dict[str, dict[str, Any]]:
        if home not in self._notes:
            try:
                lines = (home / FILE_NAME).read_bytes().splitlines()
            except OSError:
                lines = []
            notes = [note for line in lines if isinstance(note := _parsed(line), dict)]
            self._notes[home] = {str(note.get("output")): note for note in notes}
        return self._notes[home]


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _name(job: Job) -> str:
    return os.path.relpath(job.output, job.home)


def stamp(name: str) -> Stamp | None:
    """Size and time of change of a file, ``None`` where there is none."""
    try:
        status = Path(name).stat()
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]
