"""Whether images of a table that Ray reads would get the same output file, asked of all its blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batch.plan import PlanError
from ._compat import missing_dependency
from .batch import digest_output, output_name

try:
    import pyarrow
except ImportError as error:
    raise missing_dependency("Ray") from error

__all__ = ["check_unique_outputs"]


def check_unique_outputs(names: Any, column: str, num_cpus: float) -> None:
    """Checks that no two images get the same output file. The driver receives 16 bytes for each name.

    Args:
        names: a dataset of Ray.
        column: in which the names of the images are.
        num_cpus: that each of its tasks takes.

    Raises:
        PlanError: two images would.
    """
    settings: dict[str, Any] = {"batch_format": "pyarrow", "num_cpus": num_cpus}
    tables = names.map_batches(_digest_outputs, fn_args=(column,), **settings)
    batches = tables.iter_batches(batch_size=None, batch_format="pyarrow")
    parts = [b"".join(batch["digest"].drop_null().to_pylist()) for batch in batches]
    ordered = np.sort(np.frombuffer(b"".join(parts), "S16"))
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(repeated):
        clashing = names.map_batches(_select_digest, fn_args=(column, bytes(repeated[0])), **settings).take(2)
        first, second = (str(row[column]) for row in clashing)
        raise PlanError(f"{first} and {second} would both become {output_name(first)}; rename one of them")


def _digest_outputs(names: Any, column: str) -> Any:
    """Returns the digests of the output files' names, 16 bytes each; null for what is no name, and fails alone."""
    return pyarrow.table({"digest": pyarrow.array(map(digest_output, names[column].to_pylist()), pyarrow.binary())})


def _select_digest(names: Any, column: str, digest: bytes) -> Any:
    """Returns the rows with one digest, which NumPy has stripped of trailing zeros."""
    digests = [digest_output(name) for name in names[column].to_pylist()]
    matches = [each is not None and each.rstrip(b"\0") == digest for each in digests]
    return names.filter(pyarrow.array(matches, pyarrow.bool_()))
