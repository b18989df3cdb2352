"""What is said, and what is held back."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import TextIO

from ..errors import SaliencyJpegError

__all__ = ["NAME", "UsageError", "quiet", "reason", "say"]

NAME = "saliency-jpeg"


class UsageError(Exception):
    """The command line asks for something that cannot be; nothing was begun."""


def say(line: str, stream: TextIO | None) -> None:
    """Prints a line at once; what the stream's encoding lacks is written as an escape."""
    if stream is None:  # closed by whoever started this program
        return
    encoding = stream.encoding or "utf-8"
    try:
        print(line.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:  # nobody listens any more; the work goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def reason(error: BaseException, source: str = "") -> str:
    """One line on what went wrong, and with which file."""
    if isinstance(error, OSError) and error.strerror:
        name, why = str(error.filename or source), error.strerror
    elif isinstance(error, MemoryError):
        name, why = source, "not enough memory"
    else:
        name, why = source, " ".join(str(error).split()) or type(error).__name__
    return f"{name}: {why}" if name else why


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back what TensorFlow's libraries write to standard error while they load, unless they fail to.

    They write past Python, to the file descriptor, and heed ``TF_CPP_MIN_LOG_LEVEL`` in some versions only. Where the
    user has set that variable to less than 3 (errors), everything is let through; 3 is what a parent process has that
    loaded TensorFlow by this library.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3") != "3" or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        saved = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except SaliencyJpegError:  # says enough
            raise
        except Exception:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
