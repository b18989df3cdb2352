"""Files for the command line: which output belongs to which input, and outputs that are whole or not there at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["STREAM", "Job", "Plan", "PlanError", "plan", "read", "write"]

STREAM = "-"  # as a name: standard input or standard output
_PERMISSIONS = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO


class PlanError(Exception):
    """Inputs and output do not go together; nothing was begun."""


class Job(NamedTuple):
    """One image to do: the names of its input and its output, ``-`` for the standard streams."""

    source: str
    output: str


class Plan(NamedTuple):
    """What is to be done, and the folder to be made for it first, if there is one."""

    jobs: list[Job]
    folder: Path | None


def plan(sources: Sequence[str], output: str, suffix: str = ".jpg") -> Plan:
    """Pairs every input with its output: ``a/b.png`` becomes ``OUT/b.jpg`` where ``OUT`` is a folder.

    ``output`` is a folder if there are several inputs, if it ends in a slash, or if such a folder exists.

    Raises:
        PlanError: the output cannot be, two inputs would make the same file, or an output would overwrite an input.
    """
    if len(sources) == 1 and not _is_folder(output):
        if output != STREAM and not Path(output).parent.is_dir():
            raise PlanError(f"the folder of {output} does not exist")
        jobs, folder = [Job(sources[0], output)], None
    else:
        if output == STREAM or (Path(output).exists() and not Path(output).is_dir()):
            raise PlanError(f"several inputs need a folder as output, got {output!r}")
        folder = Path(output)
        jobs = [Job(name, str(folder / (_stem(name) + suffix))) for name in sources]
    _check_clashes(jobs)
    return Plan(jobs, folder)


def _is_folder(output: str) -> bool:
    return output != STREAM and (output.endswith(("/", os.sep)) or Path(output).is_dir())


def _stem(source: str) -> str:
    return "stdin" if source == STREAM else Path(source).stem


def _check_clashes(jobs: list[Job]) -> None:
    sources = {os.path.realpath(job.source) for job in jobs if job.source != STREAM}
    makers: dict[str, str] = {}
    for source, output in jobs:
        if output == STREAM:
            continue
        target = os.path.realpath(output)
        if target in sources:
            raise PlanError(f"{source} -> {output} would overwrite an input")
        if target in makers:
            raise PlanError(f"{makers[target]} and {source} would both become {output}")
        makers[target] = source


def read(name: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    Raises:
        OSError: it cannot be read.
    """
    with open(0 if name == STREAM else name, "rb", closefd=name != STREAM) as file:
        return file.read()


def write(name: str, data: bytes) -> None:
    """Writes a file whole or not at all, or to standard output for ``-``.

    The bytes go to a temporary file in the same folder, which then takes the name. A file that is replaced hands on its
    permissions. Where the name is a link, what it points to is replaced; a device or a pipe is written to.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    if name == STREAM or (Path(name).exists() and not Path(name).is_file()):
        with open(1 if name == STREAM else name, "wb", closefd=name != STREAM) as file:
            file.write(data)
        return
    target = Path(name).resolve()
    temporary = target.with_name(f".saliency-jpeg-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if target.exists():
            temporary.chmod(target.stat().st_mode & _PERMISSIONS)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
