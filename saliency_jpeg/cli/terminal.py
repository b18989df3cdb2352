"""Output to the terminal: lines, error messages, and silencing of TensorFlow's libraries."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from ..errors import SaliencyJpegError
from ..io import printable, say, say_lines, show
from ..saliency.tensorflow_runtime import has_gpu

__all__ = [
    "NAME",
    "Parser",
    "UsageError",
    "describe_error",
    "hide_library_output",
    "load_tensorflow_quietly",
    "nearest",
    "say",
    "say_lines",
    "show",
]

NAME = "saliency-jpeg"


class UsageError(Exception):
    """The command line is wrong; nothing has been written."""


class Parser(argparse.ArgumentParser):
    """A parser that suggests the nearest name, and whose messages a terminal shows and does not obey."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parses the arguments; what no command knows is an error of the command that was given."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser: Parser = getattr(parsed, "parser", self)
            parser.error(parser.describe_unknown(unknown))
        return parsed

    def describe_unknown(self, words: Sequence[str]) -> str:
        """Returns a message about arguments that this parser does not know."""
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        if not options:
            return f"too many arguments, got {' '.join(words)}"
        flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        return f"there is no option {options[0]}{nearest(options[0], flags)}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(str(value), map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Prints the usage and a message, and exits with status 2."""
        super().error(printable(message))


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message that suggests the known name nearest to a wrong one; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def describe_error(error: BaseException, source: str = "") -> str:
    """Returns an error as one line, with the name of the file.

    Args:
        error: to describe.
        source: name of the input, for errors that do not name a file themselves.
    """
    if isinstance(error, OSError) and error.strerror:
        name, why = str(error.filename or source), error.strerror
    elif isinstance(error, MemoryError):
        name, why = source, "not enough memory"
    else:
        name, why = source, " ".join(str(error).split()) or type(error).__name__
    return f"{name}: {why}" if name else why


@contextlib.contextmanager
def hide_library_output() -> Iterator[None]:
    """Hides what TensorFlow's libraries write to standard error while they load, unless loading fails.

    They write to the file descriptor, not to Python's stream, and only some versions respect ``TF_CPP_MIN_LOG_LEVEL``.
    If the user has set that variable to less than 3 (errors only), nothing is hidden. The value 3 may come from a
    parent process that loaded TensorFlow with this library. Nor is anything where no temporary file can be made, as in
    a container whose disk is read-only.
    """
    hidden = None
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3") == "3" and sys.stderr is not None:
        with contextlib.suppress(OSError):
            hidden = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
    if hidden is None:
        yield
        return
    sys.stderr.flush()
    with hidden:
        saved = os.dup(2)
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except SaliencyJpegError:  # its message is enough
            raise
        except Exception:
            hidden.seek(0)
            os.write(saved, hidden.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def load_tensorflow_quietly() -> None:
    """Loads TensorFlow, where it is installed, without its messages: for commands that will use it in their work.

    What is wrong with it is left to be told by what needs it.
    """
    with contextlib.suppress(SaliencyJpegError), hide_library_output():
        has_gpu()
