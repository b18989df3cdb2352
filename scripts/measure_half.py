#!/usr/bin/env python3
"""Measure files with half of the resolution against whole ones of the same bytes, all by ``tune="restore"``, restored.

The photographs are those of :mod:`measure_effort` that are not Kodak's, or with ``--tuned`` some that encoder and
networks are tuned on; sides must be even. The table ends with the best of all at each rate, as ``layers="auto"`` with
``allow_downscale`` keeps it, but that below 0.1 bits a pixel the third way is not tried there. ::

    python scripts/measure_half.py DATA [--count 16] [--bpp 0.05,0.08,0.12,0.18] [--tuned] [--skip 4]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

import numpy as np
from measure_effort import photographs
from numpy.typing import NDArray
from PIL import Image
from tune_encoder import split

from saliency_jpeg import Decoder, Options, TargetError
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.encoder.single import PictureEncoding
from saliency_jpeg.enhance.enlarging import half_size
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.report import render
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metrics import psnr
from saliency_jpeg.rate_control import Judge

WAYS: Final = ("whole", "half", "half by the enlarged picture")

Pixels = NDArray[np.uint8]


def measure(path: Path, rates: list[float]) -> NDArray[np.float64]:
    """Encodes a photograph.

    Returns:
        float64 (rates, ways, 3): SSIMULACRA2, PSNR, and seconds a megapixel that encoding takes.
    """
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    judge, decoder, height, width = Judge(rgb), Decoder(), *rgb.shape[:2]
    picture = Picture(rgb, Metadata())
    half, coding = picture.shrunk(half_size((height, width))), Coding(whole_size=(height, width))
    ways = [(picture, Coding()), (half, coding), (half, Coding(whole_size=(height, width), whole_pixels=rgb))]
    rows = []
    for rate in rates:
        options = Options(saliency=None, tune="restore", target_kb=rate * height * width / 8000)
        for each, how in ways:
            began = time.perf_counter()
            jpeg = _encoded(PictureEncoding(options, each, None, how))
            seconds = (time.perf_counter() - began) / (height * width / 1e6)
            shown = decoder.decode(jpeg)
            rows.append((judge.of_pixels(shown), psnr(rgb, shown), seconds))
    return np.array(rows).reshape(len(rates), len(ways), 3)


def _encoded(encoding: PictureEncoding) -> bytes:
    try:
        return encoding.compressed().jpeg
    except TargetError as error:
        return error.best


def print_figures(rows: NDArray[np.float64], rates: list[float]) -> None:
    """Prints means of (photographs, rates, ways, 3), and on how many photographs half of the pixels are better."""
    scores = rows[..., 0]
    titles = [f"{name}: {way}" for name in ("SSIMULACRA2", "PSNR") for way in WAYS]
    table = [["bits a pixel", *titles, "best of all", "half is better"]]
    for index, rate in enumerate(rates):
        here = scores[:, index]
        cells = [f"{value:.2f}" for value in [*rows[:, index, :, :2].mean(0).T.ravel(), here.max(1).mean()]]
        table.append([f"{rate:g}", *cells, f"{int((here[:, 1:].max(1) > here[:, 0]).sum())} of {len(here)}"])
    print(render(table, markdown=True))
    gains = scores[:, :, 2] - scores[:, :, 1]
    print(f"by the enlarged picture: {gains.mean():+.2f} points ({gains.min():+.2f} to {gains.max():+.2f})")
    seconds = ", ".join(f"{way} {value:.1f}" for way, value in zip(WAYS, rows[..., 2].mean((0, 1)), strict=True))
    print(f"seconds a megapixel: {seconds}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("--count", type=int, default=16, help="photographs (16)")
    parser.add_argument("--skip", type=int, default=0, help="photographs before them (0)")
    parser.add_argument("--bpp", type=comma_separated, default="0.05,0.08,0.12,0.18")
    parser.add_argument("--tuned", action="store_true", help="photographs that are tuned on")
    args = parser.parse_args()
    rates = [float(rate) for rate in args.bpp]
    report = [path for path in photographs(args.data, 1000) if path.parent.name == "photos_cid22"]
    paths = split(args.data / "photos_cid22")[0] if args.tuned else report
    print_figures(np.stack([measure(path, rates) for path in paths[args.skip : args.skip + args.count]]), rates)


if __name__ == "__main__":
    main()
