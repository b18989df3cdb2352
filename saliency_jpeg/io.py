"""Reads and writes whole files, writes atomically, and knows which suffixes are images and what outputs are called.

The name ``-`` stands for standard input and standard output.
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path, PurePath
from typing import Final

__all__ = ["IMAGE_SUFFIXES", "JPEG_SUFFIXES", "LOSSLESS_SUFFIXES", "STREAM", "is_regular", "jpeg_name", "read", "write"]

STREAM: Final = "-"

#: Suffixes of JPEG files, in lower case.
JPEG_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
#: Suffixes of files that hold undamaged pixels, as a comparison of encoders needs them.
LOSSLESS_SUFFIXES: Final = frozenset({".png", ".ppm", ".bmp", ".tif", ".tiff"})
#: Suffixes of the files that are taken from a folder. A file that is named explicitly is always tried.
IMAGE_SUFFIXES: Final = (
    JPEG_SUFFIXES | LOSSLESS_SUFFIXES | {".webp", ".gif", ".avif", ".pgm", ".pnm", ".jp2", ".tga", ".mpo"}
)

# fmt: off
#: Suffixes of the other kinds of image: taken where a file is named, and replaced in the name of its output.
_OTHER_SUFFIXES: Final = frozenset({
    ".apng", ".avifs", ".blp", ".bw", ".cur", ".dcx", ".dds", ".dib", ".fit", ".fits", ".flc", ".fli", ".ftc",
    ".ftu", ".gbr", ".heic", ".heics", ".heif", ".heifs", ".hif", ".icb", ".icns", ".ico", ".iim", ".im", ".j2c",
    ".j2k", ".jpc", ".jpf", ".jpx", ".jxl", ".msp", ".pbm", ".pcd", ".pcx", ".pfm", ".psd", ".pxr", ".qoi", ".ras",
    ".rgb", ".rgba", ".sgi", ".vda", ".vst", ".wal", ".xbm", ".xpm",
})
# fmt: on

_PERMISSIONS: Final = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO


def jpeg_name(name: str, suffix: str = ".jpg") -> str:
    """Returns the name of a JPEG file made of an image: ``b.jpg`` for ``b.png``.

    Only the suffix of a kind of image is replaced. What follows the last dot of another name is part of it: ``v1.5``
    becomes ``v1.5.jpg``, and ``IMG_2024.01.05`` becomes ``IMG_2024.01.05.jpg``.

    Args:
        name: of the image, with folders or without.
        suffix: of the JPEG file.
    """
    path = PurePath(name)
    if path.suffix.lower() in IMAGE_SUFFIXES | _OTHER_SUFFIXES:
        return name[: -len(path.suffix)] + suffix
    return name + suffix


def is_regular(name: str) -> bool:
    """Returns whether a file is not a pipe, a socket or a device; true also where there is none."""
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def read(name: str) -> bytes:
    """Returns the bytes of a file, or of standard input for ``-``.

    Raises:
        OSError: the file cannot be read.
    """
    with open(0 if name == STREAM else name, "rb", closefd=name != STREAM) as file:
        return file.read()


def write(name: str, data: bytes) -> None:
    """Writes a whole file atomically, or writes to standard output for ``-``.

    The bytes go to a temporary file in the same folder, which is then renamed. An existing file keeps its permissions.
    A symbolic link stays a link: its target is replaced. A device or a pipe is written to directly.

    Args:
        name: path of the file, or ``-``.
        data: its new contents.

    Raises:
        OSError: the file cannot be written; the old file is unchanged and no temporary file remains.
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
