#!/usr/bin/env python3
"""Compare auto-encoders of :mod:`train_gdae`, with and without the parts of the paper, at equal bytes in all.

Each photograph is encoded at a ladder of sizes, restored, and helped by the latent of each network, its bytes those of
the library's coder. ``thinned`` drops the cells of the last network that do not pay, as the encoder does. Figures at a
rate are read between the rungs, along the logarithm of the bytes; beside them is the time that the decoder's half takes
in PyTorch. ::

    python scripts/compare_gdae.py PHOTOGRAPHS [--count 12] [--bpp 0.15,0.3,0.5] auto-encoder=A.pt:dense,sprc,soft ...

After the colon stand the parts that a network lacks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional
from torch_gdae import PARTS, Gdae

from saliency_jpeg import TargetError, compress
from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.latent import bounded
from saliency_jpeg.enhance.latent_choice import gains, thinned
from saliency_jpeg.enhance.loading import load
from saliency_jpeg.enhance.network import CELL
from saliency_jpeg.enhance.planes import OutputForm
from saliency_jpeg.enhance.restoration import intervals
from saliency_jpeg.enhance.semantic_network import CLASSES
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.report import render
from saliency_jpeg.metadata.layers import Latent, latent_layer
from saliency_jpeg.metrics import ms_ssim_db, psnr
from saliency_jpeg.metrics.ycbcr import to_ycbcr
from saliency_jpeg.rate_control import Judge

LADDER: Final = (0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.28, 0.36, 0.46, 0.6)
ALONE: Final = "restore alone"
WORTH: Final = 0.4  # of a bit, for the thinned latent
NAMES: Final = ("PSNR", "MS-SSIM, dB", "SSIMULACRA2")

Floats = NDArray[np.float32]


class Point(NamedTuple):
    """A file with or without a latent.

    Attributes:
        name: of the network.
        bpp: bits a pixel in all.
        latent: of the latent.
        qualities: PSNR, MS-SSIM in dB, SSIMULACRA2.
        ms: that the decoder's half took, a megapixel.
    """

    name: str
    bpp: float
    latent: float
    qualities: tuple[float, ...]
    ms: float


def parse(text: str) -> tuple[str, Gdae]:
    """Reads NAME=FILE:PARTS."""
    name, _, file = text.partition("=")
    file, _, without = file.partition(":")
    model = Gdae([part for part in PARTS if part not in comma_separated(without)])
    model.load_state_dict(torch.load(file, weights_only=True))
    return name, model.eval()


def points(rgb: NDArray[np.uint8], models: Sequence[tuple[str, Gdae]]) -> Iterator[Point]:
    """Yields what all networks make of one photograph at all rungs."""
    restorer, judge, pixels = load("restore", None), Judge(rgb), rgb.shape[0] * rgb.shape[1]
    original = list(np.ascontiguousarray(np.moveaxis(to_ycbcr(rgb), -1, 0), np.float32))
    form, bounds = OutputForm(is_ycc=True, luma=False, dtype=np.uint8), intervals(3, 1.0, None)
    for rate in LADDER:
        try:
            jpeg = compress(rgb, target_kb=rate * pixels / 8000, saliency=None)
        except TargetError:
            continue
        image = _core.read_jpeg(jpeg, None)
        restored, classes = restorer.restore(image), restorer.class_map(image)

        def point(name: str, planes: Sequence[Floats], length: int, ms: float, jpeg: bytes = jpeg) -> Point:
            shown = form.pixels(list(planes), [(1, 1)] * 3, rgb.shape[:2])
            qualities = psnr(rgb, shown), ms_ssim_db(rgb, shown), judge.of_pixels(shown)
            return Point(name, 8 * (len(jpeg) + length) / pixels, 8 * length / pixels, qualities, ms)

        yield point(ALONE, bounded(image, restored, [0 * plane for plane in restored], bounds), 0, 0.0)
        for index, (name, model) in enumerate(models):
            levels, added = coded(model, original, restored, classes)
            began = time.perf_counter()
            first = added(levels)
            ms = 1e9 * (time.perf_counter() - began) / pixels
            planes = bounded(image, restored, first, bounds)
            yield point(name, planes, layer_bytes(levels), ms)
            if index == len(models) - 1:
                kept = thinned(levels, gains(original, restored, planes), WORTH, 8 * len(jpeg))
                yield point(f"{name}, thinned", bounded(image, restored, added(kept), bounds), layer_bytes(kept), ms)


def coded(
    model: Gdae, original: Sequence[Floats], restored: Sequence[Floats], classes: NDArray[np.uint8]
) -> tuple[NDArray[np.int8], Callable[[NDArray[np.int8]], list[Floats]]]:
    """Returns the latent of a picture, and what makes of one the planes to be added."""
    height, width = restored[0].shape
    pad = (0, -width % CELL, 0, -height % CELL)
    a, b = (
        functional.pad(torch.from_numpy(np.stack(planes))[None], pad, mode="replicate")
        for planes in (original, restored)
    )
    shown = functional.one_hot(torch.from_numpy(classes).long(), len(CLASSES)).permute(2, 0, 1)[None].float()

    def added(levels: NDArray[np.int8]) -> list[Floats]:
        with torch.inference_mode():
            planes = model.synthesise(torch.from_numpy(levels)[None].float(), b, shown) - b
        return [np.ascontiguousarray(plane) for plane in planes[0, :, :height, :width].numpy()]

    with torch.inference_mode():
        levels = model.integers(model.analyse(a, b))[0].numpy().astype(np.int8)
    return np.ascontiguousarray(levels), added


def layer_bytes(levels: NDArray[np.int8]) -> int:
    """What a latent takes in a file; none that says nothing is written."""
    if not levels.any():
        return 0
    return latent_layer(3, Latent("gdae", _core.encode_latent(levels))).encoded_size(3)


def between(measured: Sequence[Point], bpp: float) -> NDArray[np.float64] | None:
    """Reads qualities, the latent's share and time at a rate between two points of a network."""
    rates = [point.bpp for point in measured]
    if not min(rates) <= bpp <= max(rates):
        return None
    order = np.argsort(rates)
    x = np.log(np.array(rates)[order])
    rows = np.array([(*point.qualities, point.latent, point.ms) for point in measured])[order]
    return np.array([np.interp(np.log(bpp), x, column) for column in rows.T])


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="folder of lossless photographs")
    parser.add_argument("networks", nargs="+", type=parse, metavar="NAME=FILE:PARTS")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--bpp", type=comma_separated, default="0.15,0.3,0.5")
    args = parser.parse_args()
    measured: list[list[Point]] = []
    for path in sorted(args.photographs.glob("*.png"))[: args.count]:
        with Image.open(path) as image:
            rgb = np.ascontiguousarray(image.convert("RGB"))
        measured.append(list(points(rgb, args.networks)))
        print(f"  {path.name}", flush=True)
    names = list(dict.fromkeys(point.name for point in measured[0]))
    for rate in map(float, args.bpp):
        rows = [["", *NAMES, "latent, bpp", "decoder, ms a megapixel"]]
        found = {
            name: [between([p for p in each if p.name == name], rate) for each in measured] for name in names
        }
        common = [i for i in range(len(measured)) if all(found[name][i] is not None for name in names)]
        for name in names:
            values = np.mean([found[name][i] for i in common], 0)
            rows.append([name, *(f"{v:.{d}f}" for v, d in zip(values, (2, 2, 2, 4, 0), strict=True))])
        print(f"\n{rate} bits a pixel in all, {len(common)} photographs\n\n{render(rows)}")


if __name__ == "__main__":
    main()
