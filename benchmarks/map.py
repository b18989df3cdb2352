"""Measures what the default map costs, without decoding: wall and CPU time, by size of the picture and by what runs it.

    python benchmarks/map.py PHOTO ... [--rounds 15] [--tensorflow]

A map counts as made when the weights of all blocks have their factor from it; no map of all pixels is needed for that.
Pin the process to measure on fewer cores: ``taskset -c 0 python benchmarks/map.py ...``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from saliency_jpeg import SaliencyModel
from saliency_jpeg.allocation.weights import saliency_gain, trust
from saliency_jpeg.image.load import load


def fastest(work: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Returns the least wall and CPU time of some rounds in milliseconds, after one that does not count."""
    work()
    found = []
    for _ in range(rounds):
        start = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, cpu = zip(*found, strict=True)
    return 1000 * min(wall), 1000 * min(cpu)


def map_to_gain(model: SaliencyModel, pixels: Any) -> None:
    """Makes the map of a picture and the factor of every block's weight."""
    rows, cols = (-(-side // 8) for side in pixels.shape[:2])
    means = model.lazy_map(pixels).block_means(rows, cols)
    saliency_gain(means, 0.5 * trust(means))


def print_map(photos: Sequence[Path], rounds: int, *, tensorflow: bool = False) -> None:
    """Prints a line for each picture.

    Args:
        photos: files of any format that Pillow reads.
        rounds: of each measurement.
        tensorflow: run the network by TensorFlow, in floating point.
    """
    model = SaliencyModel.from_preset(device="cpu" if tensorflow else None)
    print(f"{'picture':24s}{'megapixels':>12s}{'wall ms':>10s}{'CPU ms':>10s}{'with all pixels':>18s}")
    for photo in photos:
        pixels = load(photo, max_pixels=None).pixels
        wall, cpu = fastest(lambda pixels=pixels: map_to_gain(model, pixels), rounds)  # type: ignore[misc]
        whole, _ = fastest(lambda pixels=pixels: model.predict(pixels), rounds)  # type: ignore[misc]
        size = pixels.shape[0] * pixels.shape[1] / 1e6
        print(f"{photo.stem[:22]:24s}{size:12.1f}{wall:10.1f}{cpu:10.1f}{whole:18.1f}")


def main() -> None:
    """Measures what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tensorflow", action="store_true", help="in floating point, for comparison")
    options = parser.parse_args()
    print_map(options.photos, options.rounds, tensorflow=options.tensorflow)


if __name__ == "__main__":
    main()
