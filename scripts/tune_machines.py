"""Looks for ``tune="machine"``: small moves of the default's numbers, judged by the features of the map's backbone.

    python scripts/tune_machines.py DATA --start default         # prints each move, then those that help together

The judge is no one of the report's (``scripts/measure_machines.py``), and the pictures are the other half. A trial is
judged by the distance of the backbone's features between file and original, at equal targets: the mean change of its
logarithm against the start, in percent, for photographs and for text; negative is nearer. What this judge likes best
was worse before the others (docs/decisions.md), so the preset does not follow it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saliency_jpeg import compress
from saliency_jpeg.codec.parameters import TUNINGS, TableShape, Tuning
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.evaluation.machine_tasks import TASKS, cases
from saliency_jpeg.options import BYTES_PER_KB
from saliency_jpeg.saliency import SaliencyModel
from saliency_jpeg.training.loop import Backbone

TARGETS_BPP = (0.15, 0.3, 0.5)
SIDE = 257
Pixels = NDArray[np.uint8]
Move = Callable[[Tuning], Tuning]


def steps(shape: TableShape, low: float, high: float) -> TableShape:
    """Multiplies the steps: by ``low`` at DC, by ``high`` at the last frequency, by their path between."""
    factors = np.geomspace(low, high, len(shape.steps))
    return replace(shape, steps=tuple(float(s * f) for s, f in zip(shape.steps, factors, strict=True)))


def chroma(tuning: Tuning, low: float, high: float) -> Tuning:
    return replace(tuning, cb=steps(tuning.cb, low, high), cr=steps(tuning.cr, low, high))


MOVES: dict[str, Move] = {
    "less masking": lambda t: replace(t, masking_exponent=t.masking_exponent - 0.12),
    "more masking": lambda t: replace(t, masking_exponent=t.masking_exponent + 0.12),
    "no light": lambda t: replace(t, light_exponent=0.0),
    "coarser chroma": lambda t: chroma(t, 1.5, 1.5),
    "finer chroma": lambda t: chroma(t, 0.7, 0.7),
    "flatter luma": lambda t: replace(t, luma=steps(t.luma, 1.0, 0.7)),
    "steeper luma": lambda t: replace(t, luma=steps(t.luma, 1.0, 1.4)),
    "finer lows": lambda t: replace(t, luma=steps(t.luma, 0.75, 1.0)),
    "coarser lows": lambda t: replace(t, luma=steps(t.luma, 1.35, 1.0)),
    "lower lambda": lambda t: replace(t, lmbda=t.lmbda * 0.65),
    "higher lambda": lambda t: replace(t, lmbda=t.lmbda * 1.5),
    "luma tilt up": lambda t: replace(t, luma_tilt=t.luma_tilt + 0.25),
    "luma tilt down": lambda t: replace(t, luma_tilt=t.luma_tilt - 0.25),
    "less bend": lambda t: replace(t, luma=replace(t.luma, bend=t.luma.bend * 0.8)),
    "no compensation": lambda t: replace(t, compensation=0.0),
}


@dataclass
class Judged:
    """A picture with its map and the features of the original."""

    task: str
    rgb: Pixels
    saliency: Any
    features: list[NDArray[np.float32]]


class Trials:
    """Judges tunings on pictures of the tuning half."""

    def __init__(self, data: Path, counts: list[int]) -> None:
        self._backbone, model = Backbone(SIDE), SaliencyModel.from_preset("default")
        self._pictures = [
            Judged(case.task, rgb, model.predict(rgb), self._see(rgb))
            for case in cases(data, "tune", dict(zip(TASKS, counts, strict=True)))
            for rgb in [case.load()]
        ]

    def __call__(self, tuning: Tuning) -> NDArray[np.float64]:
        """Returns the logarithms of the distances, (pictures, targets)."""
        TUNINGS["machine"] = tuning
        return np.array([[self._distance(picture, bpp) for bpp in TARGETS_BPP] for picture in self._pictures])

    def compare(self, name: str, start: NDArray[np.float64], found: NDArray[np.float64]) -> float:
        """Prints the change against the start in percent, and returns that of tasks in equal parts."""
        change = 100 * (found - start)
        tasks = np.array([picture.task for picture in self._pictures])
        by_task = {task: change[tasks == task] for task in TASKS}
        error = change.mean(1).std() / len(change) ** 0.5
        mean = float(np.mean([values.mean() for values in by_task.values()]))
        parts = "  ".join(f"{task} {values.mean():+.2f}" for task, values in by_task.items())
        sizes = " ".join(f"{value:+.2f}" for value in change.mean(0))
        print(f"{name:<28}{mean:+.2f} ({error:.2f})  {parts}  at sizes {sizes}", flush=True)
        return mean

    def _see(self, rgb: Pixels) -> list[NDArray[np.float32]]:
        rows, cols = self._backbone.size(rgb)
        scaled = np.asarray(Image.fromarray(rgb).resize((cols, rows), Image.Resampling.BILINEAR))
        return [np.asarray(level, np.float32) for level in self._backbone([scaled])[0]]

    def _distance(self, picture: Judged, bpp: float) -> float:
        kb = bpp * picture.rgb.shape[0] * picture.rgb.shape[1] / 8 / BYTES_PER_KB
        file = compress(picture.rgb, target_kb=kb, saliency=picture.saliency, tune="machine", subsampling="4:2:0")
        seen = self._see(decode(file))
        shares = [np.sum((a - b) ** 2) / np.sum(a**2) for a, b in zip(picture.features, seen, strict=True)]
        return float(np.log(np.mean(shares)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="as for measure_machines.py")
    parser.add_argument("--start", choices=TUNINGS, default="default")
    parser.add_argument("--counts", type=int, nargs=3, default=[16, 16, 10], metavar="N", help=f"pictures of {TASKS}")
    options = parser.parse_args()
    trials, start = Trials(options.data, options.counts), TUNINGS[options.start]
    base = trials(start)
    for name in ("default", "ssimulacra2", "psnr", "hvs"):
        trials.compare(name, base, trials(TUNINGS[name]))
    gains = {name: trials.compare(name, base, trials(move(start))) for name, move in MOVES.items()}
    best, lowest = start, 0.0
    for name in sorted((n for n in gains if gains[n] < 0), key=lambda n: gains[n]):
        together = MOVES[name](best)
        change = trials.compare(f"+ {name}", base, trials(together))
        best, lowest = (together, change) if change < lowest else (best, lowest)
    print(best)


if __name__ == "__main__":
    main()
