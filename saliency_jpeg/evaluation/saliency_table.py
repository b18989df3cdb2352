"""``python -m saliency_jpeg.evaluation saliency``: saliency models scored by gaze, object masks and stability.

Presets and weights files are compared with two baselines and, on gaze sets, with the agreement between viewers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import SaliencyJpegError
from ..io import say, say_lines
from ..metrics.arrays import Map, Pixels
from .arguments import add_selection, comma_separated
from .baselines import centred_gaussian, spectral_residual
from .codecs import find_model
from .folders import EVALUATED_SUFFIXES, choose_images, read_names, read_pixels
from .report import Table, render
from .robustness import Stability, judge_boxes, judge_stability, read_boxes
from .saliency_benchmark import (
    SIGMA,
    GazeSample,
    MaskSample,
    Predictor,
    inter_observer,
    judge_gaze,
    judge_masks,
    read_gaze,
    read_masks,
)

__all__ = ["build_parser", "main"]

_GAZE_COLUMNS = ("AUC-Judd", "NSS", "CC", "SIM", "KL")
_MASK_COLUMNS = ("AUC", "maxF", "MAE")
_Sample = TypeVar("_Sample", GazeSample, MaskSample)


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m saliency_jpeg.evaluation saliency",
        description="Score saliency models by recorded gaze, object masks and stability.",
        usage="%(prog)s [--gaze FOLDER...] [--masks FOLDER...] [--images FOLDER...] [options]",
    )
    folders: dict[str, Any] = {"type": Path, "nargs": "+", "default": [], "metavar": "FOLDER"}
    parser.add_argument("--gaze", **folders, help="score by gaze: folders with images/ and fixations.csv")
    parser.add_argument("--masks", **folders, help="score by object masks: folders with images/ and masks/")
    parser.add_argument("--images", **folders, help="measure how stable the maps are on folders of images")
    parser.add_argument(
        "--presets",
        type=comma_separated,
        default=["default"],
        metavar="A,B,...",
        help="presets or weights files (.npz) to score (default: default)",
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="CSV",
        help="also measure which share of these boxes in --images is salient; columns image,left,top,right,bottom",
    )
    parser.add_argument(
        "--threshold", type=float, default=0.5, metavar="T", help="value of a salient pixel in a box (default: 0.5)"
    )
    parser.add_argument(
        "--sigma",
        type=float,
        default=SIGMA,
        metavar="PIXELS",
        help=f"width of the Gaussians of the fixation density (default: {SIGMA:g})",
    )
    parser.add_argument("--no-baselines", action="store_true", help="score the presets only")
    add_selection(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: without the program's name; ``None`` for those of the process.

    Returns:
        The exit status: 0 for success, 1 for an error.

    Raises:
        SystemExit: with status 2 if the command line is wrong.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if not (options.gaze or options.masks or options.images):
        parser.error("give at least one folder with --gaze, --masks or --images")
    if options.boxes and not options.images:
        parser.error("--boxes needs --images, the folder of the images that have the boxes")
    try:
        tables = list(_tables(options))
    except (SaliencyJpegError, OSError) as error:
        say(f"error: {error}", sys.stderr)
        return 1
    text = "\n\n".join(render(table, markdown=options.markdown) for table in tables)
    say_lines(text.split("\n"), sys.stdout)
    return 0


def _tables(options: argparse.Namespace) -> Iterator[Table]:
    names = read_names(options.names)
    predictors: dict[str, Predictor] = {name: find_model(name).predict for name in options.presets}
    if not options.no_baselines:
        predictors |= {"centred Gaussian": _centred, "spectral residual": spectral_residual}
    for folder in options.gaze:
        yield _gaze_table(folder, names, predictors, options)
    for folder in options.masks:
        seen: list[str] = []
        masks = judge_masks(_recorded(read_masks(folder, names, options.count), seen), predictors)
        yield _table(f"{folder.name}, {len(seen)} images", _MASK_COLUMNS, masks)
    for folder in options.images:
        paths = choose_images(folder, EVALUATED_SUFFIXES, names, options.count)
        yield _stability_table(f"{folder.name}, {len(paths)} images", paths, predictors)
        if options.boxes:
            yield _box_table(folder.name, paths, predictors, options)


def _gaze_table(
    folder: Path, names: set[str] | None, predictors: Mapping[str, Predictor], options: argparse.Namespace
) -> Table:
    seen: list[str] = []
    samples = _recorded(read_gaze(folder, names, options.count), seen)
    scores = judge_gaze(samples, predictors, sigma=options.sigma)
    if not options.no_baselines:
        scores["other viewers"] = inter_observer(read_gaze(folder, names, options.count), sigma=options.sigma)
    return _table(f"{folder.name}, {len(seen)} images", _GAZE_COLUMNS, scores)


def _stability_table(title: str, paths: Sequence[Path], predictors: Mapping[str, Predictor]) -> Table:
    scores = judge_stability(map(read_pixels, paths), predictors)
    columns = [f"{change}{suffix}" for suffix in ("", ", worst") for change in Stability._fields]
    return _table(title, columns, {name: (*mean, *worst) for name, (mean, worst) in scores.items()})


def _box_table(
    title: str, paths: Sequence[Path], predictors: Mapping[str, Predictor], options: argparse.Namespace
) -> Table:
    boxes = read_boxes(options.boxes)
    images = ((read_pixels(path), boxes[path.stem]) for path in paths if path.stem in boxes)
    shares = judge_boxes(images, predictors, options.threshold)
    count = sum(len(boxes.get(path.stem, [])) for path in paths)
    return _table(f"{title}, {count} boxes", ("share",), {name: [share] for name, share in shares.items()})


def _table(title: str, columns: Sequence[str], scores: Mapping[str, Sequence[float]]) -> Table:
    return [[title, *columns], *([name, *(f"{value:.3f}" for value in row)] for name, row in scores.items())]


def _recorded(samples: Iterable[_Sample], seen: list[str]) -> Iterator[_Sample]:
    """Passes samples on and appends their names to ``seen``."""
    for sample in samples:
        seen.append(sample.name)
        yield sample


def _centred(rgb: Pixels) -> Map:
    return centred_gaussian((rgb.shape[0], rgb.shape[1]))
