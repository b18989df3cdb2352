"""Ray: a folder of images or a table in Parquet on all processors and GPUs of a cluster, by Ray Data.

    import ray
    from saliency_jpeg.integrations.ray import compress

    ray.init("auto")
    compress("photos/", "smaller/", target_kb=100)
    compress("images.parquet", "smaller/", columns=("key", "image"), quality=80)

Images stream through: as many are on their way as the cluster has room for, and the driver sees no more of each than
what became of it. Where there are GPUs, actors that hold the network make the maps in batches, and others, with
processors alone, do the coding; else one kind of actor does both. When a worker or a machine is lost, others do its
batches again and write the same files.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..batch.cluster_log import ClusterLog, Digests, DigestSet, parse_digests
from ..batch.plan import Job, PlanError, plan
from ..encoder.encoder import Encoder
from ..errors import InputError
from ..options import Options
from ..saliency.sources import has_network
from ._optional import missing
from ._tables import arrow_schema
from .batch import COLUMNS, OUTPUT, BatchCompressor, BatchMapper, output_name

try:
    import pyarrow
    import ray
    import ray.data
except ImportError as error:
    raise missing("Ray") from error

__all__ = ["LOG_NAME", "compress", "compressed", "from_files", "from_parquet"]

LOG_NAME: Final = "log.parquet"  # a folder in the folder of outputs
_MAPS_AT_ONCE: Final = 16
_MOST_CPUS: Final = 4  # of an actor, which has one copy of the network
_ROWS_AT_ONCE: Final = 64  # of a folder; what is lost with a worker
_READING: Final = 0.2  # of a processor; waits for the disk most of the time
_THREADS: Final = "TF_NUM_INTRAOP_THREADS"

Report = Callable[[Mapping[str, Any]], None]


def compress(
    source: str | Path | ray.data.Dataset,
    output: str | Path,
    options: Options | None = None,
    *,
    columns: tuple[str, str] = ("name", "bytes"),
    log: str | Path | None = None,
    force: bool = False,
    report: Report | None = None,
    gpus: float | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    **changes: Any,
) -> dict[str, int]:
    """Encodes many images on a cluster, and goes on where an earlier run was stopped.

    Without ``ray.init`` before, Ray starts on this machine alone. An image is skipped if the log has it and source,
    file and options are as they were. What failed is in the log with its error, and is tried again by the next run.

    Args:
        source: a folder of images, which all workers see by this name, with those of its folders; or a table: what
            ends in ``.parquet``, a file, a folder or a URI that Ray reads; or a dataset as :func:`compressed` takes it.
        output: folder for the files, which all workers see by this name.
        options: of the encoder; ``changes`` are single fields.
        columns: of a table or dataset, with the name of an image and with its bytes, or its path.
        log: folder for the log, local, in Parquet; by default ``log.parquet`` in ``output``.
        force: do again what is done.
        report: is told what became of each image as it comes, in no order: the columns of :class:`.BatchCompressor`.
        gpus, cpus, actors: as for :func:`compressed`.

    Returns:
        How many images were "written", "skipped" and "failed".

    Raises:
        PlanError: two images would become the same file; nothing was begun.
        OptionError: an option is out of range.
        InputError: a table lacks a column.
        OSError: the log cannot be written, or a folder cannot be read.
    """
    options = Encoder(options, **changes).options  # wrong ones show before any work
    written = ClusterLog(Path(output) / LOG_NAME if log is None else Path(log), arrow_schema(COLUMNS))
    dataset = source if isinstance(source, ray.data.Dataset) else _read(str(source), output, columns)
    done = parse_digests([]) if force else written.done()
    rows = compressed(dataset, output, options, columns=columns, done=done, gpus=gpus, cpus=cpus, actors=actors)
    counts = Counter(written=0, skipped=0, failed=0)
    try:
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            found = table.to_pylist()
            written.add(row for row in found if row["status"] != "skipped")
            for row in found:
                counts[row["status"]] += 1
                if report is not None:
                    report(row)
    finally:
        written.flush()
    return dict(counts)


def compressed(
    dataset: ray.data.Dataset,
    output: str | Path | None,
    options: Options | None = None,
    *,
    columns: tuple[str, str] = ("name", "bytes"),
    done: Digests | None = None,
    gpus: float | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    **changes: Any,
) -> ray.data.Dataset:
    """The stages of :func:`compress`, to stand between others: a dataset of images in, one of rows out.

    Args:
        dataset: of images, with the two ``columns``, and perhaps ``output``, a path below the folder.
        output: folder for the files; ``None`` for a column ``jpeg`` in the rows.
        options: of the encoder; ``changes`` are single fields.
        columns: with the name of an image, and with its bytes or its path.
        done: sorted digests of images that are skipped.
        gpus: of an actor that makes maps; by default 1 where the cluster has any and a network takes part, else 0.
        cpus: of an actor; by default half of the smallest machine's, 4 at most.
        actors: that encode, at most; by default as many as the cluster has room for.

    Returns:
        Rows as :class:`.BatchCompressor` makes them; they are made as they are asked for.

    Raises:
        OptionError: an option is out of range.
    """
    compressor = BatchCompressor(output, options, name=columns[0], data=columns[1], **changes)
    resources = ray.cluster_resources() if ray.is_initialized() else _started()
    cpus = cpus or _cpus_of_an_actor()
    compressor.workers = cpus
    gpus = gpus_of_an_actor(compressor.options, resources) if gpus is None else gpus
    if gpus:
        most = max(1, int(resources.get("GPU", 0) / gpus))
        mapper = BatchMapper(compressor.options, data=columns[1], workers=cpus)
        dataset = _staged(dataset, (mapper, cpus), cpus, most, batch_size=_MAPS_AT_ONCE, num_gpus=gpus)
    most = actors or max(1, int(resources.get("CPU", 1) // cpus))
    known = None if done is None else ray.put(done)
    return _staged(dataset, (compressor, cpus, known), cpus, most, batch_size=None)


def gpus_of_an_actor(options: Options, resources: Mapping[str, float]) -> float:
    """GPUs of each actor that makes maps; 0 where those that encode make them too."""
    return 1 if resources.get("GPU", 0) >= 1 and has_network(options.saliency) else 0


class _Actor:
    """Holds one callable of :mod:`.batch` for as long as it lives."""

    def __init__(self, work: BatchCompressor | BatchMapper, threads: int, done: Any = None) -> None:
        os.environ.setdefault(_THREADS, str(threads))
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several actors may share a GPU
        if isinstance(work, BatchCompressor) and done is not None:
            work.done = DigestSet(ray.get(done))
        self._work = work

    def __call__(self, table: Any) -> Any:
        return self._work(table)


def _staged(
    dataset: ray.data.Dataset, made_of: tuple[Any, ...], cpus: int, most: int, **settings: Any
) -> ray.data.Dataset:
    """A stage of 1 to ``most`` actors; one with a single processor leaves a little of it to those who read."""
    return dataset.map_batches(
        _Actor,
        fn_constructor_args=made_of,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
        num_cpus=cpus if cpus > 1 else 1 - _READING,
        **settings,
    )


def _started() -> Mapping[str, float]:
    ray.init(address="local", include_dashboard=False)
    resources: Mapping[str, float] = ray.cluster_resources()
    return resources


def _cpus_of_an_actor() -> int:
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min([_MOST_CPUS, *(n // 2 for n in nodes if n)]))


# What to read --------------------------------------------------------------------------------------------------------


def from_files(jobs: Iterable[Job], columns: tuple[str, str] = ("name", "bytes")) -> ray.data.Dataset:
    """A dataset for :func:`compressed` of planned files, which the workers read.

    Raises:
        PlanError: a name is not UTF-8, which Parquet and Arrow need.
    """
    rows = []
    for source, output, home in jobs:
        inner = os.path.relpath(output, home) if home is not None else Path(output).name
        rows.append((source, str(Path(source).absolute()), inner))
    names = (*columns, OUTPUT)
    try:
        filled = [pyarrow.array(values, pyarrow.string()) for values in (zip(*rows, strict=True) if rows else [()] * 3)]
    except UnicodeEncodeError as error:
        raise PlanError(f"on a cluster the names of files must be UTF-8, got {error.object!r}") from error
    table = pyarrow.Table.from_arrays(filled, names=names)
    return ray.data.from_arrow(table, override_num_blocks=_blocks(len(rows)))


def _blocks(rows: int) -> int:
    """Enough that every actor has several, and no more than needed."""
    several = 4 * int(ray.cluster_resources().get("CPU", 1)) if ray.is_initialized() else 1
    return max(1, min(rows, max(several, rows // _ROWS_AT_ONCE)))


def from_parquet(source: str | Sequence[str], columns: tuple[str, str] = ("name", "bytes")) -> ray.data.Dataset:
    """A dataset for :func:`compressed` of tables.

    Args:
        source: files, folders or URIs.
        columns: with the name of an image and with its bytes, or its path.

    Raises:
        InputError: a column is missing.
        PlanError: two rows would become the same file.
    """
    known = ray.data.read_parquet(source, num_cpus=_READING).schema().names
    for name in columns:
        if name not in known:
            raise InputError(f"{source} has no column {name!r}, only {', '.join(known)}")
    _check_names(ray.data.read_parquet(source, columns=[columns[0]], num_cpus=_READING), columns[0])
    return ray.data.read_parquet(source, columns=list(columns), num_cpus=_READING)


def _read(source: str, output: str | Path, columns: tuple[str, str]) -> ray.data.Dataset:
    if not ray.is_initialized():
        _started()
    if source.rstrip("/").endswith(".parquet"):
        return from_parquet(source, columns)
    planned = plan([source], f"{output}{os.sep}", recursive=True)
    if planned.unreadable:
        raise planned.unreadable[0]
    return from_files(planned.jobs, columns)


def _check_names(names: ray.data.Dataset, column: str) -> None:
    """Sees that every row has a file of its own, by digests alone.

    Raises:
        PlanError: two rows have not.
    """
    settings: dict[str, Any] = {"batch_format": "pyarrow", "num_cpus": _READING}
    tables = names.map_batches(_digested, fn_args=(column,), **settings)
    parts = [b"".join(t["digest"].to_pylist()) for t in tables.iter_batches(batch_size=None, batch_format="pyarrow")]
    ordered = np.sort(np.frombuffer(b"".join(parts), "S16"))
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        found = names.map_batches(_of_digest, fn_args=(column, bytes(twice[0])), **settings).take(2)
        first, second = (str(row[column]) for row in found)
        raise PlanError(f"{first} and {second} would both become {output_name(first)}")


def _digested(names: Any, column: str) -> Any:
    """Digests of the files that images will become."""
    files = [output_name(str(name)).encode() for name in names[column].to_pylist()]
    return pyarrow.table({"digest": [hashlib.blake2b(file, digest_size=16).digest() for file in files]})


def _of_digest(names: Any, column: str, wanted: bytes) -> Any:
    """The names with one digest, which has lost the zeros at its end."""
    found = [digest.rstrip(b"\0") == wanted for digest in _digested(names, column)["digest"].to_pylist()]
    return names.filter(pyarrow.array(found, pyarrow.bool_()))
