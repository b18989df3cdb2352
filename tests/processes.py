"""Runs the command line, in this process or in one of its own, and Python programs; skips what cannot run here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from saliency_jpeg import cli

Capture = pytest.CaptureFixture[str]
NONE = ("--saliency", "none")
#: The fixture ``run_script``, and what is made of it.
Script = Callable[..., str]


def run(*arguments: object) -> int:
    """The exit status of the command line, run in this process."""
    return cli.main([str(argument) for argument in arguments])


def usage_error(capsys: Capture, *arguments: object) -> str:
    """Runs a command that must be refused; returns the last line of its message."""
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def command(*arguments: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own, with ``data`` on standard input."""
    return subprocess.run(command_words(*arguments), input=data, capture_output=True, check=False)


def command_words(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "saliency_jpeg", *map(str, arguments)]


def interpreter(*words: object, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python interpreter in a folder, with these variables of the environment added or replaced."""
    variables = {**os.environ, **environment}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def python(*words: object, folder: Path | None = None, status: int = 0, **environment: str) -> str:
    """Standard output of a Python interpreter, which has to end with ``status``."""
    done = interpreter(*words, folder=folder, **environment)
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def needs(*modules: str, programs: tuple[str, ...] = ()) -> None:
    """Skips the test, or the whole file if called while it is imported, unless all of these are installed.

    Modules are looked for but not imported.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    missing += [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}", allow_module_level=True)
