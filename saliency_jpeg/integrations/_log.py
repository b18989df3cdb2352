"""The log of a cluster's work: a folder of Parquet files, and which images it says are done."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..io import write
from ._dataframes import arrow_schema
from .batch import COLUMNS

__all__ = ["Done", "Log", "digests"]

_ROWS: Final = 10_000
_SECONDS: Final = 10.0
_WIDTH: Final = 16  # bytes of a digest

Digests = NDArray[np.bytes_]


class Done:
    """A set of digests: 16 bytes for each in one sorted array, which the workers of a machine can share."""

    def __init__(self, sorted_digests: Digests) -> None:
        self._digests = sorted_digests

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, digest: object) -> bool:
        wanted = np.bytes_(bytes.fromhex(str(digest)).rstrip(b"\0"))  # as NumPy has them; all were of one length
        place = int(np.searchsorted(self._digests, wanted))
        return place < len(self._digests) and bool(self._digests[place] == wanted)


class Log:
    """Rows of :class:`.batch.BatchCompressor`, in files of which each is written whole or not at all.

    The files follow one another by name as they did in time; of several rows on one image the last counts. What was not
    written yet when a run is killed is done once more by the next, and becomes the same file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[Mapping[str, Any]] = []
        self._written = time.monotonic()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Takes rows down.

        Raises:
            OSError: the log cannot be written.
        """
        self._rows += rows
        if len(self._rows) >= _ROWS or time.monotonic() - self._written >= _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what is not written yet."""
        self._written = time.monotonic()
        if not self._rows:
            return
        import pyarrow
        from pyarrow import parquet

        file = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.Table.from_pylist(self._rows, schema=arrow_schema(COLUMNS)), file)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"part-{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
        write(str(self._folder / name), file.getvalue())
        self._rows = []

    def done(self) -> Digests:
        """The ``done`` of all rows, sorted; files that cannot be read are passed over."""
        import pyarrow
        from pyarrow import parquet

        parts = []
        for path in sorted(self._folder.glob("*.parquet")):
            try:
                column = parquet.read_table(path, columns=["done"])["done"]
            except (OSError, KeyError, pyarrow.ArrowException):
                continue
            parts.append(digests(column.drop_null().to_pylist()))
        return np.sort(np.concatenate(parts)) if parts else digests([])


def digests(hexadecimal: Iterable[str]) -> Digests:
    """An array of digests."""
    return np.frombuffer(bytes.fromhex("".join(hexadecimal)), f"S{_WIDTH}")
