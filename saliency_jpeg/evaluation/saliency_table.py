"""``python -m saliency_jpeg.evaluation saliency``: presets, baselines and people judged by gaze and object masks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ..errors import SaliencyJpegError
from ..metrics.arrays import Image, Map
from .baselines import centred_gaussian, spectral_residual
from .codecs import find_model
from .folders import LOSSLESS, LOSSY, choose, read_names
from .report import Table, render
from .robustness import Steadiness, judge_boxes, judge_steadiness, read_boxes
from .saliency_benchmark import (
    SIGMA,
    GazeSample,
    MaskSample,
    Predictor,
    ceiling,
    judge_gaze,
    judge_masks,
    read,
    read_gaze,
    read_masks,
)

__all__ = ["main"]

_GAZE = ("AUC-Judd", "NSS", "CC", "SIM", "KL")
_MASKS = ("AUC", "maxF", "MAE")
_Sample = TypeVar("_Sample", GazeSample, MaskSample)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m saliency_jpeg.evaluation saliency", description=__doc__)
    parser.add_argument("--gaze", type=Path, nargs="+", default=[], help="folders with images/ and fixations.csv")
    parser.add_argument("--masks", type=Path, nargs="+", default=[], help="folders with images/ and masks/")
    parser.add_argument(
        "--presets", type=_names, default=["default"], help="presets, or weights files .npz, comma between (default)"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], help="folders of images to see how steady maps are"
    )
    parser.add_argument(
        "--boxes", type=Path, help="CSV file of image,left,top,right,bottom: what share is found salient"
    )
    parser.add_argument("--threshold", type=float, default=0.5, help="from which a pixel of a box is salient (0.5)")
    parser.add_argument("--names", type=Path, help="judge only the images whose stems stand in this file, one a line")
    parser.add_argument("--count", type=int, help="at most so many images of each folder, drawn with a fixed seed")
    parser.add_argument("--sigma", type=float, default=SIGMA, help="of the gaze density in pixels (24)")
    parser.add_argument("--no-baselines", action="store_true", help="only the presets")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not (options.gaze or options.masks or options.images):
        parser.error("give a folder to judge by with --gaze, --masks or --images")
    if options.boxes and not options.images:
        parser.error("--boxes needs the folder of the pictures in --images")
    try:
        tables = list(_tables(options))
    except (SaliencyJpegError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n\n".join(render(table, markdown=options.markdown) for table in tables))
    return 0


def _tables(options: argparse.Namespace) -> Iterator[Table]:
    names = read_names(options.names)
    predictors: dict[str, Predictor] = {name: find_model(name).predict for name in options.presets}
    if not options.no_baselines:
        predictors |= {"centred Gaussian": _centred, "spectral residual": spectral_residual}
    for folder in options.gaze:
        seen: list[str] = []
        gaze = judge_gaze(_noted(read_gaze(folder, names, options.count), seen), predictors, sigma=options.sigma)
        if not options.no_baselines:
            gaze["other viewers"] = ceiling(read_gaze(folder, names, options.count), sigma=options.sigma)
        yield _table(f"{folder.name}, {len(seen)} images", _GAZE, gaze)
    for folder in options.masks:
        seen = []
        masks = judge_masks(_noted(read_masks(folder, names, options.count), seen), predictors)
        yield _table(f"{folder.name}, {len(seen)} images", _MASKS, masks)

    for folder in options.images:
        paths = choose(folder, LOSSLESS | LOSSY, names, options.count)
        yield _steadiness(f"{folder.name}, {len(paths)} images", paths, predictors)
        if options.boxes:
            boxes = read_boxes(options.boxes)
            pictures = ((read(path, "RGB"), boxes[path.stem]) for path in paths if path.stem in boxes)
            shares = judge_boxes(pictures, predictors, options.threshold)
            counted = sum(len(boxes.get(path.stem, [])) for path in paths)
            yield _table(f"{folder.name}, {counted} boxes", ("share",), {n: [share] for n, share in shares.items()})


def _steadiness(title: str, paths: Sequence[Path], predictors: Mapping[str, Predictor]) -> Table:
    found = judge_steadiness((read(path, "RGB") for path in paths), predictors)
    columns = [f"{change}{of}" for of in ("", ", worst") for change in Steadiness._fields]
    return _table(title, columns, {name: (*mean, *worst) for name, (mean, worst) in found.items()})


def _table(title: str, columns: Sequence[str], scores: Mapping[str, Sequence[float]]) -> Table:
    return [[title, *columns], *([name, *(f"{value:.3f}" for value in row)] for name, row in scores.items())]


def _noted(samples: Iterable[_Sample], seen: list[str]) -> Iterator[_Sample]:
    """The samples, their names kept in ``seen``."""
    for sample in samples:
        seen.append(sample.name)
        yield sample


def _centred(rgb: Image) -> Map:
    return centred_gaussian((rgb.shape[0], rgb.shape[1]))


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]
