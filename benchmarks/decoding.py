"""Measures time and memory of decoders on photographs, in the same rounds as libjpeg-turbo's.

    python benchmarks/decoding.py PHOTO... [--decoders restore,restore-fast] [--rounds 5] [--memory-megapixels 24]

JPEG files are decoded as they are; other pictures are saved by Pillow at quality 75 first. Times are medians of the
rounds after one to warm up: wall time, and CPU time of this process and of the programs it starts. Ratios to plain
decoding are taken within a round. TensorFlow uses all CPUs that the process may use (``taskset`` restricts them), the
other decoders one thread. Wall times mean something on an idle machine only.

Memory is that of a new process that decodes one file of the repository's photograph, mirrored to that many megapixels:
its peak, and how much of it is above the packages and networks that a tiny file loads too.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from measuring import in_child, memory_bytes, timed
from pictures import PHOTO, mirrored
from PIL import Image

from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.decoders import DECODERS, find_decoder, find_decoders
from saliency_jpeg.metadata.jpeg_source import is_jpeg

QUALITY: Final = 75
DEFAULT: Final = ",".join(name for name in DECODERS if name != "plain")


def jpeg_file(image: Image.Image) -> bytes:
    """Returns a picture as Pillow's 4:2:0 file."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def read(path: Path) -> bytes:
    """Returns a JPEG file as it is, and another picture saved as one."""
    data = path.read_bytes()
    return data if is_jpeg(data) else jpeg_file(Image.open(io.BytesIO(data)))


def print_times(paths: Sequence[Path], decoders: Sequence[str], rounds: int) -> None:
    """Prints a table for each photograph."""
    for path in paths:
        jpeg = read(path)
        width, height = Image.open(io.BytesIO(jpeg)).size
        megapixels = width * height / 1e6
        print(f"\n{path.name}: {width} x {height}, {megapixels:.1f} megapixels, {len(jpeg)} bytes")
        times, _ = timed({name: partial(find_decoder(name), jpeg) for name in ("plain", *decoders)}, rounds)
        print(f"{'decoder':16s}{'ms':>10s}{'ms/MP':>10s}{'x plain':>10s}{'CPU ms/MP':>12s}{'x plain':>10s}")
        for name, values in times.items():
            wall, cpu = 1e3 * np.median(values, axis=0)
            ratios = np.median(values / np.maximum(times["plain"], 1e-6), axis=0)
            row = f"{name:16s}{wall:10.1f}{wall / megapixels:10.1f}{ratios[0]:10.1f}"
            print(f"{row}{cpu / megapixels:12.1f}{ratios[1]:10.1f}")


def print_memory(megapixels: float, decoders: Sequence[str]) -> None:
    """Prints the peak memory of every decoder."""
    image = Image.fromarray(mirrored(megapixels))
    print(f"\npeak memory at {image.width} x {image.height}, MB")
    print(f"{'decoder':16s}{'process':>10s}{'above':>10s}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.jpg"
        file.write_bytes(jpeg_file(image))
        for name in ("plain", *decoders):
            peak, above = map(float, in_child(__file__, "--child", str(file), name).split()[-2:])
            print(f"{name:16s}{peak / 1e6:10.0f}{above / 1e6:10.0f}", flush=True)


def measure_memory(jpeg: bytes, name: str) -> None:
    """Prints the peak of this process, and how much of it one file takes."""
    decoder = find_decoder(name)
    decoder(jpeg_file(Image.fromarray(np.zeros((64, 64, 3), np.uint8))))
    before, _ = memory_bytes()
    decoder(jpeg)
    _, peak = memory_bytes()
    print(peak, peak - before)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="*", type=Path, default=[PHOTO], metavar="PHOTO")
    parser.add_argument("--decoders", type=comma_separated, default=DEFAULT, help=f"(default: {DEFAULT})")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; 0 for memory alone (default: 5)")
    parser.add_argument("--memory-megapixels", type=float, default=24.0, help="0 for times alone (default: 24)")
    parser.add_argument("--child", nargs=2, metavar=("FILE", "DECODER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure_memory(Path(options.child[0]).read_bytes(), options.child[1])
        return
    decoders = find_decoders(options.decoders)
    if options.rounds:
        print_times(options.photographs, decoders, options.rounds)
    if options.memory_megapixels:
        print_memory(options.memory_megapixels, decoders)


if __name__ == "__main__":
    main()
