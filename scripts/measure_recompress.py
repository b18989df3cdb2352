"""What recompress() keeps of a picture that was a JPEG file before, against decoding and compressing it anew.

For photographs saved by Pillow at a few qualities, at fractions of the size that the same levels take: SSIMULACRA2
against the pristine photograph, at equal size, of

- ``pixels``: ``compress()`` of the decoded pixels (with the same chroma sampling),
- ``new tables``: ``recompress()`` with tables as for any picture,
- ``own tables``: with the file's own tables, only the levels decided anew,
- ``recompress``: as it is: own steps where the wanted ones are less than 1.5 times as large.

    python scripts/measure_recompress.py kodak/kodim01.png kodak/kodim05.png
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from saliency_jpeg import Options, compress, recompress
from saliency_jpeg.codec.parameters import KEEP_TABLE_BELOW
from saliency_jpeg.metadata.jpeg_source import JpegSource
from saliency_jpeg.metadata.refresh import Pixels
from saliency_jpeg.metrics.ssimulacra2 import ssimulacra2
from saliency_jpeg.recompression.recompress import recompress_source

QUALITIES: Final = (80, 90, 95)
FRACTIONS: Final = (0.95, 0.85, 0.75, 0.6, 0.45, 0.3)
KEPT: Final = {"new tables": 0.0, "own tables": 1e9, "recompress": KEEP_TABLE_BELOW}
WAYS: Final = ("pixels", *KEPT)


def decoded(jpeg: bytes) -> Pixels:
    """The pixels as RGB."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))


def saved(pixels: Pixels, quality: int) -> bytes:
    """The file that Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def made(source: bytes, way: str, kilobytes: float) -> bytes:
    """A file of at most this size."""
    if way == "pixels":
        return compress(decoded(source), target_kb=kilobytes, saliency=None, subsampling="4:2:0")
    options = Options(target_kb=kilobytes, saliency=None)
    return recompress_source(JpegSource(source), options, keep_below=KEPT[way])


def main() -> None:
    """Prints a line for each quality and fraction: means over the photographs, and the worst filling of a target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="+", type=Path)
    scores: dict[tuple[int, float], list[list[float]]] = defaultdict(list)
    fills: dict[tuple[int, float], list[float]] = defaultdict(list)
    saving: dict[int, list[float]] = defaultdict(list)
    for path in parser.parse_args().photographs:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        for quality in QUALITIES:
            source = saved(pixels, quality)
            size = len(recompress(source))
            saving[quality].append(100 * (1 - size / len(source)))
            for fraction in FRACTIONS:
                target = fraction * size / 1000
                files = [made(source, way, target) for way in WAYS]
                scores[quality, fraction].append([ssimulacra2(pixels, decoded(file)) for file in files])
                fills[quality, fraction].append(len(files[-1]) / (1000 * target))
    print("saved at, of the size", *WAYS, "worst fill of recompress", sep=" | ")
    for (quality, fraction), rows in scores.items():
        means = " | ".join(f"{mean:.2f}" for mean in np.mean(rows, axis=0))
        print(f"{quality}, {fraction} | {means} | {min(fills[quality, fraction]):.3f}")
    for quality, saved_bytes in saving.items():
        print(f"without loss, saved at {quality}: {np.mean(saved_bytes):.1f} % fewer bytes")


if __name__ == "__main__":
    main()
