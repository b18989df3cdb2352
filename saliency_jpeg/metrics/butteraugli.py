"""Butteraugli, measured by libjxl's program ``butteraugli_main``."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy.typing as npt

from .arrays import Pixels, as_pair, composite, to_ppm

__all__ = ["Butteraugli", "butteraugli"]


class Butteraugli(NamedTuple):
    """Butteraugli distances; lower is better, 1 is just visible.

    Attributes:
        maximum: largest distance of all pixels.
        norm3: 3-norm of the distances.
    """

    maximum: float
    norm3: float


def butteraugli(
    reference: npt.ArrayLike, distorted: npt.ArrayLike, saliency: npt.ArrayLike | None = None
) -> Butteraugli | None:
    """Measures the Butteraugli distance with ``butteraugli_main``, from $BUTTERAUGLI or the PATH.

    Args:
        reference: uint8 (H, W, 3) sRGB or (H, W) gray.
        distorted: uint8 of the same size.
        saliency: real (H, W) in [0, 1]; only the damage where it is high counts.

    Returns:
        The distances, or ``None`` if the program is not installed (Debian has it in libjxl-devtools).

    Raises:
        InputError: the arrays do not fit.
    """
    a, b = as_pair(reference, distorted)
    program = os.environ.get("BUTTERAUGLI") or shutil.which("butteraugli_main")
    if not program:
        return None
    text = _run(program, a, b if saliency is None else composite(a, b, saliency))
    maximum, norm3 = text.splitlines()[:2]
    return Butteraugli(float(maximum), float(norm3.split(":")[1]))


def _run(program: str, a: Pixels, b: Pixels) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.ppm", "b.ppm")]
        for path, pixels in zip(paths, (a, b), strict=True):
            path.write_bytes(to_ppm(pixels))
        return subprocess.run([program, *paths], capture_output=True, text=True, check=True).stdout
