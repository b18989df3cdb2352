"""Batches of a data engine: a callable on tables of images that can be pickled, for Ray Data, Dask and Spark.

An instance is made once, travels to the workers, and is called there with one batch after the other; the first batch
that needs a network loads it, and it stays as long as the worker does::

    compress = BatchCompressor("smaller/", target_kb=100)
    spark_frame.mapInPandas(lambda batches: map(compress, batches), SPARK_SCHEMA)
    dask_frame.map_partitions(compress, meta=compress.empty())

A batch is a pandas DataFrame, a pyarrow Table or RecordBatch, or a sequence of dicts; what comes back is of the same
kind and says in one row for each image what became of it. A bad image is a row with its error and stops nothing.

The file of an image is named after the image, and written whole or not at all; so an engine may do a batch twice, after
a worker was lost, or on two workers at once: what is there in the end is the same.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..batch.resume import options_digest, stamp
from ..encoder.encoder import Encoder
from ..encoder.result import Compressed
from ..errors import InputError, OptionError, PresetError, SaliencyJpegError
from ..image.load import ImageSource, Picture
from ..io import IMAGE_SUFFIXES, write
from ..options import Options
from ..saliency.sources import resolve_many
from ._tables import added, formed, records

__all__ = ["COLUMNS", "SPARK_SCHEMA", "BatchCompressor", "BatchMapper", "output_name"]

COLUMNS: Final = {
    "name": "string",
    "output": "string",
    "status": "string",
    "error": "string",
    "bytes_in": "long",
    "bytes_out": "long",
    "bits_per_pixel": "double",
    "quality": "double",
    "score": "double",
    "done": "string",
}  # of the rows that say what became of the images, with the types' names in Spark
SPARK_SCHEMA: Final = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
MAP: Final = "saliency"  # the column in which a map travels
OUTPUT: Final = "output"  # the column that may name the file
_JPEG: Final = {"jpeg": "binary"}
_OF_ALL: Final = (OptionError, PresetError)  # errors that every image would meet


class _Item(NamedTuple):
    """An image of a batch: its source, a digest or stamp of that, its packed map, and its row once there is one."""

    name: str
    output: str
    source: ImageSource
    size: int
    mark: str
    map: bytes | None
    row: dict[str, Any] | None


class BatchCompressor:
    """Tables of images in, files out, and tables that say what became of each.

    The rows that come back hold ``name``; ``output``, the file; ``status``: "written", "encoded" (where there is no
    folder to write to), "skipped" or "failed"; ``error``; ``bytes_in`` and ``bytes_out``; ``bits_per_pixel``,
    ``quality`` and ``score`` as :class:`saliency_jpeg.encoder.Compressed` has them; ``done``, by which a rerun knows
    that this image needs no more work; and without a folder ``jpeg``, the file itself.

    Args:
        output: folder that every worker sees under this name, made if need be; ``None`` to get the files in a column.
        options: of the encoder; ``changes`` are single fields.
        name: column with the name of each image, a path below which ``output`` gets its file: see :func:`output_name`.
        data: column with the image: the bytes of a file, or its path as a string.
        workers: threads.
        done: what the ``done`` of earlier rows was; such an image is skipped if its file is still there as it was.

    Raises:
        OptionError: an option is out of range.
    """

    def __init__(
        self,
        output: str | Path | None = None,
        options: Options | None = None,
        *,
        name: str = "name",
        data: str = "bytes",
        workers: int = 1,
        done: Container[str] = (),
        **changes: Any,
    ) -> None:
        self._output = None if output is None else Path(output).absolute()
        self._encoder = Encoder(options, **changes)
        self._options_digest = options_digest(self._encoder.options)
        self._name, self._data = name, data
        self.workers, self.done = workers, done
        self.columns = COLUMNS if output is not None else COLUMNS | _JPEG

    @property
    def options(self) -> Options:
        """Of the encoder."""
        return self._encoder.options

    def __call__(self, batch: Any) -> Any:
        """What became of the images of a batch: one row for each, in their order.

        Raises:
            InputError: a column is missing.
            PresetError: the saliency preset is unknown or damaged.
        """
        return formed(self.rows(records(batch, (self._name, self._data))), self.columns, like=batch)

    def empty(self) -> Any:
        """A pandas DataFrame of no rows, with the columns and types of those that come back, as Dask's ``meta``."""
        import pandas

        return formed([], self.columns, like=pandas.DataFrame())

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The same for rows as dicts."""
        items = [self._item(row) for row in rows]
        results = self._results([item for item in items if item.row is None])
        return [item.row or self._finished(item, next(results)) for item in items]

    def _item(self, row: Mapping[str, Any]) -> _Item:
        name, packed, wanted = row[self._name], row.get(MAP), row.get(OUTPUT)
        item = _Item(str(name), "", row[self._data], 0, "", packed if isinstance(packed, bytes) else None, None)
        try:
            if self._output is not None:
                inner = wanted if isinstance(wanted, str) else output_name(_checked_name(name))
                item = item._replace(output=str(self._output / _inside(inner)))
            item = _marked(item)
        except (InputError, OSError) as error:
            return item._replace(row=_row(item, "failed", error=_told(error)))
        if self.done and (digest := self._digest(item)) in self.done:
            return item._replace(row=_row(item, "skipped", bytes_in=item.size, done=digest))
        return item

    def _digest(self, item: _Item) -> str:
        """Of all that has to stay the same for an image to need no more work, its file included."""
        if self._output is None:
            return ""
        source = item.source if isinstance(item.source, str) else ""
        place = os.path.relpath(item.output, self._output)
        found = repr((place, source, item.mark, self._options_digest, stamp(item.output)))
        return hashlib.blake2b(found.encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def _results(self, items: Sequence[_Item]) -> Iterator[Compressed | Exception]:
        if not any(item.map for item in items):
            sources = (item.source for item in items)
            yield from self._encoder.compress_many(sources, workers=self.workers, errors="return")
            return
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(self._with_map, items)

    def _with_map(self, item: _Item) -> Compressed | Exception:
        try:
            if item.map is None:  # needs none, or there is something wrong with the image, which shows again
                return self._encoder.compress(item.source)
            picture = self._encoder.load(item.source)
            found = self._encoder.passed(picture)
            return found or self._encoder.encode(picture, _unpacked(item.map, picture))
        except Exception as error:
            if isinstance(error, _OF_ALL):
                raise
            return error

    def _finished(self, item: _Item, result: Compressed | Exception) -> dict[str, Any]:
        try:
            if isinstance(result, Exception):
                raise result
            if self._output is not None:
                Path(item.output).parent.mkdir(parents=True, exist_ok=True)
                write(item.output, result.jpeg)
        except Exception as error:
            return _row(item, "failed", bytes_in=item.size, error=_told(error))
        return _row(
            item,
            "encoded" if self._output is None else "written",
            bytes_in=item.size,
            bytes_out=len(result.jpeg),
            bits_per_pixel=result.bits_per_pixel,
            quality=result.quality,
            score=result.score,
            done=self._digest(item) or None,
            jpeg=result.jpeg if self._output is None else None,
        )


class BatchMapper:
    """Tables of images in, the same tables with a column of maps out; for workers that have a GPU.

    :class:`BatchCompressor` finds the maps in the column ``saliency`` and needs no network then. A map is packed: the
    differences of its levels by zlib. Where there is none, the compressor makes it, or meets the same error.

    Args:
        options: as for :class:`BatchCompressor`; those of both have to be the same.
        data: column with the image.
        workers: threads that decode.
    """

    def __init__(
        self, options: Options | None = None, *, data: str = "bytes", workers: int = 1, **changes: Any
    ) -> None:
        self._encoder = Encoder(options, **changes)
        self._data, self._workers = data, workers

    def __call__(self, batch: Any) -> Any:
        """The batch with its maps.

        Raises:
            InputError: a column is missing.
            PresetError: the saliency preset is unknown or damaged.
        """
        sources = [row[self._data] for row in records(batch, (self._data,))]
        with ThreadPoolExecutor(self._workers) as pool:
            pictures = list(pool.map(self._load, sources))
            maps = iter(self._maps([picture for picture in pictures if picture is not None]))
            packed = pool.map(_packed, [None if picture is None else next(maps) for picture in pictures])
            return added(batch, MAP, list(packed))

    def _load(self, source: ImageSource) -> Picture | None:
        try:
            picture = self._encoder.load(source)
            return picture if self._encoder.passed(picture) is None else None
        except Exception:  # the compressor meets it again, and tells
            return None

    def _maps(self, pictures: Sequence[Picture]) -> Sequence[NDArray[np.float32] | None]:
        """Maps of a batch; where that fails, one by one, so that an image harms none but itself."""
        options = self._encoder.options
        try:
            return resolve_many(options.saliency, pictures, device=options.device)
        except _OF_ALL:
            raise
        except Exception:
            if len(pictures) <= 1:
                return [None] * len(pictures)
            return [found for picture in pictures for found in self._maps([picture])]


def output_name(name: str) -> str:
    """The file of an image, as a path below the folder of outputs: ``a/b.png`` becomes ``a/b.jpg``.

    Only a suffix of a known kind of image is replaced; ``v1.5`` becomes ``v1.5.jpg``.
    """
    path = PurePosixPath(name)
    return str(path.with_suffix(".jpg")) if path.suffix.lower() in IMAGE_SUFFIXES else f"{name}.jpg"


def _checked_name(name: object) -> str:
    """A name as a string; whole numbers are names too."""
    if (
        isinstance(name, str | int | np.integer)
        and not isinstance(name, bool)
        and str(name).rstrip("/") == str(name) != ""
    ):
        return str(name)
    raise InputError(f"the name of an image must be a path below the output, got {name!r}")


def _inside(name: str) -> str:
    """A path that stays below a folder."""
    path = PurePosixPath(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts or not path.parts:
        raise InputError(f"the name of an image must be a path below the output, got {name!r}")
    return name


def _marked(item: _Item) -> _Item:
    """The item with size and mark of its source: a digest of bytes, the stamp of a path."""
    if isinstance(item.source, bytes | bytearray | memoryview):
        mark = hashlib.blake2b(item.source, digest_size=16).hexdigest()
        return item._replace(size=len(item.source), mark=mark, source=bytes(item.source))
    if not isinstance(item.source, str):
        raise InputError(f"an image must be bytes or the path of a file, got {type(item.source).__name__}")
    found = stamp(item.source)
    return item._replace(size=found[0] if found else 0, mark=repr(found))


def _row(item: _Item, status: str, **values: Any) -> dict[str, Any]:
    filled = {"error": None, "bytes_in": 0, "bytes_out": 0, "bits_per_pixel": None, "quality": None, "score": None}
    return {"name": item.name, "output": item.output, "status": status, **filled, "done": None, "jpeg": None, **values}


def _told(error: BaseException) -> str:
    """What is wrong with an image, in one line."""
    why = " ".join(str(error).split())
    return why if isinstance(error, SaliencyJpegError | OSError) and why else f"{type(error).__name__} {why}".strip()


def _packed(saliency: NDArray[np.float32] | None) -> bytes | None:
    """The differences of a map's levels between rows and columns, which are mostly zero, by zlib."""
    if saliency is None:
        return None
    levels = np.rint(saliency * np.float32(255)).astype(np.uint8)
    levels[1:] -= levels[:-1].copy()  # modulo 256
    levels[:, 1:] -= levels[:, :-1].copy()
    return zlib.compress(levels.data, 1)


def _unpacked(packed: bytes, picture: Picture) -> NDArray[np.float32]:
    levels = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(picture.pixels.shape[:2])
    levels = levels.cumsum(axis=1, dtype=np.uint8).cumsum(axis=0, dtype=np.uint8)
    return levels.astype(np.float32) / np.float32(255)
