"""Measures the CPU time of each stage of one image, and sums up the cost of many images.

    python benchmarks/stages.py [--images PHOTO...] [--megapixels 12] [--count 100e6] [--core-hour 0.04] ...

The image is a JPEG file as a camera writes it (quality 92, 4:2:0), made of photographs side by side. Times are CPU time
of this process, all threads, the median of the rounds. "read" and "write" are the CPU's share with the file in the
cache; the last lines say what rate disks and networks have to sustain. The network costs the same for an image of any
size; reducing the image for it does not.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pictures import Pixels, mirrored, mosaic
from PIL import Image

from saliency_jpeg import Encoder, SaliencyModel
from saliency_jpeg.io import read, write

CAMERA_QUALITY = 92
STAGES = ("read", "decode", "reduction for the network", "network", "encode", "search for a size", "write")
Times = dict[str, float]


def camera_file(pixels: Pixels) -> bytes:
    """Returns uint8 (H, W, 3) as a JPEG file as a camera writes it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=CAMERA_QUALITY)
    return file.getvalue()


def small(pixels: Pixels) -> Pixels:
    """Returns the image at 320 pixels or less, where the network is almost all of the cost of a map."""
    image = Image.fromarray(pixels)
    image.thumbnail((320, 320))
    return np.asarray(image)


def measured(pixels: Pixels, rounds: int, target_share: float) -> tuple[Times, int, int]:
    """Measures every stage.

    Args:
        pixels: uint8 (H, W, 3).
        rounds: that count.
        target_share: target of the size search, as a share of the file at quality 75.

    Returns:
        Seconds by stage, and the bytes of the file before and after.
    """
    data, model = camera_file(pixels), SaliencyModel.from_preset()
    encoder = Encoder()
    picture = encoder.load(data)
    saliency, thumbnail = model.lazy_map(picture.pixels), small(pixels)
    coded = encoder.encode(picture, saliency).jpeg
    searching = Encoder(target_kb=target_share * len(coded) / 1000)
    with tempfile.TemporaryDirectory() as folder:
        name = str(Path(folder) / "x.jpg")
        write(name, data)
        work: dict[str, Callable[[], Any]] = {
            "read": lambda: read(name),
            "decode": lambda: encoder.load(data),
            "network": lambda: model.lazy_map(thumbnail),
            "network and input": lambda: model.lazy_map(picture.pixels),
            "encode": lambda: encoder.encode(picture, saliency),
            "search for a size": lambda: searching.encode(picture, saliency),
            "write": lambda: write(str(Path(folder) / "y.jpg"), coded),
        }
        seconds = {stage: median(run, rounds) for stage, run in work.items()}
    seconds["reduction for the network"] = max(0.0, seconds.pop("network and input") - seconds["network"])
    return {stage: seconds[stage] for stage in STAGES}, len(data), len(coded)


def median(run: Callable[[], Any], rounds: int) -> float:
    """Returns the median of the CPU seconds of a function.

    Args:
        run: the function.
        rounds: how often it is called.
    """
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def print_stages(seconds: Times, megapixels: float, options: argparse.Namespace) -> float:
    """Prints the table of the stages.

    Args:
        seconds: by stage.
        megapixels: of the image.
        options: of the command line.

    Returns:
        Seconds of one image without a size search.
    """
    once = sum(value for stage, value in seconds.items() if stage != "search for a size")
    hours = options.count / 3600
    print(f"{'stage':28s}{'s/image':>12s}{'s/megapixel':>13s}{'share':>8s}{'core hours':>13s}{'cost':>12s}")
    for stage, value in seconds.items():
        share = "" if stage == "search for a size" else f"{value / once:.1%}"
        row = f"{stage:28s}{value:12.4f}{value / megapixels:13.4f}{share:>8s}{value * hours:13,.0f}"
        print(row + f"{value * hours * options.core_hour:12,.0f}")
    for name, value in (("to a quality", once), ("to a size", once - seconds["encode"] + seconds["search for a size"])):
        share = f"{value / once:.1%}"
        row = f"{'in all, ' + name:28s}{value:12.4f}{value / megapixels:13.4f}{share:>8s}{value * hours:13,.0f}"
        print(row + f"{value * hours * options.core_hour:12,.0f}")
    return once


def print_machines(seconds: Times, once: float, sizes: tuple[int, int], options: argparse.Namespace) -> None:
    """Prints how many machines are needed, what their networks carry, and from where on a GPU pays.

    Args:
        seconds: by stage.
        once: seconds of one image.
        sizes: bytes of the file before and after.
        options: of the command line.
    """
    machines = int(np.ceil(once * options.count / 3600 / options.efficiency / (options.within * options.cores)))
    rate = options.count / (options.within * 3600)
    print(f"\nin {options.within:g} hours: {machines} machines of {options.cores} cores, {options.efficiency:.0%} busy")
    for direction, size in zip(("read", "written"), sizes, strict=True):
        print(f"{rate * size / 1e9:.2f} GB/s {direction}, {rate * size / 1e6 / machines:.0f} MB/s per machine")
    pays = options.gpu_hour / options.core_hour / seconds["network"]
    print(
        f"a GPU can take {seconds['network'] / once:.1%} off the cores; it is worth its price from {pays:.0f} images a"
    )
    print(f"second on, and those keep {pays * (once - seconds['network']):.0f} cores busy with the rest")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", nargs="+", type=Path, default=[], help="photographs to build the image from")
    parser.add_argument("--megapixels", type=float, default=12.0, help="size of the image (default: 12)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument(
        "--target",
        type=float,
        default=0.8,
        help="target of the size search, as a share of the file at quality 75 (default: 0.8)",
    )
    parser.add_argument("--count", type=float, default=100e6, help="number of images (default: 100e6)")
    parser.add_argument("--cores", type=int, default=64, help="cores of a machine (default: 64)")
    parser.add_argument("--within", type=float, default=24.0, help="hours for all images (default: 24)")
    parser.add_argument(
        "--efficiency", type=float, default=0.9, help="share of the time that the cores are busy (default: 0.9)"
    )
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core hour (default: 0.04)")
    parser.add_argument("--gpu-hour", type=float, default=1.0, help="price of a GPU hour (default: 1.0)")
    options = parser.parse_args()
    pixels = mosaic(options.images, options.megapixels) if options.images else mirrored(options.megapixels)
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    seconds, before, after = measured(pixels, options.rounds, options.target)
    print(f"{megapixels:.2f} megapixels, {before / 1e6:.2f} MB, {after / 1e6:.2f} MB at quality 75; ", end="")
    print(f"{options.count:,.0f} images, {options.core_hour:g} a core hour; {os.cpu_count()} CPUs here")
    once = print_stages(seconds, megapixels, options)
    print_machines(seconds, once, (before, after), options)


if __name__ == "__main__":
    main()
