"""The tables that a training script prints last: scores of maps on gaze and masks that were not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from saliency_data import OSIE_SPLIT, split

from saliency_jpeg.evaluation import judge_gaze, judge_masks, read_gaze, read_masks
from saliency_jpeg.evaluation.report import render
from saliency_jpeg.saliency import SaliencyModel

_MASKS = ("ecssd", "duts_classes")


def report_names(data: Path) -> list[str]:
    """Returns the stems of OSIE's images that no script trains on or selects by."""
    stems = sorted(path.stem for path in (data / "osie" / "images").glob("*.jpg"))
    return split(stems, *OSIE_SPLIT)[-1]


def print_tables(data: Path, models: Mapping[str, SaliencyModel], count: int | None = None) -> None:
    """Prints the scores of models on the last part of OSIE, on ECSSD and on DUTS.

    Args:
        data: folder of the data sets, see :mod:`saliency_data`.
        models: by the name that the tables show.
        count: most images of each data set; None for all.
    """
    predictors = {name: model.predict for name, model in models.items()}
    gaze = judge_gaze(read_gaze(data / "osie", report_names(data), count), predictors)
    tables = [[["osie", "AUC-Judd", "NSS", "CC", "SIM", "KL"], *_rows(gaze)]]
    for folder in _MASKS:
        masks = judge_masks(read_masks(data / folder, count=count), predictors)
        tables.append([[folder, "AUC", "maxF", "MAE"], *_rows(masks)])
    print("\n\n".join(render(table, markdown=False) for table in tables))


def _rows(scores: Mapping[str, tuple[float, ...]]) -> list[list[str]]:
    return [[name, *(f"{value:.3f}" for value in row)] for name, row in scores.items()]
