#!/usr/bin/env python3
"""Compare auto-encoders of :mod:`train_gdae`, with and without the parts of the paper, at equal bytes in all.

Each photograph is encoded at a ladder of sizes, restored, and helped by the latent of each network, its bytes those of
the library's coder. ``thinned`` drops the cells of the last network that do not pay by squared error. Figures at a
rate are read between the rungs, along the logarithm of the bytes; beside them is the time that the decoder's half takes
in PyTorch. ::

    python scripts/compare_gdae.py PHOTOGRAPHS [--count 12] [--bpp 0.15,0.3,0.5] auto-encoder=A.pt:dense,sprc,soft ...

After the colon stand the parts that a network lacks.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional
from torch_gdae import Gdae

from saliency_jpeg import LowRateWarning, TargetError, compress
from saliency_jpeg.codec import _core
from saliency_jpeg.enhance.latent import bounded
from saliency_jpeg.enhance.latent_network import MOST, STRIDE
from saliency_jpeg.enhance.loading import load
from saliency_jpeg.enhance.network import CELL
from saliency_jpeg.enhance.planes import OutputForm
from saliency_jpeg.enhance.restoration import intervals
from saliency_jpeg.enhance.semantic_network import CLASSES
from saliency_jpeg.evaluation.arguments import comma_separated
from saliency_jpeg.evaluation.report import render
from saliency_jpeg.metadata.layer_kinds import Latent, latent_layer
from saliency_jpeg.metrics import ms_ssim_db, psnr
from saliency_jpeg.metrics.ycbcr import to_ycbcr
from saliency_jpeg.rate_control import Judge
from saliency_jpeg.recompression.detail import with_layer

LADDER: Final = (0.06, 0.09, 0.13, 0.18, 0.25, 0.33, 0.44, 0.6)
ALONE: Final = "restore alone"
WORTH: Final = 0.4  # of a bit, for the thinned latent
_SHARES: Final = (1.0, 0.4, 0.4)  # of the planes in the error, each relative to what restoration leaves of it
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
    model = Gdae(comma_separated(without))
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
            yield point(name, planes, layer_bytes(jpeg, levels), ms)
            if index == len(models) - 1:
                kept = thinned(levels, gains(original, restored, planes), WORTH, 8 * len(jpeg))
                yield point(
                    f"{name}, thinned", bounded(image, restored, added(kept), bounds), layer_bytes(jpeg, kept), ms
                )


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


def layer_bytes(jpeg: bytes, levels: NDArray[np.int8]) -> int:
    """What a latent takes in a file; none that says nothing is written."""
    if not levels.any():
        return 0
    return len(with_layer(jpeg, latent_layer(3, Latent("gdae", _core.encode_latent(levels))))) - len(jpeg)


def gains(original: Sequence[Floats], restored: Sequence[Floats], shown: Sequence[Floats]) -> NDArray[np.float64]:
    """Computes what a latent mends in each of its cells: of the squared error of restoration, relative to that.

    Args:
        original: Y, Cb, Cr, each float32 (H, W), 0 to 255.
        restored: likewise.
        shown: likewise, with the latent's help.

    Returns:
        float64 (rows, cols).
    """
    gained: NDArray[np.float64] = np.zeros(1)
    for share, target, before, after in zip(_SHARES, original, restored, shown, strict=True):
        errors = [_by_cell(np.square(target - plane)) for plane in (before, after)]
        gained = gained + share / max(float(errors[0].sum()), 1.0) * (errors[0] - errors[1])
    return gained


def thinned(levels: NDArray[np.int8], gained: NDArray[np.float64], worth: float, bits: float) -> NDArray[np.int8]:
    """Drops the integers of the cells that mend less than the file would with as many bits more.

    At low rates the error of a file falls about as 1 / rate; so a bit is worth the error divided by the bits.

    Args:
        levels: integers, int8 (channels, rows, cols).
        gained: as by :func:`gains`.
        worth: of a bit, as a multiple of what it is worth in the file.
        bits: of the file.
    """
    return levels * (gained > worth * sum(_SHARES) / bits * _bits(levels)).astype(np.int8)


def _bits(levels: NDArray[np.int8]) -> NDArray[np.float64]:
    """About what the integers of each cell take beyond zeros, by their counts in the channel, (rows, cols)."""
    bits = np.zeros(levels.shape[1:])
    for channel in levels:
        counts = np.bincount(channel.ravel() + MOST, minlength=2 * MOST + 1) + 0.5
        bits += np.log2(counts[MOST] / counts)[channel + MOST]
    return bits


def _by_cell(plane: Floats) -> NDArray[np.float64]:
    height, width = (-(-side // (2 * STRIDE)) * 2 * STRIDE for side in plane.shape)
    whole = np.zeros((height, width))
    whole[: plane.shape[0], : plane.shape[1]] = plane
    sums: NDArray[np.float64] = whole.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE).sum((1, 3))
    return sums


def at_rate(measured: Sequence[Point], name: str, bpp: float) -> NDArray[np.float64] | None:
    """Reads qualities, the latent's share and time of a network at a rate, between two points."""
    own = sorted((point for point in measured if point.name == name), key=attrgetter("bpp"))
    if not own or not own[0].bpp <= bpp <= own[-1].bpp:
        return None
    rates = np.log([point.bpp for point in own])
    rows = np.array([(*point.qualities, point.latent, point.ms) for point in own])
    return np.array([np.interp(np.log(bpp), rates, column) for column in rows.T])


def cells(pairs: NDArray[np.float64], is_alone: bool) -> list[str]:
    """Formats means; qualities as differences from restoration alone, but for its own."""
    own, alone = pairs.mean(0)
    qualities = own[:3] if is_alone else own[:3] - alone[:3]
    sign = "" if is_alone else "+"
    return [*(f"{value:{sign}.2f}" for value in qualities), f"{own[3]:.3f}", f"{own[4]:.0f}"]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="folder of lossless photographs")
    parser.add_argument("networks", nargs="+", type=parse, metavar="NAME=FILE:PARTS")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--bpp", type=comma_separated, default="0.15,0.3,0.5")
    args = parser.parse_args()
    warnings.simplefilter("ignore", LowRateWarning)
    measured: list[list[Point]] = []
    for path in sorted(args.photographs.glob("*.png"))[: args.count]:
        with Image.open(path) as image:
            rgb = np.ascontiguousarray(image.convert("RGB"))
        measured.append(list(points(rgb, args.networks)))
        print(f"  {path.name}", flush=True)
    names = list(dict.fromkeys(point.name for point in measured[0]))
    for rate in map(float, args.bpp):
        rows = [["", "photographs", *NAMES, "latent, bpp", "decoder, ms a megapixel"]]
        alone = [at_rate(each, ALONE, rate) for each in measured]
        for name in names:
            own = [at_rate(each, name, rate) for each in measured]
            pairs = [(a, b) for a, b in zip(own, alone, strict=True) if a is not None and b is not None]
            if pairs:
                rows.append([name, str(len(pairs)), *cells(np.array(pairs), name == ALONE)])
        print(f"\n{rate} bits a pixel in all\n\n{render(rows)}")


if __name__ == "__main__":
    main()
