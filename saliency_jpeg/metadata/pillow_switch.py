"""Pillow's switch for truncated files, off in the threads that decode here and untouched for everyone else.

``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` is one value for the whole process, which applications set: Pillow then fills
what is missing or damaged with gray or zeros. While a picture is decoded here, a stand-in takes its place that is false
in this thread and has the application's value in all others.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from PIL import ImageFile

__all__ = ["strict_decoding"]

_lock = threading.Lock()


class _StandIn:
    """What Pillow asks for its truth: the application's value, but false in the threads that decode here."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.strict_threads: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.value) and threading.get_ident() not in self.strict_threads


@contextlib.contextmanager
def strict_decoding() -> Iterator[None]:
    """Makes damaged and truncated files an error in this thread, whatever the application has set."""
    if not _value():  # by far most often; then nothing is touched
        yield
        return
    with _lock:
        current = _value()
        stand_in = current if isinstance(current, _StandIn) else _StandIn(current)
        stand_in.strict_threads.append(threading.get_ident())
        _set(stand_in)
    try:
        yield
    finally:
        with _lock:
            stand_in.strict_threads.remove(threading.get_ident())
            if not stand_in.strict_threads and _value() is stand_in:
                _set(stand_in.value)


def _value() -> object:
    return vars(ImageFile)["LOAD_TRUNCATED_IMAGES"]


def _set(value: object) -> None:
    vars(ImageFile)["LOAD_TRUNCATED_IMAGES"] = value
