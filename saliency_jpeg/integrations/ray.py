"""Ray: encodes a folder of images or a Parquet table on all processors and GPUs of a cluster, with Ray Data.

Replaces a Ray Data job of your own that maps an encoder over a dataset::

    import ray
    from saliency_jpeg.integrations.ray import compress
    ray.init("auto")
    compress("photos/", "smaller/", target_kb=100)
    compress("images.parquet", "smaller/", columns=("key", "image"), quality=80)

Input and output may be addresses in a store, such as ``s3://bucket/photos``: pyarrow's file systems (s3, gs, hdfs), and
those of fsspec where its package is installed (``az://`` by adlfs, and others).

Images are streamed: only as many are in flight as the cluster has memory for, and the driver receives one result row
for each, never the image. Where the cluster has GPUs, actors that hold the network compute saliency maps in batches and
CPU actors encode; otherwise the same actors do both. When a worker or a node is lost, others repeat its batches and
write the same files. An image that kills its worker twice is given up, and is a row of the log that says so.

Each worker counts images by status, and bytes, as metrics of Ray: ``saliency_jpeg_images``, ``saliency_jpeg_bytes_in``,
``saliency_jpeg_bytes_out``; Ray exports them to Prometheus.

Honours the fields of :class:`saliency_jpeg.Options`, and the log of an earlier run: images that are done are skipped.

Raises ``PlanError`` where two images of a folder or a table would get the same output file, before anything is written,
``OptionError`` for wrong options, and ``InputError`` for a table without the columns. An image that cannot be encoded
is logged with its error and stops nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from ..batch.cluster_log import ClusterLog, Digests, DigestSet, parse_digests
from ..batch.plan import Job, PlanError, distinct_names, plan
from ..encoder.encoder import Encoder
from ..errors import InputError
from ..io import IMAGE_SUFFIXES, RemoteFolder, folder_of, is_remote, sweep
from ..options import Options
from ..saliency.sources import has_network
from ._compat import missing_dependency
from ._dataframes import arrow_schema
from ._ray_notes import RayAttempts, WorkerCounts
from ._ray_outputs import check_unique_outputs
from .batch import COLUMNS, OUTPUT_COLUMN, BatchCompressor, BatchMapper, ResultRow

try:
    import pyarrow
    import ray
    import ray.data
except ImportError as error:
    raise missing_dependency("Ray") from error

__all__ = ["LOG_NAME", "compress", "compress_dataset", "from_files", "from_parquet", "from_store"]

LOG_NAME: Final = "log.parquet"  # a folder inside the output folder
_MAP_BATCH_SIZE: Final = 16  # images that go through the network together
_MAX_ACTOR_CPUS: Final = 4  # each actor holds a copy of the network
_ROWS_PER_BLOCK: Final = 64  # of a folder; a lost worker costs one block
_READER_CPUS: Final = 0.2  # readers mostly wait for the disk
_TF_THREADS: Final = "TF_NUM_INTRAOP_THREADS"

ReportRow = Callable[[ResultRow], None]


def compress(
    source: str | Path | ray.data.Dataset,
    output: str | Path,
    options: Options | None = None,
    *,
    columns: tuple[str, str] = ("name", "bytes"),
    log: str | Path | None = None,
    filesystem: Any = None,
    force: bool = False,
    report: ReportRow | None = None,
    gpus: float | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    **changes: Any,
) -> dict[str, int]:
    """Encodes many images on a cluster, and continues an earlier run.

    Without an earlier ``ray.init`` this starts Ray on the local machine. An image is skipped if the log lists it and
    its source, its file and the options have not changed. Failed images are in the log with their errors, and the next
    run tries them again.

    Args:
        source: a folder of images with its subfolders, which all workers see by this path, or its address in a store;
            a table that Ray can read, a path or URI ending in ``.parquet``; or a dataset as for
            :func:`compress_dataset`, of which the names are compared within each block only, since its stages would
            run twice: see :func:`.batch.check_outputs`.
        output: output folder, which all workers see by this path, or its address in a store.
        options: of the encoder.
        columns: of a table or dataset: the image's name, and its bytes or path.
        log: folder for the Parquet log, or its address; by default ``log.parquet`` in ``output``.
        filesystem: of pyarrow or fsspec, for addresses; None: the one that an address names.
        force: encode images that are done again.
        report: called with each :class:`.batch.ResultRow` as it arrives, in no particular order.
        gpus: as for :func:`compress_dataset`.
        cpus: as for :func:`compress_dataset`.
        actors: as for :func:`compress_dataset`.
        **changes: single fields of ``options``.

    Returns:
        The numbers of images that were "written", "skipped" and "failed".

    Raises:
        PlanError: two images would get the same output file; nothing was written.
        OptionError: an option is unknown or out of range.
        InputError: a table lacks a column.
        OSError: the log cannot be written, or a folder cannot be read.
    """
    options = Encoder(options, **changes).options  # checked before any work starts
    folder = folder_of(output, filesystem)
    cluster_log = ClusterLog(
        folder.below(LOG_NAME) if log is None else folder_of(log, filesystem), arrow_schema(COLUMNS)
    )
    folder.sweep()
    dataset = source if isinstance(source, ray.data.Dataset) else _read_source(str(source), output, columns, filesystem)
    done = parse_digests([]) if force else cluster_log.done()
    settings: dict[str, Any] = {"gpus": gpus, "cpus": cpus, "actors": actors, "filesystem": filesystem}
    rows = compress_dataset(dataset, output, options, columns=columns, done=done, **settings)
    return _consume(rows, cluster_log, report)


def _consume(rows: ray.data.Dataset, cluster_log: ClusterLog, report: ReportRow | None) -> dict[str, int]:
    """Runs a dataset of result rows, logs and reports each row, and counts them by status."""
    counts = Counter(written=0, skipped=0, failed=0)
    try:
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            results = cast(list[ResultRow], table.to_pylist())
            cluster_log.add(row for row in results if row["status"] != "skipped")
            for row in results:
                counts[row["status"]] += 1
                if report is not None:
                    report(row)
    finally:
        cluster_log.flush()
    return dict(counts)


def compress_dataset(
    dataset: ray.data.Dataset,
    output: str | Path | None,
    options: Options | None = None,
    *,
    columns: tuple[str, str] = ("name", "bytes"),
    done: Digests | None = None,
    filesystem: Any = None,
    gpus: float | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    **changes: Any,
) -> ray.data.Dataset:
    """Adds the stages of :func:`compress` to a dataset; other stages may come before and after.

    Args:
        dataset: of images, with the two ``columns``, and optionally ``output``, a path below the output folder.
        output: output folder, which all workers see by this path, or its address in a store; None: the rows have the
            files in a column ``jpeg``.
        options: of the encoder.
        columns: the image's name, and its bytes, path or address.
        done: sorted digests of images to skip.
        filesystem: as for :func:`compress`.
        gpus: GPUs for each actor that computes maps; by default 1 where the cluster has a GPU and ``saliency`` uses a
            network, else 0.
        cpus: processors for each actor; by default half of the smallest node's, at most 4.
        actors: largest number of actors that encode; by default as many as the cluster has room for.
        **changes: single fields of ``options``.

    Returns:
        A lazy dataset with one :class:`.batch.ResultRow` for each image.

    Raises:
        OptionError: an option is unknown or out of range.
    """
    compressor = BatchCompressor(output, options, name=columns[0], data=columns[1], filesystem=filesystem, **changes)
    resources = ray.cluster_resources() if ray.is_initialized() else _start_local_ray()
    cpus = cpus or _cpus_per_actor()
    compressor.workers = cpus
    gpus = gpus_per_actor(compressor.options, resources) if gpus is None else gpus
    if gpus:
        max_actors = max(1, int(resources.get("GPU", 0) / gpus))
        mapper = BatchMapper(compressor.options, data=columns[1], workers=cpus)
        dataset = _add_stage(dataset, (mapper, cpus), cpus, max_actors, batch_size=_MAP_BATCH_SIZE, num_gpus=gpus)
    max_actors = actors or max(1, int(resources.get("CPU", 1) // cpus))
    shared_done = None if done is None else ray.put(done)
    arguments = (compressor, cpus, shared_done, RayAttempts())
    return _add_stage(dataset, arguments, cpus, max_actors, batch_size=None)


def gpus_per_actor(options: Options, resources: Mapping[str, float]) -> float:
    """Returns the default of ``gpus``: 0 where the actors that encode compute the maps too.

    Args:
        options: of the encoder.
        resources: of the cluster, as ``ray.cluster_resources`` returns them.
    """
    return 1 if resources.get("GPU", 0) >= 1 and has_network(options.saliency) else 0


class _Actor:
    """Holds one callable of :mod:`.batch`, and the network it loads, for the lifetime of a Ray actor."""

    def __init__(
        self, work: BatchCompressor | BatchMapper, threads: int, done: Any = None, attempts: Any = None
    ) -> None:
        os.environ.setdefault(_TF_THREADS, str(threads))
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several actors may share a GPU
        if isinstance(work, BatchMapper):
            work.use_gpu()
        elif done is not None:
            work.done = DigestSet(ray.get(done))
        if isinstance(work, BatchCompressor):
            work.attempts = attempts
        self._work = work
        self._counts = WorkerCounts() if isinstance(work, BatchCompressor) else None

    def __call__(self, table: Any) -> Any:
        result = self._work(table)
        if self._counts is not None:
            self._counts.add(result.select(["status", "bytes_in", "bytes_out"]).to_pylist())
        return result


def _add_stage(
    dataset: ray.data.Dataset, arguments: tuple[Any, ...], cpus: int, max_actors: int, **settings: Any
) -> ray.data.Dataset:
    """Adds a stage of 1 to ``max_actors`` actors; on a single processor they leave room for the readers."""
    return dataset.map_batches(
        _Actor,
        fn_constructor_args=arguments,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max_actors),
        num_cpus=cpus if cpus > 1 else 1 - _READER_CPUS,
        **settings,
    )


def _start_local_ray() -> Mapping[str, float]:
    ray.init(address="local", include_dashboard=False)
    resources: Mapping[str, float] = ray.cluster_resources()
    return resources


def _cpus_per_actor() -> int:
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min([_MAX_ACTOR_CPUS, *(n // 2 for n in nodes if n)]))


# Inputs --------------------------------------------------------------------------------------------------------------


def from_files(jobs: Iterable[Job], columns: tuple[str, str] = ("name", "bytes")) -> ray.data.Dataset:
    """Returns a dataset of files, which the workers read, for :func:`compress_dataset`.

    Args:
        jobs: inputs and outputs, as :func:`saliency_jpeg.batch.plan.plan` pairs them.
        columns: names for the columns of the image's name and its path.

    Raises:
        PlanError: a name is not UTF-8, which Parquet and Arrow require.
    """
    rows = []
    for source, output, home in jobs:
        relative = os.path.relpath(output, home) if home is not None else Path(output).name
        rows.append((source, str(Path(source).absolute()), relative))
    names = (*columns, OUTPUT_COLUMN)
    try:
        arrays = [pyarrow.array(values, pyarrow.string()) for values in (zip(*rows, strict=True) if rows else [()] * 3)]
    except UnicodeEncodeError as error:
        raise PlanError(f"on a cluster, file names must be UTF-8, got {error.object!r}") from error
    table = pyarrow.Table.from_arrays(arrays, names=names)
    return ray.data.from_arrow(table, override_num_blocks=_block_count(len(rows)))


def _block_count(rows: int) -> int:
    """Returns a number of blocks that gives every actor several, without many small ones."""
    several = 4 * int(ray.cluster_resources().get("CPU", 1)) if ray.is_initialized() else 1
    return max(1, min(rows, max(several, rows // _ROWS_PER_BLOCK)))


def from_parquet(source: str | Sequence[str], columns: tuple[str, str] = ("name", "bytes")) -> ray.data.Dataset:
    """Returns a dataset of Parquet tables for :func:`compress_dataset`.

    Args:
        source: files, folders or URIs.
        columns: the image's name, and its bytes or path.

    Raises:
        InputError: a column is missing.
        PlanError: two rows would get the same output file.
    """
    known = ray.data.read_parquet(source, num_cpus=_READER_CPUS).schema().names
    for name in columns:
        if name not in known:
            raise InputError(f"{source} has no column {name!r}, got columns {', '.join(known)}")
    names = ray.data.read_parquet(source, columns=[columns[0]], num_cpus=_READER_CPUS)
    check_unique_outputs(names, columns[0], _READER_CPUS)
    return ray.data.read_parquet(source, columns=list(columns), num_cpus=_READER_CPUS)


def from_store(source: str, columns: tuple[str, str] = ("name", "bytes"), filesystem: Any = None) -> ray.data.Dataset:
    """Returns a dataset of the images of a folder in a store and of its subfolders, which the workers read.

    Args:
        source: address of the folder.
        columns: names for the columns of the image's name and its address.
        filesystem: as for :func:`compress`.

    Raises:
        OSError: the folder cannot be listed.
    """
    folder = RemoteFolder(source, filesystem)
    names = [name for name in folder.names(recursive=True) if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    outputs = distinct_names([Path(name) for name in names], False, ".jpg")
    addresses = [folder.full_address(name) for name in names]
    values = (names, addresses, [path.as_posix() for path in outputs])
    table = pyarrow.table(
        {
            key: pyarrow.array(each, pyarrow.string())
            for key, each in zip((*columns, OUTPUT_COLUMN), values, strict=True)
        }
    )
    return ray.data.from_arrow(table, override_num_blocks=_block_count(len(names)))


def _read_source(source: str, output: str | Path, columns: tuple[str, str], filesystem: Any = None) -> ray.data.Dataset:
    if not ray.is_initialized():
        _start_local_ray()
    if source.rstrip("/").endswith(".parquet"):
        return from_parquet(source, columns)
    if is_remote(source):
        return from_store(source, columns, filesystem)
    local = "out" if is_remote(output) else output  # names alone count where the output is in a store
    planned = plan([source], f"{local}{os.sep}", recursive=True)
    if planned.unreadable:
        raise planned.unreadable[0]
    if not is_remote(output):
        for folder in sorted({Path(job.output).parent for job in planned.jobs}):
            sweep(folder)
    return from_files(planned.jobs, columns)
