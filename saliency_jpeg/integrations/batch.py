"""Batches: a callable on tables of images, for pandas, Dask, Spark and Ray Data.

Replaces a function of your own that encodes the images of a table one by one. An instance can be pickled. It is created
once, sent to the workers, and called there with one batch after another::

    compress = BatchCompressor("smaller/", target_kb=100)
    spark_frame.mapInPandas(lambda batches: map(compress, batches), SPARK_SCHEMA)
    dask_frame.map_partitions(compress, meta=compress.empty())

A network that is needed is loaded with the first batch and kept as long as the worker lives.

Honours the fields of :class:`saliency_jpeg.Options`. A batch is a pandas DataFrame, a pyarrow Table or RecordBatch, or
a list of dicts; the result is of the same kind and has one row for each image.

Raises ``OptionError`` and ``PresetError`` for wrong options and ``InputError`` for a table without the columns. An
image that cannot be encoded raises nothing: its row has the error.

Output files are named after the images and written atomically. Two images of one batch that would get the same file
both fail; :func:`check_outputs` finds those of a whole table before the work begins. An engine may therefore repeat a
batch after it lost a worker, or run it on two workers at once; the files are the same in the end.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, Protocol

import numpy as np

from ..batch.plan import PlanError
from ..batch.resume import options_digest, stamp
from ..encoder.encoder import Encoder
from ..encoder.result import Compressed
from ..errors import InputError
from ..image.load import ImageSource
from ..image.read import read_bytes
from ..io import folder_of, is_regular, is_remote, jpeg_name, remote_file
from ..options import Options
from ._batch_mapper import CONFIGURATION_ERRORS, MAP_COLUMN, BatchMapper, unpack_map
from ._batch_rows import COLUMNS, SPARK_SCHEMA, BatchImage, ResultRow, Status, make_row, without_rivals
from ._dataframes import ColumnType, build_table, read_rows

__all__ = [
    "COLUMNS",
    "MOST_LOST",
    "SPARK_SCHEMA",
    "Attempts",
    "BatchCompressor",
    "BatchMapper",
    "ResultRow",
    "Status",
    "check_outputs",
    "digest_output",
    "output_name",
]

MOST_LOST: Final = 2  # workers that one image may kill
OUTPUT_COLUMN: Final = "output"  # optional names of the output files
_JPEG_COLUMN: Final[dict[str, ColumnType]] = {"jpeg": "binary"}


class BatchCompressor:
    """Encodes the images of a table, and returns a table with one :class:`ResultRow` for each.

    Attributes:
        workers: threads that encode.
        done: digests of images to skip.
        columns: names and types of the result's columns.
        attempts: notes which images are worked on, so that one that kills its worker is given up; ``None``: nobody.
    """

    attempts: Attempts | None = None

    def __init__(
        self,
        output: str | Path | None = None,
        options: Options | None = None,
        *,
        name: str = "name",
        data: str = "bytes",
        workers: int = 1,
        done: Container[str] = (),
        filesystem: Any = None,
        **changes: Any,
    ) -> None:
        """Creates the callable.

        Args:
            output: output folder, which every worker sees by this path; created where needed. Or its address in a
                store, such as ``s3://bucket/smaller``. None: the result has the files in a column ``jpeg``.
            options: of the encoder.
            name: column with the name of each image, a path below ``output``; :func:`output_name` derives the file
                from it.
            data: column with the image: the bytes of a file, or its path or address as a string.
            workers: threads that encode.
            done: values of ``done`` in earlier results. Such an image is skipped if its file has not changed since.
            filesystem: of pyarrow or fsspec, for addresses; None: the one that the address names.
            **changes: single fields of ``options``.

        Raises:
            OptionError: an option is unknown or out of range.
        """
        self._output = None if output is None else folder_of(output, filesystem)
        self._filesystem = filesystem
        self._encoder = Encoder(options, **changes)
        self._options_digest = options_digest(self._encoder.options)
        self._name, self._data = name, data
        self.workers, self.done = workers, done
        self.columns = COLUMNS if output is not None else COLUMNS | _JPEG_COLUMN

    @property
    def options(self) -> Options:
        """The options of the encoder."""
        return self._encoder.options

    def __call__(self, batch: Any) -> Any:
        """Encodes a batch.

        Args:
            batch: a pandas DataFrame, a pyarrow Table or RecordBatch, or a list of dicts.

        Returns:
            A table of the same kind with one row for each image, in the same order.

        Raises:
            InputError: a column is missing.
            PresetError: the saliency preset is unknown or damaged.
        """
        rows = read_rows(batch, (self._name, self._data))
        return build_table(self.compress_rows(rows), self.columns, like=batch)

    def empty(self) -> Any:
        """Returns an empty pandas DataFrame with the result's columns and types, as Dask's ``meta``."""
        import pandas

        return build_table([], self.columns, like=pandas.DataFrame())

    def compress_rows(self, rows: Iterable[Mapping[str, Any]]) -> list[ResultRow]:
        """Encodes a batch of dicts; see :meth:`__call__`."""
        images = without_rivals([self._read_row(row) for row in rows])
        if self.attempts is not None:
            images = [self._without_suspect(image) for image in images]
        results = self._compress_all([image for image in images if image.row is None])
        return [image.row or self._save_result(image, next(results)) for image in images]

    def _without_suspect(self, image: BatchImage) -> BatchImage:
        """Encodes an image alone that was being worked on when a worker died; gives it up the second time."""
        assert self.attempts is not None
        lost = 0 if image.row is not None else self.attempts.lost(image.name)
        if lost == 0:
            return image
        if lost >= MOST_LOST:
            error = InputError(f"{image.name} was given up: its worker died {lost} times while it was encoded")
            return image._replace(row=make_row(image, "failed", error=error))
        return image._replace(row=self._save_result(image, next(self._compress_all([image]))))

    def _read_row(self, row: Mapping[str, Any]) -> BatchImage:
        """Reads an image's name and source, and decides whether it fails or is skipped."""
        name, packed, output = row.get(self._name), row.get(MAP_COLUMN), row.get(OUTPUT_COLUMN)
        packed_map = packed if isinstance(packed, bytes) else None
        source: Any = row.get(self._data)
        image = BatchImage(str(name), "", "", source, 0, "", packed_map, None)
        try:
            if self._output is not None:
                path = _check_path(output) if isinstance(output, str) else _output_path(name)
                image = image._replace(path=path, output=self._output.locate(path))
            image = _read_fingerprint(image, self._filesystem)
            if self.done and (digest := self._digest(image)) in self.done:
                return image._replace(row=make_row(image, "skipped", done=digest))
            return self._fetched(image)
        except Exception as error:  # of a store's library it may be any
            return image._replace(row=make_row(image, "failed", error=error))

    def _fetched(self, image: BatchImage) -> BatchImage:
        """The image with the bytes of a file in a store."""
        if not is_remote(image.source):
            return image
        folder, name = remote_file(str(image.source), self._filesystem)
        return image._replace(source=folder.read(name))

    def _digest(self, image: BatchImage) -> str:
        """Returns a digest of the source, the options and the output file; empty without an output folder."""
        if self._output is None:
            return ""
        source = image.source if isinstance(image.source, str) and not is_remote(image.source) else ""
        found = self._output.state(image.path)
        written = None if found is None else list(found)
        path = os.path.normpath(image.path)
        state = repr((path, source, image.fingerprint, self._options_digest, written))
        return hashlib.blake2b(state.encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def _compress_all(self, images: Sequence[BatchImage]) -> Iterator[Compressed | Exception]:
        if not any(image.packed_map for image in images):
            made = self._encoder.compress_many(self._sources(images), workers=self.workers, errors="return")
            for image, result in zip(images, made, strict=True):
                self._note(image, "ended")
                yield result
            return
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(self._compress_with_map, images)

    def _sources(self, images: Sequence[BatchImage]) -> Iterator[ImageSource]:
        """Yields the images as they are asked for."""
        for image in images:
            self._note(image, "begun")
            yield image.source

    def _note(self, image: BatchImage, what: Literal["begun", "ended"]) -> None:
        if self.attempts is not None:
            getattr(self.attempts, what)(image.name)

    def _compress_with_map(self, image: BatchImage) -> Compressed | Exception:
        try:
            self._note(image, "begun")
            if image.packed_map is None:  # none is needed, or the image cannot be decoded, which raises again here
                return self._encoder.compress(image.source)
            picture = self._encoder.load(image.source)
            passed = self._encoder.passed(picture)
            return passed or self._encoder.encode(picture, unpack_map(image.packed_map, picture))
        except Exception as error:
            if isinstance(error, CONFIGURATION_ERRORS):
                raise
            return error
        finally:
            self._note(image, "ended")

    def _save_result(self, image: BatchImage, result: Compressed | Exception) -> ResultRow:
        """Writes the file where there is an output folder, and returns the image's row."""
        try:
            if isinstance(result, Exception):
                raise result
            if self._output is None:
                return make_row(image, "encoded", result=result, jpeg=result.jpeg)
            sources = [image.source] if isinstance(image.source, str) else []
            self._output.write(image.path, result.jpeg, sources)
            return make_row(image, "written", result=result, done=self._digest(image))
        except Exception as error:
            return make_row(image, "failed", error=error)


class Attempts(Protocol):
    """Notes of a cluster which images are worked on; it outlives the workers."""

    def begun(self, name: str) -> None:
        """Notes that an image is worked on."""

    def ended(self, name: str) -> None:
        """Notes that it is done, and forgets what was lost before."""

    def lost(self, name: str) -> int:
        """Returns how often work on an image began and never ended."""


def check_outputs(names: Iterable[object]) -> None:
    """Checks that no two images of a whole table get the same output file; the workers see one part each.

    Of a Dask or Spark table the names alone are brought here::

        check_outputs(frame["name"].compute())
        check_outputs(row.name for row in frame.select("name").toLocalIterator())

    Args:
        names: of all images. What is no name of a file fails alone, later.

    Raises:
        PlanError: two would get the same file, or one image is listed twice.
    """
    seen: dict[bytes, object] = {}
    for name in names:
        digest = digest_output(name)
        if digest in seen:
            raise PlanError(f"{seen[digest]} and {name} would both become {_output_path(name)}; rename one of them")
        if digest is not None:
            seen[digest] = name


def digest_output(name: object) -> bytes | None:
    """Returns a digest of the output file of an image, 16 bytes; ``None`` for what is no name of a file."""
    try:
        path = _output_path(name)
    except InputError:
        return None
    return hashlib.blake2b(path.encode(errors="surrogatepass"), digest_size=16).digest()


def output_name(name: str) -> str:
    """Returns the file of an image, a path below the output folder, as :func:`saliency_jpeg.io.jpeg_name` does.

    ``a/b.png`` becomes ``a/b.jpg``, ``a/b.JPG`` stays, and ``v1.5`` becomes ``v1.5.jpg``.
    """
    return str(jpeg_name(PurePosixPath(name)))


def _output_path(name: object) -> str:
    """Returns the output file of an image, a path below the output folder."""
    return _check_path(output_name(_check_name(name)))


def _check_name(name: object) -> str:
    """Returns a name as a string; integers are allowed."""
    if (
        isinstance(name, str | int | np.integer)
        and not isinstance(name, bool)
        and str(name).rstrip("/") == str(name)
        and PurePosixPath(str(name)).name  # which "" and "." have not
    ):
        return str(name)
    raise _name_error(name)


def _check_path(path: str) -> str:
    """Returns a path in its shortest form, checked not to leave the folder it is relative to."""
    parsed = PurePosixPath(path)
    if "\0" in path or parsed.is_absolute() or ".." in parsed.parts or not parsed.parts:
        raise _name_error(path)
    return str(parsed)


def _name_error(name: object) -> InputError:
    return InputError(f"an image's name must be a relative path without '..', got {name!r}")


def _read_fingerprint(image: BatchImage, filesystem: Any = None) -> BatchImage:
    """Returns the image with size and fingerprint of its source; a pipe is read, since that can be done only once."""
    if is_remote(image.source):
        folder, name = remote_file(str(image.source), filesystem)
        found = folder.state(name)
        return image._replace(size=found[0] if found else 0, fingerprint=repr((name, found)))
    if isinstance(image.source, str) and not is_regular(image.source):
        image = image._replace(source=read_bytes(image.source))
    if isinstance(image.source, bytes | bytearray | memoryview):
        digest = hashlib.blake2b(image.source, digest_size=16).hexdigest()
        return image._replace(size=len(image.source), fingerprint=digest, source=bytes(image.source))
    if not isinstance(image.source, str):
        raise InputError(f"an image must be the bytes or the path of a file, got {type(image.source).__name__}")
    state = stamp(image.source)
    return image._replace(size=state[0] if state else 0, fingerprint=repr(state))
