"""Finds the tunings of ``saliency_jpeg.codec.parameters`` on half of a folder of photographs; the rest is for reports.

    pip install '.[tuning]'              # and butteraugli_main on PATH (Debian: libjxl-devtools)
    python scripts/tune_encoder.py split PHOTOS                  # which photographs are for what
    python scripts/tune_encoder.py search PHOTOS --goal default  # prints every trial, then the best as Python
    python scripts/tune_encoder.py calibrate PHOTOS              # scale of the tables at each quality
    python scripts/tune_encoder.py report PHOTOS                 # BD-rates of all tunings on the other half
    python scripts/tune_encoder.py saving PHOTOS                 # bytes saved at each quality, on the other half

A trial is the mean BD-rate against jpegli over a few photographs on five metrics.  The search (CMA-ES) minimises how
far they are from the goal.  Everything is seeded.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg.allocation.weights import block_weights
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import FREQUENCY_KNOTS, QUALITY_KNOTS, TUNINGS, TableShape, Tuning
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.codec.tables import quality_to_scale
from saliency_jpeg.evaluation.bdrate import bd_rate
from saliency_jpeg.evaluation.codecs import decode, find_codec
from saliency_jpeg.evaluation.comparison import Measurement, find_images, load, match_size
from saliency_jpeg.metrics import Ssimulacra2, butteraugli, ms_ssim_db, psnr, psnr_hvsm
from saliency_jpeg.rate_control import AtScale

Pixels = NDArray[np.uint8]

SEED = 2026
METRICS = ("ssimulacra2", "butteraugli3", "psnr_hvsm", "ms_ssim_db", "psnr_y")
TARGETS_BPP = (0.3, 0.5, 0.75, 1.0, 1.5)  # of jpegli, the anchor
SCALES = (2.6, 3.9, 6.0, 9.2, 15.0)  # of ours; integer steps make every one a little lucky or unlucky
SLOW = "butteraugli3"  # a program of its own: measured at every other scale
GOALS: dict[str, tuple[dict[str, float], tuple[float, ...]]] = {
    # BD-rates in percent that satisfy, and how much each of METRICS counts
    "default": (
        {"ssimulacra2": -13.5, "butteraugli3": -5.5, "psnr_hvsm": -13.2, "ms_ssim_db": -10, "psnr_y": -3},
        (1, 1, 1, 1, 0.6),
    ),
    "psnr": ({"ssimulacra2": 15, "psnr_y": -40}, (0.3, 0, 0, 0, 1)),
    "hvs": ({"psnr_hvsm": -40, "ssimulacra2": 0}, (0.3, 0, 1, 0, 0)),
    "ssimulacra2": ({"ssimulacra2": -40, "psnr_hvsm": 0}, (1, 0, 0.3, 0, 0)),
}


@dataclass
class Photo:
    """A photograph with what every trial needs of it."""

    name: str
    rgb: Pixels
    anchor: list[Measurement]

    def __post_init__(self) -> None:
        self.pixels = self.rgb.shape[0] * self.rgb.shape[1]
        self.coefficients = Coefficients.from_pixels(self.rgb, (2, 2))
        self.ssimulacra2 = Ssimulacra2(self.rgb)

    def measure(self, codec: str, jpeg: bytes, metrics: tuple[str, ...]) -> Measurement:
        image = decode(jpeg)
        quality = {
            "ssimulacra2": lambda: self.ssimulacra2.score(image),
            "butteraugli3": lambda: self._butteraugli(image),
            "psnr_hvsm": lambda: psnr_hvsm(self.rgb, image),
            "ms_ssim_db": lambda: ms_ssim_db(self.rgb, image),
            "psnr_y": lambda: psnr(self.rgb, image),
        }
        bits = 8 * len(jpeg) / self.pixels
        return Measurement(self.name, codec, bits, None, len(jpeg), bits, {m: quality[m]() for m in metrics})

    def _butteraugli(self, image: Pixels) -> float:
        distance = butteraugli(self.rgb, image)
        if distance is None:
            raise SystemExit("butteraugli_main is not on PATH")
        return distance.norm3

    def encode(self, tuning: Tuning, scale: float) -> bytes:
        weights = block_weights(None, self.coefficients.luma, tuning=tuning)
        header = JpegHeaderPolicy(size=(self.rgb.shape[0], self.rgb.shape[1]))
        encoding = JpegEncoding.create(self.coefficients, weights, TunedSteps(tuning, 3), header, tuning=tuning)
        return AtScale(scale)(encoding).jpeg


def split(folder: Path) -> tuple[list[Path], list[Path]]:
    """The photographs to tune on and those to report on."""
    names = find_images(folder)
    random.Random(SEED).shuffle(names)
    half = len(names) // 2
    return names[:half], names[half:]


def open_photo(path: Path, metrics: tuple[str, ...]) -> Photo:
    photo = Photo(path.stem, load(path)[0], [])
    jpegli = find_codec("jpegli")
    for target in TARGETS_BPP:
        matched = match_size(jpegli, photo.rgb, target * photo.pixels / 8)
        photo.anchor.append(photo.measure("jpegli", matched.jpeg, metrics))
    return photo


def rates(
    photos: list[Photo], tuning: Tuning, metrics: tuple[str, ...], scales: tuple[float, ...] = SCALES
) -> dict[str, list[float]]:
    """BD-rates against jpegli in percent, image by image."""
    found: dict[str, list[float]] = {m: [] for m in metrics}
    for photo in photos:
        quick = tuple(m for m in metrics if m != SLOW)
        ours = [
            photo.measure("ours", photo.encode(tuning, scale), quick if i % 2 else metrics)
            for i, scale in enumerate(scales)
        ]
        for metric in metrics:
            found[metric].append(bd_rate(photo.anchor, ours[:: 2 if metric == SLOW else 1], metric))
    return found


# ---- tuning <-> vector ---------------------------------------------------------------------------------------------


# What the search changes, in this order, and how far a step of 0.1 of the search moves each: 0.1 times as much, of a
# logarithm ("x") or of the number itself ("+").
MOVES: dict[str, tuple[str, float]] = {
    **{f"luma.steps.{i}": ("x", 1.0) for i in range(len(FREQUENCY_KNOTS))},
    "luma.bend": ("+", 1.0),
    "cb.factor": ("x", 1.0),
    "cr.factor": ("x", 1.0),
    "chroma.tilt": ("x", 1.0),
    "chroma.bend": ("+", 1.0),
    "masking_exponent": ("+", 1.0),
    "masking_floor": ("x", 4.0),
    "lmbda": ("x", 1.0),
    "luma_tilt": ("+", 2.0),
    "chroma_tilt": ("+", 2.0),
    "light_exponent": ("+", 2.0),
    "luma.diagonal.first": ("+", 2.0),
    "luma.diagonal.last": ("+", 2.0),
    "chroma.diagonal": ("+", 2.0),
    "compensation": ("+", 2.0),
}
BOUNDS = {"masking_exponent": (0.0, math.inf), "compensation": (0.0, 1.0)}


def chroma(shape: TableShape, factor: float, moves: dict[str, float]) -> TableShape:
    """A chroma table: all steps by one factor, tilted over the frequencies."""
    tilt = moves["chroma.tilt"] * (np.array(FREQUENCY_KNOTS) - 3.5) / 6.4
    steps = np.array(shape.steps) * np.exp(factor + tilt)
    first, last = (end + moves["chroma.diagonal"] for end in shape.diagonal)
    return TableShape(tuple(float(s) for s in steps), shape.bend + moves["chroma.bend"], (first, last))


def moved(start: Tuning, x: NDArray[np.float64]) -> Tuning:
    """``start`` changed by one number for each of ``MOVES``, all of the order of 0.1."""
    moves = {name: size * float(value) for (name, (_, size)), value in zip(MOVES.items(), x, strict=True)}
    steps = [step * math.exp(moves[f"luma.steps.{i}"]) for i, step in enumerate(start.luma.steps)]
    first, last = start.luma.diagonal
    diagonal = (first + moves["luma.diagonal.first"], last + moves["luma.diagonal.last"])
    plain = {}
    for name, (kind, _) in MOVES.items():
        if hasattr(start, name):
            value, (low, high) = getattr(start, name), BOUNDS.get(name, (-math.inf, math.inf))
            value = value * math.exp(moves[name]) if kind == "x" else value + moves[name]
            plain[name] = min(max(value, low), high)
    return replace(
        start,
        luma=TableShape(tuple(steps), start.luma.bend + moves["luma.bend"], diagonal),
        cb=chroma(start.cb, moves["cb.factor"], moves),
        cr=chroma(start.cr, moves["cr.factor"], moves),
        **plain,
    )


def rounded(tuning: Tuning) -> Tuning:
    """Four digits, as the numbers stand in the source."""

    def short(value: float) -> float:
        return float(f"{value:.4g}")

    def shape(s: TableShape) -> TableShape:
        return TableShape(tuple(map(short, s.steps)), short(s.bend), (short(s.diagonal[0]), short(s.diagonal[1])))

    return replace(
        tuning,
        luma=shape(tuning.luma),
        cb=shape(tuning.cb),
        cr=shape(tuning.cr),
        lmbda=short(tuning.lmbda),
        masking_exponent=short(tuning.masking_exponent),
        masking_floor=short(tuning.masking_floor),
        light_exponent=short(tuning.light_exponent),
        luma_tilt=short(tuning.luma_tilt),
        chroma_tilt=short(tuning.chroma_tilt),
        compensation=short(tuning.compensation),
    )


# ---- commands ------------------------------------------------------------------------------------------------------


def search(arguments: argparse.Namespace) -> None:
    import cma

    goal, counts = GOALS[arguments.goal]
    metrics = tuple(m for m in METRICS if m in goal)
    importance = dict(zip(METRICS, counts, strict=True))
    photos = [open_photo(path, metrics) for path in split(arguments.photos)[0][: arguments.count]]
    start = TUNINGS[arguments.start]

    def trial(x: NDArray[np.float64]) -> float:
        found = {m: float(np.nanmean(v)) for m, v in rates(photos, moved(start, x), metrics).items()}
        excess = {m: found[m] - goal[m] for m in metrics}
        cost = sum(importance[m] * (0.3 * excess[m] + 3 * max(0.0, excess[m])) for m in metrics)
        print(json.dumps({"cost": round(cost, 2), **{m: round(v, 2) for m, v in found.items()}}), flush=True)
        return cost

    strategy = cma.CMAEvolutionStrategy(
        [0.0] * len(MOVES),
        arguments.sigma,
        {"popsize": 10, "seed": SEED, "maxiter": arguments.generations, "verbose": -9},
    )
    while not strategy.stop():
        candidates = strategy.ask()
        strategy.tell(candidates, [trial(x) for x in candidates])
        print("mean:", rounded(moved(start, np.array(strategy.mean))), flush=True)


def report(arguments: argparse.Namespace) -> None:
    photos = [open_photo(path, METRICS) for path in split(arguments.photos)[1][: arguments.count]]
    print(f"BD-rate in percent against jpegli, 4:2:0, {len(photos)} photographs that were not tuned on")
    print(f"{'tune':<14}" + "".join(f"{m:>14}" for m in METRICS) + f"{'worst ssimulacra2':>20}")
    for name in arguments.tunings or TUNINGS:
        found = rates(photos, TUNINGS[name], METRICS, (2.5, 3.6, 5.5, 8.5, 13.0, 19.0))
        worst = max(found["ssimulacra2"])
        print(
            f"{name:<14}" + "".join(f"{np.nanmean(found[m]):>14.2f}" for m in METRICS) + f"{worst:>20.2f}", flush=True
        )


def turbo(photo: Photo, quality: int) -> bytes:
    """libjpeg-turbo's baseline file, 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(photo.rgb).save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


def matching_scale(photo: Photo, tuning: Tuning, score: float) -> float:
    """log(scale) at which our file has this SSIMULACRA2."""
    low, high = math.log(0.05), math.log(150.0)
    for _ in range(9):
        middle = (low + high) / 2
        ours = photo.ssimulacra2.score(decode(photo.encode(tuning, math.exp(middle))))
        low, high = (middle, high) if ours > score else (low, middle)
    return (low + high) / 2


def calibrate(arguments: argparse.Namespace) -> None:
    """quality=q shall give the SSIMULACRA2 of libjpeg-turbo at q: the mean log(scale) over photographs that does."""
    photos = [Photo(p.stem, load(p)[0], []) for p in split(arguments.photos)[0][: arguments.count]]
    for name in arguments.tunings or TUNINGS:
        scales = []
        for quality in QUALITY_KNOTS[2:-2]:  # from 5 to 95; the ends are drawn by hand
            logs = []
            for photo in photos:
                score = photo.ssimulacra2.score(decode(turbo(photo, int(quality))))
                logs.append(matching_scale(photo, TUNINGS[name], score))
            scales.append(math.exp(float(np.mean(logs))))
        print(name, {q: float(f"{s:.3g}") for q, s in zip(QUALITY_KNOTS[2:-2], scales, strict=True)}, flush=True)


def saving(arguments: argparse.Namespace) -> None:
    """SSIMULACRA2 and bytes at each quality against libjpeg-turbo, on photographs that were not tuned on."""
    photos = [Photo(p.stem, load(p)[0], []) for p in split(arguments.photos)[1][: arguments.count]]
    tuning = TUNINGS["default"]
    print(f"{'quality':>8}{'turbo':>10}{'ours':>10}{'bytes saved':>14}")
    for quality in (10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95):
        rows = []
        for photo in photos:
            theirs, ours = turbo(photo, quality), photo.encode(tuning, quality_to_scale(quality, tuning))
            scores = [photo.ssimulacra2.score(decode(j)) for j in (theirs, ours)]
            rows.append((*scores, 1 - len(ours) / len(theirs)))
        mean = np.mean(rows, axis=0)
        print(f"{quality:>8}{mean[0]:>10.2f}{mean[1]:>10.2f}{100 * mean[2]:>13.1f}%", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("split", "search", "calibrate", "report", "saving"))
    parser.add_argument("photos", type=Path, help="folder of lossless photographs")
    parser.add_argument("--goal", choices=GOALS, default="default")
    parser.add_argument("--start", choices=TUNINGS, default="default")
    parser.add_argument("--tunings", nargs="*", choices=TUNINGS)
    parser.add_argument("--count", type=int, default=9, help="photographs used")
    parser.add_argument("--generations", type=int, default=25)
    parser.add_argument("--sigma", type=float, default=0.1)
    arguments = parser.parse_args()
    if arguments.command == "split":
        for title, paths in zip(("tune", "report"), split(arguments.photos), strict=True):
            print(title, *(p.name for p in paths))
        return
    commands = {"search": search, "calibrate": calibrate, "report": report, "saving": saving}
    commands[arguments.command](arguments)


if __name__ == "__main__":
    main()
