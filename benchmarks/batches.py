"""Measures files a second of ``compress_many`` beside one picture after the other, and beside mozjpeg's program.

    python benchmarks/batches.py PHOTO... [--megapixels 1] [--count 48] [--rounds 5] [--model default]

PHOTO is an image file or a folder; pictures are parts of the photographs, kept as PPM files. Without any the
repository's photograph is mirrored. Each round runs every row once. "One by one" encodes on one thread. mozjpeg's
cjpeg runs under ``xargs -P``, as many processes as there are CPUs, at the quality at which all its files together have
the size of this encoder's.

The network may round differently in a batch, so a few files differ slightly; "equal" counts those that do not.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from measuring import timed
from peers import QUALITY, find_model
from pictures import found, parts, photographs

from saliency_jpeg import Encoder, SaliencyModel
from saliency_jpeg.evaluation.mozjpeg import find_cjpeg
from saliency_jpeg.io import available_cpus
from saliency_jpeg.metrics.arrays import to_ppm

ONE: Final = "one by one"
SOURCES: Final = 1.5  # megapixels of a photograph for each of a part
CPUS: Final = available_cpus()

Files = list[bytes]


def one_by_one(encoder: Encoder, paths: Sequence[Path]) -> Files:
    """Returns the files of pictures, encoded one after the other."""
    return [encoder.compress(path).jpeg for path in paths]


def many(encoder: Encoder, paths: Sequence[Path]) -> Files:
    """Returns the files of pictures, encoded together."""
    return [result.jpeg for result in encoder.compress_many(paths)]


def cjpeg(program: str, paths: Sequence[Path], quality: float) -> Files:
    """Returns the files of pictures by mozjpeg's program, as many at a time as there are CPUs."""
    command = ["xargs", "-P", str(CPUS), "-I", "{}", program, "-quality", f"{quality:.2f}"]
    command += ["-sample", "2x2", "-outfile", "{}.jpg", "{}"]
    subprocess.run(command, input="\n".join(map(str, paths)), text=True, check=True)
    return [Path(f"{path}.jpg").read_bytes() for path in paths]


def matched(encode: Callable[[float], Files], size: int) -> float:
    """Returns the quality at which all files together have a size, to about a quarter of a step."""
    low, high = 2.0, 99.0
    while high - low > 0.25:
        middle = (low + high) / 2
        low, high = (low, middle) if sum(map(len, encode(middle))) > size else (middle, high)
    return low


def rows_of(paths: Sequence[Path], saliency: SaliencyModel | None) -> dict[str, Callable[[], Files]]:
    """Returns what is measured, by name; mozjpeg only where it is installed."""
    rows: dict[str, Callable[[], Files]] = {
        ONE: partial(one_by_one, Encoder(quality=QUALITY, saliency=saliency, threads=1), paths),
        "`compress_many`": partial(many, Encoder(quality=QUALITY, saliency=saliency), paths),
    }
    with suppress(FileNotFoundError):
        program = find_cjpeg()
        quality = matched(partial(cjpeg, program, paths), sum(map(len, rows[ONE]())))
        rows["mozjpeg's cjpeg, `xargs`"] = partial(cjpeg, program, paths, quality)
    return rows


def print_table(rows: Mapping[str, Callable[[], Files]], count: int, rounds: int) -> None:
    """Prints files a second and how many times as fast as one by one every row is."""
    files = {name: run() for name, run in rows.items()}
    seconds, _ = timed(rows, rounds)
    print("| | files/s | CPU s / wall s | times as fast | from | to | equal | bytes |\n|---|" + 7 * "---:|")
    for name, values in seconds.items():
        wall, cpu = np.median(values, axis=0)
        ratios = seconds[ONE][:, 0] / values[:, 0]
        equal = sum(a == b for a, b in zip(files[name], files[ONE], strict=True))
        cells = [f"{count / wall:.2f}", f"{cpu / wall:.2f}", f"{np.median(ratios):.2f}", f"{ratios.min():.2f}"]
        cells += [f"{ratios.max():.2f}", str(equal), str(sum(map(len, files[name])))]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO", help="image files and folders")
    parser.add_argument("--megapixels", type=float, default=1.0, help="size of each picture (default: 1)")
    parser.add_argument("--count", type=int, default=48, help="pictures (default: 48)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--model", default="default", help='preset or weights file of the map, or "none"')
    options = parser.parse_args()
    model = find_model(options.model)
    photos = photographs(found(options.photos), SOURCES * options.megapixels, options.count)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, pixels in enumerate(parts(photos, options.megapixels, options.count)):
            paths.append(Path(folder) / f"{number}.ppm")
            paths[-1].write_bytes(to_ppm(pixels))
        for saliency in (None,) if model is None else (None, model):
            title = "no map" if saliency is None else "with the map"
            print(f"\n{len(paths)} files of {options.megapixels:g} MP, {CPUS} CPUs, {title}\n")
            print_table(rows_of(paths, saliency), len(paths), options.rounds)


if __name__ == "__main__":
    main()
