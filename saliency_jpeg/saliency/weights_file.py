"""Weights files: NumPy ``.npz`` archives, never pickled.

A file holds one float16 or float32 array per variable, named ``layer/index`` as in :mod:`.network`, and optionally
``class_names``, a one-dimensional array of strings, and ``preset``, one string.

A file and its arrays take :data:`MOST_BYTES` at most. Sizes, kinds and shapes are read from the headers and checked
before an array is inflated.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

import numpy as np

from ..errors import PresetError

__all__ = [
    "DAMAGED",
    "MOST_BYTES",
    "Arrays",
    "WeightsFile",
    "open_archive",
    "pack",
    "read",
    "read_bytes",
    "read_entry",
    "split",
    "unpack",
]

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]

#: What the standard library's reader of zip archives raises where one is damaged, encrypted or of an unknown kind.
DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError)

#: Most bytes of a weights file, and of its arrays together; those of the presets take 20 million as float16.
MOST_BYTES: Final = 256_000_000

_MOST_ENTRIES: Final = 10_000  # of an archive; reading its list takes time for each
_ENTRY_START: Final = b"PK\x01\x02"  # of an entry in the list of an archive
_BAD_ARRAY: Final = (*DAMAGED, ValueError, AttributeError, LookupError, TypeError, OverflowError)
#: What NumPy's reader of headers may raise besides, and for strings that are no Unicode.
_BAD_HEADER: Final = (SyntaxError, tokenize.TokenError, MemoryError, SystemError)

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
    for array in (names, preset):
        if array is not None and array.dtype.kind != "U":
            raise PresetError(f"{path}: the class names and the name of the preset must be strings, got {array.dtype}")
    if preset is not None and preset.ndim != 0:
        raise PresetError(f"{path}: the name of the preset must be one string, got {preset.shape}")
    return WeightsFile(arrays, names, None if preset is None else str(preset))


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        PresetError: it cannot be read, or is larger than :data:`MOST_BYTES`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PresetError(f"cannot read the weights file {path}: {error}") from error
    if len(data) > MOST_BYTES:
        raise PresetError(f"a weights file has at most {MOST_BYTES} bytes, got more in {path}")
    return data


def unpack(data: bytes, name: str) -> Arrays:
    """Returns all arrays of a weights file.

    Args:
        data: the file's bytes.
        name: of the file, for the error.

    Raises:
        PresetError: it is not an ``.npz`` archive of plain arrays, or its arrays take more than :data:`MOST_BYTES`.
    """
    try:
        with open_archive(data) as archive:
            entries = archive.infolist()
            if (size := sum(entry.file_size for entry in entries)) > MOST_BYTES:
                raise PresetError(f"the arrays of a weights file have at most {MOST_BYTES} bytes, got {size} in {name}")
            return {entry.filename.removesuffix(".npy"): _read_array(archive, entry) for entry in entries}
    except (*_BAD_ARRAY, *_BAD_HEADER) as error:
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"{name} is not a weights file (.npz of plain arrays), or damaged") from error


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Opens a zip archive.

    Raises:
        zipfile.BadZipFile: it is damaged, or has more than 10000 entries.
    """
    if data.count(_ENTRY_START) > _MOST_ENTRIES:
        raise zipfile.BadZipFile(f"more than {_MOST_ENTRIES} entries")
    return zipfile.ZipFile(io.BytesIO(data))


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Opens an entry, which gives no more bytes than its ``file_size``.

    Raises:
        zipfile.BadZipFile: it is compressed by another method than zlib's, or damaged.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others inflate more than is asked for
        raise zipfile.BadZipFile(f"unknown kind of compression {entry.compress_type}")
    return archive.open(entry)


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """Reads an array whose header fits the size of its entry; NumPy would make room for whatever the header says."""
    with read_entry(archive, entry) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"unknown version {version}")
        read_header = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read_header(file)
        size = entry.file_size - file.tell()
        if dtype.hasobject or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"not a plain array of {size} bytes: {dtype} {shape}")
        array = np.frombuffer(file.read(), dtype).reshape(shape, order="F" if is_fortran else "C")
        if dtype.kind == "U":
            array.tolist()  # raises for what is no Unicode
        return array


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
    arrays: Mapping[str, np.ndarray[Any, Any]],
    backbone: Arrays,
    head: Arrays,
    name: str,
    class_arrays: Collection[str] = (),
) -> tuple[Arrays, Arrays]:
    """Splits the weights of a file into those of the backbone and of the head.

    Args:
        arrays: weights of the file.
        backbone: the preset's weights of the backbone, taken where the file has none of them.
        head: likewise of the head.
        name: of the file, for the error.
        class_arrays: arrays whose last axis counts classes, so that its length may differ from the preset's.

    Raises:
        PresetError: an array is unknown, missing, of another shape, or does not hold numbers.
    """
    if not arrays:
        raise PresetError(f"{name} does not fit the network: nothing in it")
    if unknown := sorted(set(arrays) - set(backbone) - set(head)):
        raise PresetError(f"{name} does not fit the network: {', '.join(unknown[:3])} in it")
    if other := sorted(key for key, array in arrays.items() if array.dtype.kind not in "fiu"):
        raise PresetError(f"{name} does not fit the network: {', '.join(other[:3])} must be numbers")
    for key, array in arrays.items():
        _check_shape(name, key, array.shape, (head if key in head else backbone)[key].shape, key in class_arrays)
    _check_class_counts(arrays, class_arrays, name)
    return _choose(arrays, backbone, name), _choose(arrays, head, name)


def _check_shape(name: str, key: str, shape: tuple[int, ...], expected: tuple[int, ...], has_classes: bool) -> None:
    """Checks the shape of an array; with classes, of which there may be any number from 1, on its last axis."""
    fits = shape == expected
    if has_classes:
        fits = len(shape) == len(expected) and shape[:-1] == expected[:-1] and shape[-1] > 0
    if not fits:
        wanted = f"{expected} with any number of classes in place of {expected[-1]}" if has_classes else f"{expected}"
        raise PresetError(f"{name} does not fit the network: {key} must have shape {wanted}, got {shape}")


def _check_class_counts(arrays: Mapping[str, np.ndarray[Any, Any]], class_arrays: Collection[str], name: str) -> None:
    """Checks that the arrays of a layer have one number of classes."""
    counts: dict[str, int] = {}
    for key in class_arrays:
        if key in arrays and counts.setdefault(key.rpartition("/")[0], arrays[key].shape[-1]) != arrays[key].shape[-1]:
            raise PresetError(f"{name} does not fit the network: {key} must have as many classes as its layer")


def _choose(arrays: Mapping[str, np.ndarray[Any, Any]], base: Arrays, name: str) -> Arrays:
    """Returns the file's arrays if it has those of the base, otherwise the base."""
    if not set(base) & set(arrays):
        return base
    if missing := sorted(set(base) - set(arrays)):
        raise PresetError(f"{name} does not fit the network: {', '.join(missing[:3])} missing")
    return {key: arrays[key] for key in base}
