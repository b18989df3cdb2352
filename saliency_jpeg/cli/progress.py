"""A progress bar on the last line of the terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, TextIO

from .terminal import say, show

__all__ = ["Progress", "bar_stream", "format_bytes"]

_REDRAW_SECONDS: Final = 0.1
_BAR_WIDTH: Final = 24  # characters


def format_bytes(size: float) -> str:
    """Returns a number of bytes in powers of 1000: ``999 B``, ``1.5 kB``, ``12 MB``."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while abs(size) >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "B" or abs(size) >= 99.95 else f"{size:.3g} {units[0]}"


def bar_stream(*, quiet: bool) -> TextIO | None:
    """Returns the stream for a bar: standard error if it is a terminal and ``quiet`` is false, else ``None``."""
    return sys.stderr if sys.stderr is not None and sys.stderr.isatty() and not quiet else None


class Progress:
    """A bar with the number of files done, the rate, the bytes saved and the time left.

    Args:
        total: number of files, or of what the title names.
        stream: a terminal, or ``None`` for no bar; lines are then printed as they come.
        clock: returns seconds.
        title: what is counted, in front of the bar; a bar with a title shows no bytes.
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
        """Counts one more file.

        Args:
            read: bytes of its input.
            written: bytes of its output.
        """
        self._done += 1
        self._read += read
        self._written += written
        if self._clock() - self._drawn >= _REDRAW_SECONDS or self._done == self._total:
            self._draw()

    def say(self, line: str, stream: TextIO | None) -> None:
        """Prints a line above the bar.

        Args:
            line: to print.
            stream: standard output or standard error.
        """
        self._clear()
        say(line, stream)
        self._draw()

    def text(self) -> str:
        """Returns the bar as it is drawn."""
        share = self._done / self._total if self._total else 1.0
        seconds = self._clock() - self._start
        rate = self._done / seconds if seconds > 0 else 0.0
        parts = [self._title] if self._title else []
        parts.append(f"[{'#' * int(_BAR_WIDTH * share):{_BAR_WIDTH}}] {self._done}/{self._total}")
        if self._done:
            parts.append(f"{rate:.1f}/s" if rate >= 1 or rate == 0 else f"{1 / rate:.1f} s each")
            parts += [] if self._title else [f"{format_bytes(self._read - self._written)} saved"]
            parts.append(f"{_format_duration((self._total - self._done) / rate) if rate else '?'} left")
        return "  ".join(parts)

    def _draw(self) -> None:
        if self._stream is not None:
            self._drawn = self._clock()
            width = shutil.get_terminal_size().columns - 1
            show("\r" + self.text()[:width] + "\x1b[K", self._stream)

    def _clear(self) -> None:
        if self._stream is not None:
            show("\r\x1b[K", self._stream)


def _format_duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
