"""A line at the foot of the terminal that says how far a batch has come."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, TextIO

from .terminal import say

__all__ = ["Progress", "amount", "bar_stream"]

_EVERY: Final = 0.1  # seconds between two drawings
_BAR: Final = 24  # characters


def amount(size: float) -> str:
    """Bytes as a person reads them, in powers of 1000: ``999 B``, ``1.5 kB``, ``12 MB``."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while abs(size) >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" or abs(size) >= 99.95 else f"{size:.3g} {units[0]}"


def bar_stream(*, quiet: bool) -> TextIO | None:
    """Where a bar goes: standard error, if that is a terminal."""
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() and not quiet else None


class Progress:
    """The bar: files done of all, rate, bytes saved, time left. Where it is not shown, lines are printed as they come.

    Args:
        total: number of files, or of whatever the title says.
        stream: a terminal, or ``None`` for no bar.
        clock: seconds.
        title: what is counted, in front of the bar; it then tells no bytes.
    """

    def __init__(
        self, total: int, stream: TextIO | None, clock: Callable[[], float] = time.monotonic, title: str = ""
    ) -> None:
        self._total, self._stream, self._clock, self._title = total, stream, clock, title
        self._start, self._drawn = clock(), float("-inf")
        self._done = self._read = self._written = 0

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    @property
    def is_shown(self) -> bool:
        """Whether there is a bar."""
        return self._stream is not None

    def advance(self, read: int = 0, written: int = 0) -> None:
        """One file more is done; ``read`` and ``written`` bytes."""
        self._done += 1
        self._read += read
        self._written += written
        if self._clock() - self._drawn >= _EVERY or self._done == self._total:
            self._draw()

    def say(self, line: str, stream: TextIO | None) -> None:
        """Prints a line above the bar."""
        self._clear()
        say(line, stream)
        self._draw()

    def text(self) -> str:
        """What the bar says."""
        share = self._done / self._total if self._total else 1.0
        seconds = self._clock() - self._start
        rate = self._done / seconds if seconds > 0 else 0.0
        parts = [self._title] if self._title else []
        parts.append(f"[{'#' * int(_BAR * share):{_BAR}}] {self._done}/{self._total}")
        if self._done:
            parts.append(f"{rate:.1f}/s" if rate >= 1 or rate == 0 else f"{1 / rate:.1f} s each")
            parts += [] if self._title else [f"{amount(self._read - self._written)} saved"]
            parts.append(f"{_duration((self._total - self._done) / rate) if rate else '?'} left")
        return "  ".join(parts)

    def _draw(self) -> None:
        if self._stream is not None:
            self._drawn = self._clock()
            width = shutil.get_terminal_size().columns - 1
            print("\r" + self.text()[:width] + "\x1b[K", end="", file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._stream is not None:
            print("\r\x1b[K", end="", file=self._stream, flush=True)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
