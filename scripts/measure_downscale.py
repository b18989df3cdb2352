"""Which resolution suits a number of bytes: pictures encoded at a grid of rates and scales, as a reader sees them.

For each picture, rate (bits a pixel of the original) and scale of the sides: shrink in linear light, encode to that
size without a map, decode, and score SSIMULACRA2 of what is shown against the original: at the original's size, and
both at 1600 pixels on the long side. Camera files count whole and halved; a half shows little of its own coding.

``measure`` appends to a file of JSON lines and skips pictures that it holds. ``table`` fits the rule of
``saliency_jpeg.encoder.resolution`` to every other photograph, and prints for both halves what the plain encoding and
the rule of the library lose against the best scale of the grid.

    python scripts/measure_downscale.py measure grid.jsonl photos_large/*
    python scripts/measure_downscale.py table grid.jsonl

``camera`` encodes files to a size in kB: as they are, with ``allow_downscale``, and at 1600 pixels; it prints scores.

    python scripts/measure_downscale.py camera 200 photos_large/*.jpg
"""

from __future__ import annotations

import argparse
import io
import json
import math
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize

from saliency_jpeg import Encoder, LowRateWarning, Options, TargetError
from saliency_jpeg.codec.parameters import DOWNSCALE, Downscale
from saliency_jpeg.encoder.coding import Coding
from saliency_jpeg.encoder.resolution import complexity, suitable_factor
from saliency_jpeg.encoder.single import PictureEncoding
from saliency_jpeg.image.load import load
from saliency_jpeg.image.picture import Picture
from saliency_jpeg.image.resize import scaled_size, shrink
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metrics import Ssimulacra2

RATES: Final = (0.04, 0.06, 0.09, 0.135, 0.2, 0.3, 0.4)
SCALES: Final = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32, 0.25, 0.2, 0.16)
SHOWN: Final = 1600  # pixels on the long side
HALF: Final = ", half"  # behind the name of a camera file
HASH: Final = 64  # characters of the names of lossless photographs, which come first

Pixels = NDArray[np.uint8]


def originals(path: Path) -> dict[str, Pixels]:
    """The picture; of a camera file also half of it, which shows little of its coding errors."""
    pixels = load(path).pixels
    if path.suffix.lower() == ".png":
        return {path.stem: pixels}
    half = shrink(pixels, scaled_size(pixels.shape[:2], 0.5))
    whole = {path.stem: pixels} if max(half.shape) >= SHOWN else {}
    return {**whole, path.stem + HALF: half}


def shown(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture at a size as a viewer shows it: bicubic where it has to be enlarged."""
    if pixels.shape[:2] == size:
        return pixels
    if pixels.shape[0] > size[0]:
        return shrink(pixels, size)
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))


class Judge:
    """Scores against an original, at its own size and at that of a reader's screen."""

    def __init__(self, pixels: Pixels) -> None:
        size = pixels.shape[:2]
        self._sizes = size, scaled_size(size, min(1.0, SHOWN / max(size)))
        self._metrics = [Ssimulacra2(shown(pixels, each)) for each in self._sizes]

    def scores(self, jpeg: bytes) -> list[float]:
        """Returns both scores of a file."""
        decoded = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
        return [metric.score(shown(decoded, size)) for metric, size in zip(self._metrics, self._sizes, strict=True)]


def measure(name: str, pixels: Pixels, log: Path) -> None:
    """Appends a line for each rate and scale of a picture that the target allows."""
    picture = PictureEncoding(Options(saliency=None), Picture(pixels, Metadata()), None, Coding())
    about = {"name": name, "size": pixels.shape[:2], "complexity": complexity(picture.luma())}
    judge = Judge(pixels)
    lines = []
    smaller = {scale: shrink(pixels, scaled_size(pixels.shape[:2], scale)) for scale in SCALES}
    for rate in RATES:
        encoder = Encoder(saliency=None, target_kb=rate * pixels[..., 0].size / 8000)
        for scale, image in smaller.items():
            try:
                result = encoder.compress(image)
            except TargetError:
                continue
            line = about | {"rate": rate, "scale": scale, "quality": result.quality}
            line["scores"] = judge.scores(result.jpeg)
            lines.append(json.dumps(line) + "\n")
    with log.open("a") as file:
        file.writelines(lines)


class Curve:
    """The mean of both scores over the scale of the sides, for one picture and rate."""

    def __init__(self, lines: Sequence[dict[str, Any]]) -> None:
        ordered = sorted(lines, key=lambda line: line["scale"])
        self.rate, self.complexity = ordered[0]["rate"], ordered[0]["complexity"]
        self._logs = [math.log(line["scale"]) for line in ordered]
        self._scores = np.array([line["scores"] for line in ordered]).T

    def loss(self, factor: float) -> float:
        """How much less than at the best scale of the grid a picture scores at this one, between those of the grid."""
        return float(self._scores.mean(axis=0).max() - np.mean(self.scores(factor)))

    def scores(self, factor: float) -> list[float]:
        """The scores at the original's size and at 1600 pixels, between the scales of the grid."""
        return [float(np.interp(math.log(factor), self._logs, scores)) for scores in self._scores]


def read_curves(log: Path) -> dict[bool, dict[str, list[Curve]]]:
    """Returns the curves by picture, of the half that the rule is fitted on (true) and of the other."""
    lines: dict[str, dict[float, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in map(json.loads, log.read_text().splitlines()):
        lines[line["name"]][line["rate"]].append(line)
    photographs = sorted({name.removesuffix(HALF) for name in lines}, key=lambda name: (len(name) != HASH, name))
    curves: dict[bool, dict[str, list[Curve]]] = {True: {}, False: {}}
    for name, rates in lines.items():
        is_fitted = photographs.index(name.removesuffix(HALF)) % 2 == 0
        curves[is_fitted][name] = [Curve(rates[rate]) for rate in sorted(rates)]
    return curves


def fit(curves: Sequence[Curve]) -> Downscale:
    """Returns the constants that lose least; losses count to the power of 1.5, so that few are large."""

    def total(values: NDArray[np.float64]) -> float:
        rule = replace(DOWNSCALE, factor=math.exp(values[0]), by_rate=values[1], by_complexity=values[2])
        losses = [curve.loss(suitable_factor(curve.rate, curve.complexity, rule)) for curve in curves]
        return float(np.mean(np.power(losses, 1.5)))

    found = minimize(total, [0.3, 0.55, -0.4], method="Nelder-Mead").x
    return replace(DOWNSCALE, factor=math.exp(found[0]), by_rate=found[1], by_complexity=found[2])


def print_table(log: Path) -> None:
    """Prints by half and rate the mean scores of the plain encoding and of the rule, and what they lose."""
    halves = read_curves(log)
    rule = fit([curve for curves in halves[True].values() for curve in curves])
    print(f"fitted: {rule.factor:.3f} * rate**{rule.by_rate:.3f} * complexity**{rule.by_complexity:.3f}")
    for is_fitted, curves in ((which, curves) for which, curves in halves.items() if curves):
        print(f"{'fitted on' if is_fitted else 'reported'}, {len(curves)} pictures")
        print("  bpp | original: plain, rule | at 1600: plain, rule | loss: plain, worst, rule, worst")
        flat = [curve for each in curves.values() for curve in each]
        for rate in (*RATES, None):
            here = [curve for curve in flat if rate in (None, curve.rate)]
            factors = [suitable_factor(curve.rate, curve.complexity) for curve in here]
            plain, ours = (
                np.array([[*curve.scores(at), curve.loss(at)] for curve, at in zip(here, each, strict=True)])
                for each in ([1.0] * len(here), factors)
            )
            means = [values[:, column].mean() for column in (0, 1) for values in (plain, ours)]
            losses = [value for values in (plain, ours) for value in (values[:, 2].mean(), values[:, 2].max())]
            print(f"{rate or 'all':>5} | {' '.join(f'{value:7.2f}' for value in (*means, *losses))}")


def compare(target_kb: float, paths: Sequence[Path]) -> None:
    """Prints both scores of each file as it is, at the resolution of the rule, and at 1600 pixels; then their means."""
    plain = Options(saliency=None, target_kb=target_kb)
    ways = {
        "as it is": plain,
        "allow_downscale": replace(plain, allow_downscale=True),
        f"at {SHOWN}": replace(plain, max_width=SHOWN, max_height=SHOWN),
    }
    rows = []
    for path in paths:
        judge, row = Judge(load(path).pixels), []
        for way, options in ways.items():
            result = Encoder(options).compress(path)
            row.append(judge.scores(result.jpeg))
            print(f"{path.name}: {way}, {result.width} x {result.height}: {row[-1][0]:.1f} {row[-1][1]:.1f}")
        rows.append(row)
    for way, (original, small) in zip(ways, np.mean(rows, axis=0), strict=True):
        print(f"mean: {way}: {original:.1f} {small:.1f}")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("measure", "table", "camera"))
    parser.add_argument("log", type=Path, help="file of JSON lines; with camera, kB")
    parser.add_argument("pictures", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "table":
        print_table(arguments.log)
        return
    warnings.simplefilter("ignore", LowRateWarning)
    if arguments.command == "camera":
        compare(float(str(arguments.log)), arguments.pictures)
        return
    done: set[str] = set()
    if arguments.log.exists():
        done = {json.loads(line)["name"] for line in arguments.log.read_text().splitlines()}
    for path in arguments.pictures:
        for name, pixels in originals(path).items():
            if name not in done:
                measure(name, pixels, arguments.log)
                done.add(name)


if __name__ == "__main__":
    main()
