"""Measures how much of the bytes a map may move: what the salient part gains, and what the whole picture pays for it.

    python scripts/tune_allocation.py DATA --strengths 0.3,0.5,1 --count 24

DATA holds ``osie/images`` with ``osie/maps``, ``duts_classes`` and ``ecssd`` with ``images`` and ``masks``, and
``photos_large``. Of OSIE's images that no head learns from or is selected by, one half is taken here and ``--report``
takes the other; of the other folders a seeded choice, and another. Everything is compared with the map off at equal
bytes, by SSIMULACRA2 of the whole picture and of a composite that shows the decoded pixels where the judge's map is.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from saliency_data import OSIE_SPLIT, split

from saliency_jpeg import SaliencyModel
from saliency_jpeg.allocation import block_weights, strength_at
from saliency_jpeg.codec.coefficients import Coefficients
from saliency_jpeg.codec.jpeg import JpegEncoding, JpegHeaderPolicy
from saliency_jpeg.codec.parameters import TUNINGS
from saliency_jpeg.codec.steps import TunedSteps
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.evaluation.comparison import load
from saliency_jpeg.metrics import Ssimulacra2, butteraugli
from saliency_jpeg.metrics.arrays import composite
from saliency_jpeg.rate_control import AtScale
from saliency_jpeg.rate_control.by_size import typical_scale

SEED = 7
TARGETS_BPP = (0.25, 0.5, 1.0)
SLOPE = 25.0  # SSIMULACRA2 for each unit of log(bytes), to correct what is left of the difference in size
CLOSE = 0.004  # difference of log(bytes) that ends the search
TUNING = TUNINGS["default"]


class Judged:
    """A picture, its map, and a judge's map of where its parts matter; ``None`` where only the whole is judged."""

    def __init__(self, path: Path, judges: Path | None, model: SaliencyModel) -> None:
        self.rgb, self.judge = load(path, judges, halve=judges is not None)
        self.saliency = model.predict(self.rgb)
        self.coefficients = Coefficients.from_pixels(self.rgb, (2, 2))
        self.ssimulacra2 = Ssimulacra2(self.rgb)

    def scores(self, strength: float, bits_per_pixel: float) -> NDArray[np.float64]:
        """SSIMULACRA2 of the whole picture and of the salient part, and butteraugli's distance of the whole."""
        jpeg, excess = self._encode(strength, bits_per_pixel)
        decoded = decode(jpeg)
        whole = self.ssimulacra2.score(decoded) - SLOPE * excess
        part = math.nan
        if self.judge is not None:
            part = self.ssimulacra2.score(composite(self.rgb, decoded, self.judge)) - SLOPE / 2 * excess
        return np.array([whole, part, butteraugli(self.rgb, decoded).norm3])

    def _encode(self, strength: float, bits_per_pixel: float) -> tuple[bytes, float]:
        """The file nearest to a size, and log(its bytes / bytes wanted)."""
        height, width = self.rgb.shape[:2]
        applied = strength_at(typical_scale(bits_per_pixel), strength)
        weights = block_weights(self.saliency, self.coefficients.statistics, applied)
        header = JpegHeaderPolicy(size=(height, width))
        encoding = JpegEncoding.create(self.coefficients, weights, TunedSteps(TUNING, 3), header)
        wanted = math.log(bits_per_pixel * height * width / 8)
        x, best = math.log(typical_scale(bits_per_pixel)), (b"", math.inf)
        for _ in range(9):
            jpeg = AtScale(math.exp(x))(encoding).jpeg
            excess = math.log(len(jpeg)) - wanted
            best = min(best, (jpeg, excess), key=lambda each: abs(each[1]))
            if abs(excess) < CLOSE:
                break
            x += 1.1 * excess
        return best


def pictures(data: Path, count: int, *, report: bool) -> dict[str, list[tuple[Path, Path | None]]]:
    """Pictures of each set with the folder of their judges' maps."""
    stems = sorted(path.stem for path in (data / "osie" / "images").glob("*.jpg"))
    unseen = split(stems, *OSIE_SPLIT)[-1]  # a head's maps of what it learned from are too good
    own = unseen[: len(unseen) // 2] if report else unseen[len(unseen) // 2 :]
    chosen: dict[str, list[tuple[Path, Path | None]]] = {
        "osie": [(data / "osie" / "images" / f"{stem}.jpg", data / "osie" / "maps") for stem in own[:count]]
    }
    for name in ("duts_classes", "ecssd"):
        paths = sorted((data / name / "images").rglob("*.jpg"))
        random.Random(SEED).shuffle(paths)
        part = paths[count : 2 * count] if report else paths[:count]
        chosen[name] = [(path, data / name / "masks") for path in part]
    large = sorted((data / "photos_large").glob("*.png"))
    chosen["photos_large"] = [(path, None) for path in (large[1::2] if report else large[::2])]
    return chosen


def line(strength: float, found: NDArray[np.float64], off: NDArray[np.float64]) -> str:
    """Whole, salient part and worst whole at each size, and by how much butteraugli's distance is larger."""
    (whole, part, _), percent = np.moveaxis(found - off, -1, 0), 100 * (found / off - 1)[..., 2]
    columns = zip(whole.mean(0), part.mean(0), whole.min(0), percent.mean(0), strict=True)
    cells = [f"{mean:+.2f} / {salient:+.2f} / {worst:+.1f} / {more:+.1f}%" for mean, salient, worst, more in columns]
    return f"{strength:<10}" + " | ".join(cells)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the sets")
    parser.add_argument("--strengths", default="0.3,0.5,0.7,1.0")
    parser.add_argument("--count", type=int, default=24, help="pictures of each set")
    parser.add_argument("--report", action="store_true", help="pictures that nothing was chosen by")
    options = parser.parse_args(arguments)
    model = SaliencyModel.from_preset()
    print("SSIMULACRA2 against the map off: whole / salient part / worst whole / butteraugli, 3-norm, of the whole,")
    print(f"at {TARGETS_BPP} bits a pixel")
    for name, paths in pictures(options.data, options.count, report=options.report).items():
        judged = [Judged(path, judges, model) for path, judges in paths]
        off = np.array([[each.scores(0.0, bpp) for bpp in TARGETS_BPP] for each in judged])
        print(f"{name}, {len(judged)} pictures")
        for strength in map(float, options.strengths.split(",")):
            found = np.array([[each.scores(strength, bpp) for bpp in TARGETS_BPP] for each in judged])
            print(line(strength, found, off), flush=True)


if __name__ == "__main__":
    main()
