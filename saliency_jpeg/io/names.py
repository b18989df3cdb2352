"""Names of files: suffixes of images, names of outputs, and names as text for a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import Final, TypeVar

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG_SUFFIXES",
    "LOSSLESS_SUFFIXES",
    "STREAM",
    "jpeg_name",
    "printable",
    "real_path",
    "with_image_suffix",
]

#: Stands for standard input and standard output.
STREAM: Final = "-"

#: Suffixes of JPEG files, in lower case.
JPEG_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
#: Suffixes of files that hold undamaged pixels, as a comparison of encoders needs them.
LOSSLESS_SUFFIXES: Final = frozenset({".png", ".ppm", ".bmp", ".tif", ".tiff"})
#: Suffixes of the files that are taken from a folder. A file that is named explicitly is always tried.
IMAGE_SUFFIXES: Final = (
    JPEG_SUFFIXES
    | LOSSLESS_SUFFIXES
    | {".webp", ".gif", ".avif", ".heic", ".heif", ".pgm", ".pnm", ".jp2", ".tga", ".mpo"}
)

# fmt: off
#: Suffixes of the other kinds of image: taken where a file is named, and replaced in the name of its output.
_OTHER_SUFFIXES: Final = frozenset({
    ".apng", ".avifs", ".blp", ".bw", ".cur", ".dcx", ".dds", ".dib", ".fit", ".fits", ".flc", ".fli", ".ftc",
    ".ftu", ".gbr", ".heics", ".heifs", ".hif", ".icb", ".icns", ".ico", ".iim", ".im", ".j2c",
    ".j2k", ".jpc", ".jpf", ".jpx", ".jxl", ".msp", ".pbm", ".pcd", ".pcx", ".pfm", ".psd", ".pxr", ".qoi", ".ras",
    ".rgb", ".rgba", ".sgi", ".vda", ".vst", ".wal", ".xbm", ".xpm",
})
# fmt: on

#: Control characters, line separators, and those that turn the direction of the text around.
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

PathKind = TypeVar("PathKind", bound=PurePath)


def jpeg_name(path: PathKind) -> PathKind:
    """Returns the name of the JPEG file that is made of an image.

    ``a/b.png`` becomes ``a/b.jpg``. The suffix of a JPEG file stays as it is, such as ``.JPG`` or ``.jpeg``. What is
    no suffix of an image stays too: ``v1.5`` becomes ``v1.5.jpg``.
    """
    return path if path.suffix.lower() in JPEG_SUFFIXES else with_image_suffix(path, ".jpg")


def with_image_suffix(path: PathKind, suffix: str) -> PathKind:
    """Returns a name with another suffix in place of that of an image, or after what is no suffix of an image."""
    is_image = path.suffix.lower() in IMAGE_SUFFIXES | _OTHER_SUFFIXES
    return path.with_suffix(suffix) if is_image else path.with_name(f"{path.name}{suffix}")


def printable(text: str) -> str:
    r"""Returns a text in one line that a terminal shows and does not obey: control characters as ``\n`` or ``\x1b``."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def real_path(name: str | os.PathLike[str]) -> Path:
    """Returns where a name leads; one whose links lead in a circle stays a link, where ``Path.resolve`` may raise."""
    return Path(os.path.realpath(name))
