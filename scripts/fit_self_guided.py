"""Fits the strengths of ``saliency_jpeg.evaluation.self_guided`` to photographs that are not reported on.

For each kind of file and each parameter set, least squares give the weights of the two passes. Of the sets, and of the
weights times a few factors, the pair that gains most SSIMULACRA2 on average is taken for luma, then for chroma. Printed
is the table of the module: by kind of file (progressive or not) and mean log2 step.

    python scripts/fit_self_guided.py CACHE CID22

Every second photograph of the folder is used, beginning with the first; reports take the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from saliency_jpeg.codec import _core
from saliency_jpeg.evaluation.codecs import decode
from saliency_jpeg.evaluation.folders import choose_images
from saliency_jpeg.evaluation.restoration import QUALITIES, Photograph, Row, Store
from saliency_jpeg.evaluation.self_guided import PASSES, Strength, filter_plane, mean_log_step, smoothed
from saliency_jpeg.io import LOSSLESS_SUFFIXES
from saliency_jpeg.metrics.arrays import Map
from saliency_jpeg.metrics.ycbcr import from_ycbcr, to_ycbcr

PLAIN: Final = Strength(0, 0.0, 0.0)
FACTORS: Final = (0.15, 0.3, 0.5, 0.75, 1.0)
#: Files of about one step are fitted together.
GROUPS: Final = (
    *((Row("pillow", quality),) for quality in QUALITIES),
    (Row("mozjpeg", 0.5), Row("off", 0.3)),
    (Row("jpegli", 0.5), Row("off", 0.5)),
    (Row("off", 1.0),),
)


class Pair(NamedTuple):
    """An original and its decoded file as float64 (H, W, 3) YCbCr, and the file's mean log2 step."""

    photograph: Photograph
    original: Map
    decoded: Map
    step: float

    def score(self, luma: Strength, chroma: Strength) -> float:
        """SSIMULACRA2 of the filtered picture."""
        planes = [filter_plane(self.decoded[..., i], (luma, chroma, chroma)[i]) for i in range(3)]
        return self.photograph.scores(from_ycbcr(np.stack(planes, -1))).ssimulacra2


def make_pairs(photographs: Sequence[Photograph], rows: Sequence[Row], store: Store) -> list[Pair]:
    """Returns the files of some rows, decoded."""
    files = [(photograph, store.file(photograph, row)) for photograph in photographs for row in rows]
    return [
        Pair(p, to_ycbcr(p.pixels), to_ycbcr(decode(file)), mean_log_step(_core.read_jpeg(file))) for p, file in files
    ]


def least_squares(pairs: Sequence[Pair], number: int, components: Sequence[int]) -> tuple[float, float]:
    """Returns the weights of the two passes of a parameter set that leave the least squared error."""
    products, targets = np.zeros((2, 2)), np.zeros(2)
    for pair in pairs:
        for i in components:
            plane = pair.decoded[..., i]
            changes = [(version - plane).ravel() for version in smoothed(plane, number)]
            error = (pair.original[..., i] - plane).ravel()
            products += [[a @ b for b in changes] for a in changes]
            targets += [a @ error for a in changes]
    first, second = np.linalg.lstsq(products, targets, rcond=1e-9)[0]
    return float(first), float(second)


def best(pairs: Sequence[Pair], components: Sequence[int], luma: Strength | None = None) -> Strength:
    """Returns the strength of the best mean score: of luma, or of chroma where that of luma is given."""
    candidates = [PLAIN]
    for number in range(len(PASSES)):
        first, second = least_squares(pairs, number, components)
        candidates += [Strength(number, round(f * first, 3), round(f * second, 3)) for f in FACTORS]

    def mean_score(strength: Strength) -> float:
        both = (strength, PLAIN) if luma is None else (luma, strength)
        return float(np.mean([pair.score(*both) for pair in pairs]))

    return max(candidates, key=mean_score)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder for files")
    parser.add_argument("photographs", type=Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=12, help="photographs, evenly spread (default: 12)")
    parser.add_argument("--rows", nargs="+", type=Row.parse, help="files of one group (default: those of the module)")
    options = parser.parse_args()
    paths = choose_images(options.photographs, LOSSLESS_SUFFIXES)[::2]
    photographs = [Photograph(path) for path in paths[:: max(1, len(paths) // options.count)][: options.count]]
    store = Store(options.cache)
    for rows in [tuple(options.rows)] if options.rows else GROUPS:
        pairs = make_pairs(photographs, rows, store)
        luma = best(pairs, (0,))
        chroma = best(pairs, (1, 2), luma)
        gain = np.mean([pair.score(luma, chroma) - pair.score(PLAIN, PLAIN) for pair in pairs])
        step = np.mean([pair.step for pair in pairs])
        print(f"{rows[0].kind != 'pillow'}, {step:.2f}: ({luma}, {chroma}),  # {gain:+.2f}", flush=True)


if __name__ == "__main__":
    main()
