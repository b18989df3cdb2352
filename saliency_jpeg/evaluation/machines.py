"""What machines see in files of equal size: pretrained judges on the files of several encoders, as tables.

Every picture is encoded to each size by every encoder, decoded plainly or restored, and put before the judge of its
task. The means have bootstrap intervals over pictures; the comparison with a peer is paired, picture by picture.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ..metrics.arrays import Pixels
from .bdrate import bootstrap
from .codecs import find_codec
from .comparison import match_size
from .decoders import find_decoder
from .machine_judges import Classifier, Detector, Reader
from .machine_tasks import MEASURES, TASKS, Case, Task, judge
from .report import Table, render

__all__ = [
    "PEERS",
    "Row",
    "append_rows",
    "gains_table",
    "means_table",
    "measure_case",
    "open_judges",
    "read_rows",
    "render_tables",
]

#: Encoders of JPEG files that ours are compared with.
PEERS: Final = ("pillow", "mozjpeg", "jpegli")
_TOLERANCE: Final = 0.01  # of the size
_LARGEST_EXCESS: Final = 0.02  # of the size, over which a file is compared with no other: libjpeg's tables end at 255


@dataclass(frozen=True)
class Row:
    """One file before its judge.

    Attributes:
        task: what the judge was asked.
        picture: its name.
        codec: name of the encoder.
        decoder: name of the decoder.
        target_bpp: wanted bits a pixel.
        bits_per_pixel: of the file.
        values: by measure.
    """

    task: Task
    picture: str
    codec: str
    decoder: str
    target_bpp: float
    bits_per_pixel: float
    values: dict[str, float]

    @property
    def name(self) -> str:
        """Encoder, and decoder if it is not the plain one."""
        return self.codec if self.decoder == "plain" else f"{self.codec}, {self.decoder}"


Judges = dict[Task, Callable[[Pixels], Any]]


def open_judges() -> Judges:
    """Loads the judges of all tasks.

    Raises:
        ImportError, FileNotFoundError: one is missing; the message says what to install.
    """
    return {"classification": Classifier(), "detection": Detector(), "text": Reader()}


def measure_case(
    case: Case, judges: Judges, systems: Sequence[tuple[str, Sequence[str]]], targets_bpp: Sequence[float]
) -> Iterator[Row]:
    """Yields the measures of a picture, and first those of the original, whose codec is ``"original"``.

    Args:
        case: the picture.
        judges: by task.
        systems: encoders, each with the names of the decoders.
        targets_bpp: sizes in bits a pixel.
    """
    rgb, ask = case.load(), judges[case.task]
    pixels = rgb.shape[0] * rgb.shape[1]
    reference = ask(rgb)
    yield Row(case.task, case.name, "original", "plain", 0.0, 0.0, judge(case, reference, reference))
    for codec, decoders in systems:
        for target in targets_bpp:
            file = match_size(find_codec(codec), rgb, target * pixels / 8, None, _TOLERANCE).jpeg
            bits = 8 * len(file) / pixels
            for decoder in decoders:
                values = judge(case, ask(find_decoder(decoder)(file)), reference)
                yield Row(case.task, case.name, codec, decoder, target, bits, values)


# ---- tables ------------------------------------------------------------------------------------


def render_tables(rows: Sequence[Row], ours: Sequence[str], *, markdown: bool = False) -> str:
    """Returns all tables as text.

    Args:
        rows: of all pictures.
        ours: names of the systems to compare with each peer.
        markdown: write Markdown tables.
    """
    tables = [means_table(rows, task) for task in TASKS]
    tables += [gains_table(rows, task, name) for task in TASKS for name in ours]
    return "\n\n".join(render(table, markdown=markdown) for table in tables if len(table) > 1)


def means_table(rows: Sequence[Row], task: Task) -> Table:
    """Returns the means of a task's measures at each size with their 95 % intervals, one row a system.

    Args:
        rows: of all pictures.
        task: to show.
    """
    own = [row for row in rows if row.task == task]
    targets = sorted({row.target_bpp for row in own} - {0.0})
    columns = [(measure, target) for measure in MEASURES[task] for target in targets]
    pictures = len({row.picture for row in own})
    table = [[f"{task}, {pictures} pictures", *(f"{measure} at {target:g} bpp" for measure, target in columns)]]
    for name in dict.fromkeys(row.name for row in own):
        cells = []
        for measure, target in columns:
            values = list(_values(own, name, 0.0 if name == "original" else target, measure).values())
            cells.append("-" if not values else "{:.3f} [{:.3f}, {:.3f}]".format(*bootstrap(values)))
        table.append([name, *cells])
    return table


def gains_table(rows: Sequence[Row], task: Task, ours: str) -> Table:
    """Returns by how much a system is better than each other one: paired means with 95 % intervals.

    Pictures that one of the two cannot make small enough are left out.

    Args:
        rows: of all pictures.
        task: to show.
        ours: name of the system.
    """
    own = [row for row in rows if row.task == task]
    targets = sorted({row.target_bpp for row in own} - {0.0})
    heads = [f"{target:g} bpp" for target in targets]
    table = [[f"{ours} better by, {MEASURES[task][0]}", *heads, "all sizes"]]
    for rival in dict.fromkeys(row.name for row in own if row.name not in (ours, "original")):
        found = [_gains(own, ours, rival, target, MEASURES[task][0]) for target in targets]
        shared = set.intersection(*map(set, found)) if found else set()
        found.append({p: sum(gain[p] for gain in found) / len(found) for p in sorted(shared)})
        cells = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*bootstrap([*gain.values()])) if gain else "-" for gain in found]
        if any(found):
            table.append([f"than {rival}", *cells])
    return table


def _gains(rows: Sequence[Row], ours: str, rival: str, target: float, measure: str) -> dict[str, float]:
    fitting = [row for row in rows if row.bits_per_pixel <= target * (1 + _LARGEST_EXCESS)]
    mine, theirs = (_values(fitting, name, target, measure) for name in (ours, rival))
    return {picture: mine[picture] - theirs[picture] for picture in mine if picture in theirs}


def _values(rows: Sequence[Row], name: str, target: float, measure: str) -> dict[str, float]:
    return {
        row.picture: row.values[measure]
        for row in rows
        if row.name == name and row.target_bpp == target and measure in row.values
    }


# ---- rows on disk ------------------------------------------------------------------------------


def read_rows(path: Path) -> list[Row]:
    """Reads rows that :func:`append_rows` wrote; none if there is no file."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def append_rows(path: Path, rows: Sequence[Row]) -> None:
    """Adds rows to a file, one a line, so that a run that was stopped goes on where it was."""
    with path.open("a") as file:
        file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
