"""Reads whole files, and writes files whole or not at all.

The name ``-`` stands for standard input and standard output.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from .names import STREAM, real_path
from .permissions import check_writable, hand_on, new_mode
from .temporary import TemporaryFile, sweep_once

__all__ = [
    "FileChangedError",
    "Version",
    "check_ends",
    "is_folder",
    "is_regular",
    "naming",
    "read",
    "version",
    "write",
]

_NOT_SYNCED: Final = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EROFS)


class FileChangedError(OSError):
    """A file was changed since it was read, and was therefore not replaced."""


class Version(NamedTuple):
    """What tells one state of a file from another.

    Attributes:
        size: in bytes.
        modified: time in nanoseconds.
        changed: time of the last change of contents or properties, in nanoseconds.
        links: number of names.
        identity: device and number of the file on it.
    """

    size: int
    modified: int
    changed: int
    links: int
    identity: tuple[int, int]

    def is_same(self, other: Version | None) -> bool:
        """Returns whether nothing was changed; that a file got or lost another name does not count."""
        if other is None:
            return False
        if self.links != other.links:
            return self._replace(changed=0, links=0) == other._replace(changed=0, links=0)
        return self == other


def version(name: str) -> Version | None:
    """Returns the state of a file, or ``None`` if it cannot be found."""
    try:
        return _version(Path(name).stat())
    except (OSError, ValueError):
        return None


def _version(status: os.stat_result) -> Version:
    identity = status.st_dev, status.st_ino
    return Version(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_nlink, identity)


def is_regular(name: str) -> bool:
    """Returns whether a file is not a pipe, a socket or a device; true also where there is none."""
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def is_folder(name: str | os.PathLike[str]) -> bool:
    """Returns whether there is a folder; false where that cannot be told, as of a name that is too long."""
    try:
        return stat.S_ISDIR(Path(name).stat().st_mode)
    except (OSError, ValueError):
        return False


def check_ends(name: str | os.PathLike[str]) -> None:
    """Checks that what a path leads to has an end: a file or a pipe, and no device such as ``/dev/zero``.

    Raises:
        OSError: it is a device, or cannot be found.
    """
    if stat.S_ISCHR(os.stat(name).st_mode):  # noqa: PTH116 (a path would change the name in the error)
        raise OSError(errno.EINVAL, "it is a device and no file", str(name))


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Adds the name of a file to errors of calls on an open file, which know none, or only its number."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or isinstance(error.filename, int)):
            error.filename = name
        raise


def read(name: str) -> bytes:
    """Returns the bytes of a file, or of standard input for ``-``.

    Raises:
        OSError: the file cannot be read, or is a device.
    """
    if name != STREAM:
        check_ends(name)
    named, source = (name, name) if name != STREAM else ("standard input", 0)
    with naming(named), open(source, "rb", closefd=name != STREAM) as file:
        return file.read()


def write(name: str, data: bytes, *, sources: Iterable[str] = (), unless_changed: Version | None = None) -> Version:
    """Writes a whole file atomically, or writes to standard output for ``-``.

    The bytes go to a temporary file in the same folder, which only its owner can read. Once it is on the disk it gets
    its permissions and its name. A file that is replaced hands on its owner and group, where the process may set them,
    its permissions, its access control list and its extended attributes. A symbolic link stays a link: its target is
    replaced. A device or a pipe is written to directly. The first file that a process writes into a folder removes
    temporary files there of processes that were killed.

    Args:
        name: path of the file, or ``-``.
        data: its new contents.
        sources: names of the files that the data is made of. Where nothing is replaced, group and others may not do
            more with the new file than with each of these.
        unless_changed: state of the file to replace from before it was read; a file in another state is left alone.

    Returns:
        The state of the new file, before it got its name; of a stream or device, one that means nothing.

    Raises:
        FileChangedError: the file to replace was changed meanwhile, or is gone.
        PermissionError: the file to replace is read-only.
        OSError: the file cannot be written; the old file is unchanged and no temporary file remains.
    """
    if name == STREAM or (Path(name).exists() and not Path(name).is_file()):
        named, target = (name, name) if name != STREAM else ("standard output", 1)
        with naming(named), open(target, "wb", closefd=name != STREAM) as file:
            file.write(data)
        return Version(len(data), 0, 0, 0, (0, 0))
    with naming(name):
        return _write_file(name, data, sources, unless_changed)


def _write_file(name: str, data: bytes, sources: Iterable[str], unless_changed: Version | None) -> Version:
    target = real_path(name)
    if target.is_symlink():
        raise OSError(errno.ELOOP, "symbolic links lead in a circle", name)
    if target.exists():
        check_writable(target)
    sweep_once(target.parent)
    with TemporaryFile(target.parent) as temporary:
        temporary.file.write(data)
        temporary.file.flush()
        _set_permissions(temporary.handle, target, sources)
        _sync(temporary.file.fileno())
        written = _version(os.fstat(temporary.file.fileno()))
        if unless_changed is not None and not unless_changed.is_same(version(str(target))):
            raise FileChangedError(errno.EBUSY, "it was changed meanwhile and is left as it is; run again", name)
        temporary.rename(target)
    _sync_folder(target.parent)
    return written


def _set_permissions(new: int | Path, target: Path, sources: Iterable[str]) -> None:
    if target.exists():
        hand_on(target, new)
    else:
        os.chmod(new, new_mode(sources))  # noqa: PTH101 (a path has no open file)


def _sync(file: int) -> None:
    """Waits until a file is on its disk; a file system that knows no such thing is left in peace."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise


def _sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on its disk, where folders can be opened."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, and a folder that may be written but not listed
        return
    try:
        _sync(file)
    finally:
        os.close(file)
