"""Folders of files by their names: on a disk, or in a store that pyarrow or fsspec knows (s3, gs, az, ...)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from .files import version, write
from .temporary import sweep

__all__ = ["Folder", "LocalFolder", "RemoteFolder", "folder_of", "is_remote", "remote_file"]

_SEPARATOR: Final = "://"
_SECRETS: Final = re.compile(r"://[^/@]*@")
_OPTIONS: Final = re.compile(r"\?(?:\w+=[^?]*)?\Z")  # of pyarrow, behind a path; or a mark that says that none follow
State = tuple[int, int]  # size, and time of the last change in nanoseconds


class Folder(Protocol):
    """Files below a folder; names are relative to it, with slashes."""

    def locate(self, name: str) -> str:
        """Returns the path or address of a file."""

    def below(self, name: str) -> Folder:
        """Returns a folder in this one."""

    def state(self, name: str) -> State | None:
        """Returns size and time of a file; ``None`` where there is none."""

    def read(self, name: str) -> bytes:
        """Returns a file's bytes.

        Raises:
            OSError: it cannot be read.
        """

    def write(self, name: str, data: bytes, sources: Sequence[str] = ()) -> None:
        """Writes a file, whole or not at all, with the folders it lies in.

        Args:
            name: of the file.
            data: its bytes.
            sources: files that it is made of, whose permissions it may not exceed, on a disk.

        Raises:
            OSError: it cannot be written.
        """

    def names(self, *, recursive: bool = False) -> Iterator[str]:
        """Yields the names of the files, sorted; none where there is no folder."""

    def sweep(self) -> None:
        """Removes temporary files of processes that were killed."""


@dataclass(frozen=True)
class LocalFolder:
    """A folder on a disk; see :class:`Folder`."""

    path: Path

    def locate(self, name: str) -> str:
        """Returns the path of a file."""
        return str(self.path / name)

    def below(self, name: str) -> Folder:
        """Returns a folder in this one."""
        return LocalFolder(self.path / name)

    def state(self, name: str) -> State | None:
        """Returns size and time of a file; ``None`` where there is none."""
        found = version(self.locate(name))
        return None if found is None else (found.size, found.modified)

    def read(self, name: str) -> bytes:
        """Returns a file's bytes."""
        return (self.path / name).read_bytes()

    def write(self, name: str, data: bytes, sources: Sequence[str] = ()) -> None:
        """Writes a file, whole or not at all."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        write(self.locate(name), data, sources=sources)

    def names(self, *, recursive: bool = False) -> Iterator[str]:
        """Yields the names of the files, sorted."""
        found = sorted(self.path.rglob("*") if recursive else self.path.glob("*"))
        return (path.relative_to(self.path).as_posix() for path in found if path.is_file())

    def sweep(self) -> None:
        """Removes temporary files of processes that were killed."""
        sweep(self.path)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of a store; see :class:`Folder`. It can be pickled, and is opened where it is used.

    A file appears when it is complete: stores of objects have no half-written ones.

    Attributes:
        address: of the folder, such as ``s3://bucket/photos`` or ``az://container/photos``. Names in it are as the
            store has them, ``%20`` is no space; pyarrow's options may follow, ``?region=eu-west-1``.
        filesystem: pyarrow's or fsspec's; ``None``: pyarrow's for the address, or fsspec's where pyarrow has none.
    """

    address: str
    filesystem: Any = None

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system as pyarrow's, and the folder's path in it."""
        from pyarrow import ArrowInvalid, fs

        address = self._plain_address
        scheme, _, path = address.partition(_SEPARATOR)
        if self.filesystem is None:
            where, _, below = path.partition("/")
            encoded = f"{scheme}{_SEPARATOR}{where}/{quote(below, safe='/:')}"  # pyarrow decodes it
            try:
                return fs.FileSystem.from_uri(encoded + _split_options(self.address)[1])  # type: ignore[no-any-return]
            except ArrowInvalid:
                from fsspec.core import url_to_fs

                found, path = url_to_fs(address)
                return fs.PyFileSystem(fs.FSSpecHandler(found)), path
        if isinstance(self.filesystem, fs.FileSystem):
            return self.filesystem, path
        return fs.PyFileSystem(fs.FSSpecHandler(self.filesystem)), path

    def _path(self, name: str) -> str:
        return f"{self._opened[1].rstrip('/')}/{name}" if name else self._opened[1]

    def locate(self, name: str) -> str:
        """Returns the address of a file, without options and secrets that the folder's may have."""
        return _SECRETS.sub(_SEPARATOR, f"{self._plain_address}/{name}")

    @property
    def _plain_address(self) -> str:
        scheme, separator, path = _split_options(self.address)[0].partition(_SEPARATOR)
        return f"{scheme}{separator}{path.rstrip('/')}"

    def full_address(self, name: str) -> str:
        """Returns the address of a file with those, by which it can be opened elsewhere, as by :func:`remote_file`."""
        options = _split_options(self.address)[1] or ("?" if "?" in name else "")
        return f"{self._plain_address}/{name}{options}"

    def below(self, name: str) -> Folder:
        """Returns a folder in this one."""
        return RemoteFolder(self.full_address(name), self.filesystem)

    def state(self, name: str) -> State | None:
        """Returns size and time of a file; ``None`` where there is none."""
        info = self._opened[0].get_file_info(self._path(name))
        return (info.size, info.mtime_ns or 0) if info.is_file else None

    def read(self, name: str) -> bytes:
        """Returns a file's bytes."""
        with self._opened[0].open_input_stream(self._path(name), compression=None) as file:
            return bytes(file.read())

    def write(self, name: str, data: bytes, sources: Sequence[str] = ()) -> None:
        """Writes a file."""
        path = self._path(name)
        self._opened[0].create_dir(os.path.dirname(path), recursive=True)  # noqa: PTH120 (no path of this machine)
        with self._opened[0].open_output_stream(path, compression=None) as file:
            file.write(data)

    def names(self, *, recursive: bool = False) -> Iterator[str]:
        """Yields the names of the files, sorted."""
        from pyarrow import fs

        base = self._opened[1].rstrip("/")
        selector = fs.FileSelector(base, allow_not_found=True, recursive=recursive)
        found = sorted(info.path for info in self._opened[0].get_file_info(selector) if info.is_file)
        return (path.lstrip("/").removeprefix(f"{base.lstrip('/')}/") for path in found)

    def sweep(self) -> None:
        """Does nothing: there are no temporary files."""


def is_remote(name: object) -> bool:
    """Returns whether a name is an address, such as ``s3://bucket/photos``."""
    return isinstance(name, str) and _SEPARATOR in name


def folder_of(name: str | Path, filesystem: Any = None) -> Folder:
    """Returns the folder of a path or an address.

    Args:
        name: path of this machine, or an address.
        filesystem: see :class:`RemoteFolder`; for addresses.
    """
    return RemoteFolder(str(name), filesystem) if is_remote(name) else LocalFolder(Path(name).absolute())


def remote_file(address: str, filesystem: Any = None) -> tuple[Folder, str]:
    """Returns the folder of a file in a store, and the file's name in it.

    Args:
        address: of the file. A name that looks as if options followed has another ``?`` at its end.
        filesystem: see :class:`RemoteFolder`.
    """
    path, options = _split_options(address)
    name = path.rpartition("/")[2]
    return RemoteFolder(f"{path.removesuffix(name)}{options}", filesystem), name


def _split_options(address: str) -> tuple[str, str]:
    """Returns an address without its options, and these with their question mark."""
    found = _OPTIONS.search(address)
    return (address, "") if found is None else (address[: found.start()], found[0])
