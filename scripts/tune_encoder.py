"""Finds the tunings of ``saliency_jpeg.codec.parameters`` on half of a folder of photographs; the rest is for reports.

    pip install '.[tuning]'
    python scripts/tune_encoder.py split PHOTOS                  # which photographs are for what
    python scripts/tune_encoder.py search PHOTOS --goal default  # prints every trial, then the best as Python
    python scripts/tune_encoder.py calibrate PHOTOS              # scale of the tables at each quality
    python scripts/tune_encoder.py report PHOTOS                 # BD-rates of all tunings on the other half
    python scripts/tune_encoder.py saving PHOTOS                 # bytes saved at each quality, on the other half

A trial compares with jpegli on a few photographs: mean BD-rates in percent, and ``elo``, how far people would place our
files above jpegli's of equal bytes (:func:`saliency_jpeg.metrics.predicted_elo`). The search (CMA-ES) minimises how far
a trial is from its goal. Everything is seeded.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import PchipInterpolator

from saliency_jpeg.allocation.weights import block_weights
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import (
    DEFAULT_QUALITY,
    FREQUENCY_KNOTS,
    QUALITY_KNOTS,
    TUNINGS,
    TableShape,
    Tuning,
)
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.codec.subsampling import choose_subsampling
from saliency_jpeg.codec.tables import quality_to_scale
from saliency_jpeg.evaluation.bdrate import bd_rate
from saliency_jpeg.evaluation.codecs import decode, find_codec
from saliency_jpeg.evaluation.comparison import Measurement, find_images, load, match_size
from saliency_jpeg.metrics import Ssimulacra2, butteraugli, ms_ssim_db, predicted_elo, psnr, psnr_hvsm
from saliency_jpeg.rate_control import AtScale

Pixels = NDArray[np.uint8]

SEED = 2026
METRICS = ("ssimulacra2", "butteraugli3", "psnr_hvsm", "ms_ssim_db", "psnr_y")
ELO = "elo"
TARGETS_BPP = (0.25, 0.5, 0.9, 1.5, 2.2, 3.0)  # of jpegli, the anchor
FINEST = 0.2  # scale
MARGIN = 1.12  # of the scales beyond the first and the last size, so that other tunings reach them too
ELO_COUNTS = (0.2, 0.5, 1.0, 1.0, 1.0, 0.5)  # of each target; people rated files of 0.9 to 3.5 bits a pixel


@dataclass(frozen=True)
class Goal:
    """What a search wants.

    Attributes:
        satisfied: BD-rates in percent, and points of Elo at equal bytes: what is beyond counts little.
        counts: how much a percent, or a point, counts.
    """

    satisfied: dict[str, float]
    counts: dict[str, float]

    def cost(self, found: dict[str, float]) -> float:
        """How far a trial is from the goal."""
        worse = {m: (found[m] - value) * (-1 if m == ELO else 1) for m, value in self.satisfied.items()}
        return sum(self.counts[m] * (0.3 * excess + 3 * max(0.0, excess)) for m, excess in worse.items())


GOALS = {
    # Nothing but people's eyes pull; the others hold a floor.
    "default": Goal(
        {ELO: 200, "ssimulacra2": -8, "butteraugli3": -12, "ms_ssim_db": -5, "psnr_y": -4},
        {ELO: 0.2, "ssimulacra2": 0.3, "butteraugli3": 1.0, "ms_ssim_db": 1.0, "psnr_y": 0.5},
    ),
    "psnr": Goal({"ssimulacra2": 15, "psnr_y": -40}, {"ssimulacra2": 0.3, "psnr_y": 1}),
    "hvs": Goal({"psnr_hvsm": -40, "ssimulacra2": 0}, {"psnr_hvsm": 1, "ssimulacra2": 0.3}),
    "ssimulacra2": Goal({"ssimulacra2": -40, "ms_ssim_db": 2}, {"ssimulacra2": 1, "ms_ssim_db": 0.3}),
}


@dataclass
class Photo:
    """A photograph with what every trial needs of it.

    Attributes:
        name: file name without suffix.
        rgb: uint8 (H, W, 3).
        anchor: jpegli's files at ``TARGETS_BPP``.
        scales: at which the files of the tuning that was current have about these sizes.
    """

    name: str
    rgb: Pixels
    anchor: list[Measurement] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)

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
        return butteraugli(self.rgb, image).norm3

    def encode(self, tuning: Tuning, scale: float) -> bytes:
        weights = block_weights(None, self.coefficients.statistics, tuning=tuning)
        header = JpegHeaderPolicy(size=(self.rgb.shape[0], self.rgb.shape[1]))
        encoding = JpegEncoding.create(self.coefficients, weights, TunedSteps(tuning, 3), header, tuning=tuning)
        return AtScale(scale)(encoding).jpeg


def split(folder: Path) -> tuple[list[Path], list[Path]]:
    """The photographs to tune on and those to report on."""
    names = find_images(folder)
    random.Random(SEED).shuffle(names)
    half = len(names) // 2
    return names[:half], names[half:]


def open_photos(paths: list[Path], count: int, metrics: tuple[str, ...]) -> list[Photo]:
    """The first pictures whose chroma the encoder would average by itself, and that fill the largest of the sizes."""
    photos: list[Photo] = []
    for path in paths:
        photo = Photo(path.stem, load(path)[0])
        is_averaged = choose_subsampling("auto", photo.rgb, DEFAULT_QUALITY) == (2, 2)
        if is_averaged and len(photo.encode(TUNINGS["default"], FINEST)) > TARGETS_BPP[-1] * photo.pixels / 8:
            photos.append(with_anchor(photo, metrics))
        if len(photos) == count:
            break
    return photos


def with_anchor(photo: Photo, metrics: tuple[str, ...]) -> Photo:
    jpegli = find_codec("jpegli")
    for target in TARGETS_BPP:
        matched = match_size(jpegli, photo.rgb, target * photo.pixels / 8)
        photo.anchor.append(photo.measure("jpegli", matched.jpeg, metrics))
        photo.scales.append(scale_of_size(photo, TUNINGS["default"], len(matched.jpeg)))
    photo.scales[0] *= MARGIN
    photo.scales[-1] /= MARGIN
    return photo


def scale_of_size(photo: Photo, tuning: Tuning, size: int) -> float:
    """The scale at which our file has about this many bytes."""
    low, high = math.log(FINEST), math.log(150.0)
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if len(photo.encode(tuning, math.exp(middle))) > size else (low, middle)
    return math.exp((low + high) / 2)


def rates(photos: list[Photo], tuning: Tuning, metrics: tuple[str, ...]) -> dict[str, list[float]]:
    """BD-rates against jpegli in percent, and the advantage in Elo where that was measured, image by image."""
    found: dict[str, list[float]] = {m: [] for m in metrics}
    for photo in photos:
        ours = [photo.measure("ours", photo.encode(tuning, scale), metrics) for scale in photo.scales]
        for metric in metrics:
            found[metric].append(bd_rate(photo.anchor, ours, metric))
        if {"ssimulacra2", "butteraugli3"} <= set(metrics):
            found.setdefault(ELO, []).append(float(np.average(advantage(photo.anchor, ours), weights=ELO_COUNTS)))
    return found


def advantage(anchor: list[Measurement], ours: list[Measurement]) -> NDArray[np.float64]:
    """Elo of our files less that of the anchor's, at the anchor's sizes."""
    theirs = [predicted_elo(m.quality["ssimulacra2"], m.quality["butteraugli3"]) for m in anchor]
    curves = [_at_sizes(anchor, ours, metric) for metric in ("ssimulacra2", "butteraugli3")]
    ours_elo = [predicted_elo(*pair) for pair in zip(*curves, strict=True)]
    return np.array(ours_elo, np.float64) - np.array(theirs, np.float64)


def _at_sizes(anchor: list[Measurement], ours: list[Measurement], metric: str) -> NDArray[np.float64]:
    """A metric of ours at the anchor's sizes, between and beyond the sizes at which it was measured."""
    points = sorted((math.log(m.bits_per_pixel), m.quality[metric]) for m in ours)
    curve = PchipInterpolator(*zip(*points, strict=True))
    values: NDArray[np.float64] = curve([math.log(m.bits_per_pixel) for m in anchor])
    return np.maximum(values, 1e-3) if metric == "butteraugli3" else values


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

    goal = GOALS[arguments.goal]
    metrics = tuple(m for m in METRICS if m in goal.satisfied)
    photos = open_photos(split(arguments.photos)[0], arguments.count, metrics)
    start = TUNINGS[arguments.start]

    def trial(x: NDArray[np.float64]) -> float:
        found = {m: float(np.nanmean(v)) for m, v in rates(photos, moved(start, x), metrics).items()}
        cost = goal.cost(found)
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
    photos = open_photos(split(arguments.photos)[1], arguments.count, METRICS)
    print(f"BD-rate in percent against jpegli, 4:2:0, {len(photos)} photographs that were not tuned on")
    print(f"{'tune':<14}" + "".join(f"{m:>14}" for m in (*METRICS, ELO)) + f"{'worst ssimulacra2':>20}")
    for name in arguments.tunings or TUNINGS:
        found = rates(photos, TUNINGS[name], METRICS)
        worst = max(found["ssimulacra2"])
        print(
            f"{name:<14}" + "".join(f"{np.nanmean(found[m]):>14.2f}" for m in (*METRICS, ELO)) + f"{worst:>20.2f}",
            flush=True,
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
    photos = [Photo(p.stem, load(p)[0]) for p in split(arguments.photos)[0][: arguments.count]]
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
    photos = [Photo(p.stem, load(p)[0]) for p in split(arguments.photos)[1][: arguments.count]]
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
