"""``saliency-jpeg compare``: how near one picture is to another, in numbers and on a page to look at."""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..encoder.encoder import compress
from ..errors import InputError
from ..image.load import Picture, load
from ..io import STREAM, read, write
from ..saliency import heatmap
from ..saliency.sources import resolve
from .html_page import Shown, comparison, is_shown_by_browsers
from .options import add_command, add_saliency, read_saliency
from .terminal import UsageError, say

__all__ = ["add"]

_METRICS: Final = {  # names of evaluation.measure, in the order in which they are told
    "ssimulacra2": "SSIMULACRA2",
    "butteraugli3": "butteraugli, 3-norm",
    "butteraugli_max": "butteraugli, greatest",
    "psnr_hvsm": "PSNR-HVS-M, dB",
    "ms_ssim_db": "MS-SSIM, dB",
    "psnr_y": "PSNR of Y, dB",
    "psnr_rgb": "PSNR of RGB, dB",
    "ssimulacra2_s": "SSIMULACRA2, salient",
    "butteraugli3_s": "butteraugli, salient",
    "hvsm_s": "PSNR-HVS-M, salient, dB",
    "ms_ssim_db_s": "MS-SSIM, salient, dB",
    "psnr_s": "PSNR of Y, salient, dB",
    "psnr_s_bg": "PSNR of Y, the rest, dB",
}


class _Side(NamedTuple):
    """A picture as it is shown: the file, upright pixels, and as they are stored."""

    name: str
    file: bytes
    pixels: NDArray[np.uint8]
    picture: Picture


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "compare", _run, "A B", "measure how near picture B is to picture A")
    parser.add_argument("first", metavar="A", help="image file, the reference")
    parser.add_argument("second", metavar="B", help="image file of the same size")
    parser.add_argument("-o", "--output", metavar="OUT", help="HTML page with both, a slider between them, and the map")
    parser.add_argument("--json", action="store_true", help="tell in a line of JSON")
    parser.add_argument("--no-butteraugli", action="store_true", help="leave out the slowest metric")
    add_saliency(parser, "PRESET|none|MAP", "weight of the salient metrics: preset, none, or an image as large as A")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output not in (None, STREAM) and Path(arguments.output).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page is written as HTML; its name must end in .html, got {arguments.output!r}")
    if STREAM == arguments.first == arguments.second:
        raise UsageError("only one of the two can come from standard input")
    saliency = read_saliency(arguments)
    first, second = _side(arguments.first), _side(arguments.second)
    if first.pixels.shape[:2] != second.pixels.shape[:2]:
        sizes = ["{1} x {0}".format(*side.pixels.shape) for side in (first, second)]
        raise InputError(f"{second.name}: the pictures differ in size: {sizes[0]} and {sizes[1]} pixels")
    found = _map(saliency, first, arguments.device)
    values = _values(first, second, found, butteraugli=not arguments.no_butteraugli)
    if arguments.output is not None:
        write(arguments.output, _page(first, second, found, values).encode())
    text = json.dumps(_facts(first, second, values)) if arguments.json else _text(first, second, values)
    say(text, sys.stderr if arguments.output == STREAM else sys.stdout)
    return 0


def _side(name: str) -> _Side:
    file = read(name)
    try:
        picture = load(file)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    upright = heatmap.upright(Image.fromarray(picture.pixels), picture.metadata.orientation)
    return _Side(name, file, np.asarray(upright), picture)


def _map(saliency: Any, side: _Side, device: str | None) -> NDArray[np.float32] | None:
    """The map of the reference, upright."""
    orientation = side.picture.metadata.orientation
    found = resolve(saliency, side.picture.pixels, orientation, device=device)
    if found is None:
        return None
    return np.asarray(heatmap.upright(heatmap.gray(found), orientation), np.float32) / np.float32(255)


def _values(
    first: _Side, second: _Side, saliency: NDArray[np.float32] | None, *, butteraugli: bool
) -> dict[str, float]:
    """Metrics by name, without those that have no value for these pictures."""
    from ..metrics import measure

    measured = measure(first.pixels, second.pixels, saliency, with_butteraugli=butteraugli)
    return {name: measured[name] for name in _METRICS if not math.isnan(measured.get(name, math.nan))}


def _facts(first: _Side, second: _Side, values: dict[str, float]) -> dict[str, Any]:
    height, width = first.pixels.shape[:2]
    sizes = [len(side.file) for side in (first, second)]
    rates = [8 * size / (width * height) for size in sizes]
    names = [first.name, second.name]
    return {"names": names, "width": width, "height": height, "bytes": sizes, "bits_per_pixel": rates, **values}


# For people ---------------------------------------------------------------------------------------------------------


def _rows(first: _Side, second: _Side) -> list[list[str]]:
    pixels = first.pixels.shape[0] * first.pixels.shape[1]
    rows = [["", "file", "bytes", "bpp"]]
    for letter, side in zip("AB", (first, second), strict=True):
        rows.append([letter, side.name, str(len(side.file)), f"{8 * len(side.file) / pixels:.3f}"])
    return rows


def _text(first: _Side, second: _Side, values: dict[str, float]) -> str:
    files = [f"{letter}  {name}: {size} bytes, {rate} bpp" for letter, name, size, rate in _rows(first, second)[1:]]
    return "\n".join([*files, *(f"{_METRICS[name]:26}{value:10.4f}" for name, value in values.items())])


def _page(first: _Side, second: _Side, saliency: NDArray[np.float32] | None, values: dict[str, float]) -> str:
    heat = None
    if saliency is not None:
        heat = compress(np.asarray(heatmap.over(first.pixels, saliency)), quality=80, saliency=None)
    metrics = [["B against A", ""], *([_METRICS[name], f"{value:.3f}"] for name, value in values.items())]
    size = first.pixels.shape[0], first.pixels.shape[1]
    return comparison(_shown(first), _shown(second), heat, size, [_rows(first, second), metrics])


def _shown(side: _Side) -> Shown:
    """The file itself, or its pixels as PNG where browsers do not show it."""
    name = Path(side.name).name
    if is_shown_by_browsers(side.file):
        return Shown(name, side.file)
    file = io.BytesIO()
    Image.fromarray(side.pixels).save(file, "PNG")
    return Shown(name, file.getvalue())
