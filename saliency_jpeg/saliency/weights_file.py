"""Weights files: NumPy ``.npz`` archives, never pickled.

A file holds one float16 or float32 array per variable, named ``layer/index`` as in :mod:`.network`, and optionally
``class_names``, a one-dimensional array of strings, and ``preset``, one string.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..errors import PresetError

__all__ = ["DAMAGED", "Arrays", "WeightsFile", "pack", "read", "read_bytes", "split", "unpack"]

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]

#: What the standard library's reader of zip archives raises where one is damaged, encrypted or of an unknown kind.
DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError)

_CLASS_NAMES = "class_names"
_PRESET = "preset"


class WeightsFile(NamedTuple):
    """Contents of a weights file.

    Attributes:
        arrays: weights by ``layer/index``, of the backbone, of a head, or of both.
        class_names: strings (classes,), as the file has them; None where it has none.
        preset: name of the preset that the weights are for; None where the file does not say.
    """

    arrays: Arrays
    class_names: np.ndarray[Any, Any] | None = None
    preset: str | None = None


def read(path: Path) -> WeightsFile:
    """Reads a weights file.

    Raises:
        PresetError: it cannot be read, or is not an ``.npz`` archive of plain arrays.
    """
    arrays = unpack(read_bytes(path), str(path))
    names, preset = arrays.pop(_CLASS_NAMES, None), arrays.pop(_PRESET, None)
    return WeightsFile(arrays, names, None if preset is None else str(preset))


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        PresetError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PresetError(f"cannot read the weights file {path}: {error}") from error


def unpack(data: bytes, name: str) -> Arrays:
    """Returns all arrays of a weights file.

    Args:
        data: the file's bytes.
        name: of the file, for the error.

    Raises:
        PresetError: it is not an ``.npz`` archive of plain arrays.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (*DAMAGED, ValueError, OSError, EOFError, AttributeError, KeyError) as error:
        raise PresetError(f"{name} is not a weights file (.npz of plain arrays), or damaged") from error


def pack(file: WeightsFile) -> bytes:
    """Returns the bytes of a weights file with floats as float16; the same contents give the same bytes."""
    arrays: dict[str, Any] = {key: a.astype(np.float16) if a.dtype.kind == "f" else a for key, a in file.arrays.items()}
    if file.class_names is not None:
        arrays[_CLASS_NAMES] = file.class_names
    if file.preset is not None:
        arrays[_PRESET] = np.array(file.preset)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def split(
    arrays: Mapping[str, np.ndarray[Any, Any]], backbone: Arrays, head: Arrays, name: str
) -> tuple[Arrays, Arrays]:
    """Splits the weights of a file into those of the backbone and of the head.

    Args:
        arrays: weights of the file.
        backbone: the preset's weights of the backbone, taken where the file has none of them.
        head: likewise of the head.
        name: of the file, for the error.

    Raises:
        PresetError: an array is unknown, missing, or does not hold numbers.
    """
    if not arrays:
        raise PresetError(f"{name} does not fit the network: nothing in it")
    if unknown := sorted(set(arrays) - set(backbone) - set(head)):
        raise PresetError(f"{name} does not fit the network: {', '.join(unknown[:3])} in it")
    if other := sorted(key for key, array in arrays.items() if array.dtype.kind not in "fiu"):
        raise PresetError(f"{name} does not fit the network: {', '.join(other[:3])} must be numbers")
    return _choose(arrays, backbone, name), _choose(arrays, head, name)


def _choose(arrays: Mapping[str, np.ndarray[Any, Any]], base: Arrays, name: str) -> Arrays:
    """Returns the file's arrays if it has those of the base, otherwise the base."""
    if not set(base) & set(arrays):
        return base
    if missing := sorted(set(base) - set(arrays)):
        raise PresetError(f"{name} does not fit the network: {', '.join(missing[:3])} missing")
    return {key: arrays[key] for key in base}
