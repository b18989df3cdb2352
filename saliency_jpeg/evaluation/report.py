"""Measurements as text: tables for a terminal or in Markdown, and JSON to keep."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from .bdrate import bd_rates, bootstrap, codec_names, gains, metric_names, select
from .comparison import Measurement

__all__ = ["Table", "bd_tables", "quality_table", "read_json", "render", "render_all", "wins_table", "write_json"]

Table = list[list[str]]


def quality_table(measured: Sequence[Measurement], target_bpp: float, metrics: Sequence[str]) -> Table:
    """Mean of each metric over the images, a row for each codec, with the worst miss of the size."""
    table = [[f"{target_bpp:g} bpp", *metrics, "worst size error"]]
    for codec in codec_names(measured):
        rows = select(measured, codec=codec, target_bpp=target_bpp)
        if rows:
            worst = max(abs(r.size_error) for r in rows)
            table.append([codec, *(_mean(rows, metric) for metric in metrics), f"{100 * worst:.2f} %"])
    return table


def bd_tables(measured: Sequence[Measurement], anchor: str, metrics: Sequence[str]) -> tuple[Table, Table]:
    """BD-rate against ``anchor`` in percent: the mean with its 95 % interval, and the image that fares worst."""
    rates = {metric: bd_rates(measured, anchor, metric) for metric in metrics}
    images = len({m.image for m in measured})
    means: Table = [[f"BD-rate % to {anchor}, {images} images", *metrics]]
    worst: Table = [["worst image", *metrics]]
    for codec in codec_names(measured):
        found = [rates[metric].get(codec) for metric in metrics]
        if codec != anchor:
            intervals = [f and f"{f.percent.mean:+.1f} [{f.percent.low:+.1f}, {f.percent.high:+.1f}]" for f in found]
            means.append([codec, *(text or "-" for text in intervals)])
            worst.append([codec, *(f"{f.worst:+.1f} {f.worst_image}" if f else "-" for f in found)])
    return means, worst


def wins_table(measured: Sequence[Measurement], codec: str, target_bpp: float, metrics: Sequence[str]) -> Table:
    """By how much ``codec`` is better than each other one at one size, with a 95 % interval, and on how many images."""
    table = [[f"{target_bpp:g} bpp, {codec} better by", *metrics]]
    for rival in codec_names(measured):
        if rival != codec:
            found = [gains(measured, codec, rival, metric, target_bpp) for metric in metrics]
            table.append([f"than {rival}", *map(_gain, found)])
    return table


def _gain(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean, low, high = bootstrap(values)
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}], {sum(v > 0 for v in values)} of {len(values)}"


def render(table: Table, *, markdown: bool = False) -> str:
    """The table with aligned columns, or in Markdown."""
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
    """Every table: one for each target, one for each target with a champion, two for each anchor measured."""
    known = metric_names(measured)
    present = [m for m in metrics if m in known] or known
    targets = sorted({m.target_bpp for m in measured})
    tables = [quality_table(measured, bpp, present) for bpp in targets]
    if champion:
        tables += [wins_table(measured, champion, bpp, present) for bpp in targets]
    for anchor in [name for name in anchors if name in codec_names(measured)]:
        tables += bd_tables(measured, anchor, present)
    return "\n\n".join(render(table, markdown=markdown) for table in tables)


def write_json(path: Path, measured: Iterable[Measurement]) -> None:
    """Writes the measurements as a JSON list."""
    path.write_text(json.dumps([dataclasses.asdict(m) for m in measured], indent=1) + "\n")


def read_json(path: Path) -> list[Measurement]:
    """Measurements written by ``write_json``."""
    return [Measurement(**fields) for fields in json.loads(path.read_text())]


def _mean(rows: Iterable[Measurement], metric: str) -> str:
    values = [r.quality[metric] for r in rows if math.isfinite(r.quality.get(metric, math.nan))]
    return f"{sum(values) / len(values):.3f}" if values else "-"
