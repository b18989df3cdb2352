"""Measures the memory that each call takes on a file, in bytes a pixel of the picture.

Each call runs in a new process, so its peak counts everything: the file, the decoded picture, coefficients, levels and
the result. What the package takes by itself is subtracted. Maps are made of boxes: the
network takes the same for every size.

    python benchmarks/memory.py
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pictures import mirrored
from PIL import Image
from speed import in_child, memory_bytes

from saliency_jpeg import Options, TargetError, compress, decode, recompress
from saliency_jpeg.codec.inspect import inspect_jpeg
from saliency_jpeg.integrations._optimizer import optimize_jpeg

BOXES: Final = [(0, 0, 32, 32)]  # the map of boxes has a value for each pixel, as that of a network

#: What is called on the bytes of a file; sizes in kB are a tenth of a byte a pixel.
CALLS: Final[dict[str, Callable[[bytes, int], Any]]] = {
    "compress(quality=75)": lambda data, _: compress(data, quality=75, saliency=BOXES, never_enlarge=False),
    "compress(target_kb)": lambda data, pixels: compress(data, target_kb=pixels / 1e4, saliency=BOXES),
    "compress(effort=9)": lambda data, _: compress(data, quality=75, saliency=BOXES, effort=9),
    "recompress()": lambda data, _: recompress(data),
    "recompress(target_kb)": lambda data, pixels: recompress(data, target_kb=pixels / 1e4, saliency=BOXES),
    "doors for files": lambda data, _: optimize_jpeg(data, Options(quality=75, saliency=BOXES)),
    "decode(uint8)": lambda data, _: decode(data, enhance=None),
    "decode(uint16)": lambda data, _: decode(data, enhance=None, dtype="uint16"),
    "inspect_jpeg()": lambda data, _: inspect_jpeg(data),
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0, help="size of the picture (default: 12)")
    parser.add_argument("--child", nargs=2, metavar=("FILE", "CALL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(Path(options.child[0]).read_bytes(), options.child[1])
    else:
        print_table(options.megapixels)


def measure(data: bytes, call: str) -> None:
    """Prints the bytes a pixel of one call; runs in a new process."""
    width, height = Image.open(io.BytesIO(data)).size
    small = io.BytesIO()
    Image.new("RGB", (64, 64)).save(small, "JPEG")
    CALLS[call](small.getvalue(), 10**7)  # loads what is imported on first use
    before, _ = memory_bytes()
    with contextlib.suppress(TargetError):  # the search has taken its memory
        CALLS[call](data, width * height)
    print((memory_bytes()[1] - before) / (width * height))


def print_table(megapixels: float) -> None:
    """Prints the bytes a pixel of each call on each kind of file."""
    image = Image.fromarray(mirrored(megapixels))
    kinds: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "4:2:0 baseline": (image, {"subsampling": "4:2:0"}),
        "4:2:0 progressive": (image, {"subsampling": "4:2:0", "progressive": True}),
        "4:4:4 progressive": (image, {"subsampling": "4:4:4", "progressive": True}),
        "gray progressive": (image.convert("L"), {"progressive": True}),
    }
    print(f"{image.width} x {image.height} pixels; bytes a pixel at the peak\n")
    print(" " * 24 + "".join(f"{kind:>20s}" for kind in kinds))
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, (picture, form) in enumerate(kinds.values()):
            files.append(str(Path(folder) / f"{number}.jpg"))
            picture.save(files[-1], "JPEG", quality=90, **form)
        for call in CALLS:
            values = [float(in_child(__file__, "--child", file, call)) for file in files]
            print(f"{call:24s}" + "".join(f"{value:20.1f}" for value in values), flush=True)


if __name__ == "__main__":
    main()
