"""Lines of text for people: on a stream that may be closed, lead nowhere, or lack characters."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import TextIO

from .files import naming
from .names import printable

__all__ = ["say", "say_lines", "show"]


def say(line: str, stream: TextIO | None) -> None:
    r"""Prints a line immediately.

    Args:
        line: control characters, such as those of a file's name, are written as escapes (``\n``), and so are those that
            the stream's encoding lacks.
        stream: ``None``, as Python sets a closed standard stream, drops the line.
    """
    say_lines([line], stream)


def say_lines(lines: Iterable[str], stream: TextIO | None) -> None:
    """Prints lines immediately, each as :func:`say` does."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    text = "\n".join(printable(line) for line in lines)
    show(text.encode(encoding, "backslashreplace").decode(encoding) + "\n", stream)


def show(text: str, stream: TextIO) -> None:
    """Prints a text as it is, immediately. Where the reader of a pipe or the terminal is gone, the work goes on."""
    try:
        with naming(str(getattr(stream, "name", ""))):
            print(text, end="", file=stream, flush=True)
    except OSError as error:
        is_gone = error.errno == errno.EPIPE or (error.errno == errno.EIO and _is_terminal(stream))
        if not is_gone:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_terminal(stream: TextIO) -> bool:
    """Whether a stream leads to a terminal, also to one that was closed, of which ``isatty`` is false."""
    return stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
