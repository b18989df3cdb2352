"""Files and the standard streams as bytes: read at once, written whole or not at all."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path
from typing import Final

__all__ = ["STREAM", "read", "write"]

STREAM: Final = "-"  # as a name: standard input or standard output
_PERMISSIONS: Final = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO


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
