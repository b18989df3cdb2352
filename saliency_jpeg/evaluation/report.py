"""Prints measurements as tables for a terminal or in Markdown, and keeps them as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, OptionError
from ..io import read, write
from .artefacts import ARTEFACTS
from .bdrate import bd_rates, bootstrap, codec_names, gains, metric_names, select
from .comparison import Measurement

__all__ = ["Table", "bd_tables", "gains_table", "quality_table", "read_json", "render", "render_all", "write_json"]

#: Rows of cells; the first row is the head.
Table = list[list[str]]


def quality_table(measured: Sequence[Measurement], target_bpp: float, metrics: Sequence[str]) -> Table:
    """Returns the mean of each metric over the images, one row per codec, with the largest size error.

    Args:
        measured: of all codecs and images.
        target_bpp: the size, in bits per pixel.
        metrics: names of the columns.
    """
    table = [[f"{target_bpp:g} bpp", *metrics, "worst size error"]]
    for codec in codec_names(measured):
        rows = select(measured, codec=codec, target_bpp=target_bpp)
        if rows:
            worst = max(abs(r.size_error) for r in rows)
            table.append([codec, *(_mean(rows, metric) for metric in metrics), f"{100 * worst:.2f} %"])
    return table


def bd_tables(measured: Sequence[Measurement], anchor: str, metrics: Sequence[str]) -> tuple[Table, Table]:
    """Returns the BD-rates against one codec in percent: means with their 95 % intervals, and the worst images.

    Args:
        measured: of all codecs and images.
        anchor: name of the codec to compare with.
        metrics: names of the columns.
    """
    rates = {metric: bd_rates(measured, anchor, metric) for metric in metrics}
    images = len({m.image for m in measured})
    means: Table = [[f"BD-rate % to {anchor}, {images} images", *metrics]]
    worst: Table = [["worst image", *metrics]]
    for codec in codec_names(measured):
        row = [rates[metric].get(codec) for metric in metrics]
        if codec != anchor:
            intervals = [r and f"{r.percent.mean:+.1f} [{r.percent.low:+.1f}, {r.percent.high:+.1f}]" for r in row]
            means.append([codec, *(text or "-" for text in intervals)])
            worst.append([codec, *(f"{r.worst:+.1f} {r.worst_image}" if r else "-" for r in row)])
    return means, worst


def gains_table(measured: Sequence[Measurement], codec: str, target_bpp: float, metrics: Sequence[str]) -> Table:
    """Returns by how much one codec is better than each other one at one size, and on how many images.

    Args:
        measured: of all codecs and images.
        codec: name of the codec.
        target_bpp: the size, in bits per pixel.
        metrics: names of the columns.
    """
    table = [[f"{target_bpp:g} bpp, {codec} better by", *metrics]]
    for rival in codec_names(measured):
        if rival != codec:
            row = [gains(measured, codec, rival, metric, target_bpp) for metric in metrics]
            table.append([f"than {rival}", *map(_gain, row)])
    return table


def _gain(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean, low, high = bootstrap(values)
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}], {sum(v > 0 for v in values)} of {len(values)}"


def render(table: Table, *, markdown: bool = False) -> str:
    """Returns a table as text.

    Args:
        table: rows of equal length.
        markdown: write a Markdown table instead of aligned columns.
    """
    if markdown:
        rule = ["---", *["---:"] * (len(table[0]) - 1)]
        return "\n".join(f"| {' | '.join(row)} |" for row in (table[0], rule, *table[1:]))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )


def render_all(
    measured: Sequence[Measurement],
    anchors: Iterable[str],
    metrics: Sequence[str],
    markdown: bool,
    champion: str | None = None,
) -> str:
    """Returns all tables as text: quality at each size, gains of the champion, and BD-rates against each anchor.

    Args:
        measured: of all codecs and images.
        anchors: names of the codecs that BD-rates refer to; those that were not measured are skipped.
        metrics: names of the columns; if none of them was measured, all that were.
        markdown: write Markdown tables instead of aligned columns.
        champion: name of the codec to compare with each other one, image by image.
    """
    known = metric_names(measured)
    present = [m for m in metrics if m in known] or known
    targets = sorted({m.target_bpp for m in measured})
    tables = [quality_table(measured, bpp, present) for bpp in targets]
    if champion:
        tables += [gains_table(measured, champion, bpp, present) for bpp in targets]
    qualities = [m for m in present if m not in ARTEFACTS]  # an artefact is no quality to compare sizes at
    missing = []
    for anchor in [name for name in anchors if qualities and name in codec_names(measured)]:
        try:
            tables += bd_tables(measured, anchor, qualities)
        except OptionError as error:  # the light package: what was measured is shown all the same
            missing = [str(error)]
    return "\n\n".join([*(render(table, markdown=markdown) for table in tables), *_words(tables), *missing])


def _words(tables: Sequence[Table]) -> list[str]:
    """What the signs in the tables mean, a line each."""
    words = {
        "worst size error": "worst size error: how far, at most, a file's size is from the one that was asked for; "
        "encoders that are told a quality meet a size only nearly.",
    }
    used = [text for name, text in words.items() if any(name in table[0] for table in tables)]
    if any(cell == "-" for table in tables for row in table for cell in row):
        used.append(
            "-: no value: the metric was not measured (small picture, no map, a missing program), or the two curves "
            "have no quality in common or fewer than three sizes."
        )
    return used


def write_json(path: Path, measured: Iterable[Measurement]) -> None:
    """Writes measurements as a JSON list.

    Args:
        path: of the file.
        measured: to write.

    Raises:
        OSError: the file cannot be written.
    """
    text = json.dumps([dataclasses.asdict(m) for m in measured], indent=1) + "\n"
    write(str(path.absolute()), text.encode())


def read_json(path: Path) -> list[Measurement]:
    """Reads measurements that :func:`write_json` wrote.

    Raises:
        InputError: it holds something else.
        OSError: the file cannot be read.
    """
    try:
        return [_measurement(fields) for fields in json.loads(read(str(path)))]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: it must be a file that --json of a comparison wrote, got {error!r}") from error


def _measurement(fields: Mapping[str, Any]) -> Measurement:
    """A measurement, after a check that its fields are of their kinds."""
    made = Measurement(**fields)
    sizes = [made.target_bpp, made.size, made.bits_per_pixel]
    numbers = [*sizes, *made.quality.values(), *([] if made.knob is None else [made.knob])]
    if not all(isinstance(name, str) for name in (made.image, made.codec)):
        raise TypeError("the names of image and codec must be strings")
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError("sizes and qualities must be numbers")
    if not all(0 < float(size) < math.inf for size in sizes):
        raise ValueError("sizes must be above 0")
    return made


def _mean(rows: Iterable[Measurement], metric: str) -> str:
    values = [r.quality[metric] for r in rows if math.isfinite(r.quality.get(metric, math.nan))]
    return f"{sum(values) / len(values):.3f}" if values else "-"
