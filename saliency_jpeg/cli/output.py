"""Writes outputs so that no temporary file stays behind when the process is told to end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Final

from ..io import STREAM, Version, real_path, remove_temporaries, sweep, write

__all__ = ["stoppable", "sweep_folders", "write_output"]

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def write_output(
    name: str, data: bytes, *, sources: Iterable[str] = (), unless_changed: Version | None = None
) -> Version:
    """Writes a file as :func:`saliency_jpeg.io.write` does, also if the process is told to end meanwhile."""
    with stoppable():
        return write(name, data, sources=sources, unless_changed=unless_changed)


def sweep_folders(outputs: Iterable[str]) -> None:
    """Removes from the folders of outputs the temporary files that a killed run has left behind."""
    for folder in sorted({real_path(name).parent for name in outputs if name != STREAM}):
        sweep(folder)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end the process as they do anyway, but without temporary files left behind.

    Signals that are ignored (``nohup``) or already handled stay so. In another thread than the main one, in which no
    handler can be set, nothing changes.
    """
    changed = []
    if threading.current_thread() is threading.main_thread():
        changed = [number for number in _SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    remove_temporaries()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
