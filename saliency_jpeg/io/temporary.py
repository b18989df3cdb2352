"""Temporary files: made private, locked while they are written, and removed with the process or by a later one.

A temporary file lies in the folder of the file that it becomes, under the name ``.saliency-jpeg-HOST-RANDOM.tmp``. Its
process holds a lock on it until it has its final name. So another process can tell one that was left behind, whose lock
went with its process, from one that is being written. Where files cannot be locked, or the file comes from another
machine, age decides.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import re
import secrets
import stat
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal

if sys.platform != "win32":
    import fcntl

__all__ = ["TemporaryFile", "remove_temporaries", "sweep", "sweep_once"]

_NAME: Final = re.compile(r"\.saliency-jpeg-(?:([0-9a-f]{8})-)?[0-9a-f]{16}\.tmp")
_OLD_SECONDS: Final = 3600.0  # a file of another machine, or one that cannot be locked, was left behind after this
_TRIES: Final = 100
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)

_Lock = Literal["held", "busy", "unknown"]
_live: set[Path] = set()  # of this process
_swept: set[Path] = set()  # folders
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_live.clear)


class TemporaryFile:
    """A new file that only its owner can read; removed when the context ends, unless it was renamed.

    Attributes:
        path: of the file.
        file: open for writing.

    Args:
        folder: of the file.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.file = _create(folder)

    def __enter__(self) -> TemporaryFile:
        return self

    @property
    def handle(self) -> int | Path:
        """What leads to the file and to no other: the open file, or where the system cannot use that, its path."""
        return self.file.fileno() if os.chmod in os.supports_fd else self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if sys.platform == "win32":  # there an open file cannot be removed
                self.file.close()
            if self.path in _live:
                self.path.unlink(missing_ok=True)
            _live.discard(self.path)  # only now: Ctrl-C may come between any two lines
        finally:
            self.file.close()  # which ends the lock

    def rename(self, target: Path) -> None:
        """Gives the file its final name, in place of the file that had it.

        Raises:
            OSError: the file cannot be renamed.
        """
        if sys.platform == "win32":
            self.file.close()
        try:
            self.path.replace(target)
        except OSError as error:
            error.filename, error.filename2 = str(target), None
            raise
        _live.discard(self.path)


def _create(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new file, open and locked; another name is tried if a sweep came between these two."""
    for _ in range(_TRIES):
        path = folder / f".saliency-jpeg-{_host()}-{secrets.token_hex(8)}.tmp"
        _live.add(path)
        try:
            file = os.fdopen(os.open(path, _FLAGS, stat.S_IRUSR | stat.S_IWUSR), "r+b")
        except FileExistsError:
            _live.discard(path)
            continue
        except BaseException as error:
            path.unlink(missing_ok=True)
            _live.discard(path)
            if isinstance(error, OSError) and error.errno is not None:
                error.filename = str(folder)  # nobody named the temporary file
            raise
        if _lock(file.fileno()) != "busy" and os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()
        _live.discard(path)
    raise OSError(f"no temporary file can be kept in {folder}")


def _host() -> str:
    return hashlib.sha256(platform.node().encode(errors="surrogatepass")).hexdigest()[:8]


def _lock(file: int) -> _Lock:
    lock: _Lock = "unknown"
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock = "held"
        except BlockingIOError:
            lock = "busy"
        except OSError:  # a file system without locks
            pass
    return lock


def remove_temporaries() -> None:
    """Removes the temporary files of this process, which then has to end; for handlers of signals."""
    for path in tuple(_live):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


atexit.register(remove_temporaries)  # those of writes that Ctrl-C ended before they could clean up


def sweep(folder: Path) -> None:
    """Removes the temporary files in a folder whose process was killed; those in use are left alone.

    A folder that cannot be read and a file that cannot be removed are left as they are.
    """
    with contextlib.suppress(OSError):
        names = [entry.name for entry in os.scandir(folder)]
        for found in filter(None, map(_NAME.fullmatch, names)):
            with contextlib.suppress(OSError):
                _remove_abandoned(folder / found[0], same_host=found[1] == _host())


def sweep_once(folder: Path) -> None:
    """Sweeps a folder, see :func:`sweep`, unless this process has done so before."""
    if folder not in _swept:
        _swept.add(folder)
        sweep(folder)


def _remove_abandoned(path: Path, *, same_host: bool) -> None:
    """Removes a file while its lock is held here, so that its process either has it or sees that it is gone."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return
    is_old = time.time() - status.st_mtime > _OLD_SECONDS
    if sys.platform != "win32":
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            lock = _lock(file)
            if (is_old and lock != "busy") or (lock == "held" and same_host):
                path.unlink()
        finally:
            os.close(file)
    elif is_old:
        path.unlink()
