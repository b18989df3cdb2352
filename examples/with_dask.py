"""Dask: a data frame of images; a worker encodes each partition.

python examples/with_dask.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import dask.dataframe
import pandas

from saliency_jpeg.integrations.batch import BatchCompressor, check_outputs

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    rows = [("shelf/a", str(PHOTO)), ("shelf/b", str(PHOTO)), ("broken", __file__)]
    images = dask.dataframe.from_pandas(pandas.DataFrame(rows, columns=["name", "path"]), npartitions=2)
    check_outputs(images["name"].compute())  # each worker sees its own partitions only

    compress = BatchCompressor(folder / "smaller", data="path", target_kb=25, saliency=[(400, 150, 700, 450)])
    log = images.map_partitions(compress, meta=compress.empty())
    log.to_parquet(folder / "log.parquet")  # the images are encoded as this is written

    for row in dask.dataframe.read_parquet(folder / "log.parquet").compute().to_dict("records"):
        print(f"{row['name']:10s}{row['bytes_out']:7d} bytes, {row['status']}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
