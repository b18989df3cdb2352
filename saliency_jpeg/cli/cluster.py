"""``saliency-jpeg compress --ray``: encodes a batch on a Ray cluster."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..batch.plan import PlanError, check_folder_name, plan
from ..io import STREAM, is_remote
from ..options import Options
from .output import sweep_folders
from .progress import Progress
from .report import Report, Row
from .terminal import UsageError, describe_error, hide_library_output

__all__ = ["add_arguments", "run"]

_TABLE_SUFFIX: Final = ".parquet"
_LOCAL: Final = "local"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--ray`` and ``--columns``."""
    group = parser.add_argument_group("cluster")
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on a Ray cluster: an address, auto, or local to start one for this batch. IN (images or .parquet "
        "tables) and OUT must be folders that all machines can see, or addresses such as s3://bucket/photos; the "
        "results are logged in OUT/log.parquet",
    )
    group.add_argument(
        "--columns",
        metavar="NAME,BYTES",
        help="columns of a table that hold an image's name, and its bytes or path (default: name,bytes)",
    )


def run(arguments: argparse.Namespace, options: Options) -> int:
    """Encodes every input on a cluster.

    Args:
        arguments: of the command line.
        options: of the encoder.

    Returns:
        The exit status: 1 if an image failed, else 0.

    Raises:
        UsageError: an argument cannot be used with a cluster, the cluster cannot be reached, or Ray is not installed.
        PlanError: inputs and output do not fit together.
    """
    columns = _checked_columns(arguments)
    try:
        from ..integrations import ray as door
    except ImportError as error:
        raise UsageError(f"--ray: {error}") from error
    _connect(arguments.ray)
    try:
        dataset, total, unreadable = _dataset(door, arguments, columns)
        report = Report(arguments, sys.stdout, in_batch=True)
        with Progress(total, report.bar_stream if total > 1 else None) as progress:
            report.begin(progress, skipped=[])
            for failure in unreadable:
                report.add(Row(str(failure.filename), "", "failed", error=describe_error(failure)))
            return _encode(door, dataset, columns, arguments, options, report, total)
    finally:
        _ray().shutdown()


def _checked_columns(arguments: argparse.Namespace) -> tuple[str, str]:
    """The columns of a table, after a check that all arguments can be used with a cluster."""
    for name, given in (
        ("--in-place", arguments.in_place),
        ("--dry-run", arguments.dry_run),
        ("standard input", STREAM in arguments.inputs),
        ("standard output", arguments.output == STREAM),
        ("--journal none", arguments.journal == "none"),
        ("--lossless", arguments.lossless),
        ("--name", arguments.name is not None),
        ("--widths", arguments.widths is not None),
        ("a --target in percent", arguments.target is not None and arguments.target.share is not None),
    ):
        if given:
            raise UsageError(f"{name} cannot be used with --ray")
    if arguments.output is None:
        raise UsageError("--ray needs an output folder, -o OUT")
    check_folder_name(arguments.output)
    name, comma, data = (arguments.columns or "name,bytes").partition(",")
    if not (name and comma and data):
        raise UsageError(f"--columns must be two names separated by a comma, got {arguments.columns!r}")
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
        with hide_library_output():
            _ray().init(address=address, **settings)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"cannot connect to a Ray cluster at {address}: {' '.join(str(error).split())}") from error
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def _dataset(door: Any, arguments: argparse.Namespace, columns: tuple[str, str]) -> tuple[Any, int, Sequence[OSError]]:
    """The dataset of the inputs, its length, and the errors of folders that cannot be read."""
    tables = [name for name in arguments.inputs if name.rstrip("/").endswith(_TABLE_SUFFIX)]
    if tables and len(tables) < len(arguments.inputs):
        raise PlanError("tables and images cannot be mixed in one run")
    if tables:
        dataset = door.from_parquet(tables, columns)
        return dataset, dataset.count(), []
    stores = [name for name in arguments.inputs if is_remote(name)]
    if stores:
        if len(arguments.inputs) > 1:
            raise PlanError(f"a folder in a store must be the only input, got {len(arguments.inputs)} inputs")
        dataset = door.from_store(stores[0], columns)
        return dataset, dataset.count(), []
    planned = plan(arguments.inputs, f"{arguments.output}/", recursive=arguments.recursive)
    sweep_folders(job.output for job in planned.jobs)
    return door.from_files(planned.jobs, columns), len(planned.jobs), planned.unreadable


def _encode(
    door: Any,
    dataset: Any,
    columns: tuple[str, str],
    arguments: argparse.Namespace,
    options: Options,
    report: Report,
    total: int,
) -> int:
    """Encodes the dataset, reports each row as it comes, and returns the exit status."""
    start = time.monotonic()
    try:
        door.compress(
            dataset,
            arguments.output if is_remote(arguments.output) else Path(arguments.output),
            options,
            columns=columns,
            log=arguments.journal,
            force=arguments.force,
            actors=arguments.jobs,
            report=lambda row: report.add(_report_row(row)),
        )
    except KeyboardInterrupt:
        report.interrupted(total)
        raise
    return report.end(time.monotonic() - start)


def _report_row(row: Mapping[str, Any]) -> Row:
    """A row of the door as a row of the report."""
    values = {name: row[name] for name in ("output", "status", "bytes_in", "bytes_out")}
    numbers = {name: row[name] for name in ("bits_per_pixel", "quality", "score")}
    error = None if row["error"] is None else f"{row['name']}: {row['error'].removeprefix(row['name'] + ': ')}"
    return Row(row["name"], **values, **numbers, warning=row["warning"], error=error)
