"""TensorFlow: a ``tf.data`` pipeline that writes JPEG files of at most 25 kB.

python examples/with_tensorflow.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf

from saliency_jpeg.integrations.tensorflow import encode_jpeg

PHOTO = Path(__file__).resolve().parents[1] / "tests" / "data" / "kodim07.png"


def main(folder: Path) -> None:
    photo = tf.io.decode_png(tf.io.read_file(str(PHOTO)), channels=3)
    variants = tf.data.Dataset.from_tensor_slices(tf.stack([photo, tf.image.flip_left_right(photo)]))
    files = variants.map(lambda image: encode_jpeg(image, target_kb=25), num_parallel_calls=2)
    for number, data in enumerate(files):
        path = folder / f"variant-{number}.jpg"
        tf.io.write_file(str(path), data)
        print(f"{path.name:14s}{path.stat().st_size:7d} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
