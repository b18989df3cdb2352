"""The log of a batch on a cluster: a folder of Parquet files that tells which images are done."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..io import Folder

__all__ = ["ClusterLog", "DigestSet", "Digests", "parse_digests"]

_ROWS_PER_FILE: Final = 10_000
_SECONDS_PER_FILE: Final = 10.0
_DIGEST_BYTES: Final = 16
_DIGEST_COLUMN: Final = "done"
_DIGEST: Final = re.compile(f"[0-9a-f]{{{2 * _DIGEST_BYTES}}}")

Digests = NDArray[np.bytes_]


class DigestSet:
    """A set of digests in one sorted array of 16 bytes each, which the workers of a machine can share.

    Args:
        sorted_digests: as :meth:`ClusterLog.done` returns them.
    """

    def __init__(self, sorted_digests: Digests) -> None:
        self._digests = sorted_digests

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, digest: object) -> bool:
        wanted = np.bytes_(bytes.fromhex(str(digest)).rstrip(b"\0"))  # NumPy strips trailing zeros too
        place = int(np.searchsorted(self._digests, wanted))
        return place < len(self._digests) and bool(self._digests[place] == wanted)


class ClusterLog:
    """Collects rows and appends them to a folder of Parquet files, each of which is written atomically.

    File names sort in the order of writing; if an image has several rows, the last one holds. Rows that were not yet
    written when a run is killed are missing: the next run encodes those images again, to the same bytes.

    Args:
        folder: holds the Parquet files; created with the first one, on a disk or in a store.
        schema: ``pyarrow.Schema`` of the rows; the string column ``done`` holds a digest in hexadecimal or null.
    """

    def __init__(self, folder: Folder, schema: Any) -> None:
        self._folder, self._schema = folder, schema
        self._rows: list[Mapping[str, Any]] = []
        self._written = time.monotonic()
        self._is_swept = False

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows, and writes a file every 10,000 rows or 10 seconds.

        Raises:
            OSError: the log cannot be written.
        """
        self._rows += rows
        if len(self._rows) >= _ROWS_PER_FILE or time.monotonic() - self._written >= _SECONDS_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Writes the rows that are not yet written.

        Raises:
            OSError: the log cannot be written.
        """
        self._written = time.monotonic()
        if not self._rows:
            return
        import pyarrow
        from pyarrow import parquet

        file = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema), file)
        if not self._is_swept:
            self._folder.sweep()
            self._is_swept = True
        name = f"part-{time.time_ns():020d}-{secrets.token_hex(4)}.parquet"
        self._folder.write(name, file.getvalue().to_pybytes())
        self._rows = []

    def done(self) -> Digests:
        """Returns the digests of all rows, sorted; what cannot be read or is no digest is skipped."""
        import pyarrow
        from pyarrow import parquet

        parts = []
        for name in self._folder.names():
            if not name.endswith(".parquet"):
                continue
            try:
                file = pyarrow.BufferReader(self._folder.read(name))
                column = parquet.read_table(file, columns=[_DIGEST_COLUMN])[_DIGEST_COLUMN]
            except (OSError, KeyError, pyarrow.ArrowException):
                continue
            parts.append(parse_digests(filter(_is_digest, column.to_pylist())))
        return np.sort(np.concatenate(parts)) if parts else parse_digests([])


def parse_digests(hexadecimal: Iterable[str]) -> Digests:
    """Returns digests in hexadecimal as an array of 16-byte strings, (n,)."""
    return np.frombuffer(bytes.fromhex("".join(hexadecimal)), f"S{_DIGEST_BYTES}")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
