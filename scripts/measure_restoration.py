"""Measures decoders side by side: what they gain over plain decoding of the same file, against the original.

For each photograph the files of ``--rows`` are made, ``pillow-30`` being Pillow's 4:2:0 file at quality 30, and
``mozjpeg-0.5``, ``jpegli-0.5``, ``ours-0.5`` (default map) and ``off-0.5`` (no map) files of that many bits per pixel.
Each is decoded by every decoder of ``--decoders`` (see ``saliency_jpeg.evaluation.decoders``). Printed are gains in
PSNR of luma, PSNR of chroma at full resolution, and SSIMULACRA2: means and worst photographs; for ``--bytes`` also how
much smaller the file is than the same encoder's file that scores as high when decoded plainly.

    python scripts/measure_restoration.py CACHE --whole KODAK --half CID22 --decoders restore,jpegqs-3,knusperli

Files and scores are kept in CACHE. Scores of this library's decoders are kept only under a ``--label``, which names
their weights; without one they are measured anew. Remove CACHE after an encoder or a filter has changed. ``--half``
takes the half of a folder that :mod:`tune_encoder` reports on: training takes the other. ``--gray`` measures gray
files at qualities 10 to 40, as papers report them; ``--models`` prints the sizes of networks.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image
from tune_encoder import split

from saliency_jpeg import OptionError
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.comparison import find_images
from saliency_jpeg.evaluation.decoders import DECODERS, OURS, Decode, find_decoder, find_decoders, ncnn_model
from saliency_jpeg.evaluation.restoration import QUALITIES, Measured, Photograph, Row, Scores, Store, measure
from saliency_jpeg.metrics import psnr
from saliency_jpeg.metrics.arrays import Pixels
from saliency_jpeg.saliency import presets

GRAY_QUALITIES: Final = (10, 20, 30, 40)
METRICS: Final = ("luma, dB", "chroma, dB", "SSIMULACRA2")
#: What no photograph may lose, by metric.
TOLERATED: Final = (0.05, 0.05, 0.3)


class Goal(NamedTuple):
    """Mean gains that are asked of ``restore``."""

    title: str
    rows: tuple[Row, ...]
    asked: Scores


BITS: Final = (0.3, 0.4, 0.5, 0.6)
GOALS: Final = (
    Goal("Pillow, quality 30", (Row("pillow", 30),), Scores(1.2, 1.0, 5.0)),
    Goal("Pillow, quality 75", (Row("pillow", 75),), Scores(0.8, 0.8, 1.5)),
    Goal("mozjpeg and jpegli at 0.5 bpp", (Row("mozjpeg", 0.5), Row("jpegli", 0.5)), Scores(0.7, 0.8, 3.0)),
    Goal("ours at 0.3 to 0.6 bpp", tuple(Row(k, b) for k in ("ours", "off") for b in BITS), Scores(0.5, 1.5, 3.0)),
    Goal("ours at 1 bpp", (Row("ours", 1.0), Row("off", 1.0)), Scores(0.4, 0.7, 1.0)),
)
ROWS: Final = (
    *(Row("pillow", quality) for quality in QUALITIES),
    *(row for goal in GOALS[2:] for row in goal.rows),
)


# Tables -------------------------------------------------------------------------------------------------------------


def print_goals(measured: Sequence[Measured], decoders: Sequence[str]) -> None:
    """Prints the mean gains beside what is asked, and the share of bytes where it was measured."""
    print("| files | asked |", *(f" {name} |" for name in decoders), sep="")
    print("|---|---|" + "---|" * len(decoders))
    for title, rows, asked in GOALS:
        chosen = [[m for m in measured if m.row in rows and m.decoder == name] for name in decoders]
        cells = [goal_cell(each, asked) for each in chosen]
        if any(cells):
            print(f"| {title} | {' / '.join(f'{value:+.1f}' for value in asked)} | {' | '.join(cells)} |")


def goal_cell(measured: Sequence[Measured], asked: Scores) -> str:
    """Returns mean gains, the share of bytes, and which metrics of this library's decoders fall short."""
    if not measured:
        return ""
    means = mean_gains(measured)
    short = [name.split(",")[0] for name, mean, goal in zip(METRICS, means, asked, strict=True) if mean < goal]
    saved = percent(measured)
    told = bool(short) and measured[0].decoder.split("+")[0] in OURS
    return gains_text(means) + (f", {saved} of bytes" if saved else "") + (f"; short: {', '.join(short)}" * told)


def print_side_by_side(measured: Sequence[Measured], rows: Sequence[Row], decoders: Sequence[str]) -> None:
    """Prints the mean gains of every row by every decoder."""
    print("| file |", *(f" {name} |" for name in decoders), sep="")
    print("|---|" + "---|" * len(decoders))
    for row in rows:
        cells = [gains_text(mean_gains(select(measured, row, name))) for name in decoders]
        print(f"| {row} | {' | '.join(cells)} |")


def print_details(measured: Sequence[Measured], rows: Sequence[Row], decoders: Sequence[str]) -> None:
    """Prints means and worst photographs, a line for each decoder and row; the last of a decoder is its worst row."""
    print("| decoder | file |", *(f" {name} | worst |" for name in METRICS), " bytes |", sep="")
    print("|---|---|" + "---:|---|" * len(METRICS) + "---:|")
    for name in decoders:
        for row in rows:
            chosen = select(measured, row, name)
            cells = [f"{mean:+.2f} | {worst(chosen, i)}" for i, mean in enumerate(mean_gains(chosen))]
            print(f"| {name} | {row} | {' | '.join(cells)} | {percent(chosen)} |")
        chosen = [m for m in measured if m.decoder == name]
        lost = [sum(m.gains[i] < -TOLERATED[i] for m in chosen) for i in range(len(METRICS))]
        cells = [f"{count} of {len(chosen)} lose | {worst(chosen, i, with_row=True)}" for i, count in enumerate(lost)]
        print(f"| {name} | all | {' | '.join(cells)} | |")


def select(measured: Sequence[Measured], row: Row, decoder: str) -> list[Measured]:
    return [m for m in measured if m.row == row and m.decoder == decoder]


def mean_gains(measured: Sequence[Measured]) -> Scores:
    return Scores(*np.mean([m.gains for m in measured], axis=0))


def gains_text(gains: Scores) -> str:
    return f"{gains.luma:+.2f} / {gains.chroma:+.2f} / {gains.ssimulacra2:+.1f}"


def worst(measured: Sequence[Measured], metric: int, *, with_row: bool = False) -> str:
    found = min(measured, key=lambda m: m.gains[metric])
    return f"{found.gains[metric]:+.2f} {found.photograph}" + (f", {found.row}" if with_row else "")


def percent(measured: Sequence[Measured]) -> str:
    """Returns the mean share of bytes; "" where no photograph has one."""
    saved = [m.saved for m in measured if math.isfinite(m.saved)]
    return f"{100 * np.mean(saved):.1f} %" if saved else ""


# Gray ---------------------------------------------------------------------------------------------------------------


def print_gray(photographs: Sequence[Photograph], decoders: Sequence[str]) -> None:
    """Prints PSNR and SSIM of gray files by Pillow, as papers report them, plain decoding first."""
    from skimage.metrics import structural_similarity

    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    ssim = partial(structural_similarity, **window)
    print("| decoder |", *(f" quality {quality} |" for quality in GRAY_QUALITIES), sep="")
    print("|---|" + "---|" * len(GRAY_QUALITIES))
    originals = [Image.fromarray(photograph.pixels).convert("L") for photograph in photographs]
    for name in dict.fromkeys(("plain", *decoders)):
        cells = [gray_cell(originals, quality, find_decoder(name), ssim) for quality in GRAY_QUALITIES]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def gray_cell(
    originals: Sequence[Image.Image], quality: int, decoder: Decode, ssim: Callable[[Pixels, Pixels], float]
) -> str:
    """Returns mean PSNR and mean SSIM over photographs."""
    values = []
    for original in originals:
        file = io.BytesIO()
        original.save(file, "JPEG", quality=quality)
        a, b = np.asarray(original), np.ascontiguousarray(decoder(file.getvalue())[..., 1])
        values.append((psnr(a, b), ssim(a, b)))
    return "{:.2f} / {:.4f}".format(*np.mean(values, axis=0))


# Models -------------------------------------------------------------------------------------------------------------

#: Parameters in millions as published: Swin2SR's and SwinIR's papers, and Open Model Zoo's page on FBCNN.
PUBLISHED: Final = {"DnCNN-3": 0.67, "SwinIR": 11.5, "DRUNet": 32.7, "FBCNN": 71.9}


def print_models() -> None:
    """Prints parameters and bytes of the networks here, and the parameters of published ones."""
    print("| network | parameters | weights |\n|---|---:|---:|")
    folder = presets.folders()[0]
    entries = json.loads((folder / "presets.json").read_text())
    for name, entry in entries.items():
        if isinstance(entry, dict) and name in presets.names("restoration"):
            data = (folder / entry["file"]).read_bytes()
            count = sum(array.size for array in np.load(io.BytesIO(data)).values())
            print(f"| `{name}` | {count / 1e6:.2f} M | {len(data) / 1e6:.2f} MB |")
    with contextlib.suppress(FileNotFoundError):
        path = ncnn_model(1)
        count = cunet_parameters(path.with_suffix(".param").read_text())
        print(f"| waifu2x CUnet | {count / 1e6:.2f} M | {path.stat().st_size / 1e6:.2f} MB |")
    for name, millions in PUBLISHED.items():
        print(f"| {name}, published | {millions} M | |")


def cunet_parameters(layers: str) -> int:
    """Returns how many weights and offsets the layers of ncnn's text format have."""
    count = 0
    for kind, words in re.findall(
        r"^(Convolution|Deconvolution|InnerProduct) .*?((?: -?\d+=\S+)+)$", layers, re.MULTILINE
    ):
        values = dict(word.split("=", 1) for word in words.split())
        weights, has_offsets = ("2", "1") if kind == "InnerProduct" else ("6", "5")
        count += int(values[weights]) + int(values["0"]) * int(values.get(has_offsets, 0))
    return count


# Command line -------------------------------------------------------------------------------------------------------


def find_photographs(options: argparse.Namespace) -> list[Path]:
    """Returns the files of all folders; ``--count`` of each, evenly spread."""
    found = []
    for folders, choose in ((options.whole, find_images), (options.half, lambda folder: split(folder)[1])):
        for folder in folders:
            paths = sorted(choose(folder))
            apart = max(1, len(paths) // options.count) if options.count else 1
            found += paths[::apart][: options.count]
    return found


def rows_of(text: str) -> list[Row]:
    """Returns the rows of a list between commas."""
    try:
        return [Row.parse(part) for part in comma_separated(text)]
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder for files and scores")
    parser.add_argument("--whole", nargs="+", type=Path, default=[], help="folders of lossless photographs")
    parser.add_argument("--half", nargs="+", type=Path, default=[], help="folders of which the half for reports counts")
    parser.add_argument("--count", type=int, help="photographs of each folder (default: all)")
    decoders = ",".join(name for name in DECODERS if name != "plain")
    parser.add_argument("--decoders", type=comma_separated, default=decoders, help=f"(default: {decoders})")
    rows = ",".join(map(str, ROWS))
    parser.add_argument(
        "--rows", default=rows, type=rows_of, help="(default: those of the goals, and Pillow's at eight qualities)"
    )
    parser.add_argument("--bytes", default="ours,off", type=comma_separated, help="encoders (default: ours,off)")
    parser.add_argument("--label", help="name of the weights that restore")
    parser.add_argument("--gray", action="store_true", help="measure gray files only")
    parser.add_argument("--models", action="store_true", help="print the sizes of networks only")
    return parser.parse_args(words)


def main() -> None:
    """Runs the command line."""
    options = parse()
    if options.models:
        print_models()
        return
    options.decoders = find_decoders(options.decoders)
    paths = find_photographs(options)
    if options.gray:
        print_gray([Photograph(path) for path in paths], options.decoders)
        return
    store, measured = Store(options.cache, options.label), list[Measured]()
    for path in paths:
        measured += measure(Photograph(path), options.rows, options.decoders, store, options.bytes)
    print(f"{len(paths)} photographs; luma dB / chroma dB / SSIMULACRA2 above plain decoding\n")
    print_goals(measured, options.decoders)
    print()
    print_side_by_side(measured, options.rows, options.decoders)
    print()
    print_details(measured, options.rows, options.decoders)


if __name__ == "__main__":
    main()
