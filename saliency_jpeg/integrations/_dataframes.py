"""Reads and builds tables of three kinds in one way: pandas DataFrames, pyarrow Tables, and lists of dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, Literal, TypeAlias

from ..errors import InputError

__all__ = ["ColumnType", "append_column", "arrow_schema", "build_table", "read_rows"]

ColumnType: TypeAlias = Literal["string", "binary", "long", "double"]  # Spark's names

_PANDAS_TYPES: Final[Mapping[ColumnType, str]] = {
    "string": "string",
    "binary": "object",
    "long": "int64",
    "double": "float64",
}


def read_rows(batch: Any, required: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the rows of a table as dicts.

    Args:
        batch: a pandas DataFrame, a pyarrow Table or RecordBatch, or a list of dicts.
        required: names of columns that must be there; a dict may lack some of them.

    Raises:
        InputError: ``batch`` is no table, or a column is missing.
    """
    rows: list[dict[str, Any]]
    if _is_arrow(batch):
        rows, columns = batch.to_pylist(), batch.schema.names
    elif _is_dataframe(batch):
        rows, columns = batch.to_dict("records"), list(batch.columns)
    elif isinstance(batch, Sequence) and all(isinstance(row, Mapping) for row in batch):
        rows, columns = list(batch), list(dict.fromkeys(chain.from_iterable(batch))) if batch else list(required)
    else:
        raise InputError(f"a batch must be a pandas or pyarrow table or a list of dicts, got {type(batch).__name__}")
    for name in required:
        if name not in columns:
            raise InputError(f"the batch has no column {name!r}, got columns {', '.join(map(str, columns))}")
    return rows


def build_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, ColumnType], *, like: Any) -> Any:
    """Returns rows as a table of the same kind as another.

    Args:
        rows: dicts that have at least the names in ``columns``.
        columns: names and types of the columns.
        like: the table whose kind is copied: pandas, pyarrow or a list of dicts. The first two hold UTF-8 alone: what
            is none of a name becomes an escape sequence.
    """
    if not (_is_arrow(like) or _is_dataframe(like)):
        return [{name: row[name] for name in columns} for row in rows]
    values = {name: [_as_utf8(row[name]) for row in rows] for name in columns}
    if _is_arrow(like):
        return type(like).from_pydict(values, schema=arrow_schema(columns))
    import pandas

    frame = pandas.DataFrame({name: pandas.Series(column, dtype=object) for name, column in values.items()})
    return frame.astype({name: _PANDAS_TYPES[kind] for name, kind in columns.items()})


def arrow_schema(columns: Mapping[str, ColumnType]) -> Any:
    """Returns the ``pyarrow.Schema`` for columns with these types."""
    import pyarrow

    kinds = {
        "string": pyarrow.string(),
        "binary": pyarrow.binary(),
        "long": pyarrow.int64(),
        "double": pyarrow.float64(),
    }
    return pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])


def append_column(batch: Any, name: str, values: Sequence[bytes | None]) -> Any:
    """Returns a copy of a table with a binary column appended.

    Args:
        batch: a table as for :func:`read_rows`.
        name: of the new column.
        values: one for each row.
    """
    if _is_arrow(batch):
        import pyarrow

        return batch.append_column(name, pyarrow.array(values, pyarrow.binary()))
    if _is_dataframe(batch):
        import pandas

        return batch.assign(**{name: pandas.Series(values, index=batch.index, dtype=object)})
    return [{**row, name: value} for row, value in zip(batch, values, strict=True)]


def _as_utf8(value: Any) -> Any:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _is_arrow(batch: Any) -> bool:
    return hasattr(batch, "to_pylist")


def _is_dataframe(batch: Any) -> bool:
    return hasattr(batch, "columns") and hasattr(batch, "to_dict")
