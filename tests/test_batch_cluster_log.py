"""The log of a cluster's batch: rows in, digests out, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from processes import needs

from saliency_jpeg.batch.cluster_log import ClusterLog, DigestSet, parse_digests
from saliency_jpeg.io import LocalFolder

ZERO, OTHER = "00" * 16, "ab" * 15 + "00"


def test_a_set_of_digests_knows_its_members() -> None:
    known = [f"{i:030x}{i % 3:02x}" for i in range(300)] + ["0" * 32]  # many end in zeros, which NumPy drops
    done = DigestSet(np.sort(parse_digests(known[::2])))
    assert len(done) == 151
    assert [digest in done for digest in known] == [i % 2 == 0 for i in range(301)]
    assert known[0] not in DigestSet(parse_digests([]))


def test_rows_are_written_and_their_digests_read_back(tmp_path: Path) -> None:
    needs("pyarrow")
    import pyarrow

    schema = pyarrow.schema([("name", pyarrow.string()), ("done", pyarrow.string())])
    folder = tmp_path / "log.parquet"
    assert len(ClusterLog(LocalFolder(folder), schema).done()) == 0
    log = ClusterLog(LocalFolder(folder), schema)
    log.flush()
    assert not folder.exists()  # nothing to write
    log.add([{"name": "b", "done": OTHER}, {"name": "bad", "done": None}])
    assert not folder.exists()  # few rows wait
    log.flush()
    log.add([{"name": "a", "done": ZERO}])
    log.flush()
    (folder / "part-0.parquet").write_bytes(b"cut off")
    assert len(list(folder.iterdir())) == 3
    assert ClusterLog(LocalFolder(folder), schema).done().tolist() == [b"", bytes.fromhex(OTHER).rstrip(b"\0")]
