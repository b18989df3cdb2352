"""The bytes of an image, wherever they are."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError
from ..io.files import check_ends, naming

__all__ = ["read_bytes"]


def read_bytes(source: object) -> bytes:
    """Returns the bytes of a path, a bytes-like object or a binary file object.

    Args:
        source: a file object is read from its position to the end and left open.

    Raises:
        InputError: it is none of these, a closed file, one in text mode, memory that was released, or a file object
            whose ``read()`` raises something else than ``OSError``, such as the ``EOFError`` of a damaged archive.
        OSError: it cannot be read.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _bytes_of(source)
    if isinstance(source, (str, os.PathLike)):
        return _read_path(source)
    reader = getattr(source, "read", None)
    if not callable(reader):
        kinds = "a path, bytes, a binary file object, a PIL image or a NumPy array"
        raise InputError(f"an image must be {kinds}, got {type(source).__name__}")
    try:
        data = reader()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # of a closed file, or of what it reads from
        raise InputError(f"the file object cannot be read: {error or type(error).__name__}") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InputError(f"the file object must be opened in binary mode; its read() gave {type(data).__name__}")
    return _bytes_of(data)


def _bytes_of(data: bytes | bytearray | memoryview) -> bytes:
    try:
        return bytes(data)
    except ValueError as error:
        raise InputError(f"the memory of the image cannot be read: {error}") from error


def _read_path(path: str | os.PathLike[str]) -> bytes:
    try:
        check_ends(path)
        with naming(os.fsdecode(path)):
            return Path(path).read_bytes()
    except ValueError as error:  # a null character or an unpaired surrogate in the name
        raise InputError(f"not a usable path: {path!r}") from error
