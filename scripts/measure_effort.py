#!/usr/bin/env python3
"""Measure what the highest levels of effort gain: BD-rates by many metrics, and what each file takes.

Photographs that nothing is tuned on (Kodak 1 to 12, half of the report half of ``photos_cid22``) are encoded at a
ladder of sizes. BD-rates are against effort 5 with the same map: percent of bytes at equal quality, negative is better,
with 95 % intervals over the photographs. ``tune="ssimulacra2"`` stands beside them: what one metric alone would
pretend. ::

    python scripts/measure_effort.py DATA [--codecs CODEC,...] [--count 28] [--lpips alexnet.npz] [--anchor CODEC]

LPIPS needs PyTorch and weights (``torch_lpips.py``); it is left out where they are not given.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tune_encoder import split

from saliency_jpeg import compress
from saliency_jpeg.evaluation.bdrate import bd_rates
from saliency_jpeg.evaluation.codecs import find_codec, split_name
from saliency_jpeg.evaluation.comparison import Measurement, match_size
from saliency_jpeg.evaluation.report import read_json, render, write_json
from saliency_jpeg.metrics import measure
from saliency_jpeg.perceptual import Perceptual

RATES: Final = (0.3, 0.45, 0.65, 1.0)
CODECS: Final = (
    "saliency_jpeg-off",
    "saliency_jpeg-off+effort=7",
    "saliency_jpeg-off+effort=8",
    "saliency_jpeg-off+effort=9",
    "saliency_jpeg-off+tune=ssimulacra2",
    "jpegli",
)
METRICS: Final = {
    "ssimulacra2": "SSIMULACRA2",
    "perceptual": "Perceptual",
    "lpips": "LPIPS",
    "butteraugli3": "Butteraugli 3-norm",
    "ms_ssim_db": "MS-SSIM",
    "psnr_y": "PSNR of Y",
    "psnr_hvsm": "PSNR-HVS-M",
}
SECONDS: Final = "seconds a megapixel"

Pixels = NDArray[np.uint8]


def photographs(data: Path, count: int) -> Iterator[Path]:
    """Yields the photographs of the report, those of both sets in turn."""
    report = split(data / "photos_cid22")[1]
    second = sorted((data / "photos_cid22").glob("*.png"))[1::2]  # the closed loop was tuned on the first ones
    sets = [sorted((data / "kodak").glob("*.png")), [path for path in second if path in report]]
    mixed = [path for pair in zip(*sets, strict=False) for path in pair]
    yield from (mixed + sets[1][len(sets[0]) :])[:count]


def lpips_of(weights: Path | None) -> Callable[[Pixels, Pixels], float] | None:
    """Returns the metric as a function of original and decoded image, or ``None``."""
    if weights is None:
        return None
    import torch
    import torch_lpips

    network = torch_lpips.load(weights)

    def lpips(a: Pixels, b: Pixels) -> float:
        pair = [torch.from_numpy(each.astype(np.float32) / 255).permute(2, 0, 1)[None] for each in (a, b)]
        with torch.no_grad():
            return float(network(*pair))

    return lpips


def measurements(
    path: Path, names: list[str], lpips: Callable[[Pixels, Pixels], float] | None
) -> Iterator[list[Measurement]]:
    """Yields what each codec makes of one photograph at all sizes, and the seconds a megapixel that it takes."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    deep, megapixels = Perceptual(pixels), pixels.shape[0] * pixels.shape[1] / 1e6
    for name in names:
        files = []
        for rate in RATES:
            start = time.perf_counter()
            jpeg = encode(name, pixels, rate)
            seconds = (time.perf_counter() - start) / megapixels
            with Image.open(io.BytesIO(jpeg)) as image:
                decoded = np.asarray(image.convert("RGB"))
            quality = {**measure(pixels, decoded), "perceptual": deep.score(decoded), SECONDS: seconds}
            if lpips is not None:
                quality["lpips"] = -lpips(pixels, decoded)
            bits = 8 * len(jpeg) / (1e6 * megapixels)
            files.append(Measurement(path.stem, name, rate, None, len(jpeg), bits, quality))
        yield files


def encode(name: str, pixels: Pixels, rate: float) -> bytes:
    """Returns a file of about a rate: by the encoder's own rate control, or at a quality that is searched for."""
    size = rate * pixels[..., 0].size / 8
    if name.startswith("saliency_jpeg"):
        base, settings = split_name(name)
        return compress(pixels, target_kb=size / 1000, saliency=None if "off" in base else "default", **settings)
    return match_size(find_codec(name), pixels, size).jpeg


def main() -> None:
    """Parses the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("--codecs", default=",".join(CODECS), help="names as of the evaluation")
    parser.add_argument("--anchor", default=CODECS[0], help=f"({CODECS[0]})")
    parser.add_argument("--count", type=int, default=28, help="photographs (28)")
    parser.add_argument("--lpips", type=Path, help="weights of LPIPS")
    parser.add_argument("-o", "--output", type=Path, help="JSON of all measurements; what it has is not measured again")
    arguments = parser.parse_args()
    names, lpips, output = arguments.codecs.split(","), lpips_of(arguments.lpips), arguments.output
    measured = read_json(output) if output and output.exists() else []
    known = {(each.image, each.codec) for each in measured}
    paths = list(photographs(arguments.data, arguments.count))
    for path in paths:
        for files in measurements(path, [name for name in names if (path.stem, name) not in known], lpips):
            measured += files
            if output:
                write_json(output, measured)
        print(path.stem, flush=True)
    stems = {path.stem for path in paths}
    print_table([each for each in measured if each.image in stems and each.codec in names], names, arguments.anchor)


def print_table(measured: list[Measurement], names: list[str], anchor: str) -> None:
    """Prints BD-rates by metric and codec, and seconds a megapixel."""
    rivals = [name for name in names if name != anchor]
    rows = [["BD-rate against " + anchor, *rivals]]
    for metric, title in METRICS.items():
        if metric in measured[0].quality:
            rates = bd_rates(measured, anchor, metric)
            cells = [rates[name].percent if name in rates else None for name in rivals]
            rows.append([title, *("-" if c is None else f"{c[0]:+.2f} ({c[1]:+.2f} to {c[2]:+.2f})" for c in cells)])
    rows.append(["seconds a megapixel", *(f"{seconds(measured, name):.2f}" for name in rivals)])
    print(render(rows, markdown=True))
    count = len({each.image for each in measured})
    print(f"{count} photographs, {os.cpu_count()} cores; {anchor}: {seconds(measured, anchor):.2f} s a megapixel")


def seconds(measured: list[Measurement], name: str) -> float:
    """Returns the mean of what a codec took."""
    return float(np.mean([each.quality[SECONDS] for each in measured if each.codec == name]))


if __name__ == "__main__":
    main()
