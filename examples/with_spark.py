"""Spark: a data frame of images; a worker encodes each partition.

python examples/with_spark.py [FOLDER]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from saliency_jpeg.integrations.batch import SPARK_SCHEMA, BatchCompressor, check_outputs

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python needs this package
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    rows = [("shelf/a", PHOTO.read_bytes()), ("shelf/b", PHOTO.read_bytes()), ("broken", b"no image")]
    images = spark.createDataFrame(rows, "name string, bytes binary").repartition(2)
    check_outputs(row.name for row in images.select("name").toLocalIterator())  # each worker sees its own rows only

    compress = BatchCompressor(folder / "smaller", target_kb=25, saliency=[(400, 150, 700, 450)])
    log = images.mapInPandas(lambda batches: map(compress, batches), SPARK_SCHEMA)
    log.write.mode("append").parquet(str(folder / "log.parquet"))  # the images are encoded as this is written

    for row in spark.read.parquet(str(folder / "log.parquet")).sort("name").collect():
        print(f"{row['name']:10s}{row['bytes_out']:7d} bytes, {row['status']}")
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
