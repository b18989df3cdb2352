"""``saliency-jpeg compress --ray``: the same on the processors and GPUs of a cluster."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..batch.plan import PlanError, plan
from ..io import STREAM
from ..options import Options
from .progress import Progress
from .report import Report, Row
from .terminal import UsageError, quiet, reason

__all__ = ["add_words", "run"]

_TABLE: Final = ".parquet"
_LOCAL: Final = "local"


def add_words(parser: argparse.ArgumentParser) -> None:
    """``--ray`` and what goes with it."""
    group = parser.add_argument_group("a cluster")
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="on a Ray cluster: its address, auto, or local for one that lives as long as the batch; the images (or "
        "tables *.parquet) and OUT are folders that all its machines see, OUT/log.parquet tells what became of each",
    )
    group.add_argument("--columns", metavar="NAME,BYTES", help="of a table: an image's name, and its bytes or path")


def run(arguments: argparse.Namespace, options: Options) -> int:
    """Encodes every input on a cluster; returns the exit status.

    Raises:
        UsageError: a word does not go with a cluster, there is no cluster, or Ray is missing.
        PlanError: inputs and output do not go together.
    """
    columns = _checked(arguments)
    try:
        from ..integrations import ray as door
    except ImportError as error:
        raise UsageError(f"--ray: {error}") from error
    _connect(arguments.ray)
    try:
        dataset, total, unreadable = _planned(door, arguments, columns)
        report = Report(arguments, sys.stdout, in_batch=True)
        with Progress(total, report.bar_stream if total > 1 else None) as progress:
            report.begin(progress, skipped=[])
            for missed in unreadable:
                report.add(Row(str(missed.filename), "", "failed", error=reason(missed)))
            return _followed(door, dataset, columns, arguments, options, report, total)
    finally:
        _ray().shutdown()


def _checked(arguments: argparse.Namespace) -> tuple[str, str]:
    """The columns of a table; what cannot be done on a cluster is refused."""
    for word, given in (
        ("--in-place", arguments.in_place),
        ("--dry-run", arguments.dry_run),
        ("standard input", STREAM in arguments.inputs),
        ("standard output", arguments.output == STREAM),
    ):
        if given:
            raise UsageError(f"{word} does not go with --ray")
    if arguments.output is None:
        raise UsageError("--ray needs a folder as output (-o)")
    name, comma, data = (arguments.columns or "name,bytes").partition(",")
    if not (name and comma and data):
        raise UsageError(f"--columns must be two names with a comma in between, got {arguments.columns!r}")
    return name, data


def _ray() -> Any:
    import ray

    return ray


def _connect(address: str) -> None:
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    settings: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
    if address == _LOCAL:
        settings["include_dashboard"] = False
    try:
        with quiet():
            _ray().init(address=address, **settings)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"no Ray cluster at {address}: {' '.join(str(error).split())}") from error
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def _planned(door: Any, arguments: argparse.Namespace, columns: tuple[str, str]) -> tuple[Any, int, Sequence[OSError]]:
    """The dataset, its length, and folders that cannot be read."""
    tables = [name for name in arguments.inputs if name.rstrip("/").endswith(_TABLE)]
    if tables and len(tables) < len(arguments.inputs):
        raise PlanError("tables and images do not go together")
    if tables:
        dataset = door.from_parquet(tables, columns)
        return dataset, dataset.count(), []
    planned = plan(arguments.inputs, f"{arguments.output}/", recursive=arguments.recursive)
    return door.from_files(planned.jobs, columns), len(planned.jobs), planned.unreadable


def _followed(
    door: Any,
    dataset: Any,
    columns: tuple[str, str],
    arguments: argparse.Namespace,
    options: Options,
    report: Report,
    total: int,
) -> int:
    """Runs, and tells of every row as it comes."""
    start = time.monotonic()
    try:
        door.compress(
            dataset,
            Path(arguments.output),
            options,
            columns=columns,
            force=arguments.force,
            actors=arguments.jobs,
            report=lambda row: report.add(_row(row)),
        )
    except KeyboardInterrupt:
        report.stopped(total)
        raise
    return report.end(time.monotonic() - start)


def _row(row: Mapping[str, Any]) -> Row:
    told = {name: row[name] for name in ("output", "status", "bytes_in", "bytes_out")}
    numbers = {name: row[name] for name in ("bits_per_pixel", "quality", "score")}
    error = None if row["error"] is None else f"{row['name']}: {row['error'].removeprefix(row['name'] + ': ')}"
    return Row(row["name"], **told, **numbers, error=error)
