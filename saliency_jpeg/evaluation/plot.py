"""Rate-distortion curves of a comparison as a picture, alone or on a page with the tables."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ..errors import OptionError
from ..io import write
from ..metrics import METRICS, is_lower_better
from .bdrate import codec_names, metric_names, select
from .comparison import Measurement

__all__ = ["SUFFIXES", "write_plot"]

#: Of the files that can be written.
SUFFIXES: Final = (".png", ".html")
_COLUMNS: Final = 2
_MOST: Final = 8  # metrics in one picture


def write_plot(path: Path, measured: Sequence[Measurement], metrics: Sequence[str], tables: str) -> None:
    """Draws the mean of each metric over the images against the size, a line for each codec.

    Args:
        path: ``.png`` for the picture, ``.html`` for a page that holds it and the tables.
        measured: of all codecs and images.
        metrics: names of those to draw; without any, the first eight that were measured.
        tables: text of the tables.

    Raises:
        OptionError: matplotlib is not installed, or the suffix is another one.
        OSError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OptionError(f"the plot must end in {' or '.join(SUFFIXES)}, got {str(path)!r}")
    known = metric_names(measured)
    picture = _draw(measured, [name for name in metrics if name in known] or known[:_MOST])
    write(str(path.absolute()), picture if suffix == ".png" else _page(picture, tables).encode())


def _draw(measured: Sequence[Measurement], metrics: Sequence[str]) -> bytes:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise OptionError(f"--plot needs matplotlib; run pip install matplotlib, got {error}") from error
    rows = math.ceil(len(metrics) / _COLUMNS)
    figure = Figure(figsize=(12, 4 * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for axes, metric in zip(grid, metrics, strict=False):
        _draw_metric(axes, measured, metric)
    for axes in list(grid)[len(metrics) :]:
        axes.set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _draw_metric(axes: Any, measured: Sequence[Measurement], metric: str) -> None:
    for codec in codec_names(measured):
        points = []
        for target in sorted({m.target_bpp for m in measured}):
            values = [m.quality.get(metric, math.nan) for m in select(measured, codec=codec, target_bpp=target)]
            values = [value for value in values if math.isfinite(value)]
            points += [(target, sum(values) / len(values))] if values else []
        axes.plot(*zip(*points, strict=True), "o-", label=codec) if points else None
    direction = "lower" if is_lower_better(metric) else "higher"
    axes.set(xlabel="bits per pixel", ylabel=METRICS[metric].title if metric in METRICS else metric)
    axes.set_title(f"{direction} is better", fontsize="small")
    axes.grid(alpha=0.3)
    axes.legend()


def _page(picture: bytes, tables: str) -> str:
    image = base64.b64encode(picture).decode()
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Encoders at equal sizes</title>\n'
        "<style>body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 80rem; padding: 0 1rem }\n"
        "img { max-width: 100%; height: auto } pre { overflow-x: auto }</style></head><body>\n"
        "<h1>Encoders at equal sizes</h1>\n"
        f'<img alt="quality against bits per pixel, a line for each encoder" src="data:image/png;base64,{image}">\n'
        f"<pre>{html.escape(tables)}</pre>\n</body></html>\n"
    )
