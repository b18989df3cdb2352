"""Measures the memory that each call takes on a file, in bytes a pixel of the picture.

    python benchmarks/memory.py [--megapixels 12] [--whole 24]

Each call gets a path and runs in a new process, so its peak counts everything: the file, the decoded picture,
coefficients, levels and the result. What the package takes by itself is subtracted. Maps are made of boxes: the network
takes the same for every size.

The second table is the peak of the whole process, the interpreter, the package and the network included, on a camera's
file (quality 92, 4:2:0). The default preset is run by LiteRT (needs the extra [lite]); 0 leaves this table out.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from measuring import in_child, memory_bytes
from pictures import mirrored
from PIL import Image
from stages import CAMERA_QUALITY

from saliency_jpeg import Encoder, Options, SaliencyModel, TargetError, compress, decode, recompress
from saliency_jpeg.codec.inspect import inspect_jpeg
from saliency_jpeg.integrations._optimizer import optimize_jpeg

BOXES: Final = [(0, 0, 32, 32)]  # the map of boxes has a value for each pixel, as that of a network

Call = Callable[[Path, int], Any]

#: What is called on a file and its number of pixels; sizes in kB are a tenth of a byte a pixel.
CALLS: Final[dict[str, Call]] = {
    "compress(quality=75), no map": lambda path, _: compress(path, quality=75, saliency=None, never_enlarge=False),
    "compress(quality=75)": lambda path, _: compress(path, quality=75, saliency=BOXES, never_enlarge=False),
    "compress(target_kb), no map": lambda path, pixels: compress(path, target_kb=pixels / 1e4, saliency=None),
    "compress(target_kb)": lambda path, pixels: compress(path, target_kb=pixels / 1e4, saliency=BOXES),
    "compress(effort=9)": lambda path, _: compress(path, quality=75, saliency=BOXES, effort=9),
    "load": lambda path, _: Encoder(saliency=None).load(path),
    "recompress()": lambda path, _: recompress(path),
    "recompress(target_kb)": lambda path, pixels: recompress(path, target_kb=pixels / 1e4, saliency=BOXES),
    "doors for files": lambda path, _: optimize_jpeg(path.read_bytes(), Options(quality=75, saliency=BOXES)),
    "decode(uint8)": lambda path, _: decode(path, enhance=None),
    "decode(uint16)": lambda path, _: decode(path, enhance=None, dtype="uint16"),
    "inspect_jpeg()": lambda path, _: inspect_jpeg(path.read_bytes()),
}
PNG_CALLS: Final = [name for name in CALLS if name.startswith(("compress", "load"))]

#: Kinds of files as Pillow writes them.
KINDS: Final[dict[str, dict[str, Any]]] = {
    "4:2:0 baseline": {"format": "JPEG", "quality": 90, "subsampling": "4:2:0"},
    "4:2:0 progressive": {"format": "JPEG", "quality": 90, "subsampling": "4:2:0", "progressive": True},
    "4:4:4 progressive": {"format": "JPEG", "quality": 90, "subsampling": "4:4:4", "progressive": True},
    "gray progressive": {"format": "JPEG", "quality": 90, "progressive": True},
    "PNG": {"format": "PNG", "compress_level": 1},
}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0, help="size of the picture, 0 for none (default: 12)")
    parser.add_argument("--whole", type=float, default=24.0, help="size of the camera's file, 0 for none (default: 24)")
    parser.add_argument("--calls", nargs="+", choices=CALLS, default=list(CALLS), help="(default: all)")
    parser.add_argument("--child", nargs=3, metavar=("FILE", "CALL", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        file, call, model = options.child
        measure(Path(file), whole_calls(model)[call] if model else CALLS[call])
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.megapixels:
            print_table(Path(folder), options.megapixels, options.calls)
        if options.whole:
            print_whole(Path(folder), options.whole)


def measure(path: Path, call: Call) -> None:
    """Prints the bytes of one call at the peak, in all and above what a tiny file takes; runs in a new process."""
    with Image.open(path) as image:
        pixels = image.width * image.height
    small = path.with_name(f"small{path.suffix}")
    Image.new("RGB", (64, 64)).save(small)
    call(small, 10**7)  # loads what is imported on first use
    before, _ = memory_bytes()
    with contextlib.suppress(TargetError):  # the search has taken its memory
        call(path, pixels)
    peak = memory_bytes()[1]
    print(peak, peak - before)


def child(path: Path, call: str, model: str = "") -> tuple[float, float]:
    """Returns what :func:`measure` prints."""
    peak, above = in_child(__file__, "--child", str(path), call, model).split()[-2:]
    return float(peak), float(above)


def print_table(folder: Path, megapixels: float, calls: list[str]) -> None:
    """Prints the bytes a pixel of each call on each kind of file."""
    image = Image.fromarray(mirrored(megapixels))
    files = {}
    for number, (kind, form) in enumerate(KINDS.items()):
        files[kind] = folder / f"{number}.{'png' if kind == 'PNG' else 'jpg'}"
        image.convert("L" if kind.startswith("gray") else "RGB").save(files[kind], **form)
    pixels = image.width * image.height
    print(f"{image.width} x {image.height} pixels; bytes a pixel at the peak\n")
    print("| | " + " | ".join(KINDS) + " |\n|---|" + len(KINDS) * "---:|")
    for call in calls:
        kinds = [kind for kind in KINDS if kind != "PNG" or call in PNG_CALLS]
        cells = [f"{child(files[kind], call)[1] / pixels:.1f}" if kind in kinds else "" for kind in KINDS]
        print(f"| `{call}` | " + " | ".join(cells) + " |", flush=True)


def whole_calls(model: str) -> dict[str, Call]:
    """Returns what is called on the camera's file, with a map by an exported model."""
    saliency = SaliencyModel.from_file(model)
    return {
        "quality 75, no map": lambda path, _: compress(path, quality=75, saliency=None),
        "`target_kb`, no map": lambda path, pixels: compress(path, target_kb=pixels / 2e4, saliency=None),
        "quality 75, map": lambda path, _: compress(path, quality=75, saliency=saliency),
        "`target_kb`, map": lambda path, pixels: compress(path, target_kb=pixels / 2e4, saliency=saliency),
    }


def print_whole(folder: Path, megapixels: float) -> None:
    """Prints the memory of whole processes."""
    camera, model = folder / "camera.jpg", folder / "default.tflite"
    image = Image.fromarray(mirrored(megapixels))
    image.save(camera, quality=CAMERA_QUALITY)
    in_child("-c", f"import saliency_jpeg as s; s.SaliencyModel.from_preset('default').export({str(model)!r})")
    print(f"\n{image.width} x {image.height} pixels; MB of the whole process at the peak\n")
    print("| | MB | bytes a pixel above the package and the network |\n|---|---:|---:|")
    for call in whole_calls(str(model)):
        peak, above = child(camera, call, str(model))
        print(f"| {call} | {peak / 1e6:.0f} | {above / (image.width * image.height):.1f} |", flush=True)


if __name__ == "__main__":
    main()
