"""Tables and JSON of what judges preferred: win rates of every two codecs at each size, Elo, and each judge's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..io import printable
from .bdrate import Interval
from .preferences import Choice, Key, Record, Verdict, agreement, elo, left_rate, verdicts
from .report import Table, render

__all__ = ["Score"]

#: Verdicts by size in bits per pixel; ``None`` has those of all sizes.
BySize = dict[float | None, list[Verdict]]


@dataclass(frozen=True)
class Score:
    """The answers of judges to one set of pairs.

    Attributes:
        key: of the set.
        answers: choices by number of the pair, by the judge's name.
        seed: of the bootstrap of Elo.
    """

    key: Key
    answers: Mapping[str, Mapping[int, Choice]]
    seed: int = 0

    @cached_property
    def judged(self) -> list[Verdict]:
        """One verdict for each pair that was answered."""
        return verdicts(self.key, list(self.answers.values()))

    @cached_property
    def elo(self) -> dict[float | None, dict[str, Interval]]:
        """Elo of the codecs by size."""
        return {bpp: elo(found, self.key.codecs, self.seed) for bpp, found in _by_size(self.judged).items()}

    def to_text(self, *, markdown: bool = False) -> str:
        """Returns a summary and the tables.

        Args:
            markdown: write Markdown tables instead of aligned columns.
        """
        tables = [self._records_table(), self._elo_table(), self._judges_table()]
        return "\n\n".join([self._summary(), *(render(table, markdown=markdown) for table in tables)])

    def to_json(self) -> dict[str, Any]:
        """Returns the same as JSON data; shares are from 0 to 1, ``bpp`` is ``None`` for all sizes."""
        agreed, decided = agreement(list(self.answers.values()))
        return {
            "set": self.key.set,
            "pairs": len(self.key.pairs),
            "answered": len(self.judged),
            "agreement": {"agreed": agreed, "decided": decided},
            "records": self._records_json(self.judged),
            "elo": [
                {"bpp": bpp, "codec": name, "elo": points.mean, "low": points.low, "high": points.high}
                for bpp, found in self.elo.items()
                for name, points in found.items()
            ],
            "judges": [
                {
                    "judge": name,
                    "answered": len(own),
                    "left": sum(choice == "left" for choice in own.values()),
                    "right": sum(choice == "right" for choice in own.values()),
                    "records": self._records_json(verdicts(self.key, [own])),
                }
                for name, own in self.answers.items()
            ],
        }

    def _summary(self) -> str:
        judges = f"{len(self.answers)} judge{'s' if len(self.answers) > 1 else ''}"
        line = f"{judges}, {len(self.judged)} of {len(self.key.pairs)} pairs answered"
        agreed, decided = agreement(list(self.answers.values()))
        return f"{line}; judges who both chose a side agreed {agreed} times of {decided}" if decided else line

    def _records(self, judged: Sequence[Verdict]) -> dict[tuple[str, str], dict[float | None, Record]]:
        """Records of every two codecs that met, by size, in the order of the key."""
        pairs = sorted({verdict[:2] for verdict in judged}, key=lambda pair: [*map(self.key.codecs.index, pair)])
        by_size = {pair: _by_size([v for v in judged if v[:2] == pair]) for pair in pairs}
        return {pair: {bpp: Record.of(v) for bpp, v in sizes.items()} for pair, sizes in by_size.items()}

    def _records_table(self) -> Table:
        table = [["", "bpp", "won", "lost", "no difference", "won of the decided, %", "no difference as half, %"]]
        for pair, sizes in self._records(self.judged).items():
            table += [[_against(pair), _size(bpp), *_record_cells(record)] for bpp, record in sizes.items()]
        return table

    def _elo_table(self) -> Table:
        head = [f"Elo, {self.key.codecs[0]} is 0", *(f"{_size(bpp)} bpp" if bpp else "all" for bpp in self.elo)]
        rows = [[name, *(_points(found.get(name)) for found in self.elo.values())] for name in self.key.codecs[1:]]
        return [head, *rows]

    def _judges_table(self) -> Table:
        pairs = list(self._records(self.judged))
        table = [["won of the decided, %", *map(_against, pairs), "left chosen, %"]]
        return table + [[printable(name), *self._judge_cells(own, pairs)] for name, own in self.answers.items()]

    def _judge_cells(self, own: Mapping[int, Choice], pairs: Sequence[tuple[str, str]]) -> list[str]:
        records = self._records(verdicts(self.key, [own]))
        rates = [_percent(records[pair][None].win_rate) if pair in records else "-" for pair in pairs]
        return [*rates, _percent(left_rate(own))]

    def _records_json(self, judged: Sequence[Verdict]) -> list[dict[str, Any]]:
        return [
            {"first": first, "second": second, "bpp": bpp, **_record_json(record)}
            for (first, second), sizes in self._records(judged).items()
            for bpp, record in sizes.items()
        ]


def _by_size(judged: Sequence[Verdict]) -> BySize:
    sizes = sorted({verdict.target_bpp for verdict in judged})
    return {**{bpp: [v for v in judged if v.target_bpp == bpp] for bpp in sizes}, None: list(judged)}


def _record_cells(record: Record) -> list[str]:
    return [*map(str, record), _percent(record.win_rate), f"{100 * record.ties_as_half:.1f}"]


def _record_json(record: Record) -> dict[str, Any]:
    share, low, high = record.win_rate
    rate = None if math.isnan(share) else {"share": share, "low": low, "high": high}
    return {**record._asdict(), "win_rate": rate, "ties_as_half": record.ties_as_half}


def _against(pair: tuple[str, str]) -> str:
    return f"{pair[0]} against {pair[1]}"


def _size(bpp: float | None) -> str:
    return "all" if bpp is None else f"{bpp:g}"


def _percent(interval: Interval) -> str:
    if math.isnan(interval.mean):
        return "-"
    return f"{100 * interval.mean:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _points(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    mean, low, high = (round(points) for points in interval)
    return f"{mean:+} [{low:+}, {high:+}]"
