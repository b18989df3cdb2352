"""``saliency-jpeg compare``: measures how close one image is to another, and makes a page to compare them by eye."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..codec.inspect import inspect_jpeg
from ..errors import InputError, SaliencyJpegError
from ..image.load import load
from ..image.picture import Picture
from ..io import STREAM, read
from ..metrics import METRICS as FAST_METRICS
from ..metrics import measure
from ..perceptual import METRICS
from ..saliency import heatmap
from ..saliency.sources import Saliency, resolve
from .bits import draw_bits
from .embed import embed_pair, overlay
from .html_page import render_comparison
from .options import add_command, add_max_pixels
from .output import sweep_folders, write_output
from .saliency import add_saliency, read_saliency
from .terminal import UsageError, load_tensorflow_quietly, say_lines

__all__ = ["add"]


class _Side(NamedTuple):
    """One of the two images.

    Attributes:
        name: of its file.
        file: the file's bytes.
        pixels: upright, uint8 (H, W, 3) or (H, W).
        picture: as loaded, not rotated.
    """

    name: str
    file: bytes
    pixels: NDArray[np.uint8]
    picture: Picture


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "compare", _run, "A B", "measure how close image B is to image A")
    parser.add_argument("first", metavar="A", help="reference image")
    parser.add_argument("second", metavar="B", help="image of the same size")
    parser.add_argument("-o", "--output", metavar="OUT", help="write an HTML page that shows both with a slider")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    slow = "skip the slow metrics: Butteraugli and the perceptual one"
    parser.add_argument("--no-butteraugli", action="store_true", help=slow)
    add_max_pixels(parser)
    purpose = "weight of the salient metrics: a preset, none, or a gray image of the size of A"
    add_saliency(parser, "PRESET|none|MAP", purpose)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.output not in (None, STREAM) and Path(arguments.output).suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the page is an HTML file, so its name must end in .html, got {arguments.output!r}")
    if STREAM == arguments.first == arguments.second:
        raise UsageError("only one of the two images can come from standard input")
    saliency = read_saliency(arguments)
    first, second = (_read(name, arguments.max_pixels) for name in (arguments.first, arguments.second))
    if first.pixels.shape[:2] != second.pixels.shape[:2]:
        sizes = ["{1} x {0}".format(*side.pixels.shape) for side in (first, second)]
        raise InputError(f"{second.name}: both images must have the same size, got {sizes[0]} and {sizes[1]} pixels")
    upright_map = _upright_map(saliency, first, arguments.device)
    if not arguments.no_butteraugli:
        load_tensorflow_quietly()  # for the perceptual metric
    values = _measure(first, second, upright_map, with_slow=not arguments.no_butteraugli)
    if arguments.output is not None:
        page = _page(first, second, upright_map, values).encode("utf-8", "replace")
        sweep_folders([arguments.output])
        write_output(arguments.output, page, sources=[first.name, second.name])
    to_json = [json.dumps(_to_json(first, second, values))] if arguments.json else []
    say_lines(to_json or _to_text(first, second, values), sys.stderr if arguments.output == STREAM else sys.stdout)
    return 0


def _read(name: str, max_pixels: int) -> _Side:
    file = read(name)
    try:
        picture = load(file, max_pixels=max_pixels)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    upright = heatmap.upright(Image.fromarray(picture.pixels), picture.metadata.orientation)
    return _Side(name, file, np.asarray(upright), picture)


def _upright_map(saliency: Saliency, side: _Side, device: str | None) -> NDArray[np.float32] | None:
    orientation = side.picture.metadata.orientation
    made = resolve(saliency, side.picture.pixels, orientation, device=device)
    if made is None:
        return None
    return np.asarray(heatmap.upright(heatmap.gray(made.pixels), orientation), np.float32) / np.float32(255)


def _measure(first: _Side, second: _Side, saliency: NDArray[np.float32] | None, *, with_slow: bool) -> dict[str, float]:
    """Metrics by name, without those that have no value for these images."""
    metrics = METRICS if with_slow else FAST_METRICS
    values = measure(first.pixels, second.pixels, saliency, with_butteraugli=with_slow, metrics=metrics)
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _to_json(first: _Side, second: _Side, values: dict[str, float]) -> dict[str, Any]:
    height, width = first.pixels.shape[:2]
    sizes = [len(side.file) for side in (first, second)]
    rates = [8 * size / (width * height) for size in sizes]
    names = [first.name, second.name]
    return {"names": names, "width": width, "height": height, "bytes": sizes, "bits_per_pixel": rates, **values}


# For people ---------------------------------------------------------------------------------------------------------


def _file_table(first: _Side, second: _Side) -> list[list[str]]:
    pixels = first.pixels.shape[0] * first.pixels.shape[1]
    rows = [["", "file", "bytes", "bpp"]]
    for letter, side in zip("AB", (first, second), strict=True):
        rows.append([letter, side.name, str(len(side.file)), f"{8 * len(side.file) / pixels:.3f}"])
    return rows


def _to_text(first: _Side, second: _Side, values: dict[str, float]) -> list[str]:
    rows = _file_table(first, second)[1:]
    files = [f"{letter}  {name}: {size} bytes, {rate} bpp" for letter, name, size, rate in rows]
    width = 2 + max(len(METRICS[name].title) for name in values)
    return [*files, *(f"{METRICS[n].title:{width}}{value:10.4f}  {_better(n)}" for n, value in values.items())]


def _page(first: _Side, second: _Side, saliency: NDArray[np.float32] | None, values: dict[str, float]) -> str:
    overlays: dict[str, bytes] = {}
    if saliency is not None:
        overlays["map"] = overlay(heatmap.over(first.pixels, saliency))
    bits = _bits(second)
    if bits is not None:
        overlays["bits"] = overlay(bits)
    metrics = [
        ["B against A", "", ""],
        *([METRICS[n].title, f"{value:.3f}", _better(n)] for n, value in values.items()),
    ]
    drawn = sum(map(len, overlays.values()))
    a, b = ((Path(side.name).name, side.file) for side in (first, second))
    original, shown, size = embed_pair(a, b, (first.pixels, second.pixels), drawn)
    return render_comparison(original, shown, overlays, size, [_file_table(first, second), metrics])


def _better(name: str) -> str:
    return "lower is better" if METRICS[name].lower_is_better else "higher is better"


def _bits(side: _Side) -> Image.Image | None:
    """The bits of each block, if the file is a JPEG file that can be taken apart."""
    if side.picture.source is None:
        return None
    try:
        return draw_bits(side.picture, inspect_jpeg(side.picture.source.data))
    except SaliencyJpegError:
        return None
