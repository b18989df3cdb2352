"""Tables of pandas and pyarrow, and lists of dicts, as one: rows out, rows in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import InputError

__all__ = ["added", "arrow_schema", "formed", "records"]

_PANDAS: Final = {"string": "string", "binary": "object", "long": "int64", "double": "float64"}


def records(batch: Any, needed: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a batch.

    Raises:
        InputError: it is no table, or a column is missing.
    """
    rows: list[dict[str, Any]]
    if hasattr(batch, "to_pylist"):
        rows, columns = batch.to_pylist(), batch.schema.names
    elif _is_frame(batch):
        rows, columns = batch.to_dict("records"), list(batch.columns)
    elif isinstance(batch, Sequence) and all(isinstance(row, Mapping) for row in batch):
        rows, columns = list(batch), list(batch[0]) if batch else list(needed)
    else:
        raise InputError(f"a batch must be a table of pandas or pyarrow or a list of dicts, got {type(batch).__name__}")
    for name in needed:
        if name not in columns:
            raise InputError(f"there is no column {name!r} among {', '.join(map(str, columns))}")
    return rows


def formed(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, like: Any) -> Any:
    """Rows as a table of the same kind as another one, with these columns; types by their names in Spark."""
    if hasattr(like, "to_pylist"):
        return _arrow(rows, columns, like)
    if not _is_frame(like):
        return [{name: row[name] for name in columns} for row in rows]
    import pandas

    frame = pandas.DataFrame({name: pandas.Series([row[name] for row in rows], dtype=object) for name in columns})
    return frame.astype({name: _PANDAS[kind] for name, kind in columns.items()})


def _arrow(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], like: Any) -> Any:
    """A Table, or a RecordBatch where the other one is."""
    return type(like).from_pylist(list(rows), schema=arrow_schema(columns))


def arrow_schema(columns: Mapping[str, str]) -> Any:
    """A schema of pyarrow."""
    import pyarrow

    kinds = {
        "string": pyarrow.string(),
        "binary": pyarrow.binary(),
        "long": pyarrow.int64(),
        "double": pyarrow.float64(),
    }
    return pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])


def added(batch: Any, name: str, values: Sequence[bytes | None]) -> Any:
    """The batch with one column more."""
    if hasattr(batch, "to_pylist"):
        import pyarrow

        return batch.append_column(name, pyarrow.array(values, pyarrow.binary()))
    if _is_frame(batch):
        import pandas

        return batch.assign(**{name: pandas.Series(values, index=batch.index, dtype=object)})
    return [{**row, name: value} for row, value in zip(batch, values, strict=True)]


def _is_frame(batch: Any) -> bool:
    return hasattr(batch, "columns") and hasattr(batch, "to_dict")
