"""Ray: a Parquet table, on all processors and GPUs of a cluster; here of the local machine.

python examples/with_ray.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow
import ray
from pyarrow import parquet

from saliency_jpeg.integrations.ray import compress

BOXES = [(400, 150, 700, 450)]
PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    table = folder / "images.parquet"
    keys = ["shelf/a", "shelf/b", "broken"]
    parquet.write_table(pyarrow.table({"key": keys, "image": [PHOTO.read_bytes()] * 2 + [b"no image"]}), table)

    ray.init(address="local", num_cpus=2, object_store_memory=80_000_000, include_dashboard=False)  # "auto": a cluster
    counts = compress(str(table), folder / "smaller", columns=("key", "image"), target_kb=25, saliency=BOXES)
    print(counts)  # another run would skip what is written
    for row in parquet.read_table(folder / "smaller" / "log.parquet").sort_by("name").to_pylist():
        print(f"{row['name']:10s}{row['bytes_out']:7d} bytes {row['error'] or ''}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
