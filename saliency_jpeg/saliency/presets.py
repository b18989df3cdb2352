"""Presets are data: ``weights/presets.json`` says which file, what is in it, whose it is and how to use it.

A weights file is a NumPy ``.npz`` archive (never pickled) with one float16 or float32 array per variable, named
``layer/index`` as in :mod:`.network`, and optionally ``class_names``, a one-dimensional array of strings, and
``preset``, one string. Presets share the file of the backbone; a head on it has a file of its own.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from ..errors import PresetError
from .activations import parse_names

__all__ = [
    "CLASS_NAMES",
    "DAMAGED",
    "PRESET",
    "Head",
    "Preset",
    "find",
    "names",
    "read_arrays",
    "read_class_names",
    "read_head",
    "unpack",
    "write_arrays",
]

#: Key of the optional array of class names in a weights file.
CLASS_NAMES = "class_names"
#: Key of the optional name of the preset that a weights file is for.
PRESET = "preset"

#: What the standard library's reader of zip archives raises where one is damaged, encrypted or of an unknown kind.
DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError)

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Head:
    """A head on the backbone.

    Attributes:
        file: weights file, beside ``presets.json``.
        sha256: of the weights file, in hex.
        architecture: fields of :class:`.heads.HeadArchitecture`.
    """

    file: str
    sha256: str
    architecture: Mapping[str, Any]


@dataclass(frozen=True)
class Preset:
    """One entry of ``presets.json``.

    Attributes:
        name: how it is called.
        description: one sentence on what it does.
        card: model card, beside ``presets.json``: data, terms, figures, limits.
        file: weights file of the backbone, beside ``presets.json``.
        sha256: of the weights file, in hex.
        classes: text file with one class name a line.
        source: where the weights come from.
        license: SPDX identifier of the weights' licence.
        architecture: fields of :class:`.network.Architecture`.
        long_side: the longer side of the network's input in pixels, a multiple of its stride.
        margin: pixels more that the input has in both directions, 1 for heads (see :mod:`.heads`).
        mirror: show the head the mirrored image too and take the mean: the map of a mirrored image is the mirrored map.
        offset: how far below and to the right of its middle a cell of the output looks, in pixels of the input.
        contrast: least difference of class evidence between 0 and 1, where the options name none.
        map: fields of :class:`.maps.MapOptions`.
        head: what is put on the backbone, if anything.
    """

    name: str
    description: str
    card: str
    file: str
    sha256: str
    classes: str
    source: str
    license: str
    architecture: Mapping[str, float]
    long_side: int
    margin: int = 0
    mirror: bool = False
    offset: float = 0.0
    contrast: float = 0.0
    map: Mapping[str, Any] = field(default_factory=dict)
    head: Head | None = None


def _folder() -> Traversable:
    return importlib.resources.files("saliency_jpeg.weights")


def _entries() -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(_folder().joinpath("presets.json").read_text("utf-8"))
    return entries


def names() -> tuple[str, ...]:
    """Names :func:`find` knows, sorted; an alias such as ``default`` is one of them."""
    return tuple(sorted(_entries()))


def find(name: str) -> Preset:
    """The preset called ``name``, or the one that the alias ``name`` stands for.

    What an entry does not say itself is what the entry says that it is ``like``.

    Raises:
        PresetError: there is none; the message lists the known names.
    """
    entries = _entries()
    entry = entries.get(name) if isinstance(name, str) else None
    if isinstance(entry, str):
        name, entry = entry, entries[entry]
    if entry is None:
        raise PresetError(f"unknown preset {name!r}, known are {', '.join(sorted(entries))}")
    entry = {**entries[entry["like"]], **entry} if "like" in entry else dict(entry)
    entry.pop("like", None)
    head = entry.get("head")
    return Preset(name=name, **{**entry, "head": head and Head(**head)})


def read_arrays(preset: Preset) -> Arrays:
    """The weights of the preset's backbone, checked against their sha256.

    Raises:
        PresetError: the file is missing or is not the file the preset means.
    """
    return _checked(preset.name, preset.file, preset.sha256)


def read_head(preset: Preset) -> Arrays:
    """The weights of the preset's head, none where it has no head; checked as in :func:`read_arrays`."""
    return {} if preset.head is None else _checked(preset.name, preset.head.file, preset.head.sha256)


def _checked(name: str, file: str, sha256: str) -> Arrays:
    data = _read(file)
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise PresetError(f"{file} is damaged: sha256 is {digest}, preset {name!r} has {sha256}")
    return unpack(data, file)


def read_class_names(preset: Preset) -> tuple[str, ...]:
    """The preset's class names, in the order of the network's channels."""
    return parse_names(_read(preset.classes).decode("utf-8"))


def _read(file: str) -> bytes:
    try:
        return _folder().joinpath(file).read_bytes()
    except OSError as error:
        raise PresetError(f"{file} is missing from the installed weights: {error}") from error


def unpack(data: bytes, name: str) -> Arrays:
    """Arrays of a weights file given as bytes; ``name`` is used in the error only.

    Raises:
        PresetError: it is not an ``.npz`` archive of plain arrays.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (*DAMAGED, ValueError, OSError, EOFError, AttributeError, KeyError) as error:
        raise PresetError(f"{name} is not a weights file (.npz of plain arrays), or damaged") from error


def write_arrays(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """A weights file with floats as float16; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    half: dict[str, Any] = {key: a.astype(np.float16) if a.dtype.kind == "f" else a for key, a in arrays.items()}
    np.savez(buffer, **half)
    return buffer.getvalue()
